"""Answers that are errors: a status and a body → a leaf of the error tree.

Body shapes: OpenAI's `{"error": {message, type, param, code}}`, Azure's with `innererror`, Mistral's
`{"detail": …}` and `{"object": "error", "message": …}`, lists, plain text, HTML; DeepSeek sends JSON as
application/octet-stream. Status rules are those of the providers' error pages, read 2026-11-25.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from llmgateway_server import errors
from llmgateway_server.dialects.openai.reading import compact, decode, items, mapping, text

MAX_PROVIDER_MESSAGE_BYTES = 512
MAX_RETRY_AFTER_S = 300.0

# Keys, bearer tokens and anything as long and as mixed as one. A provider's 401 often quotes the key it was sent.
SECRET = re.compile(
    r"(?i:bearer\s+)\S+|\b(?:sk|pk|rk|gsk|xai|hf|nvapi|key|llmgw|fw|csk|pplx|r8)[-_][\w*.-]{4,}|\b(?=[\w-]*\d)(?=[\w-]*[A-Za-z])[\w-]{32,}"
)
# Whose own fault is known only from the text, since these vendors send no code for it.
CONTEXT_WORDS = re.compile(
    r"context[ _](?:length|window|size)|maximum context|too many (?:input )?tokens|prompt is too long|input is too long"
    r"|exceeds? (?:the )?(?:maximum|model'?s|available)[^.]{0,40}(?:context|tokens)"
    r"|reduce the length of the (?:messages|prompt)",
    re.IGNORECASE,
)
FILTER_CODES = frozenset(
    {"content_filter", "content_policy_violation", "moderation_blocked", "ResponsibleAIPolicyViolation"}
)
# What an error inside a 200 means, by the words of its code or type, where it holds no status.
WORDS_BY_STATUS = {
    429: ("rate_limit", "insufficient_quota"),
    503: ("overloaded", "unavailable"),
    401: ("authentication", "invalid_api_key"),
    400: ("context_length", "invalid_request"),
}
MODEL_CODES = frozenset({"model_not_found", "invalid_model", "DeploymentNotFound"})


def decode_error(provider: str, status: int, headers: Mapping[str, str], body: bytes) -> errors.CallError:
    """Return what a non-2xx answer means. Never raises."""
    try:
        raw = decode(body) if body else None
    except ValueError:
        raw = None
    detail = error_detail(raw)
    message = detail_message(detail, raw) or plain_text(headers, body)
    return error_of(provider, status, detail, message, retry_after_s(headers))


def error_of(
    provider: str, status: int, detail: Mapping[str, Any], message: str, retry_s: float | None
) -> errors.CallError:
    """Return the leaf for a status and what an error body says."""
    said = redact(message)
    code = text(detail.get("code")) or text(detail.get("type"))
    shown = f"{provider} answered {status}" + (f": {said}" if said else ".")
    about: dict[str, Any] = {
        "metadata": {"provider": provider, "httpStatus": str(status)},
        "provider_message": said,
        "http_status": status,
    }
    if status in (401, 403):
        return errors.ProviderKeyRejected(
            f"{provider} refused the gateway's key ({status}). Check the provider's api_keys.", **about
        )
    if status == 429:
        return errors.ProviderRateLimited(f"{shown} Try again later.", retry_after_s=retry_s, **about)
    if status in (503, 529):
        return errors.ProviderOverloaded(f"{shown} Try again later.", retry_after_s=retry_s, **about)
    if status < 400 or status >= 500 or status == 408:
        return errors.ProviderBadResponse(shown, retry_after_s=retry_s, **about)
    if is_filtered(detail, code):
        about["metadata"]["category"] = code or "content_filter"
        return errors.ContentFiltered(shown, **about)
    if code == "context_length_exceeded" or (status in (400, 413, 422) and CONTEXT_WORDS.search(message)):
        return errors.ContextTooLong(f"{shown} Shorten the input, or name a model with a larger context.", **about)
    if code in MODEL_CODES or (status == 404 and "model" in message.lower()):
        return errors.ModelNotFound(shown, **about)
    return errors.ProviderRejectedRequest(shown, **about)


def stream_error(provider: str, raw: Mapping[str, Any]) -> errors.CallError:
    """Return the leaf for an error object inside a 200. Its code may be an HTTP status; it may also say nothing."""
    detail = error_detail(raw)
    message = detail_message(detail, raw)
    for word in (
        detail.get("code"),
        detail.get("status"),
        detail.get("status_code"),
        raw.get("code"),
        raw.get("status"),
    ):
        status = int(word) if isinstance(word, str) and word.isdecimal() else word  # some write it as text
        if isinstance(status, int) and 400 <= status < 600:
            return error_of(provider, status, detail, message, None)
    code = f"{text(detail.get('code'))} {text(detail.get('type'))}".lower()
    for status, known in WORDS_BY_STATUS.items():
        if any(word in code for word in known):
            return error_of(provider, status, detail, message, None)
    if is_filtered(detail, text(detail.get("code"))) or CONTEXT_WORDS.search(message):
        return error_of(provider, 400, detail, message, None)
    return error_of(provider, 500, detail, message, None)


def error_detail(raw: object) -> Mapping[str, Any]:
    """Return the object that describes an error, wherever a body holds it."""
    if isinstance(raw, list) and raw:
        raw = raw[0]
    body = mapping(raw)
    inner = body.get("error")
    if isinstance(inner, dict):
        return inner
    return body


def detail_message(detail: Mapping[str, Any], raw: object) -> str:
    """Return what an error says, empty where it says nothing readable."""
    for value in (detail.get("message"), detail.get("detail"), mapping(raw).get("error"), mapping(raw).get("message")):
        if isinstance(value, str) and value:
            return text(value)
        if isinstance(value, dict | list) and value and value is not detail:
            first = mapping(items(value)[0]) if isinstance(value, list) and value else mapping(value)
            return text(first.get("msg")) or text(first.get("message")) or compact(value)
    return ""


def is_filtered(detail: Mapping[str, Any], code: str) -> bool:
    """Whether the provider's content filter spoke."""
    inner = mapping(detail.get("innererror"))
    return code in FILTER_CODES or text(inner.get("code")) in FILTER_CODES


def plain_text(headers: Mapping[str, str], body: bytes) -> str:
    """Return a body that is plain text; a page of HTML says nothing to a caller."""
    said = body[:2048].decode("utf-8", "replace").strip()
    if "html" in headers.get("content-type", "").lower() or said[:1] in ("<", "{", "["):
        return ""
    return " ".join(said.split())


def redact(message: str) -> str:
    """Return a provider's message, one line of at most 512 bytes, with anything like a key masked."""
    masked = SECRET.sub("***", " ".join(message.split()))
    return masked.encode("utf-8", "replace")[:MAX_PROVIDER_MESSAGE_BYTES].decode("utf-8", "ignore")


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Return when to come back, 0 to 300 s; None where the answer does not say.

    A date is read against the answer's own `date`: a codec has no clock.
    """
    milliseconds = headers.get("retry-after-ms", "")
    seconds = headers.get("retry-after", "").strip()
    try:
        if milliseconds:
            return clamp(float(milliseconds) / 1000)
        if not seconds:
            return None
        if seconds[0].isdigit():
            return clamp(float(seconds))
        until, now = parsedate_to_datetime(seconds), parsedate_to_datetime(headers.get("date", ""))
        return clamp((until - now).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return None


def clamp(seconds: float) -> float:
    """Return a wait that makes sense; what is no number waits not at all."""
    return min(max(seconds, 0.0), MAX_RETRY_AFTER_S) if seconds == seconds else 0.0  # NaN
