"""Answers that are errors: a status and a body → a leaf of the error tree.

Cohere's API reference, "Errors", and its API description (read 2026-11-25): `{"message": …}`, sometimes with an
`error_type`; 498 is a request or an answer with a deny-listed token, 499 a request that was cancelled, which the
gateway never does on its caller's behalf before it has stopped to listen. An answer may also end in an error inside
a 200: its `finish_reason` is then `ERROR` or `TIMEOUT`.
"""

from __future__ import annotations

from collections.abc import Mapping

from llmgateway_server import errors
from llmgateway_server.dialects.failures import CONTEXT_WORDS, Told, leaf_of, plain_text, redact, retry_after_s
from llmgateway_server.dialects.reading import Json, compact, decode, mapping, text

BLOCKED_STATUS = 498
CANCELLED_STATUS = 499
# Words of `finish_reason` that are errors, and the status that each would have had.
FAILED_FINISHES = {"ERROR": 500, "TIMEOUT": 504}
CONTEXT_CODES = frozenset({"TOO_MANY_TOKENS"})


def decode_error(provider: str, status: int, headers: Mapping[str, str], body: bytes) -> errors.CallError:
    """Return what a non-2xx answer means. Never raises."""
    try:
        raw = mapping(decode(body)) if body else {}
    except ValueError:
        raw = {}
    message = error_message(raw) or plain_text(headers, body)
    if status == CANCELLED_STATUS:
        said = redact(message)
        return errors.ProviderBadResponse(
            f"{provider} broke off the request ({status}){': ' + said if said else '.'} Try again.",
            metadata={"provider": provider, "httpStatus": str(status)},
            provider_message=said,
            http_status=status,
        )
    code = text(raw.get("error_type"))
    told = Told(
        message,
        code,
        retry_after_s(headers),
        is_filtered=status == BLOCKED_STATUS,
        is_context_too_long=code in CONTEXT_CODES,
    )
    return leaf_of(provider, status, told)


def answer_error(provider: str, raw: Json, word: str = "ERROR") -> errors.CallError:
    """Return the leaf for an answer that ended in an error, or was one, inside a 200."""
    message = error_message(raw)
    code = text(raw.get("error_type"))
    status = FAILED_FINISHES.get(word, 500)
    if code in CONTEXT_CODES or CONTEXT_WORDS.search(message):
        status = 400
    told = Told(message or f"the answer ended with {word}", code, is_context_too_long=code in CONTEXT_CODES)
    return leaf_of(provider, status, told)


def error_message(raw: Json) -> str:
    """Return what an error says, empty where it says nothing readable."""
    for value in (raw.get("error"), raw.get("message"), raw.get("detail"), raw.get("data")):
        said = text(value) or text(mapping(value).get("message"))
        if said:
            return said
        if isinstance(value, list) and value:
            return compact(value)
    return ""
