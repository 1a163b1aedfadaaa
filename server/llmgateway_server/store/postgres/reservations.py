"""Reservations, several in one transaction: those that come while one is written are written together after it.

Where all of them hold the same counter, they would else wait for each other's commit, one by one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import asyncpg

from llmgateway_server.store import counters
from llmgateway_server.store.ledger import Balance, Grant, Intent, Refusal, StoreAway
from llmgateway_server.store.postgres.lane import Lane, is_undone
from llmgateway_server.store.postgres.writing import Reservation

LARGEST_BATCH = 128
LONGEST_QUEUE = 4_096

Answer = Grant | Refusal
RESERVE = f"SELECT is_granted, numbers FROM reserve({', '.join(f'${number}' for number in range(1, 18))})"  # noqa: S608  # bound
RAISE_FENCE = "SELECT raise_fence($1, $2)"
INCARNATION_OVER = "LG001"


class Waiting:
    """A call's intents, and who waits for their answer."""

    __slots__ = ("answer", "attempt_ids", "intents")

    def __init__(self, intents: Sequence[Intent], answer: asyncio.Future[Answer]) -> None:
        self.intents = intents
        self.answer = answer
        self.attempt_ids = [intent.entry.attempt_id for intent in intents]


class Doubt:
    """A batch of which nobody knows how it ended: the reservations of an incarnation with a sequence below that."""

    __slots__ = ("attempt_ids", "below", "incarnation")

    def __init__(self, incarnation: str, below: int, attempt_ids: Sequence[str]) -> None:
        self.incarnation = incarnation
        self.below = below
        self.attempt_ids = attempt_ids


class Reservations:
    """Takes calls' intents and writes them in batches, one at a time.

    A batch whose end is not known is in doubt until a fence has been raised which it cannot get over any more.
    `incarnation_of` names the process, a new one where the last has been taken for dead. `release` is told attempts of
    which it is known by now whether they are reserved.
    """

    def __init__(
        self,
        lane: Lane,
        incarnation_of: Callable[[bool], Awaitable[str]],
        release: Callable[[Sequence[str]], None],
        timeout_s: float,
        largest_batch: int = LARGEST_BATCH,
    ) -> None:
        self._lane = lane
        self._incarnation_of = incarnation_of
        self._release = release
        self._timeout_s = timeout_s
        self._largest_batch = largest_batch
        self._queue: list[Waiting] = []
        self._wake = asyncio.Event()
        self._sequence = 0
        self._pending: set[str] = set()
        self._doubts: list[Doubt] = []

    async def reserve(self, intents: Sequence[Intent]) -> Answer:
        """Reserve for all intents or none."""
        if not self._lane.is_whole:
            raise StoreAway("PostgreSQL is away.")
        if len(self._queue) >= LONGEST_QUEUE:
            raise StoreAway("Too many reservations wait for PostgreSQL.")
        waiting = Waiting(intents, asyncio.get_running_loop().create_future())
        self._queue.append(waiting)
        self._wake.set()
        try:
            async with asyncio.timeout(self._timeout_s):
                return await waiting.answer
        except TimeoutError:
            raise StoreAway("PostgreSQL did not answer in time.") from None

    def is_pending(self, attempt_id: str) -> bool:
        """Return whether it is not known by now whether an attempt is reserved."""
        return attempt_id in self._pending

    async def run(self) -> None:
        """Write what comes, until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._queue:
                batch, self._queue = self._queue[: self._largest_batch], self._queue[self._largest_batch :]
                await self._write([waiting for waiting in batch if not waiting.answer.done()])

    async def recover(self) -> None:
        """Clear up what is in doubt, and see whether PostgreSQL answers again. Raise `StoreAway` where it does not."""
        while self._doubts:
            doubt = self._doubts[0]
            await self._lane.fetch(RAISE_FENCE, doubt.incarnation, doubt.below)
            self._doubts.remove(doubt)
            self._resolve(doubt.attempt_ids)
        await self._lane.probe()

    def close(self) -> None:
        """Refuse what waits."""
        self._refuse(StoreAway("The ledger is closed."))
        self._resolve([*self._pending])

    async def _write(self, batch: Sequence[Waiting]) -> None:
        if not batch:
            return
        attempt_ids = [attempt_id for waiting in batch for attempt_id in waiting.attempt_ids]
        self._pending.update(attempt_ids)
        try:
            answers = await self._reserve(batch)
        except StoreAway as away:
            if is_undone(away):
                self._resolve(attempt_ids)
            for waiting in batch:
                fail(waiting.answer, away)
            self._refuse(away)
        except (asyncpg.PostgresError, ValueError) as error:
            self._resolve(attempt_ids)
            await self._write_alone(batch, error)
        else:
            self._resolve(attempt_ids)
            for waiting, answer in zip(batch, answers, strict=True):
                if not waiting.answer.done():
                    waiting.answer.set_result(answer)

    async def _write_alone(self, batch: Sequence[Waiting], error: Exception) -> None:
        """Write one by one what PostgreSQL takes offence at together: only whoever gave offence shall fail."""
        if len(batch) == 1:
            fail(batch[0].answer, error)
            return
        for waiting in batch:
            await self._write([waiting])

    async def _reserve(self, batch: Sequence[Waiting]) -> Sequence[Answer]:
        try:
            return await self._reserve_as(await self._incarnation_of(False), batch)
        except asyncpg.PostgresError as error:
            if error.sqlstate != INCARNATION_OVER:
                raise
        return await self._reserve_as(await self._incarnation_of(True), batch)

    async def _reserve_as(self, incarnation: str, batch: Sequence[Waiting]) -> Sequence[Answer]:
        reservation = Reservation()
        for waiting in batch:
            reservation.add(waiting.intents)
        arguments = reservation.arguments()
        self._sequence += 1
        sequence = self._sequence
        try:
            records = await self._lane.fetch(RESERVE, incarnation, sequence, *arguments)
        except StoreAway as away:
            if not is_undone(away):
                attempt_ids = [attempt_id for waiting in batch for attempt_id in waiting.attempt_ids]
                self._doubts.append(Doubt(incarnation, sequence + 1, attempt_ids))
            raise
        return [answer_of(waiting.intents, *record) for waiting, record in zip(batch, records, strict=True)]

    def _resolve(self, attempt_ids: Sequence[str]) -> None:
        self._pending.difference_update(attempt_ids)
        self._release(attempt_ids)

    def _refuse(self, away: StoreAway) -> None:
        """Refuse all that waits: it would wait in vain."""
        queue, self._queue = self._queue, []
        for waiting in queue:
            fail(waiting.answer, away)


def fail(answer: asyncio.Future[Answer], error: Exception) -> None:
    """Tell whoever still waits."""
    if not answer.done():
        answer.set_exception(error)


def answer_of(intents: Sequence[Intent], is_granted: bool, numbers: Sequence[int]) -> Answer:
    """Return what `reserve` says of a call."""
    if is_granted:
        return Grant(tuple(numbers))
    holds = [counter for intent in intents for counter in counters.holds_of(intent.charges, 0)]
    balances = dict(zip(holds, map(Balance, numbers[::2], numbers[1::2]), strict=True))
    refusal = counters.reserve(intents, balances.__getitem__)
    if not isinstance(refusal, Refusal):
        raise ValueError("PostgreSQL refused what there is room for.")
    return refusal
