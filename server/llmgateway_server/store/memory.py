"""A ledger and objects in memory: nothing lasts. What the other stores do is measured against these."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable, Mapping, Sequence

from llmgateway_server.store import bookings
from llmgateway_server.store.bookings import Booking, OpenIntent
from llmgateway_server.store.counter_book import CounterBook
from llmgateway_server.store.counters import counters_of
from llmgateway_server.store.ledger import (
    Adjustment,
    Balance,
    Counter,
    Entry,
    Family,
    Grant,
    Intent,
    Refusal,
    Row,
    Settlement,
    UsageQuery,
    UsageRow,
)
from llmgateway_server.store.objects import AlreadyThere, Changed, NotThere, Stored
from llmgateway_server.store.sums import HourlySums
from llmgateway_server.store.sweep import Sweep
from llmgateway_server.store.usage import HOUR_S, NANOS_PER_S, Groups, bucket_of, group_rows, usage_rows

BATCH_SIZE = 500


class MemoryLedger:
    """A ledger that forgets all when its process ends. Started again, it takes what is open for a dead process's."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self.lease_s = math.inf
        self._clock = clock
        self._counters = CounterBook()
        self._families: dict[Family, int] = {}
        self._open: dict[str, OpenIntent] = {}
        self._presumed: dict[str, Booking] = {}
        self._rows: list[Row] = []
        self._pruned = HourlySums()
        self._pruned_before_ns = 0
        # Adjustments to what was pruned: summed up with it, but rows still.
        self._belated: list[Row] = []
        self._sweep = Sweep(lambda: self.expire(self._clock()))

    async def start(self) -> None:
        now_ns = self._clock()
        for intent in [*self._open.values()]:
            self._presume(intent, now_ns)
        self._sweep.start()

    async def stop(self) -> None:
        await self._sweep.stop()

    async def reserve(self, intents: Sequence[Intent]) -> Grant | Refusal:
        opened = self._counters.reserve(intents)
        if isinstance(opened, Refusal):
            return opened
        self._open |= {one.entry.attempt_id: one for one in opened}
        return Grant(tuple(one.granted_usd_nanos for one in opened))

    def settle(self, settlement: Settlement) -> None:
        attempt_id = settlement.attempt_id
        intent = self._open.pop(attempt_id, None)
        if intent is not None:
            self._counters.release(intent.held)
            self._book(bookings.settle(intent, settlement, self._families))
        elif (presumed := self._presumed.pop(attempt_id, None)) is not None:
            self._book(bookings.settle_late(presumed, settlement, self._families))

    def record(self, entry: Entry, settlement: Settlement) -> None:
        self._book(bookings.record(entry, settlement, self._families))

    def expire(self, now_ns: int) -> None:
        """Presume the intents whose time is over."""
        for intent in [one for one in self._open.values() if one.expires_ns <= now_ns]:
            self._presume(intent, now_ns)

    async def flush(self) -> None:
        return

    async def balances(self, counters: Sequence[Counter]) -> Sequence[Balance]:
        return [self._counters.balance(counter) for counter in counters]

    async def activate(self, families: Mapping[Family, int]) -> None:
        new = {family: start_s for family, start_s in families.items() if family not in self._families}
        self._families = dict(families)
        for counter in self._counters.of(new):
            self._counters.reset(counter)
        for row in self._rows:
            self._counters.commit(
                {counter: bookings.amount_of(row, counter.metric) for counter in counters_of(row.entry, new)}
            )
        self._counters.commit(self._pruned.amounts(new))

    async def adjust(self, adjustment: Adjustment) -> None:
        self._book(bookings.adjust(adjustment, self._families))

    async def usage(self, query: UsageQuery) -> Sequence[UsageRow]:
        groups: Groups = {}
        group_rows(self._rows, query, groups)
        self._pruned.group(query, groups)
        return usage_rows(groups)

    async def rows(self, since_ns: int, until_ns: int) -> AsyncIterator[Sequence[Row]]:
        rows = [*self._rows, *self._belated, *(one.row for one in self._open.values())]
        rows = [row for row in rows if since_ns <= row.entry.started_ns < until_ns]
        rows.sort(key=lambda row: row.entry.started_ns)
        for begin in range(0, len(rows), BATCH_SIZE):
            yield rows[begin : begin + BATCH_SIZE]

    async def prune(self, before_ns: int) -> int:
        self._pruned_before_ns = max(self._pruned_before_ns, bucket_of(before_ns, HOUR_S) * NANOS_PER_S)
        old = [row for row in self._rows if row.entry.started_ns < self._pruned_before_ns]
        self._rows = [row for row in self._rows if row.entry.started_ns >= self._pruned_before_ns]
        for row in old:
            self._pruned.add_row(row)
            self._presumed.pop(row.entry.attempt_id, None)
        gone_count, self._belated = len(old) + len(self._belated), []
        return gone_count

    def _presume(self, intent: OpenIntent, now_ns: int) -> None:
        del self._open[intent.entry.attempt_id]
        self._counters.release(intent.held)
        booking = bookings.presume(intent, self._families, now_ns)
        self._presumed[intent.entry.attempt_id] = booking
        self._book(booking)

    def _book(self, booking: Booking) -> None:
        if booking.row.entry.started_ns < self._pruned_before_ns:
            self._belated.append(booking.row)
            self._pruned.add_row(booking.row)
        else:
            self._rows.append(booking.row)
        self._counters.commit(booking.amounts)


class MemoryObjects:
    """Objects that nothing keeps."""

    def __init__(self) -> None:
        self._objects: dict[tuple[str, str], Stored] = {}
        self._revision = 0

    async def changes(self, since_revision: int) -> Sequence[Stored]:
        found = [
            one
            for one in self._objects.values()
            if one.revision > since_revision and (since_revision or not one.is_deleted)
        ]
        return sorted(found, key=lambda one: one.revision)

    async def create(self, kind: str, id: str, body: bytes, now_ns: int) -> Stored:  # noqa: A002
        known = self._objects.get((kind, id))
        if known is not None and not known.is_deleted:
            raise AlreadyThere(f"{kind} {id}")
        return self._put(Stored(kind, id, body, self._next(), now_ns, now_ns))

    async def update(self, kind: str, id: str, body: bytes, etag: str, now_ns: int) -> Stored:  # noqa: A002
        known = self._known(kind, id, etag)
        return self._put(Stored(kind, id, body, self._next(), known.created_ns, now_ns))

    async def delete(self, kind: str, id: str, etag: str, now_ns: int) -> Stored:  # noqa: A002
        known = self._known(kind, id, etag) if etag else self._found(kind, id)
        return self._put(Stored(kind, id, b"", self._next(), known.created_ns, now_ns, is_deleted=True))

    def _known(self, kind: str, id: str, etag: str) -> Stored:  # noqa: A002
        found = self._found(kind, id)
        if found.etag != etag:
            raise Changed(f"{kind} {id}")
        return found

    def _found(self, kind: str, id: str) -> Stored:  # noqa: A002
        found = self._objects.get((kind, id))
        if found is None or found.is_deleted:
            raise NotThere(f"{kind} {id}")
        return found

    def _next(self) -> int:
        self._revision += 1
        return self._revision

    def _put(self, stored: Stored) -> Stored:
        self._objects[stored.kind, stored.id] = stored
        return stored
