"""What every test shares: Hypothesis profiles, and the rule that in CI nothing is skipped unseen."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "default", max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("campaign", max_examples=5_000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "opt_in(reason): may be skipped even where STRICT=1, since it needs asking for")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):  # type: ignore[no-untyped-def]  # pytest's own
    outcome = yield
    report = outcome.get_result()
    if (
        report.skipped
        and os.environ.get("STRICT") == "1"
        and item.get_closest_marker("opt_in") is None
        and not hasattr(report, "wasxfail")
    ):
        report.outcome = "failed"
        report.longrepr = f"STRICT=1 and this test was skipped: {report.longrepr}"
