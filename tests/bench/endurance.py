"""Measures whether memory stays flat: `make bench ARGS=--endurance`. A hundred thousand calls against a ledger and a quota.

What is kept of calls must not grow with their number: intents, bookings, what waits to be written.
"""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.table import Table

from tests.bench.budgets import CONNECTIONS, QUOTA, configure, load, start_contestant
from tests.bench.contestants import start_upstream
from tests.bench.processes import open_stage
from tests.bench.report import Limit

CALL_COUNT, QUICK_CALL_COUNT = 100_000, 2_000
PART_COUNT = 10
LOAD_S = 1.0
MOST_GROWTH_MIB = 10.0


def measure(*, is_quick: bool) -> dict[int, float]:
    """Return how much memory a gateway has after so many calls, in MiB."""
    call_count = QUICK_CALL_COUNT if is_quick else CALL_COUNT
    found: dict[int, float] = {}
    with open_stage() as stage:
        settings = {
            "store": {"url": f"sqlite:///{stage.folder / 'ledger' / 'llmgateway.db'}"},
            "quotas": [QUOTA],
        }
        configured = configure(stage, start_upstream(stage), "gateway", settings)
        contestant = start_contestant(stage, "gateway", configured)
        count = 0
        for part in range(1, PART_COUNT + 1):
            while count < call_count * part // PART_COUNT:
                count += load(contestant, CONNECTIONS[-1], LOAD_S).call_count
            found[count] = contestant.cost().resident_mib
    return found


def make_table(found: dict[int, float]) -> Table:
    """Return the figures to read."""
    table = Table(title="Resident memory after so many calls", title_justify="left", box=SIMPLE_HEAD)
    table.add_column("calls", justify="right")
    table.add_column("MiB", justify="right")
    for count, resident_mib in found.items():
        table.add_row(f"{count:,}", f"{resident_mib:.1f}")
    return table


def make_limits(found: dict[int, float]) -> list[Limit]:
    """Return how much was added after the first tenth."""
    resident_mib = [*found.values()]
    return [Limit("growth after the first tenth", resident_mib[-1] - resident_mib[0], MOST_GROWTH_MIB, "MiB")]
