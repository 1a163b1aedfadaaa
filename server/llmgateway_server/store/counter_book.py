"""Counters in memory, with what the open intents hold of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from llmgateway_server.store import counters
from llmgateway_server.store.bookings import OpenIntent
from llmgateway_server.store.counters import Amounts
from llmgateway_server.store.ledger import Balance, Counter, Family, Intent, Refusal


class State(msgspec.Struct):
    """What a counter stands at, kept up to date."""

    committed: int = 0
    held: int = 0


NOTHING = Balance()


class CounterBook:
    """All counters that anything was charged to. What was never charged stands at zero and takes no memory."""

    def __init__(self) -> None:
        self._counters: dict[Counter, State] = {}

    def __len__(self) -> int:
        return len(self._counters)

    def __contains__(self, counter: Counter) -> bool:
        return counter in self._counters

    def __iter__(self) -> Iterator[Counter]:
        return iter(self._counters)

    def of(self, families: Mapping[Family, int]) -> Sequence[Counter]:
        """Return the counters of families, each with the begin of its period."""
        return [one for one in self._counters if families.get(counters.family_of(one)) == one.start_s]

    def standing(self, counter: Counter) -> State | Balance:
        """Return what a counter stands at, not to be changed."""
        return self._counters.get(counter, NOTHING)

    def balance(self, counter: Counter) -> Balance:
        """Return what a counter stands at now."""
        standing = self.standing(counter)
        return Balance(standing.committed, standing.held)

    def reserve(self, intents: Sequence[Intent]) -> Sequence[OpenIntent] | Refusal:
        """Hold what all intents are granted; a refusal changes nothing."""
        holds = counters.reserve(intents, self.standing)
        if isinstance(holds, Refusal):
            return holds
        for hold in holds:
            self.hold(hold.amounts)
        return [
            OpenIntent(intent.entry, hold.cost_usd_nanos, hold.amounts, intent.expires_ns)
            for intent, hold in zip(intents, holds, strict=True)
        ]

    def hold(self, amounts: Amounts) -> None:
        """Hold so much more of each counter."""
        for counter, amount in amounts.items():
            self._state(counter).held += amount

    def release(self, amounts: Amounts) -> None:
        """Hold so much less."""
        for counter, amount in amounts.items():
            self._state(counter).held -= amount

    def commit(self, amounts: Amounts) -> None:
        """Commit so much more."""
        for counter, amount in amounts.items():
            self._state(counter).committed += amount

    def reset(self, counter: Counter) -> None:
        """Commit nothing, but keep what is held."""
        if (state := self._counters.get(counter)) is not None:
            state.committed = 0

    def drop(self, counter: Counter) -> None:
        """Forget a counter."""
        self._counters.pop(counter, None)

    def _state(self, counter: Counter) -> State:
        state = self._counters.get(counter)
        if state is None:
            state = self._counters[counter] = State()
        return state
