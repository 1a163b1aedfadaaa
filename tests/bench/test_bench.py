"""The bench itself: that its drivers see what is wrong, that its figures add up, that it runs."""

from __future__ import annotations

import asyncio
import io
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from rich.console import Console

from tests.bench import http_load
from tests.bench.contestants import Contestant
from tests.bench.history import DIMENSIONS, measure_store
from tests.bench.history import make_limits as make_history_limits
from tests.bench.load import LoadResult, percentile, run_driver, summarize
from tests.bench.processes import Cost, StartError, cost_of, open_stage, parse_ps_time_s
from tests.bench.report import Limit, describe_limit, encode_report, make_limits, make_table
from tests.bench.rounds import BadAnswersError, Effort, Row, measure_row

EFFORT = Effort(round_count=3, load_s=2.0, warm_up_s=0.5, connection_count=16)
PROJECT = Path(__file__).parents[2]


@pytest.mark.parametrize(("share", "expected"), [(0.5, 5.0), (0.99, 10.0), (0.9, 9.0), (0.0, 1.0), (1.0, 10.0)])
def test_percentile_is_the_nearest_rank(share: float, expected: float) -> None:
    assert percentile([float(number) for number in range(1, 11)], share) == expected


def test_percentile_of_nothing_is_nothing() -> None:
    assert percentile([], 0.5) == 0


def test_a_run_is_summarized_in_milliseconds() -> None:
    result = summarize([0.002, 0.001, 0.004], failed_count=1, elapsed_s=2.0)
    assert result == LoadResult(call_count=3, failed_count=1, elapsed_s=2.0, p50_ms=2.0, p99_ms=4.0)
    assert result.rate == 1.5


@pytest.mark.parametrize(
    ("text", "seconds"), [("0:01.50", 1.5), ("12:34.00", 754.0), ("1:00:00", 3600.0), ("2-03:00:00", 183_600.0)]
)
def test_the_time_of_ps_is_read(text: str, seconds: float) -> None:
    assert parse_ps_time_s(text) == seconds


def test_the_cost_of_a_process_is_what_the_system_says_of_it() -> None:
    cost = cost_of(os.getpid())
    used = os.times()
    assert abs(cost.cpu_s - (used.user + used.system)) < 0.5
    assert 10 < cost.resident_mib < 10_000


def test_a_process_that_does_not_start_says_why() -> None:
    with open_stage() as stage, pytest.raises(StartError, match=r"No module named tests\.bench\.nowhere"):
        stage.start_module("tests.bench.nowhere")


def test_a_driver_that_fails_says_why() -> None:
    with pytest.raises(RuntimeError, match="invalid choice"):
        run_driver("tests.bench.http_load", ["1", "nothing"], 0.1)


HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
DONE = b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n"


async def load_against(kind: str, *pieces: bytes, closes: bool = False) -> LoadResult:
    """Load a server that answers each request with `pieces`, one after the other."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = http_load.make_request(port, kind)
        while await reader.read(len(request)):
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0)  # a turn of the loop, so that pieces arrive apart
            if closes:
                break
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        return msgspec.json.decode(await http_load.load(port, kind, 2, 0.05), type=LoadResult)


GOOD: dict[str, tuple[str, Sequence[bytes]]] = {
    "a body with its head": ("chat", [HEAD + b"{}"]),
    "a body in pieces": ("chat", [HEAD[:20], HEAD[20:], b"{", b"}"]),
    "a stream": ("stream", [CHUNKED, b"1\r\nx\r\n", DONE]),
    "a stream at once": ("stream", [CHUNKED + DONE]),
    "a stream whose end is cut in pieces": ("stream", [CHUNKED, DONE[:-3], DONE[-3:-1], DONE[-1:]]),
}


@pytest.mark.parametrize("name", GOOD)
async def test_the_http_driver_takes(name: str) -> None:
    kind, pieces = GOOD[name]
    result = await load_against(kind, *pieces)
    assert result.call_count > 2  # connections are kept
    assert result.failed_count == 0


BAD: dict[str, tuple[str, Sequence[bytes], bool]] = {
    "another status": ("chat", [HEAD.replace(b"200 OK", b"500 No") + b"{}"], False),
    "a body that is cut": ("chat", [HEAD + b"{"], True),
    "a body that is too long": ("chat", [HEAD + b"{}}"], False),
    "a stream without its terminal": ("stream", [CHUNKED, b"1\r\nx\r\n0\r\n\r\n"], False),
    "a stream that is cut": ("stream", [CHUNKED, b"1\r\nx\r\n"], True),
}


@pytest.mark.parametrize("name", BAD)
async def test_the_http_driver_sees(name: str) -> None:
    kind, pieces, closes = BAD[name]
    assert (await load_against(kind, *pieces, closes=closes)).failed_count > 0


def make_contest(costs_us: Sequence[float], failed_count: int = 0) -> tuple[Row, Callable[..., LoadResult], list[int]]:
    """Return a row whose contestants cost so much a call, its driver, and the order in which ports are loaded."""
    used_s = dict.fromkeys(range(len(costs_us)), 0.0)
    loaded: list[int] = []

    class Child:
        def __init__(self, port: int) -> None:
            self.port = port

        def cost(self) -> Cost:
            return Cost(used_s[self.port], 50.0 + self.port)

    def drive(driver: str, arguments: Sequence[str], seconds: float) -> LoadResult:
        port = int(arguments[0])
        if seconds == EFFORT.load_s:
            loaded.append(port)
        used_s[port] += 1000 * costs_us[port] / 1e6
        return LoadResult(1000, failed_count, seconds, 1.0, 2.0)

    children: list[Any] = [Child(port) for port in range(len(costs_us))]  # stands in for processes
    names = ["relay", "gateway"]
    contestants = [Contestant(names[child.port], child.port, [child]) for child in children]
    return Row("REST", "driver", "chat", contestants, most=1.6), drive, loaded


def test_contestants_alternate_and_the_ratio_is_within_a_round() -> None:
    row, drive, loaded = make_contest([200.0, 300.0])
    measured = measure_row(row, EFFORT, drive)
    assert loaded == [0, 1, 1, 0, 0, 1]
    relay, gateway = measured.figures
    assert (round(relay.cpu_us), round(gateway.cpu_us)) == (200, 300)
    assert [round(ratio, 6) for ratio in gateway.ratios] == [1.5, 1.5, 1.5]
    assert measured.is_reached is True
    assert measure_row(*swap(make_contest([200.0, 400.0]))).is_reached is False


def swap(contest: tuple[Row, Callable[..., LoadResult], list[int]]) -> tuple[Row, Effort, Callable[..., LoadResult]]:
    row, drive, _ = contest
    return row, EFFORT, drive


def test_wrong_answers_are_no_figures() -> None:
    with pytest.raises(BadAnswersError, match="relay failed 3 of 1000 calls"):
        measure_row(*swap(make_contest([200.0, 300.0], failed_count=3)))


def test_the_report_tells_what_is_reached_and_what_is_not() -> None:
    rows = [measure_row(*swap(make_contest([200.0, 300.0]))), measure_row(*swap(make_contest([200.0, 400.0])))]
    limits = make_limits(rows, ready_s=2.5)
    assert limits == [Limit("resident memory", 51.0, 150.0, "MiB"), Limit("time to ready", 2.5, 2.0, "s")]
    assert describe_limit(limits[1]) == "time to ready: 2.5 s (at most 2 s) ✗"
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(make_table(rows, EFFORT))
    text = console.export_text()
    assert "1.50" in text
    assert "1.6 ✓" in text
    assert "1.6 ✗" in text
    report = msgspec.json.decode(encode_report(rows, [], limits, EFFORT))
    assert [row["is_reached"] for row in report["rows"]] == [True, False]
    assert [limit["is_reached"] for limit in report["limits"]] == [True, False]


def test_a_quick_run_measures_every_row_of_the_gateway(tmp_path: Path) -> None:
    file = tmp_path / "bench.json"
    command = [sys.executable, "-m", "tests.bench", "--quick", "--json", str(file)]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:] + done.stdout[-2000:]
    report = msgspec.json.decode(file.read_bytes())
    assert [(row["name"], [figures["name"] for figures in row["figures"]]) for row in report["rows"]] == [
        ("REST", ["relay", "gateway"]),
        ("REST stream", ["relay", "gateway"]),
        ("REST by channel", ["relay", "gateway + serve-http"]),
        ("REST stream by channel", ["relay", "gateway + serve-http"]),
        ("gRPC", ["gRPC relay", "gateway"]),
        ("gRPC stream", ["gRPC relay", "gateway"]),
        ("REST embedding", ["relay", "gateway"]),
    ]
    assert all(figures["cpu_us"] > 0 for row in report["rows"] for figures in row["figures"])
    assert [limit["name"] for limit in report["limits"]] == [
        "resident memory",
        "time to ready",
        "planning, 10 targets",
        "planning, 10 targets behind 3 rules",
        "ledger and quota at 16 connections",
        *(["waits for the disk"] if shutil.which("strace") else []),
    ]
    assert [added["connection_count"] for added in report["budgets"]] == [1, 4, 16]


async def test_history_is_written_and_reported_on() -> None:
    found = await measure_store("sqlite", 300)
    assert [report.dimension for report in found.reports] == list(DIMENSIONS)
    assert all(report.usage_s > 0 and report.busy_reserve_s > 0 for report in found.reports)
    assert [limit.name for limit in make_history_limits([found])] == ["sqlite: slowest report", "sqlite: start"]
