"""Python: the client is part of the distribution, which the tests' own environment has installed."""

from __future__ import annotations

import sys

from tests.clients.languages.language import CLIENTS, ROOT, Language

LANGUAGE = Language(
    name="python",
    folder=CLIENTS / "python",
    tools=(),
    sample=lambda name: (sys.executable, f"samples/{name}.py"),
    checks={"types": (sys.executable, "-m", "mypy", "--strict", "conformance/runner.py", "samples")},
    package=((sys.executable, "-m", "build", "--no-isolation", "--outdir", str(ROOT / "dist"), str(ROOT)),),
    runner=(sys.executable, "conformance/runner.py"),
)
