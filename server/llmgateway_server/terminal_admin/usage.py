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
DAY_BEGIN = "T00:00:00Z"

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
    heads = [*(["from"] if has_buckets else []), *by]
    columns = [*map(Column, heads), *(Column(title, is_number=True) for title in (*COUNTS, "cost", *LATENCIES))]
    *costs, cost = dollar_column([*(row.cost_usd_nanos for row in rows), sum(row.cost_usd_nanos for row in rows)])
    lines = [
        [
            *([shown_time(row)] if has_buckets else []),
            *(row.group[name] for name in by),
            *(f"{getattr(row, field):,}" for field in COUNTS.values()),
            shown_cost,
            *(shown_latency(row, field) for field in LATENCIES.values()),
        ]
        for row, shown_cost in zip(rows, costs, strict=True)
    ]
    totals = [f"{sum(map(attrgetter(field), rows)):,}" for field in COUNTS.values()]
    # Without a column for it the word has no place, and one line is its own total.
    total = [*(["total"] + [""] * (len(heads) - 1)), *totals, cost, *([""] * len(LATENCIES))] if heads else []
    return table_of(columns, lines, total)


def shown_time(row: Row) -> str:
    """Return when a row's bucket begins; the day alone where that is when it does."""
    return row.start_time.ToJsonString().removesuffix(DAY_BEGIN)


def shown_latency(row: Row, field: str) -> str:
    return f"{getattr(row, field):,.0f}" if row.HasField(field) else ""  # type: ignore[arg-type]  # one of LATENCIES


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
