"""What a load driver reports, and how it is started: a process of its own, so that its CPU is not the server's."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Sequence

import msgspec

DRIVER_SLACK_S = 60.0


class LoadResult(msgspec.Struct, frozen=True):
    """What a driver saw. `failed_count` counts answers that were no whole, good answer."""

    call_count: int
    failed_count: int
    elapsed_s: float
    p50_ms: float
    p99_ms: float

    @property
    def rate(self) -> float:
        """Calls a second."""
        return self.call_count / self.elapsed_s


def summarize(latencies_s: Sequence[float], failed_count: int, elapsed_s: float) -> LoadResult:
    """Return the result of a run."""
    ordered = sorted(latencies_s)
    return LoadResult(
        len(ordered), failed_count, elapsed_s, 1000 * percentile(ordered, 0.50), 1000 * percentile(ordered, 0.99)
    )


def percentile(ordered: Sequence[float], share: float) -> float:
    """Return the smallest value that is at least as large as `share` of all; 0 of none."""
    if not ordered:
        return 0.0
    return ordered[max(math.ceil(share * len(ordered)) - 1, 0)]


def run_driver(module: str, arguments: Sequence[str], seconds: float) -> LoadResult:
    """Run a driver for about `seconds`; raise `RuntimeError` where it fails."""
    command = [sys.executable, "-m", module, *arguments, f"--seconds={seconds}"]
    done = subprocess.run(command, capture_output=True, timeout=seconds + DRIVER_SLACK_S, check=False)
    if done.returncode:
        raise RuntimeError(f"{module} failed:\n{done.stderr.decode()[-2000:]}")
    return msgspec.json.decode(done.stdout, type=LoadResult)
