"""What every test shares: Hypothesis profiles, and the rule that in CI nothing is skipped unseen."""

from __future__ import annotations

import os
from collections.abc import Generator

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "default", max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile(
    "campaign",
    max_examples=10_000,
    deadline=None,
    derandomize=False,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

IS_STRICT = os.environ.get("STRICT") == "1"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "opt_in(reason): may be skipped even where STRICT=1, since it needs asking for")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    is_excused = hasattr(report, "wasxfail") or item.get_closest_marker("opt_in") is not None
    if IS_STRICT and report.skipped and not is_excused:
        fail(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """A module that skips itself while it is imported is a skip, too."""
    report = yield
    if IS_STRICT and report.skipped:
        fail(report)
    return report


def fail(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Turn a skip into a failure that tells the skip's reason."""
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    report.outcome = "failed"
    report.longrepr = f"STRICT=1 and this test was skipped: {reason}"
