"""What ledgers are tested on: a store that outlives the ledgers that are opened on it. A new kind of ledger is a line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from llmgateway_server.store.ledger import Ledger
from llmgateway_server.store.memory import MemoryLedger
from llmgateway_server.store.sqlite.database import Database
from llmgateway_server.store.sqlite.ledger import SqliteLedger

from tests.server.store.postgres_stage import PostgresStage


class Stage(Protocol):
    """One store. Ledgers on it are opened one after the other."""

    async def open(self) -> Ledger:
        """Open a ledger: a new process's, to which all that is open belongs to a dead one."""
        ...

    async def crash(self, ledger: Ledger) -> None:
        """End a ledger as the death of its process would: what was queued may be lost."""
        ...

    async def expire(self, ledger: Ledger, now_ns: int) -> None:
        """Have the intents presumed whose time is over by then."""
        ...


class MemoryStage:
    """Nothing lasts beyond a process, so that here the process goes on and only believes to be another one."""

    def __init__(self, folder: Path, clock: Callable[[], int]) -> None:
        self.ledger = MemoryLedger(clock)

    async def open(self) -> Ledger:
        await self.ledger.start()
        return self.ledger

    async def crash(self, ledger: Ledger) -> None:
        await ledger.stop()

    async def expire(self, ledger: Ledger, now_ns: int) -> None:
        assert isinstance(ledger, MemoryLedger)
        ledger.expire(now_ns)


class SqliteStage:
    """A file."""

    def __init__(self, folder: Path, clock: Callable[[], int]) -> None:
        self._path = folder / "llmgateway.db"
        self._clock = clock
        self._database = Database(self._path)

    async def open(self) -> Ledger:
        self._database = Database(self._path)
        ledger = SqliteLedger(self._database, self._clock)
        await ledger.start()
        return ledger

    async def crash(self, ledger: Ledger) -> None:
        self._database.abandon()
        await ledger.stop()

    async def expire(self, ledger: Ledger, now_ns: int) -> None:
        assert isinstance(ledger, SqliteLedger)
        ledger.expire(now_ns)


STAGES: Mapping[str, Callable[[Path, Callable[[], int]], Stage]] = {
    "memory": MemoryStage,
    "sqlite": SqliteStage,
    "postgres": PostgresStage,
}
