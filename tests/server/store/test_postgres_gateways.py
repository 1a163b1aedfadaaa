"""Several gateways on one budget, in one process and in three, alive and killed."""

from __future__ import annotations

import asyncio
import os
import random
import sys
from asyncio.subprocess import PIPE, Process
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from llmgateway_server.store.ledger import Balance, Grant, Refusal, Source

from tests.postgres import emptied, shared_server
from tests.server.store.postgres_gateway import COST
from tests.server.store.postgres_ledgers import KEY, ORGANIZATION, ask, intent, ledger_at, rows_of

ROOT = Path(__file__).parents[3]
KILLS = int(os.environ.get("POSTGRES_KILLS", "4"))


@pytest.fixture
async def url() -> str:
    return await emptied(shared_server())


@pytest.mark.parametrize("fitting", [10, 700])
async def test_a_thousand_over_three_ledgers_on_a_budget_for_less_are_as_many_as_fit(
    url: str, tmp_path: Path, fitting: int
) -> None:
    limit = fitting * COST + COST - 1
    # Small batches, so that they meet.
    async with AsyncExitStack() as stack:
        ledgers = [await stack.enter_async_context(ledger_at(url, tmp_path, largest_batch=7)) for _ in range(3)]
        await ledgers[0].reserve([intent(0, limit)])
        answers = await asyncio.gather(*(ledgers[number % 3].reserve([intent(COST, limit)]) for number in range(1_000)))
        assert sum(isinstance(answer, Grant) for answer in answers) == fitting
        refusals = [answer for answer in answers if isinstance(answer, Refusal)]
        assert {one.balance.held for answer in refusals for one in answer.shortfalls} == {fitting * COST}
        assert await ledgers[0].balances([ORGANIZATION]) == [Balance(0, fitting * COST)]


async def started(url: str, spool: Path, limit: int, callers: int, count: int) -> Process:
    arguments = ("-m", "tests.server.store.postgres_gateway", url, str(spool), str(limit), str(callers), str(count))
    gateway = await asyncio.create_subprocess_exec(sys.executable, *arguments, cwd=ROOT, stdin=PIPE, stdout=PIPE)
    assert gateway.stdout is not None
    assert await gateway.stdout.readline() == b"ready\n"
    return gateway


def go(gateway: Process) -> None:
    assert gateway.stdin is not None
    gateway.stdin.write(b"\n")


async def lines_of(gateway: Process) -> list[list[str]]:
    """Return all whole lines that a gateway writes until it ends."""
    assert gateway.stdout is not None
    written = await gateway.stdout.read()
    await gateway.wait()
    return [line.split() for line in written.decode().split("\n")[:-1]]


async def test_a_thousand_on_a_budget_for_ten_over_three_processes_are_ten(url: str, tmp_path: Path) -> None:
    gateways = await asyncio.gather(*(started(url, tmp_path, 10 * COST, 50, 334) for _ in range(3)))
    for gateway in gateways:
        go(gateway)
    lines = [line for all_lines in await asyncio.gather(*map(lines_of, gateways)) for line in all_lines]
    assert [line[0] for line in lines].count("granted") == 10
    assert [line[0] for line in lines].count("refused") == 3 * 334 - 10
    assert await ask(url, "SELECT count(*) FROM intent") == 10


async def test_killed_gateways_lose_no_reservation_that_they_were_granted(url: str, tmp_path: Path) -> None:
    random_ = random.Random(KILLS)
    granted: dict[str, int] = {}
    settled: dict[str, int] = {}
    for _ in range(KILLS):
        gateway = await started(url, tmp_path, 10**9, 8, 10**6)
        go(gateway)
        assert gateway.stdout is not None
        seen = [(await gateway.stdout.readline()).decode().split() for _ in range(random_.randint(1, 400))]
        gateway.kill()
        for word, *rest in [*seen, *await lines_of(gateway)]:
            if word == "granted" and len(rest) == 2:
                granted[rest[0]] = int(rest[1])
            elif word == "settling" and len(rest) == 2:
                settled[rest[0]] = int(rest[1])
    await ask(url, "UPDATE process SET beat_at = '-infinity'")
    async with ledger_at(url, tmp_path) as ledger:
        await ledger.expire(0)
        rows = await rows_of(ledger)
        (organization, key) = await ledger.balances([ORGANIZATION, KEY])
        booked = {row.entry.attempt_id: row for row in rows}
        assert len(booked) == len(rows)
        assert granted.keys() <= booked.keys()
        assert organization == key == Balance(sum(row.cost_usd_nanos or 0 for row in rows), 0)
        for attempt_id, cost in granted.items():
            row = booked[attempt_id]
            assert row.source in (Source.PROVIDER, Source.PRESUMED)
            assert row.cost_usd_nanos == (settled[attempt_id] if row.source is Source.PROVIDER else cost)
        assert any(row.source is Source.PROVIDER for row in rows)
