"""PostgreSQL goes away in every way it can: nothing hangs, nothing is lost, and it comes back by itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import asyncpg
import msgspec
import pytest
from llmgateway_server.store.ledger import Balance, DiskFull, Grant, Intent, Source, StoreAway
from llmgateway_server.store.postgres.lane import away_for
from llmgateway_server.store.postgres.ledger import PostgresLedger
from llmgateway_server.store.postgres.spool import Spool
from llmgateway_server.store.postgres.writing import op_of

from tests.postgres import PostgresServer, emptied, started_server
from tests.server.store.postgres_ledgers import (
    ORGANIZATION,
    QUICK,
    ask,
    entry,
    intent,
    ledger_at,
    new_id,
    rows_of,
    settlement,
)

PATIENCE_S = 120.0


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    server = started_server()
    yield server
    server.remove()


@pytest.fixture
async def url(server: PostgresServer) -> AsyncIterator[str]:
    yield await emptied(server)
    server.resume()


async def reserved(ledger: PostgresLedger, cost: int = 5) -> Intent:
    """Reserve, as soon as PostgreSQL is back."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            one = intent(cost)
            try:
                answer = await ledger.reserve([one])
            except StoreAway:
                # Whoever hears that undoes what may have been reserved.
                ledger.settle(settlement(one, 0, Source.VOID))
                await asyncio.sleep(0)
            else:
                assert isinstance(answer, Grant)
                return one


async def refused(ledger: PostgresLedger) -> None:
    """Reserve until the ledger knows that PostgreSQL is away."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                await ledger.reserve([intent(1)])
            except StoreAway:
                return


async def drained(ledger: PostgresLedger, committed: int) -> None:
    """Wait until all that was spooled is booked."""
    async with asyncio.timeout(PATIENCE_S):
        while (await balance(ledger)).committed != committed:
            continue


async def balance(ledger: PostgresLedger) -> Balance:
    (found,) = await ledger.balances([ORGANIZATION])
    return found


async def test_a_crash_in_mid_transaction_loses_nothing_that_was_granted(
    server: PostgresServer, url: str, tmp_path: Path
) -> None:
    async with ledger_at(url, tmp_path) as ledger:
        intents = [intent(1) for _ in range(2_000)]
        tasks = [asyncio.ensure_future(ledger.reserve([one])) for one in intents]
        await tasks[0]
        await asyncio.to_thread(server.stop, "immediate")
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        granted = {
            one.entry.attempt_id for one, answer in zip(intents, answers, strict=True) if isinstance(answer, Grant)
        }
        assert all(isinstance(answer, Grant | StoreAway) for answer in answers)
        with pytest.raises(StoreAway):
            await ledger.balances([ORGANIZATION])
        # Whoever hears that the store is away settles as void.
        for one in intents:
            if one.entry.attempt_id not in granted:
                ledger.settle(settlement(one, 0, Source.VOID))
        await asyncio.to_thread(server.start)
        await reserved(ledger, 0)
        await ledger.flush()
        assert {
            row.entry.attempt_id for row in await rows_of(ledger) if row.source is Source.OPEN and row.held_usd_nanos
        } == granted
        assert await balance(ledger) == Balance(0, len(granted))


async def test_a_server_that_stands_still_is_away_within_the_time_out_and_back_by_itself(
    server: PostgresServer, url: str, tmp_path: Path
) -> None:
    async with ledger_at(url, tmp_path, timing=QUICK) as ledger:
        await reserved(ledger)
        server.pause()
        doubtful = intent(7)
        began_s = time.monotonic()
        with pytest.raises(StoreAway):
            await ledger.reserve([doubtful])
        waited_s = time.monotonic() - began_s
        ledger.settle(settlement(doubtful, 0, Source.VOID))
        assert waited_s >= QUICK.reserve_timeout_s, "it stood still, and was waited for"
        with pytest.raises(StoreAway):
            await ledger.balances([ORGANIZATION])
        # It is known by now: nobody waits any more.
        with pytest.raises(StoreAway, match="is away"):
            await ledger.reserve([intent(1)])
        one = entry()
        ledger.record(one, settlement(one, 3))
        server.resume()
        await reserved(ledger)
        await drained(ledger, 3)
        assert await balance(ledger) == Balance(3, 10)


async def test_what_was_in_doubt_is_neither_held_nor_forgotten(
    server: PostgresServer, url: str, tmp_path: Path
) -> None:
    """The connection breaks while a reservation waits for a lock; it comes true after its caller has voided it."""
    locker = await asyncpg.connect(url, server_settings={"search_path": "llmgateway"})
    async with ledger_at(url, tmp_path) as ledger:
        await reserved(ledger)
        lock = locker.transaction()
        await lock.start()
        await locker.execute("SELECT FROM counter FOR UPDATE")
        doubtful = [intent(100) for _ in range(3)]
        asked = [asyncio.ensure_future(ledger.reserve([one])) for one in doubtful]
        while not await ask(url, "SELECT count(*) FROM pg_locks WHERE NOT granted"):
            continue
        ledger._reserving.close()  # The server goes on with the statement.
        for task, one in zip(asked, doubtful, strict=True):
            with pytest.raises(StoreAway):
                await task
            ledger.settle(settlement(one, 0, Source.VOID))
        flushed = asyncio.ensure_future(ledger.flush())
        await asyncio.wait([flushed], timeout=0.3)
        await lock.rollback()
        await flushed
        await reserved(ledger)
        assert await balance(ledger) == Balance(0, 10)
    await locker.close()


async def test_nothing_gets_over_a_fence_that_was_raised(url: str, tmp_path: Path) -> None:
    """A reservation that its process gave up reaches the server only afterwards."""
    async with ledger_at(url, tmp_path) as ledger:
        name = ledger._process.incarnation
        await ask(url, "SELECT raise_fence($1, 5)", name)
        await ask(url, "SELECT raise_fence($1, 3)", name)
        await ask(url, "SELECT take_part($1, 5)", name)
        with pytest.raises(asyncpg.PostgresError, match="this incarnation is over"):
            await ask(url, "SELECT take_part($1, 4)", name)


async def test_a_lock_that_is_not_let_go_refuses_and_holds_nothing(
    server: PostgresServer, url: str, tmp_path: Path
) -> None:
    locker = await asyncpg.connect(url, server_settings={"search_path": "llmgateway"})
    async with ledger_at(url, tmp_path, timing=QUICK) as ledger:
        await reserved(ledger)
        lock = locker.transaction()
        await lock.start()
        await locker.execute("SELECT FROM counter FOR UPDATE")
        refused_one = intent(100)
        with pytest.raises(StoreAway):
            await ledger.reserve([refused_one])
        ledger.settle(settlement(refused_one, 0, Source.VOID))
        await lock.rollback()
        await reserved(ledger)
        await ledger.flush()
        assert await balance(ledger) == Balance(0, 10)
    await locker.close()


async def test_a_server_that_may_only_be_read_refuses(server: PostgresServer, url: str, tmp_path: Path) -> None:
    async with ledger_at(url, tmp_path) as ledger:
        await reserved(ledger)
        await asyncio.to_thread(server.execute, "ALTER DATABASE migrated SET default_transaction_read_only = on")
        ledger._reserving.close()
        await refused(ledger)
        await asyncio.to_thread(server.execute, "ALTER DATABASE migrated SET default_transaction_read_only = off")
        await reserved(ledger)


async def test_connections_that_the_operator_ends_come_back(server: PostgresServer, url: str, tmp_path: Path) -> None:
    async with ledger_at(url, tmp_path) as ledger:
        await reserved(ledger)
        await ask(
            url, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'llmgateway'"
        )
        await reserved(ledger)
        await ledger.flush()


async def test_thirty_thousand_rows_spooled_while_away_drain_without_loss_or_double(
    server: PostgresServer, url: str, tmp_path: Path
) -> None:
    async with ledger_at(url, tmp_path) as ledger:
        held = [intent(10) for _ in range(200)]
        await asyncio.gather(*(ledger.reserve([one]) for one in held))
        await asyncio.to_thread(server.stop, "immediate")
        await refused(ledger)
        for number in range(29_800):
            one = entry(key=f"k{number % 10}")
            ledger.record(one, settlement(one, 1))
            if number % 1_000 == 0:
                await ledger.flush()
        for one in held:
            ledger.settle(settlement(one, 4))
            ledger.settle(settlement(one, 9))
        await ledger.flush()
        # A gateway that died in the midst of it, with a record that its death cut off.
        dead = Spool(tmp_path, new_id())
        dead.append([op_of(settlement(one, 7)) for one in held])
        dead.close()
        await asyncio.to_thread(server.start)
        await drained(ledger, 29_800 + 200 * 4)
        assert await balance(ledger) == Balance(29_800 + 200 * 4, 0)
        assert await ask(url, "SELECT count(*) FROM attempt") == 30_000
        assert ledger.lost_count == 0
    # Booked twice, by whoever comes next, it changes nothing.
    async with ledger_at(url, tmp_path) as ledger:
        await drained(ledger, 30_600)
        assert await ask(url, "SELECT count(*) FROM attempt") == 30_000


async def test_what_a_killed_gateway_spooled_is_booked_by_the_next(
    server: PostgresServer, url: str, tmp_path: Path
) -> None:
    async with ledger_at(url, tmp_path) as ledger:
        await ledger.reserve([one := intent(10)])
        await asyncio.to_thread(server.stop, "immediate")
        await refused(ledger)
        ledger.settle(settlement(one, 6))
        await ledger.flush()
        await ledger.abandon()
    tear(tmp_path)
    await asyncio.to_thread(server.start)
    async with ledger_at(url, tmp_path) as ledger:
        await drained(ledger, 6)
        assert await balance(ledger) == Balance(6, 0)
    assert left_in(tmp_path) == []


def tear(folder: Path) -> None:
    """Add what a process wrote of a record when it was killed."""
    (segment,) = folder.glob("*/*.spool")
    with segment.open("ab") as torn:
        torn.write(segment.read_bytes()[:40])


def left_in(folder: Path) -> list[Path]:
    return [*folder.glob("*/*")]


async def test_a_full_local_disk_loses_nothing_while_there_is_memory(
    server: PostgresServer, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with ledger_at(url, tmp_path) as ledger:
        await reserved(ledger)
        await asyncio.to_thread(server.stop, "immediate")
        await refused(ledger)
        ledger._settlements._spool._spool_bytes = 0
        one = entry()
        ledger.record(one, settlement(one, 3))
        with pytest.raises(DiskFull):
            await ledger.flush()
        await asyncio.to_thread(server.start)
        await drained_after(ledger.flush)
        assert (await balance(ledger)).committed == 3


async def drained_after(flush: Callable[[], Awaitable[None]]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                return await flush()
            except DiskFull:
                await asyncio.sleep(0)


async def test_a_ledger_whose_server_is_gone_stops_in_time(server: PostgresServer, url: str, tmp_path: Path) -> None:
    async with ledger_at(url, tmp_path, timing=msgspec.structs.replace(QUICK, activate_timeout_s=0.5)) as ledger:
        one = await reserved(ledger, 10)
        server.pause()
        ledger.settle(settlement(one, 6))
        async with asyncio.timeout(PATIENCE_S):
            await ledger.stop()
    server.resume()
    async with ledger_at(url, tmp_path, timing=QUICK) as ledger:
        await drained(ledger, 6)


@pytest.mark.parametrize(
    ("error", "meaning"),
    [
        (asyncpg.DiskFullError("no space"), DiskFull),
        (asyncpg.TooManyConnectionsError("full"), StoreAway),
        (asyncpg.ReadOnlySQLTransactionError("standby"), StoreAway),
        (asyncpg.LockNotAvailableError("locked"), StoreAway),
        (asyncpg.DeadlockDetectedError("deadlock"), StoreAway),
        (asyncpg.QueryCanceledError("slow"), StoreAway),
        (asyncpg.CannotConnectNowError("starting"), StoreAway),
        (asyncpg.AdminShutdownError("bye"), StoreAway),
        (ConnectionResetError(), StoreAway),
        (TimeoutError(), StoreAway),
        (asyncpg.UniqueViolationError("ours"), type(None)),
        (asyncpg.UndefinedFunctionError("ours"), type(None)),
    ],
)
def test_an_error_of_the_server_says_whether_it_may_pass(error: Exception, meaning: type) -> None:
    assert type(away_for(error)) is meaning


def test_no_refusal_tells_the_url() -> None:
    assert "s3cret" not in str(away_for(OSError("postgresql://u:s3cret@db/x")))
