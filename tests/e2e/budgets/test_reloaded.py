"""Quotas that change while calls run: the new ones hold at once, and nothing that runs is cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from tests.e2e.budgets.stand import (
    GRPC,
    GRPC_STREAM,
    REST,
    Stand,
    budget,
    document,
    eventually,
    stand,
    until,
    write_document,
)
from tests.fakes.billing import PRICES

LIMIT = 100
# What one call of 100 tokens costs, and not quite two.
FOR_ONE = "0.0015"
TOKENS = {"scope": "key/anonymous", "metric": "tokens", "window": "total", "limit": 130}


def configure(it: Stand, quotas: Sequence[dict[str, object]]) -> None:
    """Put other quotas into the gateway's file."""
    write_document(it.config, document(it.provider.base_url, f"sqlite:///{it.file}", quotas, PRICES))


async def until_told(it: Stand, *codes: str) -> None:
    """Call until a call ends in one of these ways."""

    async def is_told() -> bool:
        return (await it.ask("usual", GRPC, write=1, limit=LIMIT)).code in codes

    await until(is_told)


async def test_quotas_that_change_hold_at_once_and_cancel_nothing_that_runs(tmp_path: Path) -> None:
    async with stand(tmp_path, [budget(1)]) as it:
        assert not (await it.ask("usual", REST, write=LIMIT, limit=LIMIT)).code
        running = asyncio.ensure_future(it.ask("held-middle", GRPC_STREAM, "runs-on", write=1, limit=LIMIT))
        await eventually(lambda: it.provider.lines_of("runs-on"), bool)
        configure(it, [budget(FOR_ONE)])  # lowered, to what is spent already
        await until_told(it, "budget_exceeded")
        configure(it, [budget(2)])  # raised
        await until_told(it, "")
        configure(it, [budget(2), TOKENS])  # added: what was spent before it was there counts
        await until_told(it, "quota_exceeded")
        configure(it, [])  # removed
        await until_told(it, "")
        it.provider.gate.set()
        assert not (await running).code
        books = await it.stop()
    books.check_against(it.provider.bill)
    assert len(books.rows) == len(it.provider.bill)
    assert not books.open_rows


async def test_a_quota_that_comes_in_mid_window_counts_what_runs_and_what_was_spent(tmp_path: Path) -> None:
    async with stand(tmp_path, []) as it:
        for _ in range(3):
            assert not (await it.ask("usual", GRPC, write=LIMIT, limit=LIMIT)).code
        running = asyncio.ensure_future(it.ask("held-middle", GRPC_STREAM, "runs-on", write=LIMIT, limit=LIMIT))
        await eventually(lambda: it.provider.lines_of("runs-on"), bool)
        configure(it, [budget(FOR_ONE, window="month")])
        await until_told(it, "budget_exceeded")
        configure(it, [budget(1)])
        await until_told(it, "")
        it.provider.gate.set()
        assert not (await running).code
        books = await it.stop()
    # The one that ran was reserved under no quota, and is charged to the one that came meanwhile.
    assert books.committed == {"organization": books.booked_usd_nanos}
    assert books.booked_usd_nanos == it.provider.billed_usd_nanos
