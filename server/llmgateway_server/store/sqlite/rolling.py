"""Sums of hours and days, which take in the rows of `attempts` in order of their ids, some at a time.

Rows are only ever added: what was taken in once need never be looked at again, and pruning it changes no sum. Whoever
reads adds the rows that come after the mark `rolled`.
"""

from __future__ import annotations

import sqlite3

from llmgateway_server.store.usage import HOUR_S, NANOS_PER_S, SUMMED

DAY_S = 24 * HOUR_S
LEVELS = {"hour": HOUR_S, "day": DAY_S}

# The sums of rows, in the order of SUMMED.
SUMS_OF_ROWS = (
    "sum(source <> 'adjustment'), sum(is_first), sum(outcome NOT IN ('', 'ok')), sum(input_token_count), "
    "sum(cached_input_token_count), sum(cache_write_input_token_count), sum(output_token_count), "
    "sum(reasoning_token_count), sum(coalesce(cost_usd_nanos, 0)), "
    "sum(cost_usd_nanos IS NULL AND source <> 'adjustment'), sum(request_count)"
)
SUMS_OF_SUMS = ", ".join(f"sum({name})" for name in SUMMED)


def _rolling_up(level: str, length_s: int) -> str:
    """Return the statement that takes rows in."""
    added = ", ".join(f"{name} = {name} + excluded.{name}" for name in SUMMED)
    return (
        f"INSERT INTO {level}s SELECT started_ns / {length_s * NANOS_PER_S} * {length_s}, group_id, {SUMS_OF_ROWS}, "  # noqa: S608  # constants
        "histogram(latency_bucket) FROM attempts WHERE id > ? AND id <= ? GROUP BY 1, 2 "
        f"ON CONFLICT DO UPDATE SET {added}, latencies = histogram_add(latencies, excluded.latencies)"
    )


STATEMENTS = tuple(_rolling_up(level, length_s) for level, length_s in LEVELS.items())


def roll(connection: sqlite3.Connection, most: int) -> int:
    """Take so many rows in at most; return up to which id all are in."""
    rolled = mark(connection, "rolled")
    last = connection.execute(
        "SELECT max(id) FROM (SELECT id FROM attempts WHERE id > ? ORDER BY id LIMIT ?)", (rolled, most)
    ).fetchone()[0]
    if last is None:
        return rolled
    for statement in STATEMENTS:
        connection.execute(statement, (rolled, last))
    set_mark(connection, "rolled", last)
    return int(last)


def mark(connection: sqlite3.Connection, name: str) -> int:
    """Return how far something has come."""
    return int(connection.execute("SELECT value FROM marks WHERE name = ?", (name,)).fetchone()[0])


def set_mark(connection: sqlite3.Connection, name: str, value: int) -> None:
    """Note how far something has come; never less far than before."""
    connection.execute("UPDATE marks SET value = max(value, ?) WHERE name = ?", (value, name))
