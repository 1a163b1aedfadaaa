"""Answers that are errors: status and body → leaf."""

from __future__ import annotations

import pytest
from llmgateway_server import errors
from llmgateway_server.dialects.ollama.codec import OllamaCodec
from llmgateway_server.dialects.ollama.quirks import Quirks

CODEC = OllamaCodec("ollama", Quirks())

ERRORS: list[tuple[int, str, type[errors.CallError]]] = [
    (404, '{"error":"model \'llama9\' not found"}', errors.ModelNotFound),
    (404, '{"error":"model \\"llama9\\" not found, try pulling it first"}', errors.ModelNotFound),
    (404, "404 page not found", errors.ProviderRejectedRequest),
    (400, '{"error":"\\"gemma\\" does not support tools"}', errors.ProviderRejectedRequest),
    (400, '{"error":"\\"gemma\\" does not support thinking"}', errors.ProviderRejectedRequest),
    (400, '{"error":"invalid think value: \\"huge\\""}', errors.ProviderRejectedRequest),
    (400, '{"error":"the input length exceeds the context length"}', errors.ContextTooLong),
    (
        400,
        '{"error":{"message":"prompt too long; exceeded max context length by 9 tokens (ref: x)"}}',
        errors.ContextTooLong,
    ),
    (401, '{"error":"unauthorized"}', errors.ProviderKeyRejected),
    (403, '{"error":"this model requires a subscription"}', errors.ProviderKeyRejected),
    (429, '{"error":"too many requests"}', errors.ProviderRateLimited),
    (500, '{"error":"model runner has unexpectedly stopped"}', errors.ProviderBadResponse),
    (502, '{"error":"upstream error"}', errors.ProviderBadResponse),
    (503, '{"error":"server busy, please try again.  maximum pending requests exceeded"}', errors.ProviderOverloaded),
    (503, "<html>Busy</html>", errors.ProviderOverloaded),
    (418, "", errors.ProviderRejectedRequest),
    (400, "[1]", errors.ProviderRejectedRequest),
]


@pytest.mark.parametrize(("status", "body", "leaf"), ERRORS)
def test_a_status_and_a_body_are_a_leaf(status: int, body: str, leaf: type[errors.CallError]) -> None:
    error = CODEC.decode_error(status, {}, body.encode())
    assert type(error) is leaf
    assert error.http_status == status
    assert error.metadata["provider"] == "ollama"


def test_the_providers_words_are_kept_and_a_retry_is_told() -> None:
    error = CODEC.decode_error(503, {"retry-after": "7"}, b'{"error":"server busy"}')
    assert (error.provider_message, error.retry_after_s) == ("server busy", 7.0)
