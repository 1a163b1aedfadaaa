"""What dialects share in reading what others wrote."""

from __future__ import annotations

from typing import Any

import pytest
from llmgateway_server.dialects.counts import read_count
from llmgateway_server.dialects.reading import INT32_MAX, number

HUGE = 10**400


@pytest.mark.parametrize(
    ("value", "count", "says"),
    [
        (None, 0, ""),
        (7, 7, ""),
        (7.0, 7, ""),
        (0, 0, ""),
        (-1, 0, "negative"),
        (-HUGE, 0, "negative"),
        (HUGE, INT32_MAX, "beyond"),
        (float("inf"), INT32_MAX, "beyond"),
        (float("nan"), 0, "no number"),
        (True, 0, "no number"),
        ("7", 0, "no number"),
        ([7], 0, "no number"),
    ],
)
def test_a_count_is_never_a_credit_and_never_a_fault(value: Any, count: int, says: str) -> None:
    warnings: list[Any] = []
    assert read_count({"tokens": value}, "tokens", warnings) == count
    assert len(warnings) == bool(says)
    assert all(says in warning.description for warning in warnings)


@pytest.mark.parametrize(("value", "expected"), [(1, 1.0), (0.5, 0.5), ("1", 0.0), (None, 0.0), (HUGE, 0.0)])
def test_a_number_is_a_double(value: Any, expected: float) -> None:
    assert number(value) == expected
