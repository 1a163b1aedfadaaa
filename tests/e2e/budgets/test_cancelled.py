"""Callers who leave, at every stage: nothing stays held, and what the provider bills is booked."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Literal

import aiohttp
import pytest
from llmgateway import GatewayError
from llmgateway_server.store.ledger import Source

from tests.e2e.budgets.stand import (
    GRPC_STREAM,
    REST_STREAM,
    STOPPING,
    Stand,
    budget,
    eventually,
    qualified,
    request_of,
    stand,
)
from tests.fakes.billing import HELD_AT

LIMIT = 1_000
STORM = 200
Leaving = Literal["cancel", "deadline", "close"]
# A deadline of REST is the client's own, which closes the connection, too.
LEAVINGS: tuple[Leaving, ...] = ("cancel", "deadline", "close")


async def until_billed(it: Stand, user: str) -> None:
    """Wait until the provider has a call."""
    await eventually(lambda: it.provider.lines_of(user), bool)


async def cancel_grpc(it: Stand, model: str, user: str) -> None:
    """Cancel the call once the provider has it."""
    call = asyncio.ensure_future(it.ask(model, GRPC_STREAM, user, write=100, limit=LIMIT))
    await until_billed(it, user)
    call.cancel()
    await asyncio.wait([call])


async def let_deadline_pass(it: Stand, model: str, user: str) -> None:
    """Give the call less time than the provider takes."""
    request = request_of(qualified(model), user, 100, LIMIT)
    with pytest.raises(GatewayError) as failed:
        async with it.client.stream(request, timeout_s=0.5) as stream:
            await stream.collect()
    assert failed.value.code.name == "DEADLINE_EXCEEDED"


async def close_connection(it: Stand, model: str, user: str) -> None:
    """Close the connection of REST without a word."""
    body = {
        "model": qualified(model),
        "messages": [{"role": "user", "content": "write 100"}],
        "stream": True,
        "user": user,
        "max_completion_tokens": LIMIT,
    }
    async with aiohttp.ClientSession(it.served.rest) as session:
        call = asyncio.ensure_future(session.post("/v1/chat/completions", json=body))
        await until_billed(it, user)
        call.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            (await call).close()


LEAVE: dict[Leaving, Callable[[Stand, str, str], Awaitable[None]]] = {
    "cancel": cancel_grpc,
    "deadline": let_deadline_pass,
    "close": close_connection,
}


async def test_a_stream_that_is_left_at_any_stage_holds_nothing_and_costs_what_was_billed(tmp_path: Path) -> None:
    async with stand(tmp_path, [budget(1)]) as it:
        for model in HELD_AT:
            for leaving in LEAVINGS:
                await LEAVE[leaving](it, model, it.new_user())
        books = await it.settled()
        assert books.covers(it.provider.bill)
        assert len(books.rows) == len(it.provider.bill) == len(HELD_AT) * len(LEAVINGS)
        # The provider bills what is left, too: unless it says otherwise it is booked at the bound.
        assert {row.source for row in books.rows} <= {Source.BOUND, Source.PROVIDER}
        books.check_against(it.provider.bill)
        assert (await it.stop()).committed == {"organization": books.booked_usd_nanos}


@pytest.mark.parametrize("leaving", ["cancel", "close"])
async def test_a_stream_is_booked_at_what_came_where_its_provider_stops_and_nothing_is_unseen(
    tmp_path: Path, leaving: Leaving
) -> None:
    async with stand(tmp_path, [budget(1)]) as it:
        for model in ("held-middle", "held-middle@thinking"):
            await LEAVE[leaving](it, f"{STOPPING}/{model}", it.new_user())
        books = await it.settled()
        seen, unseen = (next(row for row in books.rows if row.entry.model.endswith(end)) for end in ("e", "@thinking"))
        assert unseen.cost_usd_nanos == unseen.held_usd_nanos
        # 100 of 1,000 tokens were written, and the provider charges them.
        assert seen.cost_usd_nanos is not None
        assert seen.held_usd_nanos / 2 > seen.cost_usd_nanos >= max(line.usd_nanos for line in it.provider.bill)
        books.check_against(it.provider.bill)
        await it.stop()


async def test_a_storm_of_callers_who_leave_holds_nothing(tmp_path: Path) -> None:
    async with stand(tmp_path, [budget(10)]) as it:
        ways = (GRPC_STREAM, REST_STREAM)
        calls = [
            asyncio.ensure_future(it.ask("held-middle", ways[number % 2], write=100, limit=LIMIT))
            for number in range(STORM)
        ]
        await eventually(lambda: it.provider.bill, lambda bill: len(bill) == STORM)
        assert len(it.books().open_rows) == STORM
        for call in calls:
            call.cancel()
        await asyncio.wait(calls)
        books = await it.settled()
        assert len(books.rows) == STORM
        assert books.covers(it.provider.bill)
        books.check_against(it.provider.bill)
        await it.stop()


async def test_what_callers_left_can_be_spent_again(tmp_path: Path) -> None:
    """Calls of which nothing was sent cost nothing: the next one finds all of the budget."""
    prices = {"input": "0", "output": "10"}
    async with stand(tmp_path, [budget("0.004")], prices) as it:
        held = [asyncio.ensure_future(it.ask("held-head", GRPC_STREAM, write=100, limit=100)) for _ in range(4)]
        await eventually(lambda: it.provider.bill, lambda bill: len(bill) == 4)
        waiting = [asyncio.ensure_future(it.ask("usual", GRPC_STREAM, write=100, limit=100)) for _ in range(8)]
        for call in waiting[:4]:
            call.cancel()
        it.provider.gate.set()
        assert [(await call).code for call in held] == [""] * 4
        assert {(await call).code for call in waiting[4:]} == {"budget_exceeded"}
        books = await it.stop()
    assert len(it.provider.bill) == 4
    assert books.booked_usd_nanos == it.provider.billed_usd_nanos == 4_000_000
    assert not books.open_rows
