"""Reports over the rows and their sums: usage, rows, and what counters of a new limit have spent.

Usage of whole days and hours comes from their sums and from the rows that these have not taken in yet; what lies at the
edges comes from rows. Where a query asks for what sums do not hold - labels or end users beside something else, shorter
buckets - all comes from rows. Of hours that were pruned there is nothing but the sums by group.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from llmgateway_server.store import counters
from llmgateway_server.store.ledger import Counter, Entry, Family, Metric, Row, UsageQuery, UsageRow
from llmgateway_server.store.sqlite import codec, histogram
from llmgateway_server.store.sqlite.rolling import DETAILS, SUMS_OF_ROWS, SUMS_OF_SUMS, ceil_to, mark
from llmgateway_server.store.usage import (
    DAY_S,
    DIMENSIONS,
    HOUR_S,
    LABEL,
    LASTING,
    NANOS_PER_S,
    SUMMED,
    Groups,
    Sums,
    detail_of,
    usage_rows,
)

HOUR_NS = HOUR_S * NANOS_PER_S
DAY_NS = DAY_S * NANOS_PER_S
# By the column that a table of details groups by.
TABLES: Mapping[str | None, str] = {column: table for table, (_, column) in DETAILS.items()}
# The plus keeps SQLite from the index on `started_ns`: few rows are so new, many may be of that time.
NEW_ROWS = "id > ? AND +started_ns >= ? AND +started_ns < ?"

Bound = str | int


class Span(msgspec.Struct, frozen=True):
    """Where some of the numbers are: a table with its sums, which of its rows, and how they tell the time.

    `latencies` is a histogram, or a bucket to group by. `has_details` says that labels, end users and times to the
    second are known there.
    """

    table: str
    sums: str
    latencies: str
    condition: str
    bounds: Sequence[int]
    start_s: str
    has_details: bool = False

    @property
    def is_rows(self) -> bool:
        return self.table == "attempts"

    @property
    def source(self) -> str:
        """The table, with its groups where it has some."""
        return self.table if self.table in DETAILS else f"{self.table} JOIN groups USING (group_id)"


def of_rows(condition: str, *bounds: int) -> Span:
    """Return a span of rows."""
    start_s = f"started_ns / {NANOS_PER_S}"
    return Span("attempts", SUMS_OF_ROWS, "latency_bucket", condition, bounds, start_s, has_details=True)


def of_rows_by_hour(condition: str, *bounds: int) -> Span:
    """Return a span of rows that stand for the sums which will take them in."""
    start_s = f"started_ns / {HOUR_NS} * {HOUR_S}"
    return Span("attempts", SUMS_OF_ROWS, "latency_bucket", condition, bounds, start_s)


def of_sums(table: str, begin_s: int, end_s: int) -> Span:
    """Return a span of the sums of hours or days."""
    condition, bounds = "start_s >= ? AND start_s < ?", (begin_s, end_s)
    return Span(table, SUMS_OF_SUMS, "histogram_sum(latencies)", condition, bounds, "start_s", table in DETAILS)


def usage(connection: sqlite3.Connection, query: UsageQuery) -> Sequence[UsageRow]:
    """Return the sums that a query asks for."""
    groups: Groups = {}
    width = len(query.by)
    for span in spans_of(connection, query):
        for bucket_s, *rest, latencies in connection.execute(*statement_of(span, query)):
            sums = groups.setdefault((bucket_s, tuple(rest[:width])), Sums())
            sums.add(rest[width : width + len(SUMMED)])
            if not span.is_rows:
                sums.latencies += histogram.counts_of(latencies)
            elif latencies is not None:
                sums.latencies[latencies] += rest[-1]
    return usage_rows(groups)


def spans_of(connection: sqlite3.Connection, query: UsageQuery) -> Iterator[Span]:
    """Yield spans that hold every row of a query's time once."""
    pruned_ns, rolled = mark(connection, "pruned"), mark(connection, "rolled")
    table = TABLES.get(detail_of(query))
    begin_s, end_s = ceil_to(max(query.since_ns, pruned_ns), DAY_S), query.until_ns // DAY_NS * DAY_S
    if table is None or begin_s >= end_s:
        yield from spans_by_group(query, pruned_ns, rolled)
        return
    yield of_sums(table, begin_s, end_s)
    bounds = (rolled, begin_s * NANOS_PER_S, end_s * NANOS_PER_S)
    yield of_rows(NEW_ROWS, *bounds)
    for since_ns, until_ns in ((query.since_ns, begin_s * NANOS_PER_S), (end_s * NANOS_PER_S, query.until_ns)):
        if since_ns < until_ns:
            edge = msgspec.structs.replace(query, since_ns=since_ns, until_ns=until_ns)
            yield from spans_by_group(edge, pruned_ns, rolled)


def spans_by_group(query: UsageQuery, pruned_ns: int, rolled: int) -> Iterator[Span]:
    """Yield spans of the sums by group, and of rows where these do not hold what is asked for."""
    names = {*query.by, *query.where}
    since_s, until_s = ceil_to(query.since_ns, HOUR_S), query.until_ns // HOUR_NS * HOUR_S
    if not names <= set(LASTING) or query.bucket_s % HOUR_S:
        until_s = since_s
    if since_s * NANOS_PER_S < pruned_ns:
        # An hour that was pruned counts where it begins in the query's time.
        until_s = max(until_s, min(pruned_ns // NANOS_PER_S, ceil_to(query.until_ns, HOUR_S)))
    until_s = max(since_s, until_s)
    yield from spans_of_sums(since_s, until_s, query.bucket_s)
    if since_s < until_s:
        yield of_rows_by_hour(NEW_ROWS, rolled, since_s * NANOS_PER_S, until_s * NANOS_PER_S)
    for begin_ns, end_ns in (
        (query.since_ns, min(since_s * NANOS_PER_S, query.until_ns)),
        (max(until_s * NANOS_PER_S, query.since_ns), query.until_ns),
    ):
        if max(begin_ns, pruned_ns) < end_ns:
            yield of_rows("started_ns >= ? AND started_ns < ?", max(begin_ns, pruned_ns), end_ns)


def spans_of_sums(since_s: int, until_s: int, bucket_s: int) -> Iterator[Span]:
    """Yield the sums of whole hours: by days where days are whole and no bucket is shorter."""
    first_s, last_s = -(-since_s // DAY_S) * DAY_S, until_s // DAY_S * DAY_S
    if bucket_s % DAY_S or first_s >= last_s:
        first_s = last_s = until_s
    for table, begin_s, end_s in (("hours", since_s, first_s), ("days", first_s, last_s), ("hours", last_s, until_s)):
        if begin_s < end_s:
            yield of_sums(table, begin_s, end_s)


def statement_of(span: Span, query: UsageQuery) -> tuple[str, Sequence[Bound]]:
    """Return the statement for sums by bucket and group.

    Rows are grouped by latency, too, each time with their number: a function of SQL that is called for every row would
    have to wait for the interpreter each time.
    """
    columns, column_bounds = columns_of(span, query)
    condition, bounds = condition_of(span, query)
    places = [str(number) for number in range(1, len(query.by) + 2)]
    sums, places = (f"{span.sums}, count(*)", [*places, "latency_bucket"]) if span.is_rows else (span.sums, places)
    return (
        f"SELECT {columns}, {sums}, {span.latencies} FROM {span.source} "  # noqa: S608  # no outsider's text
        f"WHERE {condition} GROUP BY {', '.join(places)}",
        (*column_bounds, *bounds),
    )


def columns_of(span: Span, query: UsageQuery) -> tuple[str, Sequence[Bound]]:
    """Return the bucket and the group as columns, with what is bound in them."""
    bucket = f"{span.start_s} / {query.bucket_s} * {query.bucket_s}" if query.bucket_s else "0"
    columns = [column_of(span, name) for name in query.by]
    bounds = [bound for _, bounds in columns for bound in bounds]
    return ", ".join([bucket, *(text for text, _ in columns)]), bounds


def condition_of(span: Span, query: UsageQuery) -> tuple[str, Sequence[Bound]]:
    """Return which rows of a span a query is about."""
    conditions: list[str] = [span.condition]
    bounds: list[Bound] = [*span.bounds]
    for name, value in query.where.items():
        text, column_bounds = column_of(span, name)
        conditions.append(f"{text} = ?")
        bounds += [*column_bounds, value]
    return " AND ".join(conditions), bounds


def column_of(span: Span, name: str) -> tuple[str, Sequence[Bound]]:
    """Return a dimension as a column. Raise `KeyError` for one that is none."""
    if name.startswith(LABEL):
        if not span.has_details:
            return "''", ()
        label = name.removeprefix(LABEL)
        if '"' in label or "\\" in label:
            # A path cannot say these.
            return "coalesce((SELECT value FROM json_each(labels) WHERE json_each.key = ?), '')", (label,)
        return "coalesce(json_extract(labels, ?), '')", (f'$."{label}"',)
    if name not in DIMENSIONS:
        raise KeyError(name)
    if name == "end_user":
        return ("end_user" if span.has_details else "''"), ()
    return f"groups.{name}", ()


AMOUNTS = {
    Metric.COST: "coalesce(cost_usd_nanos, 0)",
    Metric.TOKENS: "input_token_count + output_token_count",
    Metric.REQUESTS: "request_count",
}
"""What counts of a row, and of a sum."""


def spent(connection: sqlite3.Connection, families: Mapping[Family, int]) -> dict[Counter, int]:
    """Return what the counters of families have spent in the periods that run."""
    totals: dict[Counter, int] = {}
    for family, start_s in families.items():
        for entry, amount in spent_by(connection, family, start_s):
            for scope in counters.scopes_of(entry, family.scope_kind):
                counters.add(totals, {Counter(scope, family.metric, family.window, start_s): amount})
    return totals


def spent_by(connection: sqlite3.Connection, family: Family, start_s: int) -> Iterator[tuple[Entry, int]]:
    """Yield what was spent since a time, by what scopes are named after."""
    amount = AMOUNTS[family.metric]
    pruned_s, rolled = mark(connection, "pruned") // NANOS_PER_S, mark(connection, "rolled")
    if family.scope_kind == "end_user":
        statement = f"SELECT end_user, sum({amount}) FROM attempts WHERE started_ns >= ? GROUP BY 1"  # noqa: S608  # constants
        for end_user, total in connection.execute(statement, (max(start_s, pruned_s) * NANOS_PER_S,)):
            yield entry_of(end_user=end_user), total
        return
    whole_s = ceil_to(start_s * NANOS_PER_S, HOUR_S)
    for table, condition, bounds in (
        ("hours", "start_s >= ?", (whole_s,)),
        ("attempts", "id > ? AND +started_ns >= ?", (rolled, whole_s * NANOS_PER_S)),
        ("attempts", "started_ns >= ? AND started_ns < ?", (start_s * NANOS_PER_S, whole_s * NANOS_PER_S)),
    ):
        for *group, total in connection.execute(
            f"SELECT key, team, teams, provider, model, sum({amount}) "  # noqa: S608  # constants
            f"FROM {table} JOIN groups USING (group_id) WHERE {condition} GROUP BY group_id",
            bounds,
        ):
            yield entry_of(*group), total


def entry_of(
    key: str = "", team: str = "", teams: str = "", provider: str = "", model: str = "", end_user: str = ""
) -> Entry:
    """Return an entry that has what scopes are named after."""
    return Entry("", "", "", "", 0, key, team, end_user, {}, "", provider, model, teams=codec.decode_teams(teams))


Place = tuple[int, int]
"""A row's begin and its id."""


def rows_after(
    connection: sqlite3.Connection, place: Place, until_ns: int, most: int
) -> tuple[Sequence[Row], Place | None]:
    """Return the next rows after a place and the place of the last of them, None where no more come.

    What is open comes along with the rows that begin from the last batch's last row on, but before this one's.
    """
    found = connection.execute(
        f"{codec.SELECT_ROWS} WHERE (started_ns, id) > (?, ?) AND started_ns < ? ORDER BY started_ns, id LIMIT ?",
        (*place, until_ns, most),
    ).fetchall()
    last = None if len(found) < most else (found[-1][7], found[-1][6])
    end_ns = until_ns if last is None else last[0]
    opened = [codec.decode_intent(data).row for (data,) in connection.execute("SELECT intent FROM intents")]
    rows = [codec.decode_row(one) for one in found]
    rows += [row for row in opened if place[0] <= row.entry.started_ns < end_ns]
    return sorted(rows, key=lambda row: row.entry.started_ns), last
