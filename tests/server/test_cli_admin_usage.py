"""`llmgateway usage` against scripted admin services: a real gRPC server on loopback."""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import pytest
from click.testing import Result
from google.protobuf.message import Message
from llmgateway.admin.v1 import usage_pb2
from llmgateway.admin.v1 import usage_service_pb2 as messages

from tests.server.administered import Refusal, ScriptedAdmin, administered
from tests.server.served import on_terminal, run

Row = usage_pb2.UsageRow
Reconciled = usage_pb2.ReconciledRow
Run = Callable[..., Result]

NANOS_PER_S = 1_000_000_000
DAY_NS = 86_400 * NANOS_PER_S
# 2026-12-01T00:00:00Z
DECEMBER_S = 1_796_083_200


@pytest.fixture
def admin() -> ScriptedAdmin:
    return ScriptedAdmin()


@pytest.fixture
def ask(admin: ScriptedAdmin) -> Iterator[Run]:
    """Run a sub-command against the scripted services."""
    with administered(admin) as target:

        def run_there(*arguments: str | Path) -> Result:
            return run(*map(str, arguments), "--target", target)

        yield run_there


def row_of(team: str, cost_usd_nanos: int, *, hour: float = 0, **fields: int | float) -> Row:
    """Return a row of a team."""
    row = Row(group={"team": team, "end_user": ""}, cost_usd_nanos=cost_usd_nanos, **fields)  # type: ignore[arg-type]
    row.start_time.seconds = DECEMBER_S + round(3_600 * hour)
    return row


ROWS = [
    row_of(
        "platform",
        1_234_500_000_000,
        call_count=1_200,
        attempt_count=1_300,
        error_count=7,
        input_token_count=2**60,
        output_token_count=9,
        latency_p50_ms=812.4,
        latency_p90_ms=1_500.0,
        latency_p99_ms=0.2,
    ),
    row_of("=cmd\x1b[2J", -1, hour=1, unpriced_count=2),
]


def test_what_is_asked_for_is_what_the_command_line_says(ask: Run, admin: ScriptedAdmin) -> None:
    result = ask(
        *("usage", "--by", "team", "--by", "user", "--by", "label:task", "--bucket", "day"),
        *("--since", "2026-11-01", "--until", "2026-11-01T12:00+02:00"),
        *("--where", "team=platform", "--where", "user=a=b", "--where", "label:env="),
    )
    assert (result.exit_code, result.stderr) == (0, "")
    assert admin.request == messages.QueryUsageRequest(
        start_time={"seconds": DECEMBER_S - 30 * 86_400},
        end_time={"seconds": DECEMBER_S - 30 * 86_400 + 10 * 3_600},
        bucket={"seconds": 86_400},
        group_by=["team", "end_user", "label:task"],
        filters={"team": "platform", "end_user": "a=b", "label:env": ""},
    )


@pytest.mark.parametrize(("since", "span_ns"), [([], 7 * DAY_NS), (["--since", "36h"], DAY_NS * 3 // 2)])
def test_a_span_lies_before_now_and_the_end_is_left_to_the_gateway(
    ask: Run, admin: ScriptedAdmin, since: list[str], span_ns: int
) -> None:
    before_ns = time.time_ns()
    assert ask("usage", *since).exit_code == 0
    assert before_ns <= admin.request.start_time.ToNanoseconds() + span_ns <= time.time_ns()
    assert not admin.request.HasField("end_time")
    assert not admin.request.HasField("bucket")


def test_an_end_may_be_a_span_before_now_too(ask: Run, admin: ScriptedAdmin) -> None:
    before_ns = time.time_ns()
    assert ask("usage", "--until", "1d").exit_code == 0
    assert before_ns <= admin.request.end_time.ToNanoseconds() + DAY_NS <= time.time_ns()


@pytest.mark.parametrize(
    ("bucket", "seconds"), [("minute", 60), ("hour", 3_600), ("day", 86_400), ("15m", 900), ("7d", 604_800)]
)
def test_buckets_are_words_or_durations(ask: Run, admin: ScriptedAdmin, bucket: str, seconds: int) -> None:
    assert ask("usage", "--bucket", bucket).exit_code == 0
    assert admin.request.bucket.seconds == seconds


def test_json_is_an_array_of_rows_with_whole_numbers(ask: Run, admin: ScriptedAdmin) -> None:
    admin.answer("QueryUsage", messages.QueryUsageResponse(rows=ROWS))
    told = json.loads(ask("usage", "--by", "team", "--by", "user", "--format", "json").stdout)
    assert told[0] == {
        "start_time": "2026-12-01T00:00:00Z",
        "team": "platform",
        "end_user": "",
        "call_count": 1_200,
        "attempt_count": 1_300,
        "error_count": 7,
        "unpriced_count": 0,
        "input_token_count": 2**60,
        "cached_input_token_count": 0,
        "cache_write_input_token_count": 0,
        "output_token_count": 9,
        "reasoning_token_count": 0,
        "cost_usd_nanos": 1_234_500_000_000,
        "latency_p50_ms": 812.4,
        "latency_p90_ms": 1_500.0,
        "latency_p99_ms": 0.2,
    }
    assert [(row["cost_usd_nanos"], row["latency_p50_ms"]) for row in told[1:]] == [(-1, None)]
    assert type(told[1]["cost_usd_nanos"]) is int


def test_json_and_csv_of_nothing_are_still_json_and_csv(ask: Run) -> None:
    assert ask("usage", "--format", "json").stdout == "[]\n"
    assert ask("usage", "--by", "key", "--format", "csv").stdout_bytes.startswith(b"start_time,key,call_count,")
    assert ask("usage").stdout == "Nothing was used in this time.\n"


def test_csv_has_the_names_and_values_of_json_and_no_formula(ask: Run, admin: ScriptedAdmin) -> None:
    arguments = ("usage", "--by", "team", "--by", "user", "--format")
    admin.answer("QueryUsage", *[messages.QueryUsageResponse(rows=ROWS)] * 2)
    told = json.loads(ask(*arguments, "json").stdout)
    written = ask(*arguments, "csv").stdout_bytes
    assert written.count(b"\r\n") == 3
    read = [*csv.DictReader(io.StringIO(written.decode(), newline=""))]
    told[1]["team"] = f"'{told[1]['team']}"
    assert read == [{name: "" if value is None else str(value) for name, value in row.items()} for row in told]


def test_a_table_adds_up_and_costs_stand_point_below_point(ask: Run, admin: ScriptedAdmin) -> None:
    admin.answer("QueryUsage", messages.QueryUsageResponse(rows=ROWS))
    result = ask("usage", "--by", "team", "--bucket", "hour")
    assert result.stdout == (
        "from (UTC)        team      calls  attempts  errors                  tokens in  cached  tokens out"
        "              cost  p50 ms  p90 ms  p99 ms\n"
        "2026-12-01 00:00  platform  1,200     1,300       7  1,152,921,504,606,846,976       0           9"
        "  $1,234.500000000     812   1,500     0.2\n"
        "2026-12-01 01:00  =cmd\N{REPLACEMENT CHARACTER}[2J      0         0       0                          0       0           0"
        "     -$0.000000001\n"
        "total                       1,200     1,300       7  1,152,921,504,606,846,976       0           9"
        "  $1,234.499999999\n"
    )
    assert result.stderr == "The cost is without 2 attempts that no price is known for.\n"


@pytest.mark.parametrize(
    ("hours", "shown"),
    [((0, 24), ["2026-12-01", "2026-12-02"]), ((0, 1 / 3_600), ["2026-12-01 00:00:00", "2026-12-01 00:00:01"])],
)
def test_times_of_a_table_are_as_fine_as_its_buckets(
    ask: Run, admin: ScriptedAdmin, hours: tuple[float, float], shown: list[str]
) -> None:
    rows = [row_of("a", 1, hour=hour) for hour in hours]
    admin.answer("QueryUsage", messages.QueryUsageResponse(rows=rows))
    lines = ask("usage", "--by", "team", "--bucket", "day").stdout.splitlines()[1:3]
    assert [line.partition("  ")[0] for line in lines] == shown


def test_sums_of_everything_are_one_line_and_no_total(ask: Run, admin: ScriptedAdmin) -> None:
    admin.answer("QueryUsage", messages.QueryUsageResponse(rows=[row_of("", 1_500_000_000, call_count=1)]))
    assert [line.split() for line in ask("usage").stdout.splitlines()] == [
        [
            "calls",
            "attempts",
            "errors",
            "tokens",
            "in",
            "cached",
            "tokens",
            "out",
            "cost",
            "p50",
            "ms",
            "p90",
            "ms",
            "p99",
            "ms",
        ],
        ["1", "0", "0", "0", "0", "0", "$1.50"],
    ]


@pytest.mark.parametrize(
    "command",
    [
        "usage --by colour",
        "usage --by label:",
        "usage --by team --by team",
        "usage --by user --by end_user",
        "usage --where team=a --where team=b",
        "usage --where team",
        "usage --where colour=red",
        "usage --since yesterday",
        "usage --since 2026-13-01",
        "usage --bucket month",
        "usage --bucket 1.5s",
        "usage --bucket 0s",
        "usage --format xml",
        "usage export --format json",
        "usage adjust key/ci 0.50",
        "usage adjust key/ci 1e3 --reason why",
        "usage adjust key/ci --0.50 --reason why",
        "usage adjust key/ci 0.0000000001 --reason why",
        "usage reconcile nowhere.csv --provider openai",
        "usage reconcile",
    ],
)
def test_wrong_usage_is_refused_before_anything_is_asked(ask: Run, admin: ScriptedAdmin, command: str) -> None:
    result = ask(*command.split())
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Error: " in result.stderr
    assert admin.asked == []


def test_options_that_a_sub_command_would_not_hear_of_are_refused(ask: Run, admin: ScriptedAdmin) -> None:
    result = ask("usage", "--since", "1d", "export")
    assert result.exit_code == 2
    assert "--since stands before `export`: give it after that." in result.stderr
    assert admin.asked == []


@pytest.mark.parametrize(("option", "number"), [([], 1), (["--format", "csv"], 1), (["--format", "jsonl"], 2)])
def test_an_export_is_written_as_it_comes_byte_for_byte(
    ask: Run, admin: ScriptedAdmin, option: list[str], number: int
) -> None:
    chunks = [b"a,b\r\n", "Grüße,\x1b[2J\r\n".encode()]
    admin.answer("ExportUsage", *(messages.ExportUsageResponse(chunk=chunk) for chunk in chunks))
    result = ask("usage", "export", "--since", "2026-12-01", "--until", "2026-12-02", *option)
    assert (result.exit_code, result.stdout_bytes, result.stderr) == (0, b"".join(chunks), "")
    assert admin.request == messages.ExportUsageRequest(
        start_time={"seconds": DECEMBER_S}, end_time={"seconds": DECEMBER_S + 86_400}, format=number
    )


def test_an_export_that_breaks_off_is_no_success(ask: Run, admin: ScriptedAdmin) -> None:
    refusal = Refusal(grpc.StatusCode.UNAVAILABLE, "The store does not answer.")
    admin.answer("ExportUsage", messages.ExportUsageResponse(chunk=b"a\r\n"), refusal)
    result = ask("usage", "export")
    assert (result.exit_code, result.stdout_bytes) == (1, b"a\r\n")
    assert result.stderr == "The store does not answer. (call call_1)\n"


def test_an_export_steers_no_terminal(admin: ScriptedAdmin) -> None:
    admin.answer("ExportUsage", messages.ExportUsageResponse(chunk=b"a,\x1b[2J\r\nb,c\r\n"))
    size = {"width": 80, "height": 24}
    with administered(admin) as target, on_terminal("usage", "export", "--target", target, **size) as terminal:
        assert terminal.read_to_end() == 0
    assert terminal.written == "a,\N{REPLACEMENT CHARACTER}[2J\r\nb,c\r\n"


@pytest.mark.parametrize(
    ("amount", "cost_usd_nanos"),
    [("0.50", 500_000_000), ("-0.50", -500_000_000), ("-1000000000", -(10**18)), ("0.000000001", 1)],
)
def test_an_adjustment_is_exact_and_may_be_negative(
    ask: Run, admin: ScriptedAdmin, amount: str, cost_usd_nanos: int
) -> None:
    admin.answer("AdjustUsage", messages.AdjustUsageResponse(adjustment_id="adjust-1"))
    result = ask("usage", "adjust", "key/ci", amount, "--reason", "It was billed twice.", "--attempt", "a-1")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "adjust-1\n", "")
    assert admin.request == messages.AdjustUsageRequest(
        scope="key/ci", cost_usd_nanos=cost_usd_nanos, reason="It was billed twice.", attempt_id="a-1"
    )


RECONCILED = [
    Reconciled(
        day="2026-11-30",
        model="a",
        billed_usd_nanos=2_000_000_000,
        booked_usd_nanos=1_999_999_999,
        difference_usd_nanos=1,
        adjustment_id="adjust-1",
    ),
    Reconciled(day="2026-11-30", model="b", booked_usd_nanos=10_000_000, difference_usd_nanos=-10_000_000),
]


def test_an_invoice_is_held_against_the_ledger(ask: Run, admin: ScriptedAdmin, tmp_path: Path) -> None:
    invoice = tmp_path / "invoice.csv"
    invoice.write_bytes(b"day,m,usd\r\n2026-11-30,a,2\r\n")
    admin.answer("ReconcileUsage", messages.ReconcileUsageResponse(rows=RECONCILED))
    columns = ("--date-column", "day", "--model-column", "m", "--cost-column", "usd")
    result = ask("usage", "reconcile", invoice, "--provider", "openai", *columns, "--book")
    assert result.stdout == (
        "day         model  billed        booked     difference  booked as\n"
        "2026-11-30  a       $2.00  $1.999999999   $0.000000001  adjust-1\n"
        "2026-11-30  b       $0.00  $0.010000000  -$0.010000000\n"
        "total               $2.00  $2.009999999  -$0.009999999\n"
    )
    expected: Message = messages.ReconcileUsageRequest(
        provider="openai",
        invoice_csv=invoice.read_bytes(),
        date_column="day",
        model_column="m",
        cost_column="usd",
        book=True,
    )
    assert admin.request == expected


def test_nothing_is_booked_unless_it_is_asked_for(ask: Run, admin: ScriptedAdmin, tmp_path: Path) -> None:
    invoice = tmp_path / "invoice.csv"
    invoice.write_bytes(b"date,model,cost_usd\n")
    arguments = ("usage", "reconcile", invoice, "--provider", "openai", "--format")
    admin.answer("ReconcileUsage", *[messages.ReconcileUsageResponse(rows=RECONCILED)] * 2)
    assert [row["difference_usd_nanos"] for row in json.loads(ask(*arguments, "json").stdout)] == [1, -10_000_000]
    assert ask(*arguments, "csv").stdout_bytes.splitlines()[1] == (b"2026-11-30,a,2000000000,1999999999,1,adjust-1")
    assert not any(request.book for _, request in admin.asked)
