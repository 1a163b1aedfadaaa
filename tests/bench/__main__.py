"""Measures the gateway beside bare relays: `make bench`, `make bench ARGS=--quick`. See README.md."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from tests.bench import budgets, codecs, endurance, history, planning
from tests.bench.contestants import start_gateway, start_upstream, start_yardsticks
from tests.bench.processes import open_stage
from tests.bench.report import Limit, describe_limit, encode_report, make_limits, make_table
from tests.bench.rounds import FULL, QUICK, Effort, RowFigures, make_rows, measure_row


def read_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a smoke run of seconds: the figures mean little")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures to FILE, too")
    parser.add_argument("--check", action="store_true", help="exit with 1 where a figure is worse than it should be")
    parser.add_argument("--only", metavar="TEXT", default="", help="only the rows whose name holds TEXT")
    parser.add_argument("--yardsticks", action="store_true", help="only the bare relays, to try the bench itself")
    parser.add_argument("--planning", action="store_true", help="what planning a call costs, and nothing else")
    parser.add_argument("--budgets", action="store_true", help="what ledger and quota add, and nothing else")
    parser.add_argument("--endurance", action="store_true", help="memory over 100,000 calls, and nothing else")
    parser.add_argument("--history", action="store_true", help="reports over a million rows, and nothing else")
    parser.add_argument("--codecs", action="store_true", help="what each dialect's codec costs, and nothing else")
    return parser.parse_args(arguments)


def measure_rows(chosen: argparse.Namespace, effort: Effort, console: Console) -> tuple[list[RowFigures], list[Limit]]:
    """Measure the gateway beside the relays; return the figures of rows, and of the gateway as a whole."""
    rows: list[RowFigures] = []
    with open_stage() as stage:
        upstream_url = start_upstream(stage)
        yardsticks = start_yardsticks(stage, upstream_url)
        gateway = None if chosen.yardsticks else start_gateway(stage, upstream_url)
        for row in make_rows(yardsticks, gateway):
            if chosen.only.lower() in row.name.lower():
                with console.status(row.name):
                    rows.append(measure_row(row, effort))
    if gateway is None or not rows:
        return rows, []
    return rows, [*make_limits(rows, gateway.ready_s), *planning.make_limits(rows)]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and return the exit code."""
    chosen = read_arguments(arguments)
    effort = QUICK if chosen.quick else FULL
    console = Console()
    if chosen.codecs:
        console.print(codecs.make_table(codecs.measure_all()))
        return 0
    if chosen.endurance:
        found = endurance.measure(is_quick=chosen.quick)
        console.print(endurance.make_table(found))
        for limit in endurance.make_limits(found):
            console.print(describe_limit(limit))
        return 0
    if chosen.history:
        histories = history.measure(is_quick=chosen.quick)
        console.print(history.make_table(histories))
        console.print(history.make_key_table(history.measure_keys()))
        for limit in history.make_limits(histories):
            console.print(describe_limit(limit))
        return 0
    if chosen.planning:
        console.print(planning.make_table())
        return 0
    rows: list[RowFigures] = []
    limits: list[Limit] = []
    added: list[budgets.Added] = []
    if not chosen.budgets:
        rows, limits = measure_rows(chosen, effort, console)
        console.print(make_table(rows, effort))
    if chosen.budgets or not (chosen.yardsticks or chosen.only):
        budget_effort = budgets.QUICK if chosen.quick else budgets.FULL
        with console.status("budgets"):
            added = budgets.measure_all(budget_effort)
        limits += budgets.make_limits(added)
        console.print(budgets.make_table(added, budget_effort))
    for limit in limits:
        console.print(describe_limit(limit))
    if chosen.json is not None:
        chosen.json.write_bytes(encode_report(rows, added, limits, effort))
    is_reached = all(row.is_reached is not False for row in rows) and all(limit.is_reached for limit in limits)
    return 0 if is_reached or not chosen.check else 1


if __name__ == "__main__":
    raise SystemExit(main())
