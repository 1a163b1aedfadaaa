"""The thread that writes: all that is queued in one transaction, then those who wait for it are woken by one call.

What cannot be written is treated by what it is. A reservation is refused, and its caller undoes it. What an attempt has
come to is kept, and tried again with whatever comes next and every second, until there is space: attempts that end are
no more than those that ran, so it takes little memory. Records of attempts that no limit applies to are dropped beyond
a number.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from typing import Any, TypeVar

from llmgateway_server.store.bookings import Booking, OpenIntent
from llmgateway_server.store.counters import add, total
from llmgateway_server.store.ledger import Family, Settlement, StoreAway
from llmgateway_server.store.sqlite.rolling import roll
from llmgateway_server.store.sqlite.tables import Tables
from llmgateway_server.store.sqlite.trouble import trouble_of

Result = TypeVar("Result")

MAX_BATCH = 1_000
MAX_KEPT_RECORDS = 100_000
RETRY_EVERY_S = 1.0
# How long endings wait for something that is waited for, to be written with it: a call then costs one commit, not two.
GATHER_S = 0.02
ROLL_EVERY = 1_000


class Reserving:
    """Intents that somebody waits for."""

    __slots__ = ("done", "intents")

    def __init__(self, intents: Sequence[OpenIntent], done: asyncio.Future[Any]) -> None:
        self.intents = intents
        self.done = done


class Ending:
    """What an attempt has come to: a booking, or none for one never sent. `attempt_id` is that of its intent."""

    __slots__ = ("attempt_id", "booking")

    def __init__(self, booking: Booking | None, attempt_id: str | None) -> None:
        self.booking = booking
        self.attempt_id = attempt_id


class LateSettling:
    """A settlement of an attempt that is not open any more. `told` hears what it came to, None for nothing."""

    __slots__ = ("families", "settlement", "told")

    def __init__(
        self, settlement: Settlement, families: Collection[Family], told: Callable[[Booking | None], None]
    ) -> None:
        self.settlement = settlement
        self.families = families
        self.told = told


class Job:
    """Something else to do, after all that was queued before and before all that is queued after."""

    __slots__ = ("done", "run")

    def __init__(self, run: Callable[[sqlite3.Connection, Tables], Any], done: asyncio.Future[Any]) -> None:
        self.run = run
        self.done = done


class Stop:
    """The end of the queue."""


Kept = Ending | LateSettling
Item = Reserving | Ending | LateSettling | Job | Stop
Call = Callable[[], None]


class Writer:
    """Owns the connection that writes, and its thread. All methods but those of the thread are the event loop's."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        loop: asyncio.AbstractEventLoop,
        monotonic: Callable[[], float],
        on_trouble: Callable[[Exception | None], None],
    ) -> None:
        self._connection = connection
        self._tables = Tables(connection)
        self._loop = loop
        self._monotonic = monotonic
        self._on_trouble = on_trouble
        # What is not handed over yet: each handing over wakes the thread, and costs a commit.
        self._fresh: list[Item] = []
        self._gathering: asyncio.TimerHandle | None = None
        self._is_hurried = False
        self._queue: queue.SimpleQueue[Sequence[Item]] = queue.SimpleQueue()
        self._ahead: deque[Item] = deque()
        self._kept: list[Kept] = []
        self._retry_s = 0.0
        self._unrolled = self._tables.unrolled_count
        self._trouble: StoreAway | None = None
        self._is_abandoned = False
        self._thread = threading.Thread(target=self._run, name="ledger-writer", daemon=True)
        self._ended: asyncio.Future[None] = loop.create_future()

    def start(self) -> None:
        self._thread.start()

    def put(self, item: Item) -> None:
        """Queue something to write: with all that this turn of the loop puts, or soon where nobody waits for it."""
        self._fresh.append(item)
        if self._is_hurried:
            return
        if not isinstance(item, Ending) or len(self._fresh) >= MAX_BATCH:
            self._is_hurried = True
            self._loop.call_soon(self._hand_over)
        elif self._gathering is None:
            self._gathering = self._loop.call_later(GATHER_S, self._hand_over)

    async def reserve(self, intents: Sequence[OpenIntent]) -> None:
        """Return once intents have lasted. Raise `StoreAway` where they cannot be written."""
        done = self._loop.create_future()
        self.put(Reserving(intents, done))
        await done

    async def run(self, job: Callable[[sqlite3.Connection, Tables], Result]) -> Result:
        """Run something in a transaction of its own, in its turn, and return what it returned."""
        done: asyncio.Future[Result] = self._loop.create_future()
        self.put(Job(job, done))
        return await done

    async def stop(self) -> None:
        """Write what is queued, then close. What cannot be written is presumed at the next start."""
        self.put(Stop())
        await asyncio.shield(self._ended)

    def abandon(self) -> None:
        """Leave as a crash would: nothing more is written."""
        self._is_abandoned = True
        self._queue.put([Stop()])
        self._thread.join()

    def _hand_over(self) -> None:
        if self._gathering is not None:
            self._gathering.cancel()
            self._gathering = None
        self._is_hurried = False
        if self._fresh:
            fresh, self._fresh = self._fresh, []
            self._queue.put(fresh)

    # What follows runs in the thread.

    def _run(self) -> None:
        item: Item | None = None
        while not isinstance(item, Stop):
            batch, item = self._next_batch()
            if self._is_abandoned:
                break
            calls = self._write(batch)
            if isinstance(item, Job):
                calls.append(self._do(item))
            self._wake(calls)
            if self._unrolled >= ROLL_EVERY:
                self._roll()
        self._connection.close()
        self._wake([_resolving(self._ended, None)])

    def _next_batch(self) -> tuple[list[Reserving | Kept], Job | Stop | None]:
        """Return what is queued, up to what must be done by itself."""
        with contextlib.suppress(queue.Empty):
            if not self._ahead:
                self._ahead += self._queue.get(timeout=RETRY_EVERY_S if self._kept else None)
            while True:
                self._ahead += self._queue.get_nowait()
        batch: list[Reserving | Kept] = []
        while self._ahead and len(batch) < MAX_BATCH:
            item = self._ahead.popleft()
            if isinstance(item, (Job, Stop)):
                return batch, item
            batch.append(item)
        return batch, None

    def _write(self, batch: Sequence[Reserving | Kept]) -> list[Call]:
        """Write a batch after what was kept; return what the event loop is to be told."""
        items = [*self._kept, *batch]
        if not items:
            return []
        if self._trouble is not None and self._kept and self._monotonic() < self._retry_s:
            return self._give_up(items, self._trouble)
        try:
            calls = self._commit(items)
        except Exception as error:  # noqa: BLE001  # every caller that waits must hear of it
            trouble = trouble_of(error)
            if trouble is None and len(items) > 1:
                return self._write_apart(items)
            return self._give_up(items, trouble or error)
        self._kept = []
        return calls + self._tell(None)

    def _write_apart(self, items: Sequence[Reserving | Kept]) -> list[Call]:
        """Write items one by one: something is wrong with one of them, and the others must not pay for it."""
        calls: list[Call] = []
        self._kept = []
        for index, item in enumerate(items):
            calls += self._write([item])
            if self._kept:
                # No reservation may last before the endings that made room for it.
                return calls + self._give_up([*self._kept, *items[index + 1 :]], self._trouble or StoreAway())
        return calls

    def _commit(self, items: Sequence[Reserving | Kept]) -> list[Call]:
        calls: list[Call] = []
        endings = [item for item in items if isinstance(item, Ending)]
        booked = [item.booking for item in endings if item.booking is not None]
        totals = total(booking.amounts for booking in booked)
        with self._transaction():
            reservings = [item for item in items if isinstance(item, Reserving)]
            self._tables.insert_intents(intent for item in reservings for intent in item.intents)
            self._tables.insert_rows(booked)
            self._tables.delete_intents(item.attempt_id for item in endings if item.attempt_id is not None)
            for item in items:
                if isinstance(item, LateSettling):
                    late = self._tables.settle_late(item.settlement, item.families)
                    if late is not None:
                        add(totals, late.amounts)
                    calls.append(partial(item.told, late))
            self._tables.add_to_counters(totals)
        self._unrolled += len(booked)
        return [*calls, *(_resolving(item.done, None) for item in reservings)]

    def _give_up(self, items: Sequence[Reserving | Kept], error: Exception) -> list[Call]:
        """Refuse reservations, and keep the rest where trying again may help."""
        calls = [_failing(item.done, error) for item in items if isinstance(item, Reserving)]
        if isinstance(error, StoreAway):
            self._kept = self._bounded([item for item in items if not isinstance(item, Reserving)])
            if self._monotonic() >= self._retry_s:
                self._retry_s = self._monotonic() + RETRY_EVERY_S / 2
            return calls + self._tell(error)
        if not isinstance(items[0], Reserving):
            calls += [partial(self._on_trouble, error)]
            calls += [partial(item.told, None) for item in items if isinstance(item, LateSettling)]
        return calls

    def _bounded(self, items: list[Kept]) -> list[Kept]:
        """Drop the oldest records of attempts that were not reserved, if there are too many."""
        surplus = len(items) - MAX_KEPT_RECORDS
        if surplus <= 0:
            return items
        kept: list[Kept] = []
        for item in items:
            if surplus > 0 and isinstance(item, Ending) and item.attempt_id is None:
                surplus -= 1
            else:
                kept.append(item)
        return kept

    def _do(self, job: Job) -> Call:
        try:
            if self._kept and self._trouble is not None:
                raise self._trouble
            with self._transaction():
                result = job.run(self._connection, self._tables)
        except Exception as error:  # noqa: BLE001  # its caller hears of it
            return _failing(job.done, trouble_of(error) or error)
        return _resolving(job.done, result)

    def _roll(self) -> None:
        try:
            with self._transaction():
                roll(self._connection, 2 * ROLL_EVERY)
        except sqlite3.Error as error:
            if trouble_of(error) is None:
                raise
            # It is tried again after the next batch; readers sum up the rows meanwhile.
            return
        self._unrolled = max(0, self._unrolled - 2 * ROLL_EVERY)

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            self._tables.forget()
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    def _tell(self, trouble: StoreAway | None) -> list[Call]:
        """Tell when trouble begins and when it ends."""
        is_news = (trouble is None) != (self._trouble is None)
        self._trouble = trouble
        return [lambda: self._on_trouble(trouble)] if is_news else []

    def _wake(self, calls: Sequence[Call]) -> None:
        if calls:
            # A loop that is closed has nobody left to tell.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(_call_all, calls)


def _call_all(calls: Sequence[Call]) -> None:
    for call in calls:
        call()


def _resolving(done: asyncio.Future[Any], result: object) -> Call:
    def resolve() -> None:
        if not done.done():
            done.set_result(result)

    return resolve


def _failing(done: asyncio.Future[Any], error: Exception) -> Call:
    def fail() -> None:
        if not done.done():
            done.set_exception(error)

    return fail
