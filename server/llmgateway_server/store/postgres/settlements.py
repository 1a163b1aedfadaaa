"""Settlements and records, written in batches, soon. While the database is away they are kept on the local disk."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from pathlib import Path

import asyncpg

from llmgateway_server.store.ledger import DiskFull, StoreAway
from llmgateway_server.store.postgres.lane import Lane
from llmgateway_server.store.postgres.spool import Spool, contents_of

LARGEST_BATCH = 500
LONGEST_QUEUE = 100_000
SETTLE = "SELECT settle($1::text::jsonb)"

log = logging.getLogger("llmgateway")


class Settlements:
    """A queue, who writes it, and where it goes while the database is away.

    What is put while its reservation is pending is held back until `release`. `lost_count` counts what had no place at
    all: the database away, the disk full, the queue at its end. A lost settlement is presumed, in time.
    """

    def __init__(self, lane: Lane, spool: Spool, is_pending: Callable[[str], bool], gathering_s: float) -> None:
        self.lost_count = 0
        self._gathering_s = gathering_s
        self._lane = lane
        self._spool = spool
        self._is_pending = is_pending
        self._queue: list[bytes] = []
        self._held_back: dict[str, list[bytes]] = {}
        self._wake = asyncio.Event()
        self._urge = asyncio.Event()
        self._released = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._is_stopping = False
        self._has_spooled = True
        self._put_count = 0
        self._kept_count = 0
        self._flushers: list[tuple[int, asyncio.Future[None]]] = []

    @property
    def has_queued(self) -> bool:
        """Whether anything waits to be written."""
        return bool(self._held_back) or self._kept_count < self._put_count

    def put(self, attempt_id: str, op: bytes) -> None:
        """Queue an attempt's end."""
        if self._is_pending(attempt_id):
            self._held_back.setdefault(attempt_id, []).append(op)
        elif len(self._queue) < LONGEST_QUEUE:
            self._queue.append(op)
            self._put_count += 1
            self._wake.set()
        else:
            self._lose(1)

    def release(self, attempt_ids: Sequence[str]) -> None:
        """Queue what was held back for attempts."""
        if self._held_back:
            for attempt_id in attempt_ids:
                for op in self._held_back.pop(attempt_id, ()):
                    self.put(attempt_id, op)
            self._released.set()

    def retry(self) -> None:
        """Try again what could not be written, and to book what is on disk."""
        self._wake.set()

    async def flush(self) -> None:
        """Return once all that was put has lasted, in the database or on disk.

        Raise `DiskFull` where it cannot now, `StoreAway` where it is not known whether something was reserved at all.
        """
        held_back = [*self._held_back]
        if held_back:
            await self._wait_for(held_back)
        if self._kept_count < self._put_count:
            flushed = asyncio.get_running_loop().create_future()
            self._flushers.append((self._put_count, flushed))
            self._wake.set()
            self._urge.set()
            await flushed

    async def _wait_for(self, held_back: Sequence[str]) -> None:
        try:
            async with asyncio.timeout(self._lane.timeout_s):
                while any(attempt_id in self._held_back for attempt_id in held_back):
                    self._released.clear()
                    await self._released.wait()
        except TimeoutError:
            raise StoreAway("PostgreSQL did not answer in time.") from None

    def start(self) -> None:
        """Write what comes from now on, and what other processes left on disk."""
        self._wake.set()
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """Keep what is queued, on disk if need be."""
        self.release([*self._held_back])
        self._is_stopping = True
        self._wake.set()
        self._urge.set()
        task, self._task = self._task, None
        if task is not None:
            await task

    async def abandon(self) -> None:
        """Stop at once; what is queued is lost."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
        await asyncio.to_thread(self._spool.close)

    async def _run(self) -> None:
        await asyncio.to_thread(self._spool.take_over)
        while not self._is_stopping:
            await self._wake.wait()
            await self._gather()
            self._wake.clear()
            await self._write_all()
            await self._drain()
        await asyncio.to_thread(self._spool.close)
        if self._queue:
            self._lose(len(self._queue))

    async def _gather(self) -> None:
        """Let more come, unless somebody waits for what is there."""
        if not self._flushers and not self._is_stopping and len(self._queue) < LARGEST_BATCH:
            self._urge.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._gathering_s):
                    await self._urge.wait()

    async def _write_all(self) -> None:
        while self._queue:
            batch = self._queue[:LARGEST_BATCH]
            try:
                await self._keep(batch)
            except DiskFull as full:
                self._tell(full)
                return
            del self._queue[: len(batch)]
            self._kept_count += len(batch)
            self._tell(None)

    async def _keep(self, batch: Sequence[bytes]) -> None:
        if self._lane.is_whole:
            try:
                await self._book(batch)
                return
            except StoreAway as away:
                log.warning("%s Settlements are kept on the local disk meanwhile.", away)
        self._has_spooled = True
        await asyncio.to_thread(self._spool.append, batch)

    async def _drain(self) -> None:
        """Book what is on disk, until the database goes away again."""
        try:
            await self._lane.probe()
            while self._has_spooled and not self._is_stopping:
                segments = await asyncio.to_thread(self._spool.segments)
                self._has_spooled = bool(segments)
                for segment in segments:
                    await self._drain_segment(segment)
        except StoreAway:
            return  # `retry` comes again; that the database is away has been logged.

    async def _drain_segment(self, segment: Path) -> None:
        ops = await asyncio.to_thread(lambda: [*contents_of(segment)])
        for begin in range(0, len(ops), LARGEST_BATCH):
            await self._book(ops[begin : begin + LARGEST_BATCH])
            await self._write_all()
            if self._is_stopping:
                return
        await asyncio.to_thread(segment.unlink)

    async def _book(self, batch: Sequence[bytes]) -> None:
        told = (b"[" + b",".join(batch) + b"]").decode()
        try:
            await self._lane.fetch(SETTLE, told)
        except asyncpg.PostgresError as error:
            if len(batch) > 1:
                for op in batch:
                    await self._book([op])
                return
            log.error("An attempt's end cannot be booked (%s): %s", error.sqlstate, batch[0][:200])
            self._lose(1)

    def _lose(self, count: int) -> None:
        if self.lost_count == 0:
            log.error("The ledger has no place for an attempt's end; further ones are not logged, but counted.")
        self.lost_count += count

    def _tell(self, error: Exception | None) -> None:
        """Tell whoever waits for what is kept by now, or that it cannot be kept."""
        waiting, self._flushers = self._flushers, []
        for count, flushed in waiting:
            if flushed.done():
                continue
            if error is not None:
                flushed.set_exception(error)
            elif count <= self._kept_count:
                flushed.set_result(None)
            else:
                self._flushers.append((count, flushed))
