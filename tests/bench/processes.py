"""Processes under measurement: started, watched, ended; their CPU time and memory as the system counts them."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 15.0
POLL_S = 0.01
KIB_PER_MIB = 1024
HAS_PROC = Path("/proc/self/stat").exists()


class StartError(Exception):
    """A process did not come up; the text holds the end of what it wrote."""


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU time used so far, user and system, and resident memory, of one or several processes."""

    cpu_s: float
    resident_mib: float

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.cpu_s + other.cpu_s, self.resident_mib + other.resident_mib)


@dataclass(frozen=True, slots=True)
class Child:
    """A started process. `ready_s` is the time from its start to its first answer; `port` is where it listens."""

    process: subprocess.Popen[bytes]
    port: int
    ready_s: float

    def cost(self) -> Cost:
        """Return what it has used; raise `RuntimeError` if it has ended."""
        if self.process.poll() is not None:
            raise RuntimeError(f"a process under measurement ended with {self.process.returncode}")
        return cost_of(self.process.pid)


def cost_of(pid: int) -> Cost:
    """Read a process's CPU time and memory: from /proc on Linux, from `ps` elsewhere."""
    if HAS_PROC:
        return Cost(read_proc_cpu_s(pid), read_proc_resident_mib(pid))
    line = subprocess.run(["ps", "-o", "time=,rss=", "-p", str(pid)], capture_output=True, text=True, check=True).stdout
    cpu, resident_kib = line.split()
    return Cost(parse_ps_time_s(cpu), int(resident_kib) / KIB_PER_MIB)


def read_proc_cpu_s(pid: int) -> float:
    """Return user and system time of all threads; proc(5), /proc/pid/stat, fields 14 and 15."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def read_proc_resident_mib(pid: int) -> float:
    """Return the resident set; proc(5), /proc/pid/status, VmRSS."""
    match = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(match[1]) / KIB_PER_MIB if match else 0.0


def parse_ps_time_s(text: str) -> float:
    """Read the time that `ps` prints, `[[days-]hours:]minutes:seconds`, as seconds."""
    days, _, clock = text.rpartition("-")
    seconds = 0.0
    for part in clock.split(":"):
        seconds = 60 * seconds + float(part)
    return 86_400 * int(days or 0) + seconds


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Stage:
    """Starts processes and ends them all on leaving. What they write goes to files, shown where a start fails."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._processes: list[subprocess.Popen[bytes]] = []

    def start_module(self, module: str, *arguments: str) -> Child:
        """Start a server of the bench's own, which prints its port once it listens."""
        started_s = time.perf_counter()
        process, output, log = self._start([sys.executable, "-m", module, *arguments], module)

        def read_port() -> int | None:
            text = output.read_text()
            return int(text) if text.endswith("\n") else None

        port = self._wait_for(process, read_port, log)
        return Child(process, port, time.perf_counter() - started_s)

    def start_command(self, command: Sequence[str], name: str, port: int, ready_url: str) -> Child:
        """Start a server that is ready once `ready_url` answers 200."""
        started_s = time.perf_counter()
        process, _, log = self._start(command, name)
        self._wait_for(process, lambda: 1 if answers(ready_url) else None, log)
        return Child(process, port, time.perf_counter() - started_s)

    def _start(self, command: Sequence[str], name: str) -> tuple[subprocess.Popen[bytes], Path, Path]:
        output, log = self.folder / f"{name}.out", self.folder / f"{name}.log"
        with output.open("wb") as out, log.open("wb") as err:
            process = subprocess.Popen(list(command), stdout=out, stderr=err)
        self._processes.append(process)
        return process, output, log

    def _wait_for(self, process: subprocess.Popen[bytes], look: Callable[[], int | None], log: Path) -> int:
        until_s = time.perf_counter() + START_TIMEOUT_S
        while process.poll() is None and time.perf_counter() < until_s:
            found = look()
            if found is not None:
                return found
            time.sleep(POLL_S)
        what = "did not get ready" if process.poll() is None else f"ended with {process.returncode}"
        raise StartError(f"{log.stem} {what}:\n{log.read_text()[-2000:]}")

    def close(self) -> None:
        """End all processes, gently first."""
        for process in reversed(self._processes):
            process.terminate()
        for process in self._processes:
            try:
                process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextlib.contextmanager
def open_stage() -> Iterator[Stage]:
    """Give a stage in a folder of its own; both are gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="llmgateway-bench-") as folder:
        stage = Stage(Path(folder))
        try:
            yield stage
        finally:
            stage.close()


def answers(url: str) -> bool:
    """Whether a GET is answered with 200."""
    try:
        with urllib.request.urlopen(url, timeout=1) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False
