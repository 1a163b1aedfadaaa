"""How much a reservation holds: never more than there is room for, never refused in vain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hypothesis import given
from hypothesis import strategies as st
from llmgateway_server.store.counters import Hold, booked, counters_of, grant, holds_of, reserve, scopes_of, total
from llmgateway_server.store.ledger import Balance, Charge, CostRange, Counter, Family, Intent, Metric, Refusal

from tests.server.store.samples import (
    DAY,
    DAY_0_NS,
    DAY_0_S,
    FAMILIES,
    KEY_DAY,
    ORGANIZATION,
    REQUESTS,
    TOKENS,
    TOTAL,
    charge,
    entry,
    settlement,
)

AMOUNTS = st.integers(0, 60)
COUNTERS = (ORGANIZATION, KEY_DAY, TOKENS, REQUESTS)
RANGES = st.lists(AMOUNTS, min_size=3, max_size=3).map(lambda three: CostRange(*sorted(three)))
CHARGES = st.lists(
    st.builds(Charge, st.sampled_from(COUNTERS), st.one_of(st.none(), st.integers(0, 200)), st.just(7)), max_size=5
)
INTENTS = st.lists(st.builds(Intent, st.just(entry("a")), CHARGES, RANGES, st.just(0)), min_size=1, max_size=4)
BALANCES = st.fixed_dictionaries({one: st.builds(Balance, st.integers(-20, 150), AMOUNTS) for one in COUNTERS})


def lacks(intents: Sequence[Intent], balances: Mapping[Counter, Balance]) -> bool:
    asked = total([holds_of(intent.charges, intent.cost.least) for intent in intents])
    return any(
        one.limit is not None
        and asked[one.counter] > 0
        and balances[one.counter].committed + balances[one.counter].held + asked[one.counter] > one.limit
        for intent in intents
        for one in intent.charges
    )


@given(INTENTS, BALANCES)
def test_what_fits_is_granted_and_nothing_else(intents: list[Intent], balances: dict[Counter, Balance]) -> None:
    assert isinstance(reserve(intents, balances.__getitem__), Refusal) == lacks(intents, balances)


@given(INTENTS, BALANCES)
def test_what_is_granted_exceeds_no_limit_and_lies_in_its_range(
    intents: list[Intent], balances: dict[Counter, Balance]
) -> None:
    holds = reserve(intents, balances.__getitem__)
    if isinstance(holds, Refusal):
        assert all(
            one.asked + one.balance.committed + one.balance.held > (one.charge.limit or 0) for one in holds.shortfalls
        )
        return
    held = total([hold.amounts for hold in holds])
    for intent, hold in zip(intents, holds, strict=True):
        assert intent.cost.least <= hold.cost_usd_nanos <= intent.cost.most
        assert hold.amounts == holds_of(intent.charges, hold.cost_usd_nanos)
        for one in intent.charges:
            standing = balances[one.counter]
            if one.limit is not None and held[one.counter] > 0:
                assert standing.committed + standing.held + held[one.counter] <= one.limit


@given(RANGES, st.integers(0, 500))
def test_a_grant_follows_the_rule(cost: CostRange, room: int) -> None:
    if room < cost.least:
        return
    granted = grant(cost, room)
    assert granted <= max(room, cost.least)
    if cost.most <= room / 8:
        assert granted == cost.most
    elif granted < min(cost.most, cost.fair):
        assert granted == room
    else:
        assert granted == min(cost.most, room, max(room // 8, cost.fair))


def test_a_thing_that_is_all_or_nothing_is_granted_whole() -> None:
    cost = CostRange(50, 50, 50)
    assert grant(cost, 50) == grant(cost, 10_000) == grant(cost, None) == 50


def test_one_intent_holds_the_same_by_itself_as_among_none() -> None:
    charges = (charge(ORGANIZATION, 100), charge(TOKENS, 100, 9))
    intent = Intent(entry("a"), charges, CostRange(1, 5, 40), 0)
    assert reserve([intent], lambda _: Balance()) == [Hold(12, {ORGANIZATION: 12, TOKENS: 9})]


def test_a_settlement_books_each_window_once_and_only_what_is_kept() -> None:
    later = Counter(KEY_DAY.scope, KEY_DAY.metric, KEY_DAY.window, DAY_0_S + 86_400)
    unkept = Counter("model/x/y", Metric.COST, TOTAL, 0)
    ended = settlement("a", 7, charges=[charge(one) for one in (KEY_DAY, later, ORGANIZATION, TOKENS, unkept)])
    assert booked(ended, {KEY_DAY: 10}, FAMILIES) == {KEY_DAY: 7, ORGANIZATION: 7, TOKENS: 70}


def test_an_attempt_belongs_to_all_its_scopes() -> None:
    begun = entry("a")
    found = {
        kind: set(scopes_of(begun, kind))
        for kind in ("organization", "team", "key", "end_user", "model", "provider", "x")
    }
    assert found == {
        "organization": {"organization"},
        "team": {"team/engineering", "team/platform"},
        "key": {"key/ci"},
        "end_user": {"end_user/ada"},
        "model": {"model/openai/gpt-4o-mini"},
        "provider": {"provider/openai"},
        "x": set(),
    }
    assert scopes_of(entry("a", end_user="", team="", teams=(), model=""), "end_user") == ()


def test_what_began_before_a_period_belongs_to_none_that_runs() -> None:
    families = {Family("key", Metric.COST, DAY): DAY_0_S}
    assert [*counters_of(entry("a", DAY_0_NS), families)] == [KEY_DAY]
    assert [*counters_of(entry("a", DAY_0_NS - 1), families)] == []
