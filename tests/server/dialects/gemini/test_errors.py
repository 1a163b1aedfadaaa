"""What Google's errors mean: a status and a body → a leaf, with when to come back, and without anything secret."""

from __future__ import annotations

import json
from typing import Any

import pytest
from llmgateway_server import errors
from llmgateway_server.dialects.gemini.codec import GeminiCodec
from llmgateway_server.dialects.gemini.quirks import Quirks

CODEC = GeminiCodec("google", Quirks())
INFO = "type.googleapis.com/google.rpc.ErrorInfo"
RETRY = "type.googleapis.com/google.rpc.RetryInfo"


def body(message: str, status: str = "", *details: dict[str, Any], code: int = 400) -> bytes:
    return json.dumps({"error": {"code": code, "message": message, "status": status, "details": details}}).encode()


BAD_KEY = body("API key not valid.", "INVALID_ARGUMENT", {"@type": INFO, "reason": "API_KEY_INVALID"})
TOO_LONG = "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)."
NO_MODEL = "models/gemini-9 is not found for API version v1beta, or is not supported for generateContent."
NO_FILE = "You do not have permission to access the File abc or it may not exist."
NO_CACHE = "CachedContent not found (or permission denied)"
NO_PUBLISHED = "Publisher Model `projects/p/locations/l/publishers/google/models/x` not found."

# https://ai.google.dev/gemini-api/docs/troubleshooting, read 2026-11-25
ERRORS: list[tuple[int, bytes, type[errors.CallError]]] = [
    (400, body("Invalid value at 'contents'", "INVALID_ARGUMENT"), errors.ProviderRejectedRequest),
    (400, body("User location is not supported for the API use.", "FAILED_PRECONDITION"), errors.ProviderRejectedRequest),
    (400, BAD_KEY, errors.ProviderKeyRejected),
    (400, b"[" + BAD_KEY + b"]", errors.ProviderKeyRejected),
    (400, body(TOO_LONG, "INVALID_ARGUMENT"), errors.ContextTooLong),
    (401, body("Request had invalid authentication credentials.", "UNAUTHENTICATED"), errors.ProviderKeyRejected),
    (403, body("Method doesn't allow unregistered callers.", "PERMISSION_DENIED"), errors.ProviderKeyRejected),
    (403, body(NO_FILE, "PERMISSION_DENIED"), errors.ProviderRejectedRequest),
    (403, body(NO_CACHE, "PERMISSION_DENIED"), errors.ProviderRejectedRequest),
    (404, body(NO_MODEL, "NOT_FOUND"), errors.ModelNotFound),
    (404, body(NO_PUBLISHED, "NOT_FOUND"), errors.ModelNotFound),
    (404, body("Requested entity was not found.", "NOT_FOUND"), errors.ProviderRejectedRequest),
    (429, body("Quota exceeded.", "RESOURCE_EXHAUSTED"), errors.ProviderRateLimited),
    (500, body("An internal error has occurred.", "INTERNAL"), errors.ProviderBadResponse),
    (503, body("The model is overloaded.", "UNAVAILABLE"), errors.ProviderOverloaded),
    (504, body("Deadline expired.", "DEADLINE_EXCEEDED"), errors.ProviderBadResponse),
    (502, b"<html>Bad Gateway</html>", errors.ProviderBadResponse),
    (429, b"", errors.ProviderRateLimited),
    (400, b'{"error": "plain"}', errors.ProviderRejectedRequest),
    (400, b"[]", errors.ProviderRejectedRequest),
    (400, b"plain", errors.ProviderRejectedRequest),
]  # fmt: skip


@pytest.mark.parametrize(("status", "raw", "leaf"), ERRORS)
def test_an_error_is_its_leaf(status: int, raw: bytes, leaf: type[errors.CallError]) -> None:
    error = CODEC.decode_error(status, {}, raw)
    assert type(error) is leaf
    assert error.http_status == status
    assert error.metadata["provider"] == "google"


@pytest.mark.parametrize(
    ("details", "headers", "seconds"),
    [
        ([{"@type": RETRY, "retryDelay": "34.4s"}], {}, 34.4),
        ([{"@type": INFO}, {"@type": RETRY, "retryDelay": "0s"}], {"retry-after": "9"}, 0.0),
        ([{"@type": RETRY, "retryDelay": "99999s"}], {}, 300.0),
        ([{"@type": RETRY, "retryDelay": "soon"}], {"retry-after": "9"}, 9.0),
        ([{"@type": RETRY, "retryDelay": 5}], {}, None),
        ([], {"retry-after": "9"}, 9.0),
        ([], {}, None),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_when_to_come_back_lies_in_the_details(
    status: int, details: list[dict[str, Any]], headers: dict[str, str], seconds: float | None
) -> None:
    error = CODEC.decode_error(status, headers, body("Later.", "RESOURCE_EXHAUSTED", *details))
    assert error.retry_after_s == seconds


def test_a_message_is_kept_without_the_key_in_it() -> None:
    error = CODEC.decode_error(
        400, {}, body("API key AIzaSyA1234567890abcdefghijklmnopqrstuv is bad.", "INVALID_ARGUMENT")
    )
    assert error.provider_message == "API key *** is bad."


def test_a_plain_error_says_what_it_says() -> None:
    assert CODEC.decode_error(400, {}, b'{"error": "plain"}').provider_message == "plain"
    assert CODEC.decode_error(400, {"content-type": "text/plain"}, b"quite plain").provider_message == "quite plain"
