"""The contract's committed artefacts are fresh, and its service has a row for every RPC."""

from __future__ import annotations

from pathlib import Path

import pytest
from llmgateway.v1 import gateway_pb2
from llmgateway_server.rpc import methods

from tests.contract.generate import find_generators
from tests.contract.generators.generator import Generator

GENERATORS = find_generators()


@pytest.mark.parametrize("generator", GENERATORS.values(), ids=GENERATORS)
def test_the_committed_code_is_what_the_proto_files_make(generator: Generator, tmp_path: Path) -> None:
    missing = generator.missing()
    if missing is not None:
        pytest.skip(missing)
    generator.generate(tmp_path)
    assert generator.files(tmp_path) == generator.files(generator.out)


def test_every_rpc_of_the_contract_has_a_row() -> None:
    class Pipeline:
        def __getattr__(self, name: str) -> object:
            return name

    rows = {row.name for row in methods.methods_of(Pipeline())}  # type: ignore[arg-type]  # only names are read
    service = gateway_pb2.DESCRIPTOR.services_by_name["LLMGateway"]
    assert rows == {method.name for method in service.methods}
    for row in methods.methods_of(Pipeline()):  # type: ignore[arg-type]
        assert service.methods_by_name[row.name].input_type.name == row.request_type.DESCRIPTOR.name
