"""Runs what CI runs: `make test`. Arguments go to pytest.

    python -m tests.run [PYTEST ARGUMENT…]

Every check runs, whatever failed before it; the exit code is 0 only if all passed. The tests come last, so that
pytest's own summary ends the output where all is well. With STRICT=1 a skipped test fails, but those marked
`opt_in`.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent

CHECKS: tuple[tuple[str, Sequence[str]], ...] = (
    ("ruff", ("ruff", "check", ".")),
    ("format", ("ruff", "format", "--check", "--quiet", ".")),
    ("mypy", ("mypy",)),
    ("buf lint", ("buf", "lint")),
    ("buf format", ("buf", "format", "--diff", "--exit-code")),
    ("buf breaking", ("buf", "breaking", "--against", "tests/contract/v1.binpb")),
)


def run(command: Sequence[str]) -> bool:
    """Run a tool of this environment with its output shown as it comes; return whether it passed."""
    tool, *arguments = command
    if not (BIN / tool).exists():
        print(f"{tool} is not installed beside {sys.executable}: run `make test`, which installs it.", flush=True)
        return False
    finished = subprocess.run([str(BIN / tool), *arguments], cwd=ROOT, stdin=subprocess.DEVNULL, check=False)
    return finished.returncode == 0


def run_check(name: str, command: Sequence[str]) -> bool:
    """Run one check; print how it went."""
    started_s = time.monotonic()
    passed = run(command)
    print(f"{'ok    ' if passed else 'FAILED'} {name} ({time.monotonic() - started_s:.1f} s)", flush=True)
    return passed


def main(pytest_arguments: Sequence[str]) -> int:
    """Run everything; return the exit code."""
    failed = [name for name, command in CHECKS if not run_check(name, command)]
    if not run(("pytest", *pytest_arguments)):
        failed.append("pytest")
    if failed:
        print(f"FAILED: {', '.join(failed)}", file=sys.stderr, flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
