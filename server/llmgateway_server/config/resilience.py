"""What an attempt may take, and what happens where it fails."""

from __future__ import annotations

from pydantic import Field

from llmgateway_server.config.section import PositiveDuration, Section


class TimeoutSettings(Section):
    """The timers of one attempt; all of them end with the call's deadline at the latest.

    `first_content` and `gap` bound streams only: a unary answer comes when the generation ends, and
    reasoning models are silent for minutes.
    """

    connect_s: PositiveDuration = Field(default=5.0, alias="connect")
    """From the dispatch to an open connection."""
    first_content_s: PositiveDuration = Field(default=60.0, alias="first_content")
    """From the dispatch of a stream to its first content."""
    gap_s: PositiveDuration = Field(default=60.0, alias="gap")
    """Between two events of a stream, once it has content."""
    total_s: PositiveDuration = Field(default=600.0, alias="total")
    """The whole attempt, and a call without a deadline of its own."""


class RetrySettings(Section):
    """How often a call is tried.

    `attempts` of the top level or of a route is the most tries of a call, over all its targets; `attempts` of a
    provider is the most tries at one of its targets.
    """

    attempts: int = Field(default=3, ge=1, le=10)
    budget: float = Field(default=0.1, ge=0, le=1)
    """Second tries at a target are at most this share of its calls, or 3 a second if that is more. 0: none."""


class BreakerSettings(Section):
    """When a target, or a key of its provider, is left alone for a while."""

    enabled: bool = True
    """If false, nothing is ever left alone: a rest that a provider asks for only orders it behind the others."""
    failures: int = Field(default=5, ge=1, le=1_000)
    """After so many failures in a row the circuit opens; also where half of at least 20 calls in 30 s failed."""
    probe_s: PositiveDuration = Field(default=30.0, alias="probe")
    """Each so often one call tries it again, to see whether it has recovered."""


class ResilienceSettings(Section):
    """Retries and circuits. A route's stand above a provider's, those above the general ones, each key by itself."""

    retry: RetrySettings = Field(default_factory=RetrySettings)
    breaker: BreakerSettings = Field(default_factory=BreakerSettings)


def over(own: ResilienceSettings | None, general: ResilienceSettings) -> ResilienceSettings:
    """Return the general settings with what `own` sets on top."""
    if own is None:
        return general
    return ResilienceSettings(
        retry=general.retry.model_copy(update=set_in(own.retry)),
        breaker=general.breaker.model_copy(update=set_in(own.breaker)),
    )


def timeouts_over(own: TimeoutSettings | None, general: TimeoutSettings) -> TimeoutSettings:
    """Return the general timers with what `own` sets on top."""
    return general if own is None else general.model_copy(update=set_in(own))


def set_in(section: Section) -> dict[str, object]:
    """Return what a section sets itself, by attribute."""
    return {name: getattr(section, name) for name in section.model_fields_set}
