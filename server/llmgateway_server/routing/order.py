"""The strategies: in which order a route's targets are tried. Pure: whatever is measured or drawn is given.

The sticky target breaks ties in each of them. Of targets that differ by less than a fifth in speed none is the faster.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import msgspec

from llmgateway_server.routing.routes import Choice

TIE = 1.2
# A first content within so little is as good as at once: below it targets do not differ.
LEAST_LATENCY_S = 0.005


class Seen(msgspec.Struct, frozen=True):
    """What is known of a choice at the moment.

    `price_usd_nanos` is what the call would cost, None if unknown; `latency_s` 0 where nothing is known, as is
    `throughput`, in tokens a second. `readiness` is below 1 while it comes back from an open circuit.
    """

    choice: Choice
    price_usd_nanos: int | None = None
    running: int = 0
    latency_s: float = 0.0
    throughput: float = 0.0
    readiness: float = 1.0
    is_sticky: bool = False


Draw = Callable[[Choice], float]
Order = Callable[[Sequence[Seen], Draw], list[Seen]]


def by_priority(seen: Sequence[Seen], _: Draw) -> list[Seen]:
    """As written."""
    return list(seen)


def by_weight(seen: Sequence[Seen], draw: Draw) -> list[Seen]:
    """By weighted lots without replacement: the first place falls to each in proportion to its weight.

    With lots u between 0 and 1 the order of u**(1/w) is such (Efraimidis and Spirakis, 2006); here its logarithm.
    """
    lots = {id(one): math.log(max(draw(one.choice), 1e-300)) / one.choice.weight for one in seen}
    return sorted(seen, key=lambda one: (not one.is_sticky, -lots[id(one)]))


def by_price(seen: Sequence[Seen], _: Draw) -> list[Seen]:
    """The cheapest first; those of unknown price last."""
    return sorted(seen, key=lambda one: (one.price_usd_nanos is None, one.price_usd_nanos or 0, not one.is_sticky))


def by_running(seen: Sequence[Seen], draw: Draw) -> list[Seen]:
    """The one that runs the fewest calls first."""
    return sorted(seen, key=lambda one: (one.running, not one.is_sticky, draw(one.choice)))


def by_latency(seen: Sequence[Seen], draw: Draw) -> list[Seen]:
    """The fastest first; one of which nothing is known is tried before it is judged."""
    return by_class(seen, lambda one: max(one.latency_s, LEAST_LATENCY_S), draw)


def by_throughput(seen: Sequence[Seen], draw: Draw) -> list[Seen]:
    """The one that writes fastest first; one of which nothing is known is tried before it is judged."""
    return by_class(seen, lambda one: 1 / one.throughput if one.throughput else LEAST_LATENCY_S / 1e3, draw)


def by_class(seen: Sequence[Seen], cost_of: Callable[[Seen], float], draw: Draw) -> list[Seen]:
    """Sort by a cost of which less than a fifth is no difference: the sticky one first of its like, then by lot."""
    best = min((cost_of(one) for one in seen), default=1.0)
    return sorted(
        seen,
        key=lambda one: (
            0 if cost_of(one) <= best * TIE else cost_of(one),
            not one.is_sticky,
            draw(one.choice) if cost_of(one) <= best * TIE else 0,
        ),
    )


ORDERS: dict[str, Order] = {
    "priority": by_priority,
    "weighted": by_weight,
    "cheapest": by_price,
    "least_busy": by_running,
    "fastest": by_latency,
    # What a request may ask for.
    "price": by_price,
    "latency": by_latency,
    "throughput": by_throughput,
}


def ease_in(ordered: list[Seen], draw: Draw) -> list[Seen]:
    """Put those that come back from an open circuit behind the others, but for their share of calls."""
    if all(one.readiness >= 1.0 for one in ordered):
        return ordered
    late = [one for one in ordered if one.readiness < 1.0 and draw(one.choice) >= one.readiness]
    return [one for one in ordered if one not in late] + late
