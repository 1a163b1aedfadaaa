"""Several gateways on one PostgreSQL: one budget for all, whichever of them is killed or stands still."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from llmgateway_server.store import ledger
from llmgateway_server.store.ledger import Balance, Metric, Row, Source
from llmgateway_server.store.postgres.ledger import PostgresLedger

from tests.e2e.budgets.stand import (
    GRPC,
    GRPC_STREAM,
    KILLABLE,
    PROGRAM,
    WAYS,
    Stand,
    budget,
    callers,
    document,
    eventually,
    gateway,
    until,
    write_document,
)
from tests.fakes.billing import BillingProvider
from tests.postgres import emptied, shared_server

CALL_COUNT = 1_000
GATEWAYS = 3
FITTING = 10
LIMIT = 100
PRICES = {"input": "0", "output": "10"}
CALL_USD_NANOS = 1_000_000
TOTAL = ledger.Counter("organization", Metric.COST, "total", 0)
FOR_EVER_NS = 2**62
# So long may anything stay held of a gateway that died.
MOST_HELD_S = 20.0
IS_CAMPAIGN = os.environ.get("HYPOTHESIS_PROFILE") == "campaign"
RESERVED = "call-is-reserved-in-postgres"


@asynccontextmanager
async def fleet(folder: Path, usd: str, programs: Sequence[Sequence[str]]) -> AsyncIterator[list[Stand]]:
    """Start a gateway for each program, all on one budget and one database."""
    async with AsyncExitStack() as opened:
        provider = await opened.enter_async_context(BillingProvider(PRICES))
        url = await emptied(shared_server())
        config = folder / "gateway.json"
        write_document(config, document(provider.base_url, url, [budget(usd)], PRICES))
        started = [
            opened.enter_async_context(gateway(config, folder / f"log{number}", program))
            for number, program in enumerate(programs)
        ]
        users = itertools.count()
        served = [await one for one in started]
        yield [
            await opened.enter_async_context(callers(one, provider, folder / "none", config, users)) for one in served
        ]


async def read_shared(folder: Path) -> tuple[list[Row], Balance]:
    """Return the ledger's rows, and what the budget stands at."""
    url = shared_server().url("migrated")
    reader = PostgresLedger(
        url, spool=folder / "reader", clock=lambda: 0, new_id=lambda: f"reader-{os.urandom(8).hex()}"
    )
    await reader.start()
    try:
        rows = [row async for batch in reader.rows(0, FOR_EVER_NS) for row in batch]
        return rows, (await reader.balances([TOTAL]))[0]
    finally:
        await reader.stop()


@pytest.mark.parametrize("run", range(50 if IS_CAMPAIGN else 1))
async def test_of_a_thousand_calls_at_three_gateways_just_those_that_fit_are_admitted(tmp_path: Path, run: int) -> None:
    async with fleet(tmp_path, "0.01", [PROGRAM] * GATEWAYS) as stands:
        provider = stands[0].provider
        calls = [
            stands[number % GATEWAYS].ask("usual", WAYS[number % len(WAYS)], write=LIMIT, limit=LIMIT)
            for number in range(CALL_COUNT)
        ]
        outcomes = Counter([outcome.code for outcome in await asyncio.gather(*calls)])
        assert [await it.served.stop() for it in stands] == [0] * GATEWAYS
        rows, balance = await read_shared(tmp_path)
    assert outcomes[""] == len(provider.bill) == len(rows) == FITTING, outcomes
    assert provider.billed_usd_nanos == FITTING * CALL_USD_NANOS
    assert balance == Balance(FITTING * CALL_USD_NANOS, 0)


async def test_a_gateway_that_stood_still_for_too_long_dispatches_nothing(tmp_path: Path) -> None:
    programs = [(*KILLABLE, RESERVED, "1", "STOP"), (*KILLABLE, RESERVED, "0", "KILL")]
    async with fleet(tmp_path, "0.01", programs) as (still, other):
        lost = asyncio.ensure_future(still.ask("usual", GRPC, "lost", write=LIMIT, limit=LIMIT))

        async def is_presumed() -> bool:
            rows, _ = await read_shared(tmp_path)
            return [row.source for row in rows if row.entry.end_user == "lost"] == [Source.PRESUMED]

        await until(is_presumed)
        # What the one that stands still held is spent, for all that the other knows; the rest is there for others.
        nine = [await other.ask("usual", GRPC_STREAM, write=LIMIT, limit=LIMIT) for _ in range(FITTING)]
        assert [outcome.code for outcome in nine] == [""] * (FITTING - 1) + ["budget_exceeded"]
        still.served.process.send_signal(signal.SIGCONT)
        assert (await lost).code == "store_unavailable"
        assert not still.provider.lines_of("lost")

        async def is_given_back() -> bool:
            return (await read_shared(tmp_path))[1] == Balance((FITTING - 1) * CALL_USD_NANOS, 0)

        await until(is_given_back)
        # It has a new incarnation by now, and what was presumed can be spent at either.
        assert not (await still.ask("usual", GRPC, write=LIMIT, limit=LIMIT)).code
        assert [await it.served.stop() for it in (still, other)] == [0, 0]
        rows, balance = await read_shared(tmp_path)
    assert balance == Balance(still.provider.billed_usd_nanos, 0) == Balance(FITTING * CALL_USD_NANOS, 0)
    adjustments = [row for row in rows if row.source is Source.ADJUSTMENT]
    assert [row.cost_usd_nanos for row in adjustments] == [-CALL_USD_NANOS]


async def test_what_a_killed_gateway_held_is_presumed_by_the_others_and_covers_its_bill(tmp_path: Path) -> None:
    programs = [(*KILLABLE, RESERVED, "0", "KILL")] * 2
    async with fleet(tmp_path, "0.01", programs) as (killed, other):
        calls = [
            asyncio.ensure_future(killed.ask("held-head", GRPC, write=LIMIT, limit=LIMIT)) for _ in range(FITTING // 2)
        ]
        await eventually(lambda: killed.provider.bill, lambda bill: len(bill) == len(calls))
        await killed.kill()
        killed_s = time.monotonic()
        assert {(await call).code for call in calls} == {"lost"}

        async def are_presumed() -> bool:
            rows, _ = await read_shared(tmp_path)
            return all(row.source is Source.PRESUMED for row in rows)

        await until(are_presumed)
        # In a campaign with the time-outs of earnest.
        assert time.monotonic() - killed_s < MOST_HELD_S
        killed.provider.gate.set()
        rest = [await other.ask("usual", GRPC, write=LIMIT, limit=LIMIT) for _ in range(FITTING // 2 + 1)]
        assert [outcome.code for outcome in rest] == [""] * (FITTING // 2) + ["budget_exceeded"]
        assert await other.served.stop() == 0
        _, balance = await read_shared(tmp_path)
    assert balance == Balance(killed.provider.billed_usd_nanos, 0) == Balance(FITTING * CALL_USD_NANOS, 0)
