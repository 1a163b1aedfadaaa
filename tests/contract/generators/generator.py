"""What makes the committed code of one language."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[3]
PROTO = ROOT / "proto"
CLIENTS = ROOT / "clients"

# The packages of the contract, as folders: what every language has, and what the gateway's own command line speaks.
PUBLIC = "llmgateway/v1"
ADMIN = "llmgateway/admin/v1"


@dataclass(frozen=True, slots=True)
class Generator:
    """Makes the code of one language.

    `out` is the committed folder, which holds nothing but generated files. `missing` tells in a sentence why the code cannot be made on
    this machine, None where it can. `generate` writes the whole of the code into an empty folder that stands in for
    `out`; it may install what it needs from package registries, in pinned versions.
    """

    language: str
    out: Path
    missing: Callable[[], str | None]
    generate: Callable[[Path], None]

    def files(self, folder: Path) -> dict[str, bytes]:
        """Return what lies below a folder, by path, without what running the code leaves there."""
        return {
            str(path.relative_to(folder)): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file() and "__pycache__" not in path.parts
        }


def proto_files(package: str = PUBLIC) -> list[str]:
    """Return every file of a package of the contract, relative to `PROTO`."""
    return sorted(str(path.relative_to(PROTO)) for path in (PROTO / package).glob("*.proto"))


def service_files(package: str = PUBLIC) -> list[str]:
    """Return the files of a package that hold a service."""
    return [name for name in proto_files(package) if "\nservice " in (PROTO / name).read_text()]


def run(command: Sequence[str | Path], folder: Path = ROOT, **environment: str) -> None:
    """Run a generator; raise with its words where it fails."""
    subprocess.run([*map(str, command)], check=True, cwd=folder, env={**os.environ, **environment})
