"""The contract's committed artefacts are fresh, and its service has a row for every RPC."""

from __future__ import annotations

from pathlib import Path

import pytest
from llmgateway.v1 import gateway_pb2
from llmgateway_server.rpc import methods

from tests.contract import generate
from tests.contract.generators.generator import Generator

GENERATORS = generate.find_generators()


@pytest.mark.parametrize("generator", GENERATORS.values(), ids=GENERATORS)
def test_the_committed_code_is_what_the_proto_files_make(generator: Generator, tmp_path: Path) -> None:
    missing = generator.missing()
    if missing is not None:
        pytest.skip(missing)
    generator.generate(tmp_path)
    assert generator.files(tmp_path) == generator.files(generator.out)


@pytest.mark.parametrize("names", [[], ["one", "image"]])
def test_the_command_writes_what_is_named_or_all_and_says_what_it_cannot(
    names: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def write_one(out: Path) -> None:
        (out / "file").write_text("new")

    place = tmp_path / "one"
    place.mkdir()
    (place / "old").write_text("old")
    one = Generator("one", place, lambda: None, write_one)
    absent = Generator("absent", tmp_path / "absent", lambda: "its tool is absent", write_one)
    monkeypatch.setattr(generate, "find_generators", lambda: {"one": one, "absent": absent})
    monkeypatch.setattr(generate, "IMAGE", tmp_path / "image.binpb")
    generate.main(names)
    said = capsys.readouterr().out
    assert one.files(place) == {"file": b"new"}
    assert (tmp_path / "image.binpb").read_bytes() == (generate.ROOT / "tests/contract/v1.binpb").read_bytes()
    assert "one: written" in said
    assert ("absent: left as it is, since its tool is absent" in said) is (not names)
    assert not absent.out.exists()


def test_the_command_refuses_a_name_that_nothing_has(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        generate.main(["pyhton"])
    assert "nothing is called pyhton; there are cpp, " in capsys.readouterr().err


def test_every_rpc_of_the_contract_has_a_row() -> None:
    class Pipeline:
        def __getattr__(self, name: str) -> object:
            return name

    rows = {row.name for row in methods.methods_of(Pipeline())}  # type: ignore[arg-type]  # only names are read
    service = gateway_pb2.DESCRIPTOR.services_by_name["LLMGateway"]
    assert rows == {method.name for method in service.methods}
    for row in methods.methods_of(Pipeline()):  # type: ignore[arg-type]
        assert service.methods_by_name[row.name].input_type.name == row.request_type.DESCRIPTOR.name
