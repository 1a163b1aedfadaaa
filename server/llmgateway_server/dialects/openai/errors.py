"""Answers that are errors: a status and a body → a leaf of the error tree.

Body shapes: OpenAI's `{"error": {message, type, param, code}}`, Azure's with `innererror`, Mistral's
`{"detail": …}` and `{"object": "error", "message": …}`, also one within the other, lists, plain text, HTML; DeepSeek
sends JSON as application/octet-stream.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from llmgateway_server import errors
from llmgateway_server.dialects.failures import CONTEXT_WORDS, Told, leaf_of, plain_text, retry_after_s
from llmgateway_server.dialects.reading import compact, decode, items, mapping, text

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
# OpenAI's 429 for an account without credit: waiting is no use.
CREDIT_CODE = "insufficient_quota"
MODEL_CODES = frozenset({"model_not_found", "invalid_model", "DeploymentNotFound"})
# OpenRouter has no code for it.
MODEL_WORDS = re.compile(r"is not a valid model ID|No endpoints found for \S+/\S+\.$")


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
    """Return the leaf for a status and what an error body says. Mistral's codes are numbers, its types words."""
    words = error_words(detail)
    code = next(filter(None, words), "")
    told = Told(
        message,
        code,
        retry_s,
        is_filtered=is_filtered(detail, code),
        is_context_too_long="context_length_exceeded" in words,
        is_model_unknown=not MODEL_CODES.isdisjoint(words) or MODEL_WORDS.search(message) is not None,
        is_credit_spent=CREDIT_CODE in words,
    )
    return leaf_of(provider, status, told)


def stream_error(provider: str, raw: Mapping[str, Any]) -> errors.CallError:
    """Return the leaf for an error object inside a 200. Its code may be an HTTP status; it may also say nothing."""
    detail = error_detail(raw)
    message = detail_message(detail, raw)
    for word in (
        detail.get("code"),
        detail.get("status"),
        detail.get("status_code"),
        detail.get("raw_status_code"),
        raw.get("code"),
        raw.get("status"),
    ):
        status = int(word) if isinstance(word, str) and word.isdecimal() else word  # some write it as text
        if isinstance(status, int) and 400 <= status < 600:
            return error_of(provider, status, detail, message, None)
    code = " ".join(error_words(detail)).lower()
    for status, known in WORDS_BY_STATUS.items():
        if any(word in code for word in known):
            return error_of(provider, status, detail, message, None)
    if is_filtered(detail, text(detail.get("code"))) or CONTEXT_WORDS.search(message):
        return error_of(provider, 400, detail, message, None)
    return error_of(provider, 500, detail, message, None)


def error_words(detail: Mapping[str, Any]) -> list[str]:
    """Return the words for what went wrong: a code, a type, and the type that OpenRouter has beside its status."""
    return [
        text(detail.get("code")), text(detail.get("type")), text(mapping(detail.get("metadata")).get("error_type")),
    ]  # fmt: skip


def check_choice(provider: str, choice: Mapping[str, Any]) -> None:
    """Raise where a choice is an error: it says so itself, or its finish reason is `error` (Mistral, OpenRouter)."""
    if choice.get("error"):
        raise stream_error(provider, choice)
    if choice.get("finish_reason") == "error":
        raise stream_error(provider, {"message": "the answer ended in an error"})


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
            # OpenRouter says only that a provider failed, and quotes it beside.
            quoted = text(mapping(detail.get("metadata")).get("raw"))
            return f"{text(value)}: {quoted}" if quoted else text(value)
        if isinstance(value, dict | list) and value and value is not detail:
            return described(value)
    return ""


def described(value: dict[str, Any] | list[Any]) -> str:
    """Return what an object or the first of several says, and of which member of the request."""
    first = mapping(items(value)[0] if isinstance(value, list) else value)
    inner = first.get("detail")
    if isinstance(inner, list) and inner:
        return described(inner)
    said = text(first.get("msg")) or text(first.get("message"))
    place = ".".join([str(name) for name in items(first.get("loc"))])
    return (f"{place}: {said}" if place else said) if said else compact(value)


def is_filtered(detail: Mapping[str, Any], code: str) -> bool:
    """Whether a content filter spoke: the provider's, Azure's beside it, or OpenRouter's moderation of the input."""
    inner, metadata = mapping(detail.get("innererror")), mapping(detail.get("metadata"))
    return code in FILTER_CODES or text(inner.get("code")) in FILTER_CODES or "flagged_input" in metadata
