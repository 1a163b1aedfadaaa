"""Python: messages, stubs and their types.

By the oldest supported grpcio-tools (requirements-generate.lock), because generated code refuses a runtime older than itself; that
version lives in a virtual environment of its own.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

from tests.contract.generators.generator import (
    CLIENTS,
    PROTO,
    PUBLIC,
    ROOT,
    Generator,
    proto_files,
    run,
    service_files,
)

PYTHON = ROOT / os.environ.get("GENERATE_VENV", ".venv-generate") / "bin" / "python"
PLUGINS = Path(sys.executable).parent


def missing() -> str | None:
    return None if PYTHON.exists() else "the generator is not installed: run `make generate` once"


def generate(out: Path) -> None:
    """Write the package `llmgateway.v1`."""
    generate_package(PUBLIC, out)


def generate_package(package: str, out: Path) -> None:
    """Write one package of the contract."""
    with tempfile.TemporaryDirectory() as root:
        protoc = [PYTHON, "-m", "grpc_tools.protoc", f"-I{PROTO}"]
        types = [f"--plugin=protoc-gen-mypy={PLUGINS / 'protoc-gen-mypy'}", f"--mypy_out=quiet:{root}"]
        stub_types = [
            f"--plugin=protoc-gen-mypy_grpc={PLUGINS / 'protoc-gen-mypy_grpc'}",
            f"--mypy_grpc_out=quiet:{root}",
        ]
        run([*protoc, f"--python_out={root}", *types, *proto_files(package)])
        run([*protoc, f"--grpc_python_out={root}", *stub_types, *service_files(package)])
        shutil.copytree(Path(root) / package, out, dirs_exist_ok=True)


GENERATOR = Generator("python", CLIENTS / "python" / "llmgateway" / "v1", missing, generate)
