"""What is reserved for attempts, what is booked of them, and who is refused: over a real ledger in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import date

import msgspec
import pytest
from llmgateway.v1 import call_pb2, generation_pb2, message_pb2, usage_pb2
from llmgateway_server import errors
from llmgateway_server.call import Call, Principal
from llmgateway_server.catalog.knowledge import OWN_SOURCE
from llmgateway_server.catalog.prices import Price
from llmgateway_server.catalog.vendors import Charge
from llmgateway_server.quota.accounts import Account, Accounts, Asked
from llmgateway_server.quota.booking import TOKENS_IN_FLIGHT, Booking
from llmgateway_server.quota.desk import Desk
from llmgateway_server.quota.quotas import ESTIMATE, SOFT, Quota, QuotaBook
from llmgateway_server.quota.terms import Terms
from llmgateway_server.quota.windows import Window
from llmgateway_server.store.ledger import (
    Balance,
    Counter,
    DiskFull,
    Grant,
    Intent,
    Metric,
    Refusal,
    Row,
    Source,
    StoreAway,
)
from llmgateway_server.store.memory import MemoryLedger
from llmgateway_server.store.rates import Take

from tests.server.quota.desks import Overruns, make_desk

NANOS_PER_S = 10**9
TOTAL = Window("total")
# A thousand tokens read cost 1e-6 dollars, and as many written 1e-5.
PRICES = (
    Price("input", 1_000_000, "test", date(2026, 12, 1)),
    Price("output", 10_000_000, "test", date(2026, 12, 1)),
)
PRINCIPAL = Principal("ci", team="platform", teams=("all", "platform"))


def quota(
    scope: str, limit: int, metric: str = "cost", window: Window | None = TOTAL, enforcement: str = "strict"
) -> Quota:
    return Quota(scope, metric, window, limit, (), enforcement)


def terms_of(prices: Sequence[Price] = PRICES, target_id: str = "fake/m", cap: int = 0) -> Terms:
    return Terms(target_id, "openai", prices, 128_000, cap)


def asked_of(terms: Terms | None = None, kind: str = "first") -> Asked:
    terms = terms or terms_of()
    provider, _, model = terms.target_id.partition("/")
    return Asked(terms, provider, model, "route", kind, 4_096)


def request_of(
    max_tokens: int | None = None, text: str = "Hello", end_user: str = ""
) -> generation_pb2.GenerateRequest:
    request = generation_pb2.GenerateRequest(model="fake/m", end_user_id=end_user)
    request.messages.add(role=message_pb2.ROLE_USER).parts.add(text=text)
    if max_tokens is not None:
        request.max_output_token_count = max_tokens
    return request


def told(input_count: int, output_count: int) -> usage_pb2.Usage:
    return usage_pb2.Usage(
        input_token_count=input_count, output_token_count=output_count, source=usage_pb2.Usage.SOURCE_PROVIDER
    )


def cost_of(input_count: int, output_count: int) -> int:
    return input_count + 10 * output_count


class World:
    """A desk over a ledger in memory, with a clock that a test moves."""

    def __init__(self, *quotas: Quota, patience_s: float = 0.0, ledger: MemoryLedger | None = None) -> None:
        self.now_s = 1_000.0
        self.ledger = ledger or MemoryLedger(self.wall_ns)
        self.overruns = Overruns()
        self.desk: Desk = make_desk(
            quotas,
            monotonic_s=lambda: self.now_s,
            wall_ns=self.wall_ns,
            ledger=self.ledger,
            overruns=self.overruns,
            patience_s=patience_s,
        )
        self.calls = 0

    def wall_ns(self) -> int:
        return int((1_800_000_000 + self.now_s) * NANOS_PER_S)

    async def start(self) -> World:
        now_s = self.wall_ns() / NANOS_PER_S
        families = {family: self.desk.periods.at(window, now_s).start_s for family, window in self.desk.book.families}
        await self.ledger.activate(families)
        return self

    async def account(self, request: generation_pb2.GenerateRequest | None = None) -> Account:
        self.calls += 1
        call = Call(f"call_{self.calls}", "Generate", PRINCIPAL, self.now_s, self.wall_ns(), self.now_s + 600.0)
        return await Accounts(self.desk).open(call, request or request_of(100))

    async def reserve(
        self, request: generation_pb2.GenerateRequest | None = None, terms: Terms | None = None
    ) -> Booking:
        return await (await self.account(request)).reserve(asked_of(terms))

    async def balance(self, scope: str, metric: Metric = Metric.COST, window: Window = TOTAL) -> Balance:
        start_s = self.desk.periods.at(window, self.wall_ns() / NANOS_PER_S).start_s
        (balance,) = await self.ledger.balances([Counter(scope, metric, window.text, start_s)])
        return balance

    async def rows(self) -> list[Row]:
        return [row async for batch in self.ledger.rows(0, 2**63 - 1) for row in batch]


async def world(*quotas: Quota, patience_s: float = 0.0) -> World:
    return await World(*quotas, patience_s=patience_s).start()


async def test_what_is_reserved_goes_back_and_what_was_billed_is_committed() -> None:
    made = await world(quota("key/ci", 1_000_000), quota("team/all", 1_000_000), quota("organization", 1_000_000))
    booking = await made.reserve()
    held = (await made.balance("key/ci")).held
    assert held > cost_of(5, 100)
    assert {(await made.balance(scope)).held for scope in ("team/all", "organization")} == {held}
    assert booking.answered(told(5, 20), 200, None) == cost_of(5, 20)
    for scope in ("key/ci", "team/all", "organization"):
        assert await made.balance(scope) == Balance(cost_of(5, 20), 0)
    (row,) = await made.rows()
    assert (row.source, row.cost_usd_nanos, row.held_usd_nanos, row.outcome) == (Source.PROVIDER, 205, held, "ok")
    assert (row.entry.key, row.entry.team, row.entry.route, row.entry.kind) == ("ci", "platform", "route", "first")


async def test_a_second_settlement_of_a_booking_changes_nothing() -> None:
    made = await world(quota("key/ci", 1_000_000))
    booking = await made.reserve()
    booking.answered(told(5, 20), 200, None)
    booking.free("never_sent")
    booking.failed("caller_left", 200, None)
    assert await made.balance("key/ci") == Balance(205, 0)


@pytest.mark.parametrize(
    ("on_cancel", "may_think", "written", "is_less"),
    [
        ("processed", False, 20, True),
        ("processed", False, 4_000, False),
        ("processed", True, 20, False),
        ("whole", False, 20, False),
        ("unspecified", False, 20, False),
    ],
)
async def test_a_stream_that_was_left_is_booked_at_what_came_where_its_provider_charges_that(
    on_cancel: Charge, may_think: bool, written: int, is_less: bool
) -> None:
    made = await world(quota("key/ci", 1_000_000))
    terms = msgspec.structs.replace(terms_of(), on_cancel=on_cancel, may_think=may_think)
    booking = await made.reserve(request_of(1_000), terms)
    held = (await made.balance("key/ci")).held
    booked = booking.failed("caller_left", 200, told(5, 5), 0.1, written)
    # What is read is booked at its bound; what may still have been written, too.
    assert booked == (held - cost_of(0, 1_000 - 20 - TOKENS_IN_FLIGHT) if is_less else held)
    assert await made.balance("key/ci") == Balance(booked, 0)


async def test_an_answer_without_usage_is_booked_at_the_bound() -> None:
    made = await world(quota("key/ci", 1_000_000))
    booking = await made.reserve()
    held = (await made.balance("key/ci")).held
    counted = usage_pb2.Usage(input_token_count=2, output_token_count=3, source=usage_pb2.Usage.SOURCE_COUNTED)
    assert booking.answered(counted, 200, None) == held
    assert await made.balance("key/ci") == Balance(held, 0)
    assert [row.source for row in await made.rows()] == [Source.BOUND]


async def test_a_failure_that_may_be_charged_is_booked_at_the_bound_and_a_free_one_at_nothing() -> None:
    made = await world(quota("key/ci", 1_000_000))
    held = (await made.balance("key/ci")).held
    first = await made.reserve()
    held = (await made.balance("key/ci")).held
    counted = usage_pb2.Usage(input_token_count=2, output_token_count=3, source=usage_pb2.Usage.SOURCE_PROVIDER)
    assert first.failed("stream_broken", 200, counted) == held
    (await made.reserve()).free("provider_rejected_request", 400)
    assert await made.balance("key/ci") == Balance(held, 0)
    assert [row.source for row in await made.rows()] == [Source.BOUND, Source.VOID]


async def test_an_overrun_is_booked_in_full_and_told() -> None:
    made = await world(quota("key/ci", 1_000_000))
    booking = await made.reserve(request_of(10))
    held = (await made.balance("key/ci")).held
    booking.answered(told(5, 5_000), 200, None)
    assert await made.balance("key/ci") == Balance(cost_of(5, 5_000), 0)
    assert made.overruns.seen == [("call_1/0", cost_of(5, 5_000), held)]
    (row,) = await made.rows()
    assert row.overrun_usd_nanos == cost_of(5, 5_000) - held


async def test_a_target_that_overran_is_refused_where_cost_is_limited_and_nowhere_else() -> None:
    made = await world(quota("key/ci", 1_000_000))
    made.desk.suspended = {"fake/m": "It charged too much."}
    with pytest.raises(errors.PriceUnknown, match="It charged too much"):
        await made.reserve()
    made.desk.adopt(QuotaBook(()))
    (await made.reserve()).answered(told(1, 1), 200, None)


async def test_an_output_limit_is_chosen_where_the_caller_gave_none() -> None:
    made = await world(quota("key/ci", 100_000_000))
    assert (await made.reserve(request_of())).output_limit == 4_096
    assert (await made.reserve(request_of(77))).output_limit is None
    small = await made.reserve(request_of(), terms_of(cap=300))
    assert small.output_limit == 300
    nothing = tuple(Price(kind, 0, OWN_SOURCE, date(2026, 12, 1)) for kind in ("input", "output"))
    assert (await made.reserve(request_of(), terms_of(nothing))).output_limit is None


async def test_a_chosen_limit_is_lowered_to_what_fits_but_not_below_256() -> None:
    made = await world(quota("key/ci", 30_000))
    limits = []

    async def ask_on() -> None:
        while True:
            limits.append((await made.reserve(request_of())).output_limit)

    with pytest.raises(errors.QuotaExceeded) as refused:
        await ask_on()
    assert limits == sorted(limits, reverse=True)
    assert all(limit is not None and 256 <= limit <= 2_000 for limit in limits)
    assert 0 <= (await made.balance("key/ci")).held <= 30_000
    assert refused.value.retry_after_s == 1.0
    assert "held by running calls" in refused.value.message


async def test_what_is_committed_refuses_with_402_and_what_is_held_with_429() -> None:
    made = await world(quota("key/ci", 2_000))
    booking = await made.reserve(request_of(150))
    with pytest.raises(errors.QuotaExceeded) as held:
        await made.reserve(request_of(150))
    (violation,) = held.value.quota_violations
    assert (violation.scope, violation.metric, violation.window, violation.limit) == ("key/ci", "cost", "total", 2_000)
    assert violation.held == (await made.balance("key/ci")).held
    booking.answered(told(5, 150), 200, None)
    with pytest.raises(errors.BudgetExceeded) as spent:
        await made.reserve(request_of(150))
    assert spent.value.retry_after_s is None
    assert spent.value.quota_violations[0].used == cost_of(5, 150)


async def test_a_budget_whose_window_turns_over_says_when() -> None:
    day = Window("day")
    made = await world(quota("key/ci", 1_700, window=day))
    (await made.reserve(request_of(150))).answered(told(5, 150), 200, None)
    with pytest.raises(errors.BudgetExceeded) as spent:
        await made.reserve(request_of(150))
    now_s = made.wall_ns() / NANOS_PER_S
    assert spent.value.retry_after_s == pytest.approx(made.desk.periods.at(day, now_s).end_s - now_s)
    made.now_s += 86_400
    await made.reserve(request_of(150))


async def test_what_no_empty_window_could_hold_is_the_request_s_own_fault() -> None:
    made = await world(quota("key/ci", 1_000))
    with pytest.raises(errors.InvalidField) as refused:
        await made.reserve(request_of(500))
    assert refused.value.violations[0].field == "max_output_token_count"
    assert refused.value.quota_violations[0].limit == 1_000
    with pytest.raises(errors.InvalidField, match="messages: asks for too much"):
        await made.reserve(request_of())


async def test_a_reservation_waits_for_what_running_calls_hold() -> None:
    made = await world(quota("key/ci", 2_000), patience_s=60.0)
    running = await made.reserve(request_of(150))
    waiting = asyncio.create_task(made.reserve(request_of(150)))
    for _ in range(5):
        await asyncio.sleep(0)
    assert not waiting.done()
    running.answered(told(1, 1), 200, None)
    booking = await waiting
    booking.answered(told(1, 1), 200, None)
    assert await made.balance("key/ci") == Balance(22, 0)


async def test_who_waits_is_served_in_turn_and_refused_once_nothing_can_come_free() -> None:
    made = await world(quota("key/ci", 2_100), patience_s=60.0)
    running = await made.reserve(request_of(150))
    order: list[int] = []

    async def ask(number: int) -> None:
        booking = await made.reserve(request_of(150))
        order.append(number)
        booking.answered(told(5, 20), 200, None)

    waiting = [asyncio.create_task(ask(number)) for number in range(4)]
    for _ in range(5):
        await asyncio.sleep(0)
    running.answered(told(5, 20), 200, None)
    outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    # Each has used 205 in the end and holds 1,604 before: two more fit into 2,100.
    assert order == [0, 1]
    assert [type(outcome) for outcome in outcomes[2:]] == [errors.BudgetExceeded, errors.BudgetExceeded]
    assert (await made.balance("key/ci")).held == 0


async def test_whoever_is_cancelled_while_it_waits_or_reserves_holds_nothing() -> None:
    made = await world(quota("key/ci", 2_000), patience_s=60.0)
    running = await made.reserve(request_of(150))
    waiting = asyncio.create_task(made.reserve(request_of(150)))
    for _ in range(5):
        await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    running.free("never_sent")
    assert await made.balance("key/ci") == Balance(0, 0)


class Cancelling(MemoryLedger):
    """A ledger whose caller is gone by the time that it has reserved."""

    async def reserve(self, intents: Sequence[Intent]) -> Grant | Refusal:
        await super().reserve(intents)
        raise asyncio.CancelledError


async def test_a_reservation_whose_caller_left_meanwhile_is_undone() -> None:
    made = World(quota("key/ci", 2_000))
    made = await World(quota("key/ci", 2_000), ledger=Cancelling(made.wall_ns)).start()
    with pytest.raises(asyncio.CancelledError):
        await made.reserve(request_of(150))
    assert await made.balance("key/ci") == Balance(0, 0)
    assert [row.source for row in await made.rows()] == [Source.VOID]


class Away(MemoryLedger):
    """A ledger that does not answer."""

    trouble: StoreAway = StoreAway("it is down")

    async def reserve(self, intents: Sequence[Intent]) -> Grant | Refusal:
        raise self.trouble


@pytest.mark.parametrize(
    ("trouble", "refusal"),
    [(StoreAway("it is down"), errors.StoreUnavailable), (DiskFull("no space"), errors.StorageFull)],
)
async def test_without_the_ledger_limited_cost_is_refused_and_all_else_goes_on(
    trouble: StoreAway, refusal: type[errors.CallError]
) -> None:
    clock = World().wall_ns
    ledger = Away(clock)
    ledger.trouble = trouble
    made = await World(quota("key/ci", 2_000), ledger=ledger).start()
    with pytest.raises(refusal) as refused:
        await made.reserve()
    assert refused.value.retry_after_s == 1.0
    made = await World(quota("key/ci", 2_000, metric="requests", window=Window("day")), ledger=ledger).start()
    (await made.reserve()).answered(told(1, 2), 200, None)
    assert (await made.balance("key/ci", Metric.REQUESTS, Window("day"))).committed == 1


async def test_a_call_is_one_request_to_its_caller_and_each_attempt_one_to_its_target() -> None:
    day = Window("day")
    quotas = [quota(scope, 10, "requests", day) for scope in ("key/ci", "provider/fake", "model/fake/m")]
    made = await world(*quotas)
    account = await made.account()
    (await account.reserve(asked_of())).free("provider_overloaded", 429)
    (await account.reserve(asked_of(kind="retry"))).answered(told(1, 2), 200, None)
    assert (await made.balance("key/ci", Metric.REQUESTS, day)).committed == 1
    for scope in ("provider/fake", "model/fake/m"):
        assert (await made.balance(scope, Metric.REQUESTS, day)).committed == 2


async def test_tokens_of_a_day_are_held_by_a_guess_and_booked_as_used() -> None:
    day = Window("day")
    made = await world(quota("key/ci", 1_000, "tokens", day))
    booking = await made.reserve(request_of(100))
    assert 100 < (await made.balance("key/ci", Metric.TOKENS, day)).held < 200
    booking.answered(told(700, 400), 200, None)
    assert await made.balance("key/ci", Metric.TOKENS, day) == Balance(1_100, 0)
    with pytest.raises(errors.QuotaExceeded) as refused:
        await made.reserve(request_of(100))
    assert refused.value.retry_after_s is not None
    assert refused.value.retry_after_s > 1


async def test_tokens_of_a_minute_are_corrected_and_debts_waited_for() -> None:
    minute = Window("minute")
    made = await world(quota("key/ci", 1_000, "tokens", minute))
    account = await made.account(request_of(100))
    (await account.reserve(asked_of())).answered(told(900, 600), 200, None)
    account.close()
    with pytest.raises(errors.QuotaExceeded) as refused:
        await made.account(request_of(100))
    assert refused.value.retry_after_s == pytest.approx(36.5, abs=1.0)
    made.now_s += refused.value.retry_after_s or 0.0
    (await made.account(request_of(100))).close()


async def test_calls_at_once_are_counted_until_they_are_closed() -> None:
    made = await world(quota("key/ci", 2, "concurrency", None))
    first, second = await made.account(), await made.account()
    with pytest.raises(errors.QuotaExceeded, match="2 calls, and 2 run"):
        await made.account()
    first.close()
    first.close()
    third = await made.account()
    with pytest.raises(errors.QuotaExceeded):
        await made.account()
    second.close()
    third.close()


async def test_a_refusal_takes_nothing_of_any_quota() -> None:
    minute = Window("minute")
    made = await world(quota("provider/fake", 5, "requests", minute), quota("key/ci", 1_000))
    for _ in range(20):
        with pytest.raises(errors.InvalidField):
            await made.reserve(request_of(500))
    for _ in range(5):
        (await made.reserve(request_of(1))).answered(told(1, 1), 200, None)
    with pytest.raises(errors.QuotaExceeded, match="provider/fake"):
        await made.reserve(request_of(1))
    assert (await made.balance("key/ci")).held == 0


async def test_a_template_gives_each_member_its_own() -> None:
    made = await world(quota("end_user/*", 2_000))
    await made.reserve(request_of(150, end_user="ann"))
    with pytest.raises(errors.QuotaExceeded, match="end_user/ann"):
        await made.reserve(request_of(150, end_user="ann"))
    await made.reserve(request_of(150, end_user="ben"))
    await made.reserve(request_of(150))


async def test_an_estimate_reserves_what_is_usual_and_is_no_overrun() -> None:
    made = await world(quota("key/ci", 100_000, enforcement=ESTIMATE))
    booking = await made.reserve(request_of())
    assert booking.output_limit is None
    assert (await made.balance("key/ci")).held == pytest.approx(cost_of(6, 500), rel=0.1)
    booking.answered(told(5, 9_000), 200, None)
    assert made.overruns.seen == []
    assert (await made.balance("key/ci")).committed == cost_of(5, 9_000)


async def test_a_soft_quota_counts_and_refuses_nobody() -> None:
    made = await world(quota("key/ci", 1, enforcement=SOFT))
    booking = await made.reserve(request_of())
    assert booking.output_limit is None
    booking.answered(told(5, 20), 200, None)
    assert (await made.balance("key/ci")).committed == cost_of(5, 20)


async def test_a_model_without_a_price_is_refused_where_cost_is_limited_with_the_line_to_add() -> None:
    made = await world(quota("key/ci", 1_000_000))
    for book in (made.desk.book, QuotaBook([quota("key/ci", 1_000_000, enforcement=ESTIMATE)])):
        made.desk.adopt(book)
        with pytest.raises(errors.PriceUnknown, match=r"models: \{fake/m: \{price: \{input: "):
            await made.reserve(request_of(), terms_of(()))


async def test_a_quota_that_comes_while_a_call_runs_counts_that_call() -> None:
    made = await world()
    booking = await made.reserve()
    made.desk.adopt(QuotaBook([quota("key/ci", 1_000_000)]))
    await made.start()
    booking.answered(told(5, 20), 200, None)
    assert await made.balance("key/ci") == Balance(205, 0)


async def test_a_reservation_may_be_dispatched_for_as_long_as_its_ledger_says() -> None:
    made = await world(quota("key/ci", 1_000_000))
    made.ledger.lease_s = 10.0
    booking = await made.reserve()
    assert booking.dispatch_by_s == made.now_s + 10.0
    made.desk.adopt(QuotaBook(()))
    assert (await made.reserve()).dispatch_by_s is None


@pytest.mark.parametrize("count", [1_000])
async def test_a_thousand_at_once_on_a_budget_for_ten(count: int) -> None:
    made = await world(quota("key/ci", 10 * 1_569 + 1_000))
    assert await made.reserve(request_of(150))
    held = (await made.balance("key/ci")).held
    made = await world(quota("key/ci", 10 * held + held // 2))

    async def ask() -> Callable[[], None] | None:
        try:
            booking = await made.reserve(request_of(150))
        except errors.QuotaExceeded:
            return None
        return lambda: booking.free("never_sent")

    granted = [one for one in await asyncio.gather(*(ask() for _ in range(count))) if one is not None]
    assert len(granted) == 10
    assert (await made.balance("key/ci")).held == 10 * held
    for give_back in granted:
        give_back()
    assert await made.balance("key/ci") == Balance(0, 0)


async def test_a_share_that_is_used_is_told_of_once_a_window() -> None:
    day = Window("day")
    made = await world(Quota("key/*", "cost", day, 10_000, (0.5, 0.8), SOFT))
    for _ in range(3):
        for count in (400, 200, 300, 500):
            (await made.reserve(request_of())).answered(told(0, count), 200, None)
            await made.desk.watch.look()
        made.now_s += 86_400
    assert (
        made.overruns.warnings
        == [
            "the cost quota of key/ci for a day is used to 50%: 0.000006 US dollars of 0.00001 US dollars",
            "the cost quota of key/ci for a day is used to 80%: 0.000009 US dollars of 0.00001 US dollars",
        ]
        * 3
    )


async def test_a_rate_is_told_of_once_a_minute_whether_or_not_it_refuses() -> None:
    minute = Window("minute")
    made = await world(Quota("key/ci", "requests", minute, 4, (0.5,)), Quota("key/ci", "requests", minute, 2, (), SOFT))
    hard = "the requests quota of key/ci for a minute is used to 50%: 2 requests of 4 requests"
    soft = "the requests quota of key/ci for a minute is used to 100%: 2 requests of 2 requests"
    for _ in range(4):
        (await made.account(request_of())).close()
    assert made.overruns.warnings == [hard, soft]
    with pytest.raises(errors.QuotaExceeded, match="is 4, of which 4 is used"):
        await made.account(request_of())
    assert made.overruns.warnings == [hard, soft]
    made.now_s += 120
    (await made.account(request_of())).close()
    (await made.account(request_of())).close()
    assert made.overruns.warnings == [hard, soft] * 2


async def test_what_is_soft_about_now_counts_and_refuses_nobody() -> None:
    minute = Window("minute")
    made = await world(
        Quota("organization", "tokens", minute, 1_000, (0.8,), SOFT), Quota("key/ci", "concurrency", None, 2, (), SOFT)
    )
    accounts = [await made.account(request_of(400)) for _ in range(3)]
    info = call_pb2.CallInfo()
    accounts[0].describe_rates(info)
    assert not info.rate_limits
    calls = "the concurrency quota of key/ci is used to 100%: 2 calls of 2 calls"
    tokens = "the tokens quota of organization for a minute is used to 80%: "
    assert [text.partition(" tokens of ")[0] for text in made.overruns.warnings] == [f"{tokens}812", calls]
    for account in accounts:
        account.close()
    # Nothing was used, and nothing is left running.
    take = Take("organization", "tokens", 60, 1_000)
    assert made.desk.rates.standing(take).remaining == 1_000
    assert made.desk.rates.standing(Take("key/ci", "concurrency", 0, 2)).remaining == 2


async def test_several_calls_reserve_together_all_or_none() -> None:
    made = await world(quota("key/ci", 4_000))
    accounts = [await made.account(request_of(150)) for _ in range(3)]
    asks = [(account, asked_of()) for account in accounts]
    call = Call("call_9", "Compare", PRINCIPAL, made.now_s, made.wall_ns(), made.now_s + 600.0)
    with pytest.raises(errors.InvalidField, match="models: asks for too much") as refused:
        await Accounts(made.desk).reserve_together(asks, call, "models")
    assert refused.value.quota_violations[0].used == 0
    assert await made.balance("key/ci") == Balance(0, 0)
    await Accounts(made.desk).reserve_together(asks[:2], call, "models")
    held = (await made.balance("key/ci")).held
    assert 3_000 < held < 4_000
    (await accounts[0].reserve(asked_of())).answered(told(5, 20), 200, None)
    assert await made.balance("key/ci") == Balance(205, held // 2)
    for account in accounts:
        account.close()
    assert await made.balance("key/ci") == Balance(205, 0)


async def test_what_was_reserved_for_one_target_serves_no_other() -> None:
    made = await world(quota("key/ci", 10_000))
    account = await made.account(request_of(150))
    call = Call("call_9", "Compare", PRINCIPAL, made.now_s, made.wall_ns(), made.now_s + 600.0)
    await Accounts(made.desk).reserve_together([(account, asked_of())], call, "models")
    booking = await account.reserve(asked_of(terms_of(target_id="fake/other")))
    booking.answered(told(5, 20), 200, None)
    assert await made.balance("key/ci") == Balance(205, 0)
    assert [row.source for row in await made.rows()] == [Source.VOID, Source.PROVIDER]


async def test_quotas_that_count_the_same_count_once_by_the_lowest_limit() -> None:
    minute = Window("minute")
    quotas = [quota(scope, limit, "requests", minute) for scope, limit in (("key/*", 5), ("key/ci", 3), ("key/ci", 4))]
    made = await world(*quotas, quota("key/*", 9_000), quota("key/ci", 5_000))
    for _ in range(3):
        (await made.account()).close()
    with pytest.raises(errors.QuotaExceeded, match="is 3, of which 3"):
        await made.account()
    made = await world(quota("key/*", 9_000), quota("key/ci", 5_000))
    await made.reserve(request_of(150))
    assert 1_500 < (await made.balance("key/ci")).held < 2_000
    with pytest.raises(errors.InvalidField, match=r"0\.000005"):
        await made.reserve(request_of(600))
