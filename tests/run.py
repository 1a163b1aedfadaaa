"""Everything that CI runs, in order: `python -m tests.run [ARGUMENTS FOR PYTEST]`.

Stops late: each step runs whatever became of those before it, and any failure makes the exit code 1. The tests
come last, so that pytest's summary is the end of the output. `STRICT=1` makes a skipped test a failure.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
TOOLS = Path(sys.executable).parent
IMAGE = "tests/contract/v1.binpb"
NOT_INSTALLED = 127


@dataclass(frozen=True, slots=True)
class Step:
    """A tool of the virtual environment and its arguments."""

    name: str
    command: Sequence[str]


CHECKS = (
    Step("ruff check", ("ruff", "check", ".")),
    Step("ruff format", ("ruff", "format", "--check", ".")),
    Step("mypy", ("mypy",)),
    Step("buf lint", ("buf", "lint")),
    Step("buf format", ("buf", "format", "--diff", "--exit-code")),
    Step("buf breaking", ("buf", "breaking", "--against", IMAGE)),
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a step ended."""

    name: str
    code: int
    took_s: float

    def __str__(self) -> str:
        return f"  {'ok    ' if self.code == 0 else 'FAILED'}  {self.name:<13} {self.took_s:6.1f} s"


def run_step(step: Step) -> Outcome:
    """Run a step with its output shown as it comes."""
    say(f"── {step.name}")
    started_s = time.monotonic()
    tool, *arguments = step.command
    path = TOOLS / tool
    if path.exists():
        code = subprocess.run([str(path), *arguments], cwd=ROOT, stdin=subprocess.DEVNULL, check=False).returncode
    else:
        say(f"{tool} is not installed beside {sys.executable}: run `make test`, which installs it.")
        code = NOT_INSTALLED
    return Outcome(step.name, code, time.monotonic() - started_s)


def say(line: str) -> None:
    print(line, flush=True)


def main(pytest_arguments: Sequence[str]) -> int:
    """Run every step; return the exit code."""
    outcomes = [run_step(step) for step in CHECKS]
    say("\nChecks:")
    for outcome in outcomes:
        say(str(outcome))
    say("")
    tests = run_step(Step("tests", ("pytest", *pytest_arguments)))
    failed = [outcome.name for outcome in (*outcomes, tests) if outcome.code != 0]
    if failed:
        print(f"Failed: {', '.join(failed)}", file=sys.stderr, flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
