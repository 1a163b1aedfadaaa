"""UsageService."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from llmgateway.admin.v1 import usage_service_pb2 as messages

from llmgateway_server.admin.adjustments import Adjustments, ChargesOf
from llmgateway_server.admin.desk import Desk
from llmgateway_server.admin.directory import told_to_callers
from llmgateway_server.admin.export import csv_lines, csv_names, json_lines
from llmgateway_server.admin.fields import Violations, check_text, refuse
from llmgateway_server.admin.invoice import Columns, Invoice, read_invoice
from llmgateway_server.admin.quota_messages import check_scope_field
from llmgateway_server.admin.reconciler import Reconciler
from llmgateway_server.admin.usage_messages import MAX_ROWS, read_period, read_query, write_rows
from llmgateway_server.admin.usage_scope import UsageScope
from llmgateway_server.call import Call
from llmgateway_server.config.quotas import MAX_AMOUNT
from llmgateway_server.errors import FieldViolation
from llmgateway_server.store.ledger import Ledger

MAX_REASON = 1_024
MAX_NAME = 512

Format = messages.ExportUsageRequest.Format
Chunks = AsyncGenerator[messages.ExportUsageResponse, None]


class UsageService:
    """Tells what was used, and puts it right. `charges_of` gives the counters that an entry is charged to."""

    def __init__(self, desk: Desk, ledger: Ledger, charges_of: ChargesOf) -> None:
        self._desk = desk
        self._directory = desk.directory
        self._ledger = ledger
        self._adjustments = Adjustments(desk, ledger, charges_of)
        self._reconciler = Reconciler(desk, ledger, self._adjustments)

    async def query_usage(self, call: Call, request: messages.QueryUsageRequest) -> messages.QueryUsageResponse:
        caller = await self._desk.begin(call, "UsageService.QueryUsage")
        wrong: Violations = []
        query = read_query(request, self._desk.wall_ns(), wrong)
        refuse(wrong)
        team = request.filters.get("team")
        scope = UsageScope(caller, team, self._is_below)
        with told_to_callers(""):
            rows = scope.kept(await self._ledger.usage(scope.narrowed(query)), query)
        if len(rows) > MAX_ROWS:
            refuse([FieldViolation("group_by", f"makes {len(rows)} rows, over the limit of {MAX_ROWS}")])
        return write_rows(rows, query)

    async def export_usage(self, call: Call, request: messages.ExportUsageRequest) -> Chunks:
        caller = await self._desk.begin(call, "UsageService.ExportUsage")
        wrong: Violations = []
        since_ns, until_ns = read_period(request, self._desk.wall_ns(), wrong)
        if request.format not in Format.values():
            wrong.append(FieldViolation("format", f"has the unknown value {request.format}"))
        refuse(wrong)
        is_json = request.format == messages.ExportUsageRequest.FORMAT_JSON_LINES
        lines_of = json_lines if is_json else csv_lines
        scope = UsageScope(caller, None, self._is_below)
        if not is_json:
            yield messages.ExportUsageResponse(chunk=csv_names())
        with told_to_callers(""):
            async for batch in self._ledger.rows(since_ns, until_ns):
                chunk = lines_of(filter(scope.has_row, batch))
                if chunk:
                    yield messages.ExportUsageResponse(chunk=chunk)

    async def adjust_usage(self, call: Call, request: messages.AdjustUsageRequest) -> messages.AdjustUsageResponse:
        await self._desk.begin(call, "UsageService.AdjustUsage")
        wrong: Violations = []
        check_adjustment(request, wrong)
        refuse(wrong)
        entry = self._adjustments.entry(call, request.scope, self._desk.wall_ns())
        await self._adjustments.book(call, entry, request.cost_usd_nanos, request.reason, request.attempt_id)
        return messages.AdjustUsageResponse(adjustment_id=entry.attempt_id)

    async def reconcile_usage(
        self, call: Call, request: messages.ReconcileUsageRequest
    ) -> messages.ReconcileUsageResponse:
        await self._desk.begin(call, "UsageService.ReconcileUsage")
        if not 1 <= len(request.provider) <= MAX_NAME:
            refuse([FieldViolation("provider", f"must have 1 to {MAX_NAME} characters")])
        usual = Columns()
        columns = Columns(
            request.date_column or usual.date, request.model_column or usual.model, request.cost_column or usual.cost
        )
        invoice = Invoice(request.provider, read_invoice(request.invoice_csv, columns))
        return messages.ReconcileUsageResponse(rows=await self._reconciler.reconcile(call, invoice, book=request.book))

    def _is_below(self, team: str, other: str) -> bool:
        return team == other or other in self._directory.lineage(team)


def check_adjustment(request: messages.AdjustUsageRequest, wrong: Violations) -> None:
    check_scope_field("scope", request.scope, wrong)
    if request.scope.endswith("/*"):
        wrong.append(FieldViolation("scope", "must be one scope, without *"))
    if not request.cost_usd_nanos or abs(request.cost_usd_nanos) > MAX_AMOUNT:
        wrong.append(FieldViolation("cost_usd_nanos", f"must not be 0, nor beyond {MAX_AMOUNT} either way"))
    if not request.reason:
        wrong.append(FieldViolation("reason", "is required"))
    check_text("reason", request.reason, MAX_REASON, wrong)
    check_text("attempt_id", request.attempt_id, MAX_NAME, wrong)
