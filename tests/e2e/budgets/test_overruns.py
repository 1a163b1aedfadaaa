"""Providers that bill more than they were allowed, or do not say what: it is booked in full, and told of."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest
from llmgateway_server.admin.ban_body import BAN_KIND
from llmgateway_server.store.ledger import Source
from llmgateway_server.store.sqlite.schema import connect_for_reading

from tests.e2e.budgets.stand import WAYS, budget, eventually, stand
from tests.fakes.billing import EXCEEDING

LIMIT = 400


def banned(file: Path) -> set[str]:
    """Return the targets whose bans are in the file."""
    with contextlib.closing(connect_for_reading(file)) as connection:
        return {name for (name,) in connection.execute("SELECT id FROM objects WHERE kind = ?", (BAN_KIND,))}


async def test_every_excess_is_an_overrun_and_every_missing_usage_is_booked_at_the_bound(tmp_path: Path) -> None:
    async with stand(tmp_path, [budget(10)]) as it:
        users = {}
        for way in WAYS:
            for model in ("usual", *EXCEEDING, "silent", "failing", "breaking", "limiting"):
                user = it.new_user()
                users[user] = model
                copy = f"{model}@{way.protocol}-{way.streams}" if model in EXCEEDING else model
                await it.ask(copy, way, user, write=300, limit=LIMIT)
            gone = it.new_user()
            users[gone] = "gone"
            await it.ask("gone/usual", way, gone, limit=LIMIT)
        assert it.books().covers(it.provider.bill)
        books = await it.stop()
    assert not books.open_rows
    for user, model in users.items():
        lines = it.provider.lines_of(user)
        if not lines and model == "limiting":
            assert not books.of(user)  # it rests after the first 429, and is not asked
            continue
        (row,) = books.of(user)
        if model in ("usual", *EXCEEDING):
            assert (row.source, row.cost_usd_nanos) == (Source.PROVIDER, lines[0].usd_nanos), model
            assert row.overrun_usd_nanos == max(0, lines[0].usd_nanos - row.held_usd_nanos)
            assert (row.overrun_usd_nanos > 0) == (model in EXCEEDING)
        elif model in ("limiting", "gone"):
            assert (row.source, row.cost_usd_nanos) == (Source.VOID, 0), model
        else:
            assert (row.source, row.cost_usd_nanos) == (Source.BOUND, row.held_usd_nanos), model
            assert row.held_usd_nanos >= lines[0].usd_nanos
    assert books.committed == {"organization": books.booked_usd_nanos}
    told = [line["message"] for line in map(json.loads, it.served.log.read_text().splitlines())]
    alarms = [message for message in told if "does not keep to its limits" in message]
    assert len(alarms) == len(EXCEEDING) * len(WAYS)


@pytest.mark.parametrize("model", ["partial", "nonsensical"])
async def test_a_usage_without_its_counts_is_booked_at_the_bound(tmp_path: Path, model: str) -> None:
    async with stand(tmp_path, [budget(10)]) as it:
        for way in WAYS:
            await it.ask(model, way, write=300, limit=LIMIT)
        books = await it.stop()
    assert len(books.rows) == len(WAYS)
    assert books.covers(it.provider.bill)
    assert {row.source for row in books.rows} == {Source.BOUND}


async def test_a_target_that_charged_too_much_is_not_asked_again_even_after_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "kept" / "ledger.db"
    async with stand(tmp_path, [budget(10)], file=file) as it:
        first = await it.ask("thinking", WAYS[0], limit=LIMIT)
        again = [await it.ask("thinking", way, limit=LIMIT) for way in WAYS]
        other = await it.ask("usual", WAYS[0], limit=LIMIT)
        assert len(it.provider.bill) == 2
        await eventually(lambda: banned(file), lambda names: names == {"fake/thinking"})
        await it.stop()
    assert (first.code, other.code) == ("", "")
    assert {outcome.code for outcome in again} == {"price_unknown"}
    async with stand(tmp_path, [budget(10)], file=file) as it:
        assert (await it.ask("thinking", WAYS[0], limit=LIMIT)).code == "price_unknown"
        assert not it.provider.bill
        await it.stop()


async def test_an_overrun_beyond_the_limit_is_booked_in_full_and_nothing_is_admitted_after_it(tmp_path: Path) -> None:
    # 7,400 tokens at 10 dollars a million are three times the budget.
    async with stand(tmp_path, [budget("0.02")]) as it:
        first = await it.ask("overrunning", WAYS[0], write=300, limit=LIMIT)
        second = await it.ask("usual", WAYS[0], write=1, limit=1)
        books = await it.stop()
    assert (first.code, second.code) == ("", "budget_exceeded")
    assert len(it.provider.bill) == 1
    assert books.booked_usd_nanos == it.provider.billed_usd_nanos > 20_000_000
