"""C++: messages and stubs, by Debian's protoc and gRPC plugin; also `google.rpc`, whose messages are the details of errors.

Generated C++ runs with the protobuf of its protoc only, so this one is for 3.21.12, which distributions ship; for any
other the CMake project generates while it builds.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from google.rpc import status_pb2

from tests.contract.generators.generator import CLIENTS, PROTO, Generator, proto_files, run, service_files

VERSION = "3.21.12"
PLUGIN = "grpc_cpp_plugin"
# googleapis-common-protos brings the proto files beside its modules.
DETAILS_FOLDER = Path(status_pb2.__file__).parents[2]
DETAILS = ("google/rpc/error_details.proto", "google/rpc/status.proto")


def missing() -> str | None:
    if shutil.which("protoc") is None or shutil.which(PLUGIN) is None:
        return f"it needs protoc and {PLUGIN} (Debian: libprotobuf-dev, protobuf-compiler-grpc)"
    found = subprocess.run(["protoc", "--version"], capture_output=True, text=True, check=True).stdout.split()[-1]
    return None if found == VERSION else f"the committed C++ code is protoc {VERSION}'s, and this is {found}"


def generate(out: Path) -> None:
    """Write the headers and sources, each at its proto file's path."""
    plugin = f"--plugin=protoc-gen-grpc={shutil.which(PLUGIN)}"
    run(["protoc", f"-I{PROTO}", f"--cpp_out={out}", *proto_files()])
    run(["protoc", f"-I{PROTO}", plugin, f"--grpc_out={out}", *service_files()])
    run(["protoc", f"-I{DETAILS_FOLDER}", f"--cpp_out={out}", *DETAILS])


GENERATOR = Generator("cpp", CLIENTS / "cpp" / "gen", missing, generate)
