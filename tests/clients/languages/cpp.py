"""C++: stubs and one sample.

The sample is built from the committed code; the code that the project would generate for another protobuf is
compared with it.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.clients.languages.language import CLIENTS, Language
from tests.contract.generators.cpp import DETAILS_FOLDER

CLANG_FORMAT = (
    str(Path(sys.executable).parent / "uv"),
    "tool",
    "run",
    "--from",
    "clang-format==20.1.8",
    "clang-format",
)
# Ninja knows a generated file as a target, so that generating can be tested without compiling it all.
GENERATED = ("gen/llmgateway/v1/gateway.pb.cc", "gen/llmgateway/v1/gateway.grpc.pb.cc", "gen/google/rpc/status.pb.cc")
GENERATE = ("-DLLMGATEWAY_GENERATE=ON", f"-DLLMGATEWAY_GOOGLEAPIS_DIR={DETAILS_FOLDER}")


def require_libraries() -> None:
    """Skip where gRPC's headers for C++ are absent."""
    if subprocess.run(["pkg-config", "--exists", "grpc++", "protobuf"], check=False).returncode != 0:
        pytest.skip("this test needs gRPC for C++, which is not installed (Debian: libgrpc++-dev, libprotobuf-dev)")


LANGUAGE = Language(
    name="cpp",
    folder=CLIENTS / "cpp",
    tools=("g++", "cmake", "ninja", "pkg-config", "protoc", "grpc_cpp_plugin"),
    install=require_libraries,
    build=(
        ("cmake", "-S", ".", "-B", "build", "-G", "Ninja", "-DCMAKE_COMPILE_WARNING_AS_ERROR=ON"),
        ("cmake", "--build", "build", "--parallel", "2"),
    ),
    checks={
        "format": (*CLANG_FORMAT, "--dry-run", "--Werror", "samples/basic.cc"),
        "configure to generate": ("cmake", "-S", ".", "-B", "build-generated", "-G", "Ninja", *GENERATE),
        "generate": ("cmake", "--build", "build-generated", "--target", *GENERATED),
        "generated is committed": ("diff", "--recursive", "--brief", "gen", "build-generated/gen"),
    },
    sample=lambda name: (f"build/{name}",),
    samples=("basic",),
)
