"""Rows of the ledger as lines of text: CSV and JSON. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

import msgspec

from llmgateway_server.store.ledger import Row

# What a spreadsheet would take for the begin of a formula (OWASP, "CSV Injection", read 2026-12-01).
FORMULAS = ("=", "+", "-", "@", "\t", "\r")

COLUMNS = (
    "attempt_id",
    "call_id",
    "method",
    "kind",
    "start_time",
    "end_time",
    "key",
    "team",
    "end_user",
    "labels",
    "route",
    "provider",
    "model",
    "price_version",
    "source",
    "cost_usd_nanos",
    "held_usd_nanos",
    "overrun_usd_nanos",
    "input_token_count",
    "cached_input_token_count",
    "cache_write_input_token_count",
    "output_token_count",
    "reasoning_token_count",
    "latency_us",
    "first_content_us",
    "outcome",
    "http_status",
    "cache",
    "adjusts",
    "reason",
)


def values_of(row: Row) -> Mapping[str, object]:
    """Return a row's values by their columns, in their order."""
    known = {**msgspec.structs.asdict(row), **msgspec.structs.asdict(row.entry), **msgspec.structs.asdict(row.tally)}
    known["start_time"] = time_of(row.entry.started_ns)
    known["end_time"] = time_of(row.ended_ns) if row.ended_ns else None
    known["source"] = row.source.value
    return {column: known[column] for column in COLUMNS}


def time_of(time_ns: int) -> str:
    """Return a time as RFC 3339 in UTC, with nanoseconds."""
    seconds, nanos = divmod(time_ns, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{nanos:09d}Z"


def json_lines(rows: Iterable[Row]) -> bytes:
    """Return rows as JSON, one a line."""
    return b"".join(msgspec.json.encode(values_of(row)) + b"\n" for row in rows)


def csv_lines(rows: Iterable[Row]) -> bytes:
    """Return rows as CSV, without the line of names."""
    return written([cell(value) for value in values_of(row).values()] for row in rows)


def csv_names() -> bytes:
    """Return the line of names."""
    return written([COLUMNS])


def written(lines: Iterable[Iterable[object]]) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out).writerows(lines)
    return out.getvalue().encode()


def cell(value: object) -> object:
    """Return a value as a cell holds it: text never as a formula, labels as JSON."""
    if value is None or isinstance(value, int):
        return value
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return f"'{text}" if text.startswith(FORMULAS) else text
