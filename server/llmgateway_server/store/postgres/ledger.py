"""The ledger in PostgreSQL, for any number of gateways."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path

import asyncpg
import msgspec

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
from llmgateway_server.store.postgres import schema
from llmgateway_server.store.postgres.lane import Lane
from llmgateway_server.store.postgres.process import Process
from llmgateway_server.store.postgres.reports import Reports
from llmgateway_server.store.postgres.reservations import LARGEST_BATCH, Reservations
from llmgateway_server.store.postgres.settlements import Settlements
from llmgateway_server.store.postgres.spool import Spool
from llmgateway_server.store.postgres.writing import clean, encode, ending_of_adjustment, keys_of, op_of

BALANCES = """
    SELECT coalesce(c.committed, 0), coalesce(c.held, 0)
    FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[]) WITH ORDINALITY
        AS o(scope, metric, "window", start_s, place)
    LEFT JOIN counter c USING (scope, metric, "window", start_s) ORDER BY o.place"""
ADJUST = "SELECT adjust($1::text::jsonb, $2::text::jsonb, $3::text::jsonb)"

log = logging.getLogger("llmgateway")


class Timing(msgspec.Struct, frozen=True):
    """How long things may take, in seconds.

    A process beats every `beat_s` and is dead to the others after `dead_after_s` without. `lease_s` is shorter than
    that by more than 3 s, for a reservation beats, too, where the last beat is older. While PostgreSQL is away it is
    asked every `retry_s`. Settlements gather for `gathering_s`: each batch locks counters that reservations wait for.
    """

    reserve_timeout_s: float = 2.0
    settle_timeout_s: float = 10.0
    report_timeout_s: float = 60.0
    activate_timeout_s: float = 60.0
    beat_s: float = 3.0
    dead_after_s: float = 15.0
    lease_s: float = 10.0
    retry_s: float = 0.5
    gathering_s: float = 0.02


class PostgresLedger:
    """A ledger that gateways share. Each has connections of its own: to reserve, to settle, to live, and to read.

    `spool` is a directory for what must wait while PostgreSQL is away.
    """

    def __init__(
        self,
        url: str,
        *,
        spool: Path,
        clock: Callable[[], int],
        new_id: Callable[[], str],
        timing: Timing = Timing(),  # noqa: B008  # frozen
        largest_batch: int = LARGEST_BATCH,
    ) -> None:
        self.lease_s = timing.lease_s
        self._timing = timing
        self._clock = clock
        self._reserving = Lane(url, timing.reserve_timeout_s)
        self._settling = Lane(url, timing.settle_timeout_s)
        self._living = Lane(url, timing.activate_timeout_s)
        self._reading = Lane(url, timing.report_timeout_s)
        self._process = Process(self._living, new_id, timing.dead_after_s)
        self._settlements = Settlements(self._settling, Spool(spool, new_id()), self._is_pending, timing.gathering_s)
        self._reservations = Reservations(
            self._reserving,
            self._process.incarnation_of,
            self._settlements.release,
            timing.reserve_timeout_s,
            largest_batch,
        )
        self._reports = Reports(self._reading)
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def lost_count(self) -> int:
        """How many settlements and records had no place, neither in the database nor on disk."""
        return self._settlements.lost_count

    async def start(self) -> None:
        try:
            await self._living.run(schema.check)
            await self._process.enter()
            await self._process.presume(self._clock())
        except (asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidCatalogNameError) as error:
            raise schema.refusal(error) from None
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(one) for one in (self._reservations.run(), self._live())]
        self._settlements.start()

    async def stop(self) -> None:
        await self._stop_tasks()
        await self._settlements.stop()
        try:
            await self._process.leave()
        except StoreAway as away:
            log.warning("%s The ledger is left as it is.", away)
        finally:
            self._close_lanes()

    async def abandon(self) -> None:
        """End as the process's death would: what is queued is lost, and what is open stays so."""
        await self._stop_tasks()
        await self._settlements.abandon()
        self._close_lanes()

    async def reserve(self, intents: Sequence[Intent]) -> Grant | Refusal:
        answer = await self._reservations.reserve(intents)
        if isinstance(answer, Refusal) and self._settlements.has_queued:
            # What waits to be settled may free the room that lacks: nobody is refused for that.
            await self._settlements.flush()
            answer = await self._reservations.reserve(intents)
        return answer

    def settle(self, settlement: Settlement) -> None:
        self._settlements.put(settlement.attempt_id, op_of(settlement))

    def record(self, entry: Entry, settlement: Settlement) -> None:
        self._settlements.put(settlement.attempt_id, op_of(settlement, entry))

    async def flush(self) -> None:
        await self._settlements.flush()

    async def balances(self, counters: Sequence[Counter]) -> Sequence[Balance]:
        await self.flush()
        records = await self._reading.fetch(
            BALANCES,
            [clean(counter.scope) for counter in counters],
            [counter.metric.value for counter in counters],
            [counter.window for counter in counters],
            [counter.start_s for counter in counters],
        )
        return [Balance(*record) for record in records]

    async def activate(self, families: Mapping[Family, int]) -> None:
        await self.flush()
        await self._process.activate(families)

    async def adjust(self, adjustment: Adjustment) -> None:
        await self.flush()
        told = (adjustment.entry, ending_of_adjustment(adjustment), keys_of(adjustment.charges))
        await self._living.fetch(ADJUST, *(encode(one).decode() for one in told))

    async def usage(self, query: UsageQuery) -> Sequence[UsageRow]:
        await self.flush()
        return await self._reports.usage(query)

    async def rows(self, since_ns: int, until_ns: int) -> AsyncIterator[Sequence[Row]]:
        await self.flush()
        async for batch in self._reports.rows(since_ns, until_ns):
            yield batch

    async def prune(self, before_ns: int) -> int:
        await self.flush()
        return await self._reports.prune(before_ns)

    async def expire(self, now_ns: int) -> None:
        """Presume the intents whose time is over by then, and what dead processes left open."""
        await self._process.presume(now_ns)

    async def _stop_tasks(self) -> None:
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        self._reservations.close()

    def _close_lanes(self) -> None:
        for lane in (self._reserving, self._settling, self._living, self._reading):
            lane.close()

    async def roll(self) -> None:
        """Take the rows that have come into the sums that usage is told from, now."""
        await self._reports.roll()

    def _is_pending(self, attempt_id: str) -> bool:
        return self._reservations.is_pending(attempt_id)

    @property
    def _is_whole(self) -> bool:
        return self._living.is_whole and self._reserving.is_whole and self._settling.is_whole

    async def _rest(self) -> None:
        """Wait until it is time to beat, or to see whether PostgreSQL is back."""
        loop = asyncio.get_running_loop()
        until_s = loop.time() + self._timing.beat_s
        while (left_s := until_s - loop.time()) > 0:
            await asyncio.sleep(min(left_s, self._timing.retry_s))
            if not self._is_whole:
                return

    async def _live(self) -> None:
        """Beat, presume, and look whether PostgreSQL is back, until cancelled."""
        while True:
            await self._rest()
            try:
                await self._process.beat()
                await self._reservations.recover()
                await self._process.presume(self._clock())
                await self._reports.roll()
            except StoreAway:
                continue  # Whoever needs it hears of it.
            except asyncpg.PostgresError as error:
                log.error("The ledger's upkeep failed (%s): %s", error.sqlstate, error)
            finally:
                self._settlements.retry()
