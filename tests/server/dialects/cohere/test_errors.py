"""Answers that are errors: status and body → leaf."""

from __future__ import annotations

import pytest
from llmgateway_server import errors
from llmgateway_server.dialects.cohere.codec import CohereCodec
from llmgateway_server.dialects.cohere.quirks import Quirks

CODEC = CohereCodec("cohere", Quirks())

ERRORS: list[tuple[int, str, type[errors.CallError]]] = [
    (400, '{"id":"x","message":"invalid request: list of documents must not be empty"}', errors.ProviderRejectedRequest),
    (400, '{"message":"too many tokens: size limit exceeded by 9 tokens."}', errors.ContextTooLong),
    (400, '{"error_type":"TOO_MANY_TOKENS","message":"too long"}', errors.ContextTooLong),
    (401, '{"message":"invalid api token"}', errors.ProviderKeyRejected),
    (403, '{"message":"forbidden"}', errors.ProviderKeyRejected),
    (404, '{"message":"model \'command-r\' was removed on September 15, 2025."}', errors.ModelNotFound),
    (404, "404 page not found", errors.ProviderRejectedRequest),
    (422, '{"message":"invalid type: parameter temperature is of type string"}', errors.ProviderRejectedRequest),
    (422, '{"data":{"message":"nested"}}', errors.ProviderRejectedRequest),
    (429, '{"message":"You are using a Trial key, which is limited to 20 calls a minute"}', errors.ProviderRateLimited),
    (498, '{"message":"blocked input: please remove it"}', errors.ContentFiltered),
    (499, '{"message":"request cancelled by user"}', errors.ProviderBadResponse),
    (499, "", errors.ProviderBadResponse),
    (500, '{"message":"internal server error"}', errors.ProviderBadResponse),
    (501, '{"message":"not implemented"}', errors.ProviderBadResponse),
    (503, '{"message":"unavailable"}', errors.ProviderOverloaded),
    (504, "", errors.ProviderBadResponse),
    (400, "[1]", errors.ProviderRejectedRequest),
    (502, "<html>Bad gateway</html>", errors.ProviderBadResponse),
]  # fmt: skip


@pytest.mark.parametrize(("status", "body", "leaf"), ERRORS)
def test_a_status_and_a_body_are_a_leaf(status: int, body: str, leaf: type[errors.CallError]) -> None:
    error = CODEC.decode_error(status, {}, body.encode())
    assert type(error) is leaf
    assert error.http_status == status
    assert error.metadata["provider"] == "cohere"


def test_the_providers_words_are_kept_without_a_key_and_a_retry_is_told() -> None:
    error = CODEC.decode_error(429, {"retry-after": "7"}, b'{"message":"slow down, Bearer abcdef"}')
    assert (error.provider_message, error.retry_after_s) == ("slow down, ***", 7.0)
    error = CODEC.decode_error(499, {}, b'{"message":"cancelled, Bearer abcdef"}')
    assert "abcdef" not in error.message + error.provider_message
