"""One connection to PostgreSQL on which one thing is done at a time. Nothing waits longer than its time-out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

import asyncpg
from asyncpg import Connection, Record

from llmgateway_server.store.ledger import DiskFull, StoreAway
from llmgateway_server.store.postgres.schema import SCHEMA

Result = TypeVar("Result")

DISK_FULL = "53100"
# A lock or a statement that took too long, and two who waited for each other: the connection is sound.
SOUND = ("40001", "40P01", "55P03", "57014")
# Classes of errors: connection, resources, the operator's doing, the system's trouble. A server that may only be read
# is one that another has taken over from.
AWAY_CLASSES = ("08", "53", "57", "58")
AWAY = ("25006", *SOUND)


class Lane:
    """Opens its connection when something is to be done, and again after it broke.

    A connection whose state is unknown, since something on it took too long or was cancelled, is thrown away.
    `is_whole` is false from a failure to the next success.
    """

    def __init__(self, url: str, timeout_s: float) -> None:
        self._url = url
        self.timeout_s = timeout_s
        self._connection: Connection[Record] | None = None
        self._turn = asyncio.Lock()
        self.is_whole = True

    async def fetch(self, statement: str, *arguments: object) -> Sequence[Record]:
        """Run a statement; return its rows. Raise as `run` does."""
        return await self.run(lambda connection: connection.fetch(statement, *arguments))

    async def run(self, work: Callable[[Connection[Record]], Awaitable[Result]]) -> Result:
        """Do something on the connection. Raise `StoreAway` or `DiskFull` where it cannot be done now."""
        async with self.held() as connection:
            return await work(connection)

    @asynccontextmanager
    async def held(self) -> AsyncIterator[Connection[Record]]:
        """Hold the connection; what is done on it must not take longer than the time-out, the wait for it included."""
        try:
            async with asyncio.timeout(self.timeout_s), self._turn:
                try:
                    yield await self._opened()
                except BaseException as error:
                    if not is_sound(error):
                        self.close()
                    raise
            self.is_whole = True
        except Exception as error:
            away = away_for(error)
            if away is None:
                raise
            self.is_whole = False
            raise away from error

    async def probe(self) -> None:
        """Ask for nothing, where the last thing failed. Raise as `run` does."""
        if not self.is_whole:
            await self.fetch("SELECT")

    def close(self) -> None:
        """Throw the connection away."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()

    async def _opened(self) -> Connection[Record]:
        if self._connection is None or self._connection.is_closed():
            self._connection = await asyncpg.connect(
                self._url, timeout=self.timeout_s, server_settings=settings(self.timeout_s)
            )
        return self._connection


def settings(timeout_s: float) -> dict[str, str]:
    """Return a session's settings: the server, too, gives up what takes too long, and forgets no commit."""
    timeout_ms = str(max(1, int(timeout_s * 1_000)))
    return {
        "application_name": "llmgateway",
        "search_path": SCHEMA,
        "default_transaction_isolation": "read committed",
        "synchronous_commit": "on",
        "lock_timeout": timeout_ms,
        "statement_timeout": timeout_ms,
        "idle_in_transaction_session_timeout": timeout_ms,
        "jit": "off",
    }


def is_sound(error: BaseException) -> bool:
    """Return whether a connection may be used further after an error."""
    if not isinstance(error, asyncpg.PostgresError):
        return False
    return error.sqlstate in SOUND or away_for(error) is None


def is_undone(away: StoreAway) -> bool:
    """Return whether it is certain that nothing has changed: PostgreSQL itself said so."""
    cause = away.__cause__
    return isinstance(cause, asyncpg.PostgresError) and cause.sqlstate in (*AWAY, DISK_FULL)


def away_for(error: Exception) -> StoreAway | None:
    """Return what an error means for callers, None where it tells of a fault of ours."""
    if isinstance(error, TimeoutError):
        return StoreAway("PostgreSQL did not answer in time.")
    if isinstance(error, asyncpg.PostgresError):
        state = error.sqlstate or ""
        if state == DISK_FULL:
            return DiskFull("PostgreSQL has no space left.")
        if state in AWAY or state[:2] in AWAY_CLASSES:
            return StoreAway(f"PostgreSQL cannot serve now ({state}).")
        return None
    if isinstance(error, OSError | asyncpg.InterfaceError | asyncpg.InternalClientError):
        return StoreAway(f"PostgreSQL cannot be reached ({type(error).__name__}).")
    return None
