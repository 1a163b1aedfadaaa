"""From a request to the targets that may answer it, in the order in which they are tried; and why not the others.

    name → route (rules) → who may serve it at all (eligibility) → order (strategy, preferences) → health → plan

Nothing here waits, sends or changes anything: a dry run is a run that nobody makes attempts for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from hashlib import blake2b

import msgspec
from llmgateway.v1 import explain_pb2, generation_pb2

from llmgateway_server.call import Principal
from llmgateway_server.routing.ask import Ask, Clocks, Request
from llmgateway_server.routing.costs import expected_cost_usd_nanos
from llmgateway_server.routing.eligibility import NO_TAGS, LeftOut, Outcome, Sieve, both, lacking_tag
from llmgateway_server.routing.facts import Facts
from llmgateway_server.routing.guide import Followed, Guide, Report
from llmgateway_server.routing.health import HealthBook, Standing, is_full
from llmgateway_server.routing.order import ORDERS, Seen, ease_in
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
    both None where it makes no difference. `policy` is the request's own for what a target cannot do, `drops` the
    route's, None where it has none.
    """

    route: Route
    strategy: str
    facts: Facts
    rules: list[explain_pb2.RuleOutcome]
    principal: Principal
    may_use: Callable[[str], bool]
    policy: generation_pb2.UnsupportedPolicy.ValueType
    drops: bool | None
    choices: list[Choice] = msgspec.field(default_factory=list)
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
        plan = self.sift(ask)
        if not plan.choices and not plan.left_alone:
            raise nothing_left(ask, plan.route, plan.left_out)
        return plan

    def sift(self, ask: Ask) -> Plan:
        """Return a plan that may have no target left. Raise `ModelNotFound` or `ModelNotAllowed`."""
        facts = Facts(ask.request, ask.principal, self._clocks.now)
        guide = Guide(self._table, facts, self._report)
        require = both(both(NO_TAGS, ask.principal.require), ask.preferences.required_tags)
        followed = guide.follow(ask.name, require)
        plan = start_plan(ask, followed, facts, guide)
        ordered = self._candidates(ask, followed, guide, plan)
        if not ordered and not plan.left_out:
            raise not_allowed(ask.principal, ask.name)
        spared = spare(unique(ordered), lambda choice: self._standing(plan, choice))
        plan.choices, plan.forced = spared.choices, spared.forced
        plan.left_alone = spared.left_alone
        if ask.preferences.HasField("allow_fallback") and not ask.preferences.allow_fallback:
            del plan.choices[1:], plan.content_filter[:]
        return plan

    def is_full(self, choice: Choice) -> bool:
        """Whether a call would have to wait for room at a target."""
        return is_full(self._health.of(choice.target).room)

    def _candidates(self, ask: Ask, followed: Followed, guide: Guide, plan: Plan) -> list[Choice]:
        """Return all that may serve the call, in order, whatever their health."""
        route, preferences = followed.route, ask.preferences
        may_use = None if ask.may_use(ask.name) else ask.may_use
        sieve = Sieve(ask.request, followed.require, may_use, drops=followed.drops)
        targets = keep(route.targets, sieve, plan.left_out)
        self._find_thread(plan, ask.request, targets)
        ordered = self._order(plan, ask.request, targets)
        if preferences.fallback_models:
            # Whatever the request names itself it may use: that has been seen to.
            named = Sieve(ask.request, followed.require, None, drops=followed.drops)
            ordered += keep(self._named(ask, guide, plan), named, plan.left_out)
        if route.fallback:
            ordered += keep(self._resolve(route.fallback, guide, plan, ask.request), sieve, plan.left_out)
        if route.content_filter_fallback:
            others = self._resolve(route.content_filter_fallback, guide, plan, ask.request)
            plan.content_filter = keep(others, sieve, [])
        if preferences.provider_order:
            ordered = prefer(ordered, preferences)
        return drop_too_long(ordered, sieve, plan.left_out) if len(ordered) > 1 else ordered

    def _named(self, ask: Ask, guide: Guide, plan: Plan) -> list[Choice]:
        """Return the choices behind the request's own fallbacks. Raise for one that the caller may not use."""
        choices: list[Choice] = []
        for name in ask.preferences.fallback_models:
            named = [name] if name in self._table.routes else map(as_fallback, self._table.find(name).targets)
            found = self._resolve(named, guide, plan, ask.request)
            if not ask.may_use(name):
                found = [choice for choice in found if ask.may_use(choice.target.id)]
            if not found:
                raise not_allowed(ask.principal, name)
            choices += found
        return choices

    def _resolve(self, named: Iterable[Choice | str], guide: Guide, plan: Plan, request: Request) -> list[Choice]:
        """Return the choices behind fallbacks, routes among them in the order that they have themselves."""
        choices: list[Choice] = []
        for one in named:
            if isinstance(one, Choice):
                choices.append(one)
                continue
            followed = guide.follow(one)
            route = followed.route
            inner = [choice for choice in route.targets if not lacking_tag(choice.profile, followed.require)]
            own = msgspec.structs.replace(plan, route=route, strategy=route.strategy, thread=None, stuck=None)
            choices += map(as_fallback, self._order(own, request, inner))
            choices += self._resolve(route.fallback, guide, plan, request)
        return choices

    def _find_thread(self, plan: Plan, request: Request, targets: Sequence[Choice]) -> None:
        """Find out where the conversation went last, if that makes a difference."""
        if not isinstance(request, generation_pb2.GenerateRequest):
            return
        if len(targets) > 1 or (targets and targets[0].profile.key_count > 1):
            plan.thread = thread_of(request, f"{plan.principal.name}\0{plan.route.name}")
            plan.stuck = self._sticky.recall(plan.thread)

    def _order(self, plan: Plan, request: Request, targets: Sequence[Choice]) -> list[Choice]:
        """Return targets as the strategy has them."""
        if len(targets) < 2:
            return list(targets)
        now_s, draw = self._clocks.monotonic_s(), self._draw(plan)
        seen = [self._see(plan, request, choice, now_s) for choice in targets]
        return [one.choice for one in ease_in(ORDERS[plan.strategy](seen, draw), draw)]

    def _see(self, plan: Plan, request: Request, choice: Choice, now_s: float) -> Seen:
        health, stuck, strategy = self._health.of(choice.target), plan.stuck, plan.strategy
        latency = health.first_content if health.first_content.value is not None else health.whole
        is_by_price = strategy in ("cheapest", "price")
        return Seen(
            choice,
            expected_cost_usd_nanos(plan.facts, request, choice.profile) if is_by_price else None,
            health.room.running,
            latency.fading(now_s) if strategy in ("fastest", "latency") else 0.0,
            health.throughput.value or 0.0,
            health.circuit.readiness(now_s),
            stuck is not None and stuck.target == choice.target,
        )

    def _draw(self, plan: Plan) -> Callable[[Choice], float]:
        """Return a source of lots: by chance, but always the same for a key that the caller gave."""
        thread = plan.thread
        if thread is None or not thread.is_named:
            return lambda _: self._clocks.random()
        seed = thread.before

        def draw(choice: Choice) -> float:
            digest = blake2b(seed + choice.target.id.encode(), digest_size=8).digest()
            return int.from_bytes(digest, "big") / 2**64

        return draw

    def _standing(self, plan: Plan, choice: Choice) -> Standing:
        now_s, key = self._clocks.monotonic_s(), plan.preferred_key(choice)
        return self._health.standing(choice.target, choice.profile.key_count, choice.breaker, now_s, key)


def start_plan(ask: Ask, followed: Followed, facts: Facts, guide: Guide) -> Plan:
    """Return a plan without any target yet."""
    route = followed.route
    strategy = ask.preferences.sort or ask.sort or route.strategy
    return Plan(route, strategy, facts, guide.rules, ask.principal, ask.may_use, ask.policy, followed.drops)


def keep(choices: Iterable[Choice], sieve: Sieve, left_out: list[LeftOut]) -> list[Choice]:
    """Return the choices that may serve; add the others to `left_out`, but those that the caller may not know of."""
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
    if len(choices) < 2:
        return choices
    found: dict[Target, Choice] = {}
    for choice in choices:
        found.setdefault(choice.target, choice)
    return [*found.values()]


def as_fallback(choice: Choice) -> Choice:
    """Return a choice as one that is tried after the others."""
    return choice if choice.is_fallback else msgspec.structs.replace(choice, is_fallback=True)
