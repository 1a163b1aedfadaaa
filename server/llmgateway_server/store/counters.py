"""What a reservation holds and a settlement books, by counter. Pure: whoever keeps counters applies the amounts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from llmgateway_server.store.ledger import (
    Balance,
    Charge,
    CostRange,
    Counter,
    Entry,
    Family,
    Intent,
    Metric,
    Refusal,
    Settlement,
    Shortfall,
)

Amounts = Mapping[Counter, int]

# Of what is left of a limit, so large a part may be held by one attempt that could do with less.
LARGEST_SHARE = 8


class Standing(Protocol):
    """What a counter stands at."""

    @property
    def committed(self) -> int: ...

    @property
    def held(self) -> int: ...


StandingOf = Callable[[Counter], Standing]


class Hold(NamedTuple):
    """What an intent holds: of cost, and of each counter."""

    cost_usd_nanos: int
    amounts: dict[Counter, int]


def reserve(intents: Sequence[Intent], standing_of: StandingOf) -> Sequence[Hold] | Refusal:
    """Return what each intent holds, or every counter that has no room for the least of them all."""
    holds = [holds_of(intent.charges, intent.cost.least) for intent in intents]
    asked = holds[0] if len(holds) == 1 else total(holds)
    shortfalls: dict[Charge, Shortfall] = {}
    granted: list[Hold] = []
    for intent, amounts in zip(intents, holds, strict=True):
        room = _room(intent, asked, standing_of, shortfalls)
        cost = grant(intent.cost, None if room is None else room + intent.cost.least)
        granted.append(Hold(cost, amounts))
        if asked is not amounts:
            add(asked, {one: cost - intent.cost.least for one in amounts if one.metric is Metric.COST})
    if shortfalls:
        return Refusal(tuple(shortfalls.values()))
    for cost, amounts in granted:
        for counter in amounts:
            if counter.metric is Metric.COST:
                amounts[counter] = cost
    return granted


def grant(cost: CostRange, room: int | None) -> int:
    """Return how much an attempt may hold of cost where so much room is left, None for no limit.

    The room has place for its least, which may be nothing.
    """
    if room is None or cost.most * LARGEST_SHARE <= room:
        return cost.most
    return max(cost.least, min(cost.most, max(room // LARGEST_SHARE, cost.fair), room))


def holds_of(charges: Iterable[Charge], cost_usd_nanos: int) -> dict[Counter, int]:
    """Return what an intent holds of each counter. Several limits on one counter hold it once."""
    amounts: dict[Counter, int] = {}
    for charge in charges:
        amount = cost_usd_nanos if charge.counter.metric is Metric.COST else charge.amount
        amounts[charge.counter] = max(amount, amounts.get(charge.counter, 0))
    return amounts


def booked(settlement: Settlement, held: Collection[Counter], families: Collection[Family]) -> dict[Counter, int]:
    """Return what a settlement books: on each counter held, and on those that apply by now and whose family is kept."""
    amounts = {counter: settlement.amount_of(counter.metric) for counter in held}
    if settlement.charges:
        known = {(counter.scope, counter.metric, counter.window) for counter in held}
        for charge in settlement.charges:
            counter = charge.counter
            if (counter.scope, counter.metric, counter.window) not in known and family_of(counter) in families:
                amounts[counter] = settlement.amount_of(counter.metric)
    return amounts


def total(several: Iterable[Amounts]) -> dict[Counter, int]:
    """Return the sums of amounts, counter by counter."""
    totals: dict[Counter, int] = {}
    for amounts in several:
        add(totals, amounts)
    return totals


def add(totals: dict[Counter, int], amounts: Amounts) -> None:
    """Add amounts to totals, counter by counter."""
    for counter, amount in amounts.items():
        totals[counter] = totals.get(counter, 0) + amount


def family_of(counter: Counter) -> Family:
    """Return the family of a counter."""
    return Family(counter.scope.partition("/")[0], counter.metric, counter.window)


def scopes_of(entry: Entry, scope_kind: str) -> Sequence[str]:
    """Return the scopes of one kind that an attempt belongs to."""
    if scope_kind == "organization":
        return ("organization",)
    if scope_kind == "team":
        return tuple(f"team/{team}" for team in {entry.team, *entry.teams} if team)
    if scope_kind == "model":
        return (f"model/{entry.provider}/{entry.model}",) if entry.model else ()
    name = {"key": entry.key, "end_user": entry.end_user, "provider": entry.provider}.get(scope_kind, "")
    return (f"{scope_kind}/{name}",) if name else ()


def counters_of(entry: Entry, families: Mapping[Family, int]) -> Iterator[Counter]:
    """Yield the counters that an attempt belongs to, of families with the begin of the period that runs.

    What began before that period belongs to an earlier one, of which nothing is known here.
    """
    for family, start_s in families.items():
        if entry.started_ns >= start_s * 1_000_000_000:
            for scope in scopes_of(entry, family.scope_kind):
                yield Counter(scope, family.metric, family.window, start_s)


def _room(intent: Intent, asked: Amounts, standing_of: StandingOf, shortfalls: dict[Charge, Shortfall]) -> int | None:
    """Return the cost that the tightest counter has left beside all that is asked, None where none has a limit.

    Note the charges whose counters lack room for what is asked. Nothing always fits.
    """
    room: int | None = None
    for charge in intent.charges:
        counter, limit = charge.counter, charge.limit
        if limit is None:
            continue
        standing, amount = standing_of(counter), asked[counter]
        left = limit - standing.committed - standing.held - amount
        if left < 0 < amount:
            shortfalls[charge] = Shortfall(charge, Balance(standing.committed, standing.held), amount)
        if counter.metric is Metric.COST and (room is None or left < room):
            room = left
    return room
