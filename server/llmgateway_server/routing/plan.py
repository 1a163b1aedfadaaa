"""From a request to the targets that may answer it, in the order in which they are tried; and why not the others.

    name → route (rules) → who may serve it at all (eligibility) → order (strategy, preferences) → health → plan

Nothing here waits, sends or changes anything: a dry run is a run that nobody makes attempts for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from hashlib import blake2b

import msgspec
from llmgateway.v1 import embedding_pb2, explain_pb2, generation_pb2, rerank_pb2

from llmgateway_server import errors
from llmgateway_server.call import Principal
from llmgateway_server.routing.costs import expected_cost_usd_nanos
from llmgateway_server.routing.eligibility import UNSPECIFIED, LeftOut, Outcome, Sieve
from llmgateway_server.routing.facts import Facts
from llmgateway_server.routing.health import HealthBook, Standing
from llmgateway_server.routing.order import ORDERS, Seen, ease_in
from llmgateway_server.routing.routes import Choice, Route, RouteTable
from llmgateway_server.routing.rules import Rule, RuleError
from llmgateway_server.routing.sticky import StickyBook, Stuck, Thread, thread_of
from llmgateway_server.routing.target import Target

Request = generation_pb2.GenerateRequest | embedding_pb2.EmbedRequest | rerank_pb2.RerankRequest

NO_PREFERENCES = generation_pb2.RoutingPreferences()


class Clocks(msgspec.Struct, frozen=True):
    """The event loop's clock, in seconds; the wall clock; and a source of lots from 0 to 1."""

    monotonic_s: Callable[[], float]
    now: Callable[[], datetime]
    random: Callable[[], float]


class Ask(msgspec.Struct, frozen=True):
    """What is asked for, and by whom.

    `may_use` says whether the caller may use a model or route by a name. `sort` is what the name itself asks to sort
    by, empty if nothing.
    """

    name: str
    request: Request
    principal: Principal
    may_use: Callable[[str], bool]
    sort: str = ""


class Plan(msgspec.Struct):
    """What becomes of one call.

    `choices` are tried in order, `left_alone` are those that would be if they were healthy. `content_filter` are for
    an answer that a provider's filter withheld. `thread` is the call's place in its conversation, `stuck` where that
    went last; both None where it makes no difference. `forced` are choices that are tried although their circuits are
    open: the others could not bear the load. `policy` is the request's own for what a target cannot do, `drops` the
    route's, None where it has none.
    """

    route: Route
    choices: list[Choice]
    left_alone: list[LeftOut]
    left_out: list[LeftOut]
    rules: list[explain_pb2.RuleOutcome]
    facts: Facts
    content_filter: list[Choice]
    may_use: Callable[[str], bool]
    principal: Principal
    policy: generation_pb2.UnsupportedPolicy.ValueType = UNSPECIFIED
    drops: bool | None = None
    thread: Thread | None = None
    stuck: Stuck | None = None
    strategy: str = "priority"
    forced: list[Choice] = msgspec.field(default_factory=list)

    def preferred_key(self, choice: Choice) -> int | None:
        """Return the key of a choice's provider that the conversation used last."""
        stuck = self.stuck
        return stuck.key_index if stuck is not None and stuck.target == choice.target else None


class Followed(msgspec.Struct, frozen=True):
    """Where a name led, and what that requires."""

    route: Route
    require: Mapping[str, str]
    drops: bool | None


class Planner:
    """Makes plans. `report` is told of a rule that could not be evaluated: its route, its condition, and why."""

    def __init__(
        self,
        table: RouteTable,
        health: HealthBook,
        sticky: StickyBook,
        clocks: Clocks,
        report: Callable[[str, str, str], None],
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
        rules: list[explain_pb2.RuleOutcome] = []
        preferences = preferences_of(ask.request)
        followed = self._follow(ask.name, facts, ask.principal.require, rules)
        require = {**followed.require, **preferences.required_tags} if preferences.required_tags else followed.require
        route = followed.route
        is_granted = ask.may_use(ask.name)
        sieve = Sieve(ask.request, require, None if is_granted else ask.may_use, drops=followed.drops)
        left_out: list[LeftOut] = []
        targets = keep(route.targets, sieve, left_out)
        plan = Plan(
            route,
            [],
            [],
            left_out,
            rules,
            facts,
            [],
            ask.may_use,
            ask.principal,
            policy_of(ask.request),
            followed.drops,
        )
        plan.strategy = preferences.sort or ask.sort or route.strategy
        self._find_thread(plan, ask, targets)
        ordered = self._order(plan, ask.request, targets)
        fallbacks = [
            *self._named(preferences.fallback_models, ask, facts, rules),
            *self._expand(route, ask, facts, rules),
        ]
        if fallbacks:
            ordered += keep(fallbacks, sieve, left_out)
        if not ordered and not left_out:
            raise not_allowed(ask.principal, ask.name)
        if preferences is not NO_PREFERENCES:
            ordered = prefer(ordered, preferences)
        if len(ordered) > 1:
            ordered = drop_too_long(ordered, sieve, left_out)
        if route.content_filter_fallback:
            named = self._resolve(route.content_filter_fallback, ask, facts, rules)
            plan.content_filter = keep(named, sieve, [])
        self._look_at_health(plan, unique(ordered))
        if preferences.HasField("allow_fallback") and not preferences.allow_fallback:
            del plan.choices[1:], plan.content_filter[:]
        return plan

    def _follow(
        self, name: str, facts: Facts, require: Mapping[str, str], outcomes: list[explain_pb2.RuleOutcome]
    ) -> Followed:
        """Follow rules and names to a route with targets. The configuration has no cycles."""
        route, drops = self._table.find(name), None
        while True:
            drops = route.drops if route.drops is not None else drops
            if route.require:
                require = {**require, **route.require}
            if route.targets:
                return Followed(route, require, drops)
            led_by = self._first_rule(route, facts, outcomes) if route.rules else None
            if led_by is not None and led_by.require:
                require = {**require, **led_by.require}
            route = self._table.find(route.otherwise if led_by is None else led_by.target)

    def _first_rule(self, route: Route, facts: Facts, outcomes: list[explain_pb2.RuleOutcome]) -> Rule | None:
        """Return the first rule that holds. One that fails is skipped, unless a data policy hangs on it."""
        for rule in route.rules:
            outcome = explain_pb2.RuleOutcome(route=route.name, condition=rule.condition, target=rule.target)
            outcomes.append(outcome)
            try:
                outcome.matched = rule.holds(facts)
            except RuleError as error:
                outcome.error = str(error)
                self._report(route.name, rule.condition, str(error))
                if rule.require or route.require:
                    raise policy_unknown(route, rule, error) from error
            if outcome.matched:
                return rule
        return None

    def _expand(self, route: Route, ask: Ask, facts: Facts, rules: list[explain_pb2.RuleOutcome]) -> list[Choice]:
        return self._resolve(route.fallback, ask, facts, rules) if route.fallback else []

    def _resolve(
        self, named: Iterable[Choice | str], ask: Ask, facts: Facts, rules: list[explain_pb2.RuleOutcome]
    ) -> list[Choice]:
        """Return the choices behind fallbacks, routes among them in the order that they have themselves."""
        choices: list[Choice] = []
        for one in named:
            if isinstance(one, Choice):
                choices.append(one)
                continue
            followed = self._follow(one, facts, {}, rules)
            inner = [
                choice for choice in followed.route.targets if not lacks_any(choice.profile.tags, followed.require)
            ]
            plan = Plan(followed.route, [], [], [], rules, facts, [], ask.may_use, ask.principal)
            plan.strategy = followed.route.strategy
            choices += map(as_fallback, self._order(plan, ask.request, inner))
            choices += self._expand(followed.route, ask, facts, rules)
        return choices

    def _named(
        self, names: Sequence[str], ask: Ask, facts: Facts, rules: list[explain_pb2.RuleOutcome]
    ) -> list[Choice]:
        """Return the choices behind the request's own fallbacks. Raise for one that the caller may not use."""
        choices: list[Choice] = []
        for name in names:
            route = self._table.find(name)
            named = [name] if name in self._table.routes else map(as_fallback, route.targets)
            found = self._resolve(named, ask, facts, rules)
            if not ask.may_use(name):
                found = [choice for choice in found if ask.may_use(choice.target.id)]
            if not found:
                raise not_allowed(ask.principal, name)
            choices += found
        return choices

    def _find_thread(self, plan: Plan, ask: Ask, targets: Sequence[Choice]) -> None:
        """Find out where the conversation went last, if that makes a difference."""
        if not isinstance(ask.request, generation_pb2.GenerateRequest):
            return
        if len(targets) > 1 or (targets and targets[0].profile.key_count > 1):
            plan.thread = thread_of(ask.request, f"{ask.principal.name}\0{plan.route.name}")
            plan.stuck = self._sticky.recall(plan.thread)

    def _order(self, plan: Plan, request: Request, targets: Sequence[Choice]) -> list[Choice]:
        """Return targets as the strategy has them."""
        if len(targets) < 2:
            return list(targets)
        seen = [self._see(plan, request, choice) for choice in targets]
        draw = self._draw(plan)
        return [one.choice for one in ease_in(ORDERS[plan.strategy](seen, draw), draw)]

    def _see(self, plan: Plan, request: Request, choice: Choice) -> Seen:
        now_s = self._clocks.monotonic_s()
        health = self._health.of(choice.target)
        stuck = plan.stuck
        latency = health.first_content if health.first_content.value is not None else health.whole
        is_by_price = plan.strategy in ("cheapest", "price")
        return Seen(
            choice,
            expected_cost_usd_nanos(plan.facts, request, choice.profile) if is_by_price else None,
            health.room.running,
            latency.fading(now_s) if plan.strategy in ("fastest", "latency") else 0.0,
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

    def _look_at_health(self, plan: Plan, ordered: list[Choice]) -> None:
        """Sort out who is left alone for a while.

        Of those whose circuits are open at most half are, and one of one: were more left alone, the rest could not bear
        the load. Where all are open, the one that closes soonest is tried.
        """
        now_s = self._clocks.monotonic_s()
        ready: list[Choice] = []
        guessed: list[Choice] = []
        opened: list[tuple[Choice, Standing]] = []
        for choice in ordered:
            standing = self._health.standing(
                choice.target, choice.profile.key_count, choice.breaker, now_s, plan.preferred_key(choice)
            )
            if standing.key_index is not None:
                ready.append(choice)
            elif not standing.is_told and not standing.is_open:
                guessed.append(choice)
            elif standing.is_told:
                plan.left_alone.append(resting(choice, standing))
            else:
                opened.append((choice, standing))
        if opened:
            ready = self._eject(plan, ordered, ready, opened)
        plan.choices = ready + guessed

    def _eject(
        self, plan: Plan, ordered: list[Choice], ready: list[Choice], opened: list[tuple[Choice, Standing]]
    ) -> list[Choice]:
        by_end = sorted(opened, key=lambda one: -one[1].until_s)
        most = max(1, len(ordered) // 2)
        kept = [choice for choice, _ in by_end[most:]]
        if len(opened) == len(ordered):
            kept = kept[-1:]
        plan.forced = kept
        plan.left_alone += [open_circuit(choice, standing) for choice, standing in opened if choice not in kept]
        return [choice for choice in ordered if choice in ready or choice in kept]


def preferences_of(request: Request) -> generation_pb2.RoutingPreferences:
    """Return what a request prefers; embeddings and rerankings have no say."""
    if isinstance(request, generation_pb2.GenerateRequest) and request.HasField("routing"):
        return request.routing
    return NO_PREFERENCES


def policy_of(request: Request) -> generation_pb2.UnsupportedPolicy.ValueType:
    """Return what a request says of what a target cannot do."""
    return request.unsupported_policy if isinstance(request, generation_pb2.GenerateRequest) else UNSPECIFIED


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
    if not order:
        return ordered
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


def lacks_any(tags: Mapping[str, str], require: Mapping[str, str]) -> bool:
    """Whether a tag that is required is not there."""
    return any(tags.get(name) != value for name, value in require.items())


def resting(choice: Choice, standing: Standing) -> LeftOut:
    """Say that a target rests after a rate limit."""
    description = "It rests after a rate limit."
    return LeftOut(choice, Outcome.EXCLUSION_UNHEALTHY, description, until_s=standing.until_s, is_resting=True)


def open_circuit(choice: Choice, standing: Standing) -> LeftOut:
    """Say that a target's circuit is open."""
    what = (
        "The provider refused the gateway's keys." if standing.is_key_out else "Its circuit is open: it kept failing."
    )
    return LeftOut(choice, Outcome.EXCLUSION_UNHEALTHY, what, until_s=standing.until_s)


def nothing_left(ask: Ask, route: Route, left_out: Sequence[LeftOut]) -> errors.CallError:
    """Return why no target is left for a call."""
    if not left_out:
        return not_allowed(ask.principal, ask.name)
    first = left_out[0]
    if first.error is not None and len({one.exclusion for one in left_out}) == 1:
        return first.error
    many = f"No target of {route.name[:100]!r} can serve the request" if len(left_out) > 1 else "It cannot be served"
    reasons = "; ".join(f"{one.choice.target.id}: {one.description.rstrip('.')}" for one in left_out[:4])
    return errors.CapabilityMissing(
        f"{many}: {reasons}. Change the request's preferences, or name another model.",
        metadata={"model": ask.name[:200], "capability": "routing"},
    )


def not_allowed(principal: Principal, name: str) -> errors.ModelNotAllowed:
    """Return the refusal of a model that the caller may not use."""
    return errors.ModelNotAllowed(
        f"The key {principal.name!r} may not use {name[:100]!r}. Ask for a model that it may use, "
        "or have the key's `models` extended.",
        metadata={"model": name[:200]},
    )


def policy_unknown(route: Route, rule: Rule, error: RuleError) -> errors.CapabilityMissing:
    """Refuse a call of which it is unknown whether a data policy applies."""
    return errors.CapabilityMissing(
        f"A rule of the route {route.name!r} carries a data policy and could not be evaluated: {error} Have "
        f"{rule.condition[:200]!r} corrected.",
        metadata={"model": route.name, "capability": "routing"},
    )
