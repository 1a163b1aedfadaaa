"""Answers that are errors: a status and a body → a leaf of the error tree.

A body is a `google.rpc.Status`, `{"error": {code, message, status, details}}`, at times the only item of a list. A bad
key is a 400 whose details say API_KEY_INVALID; when to come back lies in the details, too (`google.rpc.RetryInfo`).
https://ai.google.dev/gemini-api/docs/troubleshooting, read 2026-11-25.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from llmgateway_server import errors
from llmgateway_server.dialects.failures import Told, bad_response, clamp, leaf_of, plain_text, redact, retry_after_s
from llmgateway_server.dialects.reading import Json, decode, items, mapping, text

KEY_REASONS = frozenset({"API_KEY_INVALID", "API_KEY_EXPIRED", "API_KEY_SERVICE_BLOCKED", "ACCESS_TOKEN_EXPIRED"})
# What a key may not see is refused as if the key were wrong, though it is the caller's choice of file that is.
HIDDEN = re.compile(r"\b(?:file|cached ?content|tuned ?model|corpus)\b.*\bnot (?:exist|found)\b", re.IGNORECASE)
# The HTTP status of each canonical code, for errors inside a 200.
STATUS_BY_WORD = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "OUT_OF_RANGE": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "RESOURCE_EXHAUSTED": 429,
    "UNAVAILABLE": 503,
}


def decode_error(provider: str, status: int, headers: Mapping[str, str], body: bytes) -> errors.CallError:
    """Return what a non-2xx answer means. Never raises."""
    try:
        raw = decode(body) if body else None
    except ValueError:
        raw = None
    detail = error_detail(raw)
    message = text(detail.get("message")) or text(mapping(raw).get("error")) or plain_text(headers, body)
    return error_of(provider, status, detail, message, retry_after_s(headers))


def stream_error(provider: str, raw: object) -> errors.CallError:
    """Return the leaf for an error object inside a 200."""
    detail = error_detail(raw)
    code = detail.get("code")
    status = code if isinstance(code, int) and 400 <= code < 600 else 0
    status = status or STATUS_BY_WORD.get(text(detail.get("status")), 500)
    message = text(detail.get("message")) or text(mapping(raw).get("error"))
    return error_of(provider, status, detail, message, None)


def error_of(provider: str, status: int, detail: Json, message: str, header_retry_s: float | None) -> errors.CallError:
    """Return the leaf for a status and what an error body says."""
    details = [mapping(item) for item in items(detail.get("details"))]
    retry_s = next((wait for item in details if (wait := retry_delay_s(item)) is not None), header_retry_s)
    told = Told(
        message,
        text(detail.get("status")),
        retry_s,
        is_key_rejected=any(text(item.get("reason")) in KEY_REASONS for item in details),
    )
    if status == 403 and not told.is_key_rejected and HIDDEN.search(message):
        return errors.ProviderRejectedRequest(
            f"{provider} answered 403: {redact(message)}",
            metadata={"provider": provider, "httpStatus": "403"},
            provider_message=redact(message),
            http_status=403,
        )
    return leaf_of(provider, status, told)


def error_detail(raw: object) -> Json:
    """Return the object that describes an error, wherever a body holds it."""
    if isinstance(raw, list) and raw:
        raw = raw[0]
    body = mapping(raw)
    inner = body.get("error")
    return inner if isinstance(inner, dict) else body


def retry_delay_s(item: Json) -> float | None:
    """Return a `RetryInfo`'s delay, a JSON duration such as `34.4s`; None for any other detail."""
    delay = text(item.get("retryDelay"))
    if not delay.endswith("s"):
        return None
    try:
        return clamp(float(delay[:-1]))
    except ValueError:
        return None


def holds_error(raw: object) -> bool:
    """Whether the JSON of a 200 is an error all the same."""
    if isinstance(raw, list):
        return bool(raw) and isinstance(raw[0], dict) and bool(raw[0].get("error"))
    return isinstance(raw, dict) and bool(raw.get("error"))


def decode_object(provider: str, body: bytes) -> Json:
    """Return the object of a 200; raise where it is none, or an error in disguise."""
    try:
        raw = decode(body)
    except ValueError:
        raw = None
    if holds_error(raw):
        raise stream_error(provider, raw)
    if not isinstance(raw, dict):
        raise bad_response(provider, "it is no JSON object")
    return raw
