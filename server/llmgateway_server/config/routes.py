"""Routes: the names that callers use, their targets, and the rules that lead from one to another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from llmgateway_server.config.conditions import ConditionSettings, short_for
from llmgateway_server.config.resilience import ResilienceSettings, TimeoutSettings
from llmgateway_server.config.section import Section, Several

Strategy = Literal["priority", "weighted", "cheapest", "least_busy", "fastest"]


def read_tag(value: object) -> object:
    """Turn a switch or a number into the text that tags are compared by; what is neither is refused by its type."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else value


Tag = Annotated[str, BeforeValidator(read_tag), Field(min_length=1, max_length=128)]
Tags = Mapping[Annotated[str, Field(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9._-]{0,63}$")], Tag]


class TargetSettings(Section):
    """One target of a route."""

    model: str = Field(min_length=1)
    """As `provider/model`. A target without a weight is written as this text alone."""
    weight: int = Field(default=1, ge=1, le=1_000_000)
    """Its share of the calls, where the strategy is `weighted`."""


class RuleSettings(Section):
    """Where a call goes if its request is of some kind. The first rule of a route that holds decides."""

    when: Annotated[ConditionSettings, short_for("expression")]
    """What must all be true; or an expression of CEL, as text, with the extra `cel`."""
    route: str = Field(min_length=1)
    """A route, or `provider/model`."""
    require: Tags = Field(default_factory=dict)
    """Tags that a target must have for such a call. Where it cannot be told whether the rule holds, it is refused."""


class RouteSettings(Section):
    """A name that callers use as a model: either targets, or rules and `otherwise`.

    A name alone (`small: openai/gpt-4o-mini`) is a route that only leads there, as `otherwise` alone does.
    """

    strategy: Strategy = "priority"
    """How targets are ordered: as written, by weight, by price, by running calls, by time to the first content."""
    targets: Several[Annotated[TargetSettings, short_for("model")]] = ()
    fallback: Several[str] = ()
    """Models or routes to try in order once all targets have failed."""
    content_filter_fallback: Several[str] = ()
    """Models or routes to try where a provider's filter withheld the answer. If empty, that is final."""
    rules: Several[RuleSettings] = ()
    otherwise: str | None = Field(default=None, min_length=1)
    """Where a call goes if no rule holds: a route, or `provider/model`. Without rules: always."""
    require: Tags = Field(default_factory=dict)
    """Tags that a target must have, for example `{region: eu, zero_retention: true}`; others are left out."""
    timeouts: TimeoutSettings | None = None
    """The timers of each attempt of this route, above the provider's, each by itself."""
    resilience: ResilienceSettings | None = None
    unsupported_policy: Literal["refuse", "drop"] | None = None
    """What becomes of what a target cannot do, where the request does not say. If absent, as the provider says."""


# A route as it stands in a file: whole, or a name alone.
NamedRoute = Annotated[RouteSettings, short_for("otherwise")]
