"""The bench of budgets: what its figures say. No figure fails it."""

from __future__ import annotations

import pytest

from tests.bench.budgets import Added, cells, measure
from tests.bench.contestants import Contestant
from tests.bench.rounds import BadAnswersError

CPU_US = {"relay": 100.0, "memory": 120.0, "ledger": 140.0, "quota": 150.0}


def figures(connection_count: int, *quota_ratios: float) -> Added:
    return Added(connection_count, CPU_US, [0.2], quota_ratios, {"quota": 1.25})


def test_what_is_added_is_the_median_of_the_rounds() -> None:
    assert figures(16, 0.1, 0.3, 0.9).quota == 0.3
    assert figures(16, 0.1).ledger == 0.2


@pytest.mark.parametrize(("ratio", "verdict"), [(0.3, "0.4 ✓"), (0.5, "0.4 ✗")])
def test_a_line_says_whether_too_much_is_added_where_that_counts(ratio: float, verdict: str) -> None:
    shown = f"{ratio:.2f}"
    assert cells(figures(16, ratio), "quota", 150.0) == ["  quota", "150", shown, f"{shown}–{shown}", verdict, "1.25"]
    assert cells(figures(4, ratio), "quota", 150.0)[4] == ""
    assert cells(figures(16, ratio), "relay", 100.0) == ["  relay", "100", "", "", "", ""]


def test_contestants_that_answer_wrongly_end_the_bench(monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.bench import budgets
    from tests.bench.load import LoadResult
    from tests.bench.processes import Cost

    monkeypatch.setattr(budgets, "run_driver", lambda *_: LoadResult(10, 1, 1.0, 1.0, 1.0))
    monkeypatch.setattr(Contestant, "cost", lambda _: Cost(1.0, 1.0))
    with pytest.raises(BadAnswersError, match="memory failed 1 of 10"):
        measure([Contestant("memory", 1, ())], 16, budgets.QUICK)
