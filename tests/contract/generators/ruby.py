"""Ruby: messages by protoc, stubs by gRPC's plugin."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests import toolchains
from tests.contract.generators.generator import CLIENTS, PROTO, Generator, proto_files, run, service_files

PLUGIN = "grpc_ruby_plugin"


def missing() -> str | None:
    absent = [tool for tool in ("mvn", PLUGIN) if shutil.which(tool) is None]
    return f"it needs {' and '.join(absent)} (Debian: maven, protobuf-compiler-grpc)" if absent else None


def generate(out: Path) -> None:
    """Write what is to stand on Ruby's load path."""
    protoc = [*toolchains.protoc(), f"-I{PROTO}"]
    run([*protoc, f"--ruby_out={out}", *proto_files()])
    run([*protoc, f"--plugin=protoc-gen-grpc={shutil.which(PLUGIN)}", f"--grpc_out={out}", *service_files()])


GENERATOR = Generator("ruby", CLIENTS / "ruby" / "lib", missing, generate)
