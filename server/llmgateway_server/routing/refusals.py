"""What a call is told that may go nowhere."""

from __future__ import annotations

from collections.abc import Sequence

from llmgateway_server import errors
from llmgateway_server.call import Principal
from llmgateway_server.routing.ask import Ask
from llmgateway_server.routing.eligibility import LeftOut
from llmgateway_server.routing.routes import Route

MOST_NAMED = 4


def not_allowed(principal: Principal, name: str) -> errors.ModelNotAllowed:
    """Return the refusal of a model that the caller may not use."""
    return errors.ModelNotAllowed(
        f"The key {principal.name!r} may not use {name[:100]!r}. Ask for a model that it may use, "
        "or have the key's `models` extended.",
        metadata={"model": name[:200]},
    )


def nothing_left(ask: Ask, route: Route, left_out: Sequence[LeftOut]) -> errors.CallError:
    """Return why no target is left for a call."""
    first = left_out[0]
    if first.error is not None and len({one.exclusion for one in left_out}) == 1:
        return first.error
    many = f"No target of {route.name[:100]!r} can serve the request" if len(left_out) > 1 else "It cannot be served"
    reasons = "; ".join(f"{one.choice.target.id}: {one.description.rstrip('.')}" for one in left_out[:MOST_NAMED])
    return errors.CapabilityMissing(
        f"{many}: {reasons}. Change the request's preferences, or name another model.",
        metadata={"model": ask.name[:200], "capability": "routing"},
    )
