"""What only this ledger does: several gateways on one database, and what each leaves to the others."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest
from llmgateway_server.store.ledger import (
    Balance,
    Charge,
    Counter,
    Family,
    Grant,
    Intent,
    Ledger,
    Metric,
    Refusal,
    Source,
    StoreAway,
    UsageQuery,
)
from llmgateway_server.store.postgres.ledger import Timing

from tests.postgres import emptied, shared_server
from tests.server.store.postgres_ledgers import (
    FAMILIES,
    KEY,
    KEY_TOKENS,
    LATER_NS,
    ORGANIZATION,
    PATIENT,
    Clock,
    ask,
    entry,
    intent,
    ledger_at,
    rows_of,
    settlement,
)

# Whoever has not beaten within a heartbeat is dead at once; only those that beat by hand live.
MORTAL = msgspec.structs.replace(PATIENT, beat_s=3_600.0, dead_after_s=0.0)
# Longer than any healthy step takes on a busy machine.
SAFETY_S = 30.0


@pytest.fixture
async def url() -> str:
    return await emptied(shared_server())


async def test_what_was_reserved_is_held_until_it_is_settled(url: str, tmp_path: Path) -> None:
    async with ledger_at(url, tmp_path) as ledger:
        one = intent(700, limit=1_000, tokens=40)
        assert await ledger.reserve([one]) == Grant((700,))
        assert await ledger.balances([ORGANIZATION, KEY, KEY_TOKENS]) == [
            Balance(0, 700),
            Balance(0, 700),
            Balance(0, 40),
        ]
        refused = await ledger.reserve([intent(301, limit=1_000)])
        assert isinstance(refused, Refusal)
        assert [(one.balance, one.asked) for one in refused.shortfalls] == [(Balance(0, 700), 301)]
        ledger.settle(settlement(one, 450, tokens=33))
        ledger.settle(settlement(one, 450, tokens=33))
        await ledger.flush()
        assert await ledger.balances([ORGANIZATION, KEY, KEY_TOKENS]) == [Balance(450), Balance(450), Balance(33)]
        assert await ledger.reserve([intent(550, limit=1_000)]) == Grant((550,))


async def test_one_bad_reservation_fails_alone_in_its_batch(url: str, tmp_path: Path) -> None:
    async with ledger_at(url, tmp_path) as ledger:
        twice = intent(1)
        await ledger.reserve([twice])
        answers = await asyncio.gather(
            *(ledger.reserve([one]) for one in (intent(10), twice, intent(2**70), intent(20))), return_exceptions=True
        )
        assert [answers[0], answers[3]] == [Grant((10,)), Grant((20,))]
        assert isinstance(answers[1], Exception)
        assert isinstance(answers[2], Exception)
        assert await ledger.balances([ORGANIZATION]) == [Balance(0, 31)]


async def test_one_bad_settlement_is_lost_alone_and_counted(url: str, tmp_path: Path) -> None:
    async with ledger_at(url, tmp_path) as ledger:
        for cost in (1, 2**70, 2):
            one = entry()
            ledger.record(one, settlement(one, cost))
        await ledger.flush()
        assert await ledger.balances([ORGANIZATION]) == [Balance(3)]
        assert ledger.lost_count == 1


async def test_texts_with_null_characters_are_booked(url: str, tmp_path: Path) -> None:
    async with ledger_at(url, tmp_path) as ledger:
        one = entry(end_user="a\0\0b\\u0000", labels={"a\0": "\\\0"})
        ledger.record(one, settlement(one, 5))
        counter = Counter("end_user/\0", Metric.COST, "total", 0)
        two = msgspec.structs.replace(intent(7), charges=(Charge(counter, 10),))
        await ledger.reserve([two])
        await ledger.flush()
        assert await ledger.balances([counter]) == [Balance(0, 7)]
        booked = next(row for row in await rows_of(ledger) if row.source is Source.PROVIDER)
        assert (booked.entry.end_user, booked.entry.labels) == ("a\ufffd\ufffdb\\u0000", {"a\ufffd": "\\\ufffd"})


async def test_a_dead_gateways_intents_are_presumed_and_its_late_settlement_corrects_that(
    url: str, tmp_path: Path
) -> None:
    async with ledger_at(url, tmp_path, timing=MORTAL) as stopped, ledger_at(url, tmp_path) as living:
        mine, theirs = intent(900, limit=1_000, tokens=50), intent(80)
        await stopped.reserve([mine])
        await living.reserve([theirs])
        await ask(
            url,
            "UPDATE process SET beat_at = beat_at - interval '16 s' WHERE incarnation <> $1",
            living._process.incarnation,
        )
        await living.expire(0)
        assert await living.balances([ORGANIZATION, KEY_TOKENS]) == [Balance(900, 80), Balance(50)]

        stopped.settle(settlement(mine, 250, tokens=20))
        stopped.settle(settlement(mine, 250, tokens=20))
        await stopped.flush()
        assert await living.balances([ORGANIZATION, KEY_TOKENS]) == [Balance(250, 80), Balance(20)]
        rows = [row for row in await rows_of(living) if row.source is not Source.OPEN]
        assert [(row.source, row.cost_usd_nanos, row.tally.token_count, row.adjusts) for row in rows] == [
            (Source.PRESUMED, 900, 50, ""),
            (Source.ADJUSTMENT, -650, -30, mine.entry.attempt_id),
        ]


async def test_a_gateway_taken_for_dead_reserves_under_a_new_incarnation(url: str, tmp_path: Path) -> None:
    async with ledger_at(url, tmp_path, timing=MORTAL) as ledger:
        before = ledger._process.incarnation
        await ask(url, "DELETE FROM process")
        assert await ledger.reserve([intent(5)]) == Grant((5,))
        assert ledger._process.incarnation != before
        await ledger.expire(0)
        assert await ledger.balances([ORGANIZATION]) == [Balance(0, 5)]
        assert await ask(url, "SELECT count(*) FROM need") == len(FAMILIES)


async def test_a_reservation_beats_where_the_last_beat_is_old(url: str, tmp_path: Path) -> None:
    async with ledger_at(url, tmp_path, timing=MORTAL) as ledger:
        await ask(url, "UPDATE process SET beat_at = beat_at - interval '4 s'")
        await ledger.reserve([intent(5)])
        assert await ask(url, "SELECT max(clock_timestamp() - beat_at) < interval '3 s' FROM process")


async def test_intents_past_their_time_are_presumed_by_any_gateway(url: str, tmp_path: Path) -> None:
    clock = Clock()
    async with ledger_at(url, tmp_path) as slow, ledger_at(url, tmp_path, clock, MORTAL) as other:
        await slow.reserve([intent(5)])
        await other.expire(LATER_NS)
        assert await slow.balances([ORGANIZATION]) == [Balance(5)]


async def test_two_gateways_presume_at_once_and_each_intent_once(url: str, tmp_path: Path) -> None:
    clock = Clock()
    async with (
        ledger_at(url, tmp_path, clock, MORTAL) as one,
        ledger_at(url, tmp_path, clock, MORTAL) as two,
    ):
        for _ in range(30):
            await one.reserve([intent(1) for _ in range(40)])
        await asyncio.gather(*(each.expire(LATER_NS) for each in (one, two, one, two)))
        # Each passes over what another is at, be it in the background.
        async with asyncio.timeout(SAFETY_S):
            while (await one.balances([ORGANIZATION]))[0].held:
                await one.expire(LATER_NS)
        assert await one.balances([ORGANIZATION]) == [Balance(1_200)]
        assert len(await rows_of(one)) == 1_200


async def test_a_family_that_one_gateway_keeps_is_charged_by_all(url: str, tmp_path: Path) -> None:
    async with ledger_at(url, tmp_path, families={}) as plain, ledger_at(url, tmp_path) as limited:
        one, two = entry(), entry()
        plain.record(one, msgspec.structs.replace(settlement(one, 30), charges=()))
        limited.record(two, settlement(two, 4))
        await plain.flush()
        await limited.flush()
        assert await limited.balances([ORGANIZATION, KEY]) == [Balance(34), Balance(34)]
        await limited.activate({})
        plain.record(three := entry(), settlement(three, 500))
        await plain.flush()
        await limited.activate(FAMILIES)
        assert await limited.balances([ORGANIZATION, KEY]) == [Balance(534), Balance(534)]


async def test_a_restart_does_not_sum_up_what_it_kept(url: str, tmp_path: Path) -> None:
    async with ledger_at(url, tmp_path) as ledger:
        ledger.record(one := entry(), settlement(one, 30))
    await ask(url, "UPDATE counter SET committed = 31")  # What a sum would put right.
    async with ledger_at(url, tmp_path) as ledger:
        assert await ledger.balances([ORGANIZATION]) == [Balance(31)]


async def test_an_activation_in_the_midst_of_settlements_misses_none(url: str, tmp_path: Path) -> None:
    """The team's family comes while two gateways settle attempts whose charges do not name it."""
    team = Family("team", Metric.COST, "total")
    async with ledger_at(url, tmp_path) as one, ledger_at(url, tmp_path) as two:
        intents = [intent(3) for _ in range(300)]
        for ledger, begin in ((one, 0), (two, 150)):
            await asyncio.gather(*(ledger.reserve([each]) for each in intents[begin : begin + 150]))

        async def settle(ledger: Ledger, mine: list[Intent]) -> None:
            for each in mine:
                ledger.settle(settlement(each, 2))
                await ledger.flush()

        await asyncio.gather(
            settle(one, intents[:150]), settle(two, intents[150:]), one.activate({**FAMILIES, team: 0})
        )
        assert await one.balances([Counter("team/platform", Metric.COST, "total", 0)]) == [Balance(600)]
        assert await one.balances([Counter("team/all", Metric.COST, "total", 0), ORGANIZATION]) == [
            Balance(600),
            Balance(600),
        ]


async def test_a_period_that_began_elsewhere_is_charged_by_who_does_not_know_it(url: str, tmp_path: Path) -> None:
    day = Family("organization", Metric.COST, "day")
    today_s = (LATER_NS - 60 * 10**9) // 10**9
    async with (
        ledger_at(url, tmp_path, families={day: 0}) as knowing,
        ledger_at(url, tmp_path, families={}) as other,
    ):
        first = entry(started_ns=LATER_NS)
        charged = (Charge(Counter("organization", Metric.COST, "day", today_s)),)
        knowing.record(first, msgspec.structs.replace(settlement(first, 5), charges=charged))
        await knowing.flush()
        second = entry(started_ns=LATER_NS)
        other.record(second, msgspec.structs.replace(settlement(second, 7), charges=()))
        await other.flush()
        assert await knowing.balances([charged[0].counter]) == [Balance(12)]


async def test_pruned_rows_keep_their_sums(url: str, tmp_path: Path) -> None:
    async with ledger_at(url, tmp_path) as ledger:
        for cost in range(1, 8):
            ledger.record(one := entry(), settlement(one, cost, tokens=10))
        await ledger.reserve([intent(1_000)])
        await ledger.flush()
        query = UsageQuery(0, 2**62, by=("team", "model"))
        before = await ledger.usage(query)
        assert await ledger.prune(LATER_NS) == 7
        assert await ledger.usage(query) == before
        assert before[0].latency_p50_ms == pytest.approx(1_000, rel=0.05)
        assert [row.source for row in await rows_of(ledger)] == [Source.OPEN]
        await ledger.activate({})
        await ledger.activate(FAMILIES)
        assert await ledger.balances([ORGANIZATION, KEY_TOKENS]) == [Balance(28, 1_000), Balance(70)]


async def test_no_text_of_a_query_gets_into_a_statement(url: str, tmp_path: Path) -> None:
    nasty = "'); DROP TABLE attempt; --%_$1"
    async with ledger_at(url, tmp_path) as ledger:
        ledger.record(one := entry(team=nasty, labels={nasty: nasty}), settlement(one, 5))
        await ledger.flush()
        query = UsageQuery(0, 2**62, ("team", f"label:{nasty}"), 3_600, {"team": nasty, f"label:{nasty}": nasty})
        assert [(row.group, row.cost_usd_nanos) for row in await ledger.usage(query)] == [((nasty, nasty), 5)]
        with pytest.raises(KeyError):
            await ledger.usage(UsageQuery(0, 1, (nasty,)))


async def test_a_cancelled_reservation_is_undone_by_a_void_settlement(url: str, tmp_path: Path) -> None:
    async with ledger_at(url, tmp_path) as ledger:
        intents = [intent(1) for _ in range(20)]
        tasks = [asyncio.ensure_future(ledger.reserve([one])) for one in intents]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        for task, one in zip(tasks, intents, strict=True):
            task.cancel()
            ledger.settle(settlement(one, 0, Source.VOID))
        await asyncio.wait(tasks)
        await ledger.reserve([intent(0)])
        await ledger.flush()
        assert await ledger.balances([ORGANIZATION]) == [Balance(0, 0)]


async def test_whoever_waits_when_the_ledger_stops_is_refused(url: str, tmp_path: Path) -> None:
    async with ledger_at(url, tmp_path) as ledger:
        waiting = asyncio.ensure_future(ledger.reserve([intent(1)]))
        await asyncio.sleep(0)
    with pytest.raises(StoreAway):
        await waiting


def test_a_lease_ends_before_others_take_the_process_for_dead() -> None:
    timing = Timing()
    assert timing.lease_s + 3.0 < timing.dead_after_s
