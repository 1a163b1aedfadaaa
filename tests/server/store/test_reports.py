"""What ledgers tell from sums is what all rows say, whatever has been summed up and pruned by then."""

from __future__ import annotations

import asyncio
import itertools
import random
import sqlite3
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import asyncpg
import pytest
from llmgateway_server.store.ledger import Ledger, UsageQuery
from llmgateway_server.store.memory import MemoryLedger
from llmgateway_server.store.postgres.opening import migrate
from llmgateway_server.store.postgres.schema import REVISIONS
from llmgateway_server.store.sqlite.database import Database
from llmgateway_server.store.sqlite.ledger import SqliteLedger
from llmgateway_server.store.sqlite.rolling import DETAILS

from tests.postgres import shared_server
from tests.server.store.postgres_ledgers import ask, ledger_at
from tests.server.store.samples import DAY_0_NS, DAY_S, HOUR_S, NANOS, Clock, entry, settlement
from tests.server.store.stages import STAGES

ROW_COUNT = 2_600
DAY_NS = DAY_S * NANOS
DAY_COUNT = 5
END_NS = DAY_0_NS + DAY_COUNT * DAY_NS
MIDDAY_NS = DAY_0_NS + DAY_NS + 11 * HOUR_S * NANOS + 7
BY: Sequence[tuple[str, ...]] = (
    (),
    ("end_user",),
    ("label:app",),
    ("label:env", "label:app"),
    ("label:none",),
    ("end_user", "label:app"),
    ("key", "end_user"),
    ("team",),
)
WHERE = ({}, {"end_user": "user-1"}, {"label:env": "test"}, {"label:app": "app-2", "label:env": ""}, {"key": "key-1"})
TIMES = ((0, 2**62), (MIDDAY_NS, END_NS - 3 * HOUR_S * NANOS), (DAY_0_NS + DAY_NS, END_NS), (MIDDAY_NS, MIDDAY_NS + 5))


# What takes a database back to the revision before.
UNDO = (
    "DROP FUNCTION roll, prune, roll_details",
    "ALTER FUNCTION roll_groups RENAME TO roll",
    "ALTER FUNCTION prune_rows RENAME TO prune",
    "DROP TABLE detail",
    "UPDATE alembic_version SET version_num = '0001'",
)


async def fill(ledgers: Sequence[Ledger], seed: int) -> None:
    chance = random.Random(seed)
    for number in range(ROW_COUNT):
        labels = {"app": f"app-{chance.randrange(4)}"} | ({"env": "test"} if chance.random() < 0.5 else {})
        one = entry(
            f"{seed}-{number}",
            DAY_0_NS + chance.randrange(DAY_COUNT * DAY_NS),
            key=f"key-{chance.randrange(3)}",
            end_user=f"user-{chance.randrange(40)}" if chance.random() < 0.9 else "",
            labels=labels if chance.random() < 0.8 else {},
        )
        ended = settlement(one.attempt_id, chance.randrange(10**9), latency_us=chance.randrange(10**7))
        for ledger in ledgers:
            ledger.record(one, ended)
    for ledger in ledgers:
        await ledger.flush()


@pytest.fixture(params=["sqlite", "postgres"])
async def ledgers(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[tuple[Ledger, MemoryLedger]]:
    """A ledger that lasts, and the one in memory."""
    memory = MemoryLedger(Clock())
    async with asyncio.timeout(60):
        lasting = await STAGES[request.param](tmp_path, Clock()).open()
        await memory.start()
        yield lasting, memory
        await memory.stop()
        await lasting.stop()


async def test_sums_say_what_rows_do_before_and_after_some_are_pruned(ledgers: tuple[Ledger, MemoryLedger]) -> None:
    lasting, memory = ledgers
    places = itertools.product(TIMES, BY, (0, HOUR_S, DAY_S), WHERE)
    queries = [
        UsageQuery(since_ns, until_ns, by, bucket_s, where) for (since_ns, until_ns), by, bucket_s, where in places
    ]
    # Whatever is pruned, all is summed up before. What comes after that is not, or not yet.
    for seed, before_ns in ((1, 0), (2, MIDDAY_NS), (3, None)):
        await fill(ledgers, seed)
        if before_ns is not None:
            assert await lasting.prune(before_ns) == await memory.prune(before_ns)
        for query in random.Random(seed).sample(queries, 60):
            assert await lasting.usage(query) == await memory.usage(query), query


async def test_an_older_file_of_sqlite_is_summed_up_by_users_and_labels_once_it_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "llmgateway.db"
    ledger = SqliteLedger(Database(path), Clock())
    await ledger.start()
    await fill([ledger], 1)
    await ledger.stop()
    with sqlite3.connect(path) as connection:
        before = {table: connection.execute(f"SELECT * FROM {table}").fetchall() for table in DETAILS}
        for table in DETAILS:
            connection.execute(f"DROP TABLE {table}")
        connection.execute("PRAGMA user_version = 1")
    connection.close()
    await ledger.start()
    await ledger.stop()
    assert all(before.values())
    with sqlite3.connect(path) as connection:
        assert {table: connection.execute(f"SELECT * FROM {table}").fetchall() for table in DETAILS} == before
    connection.close()


async def test_an_older_database_of_postgresql_is_summed_up_by_users_and_labels_by_its_migration(
    tmp_path: Path,
) -> None:
    url = shared_server().create_database()
    await migrate(url)
    async with ledger_at(url, tmp_path) as ledger:
        await fill([ledger], 1)
        await ledger.prune(0)
    before = await rows_of_details(url)
    for statement in UNDO:
        await ask(url, statement)
    assert await migrate(url) == REVISIONS[-1]
    assert before
    assert await rows_of_details(url) == before


async def rows_of_details(url: str) -> list[tuple[object, ...]]:
    connection = await asyncpg.connect(url)
    rows = await connection.fetch("SELECT * FROM llmgateway.detail ORDER BY kind, start_s, value, latency_bucket")
    await connection.close()
    return [tuple(row) for row in rows]
