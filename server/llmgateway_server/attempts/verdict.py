"""What a failed attempt means: for the call, for its target, and for what is tried next. Pure.

The rows follow `failures.md`, U1 to U17: a provider's 5xx is worth a second try at the same place, a rate limit and a
refused key are not but with another key, and what is the request's own fault is nowhere tried again.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass

from llmgateway_server import errors
from llmgateway_server.errors import Reason


class Next(enum.Enum):
    """What is tried after a failure.

    SAME: the same target once more, then others. OTHER: other targets, then the same. KEY: another key of the same
    provider, then other targets. LARGER: targets that read more. UNFILTERED: those that a route names for it.
    SKIP: other targets, for this one could not even be asked. NONE: nothing.
    """

    SAME = enum.auto()
    OTHER = enum.auto()
    KEY = enum.auto()
    LARGER = enum.auto()
    UNFILTERED = enum.auto()
    SKIP = enum.auto()
    NONE = enum.auto()


class Health(enum.Enum):
    """What a failure says of a target: that it is ill, that it wants rest, that its key is refused, or nothing."""

    ILL = enum.auto()
    REST = enum.auto()
    KEY = enum.auto()
    NOTHING = enum.auto()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What follows from a failure. `is_repeatable` says that the same target may be tried again after a while."""

    next: Next
    health: Health
    is_repeatable: bool = False


FINAL = Verdict(Next.NONE, Health.NOTHING)
ILL = Verdict(Next.OTHER, Health.ILL, is_repeatable=True)
ILL_FOR_NOW = Verdict(Next.SAME, Health.ILL, is_repeatable=True)

VERDICTS: Mapping[int, Verdict] = {
    Reason.ERROR_REASON_CONTEXT_TOO_LONG: Verdict(Next.LARGER, Health.NOTHING),
    Reason.ERROR_REASON_CONTENT_FILTERED: Verdict(Next.UNFILTERED, Health.NOTHING),
    Reason.ERROR_REASON_CAPABILITY_MISSING: Verdict(Next.SKIP, Health.NOTHING),
    # A codec refuses what has no form in its own dialect; in another it may.
    Reason.ERROR_REASON_INVALID_FIELD: Verdict(Next.SKIP, Health.NOTHING),
    # Another target may cost less, or be priced, or have quotas of its own that are not used up.
    Reason.ERROR_REASON_QUOTA_EXCEEDED: Verdict(Next.SKIP, Health.NOTHING),
    Reason.ERROR_REASON_BUDGET_EXCEEDED: Verdict(Next.SKIP, Health.NOTHING),
    Reason.ERROR_REASON_PRICE_UNKNOWN: Verdict(Next.SKIP, Health.NOTHING),
    Reason.ERROR_REASON_MODEL_NOT_FOUND: Verdict(Next.OTHER, Health.NOTHING),
    Reason.ERROR_REASON_PROVIDER_RATE_LIMITED: Verdict(Next.KEY, Health.REST, is_repeatable=True),
    Reason.ERROR_REASON_PROVIDER_KEY_REJECTED: Verdict(Next.KEY, Health.KEY),
    Reason.ERROR_REASON_PROVIDER_OVERLOADED: ILL_FOR_NOW,
    Reason.ERROR_REASON_PROVIDER_UNREACHABLE: ILL,
    Reason.ERROR_REASON_PROVIDER_BAD_RESPONSE: ILL,
    Reason.ERROR_REASON_CONNECT_TIMEOUT: ILL,
    Reason.ERROR_REASON_FIRST_CONTENT_TIMEOUT: ILL,
    Reason.ERROR_REASON_EVENT_GAP_TIMEOUT: ILL,
    # An attempt's own timer: the call's deadline is judged before.
    Reason.ERROR_REASON_TOTAL_TIMEOUT: ILL,
}


def judge(error: errors.CallError) -> Verdict:
    """Return what follows from a failure before any content was sent."""
    verdict = VERDICTS.get(error.reason, FINAL)
    if verdict is ILL and 500 <= error.http_status < 600:
        return ILL_FOR_NOW
    return verdict


def is_request_s_fault(error: errors.CallError) -> bool:
    """Whether a failure is told as itself, whatever came before: trying again is no use anywhere."""
    return error.code == errors.Code.INVALID_ARGUMENT
