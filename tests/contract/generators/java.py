"""Java: messages and the service's stubs.

Messages by the protoc of the protobuf release that the client runs on, which Maven fetches (`-Pgenerator` in its pom.xml); stubs by
Debian's `grpc_java_plugin`, which is older than the runtime and suits it.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.contract.generators.generator import CLIENTS, PROTO, Generator, proto_files, run, service_files

CLIENT = CLIENTS / "java"
PLUGIN = "grpc_java_plugin"
FETCHED = CLIENT / "target" / "generator"


def missing() -> str | None:
    if shutil.which("mvn") is None:
        return "Maven, which fetches protoc, is not installed"
    if shutil.which(PLUGIN) is None:
        return f"{PLUGIN} is not installed: it is in Debian's protobuf-compiler-grpc-java-plugin"
    return None


def generate(out: Path) -> None:
    """Write the package `dev.llmgateway.v1`."""
    protoc = fetched_protoc()
    run([*protoc, f"--java_out={out}", *proto_files()])
    plugin = f"--plugin=protoc-gen-grpc-java={shutil.which(PLUGIN)}"
    run([*protoc, plugin, f"--grpc-java_out={out}", *service_files()])


def fetched_protoc() -> list[str | Path]:
    """Fetch protoc, and return its command up to what it is to write."""
    run(["mvn", "-q", "-B", "-Pgenerator", "initialize"], CLIENT)
    program = FETCHED / "protoc"
    program.chmod(0o755)
    return [program, f"-I{PROTO}", f"-I{FETCHED / 'imports'}"]


GENERATOR = Generator("java", CLIENT / "src" / "gen" / "java", missing, generate)
