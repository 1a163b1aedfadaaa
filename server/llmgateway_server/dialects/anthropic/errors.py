"""Answers that are errors: a status and a body → a leaf of the error tree.

The shape is `{"type": "error", "error": {type, message}, "request_id"}`, in a stream as well (Anthropic's API
reference, "Errors", read 2026-11-25).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from llmgateway_server import errors
from llmgateway_server.dialects.failures import CONTEXT_WORDS, Told, leaf_of, plain_text, retry_after_s
from llmgateway_server.dialects.reading import decode, mapping, text

STATUS_BY_TYPE = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}
# Beyond what other providers say: the limit of input and output together.
LIMIT_WORDS = re.compile(r"exceed context limit", re.IGNORECASE)
FILTER_WORDS = re.compile(r"content filtering policy", re.IGNORECASE)
BILLING_WORDS = re.compile(r"credit balance is too low", re.IGNORECASE)


def decode_error(provider: str, status: int, headers: Mapping[str, str], body: bytes) -> errors.CallError:
    """Return what a non-2xx answer means. Never raises."""
    try:
        raw = decode(body) if body else None
    except ValueError:
        raw = None
    code, message = read_error(raw)
    return error_of(provider, status, code, message or plain_text(headers, body), retry_after_s(headers))


def stream_error(provider: str, raw: Mapping[str, Any]) -> errors.CallError:
    """Return the leaf for an error inside a 200: its type stands for the status."""
    code, message = read_error(raw)
    status = STATUS_BY_TYPE.get(code, 500)
    if status == 500 and (CONTEXT_WORDS.search(message) or FILTER_WORDS.search(message)):
        status = 400
    return error_of(provider, status, code, message, None)


def read_error(raw: object) -> tuple[str, str]:
    """Return the type and the message of an error; empty what it does not say."""
    body = mapping(raw)
    inner = body.get("error")
    if isinstance(inner, str):
        return "", text(inner)
    detail = inner if isinstance(inner, dict) else body
    code = text(detail.get("type"))
    return "" if code == "error" else code, text(detail.get("message"))


def error_of(provider: str, status: int, code: str, message: str, retry_s: float | None) -> errors.CallError:
    """Return the leaf for a status and what the error says."""
    is_limit = status < 500 and LIMIT_WORDS.search(message) is not None
    told = Told(
        message,
        code,
        retry_s,
        is_filtered=FILTER_WORDS.search(message) is not None,
        is_context_too_long=is_limit,
        is_model_unknown=code == "not_found_error" and message.startswith("model:"),
        is_credit_spent=code == "billing_error" or (status < 500 and BILLING_WORDS.search(message) is not None),
    )
    return leaf_of(provider, status, told)
