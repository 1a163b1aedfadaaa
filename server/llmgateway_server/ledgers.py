"""From the configuration to what lasts: the ledger, what the admin services manage beside it, and who counts rates."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from llmgateway_server.call import NANOS_PER_S
from llmgateway_server.config.data_folder import data_folder
from llmgateway_server.config.quotas import StoreSettings
from llmgateway_server.quota.desk import Clocks
from llmgateway_server.store.ledger import Ledger, StoreAway
from llmgateway_server.store.local_rates import LocalRates
from llmgateway_server.store.memory import MemoryLedger, MemoryObjects
from llmgateway_server.store.objects import Objects
from llmgateway_server.store.rates import Rates

MEMORY = "memory:"
SQLITE = "sqlite:///"
ID_BYTES = 8
PRUNE_EVERY_S = 3_600.0

log = logging.getLogger("llmgateway")


class StoreReporter(Protocol):
    """Is told of trouble with what lasts."""

    def ledger(self, trouble: Exception | None) -> None:
        """Tell that the ledger cannot be written, or can be again: None."""
        ...

    def rates(self, mode: str) -> None:
        """Tell who counts rates now: the gateways together, or this one for its share."""
        ...


@dataclass(frozen=True, slots=True)
class Store:
    """What outlives calls and configurations."""

    ledger: Ledger
    objects: Objects
    rates: Rates


@contextlib.asynccontextmanager
async def open_store(settings: StoreSettings, clocks: Clocks, reporter: StoreReporter) -> AsyncGenerator[Store, None]:
    """Open what the configuration names, and close it in the end. Without an address the ledger is kept in memory.

    Raise `StoreRefused` where it must not be used so, `StoreAway` where it does not answer.
    """
    async with contextlib.AsyncExitStack() as opened:
        ledger, objects = await open_ledger(settings, clocks, reporter, opened)
        rates: Rates = LocalRates(clocks.monotonic_s)
        if settings.redis is not None:
            from llmgateway_server.store.redis.rates import RedisRates

            url = settings.redis.url.get_secret_value()
            rates = RedisRates(url, secrets.token_hex(ID_BYTES), clocks.monotonic_s, reporter.rates)
        opened.push_async_callback(rates.stop)
        await rates.start()
        yield Store(ledger, objects, rates)


async def open_ledger(
    settings: StoreSettings, clocks: Clocks, reporter: StoreReporter, opened: contextlib.AsyncExitStack
) -> tuple[Ledger, Objects]:
    """Open the ledger, to be closed with `opened`."""
    url = MEMORY if settings.url is None else settings.url.get_secret_value()
    ledger: Ledger
    if url == MEMORY:
        ledger = MemoryLedger(clocks.wall_ns)
        objects: Objects = MemoryObjects()
    elif url.startswith(SQLITE):
        from llmgateway_server.store.sqlite.database import Database
        from llmgateway_server.store.sqlite.ledger import SqliteLedger
        from llmgateway_server.store.sqlite.objects import SqliteObjects

        database = Database(Path(url.removeprefix(SQLITE)), clocks.monotonic_s, reporter.ledger)
        ledger, objects = SqliteLedger(database, clocks.wall_ns), SqliteObjects(database)
    else:
        from llmgateway_server.store.postgres.opening import require

        require("asyncpg")
        from llmgateway_server.store.postgres.ledger import PostgresLedger, Timing
        from llmgateway_server.store.postgres.objects import PostgresObjects

        spool = data_folder() / "spool"
        timing = Timing(reserve_timeout_s=settings.timeout_s)
        ledger = PostgresLedger(url, spool=spool, clock=clocks.wall_ns, new_id=new_id, timing=timing)
        shared = PostgresObjects(url)
        opened.push_async_callback(shared.stop)
        objects = shared
    opened.push_async_callback(ledger.stop)
    await ledger.start()
    return ledger, objects


async def retain(ledger: Ledger, retention_s: Callable[[], float | None], wall_ns: Callable[[], int]) -> None:
    """Keep rows for as long as they are to be kept one by one, and their sums for ever; until cancelled."""
    while True:
        kept_s = retention_s()
        if kept_s is not None:
            try:
                count = await ledger.prune(wall_ns() - int(kept_s * NANOS_PER_S))
            except StoreAway as away:
                log.warning("rows that are past their time stay for now: %s", away)
            else:
                if count:
                    log.info("%d rows of the ledger are past their time; their sums stay", count)
        await asyncio.sleep(PRUNE_EVERY_S)


def new_id() -> str:
    """Return an id of a process that no other has, ever."""
    return f"{os.getpid()}-{secrets.token_hex(ID_BYTES)}"
