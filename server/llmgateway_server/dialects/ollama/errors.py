"""Answers that are errors: a status and a body → a leaf of the error tree.

Body shapes: `{"error": "…"}` of the server, `{"error": {"message": …}}` of its cloud, plain text of a proxy. Inside a
stream the same object comes without a status, so its words have to tell (`server/routes.go`, `server/sched.go`,
read 2026-11-25).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from llmgateway_server import errors
from llmgateway_server.dialects.failures import CONTEXT_WORDS, Told, leaf_of, plain_text, retry_after_s
from llmgateway_server.dialects.reading import Json, decode, mapping, text

# What an error without a status means, by its words. The first that fits counts.
STATUS_WORDS: tuple[tuple[int, re.Pattern[str]], ...] = (
    (503, re.compile(r"busy|overloaded|try again|maximum pending requests", re.IGNORECASE)),
    (429, re.compile(r"rate limit|too many requests|usage limit", re.IGNORECASE)),
    (401, re.compile(r"unauthorized|unauthenticated", re.IGNORECASE)),
    (404, re.compile(r"model .*not found", re.IGNORECASE)),
    (400, re.compile(r"does not support|invalid|must be|unknown option", re.IGNORECASE)),
)


def decode_error(provider: str, status: int, headers: Mapping[str, str], body: bytes) -> errors.CallError:
    """Return what a non-2xx answer means. Never raises."""
    try:
        raw = mapping(decode(body)) if body else {}
    except ValueError:
        raw = {}
    message = error_message(raw) or plain_text(headers, body)
    return leaf_of(provider, status, Told(message, retry_after_s=retry_after_s(headers)))


def stream_error(provider: str, raw: Json) -> errors.CallError:
    """Return the leaf for an error inside a 200."""
    message = error_message(raw)
    status = raw.get("status_code") or raw.get("StatusCode") or mapping(raw.get("error")).get("code")
    if not (isinstance(status, int) and 400 <= status < 600):
        status = 400 if CONTEXT_WORDS.search(message) else 500
        if status == 500:
            status = next((known for known, words in STATUS_WORDS if words.search(message)), 500)
    return leaf_of(provider, status, Told(message))


def error_message(raw: Json) -> str:
    """Return what an error says, empty where it says nothing readable."""
    error = raw.get("error")
    return text(error) or text(mapping(error).get("message")) or text(raw.get("message"))
