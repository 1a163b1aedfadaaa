"""Which targets may serve a request at all, whatever their health: what the caller may use, data policy, preferences,
price, abilities and context. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec
from llmgateway.v1 import explain_pb2, generation_pb2

from llmgateway_server import errors, tokens
from llmgateway_server.catalog.prices import Price
from llmgateway_server.routing.capabilities import find_missing
from llmgateway_server.routing.profile import Profile
from llmgateway_server.routing.routes import Choice

Exclusion = explain_pb2.TargetOutcome.Exclusion
Outcome = explain_pb2.TargetOutcome
DROP = generation_pb2.UNSUPPORTED_POLICY_DROP
# Tags that must all be there, by name and value: one name may stand there with two values, which nothing can meet.
Tags = tuple[tuple[str, str], ...]
NO_TAGS: Tags = ()
UNSPECIFIED = generation_pb2.UNSUPPORTED_POLICY_UNSPECIFIED
# An estimate of tokens may be too high by half, and by more in scripts of three bytes a character.
SURELY_TOO_LONG = 3


class LeftOut(msgspec.Struct, frozen=True):
    """A target that is not tried, and why.

    `error` is what a call gets to which no other target is left. `until_s` is when one that is left alone may be tried
    again, by a monotonic clock; `is_resting` says that its provider asked for it.
    """

    choice: Choice
    exclusion: Exclusion.ValueType
    description: str
    error: errors.CallError | None = None
    until_s: float | None = None
    is_resting: bool = False


class Sieve:
    """Holds one request against choices.

    `require` are the tags that a target must have. `may_use` says whether the caller may use a target by its own name;
    None where it may use whatever stands on the route.
    """

    def __init__(
        self,
        request: object,
        require: Tags,
        may_use: Callable[[str], bool] | None,
        *,
        drops: bool | None,
    ) -> None:
        self._generation = request if isinstance(request, generation_pb2.GenerateRequest) else None
        self._require = require
        self._may_use = may_use
        self._drops = drops
        generation = self._generation
        has_preferences = generation is not None and generation.HasField("routing")
        self._preferences = generation.routing if generation is not None and has_preferences else None

    def lets_all_pass(self, choices: Sequence[Choice]) -> bool:
        """Whether there is nothing to hold against any of them: no filter, and none that lacks anything."""
        if self._may_use is not None or self._require or self._preferences is not None:
            return False
        for choice in choices:
            if choice.profile.lacks:
                return self._generation is None
        return True

    def is_hidden(self, choice: Choice) -> bool:
        """Whether the caller may not even know of a choice."""
        return self._may_use is not None and not self._may_use(choice.target.id)

    def leave_out(self, choice: Choice) -> LeftOut | None:
        """Return why a choice cannot serve the request; None if it can."""
        profile = choice.profile
        if self._require and (lacking := lacking_tag(profile, self._require)):
            return LeftOut(choice, Outcome.EXCLUSION_TAG, f"It lacks the tag {lacking}.")
        if self._preferences is not None and (left_out := self._by_preference(choice)) is not None:
            return left_out
        if self._generation is None or not profile.lacks:
            return None
        drops = drops_for(self._generation.unsupported_policy, self._drops, profile)
        refusal = find_missing(self._generation, profile.target, profile.lacks, drops=drops)
        if refusal is None:
            return None
        description = f"It does not take {refusal.metadata['capability']}."
        return LeftOut(choice, Outcome.EXCLUSION_CAPABILITY, description, refusal)

    def is_surely_too_long(self, choice: Choice) -> bool:
        """Whether the request is far longer than what a choice is known to read, however tokens are counted."""
        context, request = choice.profile.context_token_count, self._generation
        if not context or request is None or request.ByteSize() < context:
            return False
        return tokens.estimate_generation(request) > SURELY_TOO_LONG * context

    def _by_preference(self, choice: Choice) -> LeftOut | None:
        preferences = self._preferences
        if preferences is None:
            return None
        provider = choice.target.provider
        if preferences.allowed_providers and provider not in preferences.allowed_providers:
            return LeftOut(choice, Outcome.EXCLUSION_PREFERENCE, "routing.allowed_providers leaves it out.")
        if provider in preferences.denied_providers:
            return LeftOut(choice, Outcome.EXCLUSION_PREFERENCE, "routing.denied_providers names it.")
        if preferences.HasField("max_price") and (dear := too_dear(choice.profile, preferences.max_price)):
            return LeftOut(choice, Outcome.EXCLUSION_PRICE, dear)
        return None


def drops_for(policy: generation_pb2.UnsupportedPolicy.ValueType, route_drops: bool | None, profile: Profile) -> bool:
    """Whether what a target cannot do is left out: as the request says, else its route, else its provider."""
    if policy != UNSPECIFIED:
        return policy == DROP
    return profile.drops if route_drops is None else route_drops


def both(some: Tags, others: Mapping[str, str] | Tags) -> Tags:
    """Return the tags of both. Who requires more never overrides what another requires: both must be met."""
    if not others:
        return some
    return (*some, *(others.items() if isinstance(others, Mapping) else others))


def lacking_tag(profile: Profile, require: Tags) -> str:
    """Return a required tag that a target lacks, as `name=value`; empty where it has them all."""
    for name, value in require:
        if profile.tags.get(name) != value:
            return f"{name}={value}"
    return ""


def too_dear(profile: Profile, most: generation_pb2.MaxPrice) -> str:
    """Say which price is above the request's own limit, or unknown; empty where none is."""
    for kind in ("input", "output"):
        field = f"{kind}_usd_nanos_per_million"
        if not most.HasField(field):  # type: ignore[arg-type]  # one of two names
            continue
        price = first_price(profile, kind)
        if price is None:
            return f"Its price for {kind} is unknown, and routing.max_price bounds it."
        if price.usd_nanos_per_million > getattr(most, field):
            return f"Its price for {kind} is above routing.max_price.{field}."
    return ""


def first_price(profile: Profile, kind: str) -> Price | None:
    """Return what a kind of token costs there from the start; None where that is unknown."""
    for price in profile.prices:
        if price.token_kind == kind and not price.above_input_token_count:
            return price
    return None
