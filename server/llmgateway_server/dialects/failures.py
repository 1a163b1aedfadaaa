"""What dialects share about answers that are errors: statuses → leaves, redaction, when to come back.

Status rules are those of the providers' error pages, read 2026-11-25.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

from llmgateway_server import errors

MAX_PROVIDER_MESSAGE_BYTES = 512
MAX_RETRY_AFTER_S = 300.0
MAX_RATE_LIMITS = 12

# Keys, bearer tokens and anything as long and as mixed as one. A provider's 401 often quotes the key it was sent.
SECRET = re.compile(
    r"(?i:bearer\s+)\S+|\b(?:sk|pk|rk|gsk|xai|hf|nvapi|key|llmgw|fw|csk|pplx|r8)[-_][\w*.-]{4,}|\b(?=[\w-]*\d)(?=[\w-]*[A-Za-z])[\w-]{32,}"
)
# `x-ratelimit-remaining-tokens` of OpenAI and its like, `anthropic-ratelimit-requests-reset`, the IETF's `ratelimit`.
RATE_LIMIT = re.compile(r"(?:[a-z]+-)?ratelimit(?:-[a-z0-9-]{1,40})?")
LIMITED = ("requests", "tokens")
RESET_PIECE = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(ms|s|m|h|d|)")
RESET_UNITS_S = {"ms": 0.001, "s": 1.0, "": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
LIMIT_VALUE = re.compile(r"[!-~](?:[ -~]{0,62}[!-~])?")
# Whose own fault is known only from the text, since these vendors send no code for it.
CONTEXT_WORDS = re.compile(
    r"context[ _](?:length|window|size)|maximum context|too many (?:input )?tokens|prompt is too long|input is too long"
    r"|exceeds? (?:the )?(?:maximum|model'?s|available)[^.]{0,40}(?:context|tokens)"
    r"|reduce the length of the (?:messages|prompt)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Told:
    """What an error body says, once its dialect has read it. `code` is the provider's own word; it may be empty."""

    message: str = ""
    code: str = ""
    retry_after_s: float | None = None
    is_filtered: bool = False
    is_context_too_long: bool = False
    is_model_unknown: bool = False
    is_key_rejected: bool = False
    is_credit_spent: bool = False


def leaf_of(provider: str, status: int, told: Told) -> errors.CallError:
    """Return the leaf for a status and what the error body says."""
    said = redact(told.message)
    shown = f"{provider} answered {status}" + (f": {said}" if said else ".")
    about: dict[str, Any] = {
        "metadata": {"provider": provider, "httpStatus": str(status)},
        "provider_message": said,
        "http_status": status,
    }
    if status == 402 or told.is_credit_spent:
        return errors.ProviderKeyRejected(
            f"{provider} says that the gateway's account there has no credit left ({status}). Top it up.", **about
        )
    if status == 401 or (status == 403 and not told.is_filtered) or told.is_key_rejected:
        return errors.ProviderKeyRejected(
            f"{provider} refused the gateway's key ({status}). Check the provider's api_keys.", **about
        )
    if status == 429:
        return errors.ProviderRateLimited(f"{shown} Try again later.", retry_after_s=told.retry_after_s, **about)
    if status in (503, 529):
        return errors.ProviderOverloaded(f"{shown} Try again later.", retry_after_s=told.retry_after_s, **about)
    if status < 400 or status >= 500 or status == 408:
        return errors.ProviderBadResponse(shown, retry_after_s=told.retry_after_s, **about)
    if told.is_filtered:
        about["metadata"]["category"] = told.code or "content_filter"
        return errors.ContentFiltered(shown, **about)
    if told.is_context_too_long or (status in (400, 413, 422) and CONTEXT_WORDS.search(told.message)):
        return errors.ContextTooLong(f"{shown} Shorten the input, or name a model with a larger context.", **about)
    if told.is_model_unknown or (status == 404 and "model" in told.message.lower()):
        return errors.ModelNotFound(shown, **about)
    return errors.ProviderRejectedRequest(shown, **about)


def bad_response(provider: str, what: str, http_status: int = 200) -> errors.ProviderBadResponse:
    """Say what was wrong with an answer that is no error."""
    metadata = {"provider": provider, "httpStatus": str(http_status)}
    return errors.ProviderBadResponse(
        f"The answer of {provider} makes no sense: {what}.", metadata=metadata, http_status=http_status
    )


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


def rate_limits(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers that tell of a provider's limits, under their own names: at most 12 of 64 characters each."""
    named = {
        name: value for name, value in headers.items() if RATE_LIMIT.fullmatch(name) and LIMIT_VALUE.fullmatch(value)
    }
    return dict(list(named.items())[:MAX_RATE_LIMITS])


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Return when to come back, 0 to 300 s; None where the answer does not say.

    A date is read against the answer's own `date`: a codec has no clock.
    """
    milliseconds = headers.get("retry-after-ms", "")
    seconds = headers.get("retry-after", "").strip()
    try:
        if milliseconds and float(milliseconds) > 0:  # Azure says 0 ms beside 1 s.
            return clamp(float(milliseconds) / 1000)
        if not seconds:
            return None
        if seconds[0].isdigit():
            return clamp(float(seconds))
        until, now = parsedate_to_datetime(seconds), parsedate_to_datetime(headers.get("date", ""))
        return clamp((until - now).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return None


def spent_for_s(headers: Mapping[str, str]) -> float | None:
    """Return for how long a key's limit is used up by this answer; None where it is not, or not said.

    OpenAI and those who follow it write `6m0s` or `20ms` (guide "Rate limits"), others bare seconds, Anthropic a moment
    ("Rate limits", "Response headers"; both read 2026-12-01).
    """
    waits_s = [
        reset_s(headers.get(f"x-ratelimit-reset-{kind}", ""), headers)
        for kind in LIMITED
        if headers.get(f"x-ratelimit-remaining-{kind}") == "0"
    ]
    waits_s += [
        reset_s(headers.get(f"anthropic-ratelimit-{kind}-reset", ""), headers)
        for kind in LIMITED
        if headers.get(f"anthropic-ratelimit-{kind}-remaining") == "0"
    ]
    return max((wait_s for wait_s in waits_s if wait_s is not None), default=None)


def reset_s(reset: str, headers: Mapping[str, str]) -> float | None:
    """Return in how many seconds a limit is renewed; None where that cannot be read.

    A moment is read against the answer's own `date`: a codec has no clock.
    """
    pieces = RESET_PIECE.findall(reset)
    if pieces and "".join(number + unit for number, unit in pieces) == reset:
        return clamp(sum(float(number) * RESET_UNITS_S[unit] for number, unit in pieces))
    try:
        until, now = datetime.fromisoformat(reset), parsedate_to_datetime(headers.get("date", ""))
        return clamp((until - now).total_seconds())
    except (ValueError, TypeError):
        return None


def clamp(seconds: float) -> float:
    """Return a wait that makes sense; what is no number waits not at all."""
    return min(max(seconds, 0.0), MAX_RETRY_AFTER_S) if seconds == seconds else 0.0  # NaN
