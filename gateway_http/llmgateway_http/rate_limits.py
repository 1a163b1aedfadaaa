"""What is left of limits, as headers like OpenAI's ("Rate limits", read 2026-12): `x-ratelimit-remaining-requests`."""

from __future__ import annotations

from collections.abc import Iterable

from llmgateway.v1 import call_pb2

RATES = ("second", "minute")
METRICS = ("requests", "tokens")


def limit_headers(limits: Iterable[call_pb2.RateLimit]) -> dict[str, str]:
    """Return the headers of an answer."""
    headers: dict[str, str] = {}
    for limit in limits:
        if limit.metric in METRICS:
            after_s = limit.reset_after.seconds + limit.reset_after.nanos / 1e9
            headers |= rate_headers(limit.metric, limit.limit, limit.remaining, after_s)
    return headers


def violation_headers(violations: Iterable[call_pb2.QuotaViolation], now_s: float) -> dict[str, str]:
    """Return the headers of a refusal: only rates have some."""
    headers: dict[str, str] = {}
    for broken in violations:
        if broken.metric in METRICS and broken.window in RATES:
            reset_s = broken.reset_time.seconds + broken.reset_time.nanos / 1e9
            left = max(broken.limit - broken.used, 0)
            headers |= rate_headers(broken.metric, broken.limit, left, max(reset_s - now_s, 0.0))
    return headers


def rate_headers(metric: str, limit: int, remaining: int, reset_s: float) -> dict[str, str]:
    """Return the three headers of one metric."""
    return {
        f"x-ratelimit-limit-{metric}": str(limit),
        f"x-ratelimit-remaining-{metric}": str(remaining),
        f"x-ratelimit-reset-{metric}": duration_text(reset_s),
    }


def duration_text(seconds: float) -> str:
    """Write a time as OpenAI does: `12ms`, `1.5s`, `6m0s`."""
    if seconds < 1:
        return f"{round(seconds * 1000)}ms"
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes)}m{round(rest)}s" if minutes else f"{round(rest, 3):g}s"


def describe_violation(broken: call_pb2.QuotaViolation) -> dict[str, object]:
    """Return a quota that refuses, as the body of an error shows it."""
    told: dict[str, object] = {
        "scope": broken.scope,
        "metric": broken.metric,
        "window": broken.window,
        "limit": broken.limit,
        "used": broken.used,
        "held": broken.held,
    }
    if broken.HasField("reset_time"):
        told["reset_time"] = broken.reset_time.ToJsonString()
    return told
