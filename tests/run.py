"""Runs what CI runs: `make test`. Arguments go to pytest.

    python -m tests.run [PYTEST ARGUMENT…]

Every check runs, whatever failed before it; the exit code is 0 only if all passed. With STRICT=1 a skipped test
fails, but those marked `opt_in`.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent

CHECKS: tuple[tuple[str, list[str]], ...] = (
    ("ruff", [str(BIN / "ruff"), "check", "."]),
    ("format", [str(BIN / "ruff"), "format", "--check", "--quiet", "."]),
    ("mypy", [str(BIN / "mypy")]),
    ("buf lint", [str(BIN / "buf"), "lint"]),
    ("buf format", [str(BIN / "buf"), "format", "--diff", "--exit-code"]),
    ("buf breaking", [str(BIN / "buf"), "breaking", "--against", "tests/contract/v1.binpb"]),
)


def run(name: str, command: list[str]) -> bool:
    """Run one check; print how it went."""
    started_s = time.monotonic()
    passed = subprocess.run(command, cwd=ROOT, check=False).returncode == 0
    print(f"{'ok    ' if passed else 'FAILED'} {name} ({time.monotonic() - started_s:.1f} s)", flush=True)
    return passed


def main() -> int:
    results = [run(name, command) for name, command in CHECKS]
    results.append(run("pytest", [sys.executable, "-m", "pytest", *sys.argv[1:]]))
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
