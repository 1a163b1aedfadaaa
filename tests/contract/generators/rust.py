"""Rust: messages that keep the fields they do not know, and the service for the client's own tests.

By a crate of its own, with locked dependencies: it reads the contract without protoc.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.contract.generators.generator import CLIENTS, PROTO, Generator, run

FOLDER = CLIENTS / "rust" / "generate"


def missing() -> str | None:
    return None if shutil.which("cargo") else "Cargo is not installed"


def generate(out: Path) -> None:
    """Write the module `v1`."""
    run(["cargo", "run", "--quiet", "--locked", "--", PROTO, out], FOLDER)


GENERATOR = Generator("rust", CLIENTS / "rust" / "src" / "gen", missing, generate)
