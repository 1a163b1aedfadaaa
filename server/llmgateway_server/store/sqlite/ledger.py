"""The ledger in a file of SQLite.

Counters are kept in memory, on the event loop: a reservation is decided and held there at once, and lasts before
`reserve` returns. The file has what counters have committed and which intents are open; what is held follows from
these. All that changes a counter goes through one queue in the order in which it was decided, so that no reservation
outlives a crash without the settlements that made room for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping, Sequence

from llmgateway_server.store import bookings
from llmgateway_server.store.bookings import Booking, OpenIntent
from llmgateway_server.store.counter_book import CounterBook
from llmgateway_server.store.counters import Amounts, add, family_of
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
    StoreAway,
    UsageQuery,
    UsageRow,
)
from llmgateway_server.store.sqlite import reports
from llmgateway_server.store.sqlite.database import Database
from llmgateway_server.store.sqlite.pruning import SOME, delete_some, delete_some_details, mark_pruned, past_counters
from llmgateway_server.store.sqlite.schema import connect_for_reading
from llmgateway_server.store.sqlite.tables import Tables
from llmgateway_server.store.sqlite.writer import Ending, LateSettling
from llmgateway_server.store.sweep import Sweep

BATCH_SIZE = 500
MAX_UNSENT = 10_000


class SqliteLedger:
    """A ledger in a database. It opens that at its start and closes it at its stop. `clock` is the wall's, in ns."""

    def __init__(self, database: Database, clock: Callable[[], int]) -> None:
        self.lease_s = math.inf
        self._database = database
        self._clock = clock
        self._counters = CounterBook()
        self._families: dict[Family, int] = {}
        self._open: dict[str, OpenIntent] = {}
        # Attempts that could not be reserved: nothing is to be settled.
        self._unsent: dict[str, None] = {}
        # Held while counters are read from the file; reservations that need those of `_unready` wait.
        self._loading = asyncio.Lock()
        self._unready: set[Family] = set()
        # What is committed meanwhile to counters that are being read.
        self._meanwhile: dict[Counter, int] | None = None
        # Late settlements whose amounts are not known yet.
        self._untold_count = 0
        # The newest period of each family. Of earlier ones only what was held lately is in memory.
        self._newest: dict[Family, int] = {}
        self._tidied_count = 0
        self._sweep = Sweep(self._tidy)

    async def start(self) -> None:
        await self._database.open()
        now_ns = self._clock()

        def presume(_: sqlite3.Connection, tables: Tables) -> tuple[dict[Family, int], dict[Counter, int]]:
            tables.presume_all(now_ns)
            return tables.families(), tables.running_counters()

        self._families, committed = await self._database.writer.run(presume)
        self._counters.commit(committed)
        self._forget_past()
        self._sweep.start()

    async def stop(self) -> None:
        await self._sweep.stop()
        await self._database.close()

    async def reserve(self, intents: Sequence[Intent]) -> Grant | Refusal:
        writer = self._database.writer
        if self._needs_loading(intents):
            await self._load_for(intents)
        opened = self._counters.reserve(intents)
        if isinstance(opened, Refusal):
            return opened
        try:
            await writer.reserve(opened)
        except BaseException as error:
            for one in opened:
                self._counters.release(one.held)
                self._note_unsent(one.entry.attempt_id)
                if isinstance(error, asyncio.CancelledError):
                    # It may have lasted, and nobody is left who would send it.
                    writer.put(Ending(None, one.entry.attempt_id))
            raise
        for one in opened:
            self._open[one.entry.attempt_id] = one
        return Grant(tuple(one.granted_usd_nanos for one in opened))

    def settle(self, settlement: Settlement) -> None:
        intent = self._open.pop(settlement.attempt_id, None)
        if intent is not None:
            self._end(intent, bookings.settle(intent, settlement, self._families))
        elif settlement.attempt_id in self._unsent:
            del self._unsent[settlement.attempt_id]
        else:
            self._untold_count += 1
            self._database.writer.put(LateSettling(settlement, frozenset(self._families), self._hear))

    def record(self, entry: Entry, settlement: Settlement) -> None:
        booking = bookings.record(entry, settlement, self._families)
        self._commit(booking.amounts)
        self._database.writer.put(Ending(booking, None))

    def expire(self, now_ns: int) -> None:
        """Presume the intents whose time is over."""
        for intent in [one for one in self._open.values() if one.expires_ns <= now_ns]:
            del self._open[intent.entry.attempt_id]
            self._end(intent, bookings.presume(intent, self._families, now_ns))

    async def flush(self) -> None:
        await self._database.writer.run(lambda *_: None)

    async def balances(self, counters: Sequence[Counter]) -> Sequence[Balance]:
        past = [counter for counter in counters if self._is_left_to_the_file(counter)]
        committed = await self._database.writer.run(lambda _, tables: tables.committed(past)) if past else {}
        return [Balance(committed[one]) if one in committed else self._counters.balance(one) for one in counters]

    async def activate(self, families: Mapping[Family, int]) -> None:
        async with self._loading:
            await self._hear_all()
            kept = {family: start_s for family, start_s in families.items() if family in self._families}
            new = {family: start_s for family, start_s in families.items() if family not in self._families}
            self._families = dict(families)
            self._unready = set(new)
            for counter in self._counters.of(new):
                self._counters.reset(counter)
            try:
                self._counters.commit(await self._sum_up(kept, new))
            except BaseException:
                self._families = kept
                raise
            finally:
                self._unready = set()

    async def adjust(self, adjustment: Adjustment) -> None:
        booking = bookings.adjust(adjustment, self._families)

        def book(_: sqlite3.Connection, tables: Tables) -> None:
            tables.insert_rows([booking])
            tables.add_to_counters(booking.amounts)

        self._commit(booking.amounts)
        try:
            await self._database.writer.run(book)
        except StoreAway:
            self._commit({counter: -amount for counter, amount in booking.amounts.items()})
            raise

    async def usage(self, query: UsageQuery) -> Sequence[UsageRow]:
        return await self._database.read(lambda connection: reports.usage(connection, query))

    async def rows(self, since_ns: int, until_ns: int) -> AsyncIterator[Sequence[Row]]:
        place: reports.Place | None = (since_ns, -1)
        while place is not None:
            after = place
            rows, place = await self._database.read(
                lambda connection, after=after: reports.rows_after(connection, after, until_ns, BATCH_SIZE)  # type: ignore[misc]
            )
            if rows:
                yield rows

    async def prune(self, before_ns: int) -> int:
        writer = self._database.writer
        async with self._loading:
            pruned_ns = await writer.run(lambda connection, _: mark_pruned(connection, before_ns))
            deleted_count = 0
            while count := await writer.run(lambda connection, _: delete_some(connection, pruned_ns)):
                deleted_count += count
            while await writer.run(lambda connection, _: delete_some_details(connection, pruned_ns)):
                pass
            past = await self._database.read(lambda connection: past_counters(connection, pruned_ns))
            held = {counter for intent in self._open.values() for counter in intent.held}
            past = [counter for counter in past if counter not in held]
            for begin in range(0, len(past), SOME):
                some = past[begin : begin + SOME]
                await writer.run(lambda _, tables, some=some: tables.delete_counters(some))  # type: ignore[misc]
        return deleted_count

    def _note_unsent(self, attempt_id: str) -> None:
        if len(self._unsent) >= MAX_UNSENT:
            del self._unsent[next(iter(self._unsent))]
        self._unsent[attempt_id] = None

    def _end(self, intent: OpenIntent, booking: Booking) -> None:
        self._counters.release(intent.held)
        self._commit(booking.amounts)
        self._database.writer.put(Ending(booking, intent.entry.attempt_id))

    def _hear(self, late: Booking | None) -> None:
        """Commit what a late settlement came to."""
        self._untold_count -= 1
        if late is not None:
            self._commit(late.amounts)

    async def _hear_all(self) -> None:
        """Return once every late settlement is committed in memory: what is read from the file would have it twice."""
        while self._untold_count:
            await self.flush()

    def _commit(self, amounts: Amounts) -> None:
        """Commit amounts in memory, but for counters that are only in the file."""
        for counter, amount in amounts.items():
            if not self._is_left_to_the_file(counter):
                self._counters.commit({counter: amount})
            elif self._meanwhile is not None:
                add(self._meanwhile, {counter: amount})

    def _is_left_to_the_file(self, counter: Counter) -> bool:
        return counter not in self._counters and counter.start_s < self._newest.get(family_of(counter), 0)

    def _needs_loading(self, intents: Sequence[Intent]) -> bool:
        """Whether a reservation is about counters that are not all in memory."""
        for intent in intents:
            for charge in intent.charges:
                counter = charge.counter
                if counter not in self._counters and self._is_left_to_the_file(counter):
                    return True
                if self._unready and family_of(counter) in self._unready:
                    return True
        return False

    async def _load_for(self, intents: Sequence[Intent]) -> None:
        """Read the counters that a reservation is about and that are not in memory, or wait until others have."""
        async with self._loading:
            await self._hear_all()
            counters = {charge.counter for intent in intents for charge in intent.charges}
            past = [counter for counter in counters if self._is_left_to_the_file(counter)]
            if past:
                self._meanwhile = {}
                try:
                    committed = await self._database.writer.run(lambda _, tables: tables.committed(past))
                    for counter in past:
                        self._counters.commit({counter: committed[counter] + self._meanwhile.get(counter, 0)})
                finally:
                    self._meanwhile = None

    async def _sum_up(self, kept: Mapping[Family, int], new: Mapping[Family, int]) -> Mapping[Counter, int]:
        """Return what new families have spent, while calls go on.

        The sums are those of the moment at which this comes up in the queue: what was booked before is in the rows, and
        what comes after is added to the counters as ever. Until they are in, the file does not call the families kept.
        """
        spent: Mapping[Counter, int] = {}
        if new:
            snapshot = connect_for_reading(self._database.path)

            def begin(_: sqlite3.Connection, tables: Tables) -> None:
                hold_still(snapshot)
                tables.set_families(kept)
                for family, start_s in new.items():
                    tables.delete_family(family, start_s)

            try:
                await self._database.writer.run(begin)
                spent = await self._database.run_reading(lambda connection: reports.spent(connection, new), snapshot)
            finally:
                snapshot.close()

        def finish(_: sqlite3.Connection, tables: Tables) -> None:
            tables.set_families({**kept, **new})
            tables.add_to_counters(spent)

        await self._database.writer.run(finish)
        return spent

    def _tidy(self) -> None:
        """Presume what is over time, and forget counters of periods that ended."""
        with contextlib.suppress(StoreAway):
            self.expire(self._clock())
        if len(self._counters) != self._tidied_count:
            self._forget_past()

    def _forget_past(self) -> None:
        """Forget the counters of periods that ended, but those that are held."""
        for counter in self._counters:
            family = family_of(counter)
            self._newest[family] = max(counter.start_s, self._newest.get(family, 0))
        past = [one for one in self._counters if one.start_s < self._newest[family_of(one)]]
        for counter in past:
            if not self._counters.standing(counter).held:
                self._counters.drop(counter)
        # A counter that is held still is tried again.
        self._tidied_count = len(self._counters) if not past else -1


def hold_still(connection: sqlite3.Connection) -> None:
    """Begin to read: from now on the connection sees the file as it is now."""
    connection.execute("BEGIN")
    connection.execute("SELECT value FROM marks").fetchall()
