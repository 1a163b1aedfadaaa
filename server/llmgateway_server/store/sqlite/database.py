"""One file: its lock, the thread that writes it, and the thread that reads it."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from llmgateway_server.store.ledger import StoreAway, StoreRefused
from llmgateway_server.store.sqlite.lock import FileLock, network_type_of
from llmgateway_server.store.sqlite.schema import connect, connect_for_reading
from llmgateway_server.store.sqlite.trouble import trouble_of
from llmgateway_server.store.sqlite.writer import Writer

Result = TypeVar("Result")


def ignore(trouble: Exception | None) -> None:
    """Do nothing about trouble."""


class Database:
    """A database in a file, which one process may have open at a time.

    `on_trouble` hears on the event loop of trouble with writing when it begins, and None when it ends.
    """

    def __init__(
        self,
        path: Path,
        monotonic: Callable[[], float] = time.monotonic,
        on_trouble: Callable[[Exception | None], None] = ignore,
    ) -> None:
        self.path = path.resolve()
        self._monotonic = monotonic
        self._on_trouble = on_trouble
        self._lock: FileLock | None = None
        self._writer: Writer | None = None
        self._reader: sqlite3.Connection | None = None
        self._reading: ThreadPoolExecutor | None = None

    @property
    def writer(self) -> Writer:
        """The thread that writes. Raise `StoreAway` where the file is not open."""
        if self._writer is None:
            raise StoreAway("The ledger's file is not open.")
        return self._writer

    async def open(self) -> None:
        """Open the file, if it is not open yet. Raise `StoreRefused` where it must not be used."""
        if self._writer is not None:
            return
        connection = await asyncio.to_thread(self._connect)
        self._reader = connect_for_reading(self.path)
        self._reading = ThreadPoolExecutor(1, "ledger-reader")
        self._writer = Writer(connection, asyncio.get_running_loop(), self._monotonic, self._on_trouble)
        self._writer.start()

    async def close(self) -> None:
        """Write what is queued and close the file."""
        if self._writer is not None:
            writer, self._writer = self._writer, None
            await writer.stop()
            self._leave()

    def abandon(self) -> None:
        """Leave as a crash would: what is queued is lost."""
        if self._writer is not None:
            self._writer.abandon()
            self._writer = None
            self._leave()

    async def read(self, job: Callable[[sqlite3.Connection], Result]) -> Result:
        """Run something that only reads, in a thread of its own; raise `StoreAway` where it cannot be read."""
        if self._reading is None or self._reader is None:
            raise StoreAway("The ledger's file is not open.")
        return await self.run_reading(job, self._reader)

    async def run_reading(self, job: Callable[[sqlite3.Connection], Result], connection: sqlite3.Connection) -> Result:
        """Run something that only reads over a connection of its own."""
        if self._reading is None:
            raise StoreAway("The ledger's file is not open.")
        try:
            return await asyncio.get_running_loop().run_in_executor(self._reading, in_snapshot, job, connection)
        except sqlite3.Error as error:
            raise trouble_of(error) or error from error

    def _connect(self) -> sqlite3.Connection:
        kind = network_type_of(self.path)
        if kind:
            raise StoreRefused(f"{self.path} is on a network file system ({kind}): name a local file in store.url.")
        self._lock = locked(self.path)
        try:
            return connect(self.path)
        except BaseException:
            self._unlock()
            raise

    def _leave(self) -> None:
        if self._reading is not None and self._reader is not None:
            self._reading.shutdown(wait=True)
            self._reader.close()
        self._reading = self._reader = None
        self._unlock()

    def _unlock(self) -> None:
        if self._lock is not None:
            self._lock.release()
            self._lock = None


def locked(path: Path) -> FileLock:
    """Lock a file beside the database: on that itself, any close of it within the process would end the lock."""
    beside = path.with_name(f"{path.name}.lock")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return FileLock(beside)
    except BlockingIOError as error:
        raise StoreRefused(
            f"Another gateway uses {path}: give this one its own store.url, or use PostgreSQL for several."
        ) from error
    except OSError as error:
        raise StoreRefused(f"{beside} cannot be made ({error.strerror}): name another file in store.url.") from error


def in_snapshot(job: Callable[[sqlite3.Connection], Result], connection: sqlite3.Connection) -> Result:
    """Run something that only reads, in one transaction unless one is open."""
    if connection.in_transaction:
        return job(connection)
    connection.execute("BEGIN")
    try:
        return job(connection)
    finally:
        with contextlib.suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
