"""What the ledger tells of the past: sums and rows."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence

import msgspec
from asyncpg import Connection, Record

from llmgateway_server.store.ledger import Entry, Row, Source, Tally, UsageQuery, UsageRow
from llmgateway_server.store.postgres.lane import Lane
from llmgateway_server.store.postgres.writing import clean
from llmgateway_server.store.usage import (
    DAY_S,
    DIMENSIONS,
    HOUR_S,
    LABEL,
    LASTING,
    NANOS_PER_S,
    Groups,
    Sums,
    detail_of,
    usage_rows,
)

ROWS_AT_ONCE = 1_000
ROLLED_AT_ONCE = 20_000
PRUNED_AT_ONCE = 5_000

TOKENS = ", ".join(f"sum({name})::bigint" for name in Tally.__struct_fields__)
SUMS_OF_ROWS = f"""
    count(*) FILTER (WHERE source <> 'adjustment'),
    count(*) FILTER (WHERE source <> 'adjustment' AND kind NOT IN ('retry', 'fallback', 'hedge')),
    count(*) FILTER (WHERE outcome NOT IN ('', 'ok')),
    {TOKENS}, coalesce(sum(cost_usd_nanos), 0)::bigint,
    count(*) FILTER (WHERE source <> 'adjustment' AND cost_usd_nanos IS NULL), sum(request_count)::bigint,
    count(latency_bucket)"""
SUMS_OF_SUMS = f"""
    sum(attempt_count)::bigint, sum(call_count)::bigint, sum(error_count)::bigint,
    {TOKENS}, sum(cost_usd_nanos)::bigint, sum(unpriced_count)::bigint, sum(request_count)::bigint,
    sum(answer_count)::bigint"""

HOUR_NS = HOUR_S * NANOS_PER_S
DAY_NS = DAY_S * NANOS_PER_S


class Span(msgspec.Struct, frozen=True):
    """Where some of the numbers are: a table with its sums, which of its rows, and in which second they began.

    `has_details` says that labels, end users and times to the second are known there.
    """

    table: str
    sums: str
    start_s: str
    conditions: Sequence[tuple[str, int]]
    has_details: bool = False


def of_rows(begin_ns: int, end_ns: int) -> Span:
    """Return a span of rows."""
    conditions = (("started_ns >=", begin_ns), ("started_ns <", end_ns))
    return Span("attempt", SUMS_OF_ROWS, f"started_ns / {NANOS_PER_S}", conditions, has_details=True)


def of_rows_by_hour(after: int, begin_s: int, end_s: int) -> Span:
    """Return a span of rows that stand for the sums which will take them in."""
    times = (("started_ns >=", begin_s * NANOS_PER_S), ("started_ns <", end_s * NANOS_PER_S))
    return Span("attempt", SUMS_OF_ROWS, f"started_ns / {HOUR_NS} * {HOUR_S}", (("number >", after), *times))


def of_new_rows(after: int, begin_s: int, end_s: int) -> Span:
    """Return a span of rows that no sum has taken in."""
    times = (("started_ns >=", begin_s * NANOS_PER_S), ("started_ns <", end_s * NANOS_PER_S))
    conditions = (("number >", after), *times)
    return Span("attempt", SUMS_OF_ROWS, f"started_ns / {NANOS_PER_S}", conditions, has_details=True)


def of_sums(length_s: int, begin_s: int, end_s: int) -> Span:
    """Return a span of the sums of hours or days."""
    return Span(
        "rolled", SUMS_OF_SUMS, "start_s", (("length_s =", length_s), ("start_s >=", begin_s), ("start_s <", end_s))
    )


def of_details(kind: str, begin_s: int, end_s: int) -> Span:
    """Return a span of the sums of days by end user, or by labels."""
    conditions = ((f"kind = '{kind}' AND start_s >=", begin_s), ("start_s <", end_s))
    return Span("detail", SUMS_OF_SUMS, "start_s", conditions)


# An attempt that runs may end between two pages; its place among the others stays the same.
ROWS = """
    SELECT * FROM (
        (SELECT a.started_ns, a.attempt_id, entry_of(a)::text AS entry, source, cost_usd_nanos, held_usd_nanos,
            overrun_usd_nanos, input_token_count, cached_input_token_count, cache_write_input_token_count,
            output_token_count, reasoning_token_count, request_count, ended_ns, latency_us, first_content_us, outcome,
            http_status, cache, adjusts, reason
        FROM attempt a
        WHERE started_ns >= $1 AND started_ns < $2 AND (started_ns, attempt_id) > ($3, $4)
        ORDER BY started_ns, attempt_id LIMIT $5)
        UNION ALL
        SELECT (entry ->> 'started_ns')::bigint, attempt_id, entry::text, 'open', NULL, held_usd_nanos, 0, 0, 0, 0, 0,
            0, 0, 0, 0, NULL, '', 0, '', '', ''
        FROM intent
        WHERE (entry ->> 'started_ns')::bigint >= $1 AND (entry ->> 'started_ns')::bigint < $2
        AND ((entry ->> 'started_ns')::bigint, attempt_id) > ($3, $4)
    ) found
    ORDER BY started_ns, attempt_id LIMIT $5"""

decoder = msgspec.json.Decoder(Entry)


class Reports:
    """Reads on a connection of its own: no reservation waits for it."""

    def __init__(self, lane: Lane) -> None:
        self._lane = lane

    async def usage(self, query: UsageQuery) -> Sequence[UsageRow]:
        """Return sums by bucket and group, in order."""
        groups: Groups = {}

        async def sum_up(connection: Connection[Record]) -> None:
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                rolled, pruned_ns = await connection.fetchrow("SELECT rolled, pruned_ns FROM mark") or (0, 0)
                for span in spans_of(query, rolled, pruned_ns):
                    statement, arguments = statement_of(query, span)
                    for record in await connection.fetch(statement, *arguments):
                        add_record(groups, record, len(query.by))

        await self._lane.run(sum_up)
        return usage_rows(groups)

    async def roll(self) -> None:
        """Take into the sums what has come since the last time; what is under way comes next time."""
        last = (await self._lane.fetch("SELECT last_number() AS last"))[0]["last"]
        while (await self._lane.fetch("SELECT roll($1, $2) AS has_more", last, ROLLED_AT_ONCE))[0]["has_more"]:
            continue

    async def prune(self, before_ns: int) -> int:
        """Delete rows of before the hour of a time; return how many."""
        await self.roll()
        count = PRUNED_AT_ONCE
        total = 0
        while count == PRUNED_AT_ONCE:
            count = (await self._lane.fetch("SELECT prune($1, $2) AS count", before_ns, PRUNED_AT_ONCE))[0]["count"]
            total += count
        return total

    async def rows(self, since_ns: int, until_ns: int) -> AsyncIterator[Sequence[Row]]:
        """Yield rows in order of their begin, a batch at a time."""
        place: tuple[int, str] = (since_ns, "")
        while True:
            records = await self._lane.fetch(ROWS, since_ns, until_ns, *place, ROWS_AT_ONCE)
            if records:
                yield [row_of(record) for record in records]
            if len(records) < ROWS_AT_ONCE:
                return
            place = (records[-1]["started_ns"], records[-1]["attempt_id"])


def spans_of(query: UsageQuery, rolled: int, pruned_ns: int) -> Iterator[Span]:
    """Yield spans that hold every row of a query's time once.

    Of whole days there are sums by end user alone, and by labels alone, until they are pruned.
    """
    kind = detail_of(query)
    begin_s, end_s = -(-max(query.since_ns, pruned_ns) // DAY_NS) * DAY_S, query.until_ns // DAY_NS * DAY_S
    if kind is None or begin_s >= end_s:
        yield from spans_by_group(query, rolled, pruned_ns)
        return
    yield of_details(kind, begin_s, end_s)
    yield of_new_rows(rolled, begin_s, end_s)
    for since_ns, until_ns in ((query.since_ns, begin_s * NANOS_PER_S), (end_s * NANOS_PER_S, query.until_ns)):
        if since_ns < until_ns:
            edge = msgspec.structs.replace(query, since_ns=since_ns, until_ns=until_ns)
            yield from spans_by_group(edge, rolled, pruned_ns)


def spans_by_group(query: UsageQuery, rolled: int, pruned_ns: int) -> Iterator[Span]:
    """Yield spans of the sums by group, and of rows where these do not hold what is asked for.

    Whole hours come from their sums and from the rows that these have not taken in, what lies at the edges from rows.
    All comes from rows where a query asks for what sums do not hold. Of hours that were pruned there are only the sums.
    """
    since_s, until_s = -(-query.since_ns // HOUR_NS) * HOUR_S, query.until_ns // HOUR_NS * HOUR_S
    if not {*query.by, *query.where} <= set(LASTING) or query.bucket_s % HOUR_S:
        until_s = since_s
    if since_s * NANOS_PER_S < pruned_ns:
        # An hour that was pruned counts where it begins in the query's time.
        until_s = max(until_s, min(pruned_ns // NANOS_PER_S, -(-query.until_ns // HOUR_NS) * HOUR_S))
    until_s = max(since_s, until_s)
    yield from spans_of_sums(since_s, until_s, query.bucket_s)
    if since_s < until_s:
        yield of_rows_by_hour(rolled, since_s, until_s)
    for begin_ns, end_ns in (
        (query.since_ns, min(since_s * NANOS_PER_S, query.until_ns)),
        (max(until_s * NANOS_PER_S, query.since_ns), query.until_ns),
    ):
        if max(begin_ns, pruned_ns) < end_ns:
            yield of_rows(max(begin_ns, pruned_ns), end_ns)


def spans_of_sums(since_s: int, until_s: int, bucket_s: int) -> Iterator[Span]:
    """Yield the sums of whole hours: by days where days are whole and no bucket is shorter."""
    first_s, last_s = -(-since_s // DAY_S) * DAY_S, until_s // DAY_S * DAY_S
    if bucket_s % DAY_S or first_s >= last_s:
        first_s = last_s = until_s
    for length_s, begin_s, end_s in ((HOUR_S, since_s, first_s), (DAY_S, first_s, last_s), (HOUR_S, last_s, until_s)):
        if begin_s < end_s:
            yield of_sums(length_s, begin_s, end_s)


def statement_of(query: UsageQuery, span: Span) -> tuple[str, Sequence[object]]:
    """Return the statement for a span, with its arguments.

    No text of the query gets into the statement. Raise `KeyError` for a dimension that is none.
    """
    arguments: list[object] = [bound for _, bound in span.conditions]
    conditions = [f"{condition} ${place}" for place, (condition, _) in enumerate(span.conditions, 1)]
    length_s = int(query.bucket_s)
    bucket = f"{span.start_s} / {length_s} * {length_s}" if length_s else "0::bigint"
    columns = [bucket, *(column_of(name, span, arguments) for name in query.by)]
    for name, value in query.where.items():
        column = column_of(name, span, arguments)
        arguments.append(clean(value))
        conditions.append(f"{column} = ${len(arguments)}")
    places = ", ".join(str(place) for place in range(1, len(columns) + 1))
    return (
        f"SELECT {', '.join(columns)}, latency_bucket, {span.sums} FROM {span.table} "  # noqa: S608  # names of columns
        f"WHERE {' AND '.join(conditions)} GROUP BY {places}, latency_bucket",
        arguments,
    )


def column_of(name: str, span: Span, arguments: list[object]) -> str:
    """Return the expression of a dimension; a label's name becomes an argument."""
    is_detail = span.table == "detail"
    if name.startswith(LABEL):
        if not span.has_details and not is_detail:
            return "''::text"
        arguments.append(clean(name.removeprefix(LABEL)))
        return f"coalesce({'value::jsonb' if is_detail else 'labels'} ->> ${len(arguments)}::text, '')"
    if name not in DIMENSIONS:
        raise KeyError(name)
    if is_detail:
        return "value"
    return name if name in LASTING or span.has_details else "''::text"


def add_record(groups: Groups, record: Record, dimension_count: int) -> None:
    """Add what one statement says of one group and bucket of latency."""
    values = tuple(record.values())
    group = tuple(values[1 : 1 + dimension_count])
    bucket, *sums, answer_count = values[1 + dimension_count :]
    total = groups.setdefault((values[0], group), Sums())
    total.add(sums)
    if bucket is not None:
        total.latencies[bucket] += answer_count


def row_of(record: Record) -> Row:
    """Return a row as the protocol has it."""
    entry = decoder.decode(record["entry"])
    return Row(
        msgspec.structs.replace(entry, teams=tuple(entry.teams)),
        Source(record["source"]),
        record["cost_usd_nanos"],
        record["held_usd_nanos"],
        record["overrun_usd_nanos"],
        Tally(*(record[name] for name in Tally.__struct_fields__)),
        *(record[name] for name in Row.__struct_fields__[6:]),
    )
