"""Questions about usage and their answers as messages of the contract. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from llmgateway.admin.v1 import usage_pb2
from llmgateway.admin.v1 import usage_service_pb2 as messages

from llmgateway_server.admin.fields import MAX_LABEL, MAX_LABEL_NAME, Violations, check_count, check_text, read_time
from llmgateway_server.call import NANOS_PER_S
from llmgateway_server.errors import FieldViolation
from llmgateway_server.store.ledger import UsageQuery, UsageRow

Question = messages.QueryUsageRequest | messages.ExportUsageRequest

DIMENSIONS = ("team", "key", "end_user", "model", "provider", "route")
LABEL = "label:"
MAX_DIMENSIONS = 8
MAX_VALUE = 512
MAX_ROWS = 100_000
MAX_BUCKET_S = 366 * 86_400
# The ledger keeps its times in 64 bits; what lies beyond is nobody's usage.
MAX_TIME_NS = 2**63 - 1


def read_period(request: Question, now_ns: int, wrong: Violations) -> tuple[int, int]:
    """Return when a question's time begins and ends, in nanoseconds since the epoch."""
    since_ns = read_time("start_time", request.start_time, wrong)
    until_ns = read_time("end_time", request.end_time, wrong) if request.HasField("end_time") else now_ns
    if not request.HasField("start_time"):
        wrong.append(FieldViolation("start_time", "is required"))
    elif not 0 <= since_ns <= until_ns:
        wrong.append(FieldViolation("start_time", "must be 1970 or later, and no later than end_time"))
    return min(max(since_ns, 0), MAX_TIME_NS), min(max(until_ns, 0), MAX_TIME_NS)


def read_query(request: messages.QueryUsageRequest, now_ns: int, wrong: Violations) -> UsageQuery:
    """Return the question to the ledger; its filter by team is left to `UsageScope`."""
    since_ns, until_ns = read_period(request, now_ns, wrong)
    bucket = request.bucket
    if bucket.nanos or not 0 <= bucket.seconds <= MAX_BUCKET_S:
        wrong.append(FieldViolation("bucket", "must be whole seconds, up to 366 days"))
    elif bucket.seconds and (until_ns - since_ns) // (bucket.seconds * NANOS_PER_S) > MAX_ROWS:
        wrong.append(FieldViolation("bucket", f"must be longer: this makes more than {MAX_ROWS} buckets"))
    check_count("group_by", request.group_by, MAX_DIMENSIONS, wrong)
    check_count("filters", request.filters, MAX_DIMENSIONS, wrong)
    for index, dimension in enumerate(request.group_by[:MAX_DIMENSIONS]):
        check_dimension(f"group_by[{index}]", dimension, wrong)
    if len(set(request.group_by)) < len(request.group_by):
        wrong.append(FieldViolation("group_by", "must have each dimension once"))
    filters = dict(list(request.filters.items())[:MAX_DIMENSIONS])
    for dimension, value in filters.items():
        path = f'filters["{dimension[:MAX_LABEL_NAME]}"]'
        check_dimension(path, dimension, wrong)
        check_text(path, value, MAX_VALUE, wrong)
    where = {dimension: value for dimension, value in filters.items() if dimension != "team"}
    return UsageQuery(since_ns, until_ns, tuple(request.group_by), bucket.seconds, where)


def check_dimension(path: str, dimension: str, wrong: Violations) -> None:
    is_label = dimension.startswith(LABEL) and len(LABEL) < len(dimension) <= MAX_LABEL
    if dimension not in DIMENSIONS and not is_label:
        wrong.append(FieldViolation(path, f"must be one of {', '.join(DIMENSIONS)}, {LABEL}NAME"))


def write_rows(rows: Sequence[UsageRow], query: UsageQuery) -> messages.QueryUsageResponse:
    """Return the answer."""
    return messages.QueryUsageResponse(rows=[write_row(row, query) for row in rows])


def write_row(row: UsageRow, query: UsageQuery) -> usage_pb2.UsageRow:
    """Return one row; a bucket begins no earlier than the question's time."""
    tally = row.tally
    message = usage_pb2.UsageRow(
        group=dict(zip(query.by, row.group, strict=True)),
        call_count=row.call_count,
        attempt_count=row.attempt_count,
        error_count=row.error_count,
        unpriced_count=row.unpriced_count,
        input_token_count=tally.input_token_count,
        cached_input_token_count=tally.cached_input_token_count,
        cache_write_input_token_count=tally.cache_write_input_token_count,
        output_token_count=tally.output_token_count,
        reasoning_token_count=tally.reasoning_token_count,
        cost_usd_nanos=row.cost_usd_nanos,
        latency_p50_ms=row.latency_p50_ms,
        latency_p90_ms=row.latency_p90_ms,
        latency_p99_ms=row.latency_p99_ms,
    )
    if query.bucket_s:
        message.start_time.seconds = row.bucket_s
    else:
        message.start_time.FromNanoseconds(query.since_ns)
    return message
