"""The generic cell rate, over any schedule of takes and corrections."""

from __future__ import annotations

from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st
from llmgateway_server.store.cell_rate import TOLERANCE, Cell, excess_of, fits, used_of

LIMITS = st.one_of(st.integers(1, 20), st.integers(1, 2_000_000))
WINDOWS = st.sampled_from((1, 60))
# Ages of a monotonic clock: a process that has just begun, and one that has run for years.
BEGINS = st.sampled_from((0.0, 1e8))


class Rate:
    """One limit under a clock of the test's own."""

    def __init__(self, limit: int, window_s: int, begin_s: float = 0.0) -> None:
        self.limit, self.window_s = limit, window_s
        self.cell = Cell(0.0, begin_s, limit / window_s)

    def take(self, now_s: float, amount: int) -> bool:
        self.cell.flow(now_s, self.limit / self.window_s)
        is_granted = fits(self.cell.level, amount, self.limit)
        if is_granted:
            self.cell.add(amount)
        return is_granted

    def wait_s(self, now_s: float, amount: int) -> float:
        return excess_of(self.cell.level_at(now_s), amount, self.limit) * self.window_s / self.limit


def test_a_whole_limit_passes_at_once_and_no_more() -> None:
    for limit in (1, 3, 7, 1000, 999_983):
        rate = Rate(limit, 60, begin_s=1e8)
        size = max(limit // 1000, 1)
        assert all(rate.take(1e8, size) for _ in range(limit // size))
        assert not rate.take(1e8, max(size, limit // 100))


def test_what_has_flown_off_may_be_taken_again() -> None:
    rate = Rate(60, 60)
    assert rate.take(0.0, 60)
    assert [rate.take(now_s, 1) for now_s in (0.9, 1.0, 1.1, 2.0)] == [False, True, False, True]
    assert not rate.take(31.9, 30)
    assert rate.take(32.0, 30)


def test_more_than_the_whole_limit_passes_where_nothing_counts_and_is_waited_for() -> None:
    rate = Rate(100, 60)
    assert rate.take(0.0, 1)
    assert not rate.take(0.1, 1000)
    assert rate.take(0.6, 1000)
    assert not rate.take(599.9, 100)
    assert rate.take(600.6, 100)


def test_nothing_passes_a_limit_of_none() -> None:
    assert not fits(0.0, 1, 0)
    assert not fits(0.0, 0, 0)


@pytest.mark.parametrize(("level", "used"), [(0.0, 0), (1.0, 1), (1.5, 2), (1e-9, 0), (99_999.0000000001, 99_999)])
def test_a_unit_is_used_until_it_has_flown_off(level: float, used: int) -> None:
    assert used_of(level) == used


@st.composite
def schedules(draw: st.DrawFn) -> tuple[Rate, list[tuple[float, int]]]:
    """A limit, and takes from it: when, and how much, at most the whole."""
    begin_s = draw(BEGINS)
    rate = Rate(draw(LIMITS), draw(WINDOWS), begin_s)
    pauses = st.one_of(st.just(0.0), st.floats(0.0, rate.window_s / 10), st.floats(0.0, 3.0 * rate.window_s))
    steps = draw(st.lists(st.tuples(pauses, st.integers(1, rate.limit)), max_size=40))
    times = accumulate((pause for pause, _ in steps), initial=begin_s)
    return rate, [(now_s, amount) for now_s, (_, amount) in zip(list(times)[1:], steps, strict=True)]


@given(schedules())
def test_over_any_time_no_more_passes_than_the_limit_and_what_flows_in_it(
    schedule: tuple[Rate, list[tuple[float, int]]],
) -> None:
    rate, steps = schedule
    granted = [(now_s, amount) for now_s, amount in steps if rate.take(now_s, amount)]
    for first, (since_s, _) in enumerate(granted):
        total = 0
        for now_s, amount in granted[first:]:
            total += amount
            assert total <= rate.limit * ((now_s - since_s) / rate.window_s + 1) * (1 + 2 * TOLERANCE)


@given(schedules(), st.integers(1, 3_000_000), st.integers(-2_000_000, 2_000_000))
def test_a_refusal_says_just_when_the_take_would_pass(
    schedule: tuple[Rate, list[tuple[float, int]]], amount: int, correction: int
) -> None:
    rate, steps = schedule
    for now_s, taken in steps:
        rate.take(now_s, taken)
    rate.cell.add(correction)
    now_s = rate.cell.at_s
    if rate.take(now_s, amount):
        return
    wait_s = rate.wait_s(now_s, amount)
    assert wait_s > 0
    early_s = now_s + wait_s - 3 * TOLERANCE * rate.window_s
    assert early_s < now_s or not Rate.take(copy_of(rate), early_s, amount)
    assert rate.take(now_s + wait_s, amount)


def copy_of(rate: Rate) -> Rate:
    other = Rate(rate.limit, rate.window_s)
    other.cell = Cell(rate.cell.level, rate.cell.at_s, rate.cell.per_s)
    return other


@given(schedules(), st.integers(1, 1_000_000))
def test_it_never_refuses_for_ever(schedule: tuple[Rate, list[tuple[float, int]]], amount: int) -> None:
    rate, steps = schedule
    for now_s, taken in steps:
        rate.take(now_s, taken)
    assert rate.cell.level <= rate.limit * (1 + TOLERANCE)
    assert rate.take(rate.cell.at_s + rate.window_s, amount)


@given(schedules())
def test_what_is_given_back_at_once_was_never_taken(schedule: tuple[Rate, list[tuple[float, int]]]) -> None:
    rate, steps = schedule
    untouched = copy_of(rate)
    for now_s, amount in steps:
        if rate.take(now_s, amount):
            rate.cell.add(-amount)
        assert rate.cell.level == pytest.approx(untouched.cell.level_at(now_s), abs=1e-9)


def test_a_correction_leaves_a_debt_and_never_a_credit() -> None:
    rate = Rate(60, 60)
    assert rate.take(0.0, 10)
    rate.cell.add(170)
    assert rate.wait_s(0.0, 1) == pytest.approx(121.0)
    rate.cell.add(-1000)
    assert rate.cell.level == 0.0
    assert rate.take(0.0, 60)
    assert not rate.take(0.0, 1)
