"""Follows a name through rules and other names to the route whose targets serve a request."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from llmgateway.v1 import explain_pb2

from llmgateway_server import errors
from llmgateway_server.routing.eligibility import NO_TAGS, Tags, both
from llmgateway_server.routing.facts import Facts
from llmgateway_server.routing.routes import Route, RouteTable
from llmgateway_server.routing.rules import Rule, RuleError

# Is told of a rule that could not be evaluated: its route, its condition, and why.
Report = Callable[[str, str, str], None]


class Followed(msgspec.Struct, frozen=True):
    """Where a name led, which tags that requires, and what the routes on the way say of what a target cannot do."""

    route: Route
    require: Tags
    drops: bool | None


class Guide:
    """Follows names for one request. `rules` gathers what became of the rules that were looked at."""

    def __init__(self, table: RouteTable, facts: Facts, report: Report) -> None:
        self.rules: list[explain_pb2.RuleOutcome] = []
        self.facts = facts
        self._table = table
        self._report = report

    def follow(self, name: str, require: Tags = NO_TAGS) -> Followed:
        """Return where a name leads. The configuration has no cycles. Raise `ModelNotFound`, `CapabilityMissing`."""
        route, drops = self._table.find(name), None
        while True:
            drops = route.drops if route.drops is not None else drops
            require = both(require, route.require)
            if route.targets:
                return Followed(route, require, drops)
            rule = self._first_rule(route) if route.rules else None
            if rule is not None:
                require = both(require, rule.require)
            route = self._table.find(route.otherwise if rule is None else rule.target)

    def _first_rule(self, route: Route) -> Rule | None:
        """Return the first rule that holds. One that fails is skipped, unless a data policy hangs on it."""
        for rule in route.rules:
            outcome = explain_pb2.RuleOutcome(route=route.name, condition=rule.condition, target=rule.target)
            self.rules.append(outcome)
            try:
                outcome.matched = rule.holds(self.facts)
            except RuleError as error:
                outcome.error = str(error)
                self._report(route.name, rule.condition, str(error))
                if rule.require or route.require or self._table.requires(rule.target):
                    raise policy_unknown(route, rule, error) from error
            if outcome.matched:
                return rule
        return None


def policy_unknown(route: Route, rule: Rule, error: RuleError) -> errors.CapabilityMissing:
    """Refuse a call of which it is unknown whether a data policy applies."""
    return errors.CapabilityMissing(
        f"A rule of the route {route.name!r} carries a data policy and could not be evaluated: {error} Have "
        f"{rule.condition[:200]!r} corrected.",
        metadata={"model": route.name, "capability": "routing"},
    )
