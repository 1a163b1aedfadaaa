"""The contract's committed artefacts are fresh, and its service has a row for every RPC."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from llmgateway.v1 import gateway_pb2
from llmgateway_server.rpc import methods

from tests.contract.generate import PYTHON_OUT, ROOT, generate_python

GENERATOR = ROOT / os.environ.get("GENERATE_VENV", ".venv-generate") / "bin" / "python"


@pytest.mark.skipif(not GENERATOR.exists(), reason="the generator is not installed: run `make generate` once")
def test_the_committed_python_is_what_the_proto_files_make(tmp_path: Path) -> None:
    generate_python(GENERATOR, Path(sys.executable).parent, tmp_path)
    fresh = {path.relative_to(tmp_path): path.read_text() for path in tmp_path.rglob("*.py*")}
    folder = PYTHON_OUT / "llmgateway" / "v1"
    committed = {
        path.relative_to(PYTHON_OUT): path.read_text() for path in folder.iterdir() if path.suffix in (".py", ".pyi")
    }
    assert fresh == committed


def test_every_rpc_of_the_contract_has_a_row() -> None:
    class Pipeline:
        def __getattr__(self, name: str) -> object:
            return name

    rows = {row.name for row in methods.methods_of(Pipeline())}  # type: ignore[arg-type]  # only names are read
    service = gateway_pb2.DESCRIPTOR.services_by_name["LLMGateway"]
    assert rows == {method.name for method in service.methods}
    for row in methods.methods_of(Pipeline()):  # type: ignore[arg-type]
        assert service.methods_by_name[row.name].input_type.name == row.request_type.DESCRIPTOR.name
