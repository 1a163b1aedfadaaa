"""What every ledger does, whatever keeps it."""

from __future__ import annotations

import asyncio

import msgspec
import pytest
from llmgateway_server.store.ledger import (
    Adjustment,
    Balance,
    CostRange,
    Counter,
    Family,
    Grant,
    Ledger,
    Metric,
    Refusal,
    Source,
    Tally,
    UsageQuery,
)

from tests.server.store.samples import (
    ALL_TIME,
    DAY,
    DAY_0_NS,
    DAY_0_S,
    DAY_S,
    FAMILIES,
    HOUR_S,
    KEY_DAY,
    NANOS,
    NOON_NS,
    ORGANIZATION,
    REQUESTS,
    TOKENS,
    TOTAL,
    all_rows,
    balance,
    charge,
    entry,
    intent,
    reserved,
    settlement,
)
from tests.server.store.stages import Stage


@pytest.fixture(autouse=True)
async def activated(ledger: Ledger) -> None:
    await ledger.activate(FAMILIES)


async def test_what_is_reserved_is_held_and_what_is_settled_is_committed(ledger: Ledger) -> None:
    assert await reserved(ledger, intent("a", 10)) == (10,)
    assert await balance(ledger) == Balance(0, 10)
    ledger.settle(settlement("a", 7))
    assert await balance(ledger) == Balance(7, 0)


async def test_a_counter_that_nothing_was_charged_to_stands_at_zero(ledger: Ledger) -> None:
    assert await balance(ledger, Counter("key/nobody", Metric.COST, DAY, DAY_0_S)) == Balance()


async def test_the_last_unit_fits_and_one_more_does_not(ledger: Ledger) -> None:
    await reserved(ledger, intent("a", 60))
    ledger.settle(settlement("a", 55))
    assert await reserved(ledger, intent("b", 45)) == (45,)
    refusal = await ledger.reserve([intent("c", 1)])
    assert isinstance(refusal, Refusal)
    (shortfall,) = refusal.shortfalls
    assert (shortfall.balance, shortfall.asked, shortfall.charge.limit) == (Balance(55, 45), 1, 100)


async def test_what_costs_nothing_passes_a_limit_that_is_used_up(ledger: Ledger) -> None:
    await reserved(ledger, intent("a", 100))
    ledger.settle(settlement("a", 130))
    assert await reserved(ledger, intent("b", 0)) == (0,)
    assert await balance(ledger) == Balance(130, 0)


async def test_a_refusal_names_every_counter_without_room_and_changes_nothing(ledger: Ledger) -> None:
    charges = [charge(ORGANIZATION, 1_000), charge(KEY_DAY, 5), charge(TOKENS, 50, 51), charge(REQUESTS, 1, 1)]
    refusal = await ledger.reserve([intent("a", 10, charges)])
    assert isinstance(refusal, Refusal)
    assert [one.charge.counter for one in refusal.shortfalls] == [KEY_DAY, TOKENS]
    assert await ledger.balances([ORGANIZATION, KEY_DAY, TOKENS, REQUESTS]) == [Balance()] * 4
    ledger.settle(settlement("a"))
    await ledger.flush()
    assert await all_rows(ledger) == []


async def test_tokens_and_requests_are_held_as_told_and_settled_by_usage(ledger: Ledger) -> None:
    await reserved(ledger, intent("a", 10, [charge(TOKENS, 100, 60), charge(REQUESTS, 5, 1)]))
    assert await ledger.balances([TOKENS, REQUESTS]) == [Balance(0, 60), Balance(0, 1)]
    ledger.settle(settlement("a", tally=Tally(30, 0, 0, 40, 0)))
    assert await ledger.balances([TOKENS, REQUESTS]) == [Balance(70, 0), Balance(1, 0)]


async def test_two_limits_on_one_counter_hold_it_once(ledger: Ledger) -> None:
    charges = [charge(KEY_DAY, 25), charge(KEY_DAY, 100)]
    await reserved(ledger, intent("a", 10, charges), intent("b", 10, charges))
    assert await balance(ledger, KEY_DAY) == Balance(0, 20)
    assert isinstance(await ledger.reserve([intent("c", 10, charges)]), Refusal)


@pytest.mark.parametrize(
    ("cost", "limit", "granted"),
    [
        (CostRange(1, 5, 10), 80, 10),  # an eighth of the room is enough
        (CostRange(1, 5, 11), 80, 10),  # an eighth
        (CostRange(1, 12, 20), 80, 12),  # at least what is fair
        (CostRange(1, 12, 20), 7, 7),  # what there is
        (CostRange(7, 12, 20), 7, 7),
        (CostRange(8, 12, 20), 7, None),
        (CostRange(30, 30, 30), 30, 30),
        (CostRange(1, 12, 20), None, 20),
    ],
)
async def test_a_range_is_granted_as_there_is_room(
    ledger: Ledger, cost: CostRange, limit: int | None, granted: int | None
) -> None:
    charges = [charge(ORGANIZATION, limit), charge(KEY_DAY, 1_000_000)]
    grant = await ledger.reserve([intent("a", cost, charges)])
    assert (grant.costs[0] if isinstance(grant, Grant) else None) == granted
    assert await balance(ledger) == Balance(0, granted or 0)


async def test_several_intents_are_reserved_together_or_not_at_all(ledger: Ledger) -> None:
    charges = [charge(ORGANIZATION, 30)]
    refusal = await ledger.reserve([intent(name, 11, charges) for name in "abc"])
    assert isinstance(refusal, Refusal)
    assert refusal.shortfalls[0].asked == 33
    assert await balance(ledger) == Balance()
    assert await reserved(ledger, *(intent(name, 10, charges) for name in "def")) == (10, 10, 10)


async def test_no_intent_takes_what_another_one_beside_it_needs(ledger: Ledger) -> None:
    cost = CostRange(10, 25, 40)
    charges = [charge(ORGANIZATION, 30)]
    assert await reserved(ledger, *(intent(name, cost, charges) for name in "ab")) == (20, 10)
    assert await balance(ledger) == Balance(0, 30)


async def test_a_second_settlement_changes_nothing(ledger: Ledger) -> None:
    await reserved(ledger, intent("a", 10))
    ledger.settle(settlement("a", 7))
    ledger.settle(settlement("a", 9))
    await ledger.flush()
    ledger.settle(settlement("a", 9))
    await ledger.flush()
    assert await balance(ledger) == Balance(7, 0)
    assert [row.cost_usd_nanos for row in await all_rows(ledger)] == [7]


async def test_a_settlement_of_what_was_never_reserved_changes_nothing(ledger: Ledger) -> None:
    ledger.settle(settlement("a", 7, charges=[charge()]))
    await ledger.flush()
    assert await balance(ledger) == Balance()
    assert await all_rows(ledger) == []


async def test_more_than_was_held_is_booked_in_full_as_an_overrun(ledger: Ledger) -> None:
    await reserved(ledger, intent("a", 10))
    ledger.settle(settlement("a", 25))
    await ledger.flush()
    (row,) = await all_rows(ledger)
    assert (row.cost_usd_nanos, row.held_usd_nanos, row.overrun_usd_nanos) == (25, 10, 15)
    assert await balance(ledger) == Balance(25, 0)


async def test_a_void_attempt_gives_back_what_it_held(ledger: Ledger) -> None:
    await reserved(ledger, intent("a", 10, [charge(ORGANIZATION, 100), charge(REQUESTS, 5, 1)]))
    ledger.settle(settlement("a", 0, source=Source.VOID, tally=Tally(), request_count=0, outcome="unavailable"))
    assert await ledger.balances([ORGANIZATION, REQUESTS]) == [Balance(), Balance()]


async def test_a_row_has_all_that_is_known_of_an_attempt(ledger: Ledger) -> None:
    begun = intent("a", 10)
    ended = settlement("a", None, outcome="provider_overloaded", http_status=529, cache="miss", first_content_us=None)
    await reserved(ledger, begun)
    (open_row,) = await all_rows(ledger)
    assert (open_row.entry, open_row.source, open_row.held_usd_nanos) == (begun.entry, Source.OPEN, 10)
    ledger.settle(ended)
    await ledger.flush()
    (row,) = await all_rows(ledger)
    assert row.entry == begun.entry
    for name in set(msgspec.structs.asdict(ended)) - {"attempt_id", "charges"}:
        assert getattr(row, name) == getattr(ended, name), name


async def test_what_was_never_reserved_is_recorded_and_charged_by_its_settlement(ledger: Ledger) -> None:
    ledger.record(entry("a"), settlement("a", 7, charges=[charge(ORGANIZATION), charge(REQUESTS)]))
    await ledger.flush()
    assert await ledger.balances([ORGANIZATION, REQUESTS]) == [Balance(7, 0), Balance(1, 0)]
    assert [(row.entry, row.source) for row in await all_rows(ledger)] == [(entry("a"), Source.PROVIDER)]


async def test_a_settlement_charges_counters_that_came_up_meanwhile_but_none_twice_and_no_other_period(
    ledger: Ledger,
) -> None:
    await reserved(ledger, intent("a", 10, [charge(KEY_DAY, 100)]))
    next_day = Counter(KEY_DAY.scope, KEY_DAY.metric, KEY_DAY.window, DAY_0_S + DAY_S)
    unknown = Counter("model/openai/gpt-4o-mini", Metric.COST, TOTAL, 0)
    ledger.settle(settlement("a", 7, charges=[charge(one) for one in (KEY_DAY, next_day, ORGANIZATION, unknown)]))
    counters = [KEY_DAY, next_day, ORGANIZATION, unknown]
    assert await ledger.balances(counters) == [Balance(7), Balance(), Balance(7), Balance()]


async def test_what_is_open_when_a_process_dies_is_presumed_at_what_it_held(ledger: Ledger, stage: Stage) -> None:
    await reserved(ledger, intent("a", 10, [charge(ORGANIZATION, 100), charge(TOKENS, 99, 60), charge(REQUESTS, 9, 1)]))
    await stage.crash(ledger)
    again = await stage.open()
    assert await again.balances([ORGANIZATION, TOKENS, REQUESTS]) == [Balance(10), Balance(60), Balance(1)]
    (row,) = await all_rows(again)
    assert (row.source, row.cost_usd_nanos, row.tally.token_count, row.request_count) == (Source.PRESUMED, 10, 60, 1)
    await again.stop()


async def test_what_was_settled_and_flushed_outlives_a_crash(ledger: Ledger, stage: Stage) -> None:
    await reserved(ledger, intent("a", 10))
    ledger.settle(settlement("a", 7))
    ledger.record(entry("b"), settlement("b", 5, charges=[charge()]))
    await ledger.flush()
    await stage.crash(ledger)
    again = await stage.open()
    assert await balance(again) == Balance(12, 0)
    assert [row.source for row in await all_rows(again)] == [Source.PROVIDER, Source.PROVIDER]
    await again.stop()


async def test_a_stop_writes_what_is_queued(ledger: Ledger, stage: Stage) -> None:
    await reserved(ledger, intent("a", 10))
    ledger.settle(settlement("a", 7))
    await ledger.stop()
    again = await stage.open()
    assert await balance(again) == Balance(7, 0)
    await again.stop()


@pytest.mark.parametrize("actual", [0, 7, 10, 25])
async def test_a_settlement_after_a_presumption_is_one_adjustment(ledger: Ledger, stage: Stage, actual: int) -> None:
    await reserved(ledger, intent("a", 10, [charge(ORGANIZATION, 100), charge(TOKENS, 99, 60)]))
    await stage.crash(ledger)
    again = await stage.open()
    for _ in range(2):
        again.settle(settlement("a", actual, tally=Tally(30, 0, 0, 40, 0)))
        await again.flush()
    assert await again.balances([ORGANIZATION, TOKENS]) == [Balance(actual), Balance(70)]
    presumed, late = await all_rows(again)
    assert (presumed.source, presumed.cost_usd_nanos) == (Source.PRESUMED, 10)
    assert (late.source, late.adjusts, late.cost_usd_nanos) == (Source.ADJUSTMENT, "a", actual - 10)
    assert late.overrun_usd_nanos == max(0, actual - 10)
    await again.stop()


async def test_an_intent_is_presumed_when_its_time_is_over_and_not_before(ledger: Ledger, stage: Stage) -> None:
    await reserved(ledger, intent("a", 10, expires_ns=NOON_NS + 5))
    await stage.expire(ledger, NOON_NS + 4)
    assert await balance(ledger) == Balance(0, 10)
    await stage.expire(ledger, NOON_NS + 5)
    assert await balance(ledger) == Balance(10, 0)
    ledger.settle(settlement("a", 3))
    await ledger.flush()
    assert await balance(ledger) == Balance(3, 0)


async def test_a_stream_over_midnight_settles_in_the_period_that_it_was_reserved_in(
    ledger: Ledger, stage: Stage
) -> None:
    before = NOON_NS - 1
    await reserved(ledger, intent("a", 10, [charge(KEY_DAY, 100)], started_ns=before))
    today = Counter(KEY_DAY.scope, KEY_DAY.metric, KEY_DAY.window, DAY_0_S + DAY_S)
    await reserved(ledger, intent("b", 20, [charge(today, 100)], started_ns=DAY_0_NS + DAY_S * NANOS))
    ledger.settle(settlement("a", 7, charges=[charge(today)]))
    assert await ledger.balances([KEY_DAY, today]) == [Balance(7, 0), Balance(0, 20)]
    await ledger.flush()
    await stage.crash(ledger)
    again = await stage.open()
    assert await again.balances([KEY_DAY, today]) == [Balance(7, 0), Balance(20, 0)]
    assert isinstance(await again.reserve([intent("c", 94, [charge(KEY_DAY, 100)])]), Refusal)
    await reserved(again, intent("d", 93, [charge(KEY_DAY, 100)]))
    await again.stop()


async def test_a_limit_set_in_mid_window_counts_what_was_spent_in_it(ledger: Ledger) -> None:
    for name, started_ns, kind in [("old", DAY_0_NS - 1, "first"), ("a", DAY_0_NS, "first"), ("b", NOON_NS, "retry")]:
        ledger.record(entry(name, started_ns, kind=kind), settlement(name, 7))
    await reserved(ledger, intent("c", 10))
    ledger.settle(settlement("c", 4))
    families = {
        **FAMILIES,
        Family("key", Metric.REQUESTS, DAY): DAY_0_S,
        Family("team", Metric.COST, DAY): DAY_0_S,
        Family("end_user", Metric.TOKENS, TOTAL): 0,
        Family("model", Metric.COST, TOTAL): 0,
        Family("provider", Metric.COST, TOTAL): 0,
        Family("organization", Metric.COST, DAY): DAY_0_S,
    }
    await ledger.activate(families)
    expected = {
        Counter("key/ci", Metric.REQUESTS, DAY, DAY_0_S): 3,
        Counter("team/platform", Metric.COST, DAY, DAY_0_S): 18,
        Counter("team/engineering", Metric.COST, DAY, DAY_0_S): 18,
        Counter("end_user/ada", Metric.TOKENS, TOTAL, 0): 280,
        Counter("model/openai/gpt-4o-mini", Metric.COST, TOTAL, 0): 25,
        Counter("provider/openai", Metric.COST, TOTAL, 0): 25,
        Counter("organization", Metric.COST, DAY, DAY_0_S): 18,
    }
    assert await ledger.balances([*expected]) == [Balance(amount) for amount in expected.values()]


async def test_an_attempt_that_runs_while_a_limit_is_set_is_charged_once(ledger: Ledger, stage: Stage) -> None:
    for name in ("a", "b"):
        await reserved(ledger, intent(name, 10))
    new = Counter("team/platform", Metric.COST, TOTAL, 0)
    await ledger.activate({**FAMILIES, Family("team", Metric.COST, TOTAL): 0})
    ledger.settle(settlement("a", 7, charges=[charge(new)]))
    await ledger.flush()
    assert await balance(ledger, new) == Balance(7, 0)
    await stage.crash(ledger)
    again = await stage.open()
    assert await balance(again, new) == Balance(17, 0)
    again.settle(settlement("b", 4, charges=[charge(new)]))
    await again.flush()
    assert await balance(again, new) == Balance(11, 0)
    await again.stop()


async def test_what_was_presumed_before_a_limit_was_set_is_corrected_on_it(ledger: Ledger, stage: Stage) -> None:
    await reserved(ledger, intent("a", 10, expires_ns=NOON_NS))
    await stage.expire(ledger, NOON_NS)
    new = Counter("team/platform", Metric.COST, TOTAL, 0)
    await ledger.activate({**FAMILIES, Family("team", Metric.COST, TOTAL): 0})
    assert await balance(ledger, new) == Balance(10, 0)
    ledger.settle(settlement("a", 4, charges=[charge(new)]))
    await ledger.flush()
    assert await balance(ledger, new) == Balance(4, 0)


async def test_a_limit_that_was_lifted_and_set_again_counts_what_was_spent_meanwhile(ledger: Ledger) -> None:
    await reserved(ledger, intent("a", 10))
    without = {family: start for family, start in FAMILIES.items() if family.scope_kind != "organization"}
    await ledger.activate(without)
    ledger.settle(settlement("a", 7))
    ledger.record(entry("b"), settlement("b", 5, charges=[charge()]))
    await ledger.activate(FAMILIES)
    assert await balance(ledger) == Balance(12, 0)


async def test_nothing_is_counted_twice_where_limits_are_set_while_calls_run(ledger: Ledger) -> None:
    family = Family("key", Metric.REQUESTS, TOTAL)
    counter = Counter("key/ci", Metric.REQUESTS, TOTAL, 0)

    async def record(first: int) -> None:
        for number in range(first, first + 50):
            name = f"{number}"
            ledger.record(entry(name), settlement(name, charges=[charge(counter), charge()]))
            if number % 7 == 0:
                await asyncio.sleep(0)

    async def switch() -> None:
        for families in (FAMILIES, {**FAMILIES, family: 0}) * 5:
            await ledger.activate(families)

    await asyncio.gather(record(0), record(100), record(200), switch())
    await ledger.flush()
    assert await ledger.balances([counter, ORGANIZATION]) == [Balance(150), Balance(150 * 7)]


async def test_an_adjustment_by_hand_is_booked_at_once(ledger: Ledger) -> None:
    ledger.record(entry("a"), settlement("a", 7, charges=[charge()]))
    correction = Adjustment(entry("fix", kind="", call_id=""), -3, "invoice 12", [charge()], adjusts="a")
    await ledger.adjust(correction)
    assert await balance(ledger) == Balance(4, 0)
    _, row = await all_rows(ledger)
    assert (row.source, row.cost_usd_nanos, row.reason, row.adjusts) == (Source.ADJUSTMENT, -3, "invoice 12", "a")
    (total,) = await ledger.usage(ALL_TIME)
    assert (total.cost_usd_nanos, total.attempt_count, total.error_count) == (4, 1, 0)


async def test_usage_sums_by_group_and_bucket_in_order(ledger: Ledger) -> None:
    for number in range(12):
        name = f"a{number}"
        ledger.record(
            entry(
                name,
                DAY_0_NS + number * HOUR_S * NANOS // 2,
                key=f"k{number % 2}",
                kind="retry" if number == 3 else "first",
                labels={"app": "x"} if number < 6 else {},
            ),
            settlement(name, None if number == 4 else number, outcome="timeout" if number == 5 else "ok"),
        )
    await ledger.flush()
    rows = await ledger.usage(UsageQuery(DAY_0_NS, DAY_0_NS + DAY_S * NANOS, ("key",), 2 * HOUR_S))
    assert [(row.bucket_s - DAY_0_S, row.group) for row in rows] == [
        (bucket, (key,)) for bucket in (0, 2 * HOUR_S, 4 * HOUR_S) for key in ("k0", "k1")
    ]
    assert [row.cost_usd_nanos for row in rows] == [2, 4, 6, 12, 18, 20]
    assert [row.attempt_count for row in rows] == [2] * 6
    assert [row.call_count for row in rows] == [2, 1, 2, 2, 2, 2]
    assert [row.error_count for row in rows] == [0, 0, 0, 1, 0, 0]
    assert [row.unpriced_count for row in rows] == [0, 0, 1, 0, 0, 0]
    assert rows[0].tally == Tally(60, 40, 20, 80, 10)


@pytest.mark.parametrize(
    ("query", "costs"),
    [
        (UsageQuery(0, 2**62), {(): 66}),
        (UsageQuery(DAY_0_NS + NANOS, 2**62), {(): 66}),
        (UsageQuery(DAY_0_NS + 1, DAY_0_NS + 1), {}),
        (UsageQuery(DAY_0_NS + 1, DAY_0_NS + HOUR_S * NANOS // 2 + 1), {(): 1}),
        (UsageQuery(DAY_0_NS + HOUR_S * NANOS // 2 + 1, DAY_0_NS + HOUR_S * NANOS * 5), {(): 44}),
        (UsageQuery(0, 2**62, ("label:app",)), {("",): 51, ("x",): 15}),
        (UsageQuery(0, 2**62, ("label:none",)), {("",): 66}),
        (UsageQuery(0, 2**62, ("end_user",), where={"end_user": "u1"}), {("u1",): 22}),
        (UsageQuery(0, 2**62, ("end_user", "key"), where={"label:app": "x", "key": "k1"}), {("u0", "k1"): 3, ("u1", "k1"): 1, ("u2", "k1"): 5}),
        (UsageQuery(0, 2**62, ("team", "model", "provider", "route"), where={"key": "k0"}), {("platform", "gpt-4o-mini", "openai", "smart"): 30}),
        (UsageQuery(0, 2**62, where={"key": "%"}), {}),
        (UsageQuery(0, 2**62, where={"key": "k0' OR 1=1 --"}), {}),
        (UsageQuery(0, 2**62, ('label:a"\' OR',)), {("",): 66}),
    ],
)  # fmt: skip
async def test_usage_keeps_what_is_asked_for(
    ledger: Ledger, query: UsageQuery, costs: dict[tuple[str, ...], int]
) -> None:
    for number in range(12):
        labels = {"app": "x"} if number < 6 else {}
        begun = entry(
            f"a{number}",
            DAY_0_NS + number * HOUR_S * NANOS // 2,
            key=f"k{number % 2}",
            end_user=f"u{number % 3}",
            labels=labels,
        )
        ledger.record(begun, settlement(begun.attempt_id, number))
    await ledger.flush()
    assert {tuple(row.group): row.cost_usd_nanos for row in await ledger.usage(query)} == costs


async def test_a_dimension_that_is_none_is_refused(ledger: Ledger) -> None:
    ledger.record(entry("a"), settlement("a"))
    await ledger.flush()
    with pytest.raises(KeyError):
        await ledger.usage(UsageQuery(0, 2**62, ("started_ns",)))


async def test_percentiles_are_right_within_a_twentieth_and_leave_out_what_failed(ledger: Ledger) -> None:
    for number in range(1, 201):
        name = f"a{number}"
        ledger.record(entry(name), settlement(name, latency_us=number * 1_000))
        ledger.record(entry(f"failed-{name}"), settlement(f"failed-{name}", latency_us=10**9, outcome="timeout"))
    await ledger.flush()
    (row,) = await ledger.usage(ALL_TIME)
    assert row.latency_p50_ms == pytest.approx(100, rel=0.05)
    assert row.latency_p90_ms == pytest.approx(180, rel=0.05)
    assert row.latency_p99_ms == pytest.approx(198, rel=0.05)


async def test_there_are_no_percentiles_of_nothing(ledger: Ledger) -> None:
    ledger.record(entry("a"), settlement("a", outcome="timeout"))
    await ledger.flush()
    (row,) = await ledger.usage(ALL_TIME)
    assert (row.latency_p50_ms, row.latency_p90_ms, row.latency_p99_ms) == (None, None, None)


async def test_what_is_open_is_no_usage_and_a_late_settlement_is_one_attempt_in_all(
    ledger: Ledger, stage: Stage
) -> None:
    await reserved(ledger, intent("a", 10, expires_ns=NOON_NS))
    assert await ledger.usage(ALL_TIME) == []
    await stage.expire(ledger, NOON_NS)
    ledger.settle(settlement("a", 4, outcome="timeout"))
    await ledger.flush()
    (row,) = await ledger.usage(ALL_TIME)
    assert (row.attempt_count, row.call_count, row.error_count, row.cost_usd_nanos) == (1, 1, 1, 4)


async def test_rows_come_in_order_of_their_begin_in_batches_the_open_ones_among_them(ledger: Ledger) -> None:
    for number in range(1_200):
        name = f"a{number}"
        ledger.record(entry(name, NOON_NS + number // 3), settlement(name))
    for number in (10, 200, 399, 400):
        await reserved(ledger, intent(f"open{number}", 1, started_ns=NOON_NS + number))
    await ledger.flush()
    batches = [batch async for batch in ledger.rows(NOON_NS + 1, NOON_NS + 400)]
    rows = [row for batch in batches for row in batch]
    assert len(batches) > 1
    assert [row.entry.started_ns for row in rows] == sorted(row.entry.started_ns for row in rows)
    assert sorted(row.entry.attempt_id for row in rows) == sorted(
        [*(f"a{number}" for number in range(3, 1_200)), "open10", "open200", "open399"]
    )


async def test_pruning_deletes_rows_but_neither_sums_nor_what_counters_stand_at(ledger: Ledger) -> None:
    for number in range(600):
        name = f"a{number}"
        begun = entry(name, DAY_0_NS + number * 60 * NANOS, key=f"k{number % 2}")
        ledger.record(begun, settlement(name, number, charges=[charge()]))
    await reserved(ledger, intent("open", 10, [charge()], started_ns=DAY_0_NS))
    await ledger.flush()
    queries = [
        ALL_TIME,
        UsageQuery(DAY_0_NS, DAY_0_NS + DAY_S * NANOS, ("key", "model"), HOUR_S, {"team": "platform"}),
        UsageQuery(DAY_0_NS + 3 * HOUR_S * NANOS, DAY_0_NS + 7 * HOUR_S * NANOS, ("route",)),
    ]
    before = [await ledger.usage(query) for query in queries]
    assert await ledger.prune(DAY_0_NS + 5 * HOUR_S * NANOS + 59) == 300
    assert [await ledger.usage(query) for query in queries] == before
    assert len(await all_rows(ledger)) == 301
    assert await balance(ledger) == Balance(sum(range(600)), 10)
    assert await ledger.prune(DAY_0_NS + 5 * HOUR_S * NANOS) == 0
    by_user = {row.group[0]: row.attempt_count for row in await ledger.usage(UsageQuery(0, 2**62, ("end_user",)))}
    assert by_user == {"": 300, "ada": 300}


async def test_a_limit_set_after_pruning_counts_what_was_pruned(ledger: Ledger) -> None:
    for name in ("a", "b"):
        ledger.record(entry(name, DAY_0_NS + 5), settlement(name, 7))
    ledger.record(entry("c"), settlement("c", 5))
    await ledger.prune(NOON_NS)
    await ledger.activate({**FAMILIES, Family("team", Metric.COST, DAY): DAY_0_S})
    counters = [Counter(f"team/{team}", Metric.COST, DAY, DAY_0_S) for team in ("platform", "engineering")]
    assert await ledger.balances(counters) == [Balance(19), Balance(19)]


async def test_a_thousand_at_once_on_a_limit_for_ten_are_ten(ledger: Ledger) -> None:
    answers = await asyncio.gather(*(ledger.reserve([intent(f"a{number}", 10)]) for number in range(1_000)))
    assert sum(isinstance(answer, Grant) for answer in answers) == 10
    assert await balance(ledger) == Balance(0, 100)


async def test_a_caller_that_is_cancelled_while_it_reserves_holds_nothing(ledger: Ledger, stage: Stage) -> None:
    waiting = [asyncio.ensure_future(ledger.reserve([intent(f"a{number}", 10)])) for number in range(5)]
    await asyncio.sleep(0)
    for number, task in enumerate(waiting):
        if not task.done():
            task.cancel()
        (answer,) = await asyncio.gather(task, return_exceptions=True)
        assert isinstance(answer, (Grant, asyncio.CancelledError))
        ledger.settle(settlement(f"a{number}", 0, source=Source.VOID, tally=Tally(), request_count=0))
    await ledger.flush()
    assert await balance(ledger) == Balance()
    await stage.crash(ledger)
    again = await stage.open()
    assert await balance(again) == Balance()
    await again.stop()
