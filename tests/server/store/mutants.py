"""Ledgers that are wrong, each in a way that was seen in the wild. The machine must catch every one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
from llmgateway_server.store import bookings
from llmgateway_server.store.bookings import OpenIntent
from llmgateway_server.store.ledger import Balance, Grant, Intent, Refusal, Settlement, Shortfall
from llmgateway_server.store.memory import MemoryLedger

from tests.server.store.stages import MemoryStage


class CheckThenRecord(MemoryLedger):
    """Looks at what is committed, and holds nothing against others that look meanwhile."""

    async def reserve(self, intents: Sequence[Intent]) -> Grant | Refusal:
        held = [(one, one.held) for one in self._open.values()]
        for _, amounts in held:
            self._counters.release(amounts)
        answer = await super().reserve(intents)
        for _, amounts in held:
            self._counters.hold(amounts)
        return answer


class ReleaseOnTimeout(MemoryLedger):
    """Takes an attempt that nobody settled for one that cost nothing."""

    def _presume(self, intent: OpenIntent, now_ns: int) -> None:
        free = dict.fromkeys(intent.held, 0)
        self._counters.release(intent.held)
        self._counters.hold(free)
        super()._presume(OpenIntent(intent.entry, 0, free, intent.expires_ns), now_ns)


class SettleTwice(MemoryLedger):
    """Books a settlement each time that it comes."""

    def settle(self, settlement: Settlement) -> None:
        intent = self._open.get(settlement.attempt_id) or self._settled.get(settlement.attempt_id)
        super().settle(settlement)
        if intent is not None:
            if settlement.attempt_id in self._settled:
                self._book(bookings.settle(intent, settlement, self._families))
            self._settled[settlement.attempt_id] = intent

    def __init__(self, clock: Callable[[], int]) -> None:
        super().__init__(clock)
        self._settled: dict[str, OpenIntent] = {}


class DispatchBeforeCommit(MemoryLedger):
    """Answers first and writes with the next reservation: a crash in between loses the intent."""

    def __init__(self, clock: Callable[[], int]) -> None:
        super().__init__(clock)
        self._unwritten: Sequence[Intent] = ()

    async def start(self) -> None:
        self._unwritten = ()
        await super().start()

    async def reserve(self, intents: Sequence[Intent]) -> Grant | Refusal:
        if self._unwritten:
            await super().reserve(self._unwritten)
        self._unwritten = intents
        return Grant(tuple(intent.cost.least for intent in intents))


class RefuseAll(MemoryLedger):
    """Is never overspent."""

    async def reserve(self, intents: Sequence[Intent]) -> Grant | Refusal:
        charge = intents[0].charges[0]
        return Refusal([Shortfall(charge, Balance(), intents[0].cost.least)])


class ChargeTheBound(MemoryLedger):
    """Books what was held, whatever it cost."""

    def settle(self, settlement: Settlement) -> None:
        intent = self._open.get(settlement.attempt_id)
        cost = settlement.cost_usd_nanos if intent is None else intent.granted_usd_nanos
        super().settle(msgspec.structs.replace(settlement, cost_usd_nanos=cost))


class IgnoreLateSettlement(MemoryLedger):
    """Leaves what was presumed as it is."""

    def settle(self, settlement: Settlement) -> None:
        if settlement.attempt_id in self._open:
            super().settle(settlement)


class ClampOverrun(MemoryLedger):
    """Books no more than was held."""

    def settle(self, settlement: Settlement) -> None:
        intent = self._open.get(settlement.attempt_id)
        cost = settlement.cost_usd_nanos or 0
        if intent is not None:
            cost = min(cost, intent.granted_usd_nanos)
        super().settle(msgspec.structs.replace(settlement, cost_usd_nanos=cost))


MUTANTS = (
    CheckThenRecord,
    ReleaseOnTimeout,
    SettleTwice,
    DispatchBeforeCommit,
    RefuseAll,
    ChargeTheBound,
    IgnoreLateSettlement,
    ClampOverrun,
)


def stage_of(mutant: type[MemoryLedger]) -> Callable[[Path, Callable[[], int]], MemoryStage]:
    """Return what opens a mutant."""

    def make(folder: Path, clock: Callable[[], int]) -> MemoryStage:
        stage = MemoryStage(folder, clock)
        stage.ledger = mutant(clock)
        return stage

    return make
