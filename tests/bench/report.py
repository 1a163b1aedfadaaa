"""The figures as a table to read and as JSON to keep."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import msgspec
from rich.box import SIMPLE_HEAD
from rich.table import Table

from tests.bench.rounds import Effort, Figures, RowFigures

MOST_RESIDENT_MIB = 150.0
MOST_READY_S = 2.0


@dataclass(frozen=True, slots=True)
class Limit:
    """A figure of the gateway as a whole, and what it may be at most."""

    name: str
    value: float
    most: float
    unit: str

    @property
    def is_reached(self) -> bool:
        """Whether it is within its limit."""
        return self.value <= self.most


def make_limits(rows: Sequence[RowFigures], ready_s: float) -> list[Limit]:
    """Return the gateway's memory, after the load, and its time to ready."""
    resident_mib = max(figures.resident_mib for row in rows for figures in row.figures[1:] if figures.name == "gateway")
    return [
        Limit("resident memory", resident_mib, MOST_RESIDENT_MIB, "MiB"),
        Limit("time to ready", ready_s, MOST_READY_S, "s"),
    ]


def make_table(rows: Sequence[RowFigures], effort: Effort) -> Table:
    """Return the table."""
    title = (
        f"CPU a call at {effort.connection_count} connections, latency at one; "
        f"rounds: {effort.round_count} × {effort.load_s:g} s"
    )
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False, padding=(0, 0))
    table.add_column("", no_wrap=True)
    for name in ("CPU µs", "ratio", "of rounds", "at most", "p50 – p99 ms", "MiB"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(row.row.name, style="bold")
        for index, figures in enumerate(row.figures):
            table.add_row(*cells(row, figures, index), end_section=index == len(row.figures) - 1)
    return table


def cells(row: RowFigures, figures: Figures, index: int) -> list[str]:
    """Return one line of the table."""
    is_yardstick = index == 0
    most = row.row.most
    return [
        f"  {figures.name}",
        f"{figures.cpu_us:.0f}",
        "1" if is_yardstick else f"{figures.ratio:.2f}",
        "" if is_yardstick else f"{min(figures.ratios):.2f}–{max(figures.ratios):.2f}",
        "" if is_yardstick or most is None else f"{most:g} {'✓' if figures.ratio <= most else '✗'}",
        f"{figures.p50_ms:.2f} – {figures.p99_ms:.2f}",
        f"{figures.resident_mib:.0f}",
    ]


def describe_limit(limit: Limit) -> str:
    """Return one line about a limit."""
    verdict = "✓" if limit.is_reached else "✗"
    return f"{limit.name}: {limit.value:.3g} {limit.unit} (at most {limit.most:g} {limit.unit}) {verdict}"


def encode_report(
    rows: Sequence[RowFigures], added: Sequence[object], limits: Sequence[Limit], effort: Effort
) -> bytes:
    """Return everything as JSON. `added` are the figures of budgets."""
    report = {
        "machine": {"system": platform.platform(), "python": platform.python_version(), "cpus": os.cpu_count()},
        "effort": asdict(effort),
        "rows": [
            {
                "name": row.row.name,
                "most_ratio": row.row.most,
                "is_reached": row.is_reached,
                "figures": [{**asdict(figures), "ratio": figures.ratio} for figures in row.figures],
            }
            for row in rows
        ],
        "budgets": added,
        "limits": [{**asdict(limit), "is_reached": limit.is_reached} for limit in limits],
    }
    return msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n"
