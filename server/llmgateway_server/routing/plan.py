"""From a request to the targets that may answer it, in the order in which they are tried; and why not the others.

    name → route (rules) → who may serve it at all (eligibility) → order (strategy, preferences) → health → plan

Nothing here waits, sends or changes anything: a dry run is a run that nobody makes attempts for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from hashlib import blake2b

import msgspec
from llmgateway.v1 import explain_pb2, generation_pb2

from llmgateway_server.routing.ask import Ask, Clocks
from llmgateway_server.routing.capabilities import find_missing
from llmgateway_server.routing.costs import expected_output_token_count, rate_at
from llmgateway_server.routing.eligibility import (
    NO_TAGS,
    UNSPECIFIED,
    LeftOut,
    Outcome,
    Sieve,
    both,
    drops_for,
    lacking_tag,
)
from llmgateway_server.routing.facts import Facts
from llmgateway_server.routing.guide import Followed, Guide, Report
from llmgateway_server.routing.health import HealthBook, Standing, is_full
from llmgateway_server.routing.order import ORDERS, UNKNOWN_PRICE, ease_in
from llmgateway_server.routing.refusals import not_allowed, nothing_left
from llmgateway_server.routing.routes import Choice, Route, RouteTable
from llmgateway_server.routing.sparing import spare
from llmgateway_server.routing.sticky import StickyBook, Stuck, Thread, thread_of
from llmgateway_server.routing.target import Target


class Plan(msgspec.Struct):
    """What becomes of one call.

    `choices` are tried in order, `left_alone` are those that would be if they were healthy, `left_out` could not serve
    it at all. `content_filter` are for an answer that a provider's filter withheld. `forced` are choices that are tried
    although their circuits are open. `thread` is the call's place in its conversation, `stuck` where that went last;
    both None where it makes no difference. `policy` is what the request said at first of what a target cannot do,
    `drops` what the route says, None if nothing.
    """

    ask: Ask
    route: Route
    strategy: str
    choices: list[Choice]
    policy: generation_pb2.UnsupportedPolicy.ValueType = UNSPECIFIED
    drops: bool | None = None
    rules: Sequence[explain_pb2.RuleOutcome] = ()
    left_alone: list[LeftOut] = msgspec.field(default_factory=list)
    left_out: list[LeftOut] = msgspec.field(default_factory=list)
    content_filter: list[Choice] = msgspec.field(default_factory=list)
    forced: list[Choice] = msgspec.field(default_factory=list)
    thread: Thread | None = None
    stuck: Stuck | None = None

    def preferred_key(self, choice: Choice) -> int | None:
        """Return the key of a choice's provider that the conversation used last."""
        stuck = self.stuck
        return stuck.key_index if stuck is not None and stuck.target == choice.target else None


class Planner:
    """Makes plans. `report` is told of rules that could not be evaluated."""

    def __init__(
        self, table: RouteTable, health: HealthBook, sticky: StickyBook, clocks: Clocks, report: Report
    ) -> None:
        self._table = table
        self._health = health
        self._sticky = sticky
        self._clocks = clocks
        self._report = report

    def plan(self, ask: Ask) -> Plan:
        """Return the plan of a call. Raise `ModelNotFound`, `ModelNotAllowed` or `CapabilityMissing`."""
        route = self._table.find(ask.name)
        if route.is_direct and ask.is_plain and self._health.are_well((route.targets[0].target,)):
            return plan_directly(ask, route)
        plan = self.sift(ask)
        if not plan.choices and not plan.left_alone:
            raise nothing_left(ask, plan.route, plan.left_out)
        return plan

    def sift(self, ask: Ask) -> Plan:
        """Return a plan that may have no target left. Raise `ModelNotFound` or `ModelNotAllowed`."""
        preferences = ask.preferences
        guide = Guide(self._table, self.facts_of(ask), self._report)
        require = both(both(NO_TAGS, ask.principal.require), preferences.required_tags)
        followed = guide.follow(ask.name, require)
        strategy = preferences.sort or ask.sort or followed.route.strategy
        plan = Plan(ask, followed.route, strategy, [], ask.policy, followed.drops, guide.rules)
        ordered = self._candidates(plan, followed, guide, preferences)
        if not ordered and not plan.left_out:
            raise not_allowed(ask.principal, ask.name)
        self._spare(plan, ordered)
        if preferences.HasField("allow_fallback") and not preferences.allow_fallback:
            del plan.choices[1:], plan.content_filter[:]
        return plan

    def facts_of(self, ask: Ask) -> Facts:
        """Return what rules may know of a request."""
        return Facts(ask.request, ask.principal, self._clocks.now)

    def is_full(self, choice: Choice) -> bool:
        """Whether a call would have to wait for room at a target."""
        return is_full(self._health.of(choice.target).room)

    def _candidates(
        self, plan: Plan, followed: Followed, guide: Guide, preferences: generation_pb2.RoutingPreferences
    ) -> list[Choice]:
        """Return all that may serve the call, in order, whatever their health."""
        ask, route = plan.ask, followed.route
        may_use = None if ask.may_use(ask.name) else ask.may_use
        sieve = Sieve(ask.request, followed.require, may_use, drops=followed.drops)
        targets = keep(route.targets, sieve, plan.left_out)
        self._find_thread(plan, targets)
        ordered = self._order(plan, targets, guide.facts)
        if preferences.fallback_models:
            # Whatever the request names itself it may use: that has been seen to.
            named = Sieve(ask.request, followed.require, None, drops=followed.drops)
            ordered += keep(self._named(plan, guide), named, plan.left_out)
        if route.fallback:
            ordered += keep(self._resolve(route.fallback, plan, guide), sieve, plan.left_out)
        if route.content_filter_fallback:
            plan.content_filter = keep(self._resolve(route.content_filter_fallback, plan, guide), sieve, [])
        if preferences.provider_order:
            ordered = prefer(ordered, preferences)
        if len(ordered) > len(targets):
            ordered = unique(ordered)
        return drop_too_long(ordered, sieve, plan.left_out) if len(ordered) > 1 else ordered

    def _named(self, plan: Plan, guide: Guide) -> list[Choice]:
        """Return the choices behind the request's own fallbacks. Raise for one that the caller may not use."""
        ask = plan.ask
        choices: list[Choice] = []
        for name in ask.preferences.fallback_models:
            named = [name] if name in self._table.routes else map(as_fallback, self._table.find(name).targets)
            found = self._resolve(named, plan, guide)
            if not ask.may_use(name):
                found = [choice for choice in found if ask.may_use(choice.target.id)]
            if not found:
                raise not_allowed(ask.principal, name)
            choices += found
        return choices

    def _resolve(self, named: Iterable[Choice | str], plan: Plan, guide: Guide) -> list[Choice]:
        """Return the choices behind fallbacks, routes among them in the order that they have themselves."""
        choices: list[Choice] = []
        for one in named:
            if isinstance(one, Choice):
                choices.append(one)
                continue
            followed = guide.follow(one)
            inner = [choice for choice in followed.route.targets if not lacking_tag(choice.profile, followed.require)]
            own = Plan(plan.ask, followed.route, followed.route.strategy, [])
            choices += map(as_fallback, self._order(own, inner, guide.facts))
            choices += self._resolve(followed.route.fallback, plan, guide)
        return choices

    def _find_thread(self, plan: Plan, targets: Sequence[Choice]) -> None:
        """Find out where the conversation went last, if that makes a difference."""
        request = plan.ask.request
        if not isinstance(request, generation_pb2.GenerateRequest):
            return
        if len(targets) > 1 or (targets and targets[0].profile.key_count > 1):
            plan.thread = thread_of(request, f"{plan.ask.principal.name}\0{plan.route.name}")
            plan.stuck = self._sticky.recall(plan.thread)

    def _order(self, plan: Plan, targets: list[Choice], facts: Facts) -> list[Choice]:
        """Return targets as the strategy has them."""
        if len(targets) < 2:
            return list(targets)
        signals = Observed(plan, facts, self._health, self._clocks)
        ordered = ORDERS[plan.strategy](targets, signals)
        if self._are_well(targets):
            return ordered
        return ease_in(ordered, signals.readiness, signals.lot)

    def _are_well(self, choices: Sequence[Choice]) -> bool:
        """Whether nothing is the matter with any of some choices: mostly it is with nobody at all."""
        return self._health.is_quiet or self._health.are_well(choice.target for choice in choices)

    def _spare(self, plan: Plan, ordered: list[Choice]) -> None:
        """Leave alone who kept failing and who is at rest."""
        if self._are_well(ordered):
            plan.choices = ordered
            return
        now_s = self._clocks.monotonic_s()

        def standing_of(choice: Choice) -> Standing:
            key = plan.preferred_key(choice)
            return self._health.standing(choice.target, choice.profile.key_count, choice.breaker, now_s, key)

        spared = spare(ordered, standing_of)
        plan.choices, plan.left_alone, plan.forced = spared.choices, spared.left_alone, spared.forced


class Observed:
    """`Signals` of one plan."""

    __slots__ = ("_clocks", "_facts", "_health", "_now_s", "_plan", "_seed", "lot", "sticky")

    def __init__(self, plan: Plan, facts: Facts, health: HealthBook, clocks: Clocks) -> None:
        self.sticky = plan.stuck.target if plan.stuck is not None else None
        self._plan = plan
        self._facts = facts
        self._health = health
        self._clocks = clocks
        self._now_s = clocks.monotonic_s()
        thread = plan.thread
        self._seed = thread.before if thread is not None and thread.is_named else b""
        self.lot: Callable[[Choice], float] = self._lot_of_key if self._seed else self._lot

    def _lot(self, _: Choice) -> float:
        return self._clocks.random()

    def _lot_of_key(self, choice: Choice) -> float:
        digest = blake2b(self._seed + choice.target.id.encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big") / 2**64

    def prices(self, choices: Sequence[Choice]) -> list[float]:
        input_count = self._facts.input_token_count
        output_count = expected_output_token_count(self._plan.ask.request)
        prices: list[float] = []
        for choice in choices:
            rates = choice.profile.text_rates
            if rates:
                rate = rates[0] if len(rates) == 1 else rate_at(rates, input_count)
                prices.append(input_count * rate.input_usd_nanos + output_count * rate.output_usd_nanos)
            else:
                prices.append(UNKNOWN_PRICE)
        return prices

    def running(self, choice: Choice) -> int:
        return self._health.of(choice.target).room.running

    def latency_s(self, choice: Choice) -> float:
        health = self._health.of(choice.target)
        average = health.first_content if health.first_content.value is not None else health.whole
        return average.fading(self._now_s)

    def throughput(self, choice: Choice) -> float:
        return self._health.of(choice.target).throughput.value or 0.0

    def readiness(self, choice: Choice) -> float:
        """Return which share of its calls a choice should get while it comes back from an open circuit."""
        return self._health.of(choice.target).circuit.readiness(self._now_s)


def plan_directly(ask: Ask, route: Route) -> Plan:
    """Return the plan of a call that names a model itself and asks for nothing else. Raise `CapabilityMissing`."""
    choice, request = route.targets[0], ask.request
    lacks = choice.profile.lacks
    if lacks and isinstance(request, generation_pb2.GenerateRequest):
        drops = drops_for(request.unsupported_policy, None, choice.profile)
        refusal = find_missing(request, choice.target, lacks, drops=drops)
        if refusal is not None:
            raise refusal
    return Plan(ask, route, route.strategy, [choice], ask.policy)


def keep(choices: Sequence[Choice], sieve: Sieve, left_out: list[LeftOut]) -> list[Choice]:
    """Return the choices that may serve; add the others to `left_out`, but those that the caller may not know of."""
    if sieve.lets_all_pass(choices):
        return list(choices)
    kept = []
    for choice in choices:
        if sieve.is_hidden(choice):
            continue
        reason = sieve.leave_out(choice)
        if reason is None:
            kept.append(choice)
        else:
            left_out.append(reason)
    return kept


def drop_too_long(ordered: list[Choice], sieve: Sieve, left_out: list[LeftOut]) -> list[Choice]:
    """Leave out targets that are surely too small for the request, unless all are."""
    long = [choice for choice in ordered if sieve.is_surely_too_long(choice)]
    if not long or len(long) == len(ordered):
        return ordered
    left_out += [LeftOut(choice, Outcome.EXCLUSION_CONTEXT, "The request is longer than it reads.") for choice in long]
    return [choice for choice in ordered if choice not in long]


def prefer(ordered: list[Choice], preferences: generation_pb2.RoutingPreferences) -> list[Choice]:
    """Put the providers that the request names first, in its order."""
    order = {name: index for index, name in reversed([*enumerate(preferences.provider_order)])}
    return sorted(ordered, key=lambda choice: order.get(choice.target.provider, len(order)))


def unique(choices: list[Choice]) -> list[Choice]:
    """Return each target once, where it stands first."""
    found: dict[Target, Choice] = {}
    for choice in choices:
        found.setdefault(choice.target, choice)
    return [*found.values()]


def as_fallback(choice: Choice) -> Choice:
    """Return a choice as one that is tried after the others."""
    return choice if choice.is_fallback else msgspec.structs.replace(choice, is_fallback=True)
