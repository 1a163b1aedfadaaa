"""Answers that are errors, by status, type and words."""

from __future__ import annotations

import json

import pytest
from llmgateway_server import errors
from llmgateway_server.dialects.anthropic.errors import stream_error

from tests.server.dialects.anthropic.reading import CODEC

FILTERED = "Output blocked by content filtering policy"
TOO_LONG = "prompt is too long: 3333404 tokens > 200000 maximum"
OVER_LIMIT = "input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000, decrease input length"
NO_CREDIT = "Your credit balance is too low to access the Anthropic API."

# (status, type, message, leaf)
ERRORS: list[tuple[int, str, str, type[errors.CallError]]] = [
    (400, "invalid_request_error", "max_tokens: Field required", errors.ProviderRejectedRequest),
    (400, "invalid_request_error", TOO_LONG, errors.ContextTooLong),
    (400, "invalid_request_error", OVER_LIMIT, errors.ContextTooLong),
    (400, "invalid_request_error", FILTERED, errors.ContentFiltered),
    (400, "invalid_request_error", NO_CREDIT, errors.ProviderKeyRejected),
    (401, "authentication_error", "invalid x-api-key", errors.ProviderKeyRejected),
    (402, "billing_error", "Check your payment details.", errors.ProviderKeyRejected),
    (403, "permission_error", "Your API key may not use this.", errors.ProviderKeyRejected),
    (404, "not_found_error", "model: claude-sonet-4-5", errors.ModelNotFound),
    (404, "not_found_error", "File not found: file_1", errors.ProviderRejectedRequest),
    (413, "request_too_large", "Request exceeds the maximum size", errors.ProviderRejectedRequest),
    (429, "rate_limit_error", "This would exceed your rate limit.", errors.ProviderRateLimited),
    (500, "api_error", "Internal server error", errors.ProviderBadResponse),
    (504, "timeout_error", "The request timed out.", errors.ProviderBadResponse),
    (503, "api_error", "Unavailable", errors.ProviderOverloaded),
    (529, "overloaded_error", "Overloaded", errors.ProviderOverloaded),
    (418, "teapot_error", "Short and stout", errors.ProviderRejectedRequest),
]


def body(kind: str, message: str) -> bytes:
    return json.dumps({"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}).encode()


@pytest.mark.parametrize(("status", "kind", "message", "leaf"), ERRORS)
def test_an_error_is_a_leaf(status: int, kind: str, message: str, leaf: type[errors.CallError]) -> None:
    error = CODEC.decode_error(status, {}, body(kind, message))
    assert type(error) is leaf
    assert (error.http_status, error.provider_message) == (status, message)
    assert error.metadata["provider"] == "anthropic"


@pytest.mark.parametrize(("status", "kind", "message", "leaf"), ERRORS)
def test_an_error_in_a_stream_is_the_same_leaf(
    status: int, kind: str, message: str, leaf: type[errors.CallError]
) -> None:
    if status in (418, 503):  # only their status told them apart
        leaf = errors.ProviderBadResponse
    assert type(stream_error("anthropic", json.loads(body(kind, message)))) is leaf


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [({"retry-after": "17"}, 17.0), ({"retry-after-ms": "250"}, 0.25), ({"retry-after": "99999"}, 300.0), ({}, None)],
)
def test_a_limit_says_when_to_come_back(headers: dict[str, str], wait_s: float | None) -> None:
    assert CODEC.decode_error(429, headers, body("rate_limit_error", "Slow down.")).retry_after_s == wait_s
    assert CODEC.decode_error(529, headers, body("overloaded_error", "Overloaded")).retry_after_s == wait_s


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", ""),
        (b"upstream connect error", "upstream connect error"),
        (b"<html><body>Bad gateway</body></html>", ""),
        (b'{"error":"nope"}', "nope"),
        (b'{"message":"nope"}', "nope"),
        (b'{"error":{"message":["nope"]}}', ""),
        (b"[1]", ""),
        (b"{broken", ""),
        (b"\xff\xfe", "\ufffd\ufffd"),
    ],
)
def test_a_body_of_another_shape_is_read_as_far_as_it_goes(raw: bytes, message: str) -> None:
    error = CODEC.decode_error(502, {}, raw)
    assert type(error) is errors.ProviderBadResponse
    assert error.provider_message == message


def test_a_key_in_a_message_is_masked() -> None:
    error = CODEC.decode_error(400, {}, body("invalid_request_error", "bad key sk-ant-api03-abcdefgh12345678"))
    assert "abcdefgh" not in error.message + error.provider_message
