"""A plan told to people: what `ExplainRoute` answers. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from llmgateway.v1 import explain_pb2, generation_pb2

from llmgateway_server.routing.costs import most_cost_usd_nanos
from llmgateway_server.routing.facts import Facts
from llmgateway_server.routing.plan import Plan
from llmgateway_server.routing.routes import Choice

ORDERED: Mapping[str, str] = {
    "priority": "as the route has them",
    "weighted": "by lot, in proportion to weights",
    "cheapest": "the cheapest first, by the catalogue's prices and this request's tokens",
    "least_busy": "the one that runs the fewest calls first",
    "fastest": "the fastest to its first content first",
    "price": "the cheapest first, as the request asks",
    "latency": "the fastest to its first content first, as the request asks",
    "throughput": "the fastest writer first, as the request asks",
}


BUSY = "It runs as many calls as it may: another is tried, or the call waits where there is none."


def explain(
    plan: Plan,
    facts: Facts,
    request: generation_pb2.GenerateRequest,
    is_full: Callable[[Choice], bool],
    revision: int,
    monotonic_s: float,
    wall_s: float,
) -> explain_pb2.ExplainRouteResponse:
    """Return what becomes of a generation. The two times are of the same moment, by either clock.

    Those that run as many calls as they may come after the others: they are passed over while another has room.
    """
    response = explain_pb2.ExplainRouteResponse(
        route=plan.route.name,
        strategy=plan.strategy,
        facts=facts.table(),
        rules=plan.rules,
        input_token_count=facts.input_token_count,
        config_revision=revision,
    )
    full = [choice for choice in plan.choices if is_full(choice)]
    for place, choice in enumerate(choice for choice in plan.choices if choice not in full):
        response.targets.append(outcome_of(plan, choice, request, place))
    for choice in full:
        busy = describe(choice, request)
        busy.exclusion, busy.description = explain_pb2.TargetOutcome.EXCLUSION_BUSY, BUSY
        response.targets.append(busy)
    for left in (*plan.left_alone, *plan.left_out):
        outcome = response.targets.add()
        outcome.CopyFrom(describe(left.choice, request))
        outcome.exclusion, outcome.description = left.exclusion, left.description
        if left.until_s is not None:
            outcome.unhealthy_until_time.FromNanoseconds(int((wall_s + left.until_s - monotonic_s) * 1e9))
    return response


def outcome_of(
    plan: Plan, choice: Choice, request: generation_pb2.GenerateRequest, place: int
) -> explain_pb2.TargetOutcome:
    """Return what is told of a target that would be tried."""
    outcome = describe(choice, request)
    outcome.description = why(plan, choice, place)
    return outcome


def why(plan: Plan, choice: Choice, place: int) -> str:
    """Say why a target stands where it stands."""
    stuck = plan.stuck
    if choice in plan.forced:
        return "Its circuit is open, and too many others are, too: it is tried all the same."
    if stuck is not None and stuck.target == choice.target:
        return "The conversation went there last: its provider may still have the prompt cached."
    if choice.is_fallback:
        return "A fallback: tried once the targets before it have failed."
    if len(plan.choices) == 1 and not plan.left_alone:
        return "The only target."
    return f"Place {place + 1}: {ORDERED.get(plan.strategy, plan.strategy)}."


def describe(choice: Choice, request: generation_pb2.GenerateRequest) -> explain_pb2.TargetOutcome:
    """Return what is told of any target."""
    target = choice.target
    outcome = explain_pb2.TargetOutcome(provider=target.provider, model=target.model, is_fallback=choice.is_fallback)
    cost_usd_nanos = most_cost_usd_nanos(request, choice.profile)
    if cost_usd_nanos is not None:
        outcome.max_cost_usd_nanos = cost_usd_nanos
    return outcome
