"""What is particular to a file: who may open it, what a full disk does to it, and what a killed process leaves."""

from __future__ import annotations

import asyncio
import os
import random
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from llmgateway_server.store.ledger import (
    Balance,
    Counter,
    DiskFull,
    Family,
    Grant,
    Metric,
    Refusal,
    Source,
    StoreAway,
    StoreRefused,
)
from llmgateway_server.store.sqlite import lock
from llmgateway_server.store.sqlite.database import Database
from llmgateway_server.store.sqlite.ledger import SqliteLedger

from tests.server.store.samples import (
    ALL_TIME,
    DAY,
    DAY_0_S,
    DAY_S,
    FAMILIES,
    KEY_DAY,
    ORGANIZATION,
    TOTAL,
    Clock,
    all_rows,
    balance,
    charge,
    entry,
    intent,
    reserved,
    settlement,
)

ROOT = Path(__file__).parents[3]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "llmgateway.db"


class Troubles(list[Exception | None]):
    """What was heard of trouble."""


@pytest.fixture
def troubles() -> Troubles:
    return Troubles()


@pytest.fixture
def database(path: Path, troubles: Troubles) -> Database:
    return Database(path, on_trouble=troubles.append)


@pytest.fixture
async def ledger(database: Database, clock: Clock) -> AsyncIterator[SqliteLedger]:
    ledger = SqliteLedger(database, clock)
    await ledger.start()
    await ledger.activate(FAMILIES)
    yield ledger
    await ledger.stop()


async def limit_pages(database: Database, spare: int | None) -> None:
    """Leave so many pages of room in the file, or as many as it wants."""

    def limit(connection: sqlite3.Connection, _: object) -> None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {2**30 if spare is None else pages + spare}")

    await database.writer.run(limit)


async def test_the_file_is_its_owner_s_alone_and_so_is_its_folder(ledger: SqliteLedger, path: Path) -> None:
    assert modes_in(path.parent) == {".": 0o700, path.name: 0o600} | dict.fromkeys(
        (f"{path.name}{ending}" for ending in (".lock", "-wal", "-shm")), 0o600
    )


def modes_in(folder: Path) -> dict[str, int]:
    found = {one.name: one for one in folder.iterdir()} | {".": folder}
    return {name: stat.S_IMODE(one.stat().st_mode) for name, one in found.items()}


async def test_a_second_gateway_is_kept_out_by_whatever_name_and_may_come_once_the_first_has_gone(
    ledger: SqliteLedger, path: Path, tmp_path: Path, clock: Clock
) -> None:
    (tmp_path / "link").symlink_to(path.parent)
    for name in (path, tmp_path / "link" / path.name):
        with pytest.raises(StoreRefused, match=r"Another gateway uses .*give this one its own store\.url"):
            await SqliteLedger(Database(name), clock).start()
    await ledger.stop()
    other = SqliteLedger(Database(path), clock)
    await other.start()
    await other.stop()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("text", "is no database of SQLite"),
        ("PRAGMA application_id = 7", "is another program's database"),
        ("CREATE TABLE things (id)", "is another program's database"),
        ("PRAGMA application_id = 0x4C4C4D47; PRAGMA user_version = 99", "was written by a newer gateway"),
    ],
)
async def test_a_file_that_is_not_ours_is_refused_and_left_as_it_is(
    tmp_path: Path, clock: Clock, content: str, sentence: str
) -> None:
    path = tmp_path / "other.db"
    if content == "text":
        path.write_text("What is this? " * 1_000)
    else:
        connection = sqlite3.connect(path)
        connection.executescript(f"{content}; CREATE TABLE IF NOT EXISTS others (id)")
        connection.close()
    before = path.read_bytes()
    with pytest.raises(StoreRefused, match=sentence):
        await SqliteLedger(Database(path), clock).start()
    assert path.read_bytes() == before
    (tmp_path / "other.db.lock").unlink()


async def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path, clock: Clock) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreRefused, match="cannot be made"):
        await SqliteLedger(Database(tmp_path / "file" / "llmgateway.db"), clock).start()


async def test_a_network_file_system_is_refused(tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(f"/dev/vda / ext4 rw 0 0\nserver:/share {tmp_path} nfs4 rw 0 0\n")
    monkeypatch.setattr(lock, "MOUNTS", mounts)
    with pytest.raises(StoreRefused, match=r"on a network file system \(nfs4\)"):
        await SqliteLedger(Database(tmp_path / "llmgateway.db"), clock).start()


async def test_a_full_disk_refuses_reservations_keeps_settlements_and_is_got_over(
    ledger: SqliteLedger, database: Database, troubles: Troubles
) -> None:
    await reserved(ledger, *(intent(f"a{number}", 1) for number in range(50)))
    await limit_pages(database, 0)
    filling = [intent(f"f{number}", 1, [charge(limit=None)], labels={"x": "y" * 3_000}) for number in range(50)]
    with pytest.raises(DiskFull):
        await ledger.reserve(filling)
    assert await balance(ledger) == Balance(0, 50)
    for number in range(50):
        ledger.settle(settlement(f"a{number}", 1, outcome="x" * 3_000))
    with pytest.raises(DiskFull):
        await ledger.flush()
    with pytest.raises(DiskFull):
        await ledger.reserve([intent("b", 1)])
    assert await balance(ledger) == Balance(50, 0)
    # Space again: the file is told so by another way than the queue, which is stuck.
    database.writer._connection.execute(f"PRAGMA max_page_count = {2**30}")
    while True:
        try:
            await ledger.flush()
            break
        except DiskFull:
            await asyncio.sleep(0.02)
    await reserved(ledger, intent("c", 50))
    assert await balance(ledger) == Balance(50, 50)
    assert len(await all_rows(ledger)) == 51
    assert [type(one) for one in troubles] == [DiskFull, type(None)]


async def test_an_item_that_cannot_be_written_harms_no_other(ledger: SqliteLedger, troubles: Troubles) -> None:
    good = [ledger.reserve([intent(f"a{number}", 10)]) for number in range(4)]
    bad = ledger.reserve([intent("\ud800", 10)])
    *answers, failure = await asyncio.gather(*good, bad, return_exceptions=True)
    assert all(isinstance(answer, Grant) for answer in answers)
    assert isinstance(failure, ValueError)
    assert await balance(ledger) == Balance(0, 40)
    ledger.record(entry("b"), settlement("b", 2**63, charges=[charge()]))
    ledger.settle(settlement("a0", 7))
    await ledger.flush()
    assert [row.source for row in await all_rows(ledger) if row.source is not Source.OPEN] == [Source.PROVIDER]
    assert len(troubles) == 1


async def test_a_ledger_that_is_not_open_is_away(path: Path, clock: Clock) -> None:
    ledger = SqliteLedger(Database(path), clock)
    with pytest.raises(StoreAway):
        await ledger.reserve([intent("a")])
    with pytest.raises(StoreAway):
        await ledger.usage(ALL_TIME)


async def test_counters_of_periods_that_ended_leave_memory_and_are_read_again_where_they_are_needed(
    ledger: SqliteLedger,
) -> None:
    days = [Counter("key/ci", Metric.COST, DAY, DAY_0_S + number * DAY_S) for number in range(40)]
    for number, day in enumerate(days):
        await reserved(ledger, intent(f"a{number}", 10, [charge(day, 50)]))
        if number != 3:
            ledger.settle(settlement(f"a{number}", number))
    ledger._tidy()
    assert len(ledger._counters) == 2
    assert await ledger.balances(days) == [Balance(0, 10) if number == 3 else Balance(number) for number in range(40)]
    both = [ledger.reserve([intent(f"b{number}", 10, [charge(days[9], 20)])]) for number in range(2)]
    assert [type(answer) is Grant for answer in await asyncio.gather(*both)] == [True, False]
    ledger.record(entry("c"), settlement("c", 5, charges=[charge(days[7])]))
    assert (await ledger.balances([days[7]]))[0] == Balance(12)


async def test_pruning_forgets_counters_of_periods_that_ended(ledger: SqliteLedger, database: Database) -> None:
    today = Counter(KEY_DAY.scope, KEY_DAY.metric, KEY_DAY.window, DAY_0_S + DAY_S)
    ledger.record(entry("a"), settlement("a", 7, charges=[charge(KEY_DAY), charge(ORGANIZATION)]))
    ledger.record(entry("b", (DAY_0_S + DAY_S) * 10**9), settlement("b", 5, charges=[charge(today)]))
    await ledger.prune((DAY_0_S + DAY_S) * 10**9)
    counters = [KEY_DAY, today, ORGANIZATION]
    known = await database.writer.run(lambda _, tables: tables.committed(counters))
    assert known == {KEY_DAY: 0, today: 5, ORGANIZATION: 7}


async def test_what_is_booked_while_a_new_limit_is_summed_up_counts_once(
    ledger: SqliteLedger, database: Database
) -> None:
    new = Counter("team/platform", Metric.COST, TOTAL, 0)
    ledger.record(entry("before"), settlement("before", 7))
    gate = threading.Event()
    reading = asyncio.ensure_future(database.read(lambda _: gate.wait()))
    activating = asyncio.ensure_future(ledger.activate({**FAMILIES, Family("team", Metric.COST, TOTAL): 0}))
    await asyncio.sleep(0)
    await ledger.flush()
    ledger.record(entry("meanwhile"), settlement("meanwhile", 5, charges=[charge(new)]))
    waiting = asyncio.ensure_future(ledger.reserve([intent("after", 9, [charge(new, 20)])]))
    await ledger.flush()
    assert not waiting.done()
    gate.set()
    await asyncio.gather(reading, activating)
    assert isinstance(await waiting, Refusal)
    assert await balance(ledger, new) == Balance(12, 0)
    known = await database.writer.run(lambda _, tables: tables.committed([new]))
    assert known == {new: 12}


@pytest.mark.parametrize("seed", range(int(os.environ.get("KILLS", "3"))))
async def test_a_killed_process_loses_nothing_that_it_said_had_lasted(path: Path, clock: Clock, seed: int) -> None:
    words = life_of(path, seed)
    held = {name: int(amount) for what, name, amount in words if what == "reserved"}
    settled = {name: int(amount) for what, name, amount in words if what == "settled"}
    assert held

    ledger = SqliteLedger(Database(path), time.time_ns)
    await ledger.start()
    rows = await all_rows(ledger)
    booked = {row.entry.attempt_id: row for row in rows}
    assert len(booked) == len(rows)
    assert held.keys() <= booked.keys()
    for name, cost in settled.items():
        assert (booked[name].source, booked[name].cost_usd_nanos) == (Source.PROVIDER, cost)
    assert {row.source for row in rows} <= {Source.PROVIDER, Source.PRESUMED}
    assert all(row.cost_usd_nanos == 10 for row in rows if row.source is Source.PRESUMED)
    assert await balance(ledger) == Balance(sum(row.cost_usd_nanos or 0 for row in rows), 0)
    (total,) = await ledger.usage(ALL_TIME)
    assert (total.attempt_count, total.cost_usd_nanos) == (len(rows), sum(row.cost_usd_nanos or 0 for row in rows))
    await ledger.stop()


def life_of(path: Path, seed: int) -> list[list[str]]:
    """Run a process on a file and kill it after some lines; return the words of each line that it said."""
    command = [sys.executable, "-m", "tests.server.store.dying", str(path), str(seed)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        said = [process.stdout.readline() for _ in range(random.Random(seed).randrange(1, 400))]
        process.kill()
        said += process.stdout.readlines()
    return [line.split() for line in said if line.endswith("\n")]
