"""The strategies: in which order a route's targets are tried. Pure: whatever is measured or drawn is given.

The sticky target breaks ties in each of them. Of targets that differ by less than a fifth in speed none is the faster.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Protocol

from llmgateway_server.routing.routes import Choice
from llmgateway_server.routing.target import Target

TIE = 1.2
# A first content within so little is as good as at once: below it targets do not differ.
LEAST_LATENCY_S = 0.005
# Sorts behind each price there is.
UNKNOWN_PRICE = math.inf


class Signals(Protocol):
    """What is known of choices at the moment. `sticky` is where the conversation went last, None if nowhere."""

    sticky: Target | None

    def lot(self, choice: Choice) -> float:
        """Draw a number from 0 to 1, the same for a choice each time where the caller gave a key."""
        ...

    def prices(self, choices: Sequence[Choice]) -> list[float]:
        """Return what the call would cost at each, in 1e-15 US dollars; `UNKNOWN_PRICE` where nobody knows."""
        ...

    def running(self, choice: Choice) -> int:
        """Return how many calls run there."""
        ...

    def latency_s(self, choice: Choice) -> float:
        """Return its time to the first content; 0 where nothing is known."""
        ...

    def throughput(self, choice: Choice) -> float:
        """Return how many tokens a second it writes; 0 where nothing is known."""
        ...


Order = Callable[[Sequence[Choice], Signals], list[Choice]]


def by_priority(choices: Sequence[Choice], _: Signals) -> list[Choice]:
    """As written."""
    return list(choices)


def by_weight(choices: Sequence[Choice], signals: Signals) -> list[Choice]:
    """By weighted lots without replacement: the first place falls to each in proportion to its weight.

    With lots u between 0 and 1 the order of u**(1/w) is such (Efraimidis and Spirakis, 2006). The sticky one is first.
    """
    lot, sticky = signals.lot, signals.sticky
    lots = [(lot(choice) ** (1 / choice.weight), place) for place, choice in enumerate(choices)]
    lots.sort(reverse=True)
    ordered = [choices[place] for _, place in lots]
    if sticky is not None:
        ordered.sort(key=lambda choice: choice.target != sticky)
    return ordered


def by_price(choices: Sequence[Choice], signals: Signals) -> list[Choice]:
    """The cheapest first; those of unknown price last."""
    ordered, sticky = list(choices), signals.sticky
    if sticky is not None:
        ordered.sort(key=lambda choice: choice.target != sticky)
    priced = zip(signals.prices(ordered), ordered, strict=True)
    return [choice for _, choice in sorted(priced, key=itemgetter(0))]


def by_running(choices: Sequence[Choice], signals: Signals) -> list[Choice]:
    """The one that runs the fewest calls first."""
    sticky, running, lot = signals.sticky, signals.running, signals.lot
    keys = [(running(choice), choice.target != sticky, lot(choice), place) for place, choice in enumerate(choices)]
    return [choices[key[-1]] for key in sorted(keys)]


def by_latency(choices: Sequence[Choice], signals: Signals) -> list[Choice]:
    """The fastest first; one of which nothing is known is tried before it is judged."""
    costs = [max(signals.latency_s(choice), LEAST_LATENCY_S) for choice in choices]
    return by_class(choices, costs, signals)


def by_throughput(choices: Sequence[Choice], signals: Signals) -> list[Choice]:
    """The one that writes fastest first; one of which nothing is known is tried before it is judged."""
    rates = [signals.throughput(choice) for choice in choices]
    return by_class(choices, [1 / rate if rate else LEAST_LATENCY_S / 1e3 for rate in rates], signals)


def by_class(choices: Sequence[Choice], costs: Sequence[float], signals: Signals) -> list[Choice]:
    """Sort by a cost of which less than a fifth is no difference: the sticky one first of its like, then by lot."""
    limit, sticky, lot = min(costs) * TIE, signals.sticky, signals.lot
    keys = [
        (0.0, choice.target != sticky, lot(choice), place) if cost <= limit else (cost, False, 0.0, place)
        for place, (cost, choice) in enumerate(zip(costs, choices, strict=True))
    ]
    return [choices[key[-1]] for key in sorted(keys)]


ORDERS: Mapping[str, Order] = {
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


def ease_in(
    ordered: list[Choice], readiness: Callable[[Choice], float], lot: Callable[[Choice], float]
) -> list[Choice]:
    """Put those that come back from an open circuit behind the others, but for their share of calls."""
    late = [choice for choice in ordered if readiness(choice) < 1.0 and lot(choice) >= readiness(choice)]
    return [choice for choice in ordered if choice not in late] + late
