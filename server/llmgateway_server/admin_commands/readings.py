"""Times and amounts as they are written on the command line. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

MAX_AMOUNT = 10**18
NANO_DECIMALS = 9
NANOS_PER_S = 10**9

_DOLLARS = re.compile(r"(-?)([0-9]{1,10})(?:\.([0-9]{1,9}))?")
_WHOLE = re.compile(r"[0-9]{1,19}")


@dataclass(frozen=True, slots=True)
class Moment:
    """A time, or one that lies a span from now. Both are nanoseconds."""

    time_ns: int = 0
    span_ns: int | None = None

    def before(self, now_ns: int) -> int:
        """Return the time, a span being one that is over."""
        return self.time_ns if self.span_ns is None else now_ns - self.span_ns

    def after(self, now_ns: int) -> int:
        """Return the time, a span being one to come."""
        return self.time_ns if self.span_ns is None else now_ns + self.span_ns


def read_moment(text: str) -> Moment:
    """Read `7d`, `2026-11-01` or `2026-11-01T12:00Z`; a time without a zone is UTC. Raise `ValueError`."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return Moment(span_ns=read_span_ns(text))
    since_epoch = time.replace(tzinfo=time.tzinfo or UTC) - datetime.fromtimestamp(0, UTC)
    seconds = since_epoch.days * 86_400 + since_epoch.seconds
    return Moment(seconds * NANOS_PER_S + since_epoch.microseconds * 1_000)


def read_span_ns(text: str) -> int:
    """Read a duration such as `90s`, `12h`, `7d`. Raise `ValueError`."""
    from llmgateway_server.config.units import parse_duration_s

    return round(parse_duration_s(text) * NANOS_PER_S)


def read_usd_nanos(text: str) -> int:
    """Read US dollars as 1e-9 dollars, without rounding. Raise `ValueError`."""
    match = _DOLLARS.fullmatch(text)
    usd_nanos = 0 if match is None else int(match[2] + (match[3] or "").ljust(NANO_DECIMALS, "0"))
    if match is None or usd_nanos > MAX_AMOUNT:
        raise ValueError("an amount is US dollars such as 0.50, up to 1000000000, with at most 9 decimals")
    return -usd_nanos if match[1] else usd_nanos


def read_limit(text: str, metric: str) -> int:
    """Read a quota's limit as its metric counts: dollars for `cost`, else a whole number. Raise `ValueError`."""
    if metric == "cost":
        usd_nanos = read_usd_nanos(text)
        if usd_nanos < 0:
            raise ValueError("a limit of cost is 0 or more US dollars")
        return usd_nanos
    if _WHOLE.fullmatch(text) is None or int(text) > MAX_AMOUNT:
        raise ValueError(f"a limit of {metric} is a whole number, such as 1000")
    return int(text)
