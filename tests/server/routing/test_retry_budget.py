"""Retries are a share of calls, whatever happens."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from llmgateway_server.routing.retry_budget import FLOOR_PER_S, RetryBudget


@pytest.mark.parametrize(("rate", "least", "most"), [(200, 0.08, 0.1), (1_000, 0.09, 0.1), (30, 0.09, 0.1)])
def test_at_full_failure_a_tenth_is_added(rate: int, least: float, most: float) -> None:
    budget, retries, seconds = RetryBudget(), 0, 60
    for call in range(rate * seconds):
        now_s = call / rate
        budget.note_call(now_s)
        retries += budget.take(0.1, now_s)
    # The floor counts in the first moments, before there are calls to take a share of.
    assert least <= (retries - FLOOR_PER_S) / (rate * seconds) <= most


def test_few_calls_may_all_be_tried_again() -> None:
    budget = RetryBudget()
    for call in range(10):
        now_s = call * 0.5
        budget.note_call(now_s)
        assert budget.take(0.1, now_s)


def test_a_burst_gets_three_a_second() -> None:
    budget = RetryBudget()
    for _ in range(5):
        budget.note_call(0.0)
    assert [budget.take(0.1, 0.0) for _ in range(5)] == [True, True, True, False, False]
    assert budget.take(0.1, 1.0)


def test_a_budget_of_nothing_allows_nothing() -> None:
    budget = RetryBudget()
    budget.note_call(0.0)
    assert not budget.take(0.0, 0.0)


@given(
    st.lists(st.tuples(st.floats(0.0, 2.0), st.integers(0, 40), st.integers(0, 40)), max_size=60), st.floats(0.01, 1.0)
)
def test_in_no_second_are_there_more_than_its_share(schedule: list[tuple[float, int, int]], share: float) -> None:
    budget, now_s = RetryBudget(), 0.0
    calls: list[float] = []
    retries: list[float] = []
    for pause_s, call_count, try_count in schedule:
        now_s += pause_s
        for _ in range(call_count):
            budget.note_call(now_s)
            calls.append(now_s)
        for _ in range(try_count):
            allowed = max(FLOOR_PER_S, share * sum(at > now_s - 1.0 for at in calls))
            in_window = sum(at > now_s - 1.0 for at in retries)
            is_taken = budget.take(share, now_s)
            assert is_taken == (in_window + 1 <= allowed)
            if is_taken:
                retries.append(now_s)
