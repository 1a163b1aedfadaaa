"""What becomes of the gateway under more load than it can serve: `python -m tests.bench.overload`. See README.md."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from tests.bench.contestants import LLMGATEWAY
from tests.bench.load import DRIVER_SLACK_S, run_driver
from tests.bench.open_load import OpenLoadResult
from tests.bench.processes import Child, Stage, free_port, open_stage
from tests.bench.rounds import GRPC_DRIVER, HTTP_DRIVER

CONCURRENT_CALLS = 50
ANSWER_S = 0.2
# More than the peak can be served of these: by so much the load is over it.
UPSTREAM_FACTOR = 3.0
CPU_FACTOR = 2.5
PEAK_CONNECTIONS = 32
TOKEN_COUNT = 100

# A pool as large as OpenAI's SDK has it at most; a few channels, as our clients have.
CONNECTIONS = {"rest": 1000, "grpc": 4}
CLOSED_DRIVERS = {"rest": HTTP_DRIVER, "grpc": GRPC_DRIVER}


@dataclass(frozen=True, slots=True)
class Effort:
    """How long each load lasts, and how many streams run through it."""

    load_s: float
    stream_count: int


FULL = Effort(load_s=5.0, stream_count=10)
QUICK = Effort(load_s=0.4, stream_count=2)


@dataclass(frozen=True, slots=True)
class Gateway:
    """A gateway under load, and the ports of its faces."""

    child: Child
    ports: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Row:
    """One load over the peak. `least` is the share of the peak to reach; `peak` in good answers a second."""

    case: str
    face: str
    peak: float
    least: float
    most_refusal_ms: float | None
    seen: OpenLoadResult

    @property
    def share(self) -> float:
        """Goodput as a share of the peak."""
        return self.seen.goodput / self.peak if self.peak else 0.0

    @property
    def is_reached(self) -> bool:
        """Whether enough was served, refusals came in time and said when to try again, and no stream was cut."""
        seen = self.seen
        is_quick = self.most_refusal_ms is None or seen.refused_p99_ms <= self.most_refusal_ms
        is_told = seen.told_count == seen.refused_count
        return self.share >= self.least and is_quick and is_told and seen.whole_stream_count == seen.stream_count


def start_gateway(stage: Stage, upstream_port: int, limits: Mapping[str, object], name: str) -> Gateway:
    """Start a gateway with these limits."""
    ports = {"grpc": free_port(), "rest": free_port(), "metrics": free_port()}
    listen = {key: f"127.0.0.1:{port}" for key, port in ports.items()}
    upstream = {"dialect": "openai", "base_url": f"http://127.0.0.1:{upstream_port}/v1", "api_keys": ["none"]}
    addresses = {"grpc_listen": listen["grpc"], "http_listen": listen["rest"], "metrics_listen": listen["metrics"]}
    settings = {
        "server": {**addresses, "admin_listen": f"127.0.0.1:{free_port()}", "lame_duck": "0s"},
        "store": {"url": f"sqlite:///{stage.folder / name}.db"},
        "limits": limits,
        "providers": {"local": upstream},
    }
    config = stage.folder / f"{name}.json"  # JSON is YAML
    config.write_text(json.dumps(settings))
    command = [*LLMGATEWAY, "serve", "--config", str(config)]
    child = stage.start_command(command, name, ports["rest"], f"http://{listen['rest']}/readyz")
    return Gateway(child, ports)


def start_upstream(stage: Stage, answer_s: float, effort: Effort) -> int:
    """Start an upstream whose streams outlast a load; return its port."""
    token_s = 1.3 * effort.load_s / TOKEN_COUNT
    return stage.start_module("tests.bench.paced_upstream", f"--answer-s={answer_s}", f"--token-s={token_s}").port


def drive(gateway: Gateway, face: str, rate: float, effort: Effort) -> OpenLoadResult:
    """Load the gateway at a rate; return what was seen."""
    arguments = [
        str(gateway.ports[face]),
        face,
        str(gateway.child.process.pid),
        f"--rate={rate}",
        f"--streams={effort.stream_count}",
        f"--connections={CONNECTIONS[face]}",
    ]
    command = [sys.executable, "-m", "tests.bench.open_load", *arguments, f"--seconds={effort.load_s}"]
    done = subprocess.run(command, capture_output=True, timeout=effort.load_s + DRIVER_SLACK_S, check=False)
    if done.returncode:
        raise RuntimeError(f"the driver failed:\n{done.stderr.decode()[-2000:]}")
    return msgspec.json.decode(done.stdout, type=OpenLoadResult)


def measure_upstream_limit(stage: Stage, face: str, effort: Effort) -> Row:
    """Three times as many calls as the upstream takes, while the gateway itself has time."""
    upstream = start_upstream(stage, ANSWER_S, effort)
    limits = {"concurrent_calls": CONCURRENT_CALLS, "queued_calls": CONCURRENT_CALLS}
    gateway = start_gateway(stage, upstream, limits, f"gateway-{face}")
    rate = CONCURRENT_CALLS / ANSWER_S
    peak = drive(gateway, face, rate, effort)
    seen = drive(gateway, face, UPSTREAM_FACTOR * rate, effort)
    return Row("upstream", face, peak.goodput, 0.9, 50.0, seen)


def measure_cpu_limit(stage: Stage, face: str, effort: Effort) -> Row:
    """More calls than the gateway has CPU for."""
    gateway = start_gateway(stage, start_upstream(stage, 0.0, effort), {}, f"busy-gateway-{face}")
    arguments = [str(gateway.ports[face]), "chat", f"--connections={PEAK_CONNECTIONS}"]
    run_driver(CLOSED_DRIVERS[face], arguments, effort.load_s / 4)  # warms up
    peak = run_driver(CLOSED_DRIVERS[face], arguments, effort.load_s).rate
    seen = drive(gateway, face, CPU_FACTOR * peak, effort)
    return Row("CPU", face, peak, 0.4, None, seen)


MEASURES: Mapping[str, Callable[[Stage, str, Effort], Row]] = {
    "upstream": measure_upstream_limit,
    "CPU": measure_cpu_limit,
}


def measure_all(effort: Effort, only: str) -> list[Row]:
    """Measure both cases over both faces, each with a gateway of its own; only those whose name holds `only`."""
    rows: list[Row] = []
    for case, measure in MEASURES.items():
        for face in CLOSED_DRIVERS:
            if only.lower() in f"{case}, {face}".lower():
                with open_stage() as stage:
                    rows.append(measure(stage, face, effort))
    return rows


def make_table(rows: Sequence[Row]) -> Table:
    """Return the table."""
    table = Table(title="Overload", title_justify="left", box=SIMPLE_HEAD, pad_edge=False, padding=(0, 0))
    table.add_column("limited by", no_wrap=True)
    columns = (
        "offered/s",
        "peak/s",
        "good/s",
        "of peak",
        "good ms",
        "refused",
        "refused ms",
        "late",
        "broken",
        "streams",
        "busy",
    )
    for name in columns:
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(*cells(row))
    return table


def cells(row: Row) -> list[str]:
    """Return one line of the table."""
    seen = row.seen
    return [
        f"{row.case}, {row.face}",
        f"{seen.offered_count / seen.seconds:.0f}",
        f"{row.peak:.0f}",
        f"{seen.goodput:.0f}",
        f"{row.share:.2f} {'✓' if row.is_reached else '✗'}",
        f"{seen.good_p50_ms:.0f}–{seen.good_p99_ms:.0f}",
        f"{seen.refused_count}",
        f"{seen.refused_p50_ms:.1f}–{seen.refused_p99_ms:.1f}",
        f"{seen.late_count}",
        f"{seen.broken_count}",
        f"{seen.whole_stream_count}/{seen.stream_count}",
        f"{seen.busy:.0%}",
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.overload", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a smoke run of seconds: the figures mean little")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures to FILE, too")
    parser.add_argument("--check", action="store_true", help="exit with 1 where a figure is worse than it should be")
    parser.add_argument("--only", metavar="TEXT", default="", help="only the rows whose name holds TEXT")
    chosen = parser.parse_args(arguments)
    rows = measure_all(QUICK if chosen.quick else FULL, chosen.only)
    Console(width=120).print(make_table(rows))
    if chosen.json is not None:
        chosen.json.write_bytes(msgspec.json.format(msgspec.json.encode(rows), indent=2) + b"\n")
    return 0 if all(row.is_reached for row in rows) or not chosen.check else 1


if __name__ == "__main__":
    raise SystemExit(main())
