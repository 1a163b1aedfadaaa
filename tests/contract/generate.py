"""Writes what is generated from proto/: the committed Python stubs and the contract's descriptor image.

    python -m tests.contract.generate [--python-out DIRECTORY] [--image FILE]

The stubs are made by the oldest supported grpcio-tools (requirements-generate.lock), because generated code
refuses a runtime older than itself; that version lives in a virtual environment of its own. The image is
what `buf breaking` compares against: replace it only together with a line in CHANGELOG.md.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROTO = ROOT / "proto"
PYTHON_OUT = ROOT / "clients" / "python"
IMAGE = ROOT / "tests" / "contract" / "v1.binpb"


def generate_python(generator: Path, plugins: Path, out: Path) -> None:
    """Write messages, stubs and their types below `out`, with the interpreter `generator`."""
    files = sorted(str(path.relative_to(PROTO)) for path in PROTO.rglob("*.proto"))
    services = [name for name in files if "\nservice " in (PROTO / name).read_text()]
    protoc = [str(generator), "-m", "grpc_tools.protoc", f"-I{PROTO}"]
    message_types = [f"--plugin=protoc-gen-mypy={plugins / 'protoc-gen-mypy'}", f"--mypy_out=quiet:{out}"]
    service_types = [
        f"--plugin=protoc-gen-mypy_grpc={plugins / 'protoc-gen-mypy_grpc'}",
        f"--mypy_grpc_out=quiet:{out}",
    ]
    out.mkdir(parents=True, exist_ok=True)
    subprocess.run([*protoc, f"--python_out={out}", *message_types, *files], check=True)
    subprocess.run([*protoc, f"--grpc_python_out={out}", *service_types, *services], check=True)


def build_image(buf: Path, out: Path) -> None:
    """Write the descriptor image that `buf breaking` compares against."""
    subprocess.run([str(buf), "build", "--exclude-source-info", "-o", str(out)], check=True, cwd=ROOT)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--python-out", type=Path, default=PYTHON_OUT)
    arguments.add_argument("--image", type=Path, default=IMAGE)
    options = arguments.parse_args()
    generator = ROOT / os.environ.get("GENERATE_VENV", ".venv-generate") / "bin" / "python"
    generate_python(generator, Path(sys.executable).parent, options.python_out)
    build_image(Path(sys.executable).parent / "buf", options.image)


if __name__ == "__main__":
    main()
