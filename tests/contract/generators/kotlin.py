"""Kotlin: builders of Java's messages, and the service's stub of coroutines.

The builders by Java's protoc, the stub by the plugin of the grpc-kotlin release that its runtime has; Maven fetches both.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from tests.contract.generators.generator import CLIENTS, Generator, proto_files, run, service_files
from tests.contract.generators.java import fetched_protoc

CLIENT = CLIENTS / "kotlin"
PLUGIN = CLIENT / "target" / "generator" / "protoc-gen-grpc-kotlin.jar"


def missing() -> str | None:
    absent = [tool for tool in ("mvn", "java") if shutil.which(tool) is None]
    return f"{' and '.join(absent)} are not installed" if absent else None


def generate(out: Path) -> None:
    """Write Kotlin's part of the package `dev.llmgateway.v1`."""
    protoc = fetched_protoc()
    run([*protoc, f"--kotlin_out={out}", *proto_files()])
    run(["mvn", "-q", "-B", "-Pgenerator", "initialize"], CLIENT)
    with tempfile.TemporaryDirectory() as folder:
        # protoc wants a program, and the plugin is a jar.
        program = Path(folder) / "plugin"
        program.write_text(f'#!/bin/sh\nexec java -jar "{PLUGIN}"\n')
        program.chmod(0o755)
        run([*protoc, f"--plugin=protoc-gen-grpc-kotlin={program}", f"--grpc-kotlin_out={out}", *service_files()])


GENERATOR = Generator("kotlin", CLIENT / "src" / "gen" / "kotlin", missing, generate)
