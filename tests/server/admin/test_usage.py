from __future__ import annotations

import asyncio
import csv
import io
import json
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from llmgateway.admin.v1 import usage_service_pb2 as messages
from llmgateway_server import errors
from llmgateway_server.admin.lease_body import LeaseBody
from llmgateway_server.admin.leases import lease
from llmgateway_server.admin.usage_scope import joined
from llmgateway_server.store.ledger import Entry, Settlement, Source, StoreAway, Tally, UsageQuery, UsageRow

from tests.server.admin.office import NANOS, NOON_S, OWNER, Office, make_company

DAY_S = 86_400
FIRST = {"seconds": 0}


@pytest.fixture
async def office() -> Office:
    """Return a company in which each of some keys spent 10 and a power of two."""
    office = await make_company()
    for number, (key, team) in enumerate(
        (("kim", "acme"), ("max", "acme"), ("lab", "acme-lab"), ("roy", "rival"), ("ola", "acme"))
    ):
        spend(office, key, team, 2**number, f"a-{number}")
    return office


def spend(office: Office, key: str, team: str, cost: int, attempt_id: str, **entry: Any) -> None:
    given: dict[str, Any] = {"provider": "openai", "model": "gpt", "started_ns": office.now_ns - NANOS, **entry}
    made = Entry(
        attempt_id,
        f"c-{attempt_id}",
        "Generate",
        "first",
        key=key,
        team=team,
        end_user="",
        labels={},
        route="",
        **given,
    )
    tally = Tally(input_token_count=cost, output_token_count=1)
    office.ledger.record(
        made, Settlement(attempt_id, Source.PROVIDER, cost, tally, 1, office.now_ns, 1_000, None, "ok")
    )


async def query(office: Office, by: str, **fields: Any) -> list[Any]:
    request = messages.QueryUsageRequest(**{"start_time": FIRST, **fields})
    principal = OWNER if by == "root" else office.principal(by)
    return list((await office.ask(principal, "UsageService.QueryUsage", request)).rows)


@pytest.mark.parametrize(
    ("by", "cost"),
    [("root", 31), ("ada", 23), ("vic", 23), ("lab", 4), ("ron", 8)],
)
async def test_each_is_told_of_its_own_team_and_those_below(office: Office, by: str, cost: int) -> None:
    (row,) = await query(office, by)
    assert (row.cost_usd_nanos, row.input_token_count) == (cost, cost)


async def test_who_has_no_team_is_told_of_its_own_key(office: Office) -> None:
    await office.key("lone", role="ROLE_MEMBER")
    spend(office, "lone", "", 64, "a-lone")
    (row,) = await query(office, "lone")
    assert row.cost_usd_nanos == 64
    for filters in ({"key": "kim"}, {"team": "acme"}):
        assert not await query(office, "lone", filters=filters)
    exported = messages.ExportUsageRequest(start_time=FIRST)
    chunks = await office.ask(office.principal("lone"), "UsageService.ExportUsage", exported)
    assert b"".join(one.chunk for one in chunks).count(b"\r\n") == 2


@pytest.mark.parametrize("filters", [{"team": "rival"}, {"key": "roy"}, {"team": "rival", "key": "roy"}])
async def test_a_filter_opens_nothing(office: Office, filters: dict[str, str]) -> None:
    assert not await query(office, "ada", filters=filters)
    assert await query(office, "root", filters=filters)


async def test_a_filter_by_team_keeps_the_teams_below_it(office: Office) -> None:
    (row,) = await query(office, "root", filters={"team": "acme"})
    assert row.cost_usd_nanos == 23
    (row,) = await query(office, "root", filters={"team": "acme-lab"})
    assert row.cost_usd_nanos == 4


async def test_groups_have_the_dimensions_that_were_asked_for(office: Office) -> None:
    rows = await query(office, "vic", group_by=["key"])
    assert {row.group["key"]: row.cost_usd_nanos for row in rows} == {"kim": 1, "max": 2, "lab": 4, "ola": 16}
    assert all(list(row.group) == ["key"] for row in rows)
    rows = await query(office, "vic", group_by=["model", "team"])
    assert [(row.group["model"], row.group["team"], row.cost_usd_nanos) for row in rows] == [
        ("gpt", "acme", 19),
        ("gpt", "acme-lab", 4),
    ]


async def test_percentiles_are_told_of_single_teams_alone(office: Office) -> None:
    (of_two,) = await query(office, "vic")
    assert not of_two.HasField("latency_p50_ms")
    (of_one,) = await query(office, "lab")
    assert of_one.latency_p50_ms == pytest.approx(1, rel=0.05)
    (of_all,) = await query(office, "root")
    assert of_all.HasField("latency_p99_ms")


async def test_buckets_begin_at_whole_multiples(office: Office) -> None:
    spend(office, "kim", "acme", 32, "early", started_ns=(NOON_S - DAY_S) * NANOS)
    rows = await query(office, "root", bucket={"seconds": DAY_S})
    midnight_s = NOON_S - DAY_S // 2
    assert [(row.start_time.seconds, row.cost_usd_nanos) for row in rows] == [
        (midnight_s - DAY_S, 32),
        (midnight_s, 31),
    ]


def test_rows_that_are_joined_add_up() -> None:
    one = UsageRow(0, ("m", "a"), 1, 1, 0, Tally(1, 2, 3, 4, 5), 10, 0, 1.0, 1.0, 1.0)
    other = UsageRow(0, ("m", "b"), 2, 1, 1, Tally(10, 20, 30, 40, 50), -4, 1, 2.0, 2.0, 2.0)
    later = UsageRow(60, ("m", "b"), 2, 1, 1, Tally(), 7, 1, 2.0, 2.0, 2.0)
    assert list(joined([later, one, other], 1)) == [
        UsageRow(0, ("m",), 3, 2, 1, Tally(11, 22, 33, 44, 55), 6, 1, None, None, None),
        UsageRow(60, ("m",), 2, 1, 1, Tally(), 7, 1, 2.0, 2.0, 2.0),
    ]


async def export(office: Office, by: str, format: str) -> bytes:  # noqa: A002
    request = messages.ExportUsageRequest(start_time=FIRST, format=format)
    chunks = await office.ask(office.principal(by), "UsageService.ExportUsage", request)
    return b"".join(one.chunk for one in chunks)


async def test_an_export_in_csv_has_a_line_a_row_and_reads_back(office: Office) -> None:
    spend(office, "kim", "acme", 32, "odd", model='=cmd|"/c calc"!A1\n, x')
    rows = list(csv.DictReader(io.StringIO((await export(office, "ada", "FORMAT_CSV")).decode(), newline="")))
    assert sorted(row["key"] for row in rows) == ["kim", "kim", "lab", "max", "ola"]
    (odd,) = [row for row in rows if row["attempt_id"] == "odd"]
    assert odd["model"] == '\'=cmd|"/c calc"!A1\n, x'
    assert (odd["cost_usd_nanos"], odd["source"]) == ("32", "provider")
    assert odd["start_time"] == "2026-12-01T11:59:59.000000000Z"


async def test_an_export_in_json_has_a_line_a_row(office: Office) -> None:
    lines = [json.loads(line) for line in (await export(office, "ron", "FORMAT_JSON_LINES")).splitlines()]
    assert [(line["key"], line["team"], line["cost_usd_nanos"], line["labels"]) for line in lines] == [
        ("roy", "rival", 8, {})
    ]


async def test_a_correction_counts_where_the_scope_does_and_names_its_maker(office: Office) -> None:
    await office.activate()
    request = messages.AdjustUsageRequest(scope="key/kim", cost_usd_nanos=-5, reason="credit note 7", attempt_id="a-0")
    answer = await office.ask(OWNER, "UsageService.AdjustUsage", request)
    rows = [row async for batch in office.ledger.rows(0, 2**62) for row in batch if row.source is Source.ADJUSTMENT]
    (row,) = rows
    assert (row.entry.attempt_id, row.entry.key, row.entry.team) == (answer.adjustment_id, "kim", "acme")
    assert (row.cost_usd_nanos, row.adjusts, row.reason) == (-5, "a-0", "root: credit note 7")
    office.now_ns += 1
    (told,) = await query(office, "root", filters={"key": "kim"})
    assert told.cost_usd_nanos == 1 - 5
    charged = {charge.counter.scope for charge in office.charges_of(row.entry)}
    assert charged == {"organization", "team/acme", "key/kim"}


@pytest.mark.parametrize(
    ("scope", "fields"),
    [
        ("organization", {}),
        ("team/acme", {"team": "acme"}),
        ("end_user/eve/1", {"end_user": "eve/1"}),
        ("provider/openai", {"provider": "openai"}),
        ("model/openai/org/gpt", {"provider": "openai", "model": "org/gpt"}),
    ],
)
async def test_a_correction_is_booked_on_its_scope(office: Office, scope: str, fields: dict[str, str]) -> None:
    request = messages.AdjustUsageRequest(scope=scope, cost_usd_nanos=5, reason="why")
    answer = await office.ask(OWNER, "UsageService.AdjustUsage", request)
    (entry,) = [
        row.entry
        async for batch in office.ledger.rows(0, 2**62)
        for row in batch
        if row.entry.attempt_id == answer.adjustment_id
    ]
    blank = {"key": "", "team": "", "end_user": "", "provider": "", "model": ""}
    assert {name: getattr(entry, name) for name in blank} == {**blank, **fields}


@pytest.mark.parametrize("scope", ["key/nobody", "team/nowhere"])
async def test_a_scope_that_is_not_there_is_not_corrected(office: Office, scope: str) -> None:
    request = messages.AdjustUsageRequest(scope=scope, cost_usd_nanos=5, reason="why")
    with pytest.raises(errors.ResourceNotFound):
        await office.ask(OWNER, "UsageService.AdjustUsage", request)


INVOICE = b"""\xef\xbb\xbfcost,day,what
0.000000020,2026-12-01,gpt
0.000000015,2026-12-01T01:30:00+02:00,gpt
1,2026-11-30,gone

0.000000001,2026-12-01T10:00:00Z,gpt
"""
COLUMNS = {"date_column": "day", "model_column": "what", "cost_column": "cost"}


async def reconcile(office: Office, **fields: Any) -> list[tuple[Any, ...]]:
    request = messages.ReconcileUsageRequest(provider="openai", invoice_csv=INVOICE, **COLUMNS, **fields)
    rows = (await office.ask(OWNER, "UsageService.ReconcileUsage", request)).rows
    return [(row.day, row.model, row.billed_usd_nanos, row.booked_usd_nanos, row.difference_usd_nanos) for row in rows]


async def test_an_invoice_is_held_against_the_ledger_by_day_and_model(office: Office) -> None:
    spend(office, "kim", "acme", 5, "other", model="other")
    spend(office, "kim", "acme", 5, "else", provider="anthropic")
    assert await reconcile(office) == [
        ("2026-11-30", "gone", 10**9, 0, 10**9),
        ("2026-11-30", "gpt", 15, 0, 15),
        ("2026-12-01", "gpt", 21, 31, -10),
        ("2026-12-01", "other", 0, 5, -5),
    ]
    assert len([row async for batch in office.ledger.rows(0, 2**62) for row in batch]) == 7


async def test_booked_differences_are_gone_the_next_time(office: Office) -> None:
    await reconcile(office, book=True)
    again = await reconcile(office, book=True)
    assert [row[-1] for row in again] == [0, 0, 0]
    assert [row[2] for row in again] == [row[3] for row in again]


async def test_two_book_an_invoice_one_after_the_other(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """All have begun before the first has read what is booked already."""
    usage, gate = office.ledger.usage, asyncio.Event()

    async def usage_later(query: UsageQuery) -> Sequence[UsageRow]:
        await gate.wait()
        return await usage(query)

    monkeypatch.setattr(office.ledger, "usage", usage_later)
    calls = [asyncio.ensure_future(reconcile(office, book=True)) for _ in range(5)]
    for call in calls[1:]:
        with pytest.raises(errors.EtagMismatch, match="Another call is reconciling an invoice of openai"):
            await call
    gate.set()
    assert any(row[-1] for row in await calls[0])
    assert [row[-1] for row in await reconcile(office, book=True)] == [0, 0, 0]


async def test_a_dead_gateway_keeps_others_from_booking_for_ten_minutes(office: Office) -> None:
    holder = LeaseBody("dead", office.now_ns + 600 * NANOS)
    await office.objects.create("lease", "reconcile-openai", msgspec.json.encode(holder), office.now_ns)
    with pytest.raises(errors.EtagMismatch, match="if its gateway has died, in 600 s"):
        await reconcile(office, book=True)
    office.now_ns = holder.until_ns
    await reconcile(office, book=True)
    assert [row[-1] for row in await reconcile(office, book=True)] == [0, 0, 0]


async def test_a_lease_that_cannot_be_given_back_ends_by_itself(
    office: Office, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def away(*_: object) -> None:
        raise StoreAway("gone")

    async with lease(office.desk, "a-lease", "trying"):
        monkeypatch.setattr(office.objects, "update", away)
    assert "the lease a-lease ends by itself within 600 s" in caplog.text


async def test_a_store_that_is_away_is_told_as_that(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(*_: object) -> None:
        raise StoreAway("password=canary")

    monkeypatch.setattr(office.ledger, "usage", away)
    with pytest.raises(errors.StoreUnavailable) as caught:
        await query(office, "root")
    assert "canary" not in caught.value.message
    assert caught.value.retry_after_s
    monkeypatch.setattr(office.objects, "changes", away)
    with pytest.raises(errors.StoreUnavailable):
        await query(office, "root")
