"""Python: the admin services, as `python.py` makes the rest. No other language has them yet."""

from __future__ import annotations

from pathlib import Path

from tests.contract.generators.generator import ADMIN, CLIENTS, Generator
from tests.contract.generators.python import generate_package, missing


def generate(out: Path) -> None:
    """Write the package `llmgateway.admin.v1`."""
    generate_package(ADMIN, out)


GENERATOR = Generator("python_admin", CLIENTS / "python" / ADMIN, missing, generate)
