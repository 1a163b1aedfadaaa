"""Deleting old rows some at a time, so that no reservation waits long for it. Their sums stay."""

from __future__ import annotations

import sqlite3

from llmgateway_server.store.counters import family_of
from llmgateway_server.store.ledger import Counter, Family
from llmgateway_server.store.sqlite.rolling import DETAILS, ceil_to, mark, roll, set_mark
from llmgateway_server.store.sqlite.tables import all_counters
from llmgateway_server.store.usage import HOUR_S, NANOS_PER_S

SOME = 500


def mark_pruned(connection: sqlite3.Connection, before_ns: int) -> int:
    """Sum up all rows, then say that the hours before a time are pruned; return that time."""
    rolled = -1
    while (now_rolled := roll(connection, 10 * SOME)) > rolled:
        rolled = now_rolled
    hour_ns = HOUR_S * NANOS_PER_S
    set_mark(connection, "pruned", before_ns // hour_ns * hour_ns)
    return mark(connection, "pruned")


def delete_some(connection: sqlite3.Connection, pruned_ns: int) -> int:
    """Delete some of the rows that are summed up and began before a time; return how many."""
    return connection.execute(
        "DELETE FROM attempts WHERE id IN "
        "(SELECT id FROM attempts WHERE started_ns < ? AND id <= ? ORDER BY started_ns LIMIT ?)",
        (pruned_ns, mark(connection, "rolled"), SOME),
    ).rowcount


def delete_some_details(connection: sqlite3.Connection, pruned_ns: int) -> int:
    """Delete some sums by end user and by labels of days that are pruned, if only in part; return how many."""
    return sum(
        connection.execute(
            f"DELETE FROM {table} WHERE (start_s, {column}) IN "  # noqa: S608  # constants
            f"(SELECT start_s, {column} FROM {table} WHERE start_s < ? LIMIT ?)",
            (ceil_to(pruned_ns, length_s), SOME),
        ).rowcount
        for table, (length_s, column) in DETAILS.items()
    )


def past_counters(connection: sqlite3.Connection, pruned_ns: int) -> list[Counter]:
    """Return the counters of periods that ended and began before a time."""
    newest: dict[Family, int] = {}
    counters = [*all_counters(connection)]
    for one in counters:
        family = family_of(one)
        newest[family] = max(one.start_s, newest.get(family, 0))
    return [one for one in counters if one.start_s < newest[family_of(one)] and one.start_s * NANOS_PER_S < pruned_ns]
