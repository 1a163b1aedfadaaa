"""How one language's client is built, checked, packaged and run."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[3]
CLIENTS = ROOT / "clients"

COMMAND_TIMEOUT_S = 1_200
SHOWN_LENGTH = 6_000

Command = Sequence[str]
SAMPLES = ("basic", "streaming", "tools", "errors", "cancel_and_deadline", "compare")


def nothing() -> None:
    """Install nothing."""


@dataclass(frozen=True, slots=True)
class Language:
    """One language. Commands run in `folder`, in this order; a check of one may rely on what came before.

    `tools` must be on the machine; what else is needed `install` fetches from package registries, once. `checks` are format, lint,
    types and the client's own tests, by a short name. `package` makes what would be published. `sample` returns the command of
    a sample, `runner` is the conformance runner's, None for a language that has stubs and no client.
    """

    name: str
    folder: Path
    tools: Sequence[str]
    sample: Callable[[str], Command]
    build: Sequence[Command] = ()
    checks: Mapping[str, Command] = field(default_factory=dict)
    package: Sequence[Command] = ()
    runner: Command | None = None
    samples: Sequence[str] = SAMPLES
    install: Callable[[], None] = nothing
    environment: Mapping[str, str] = field(default_factory=dict)

    def missing(self) -> str | None:
        """Say which tools are not here; None if all are."""
        absent = [tool for tool in self.tools if shutil.which(tool) is None]
        return f"{self.name} needs {', '.join(absent)}, which this machine lacks" if absent else None


def run(language: Language, command: Command) -> str | None:
    """Run one of a language's commands; return what it said if it failed."""
    finished = subprocess.run(
        command,
        cwd=language.folder,
        env={**os.environ, **language.environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=COMMAND_TIMEOUT_S,
        check=False,
    )
    return None if finished.returncode == 0 else f"{' '.join(command)} failed:\n{finished.stdout[-SHOWN_LENGTH:]}"


def build(language: Language) -> str | None:
    """Install what a language needs, and build it; return what went wrong."""
    language.install()
    for command in language.build:
        problem = run(language, command)
        if problem is not None:
            return problem
    return None
