"""C#: messages by protoc. gRPC's plugin for the service is on NuGet alone, and runs there as a part of a build."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests import toolchains
from tests.contract.generators.generator import CLIENTS, PROTO, Generator, proto_files, run


def missing() -> str | None:
    return None if shutil.which("mvn") else "it needs mvn (Debian: maven)"


def generate(out: Path) -> None:
    """Write a source file for each proto file, in the folder of its namespace."""
    run(
        [
            *toolchains.protoc(),
            f"-I{PROTO}",
            f"--csharp_out={out}",
            "--csharp_opt=base_namespace=LlmGateway",
            *proto_files(),
        ]
    )


GENERATOR = Generator("csharp", CLIENTS / "csharp" / "gen", missing, generate)
