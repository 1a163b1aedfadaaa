"""What is shown of usage, and of invoices held against it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import attrgetter
from types import MappingProxyType

from llmgateway.admin.v1 import usage_pb2
from rich.table import Table

from llmgateway_server.admin.export import cell, written
from llmgateway_server.terminal_admin.documents import Document, document_of
from llmgateway_server.terminal_admin.tables import Column, dollar_column, table_of

Row = usage_pb2.UsageRow
Reconciled = usage_pb2.ReconciledRow

START = "start_time"
GROUP = "group"
EXACT_BELOW_MS = 10
TIMES = ((86_400, "%Y-%m-%d"), (60, "%Y-%m-%d %H:%M"), (1, "%Y-%m-%d %H:%M:%S"))

COUNTS = MappingProxyType(
    {
        "calls": "call_count",
        "attempts": "attempt_count",
        "errors": "error_count",
        "tokens in": "input_token_count",
        "cached": "cached_input_token_count",
        "tokens out": "output_token_count",
    }
)
LATENCIES = MappingProxyType({"p50 ms": "latency_p50_ms", "p90 ms": "latency_p90_ms", "p99 ms": "latency_p99_ms"})
AMOUNTS = MappingProxyType(
    {"billed": "billed_usd_nanos", "booked": "booked_usd_nanos", "difference": "difference_usd_nanos"}
)


def usage_documents(rows: Sequence[Row], by: Sequence[str]) -> Sequence[Document]:
    """Return rows with what they are grouped by as members of their own, before what was counted."""
    return [usage_document(row, by) for row in rows]


def usage_document(row: Row, by: Sequence[str]) -> Document:
    document = document_of(row)
    group = document.pop(GROUP)
    return {START: document.pop(START), **{name: group.get(name, "") for name in by}, **document}


def usage_csv(rows: Sequence[Row], by: Sequence[str]) -> bytes:
    """Return rows as comma-separated values, below a line of names."""
    return csv_of(list(usage_document(Row(), by)), usage_documents(rows, by))


def reconciled_csv(rows: Sequence[Reconciled]) -> bytes:
    """Return compared rows as comma-separated values, below a line of names."""
    return csv_of(list(document_of(Reconciled())), [document_of(row) for row in rows])


def csv_of(names: Sequence[str], documents: Sequence[Document]) -> bytes:
    """Return documents as lines, each text kept from being taken for a formula as in the gateway's own export."""
    lines = [[cell(name) for name in names]]
    lines += [[cell(document[name]) for name in names] for document in documents]
    return written(lines)


def usage_table(rows: Sequence[Row], by: Sequence[str], *, has_buckets: bool) -> Table:
    """Return rows for people, with a line of totals. Percentiles cannot be added up."""
    heads = [*(["from (UTC)"] if has_buckets else []), *by]
    columns = [*map(Column, heads), *(Column(title, is_number=True) for title in (*COUNTS, "cost", *LATENCIES))]
    *costs, cost = dollar_column([*(row.cost_usd_nanos for row in rows), sum(row.cost_usd_nanos for row in rows)])
    lines = [
        [
            *([time] if has_buckets else []),
            *(row.group[name] for name in by),
            *(f"{getattr(row, field):,}" for field in COUNTS.values()),
            shown_cost,
            *(shown_latency(row, field) for field in LATENCIES.values()),
        ]
        for row, time, shown_cost in zip(rows, shown_times(rows), costs, strict=True)
    ]
    totals = [f"{sum(map(attrgetter(field), rows)):,}" for field in COUNTS.values()]
    # Without a column for it the word has no place, and one line is its own total.
    total = [*(["total"] + [""] * (len(heads) - 1)), *totals, cost, *([""] * len(LATENCIES))] if heads else []
    return table_of(columns, lines, total)


def shown_times(rows: Sequence[Row]) -> Sequence[str]:
    """Return when each row's bucket begins, no more finely than any of them needs."""
    seconds = [row.start_time.seconds for row in rows]
    form = next(form for unit_s, form in TIMES if all(second % unit_s == 0 for second in seconds))
    return [f"{row.start_time.ToDatetime():{form}}" for row in rows]


def shown_latency(row: Row, field: str) -> str:
    if not row.HasField(field):  # type: ignore[arg-type]  # one of LATENCIES
        return ""
    latency_ms: float = getattr(row, field)
    return f"{latency_ms:,.0f}" if latency_ms >= EXACT_BELOW_MS else f"{latency_ms:.1f}"


def unpriced_count(rows: Sequence[Row]) -> int:
    """Return how many attempts the costs are without."""
    return sum(row.unpriced_count for row in rows)


def reconciled_table(rows: Sequence[Reconciled]) -> Table:
    """Return compared rows for people, with a line of totals."""
    amounts: Mapping[str, Sequence[int]] = {
        title: [*(getattr(row, field) for row in rows), sum(getattr(row, field) for row in rows)]
        for title, field in AMOUNTS.items()
    }
    *written_amounts, total = zip(*(dollar_column(column) for column in amounts.values()), strict=True)
    columns = [
        Column("day"),
        Column("model"),
        *(Column(title, is_number=True) for title in AMOUNTS),
        Column("booked as"),
    ]
    lines = [(row.day, row.model, *shown, row.adjustment_id) for row, shown in zip(rows, written_amounts, strict=True)]
    return table_of(columns, lines, ("total", "", *total, ""))
