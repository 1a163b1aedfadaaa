"""Measures what the ledger and a quota of cost add to a call: CPU beside the bare relay, and waits for the disk.

    make bench ARGS=--budgets                     # about two minutes
    python -m tests.bench.budgets --profile       # where the CPU goes, of the gateway with a quota (run by itself)

gRPC, whole answers, at 1, 4 and 16 connections. Beside the bare relay: `memory` is the gateway without quotas whose ledger
is in memory, `ledger` one whose ledger is a file, `quota` one with a quota of cost, too. `added` is what these two cost
more than `memory`, as a share of the relay; `waits` are fsyncs a call, where strace is there to count them.
"""

from __future__ import annotations

import argparse
import contextlib
import cProfile
import io
import json
import pstats
import shutil
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import NamedTuple

from rich.box import SIMPLE_HEAD
from rich.table import Table

from tests.bench.contestants import Contestant, start_upstream
from tests.bench.load import LoadResult, run_driver
from tests.bench.payload import CHAT_MODEL
from tests.bench.processes import Stage, free_port, open_stage
from tests.bench.report import Limit
from tests.bench.rounds import GRPC_DRIVER, BadAnswersError

CONNECTIONS = (1, 4, 16)
MOST_ADDED = 0.4
# One, and what the checkpoints of a second add.
MOST_WAITS = 1.1
LLMGATEWAY = (sys.executable, "-m", "llmgateway_server", "serve", "--config")
PROFILED = (sys.executable, "-m", "tests.bench.budgets", "--serve")
STRACE_S = 1.0
PROFILE_S = 4.0
PRICE = {"input": 0.15, "output": 0.6}
QUOTA = {"scope": "organization", "metric": "cost", "window": "total", "limit": 1_000_000}


@dataclass(frozen=True, slots=True)
class Effort:
    """How much to measure: rounds, and seconds of load in each."""

    round_count: int
    load_s: float


FULL, QUICK = Effort(7, 1.0), Effort(1, 0.2)


@dataclass(frozen=True, slots=True)
class Added:
    """The figures at a number of connections: CPU in µs a call, by contestant, and ratios to the relay by round."""

    connection_count: int
    cpu_us: Mapping[str, float]
    ledger_ratios: Sequence[float]
    quota_ratios: Sequence[float]
    waits: Mapping[str, float]

    @property
    def ledger(self) -> float:
        """What the ledger's file adds, as a share of the relay."""
        return median(self.ledger_ratios)

    @property
    def quota(self) -> float:
        """What ledger and quota add together."""
        return median(self.quota_ratios)


class Configured(NamedTuple):
    """A gateway's configuration, and where it will listen."""

    path: Path
    grpc_port: int
    http_port: int

    @property
    def ready_url(self) -> str:
        return f"http://127.0.0.1:{self.http_port}/readyz"


def configure(stage: Stage, upstream_url: str, name: str, settings: Mapping[str, object]) -> Configured:
    """Write the configuration of a gateway with further settings."""
    grpc_port, http_port = free_port(), free_port()
    config = stage.folder / f"{name}.json"  # JSON is YAML
    document = {
        "server": {
            "grpc_listen": f"127.0.0.1:{grpc_port}",
            "http_listen": f"127.0.0.1:{http_port}",
            "metrics_listen": f"127.0.0.1:{free_port()}",
            "admin_listen": f"127.0.0.1:{free_port()}",
            "lame_duck": "0s",
        },
        "providers": {"local": {"dialect": "openai", "base_url": upstream_url, "api_keys": ["none"]}},
        "models": {CHAT_MODEL: {"price": PRICE}},
        **settings,
    }
    config.write_text(json.dumps(document))
    return Configured(config, grpc_port, http_port)


def start_contestant(
    stage: Stage, name: str, configured: Configured, program: Sequence[str] = LLMGATEWAY
) -> Contestant:
    """Start a gateway."""
    command = [*program, str(configured.path)]
    child = stage.start_command(command, name, configured.http_port, configured.ready_url)
    return Contestant(name, configured.grpc_port, [child])


def settings_of(folder: Path) -> dict[str, dict[str, object]]:
    """Return what is measured beside the relay. As by default, ledgers lie elsewhere than what is watched for changes."""
    return {
        "memory": {"store": {"url": "memory:"}},
        "ledger": {"store": {"url": f"sqlite:///{folder / 'ledger' / 'llmgateway.db'}"}},
        "quota": {"store": {"url": f"sqlite:///{folder / 'quota' / 'llmgateway.db'}"}, "quotas": [QUOTA]},
    }


def load(contestant: Contestant, connection_count: int, seconds: float) -> LoadResult:
    """Load a contestant. Raise `BadAnswersError` where an answer is not whole."""
    arguments = [str(contestant.port), "chat", f"--connections={connection_count}"]
    result = run_driver(GRPC_DRIVER, arguments, seconds)
    if result.failed_count or not result.call_count:
        raise BadAnswersError(f"{contestant.name} failed {result.failed_count} of {result.call_count} calls")
    return result


def cpu_us(contestant: Contestant, connection_count: int, seconds: float) -> float:
    """Return what a call costs."""
    before = contestant.cost().cpu_s
    result = load(contestant, connection_count, seconds)
    return 1e6 * max(contestant.cost().cpu_s - before, 0.01) / result.call_count


def waits_a_call(contestant: Contestant, connection_count: int) -> float | None:
    """Return how often a call waits for the disk, on average; None where system calls cannot be counted."""
    strace = shutil.which("strace")
    if strace is None:
        return None
    command = [strace, "-f", "-c", "-e", "trace=fsync,fdatasync", "-p", str(contestant.children[0].process.pid)]
    tracer = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    result = load(contestant, connection_count, STRACE_S)
    tracer.terminate()
    counted = tracer.communicate()[1]
    calls = [line.split() for line in counted.splitlines() if line.rstrip().endswith(("fsync", "fdatasync"))]
    return sum(int(columns[3]) for columns in calls) / result.call_count


def measure(contestants: Sequence[Contestant], connection_count: int, effort: Effort) -> Added:
    """Measure all at so many connections, in turn, every other round backwards."""
    rounds: list[dict[str, float]] = []
    for number in range(effort.round_count):
        order = contestants if number % 2 == 0 else contestants[::-1]
        rounds.append({one.name: cpu_us(one, connection_count, effort.load_s) for one in order})
    waits = {one.name: waits_a_call(one, connection_count) for one in contestants[2:]}
    return Added(
        connection_count,
        {one.name: median(figures[one.name] for figures in rounds) for one in contestants},
        [(figures["ledger"] - figures["memory"]) / figures["relay"] for figures in rounds],
        [(figures["quota"] - figures["memory"]) / figures["relay"] for figures in rounds],
        {name: count for name, count in waits.items() if count is not None},
    )


def measure_all(effort: Effort) -> list[Added]:
    """Measure at every number of connections."""
    with open_stage() as stage:
        upstream_url = start_upstream(stage)
        relay = stage.start_module("tests.bench.grpc_relay", upstream_url)
        contestants = [Contestant("relay", relay.port, [relay])]
        for name, settings in settings_of(stage.folder).items():
            contestants.append(start_contestant(stage, name, configure(stage, upstream_url, name, settings)))
        for one in contestants:
            load(one, CONNECTIONS[-1], effort.load_s / 2)
        return [measure(contestants, count, effort) for count in CONNECTIONS]


def make_limits(figures: Sequence[Added]) -> list[Limit]:
    """Return what ledger and quota may add."""
    busiest = figures[-1]
    name = f"ledger and quota at {busiest.connection_count} connections"
    limits = [Limit(name, busiest.quota, MOST_ADDED, "of the relay")]
    if "quota" in busiest.waits:
        limits.append(Limit("waits for the disk", busiest.waits["quota"], MOST_WAITS, "a call"))
    return limits


def make_table(figures: Sequence[Added], effort: Effort) -> Table:
    """Return the figures to read."""
    title = f"CPU a call, gRPC; added as a share of the relay; rounds: {effort.round_count} × {effort.load_s:g} s"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    table.add_column("", no_wrap=True)
    for name in ("CPU µs", "added", "of rounds", "at most", "waits"):
        table.add_column(name, justify="right", no_wrap=True)
    for one in figures:
        table.add_row(f"{one.connection_count} connections", style="bold")
        for name, cost in one.cpu_us.items():
            table.add_row(*cells(one, name, cost), end_section=name == "quota")
    return table


def cells(figures: Added, name: str, cost: float) -> list[str]:
    """Return one line of the table."""
    ratios = {"ledger": figures.ledger_ratios, "quota": figures.quota_ratios}.get(name)
    waits = figures.waits.get(name)
    is_limited = name == "quota" and figures.connection_count == CONNECTIONS[-1]
    return [
        f"  {name}",
        f"{cost:.0f}",
        "" if ratios is None else f"{median(ratios):.2f}",
        "" if ratios is None else f"{min(ratios):.2f}–{max(ratios):.2f}",
        f"{MOST_ADDED:g} {'✓' if figures.quota <= MOST_ADDED else '✗'}" if is_limited else "",
        "" if waits is None else f"{waits:.2f}",
    ]


def run_profiled(config: str) -> None:
    """Serve until SIGTERM, and print where the CPU went once it was ready: on the event loop, and writing the ledger."""
    from llmgateway_server import app
    from llmgateway_server.cli import main as serve

    profiles = {"event loop": cProfile.Profile(), "ledger-writer": cProfile.Profile()}
    run, settle_memory = threading.Thread.run, app.settle_memory

    def run_with_profile(self: threading.Thread) -> None:
        if self.name in profiles:
            profiles[self.name].runcall(run, self)
        else:
            run(self)

    def begin() -> None:
        settle_memory()
        profiles["event loop"].enable()

    threading.Thread.run = run_with_profile  # type: ignore[method-assign]
    app.settle_memory = begin
    with contextlib.suppress(SystemExit):
        serve(["serve", "--config", config], standalone_mode=False)
    profiles["event loop"].disable()
    for name, profile in profiles.items():
        text = io.StringIO()
        pstats.Stats(profile, stream=text).sort_stats("tottime").print_stats(40)
        print(f"== {name}\n{text.getvalue()}", file=sys.stderr, flush=True)


def profile(seconds: float) -> str:
    """Load a gateway that profiles itself; return what it says in the end."""
    with open_stage() as stage:
        configured = configure(stage, start_upstream(stage), "quota", settings_of(stage.folder)["quota"])
        contestant = start_contestant(stage, "profiled", configured, PROFILED)
        load(contestant, CONNECTIONS[-1], seconds)
        process = contestant.children[0].process
        process.terminate()
        process.wait()
        text = (stage.folder / "profiled.log").read_text()
    return text[text.find("== ") :]


def read_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.budgets", description=(__doc__ or "").splitlines()[0])
    chosen = parser.add_mutually_exclusive_group(required=True)
    chosen.add_argument("--profile", action="store_true", help="where the CPU goes")
    chosen.add_argument("--serve", metavar="CONFIG", help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the arguments say, and return the exit code."""
    chosen = read_arguments(arguments)
    if chosen.serve:
        run_profiled(chosen.serve)
    else:
        print(profile(PROFILE_S))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
