"""What holds for every test: the mark `opt_in`, what `STRICT=1` means, and how long Hypothesis searches."""

from __future__ import annotations

import os
from collections.abc import Generator

import hypothesis
import pytest

IS_STRICT = os.environ.get("STRICT") == "1"
STRICT_PREFIX = "STRICT=1 lets no test be skipped, but this one was"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "opt_in(reason): runs only where somebody asked for it; the one kind of skip that STRICT=1 allows"
    )
    hypothesis.settings.register_profile("default", derandomize=True, max_examples=50, deadline=None)
    hypothesis.settings.register_profile(
        "campaign", derandomize=False, max_examples=20_000, deadline=None, print_blob=True
    )
    hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    is_excused = hasattr(report, "wasxfail") or item.get_closest_marker("opt_in") is not None
    if IS_STRICT and report.skipped and not is_excused:
        fail_skipped(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """A whole module that skips itself is a skip, too."""
    report = yield
    if IS_STRICT and report.skipped:
        fail_skipped(report)
    return report


def fail_skipped(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Turn a skip into a failure that tells its reason."""
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    report.outcome = "failed"
    report.longrepr = f"{STRICT_PREFIX}: {reason}"
