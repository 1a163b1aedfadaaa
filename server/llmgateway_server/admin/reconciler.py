"""Compares a provider's invoice with the ledger, and books what differs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time

from llmgateway.admin.v1 import usage_pb2

from llmgateway_server.admin.adjustments import Adjustments
from llmgateway_server.admin.desk import Desk
from llmgateway_server.admin.directory import told_to_callers
from llmgateway_server.admin.fields import refuse
from llmgateway_server.admin.invoice import Invoice, Item
from llmgateway_server.admin.leases import lease
from llmgateway_server.call import NANOS_PER_S, Call
from llmgateway_server.errors import FieldViolation
from llmgateway_server.store.ledger import Ledger, UsageQuery

DAY_S = 86_400
# The most days of an invoice: what lies between its first and last is asked of the ledger.
MAX_DAYS = 400


class Reconciler:
    """Books what differs of one invoice of a provider at a time, at whatever gateway, so that none is booked twice."""

    def __init__(self, desk: Desk, ledger: Ledger, adjustments: Adjustments) -> None:
        self._desk = desk
        self._ledger = ledger
        self._adjustments = adjustments

    async def reconcile(self, call: Call, invoice: Invoice, *, book: bool) -> Sequence[usage_pb2.ReconciledRow]:
        """Return what invoice and ledger say, by day and model; book what differs if asked to.

        Raise `EtagMismatch` where another call books this provider's.
        """
        if not book:
            return await self._compare(invoice)
        provider = invoice.provider
        async with lease(self._desk, f"reconcile-{provider}", f"reconciling an invoice of {provider}"):
            rows = await self._compare(invoice)
            for row in rows:
                if row.difference_usd_nanos:
                    item = Item(date.fromisoformat(row.day), row.model)
                    row.adjustment_id = await self._book(call, provider, item, row.difference_usd_nanos)
            return rows

    async def _compare(self, invoice: Invoice) -> Sequence[usage_pb2.ReconciledRow]:
        booked = await self._booked(invoice)
        items = sorted({*invoice.billed, *booked})
        return [compared(item, invoice.billed.get(item, 0), booked.get(item, 0)) for item in items]

    async def _booked(self, invoice: Invoice) -> Mapping[Item, int]:
        """Return what the ledger has from the first to the last day of an invoice."""
        if not invoice.billed:
            return {}
        first, last = min(invoice.billed).day, max(invoice.billed).day
        if (last - first).days >= MAX_DAYS:
            refuse([FieldViolation("invoice_csv", f"must be of at most {MAX_DAYS} days")])
        until_ns = begin_ns(last) + DAY_S * NANOS_PER_S
        query = UsageQuery(begin_ns(first), until_ns, ("model",), DAY_S, {"provider": invoice.provider})
        with told_to_callers(""):
            rows = await self._ledger.usage(query)
        days = [(datetime.fromtimestamp(row.bucket_s, UTC).date(), row) for row in rows]
        return {Item(day, row.group[0]): row.cost_usd_nanos for day, row in days}

    async def _book(self, call: Call, provider: str, item: Item, usd_nanos: int) -> str:
        """Book a difference on its day; return the id of its row."""
        entry = self._adjustments.item_entry(call, provider, item.model, begin_ns(item.day))
        await self._adjustments.book(call, entry, usd_nanos, f"invoice of {provider} for {item.day.isoformat()}")
        return entry.attempt_id


def compared(item: Item, billed: int, booked: int) -> usage_pb2.ReconciledRow:
    """Return the row of an item."""
    return usage_pb2.ReconciledRow(
        day=item.day.isoformat(),
        model=item.model,
        billed_usd_nanos=billed,
        booked_usd_nanos=booked,
        difference_usd_nanos=billed - booked,
    )


def begin_ns(day: date) -> int:
    """Return when a day begins in UTC, in nanoseconds since the epoch."""
    return int(datetime.combine(day, time(), UTC).timestamp()) * NANOS_PER_S
