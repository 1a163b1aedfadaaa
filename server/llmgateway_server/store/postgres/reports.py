"""What the ledger tells of the past: sums and rows."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import msgspec
from asyncpg import Record

from llmgateway_server.store.ledger import Entry, Row, Source, Tally, UsageQuery, UsageRow
from llmgateway_server.store.postgres.lane import Lane
from llmgateway_server.store.postgres.writing import clean
from llmgateway_server.store.usage import DIMENSIONS, LABEL, LASTING, NANOS_PER_S, Groups, Sums, usage_rows

ROWS_AT_ONCE = 1_000

TOKENS = ", ".join(f"sum({name})::bigint" for name in Tally.__struct_fields__)
ATTEMPT_SUMS = f"""
    count(*) FILTER (WHERE source <> 'adjustment'),
    count(*) FILTER (WHERE source <> 'adjustment' AND kind NOT IN ('retry', 'fallback', 'hedge')),
    count(*) FILTER (WHERE outcome NOT IN ('', 'ok')),
    {TOKENS}, coalesce(sum(cost_usd_nanos), 0)::bigint,
    count(*) FILTER (WHERE source <> 'adjustment' AND cost_usd_nanos IS NULL), sum(request_count)::bigint,
    count(latency_bucket)"""
HOUR_SUMS = f"""
    sum(attempt_count)::bigint, sum(call_count)::bigint, sum(error_count)::bigint,
    {TOKENS}, sum(cost_usd_nanos)::bigint, sum(unpriced_count)::bigint, sum(request_count)::bigint,
    sum(answer_count)::bigint"""


class Part(msgspec.Struct, frozen=True):
    """A part of what was: in which table, begun when, and whether it is told by whole hours."""

    table: str
    started_ns: str
    condition: str
    sums: str
    is_hourly: bool


HORIZON = "(SELECT before_ns FROM horizon)"
HOUR_NS = 3_600 * NANOS_PER_S
PARTS = (
    Part("attempt", "started_ns", f"started_ns >= {HORIZON}", ATTEMPT_SUMS, is_hourly=False),
    # What came after its hour had been pruned.
    Part("attempt", f"(started_ns / {HOUR_NS} * {HOUR_NS})", f"started_ns < {HORIZON}", ATTEMPT_SUMS, is_hourly=True),
    Part("hour", f"(hour_s * {NANOS_PER_S})", "true", HOUR_SUMS, is_hourly=True),
)

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
        for part in PARTS:
            statement, arguments = statement_of(query, part)
            for record in await self._lane.fetch(statement, *arguments):
                add_record(groups, record, len(query.by))
        return usage_rows(groups)

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


def statement_of(query: UsageQuery, part: Part) -> tuple[str, Sequence[object]]:
    """Return the statement for a part of what was, with its arguments.

    No text of the query gets into the statement. Raise `KeyError` for a dimension that is none.
    """
    arguments: list[object] = [query.since_ns, query.until_ns]
    length_s = int(query.bucket_s)
    bucket = f"{part.started_ns} / {NANOS_PER_S} / {length_s} * {length_s}" if length_s else "0::bigint"
    columns = [bucket, *(column_of(name, part.is_hourly, arguments) for name in query.by)]
    conditions = [f"{part.started_ns} >= $1", f"{part.started_ns} < $2", part.condition]
    for name, value in query.where.items():
        column = column_of(name, part.is_hourly, arguments)
        arguments.append(clean(value))
        conditions.append(f"{column} = ${len(arguments)}")
    places = ", ".join(str(place) for place in range(1, len(columns) + 1))
    return (
        f"SELECT {', '.join(columns)}, latency_bucket, {part.sums} FROM {part.table} "  # noqa: S608  # names of columns
        f"WHERE {' AND '.join(conditions)} GROUP BY {places}, latency_bucket",
        arguments,
    )


def column_of(name: str, is_hourly: bool, arguments: list[object]) -> str:
    """Return the expression of a dimension; a label's name becomes an argument."""
    if name.startswith(LABEL):
        if is_hourly:
            return "''::text"
        arguments.append(clean(name.removeprefix(LABEL)))
        return f"coalesce(labels ->> ${len(arguments)}::text, '')"
    if name not in DIMENSIONS:
        raise KeyError(name)
    return name if name in LASTING or not is_hourly else "''::text"


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
