"""Sums of hours and days, which take in the rows of `attempts` in order of their ids, some at a time.

By group there are both, by end user and by all the labels of an attempt there are days: of these, too, there may be
nearly as many as rows.

Rows are only ever added: what was taken in once need never be looked at again, and pruning it changes no sum. Whoever
reads adds the rows that come after the mark `rolled`.
"""

from __future__ import annotations

import sqlite3

from llmgateway_server.store.usage import DAY_S, HOUR_S, NANOS_PER_S, SUMMED

# What is summed up by days until its rows are pruned: the table, with how long its periods are and what it groups by.
DETAILS = {"user_days": (DAY_S, "end_user"), "label_days": (DAY_S, "labels")}
LEVELS = {"hours": (HOUR_S, "group_id"), "days": (DAY_S, "group_id"), **DETAILS}

# The sums of rows, in the order of SUMMED.
SUMS_OF_ROWS = (
    "sum(source <> 'adjustment'), sum(is_first), sum(outcome NOT IN ('', 'ok')), sum(input_token_count), "
    "sum(cached_input_token_count), sum(cache_write_input_token_count), sum(output_token_count), "
    "sum(reasoning_token_count), sum(coalesce(cost_usd_nanos, 0)), "
    "sum(cost_usd_nanos IS NULL AND source <> 'adjustment'), sum(request_count)"
)
SUMS_OF_SUMS = ", ".join(f"sum({name})" for name in SUMMED)


def rolling_up(table: str, condition: str) -> str:
    """Return the statement that takes rows in."""
    length_s, column = LEVELS[table]
    added = ", ".join(f"{name} = {name} + excluded.{name}" for name in SUMMED)
    return (
        f"INSERT INTO {table} SELECT started_ns / {length_s * NANOS_PER_S} * {length_s}, {column}, {SUMS_OF_ROWS}, "  # noqa: S608  # constants
        f"histogram(latency_bucket) FROM attempts WHERE {condition} GROUP BY 1, 2 "
        f"ON CONFLICT DO UPDATE SET {added}, latencies = histogram_add(latencies, excluded.latencies)"
    )


STATEMENTS = tuple(rolling_up(table, "id > ? AND id <= ?") for table in LEVELS)


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


def ceil_to(time_ns: int, length_s: int) -> int:
    """Return the first begin of an hour or a day that is not before a time, in seconds."""
    return -(-time_ns // (length_s * NANOS_PER_S)) * length_s
