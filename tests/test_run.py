"""The runner: it stops late, and tells what failed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import run


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of tools that all succeed, and say what they were called with."""
    for name in ("ruff", "mypy", "buf", "pytest"):
        write_tool(tmp_path / name, 0)
    monkeypatch.setattr(run, "BIN", tmp_path)
    return tmp_path


def write_tool(path: Path, code: int) -> None:
    path.write_text(f'#!/bin/sh\necho "{path.name} $*"\nexit {code}\n')
    path.chmod(0o755)


def test_every_check_runs_before_the_tests_which_take_the_arguments(
    tools: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run.main(["-k", "sse"]) == 0
    output = capfd.readouterr().out
    called = [line for line in output.splitlines() if line.partition(" ")[0] in ("ruff", "mypy", "buf", "pytest")]
    assert called == [
        "ruff check .",
        "ruff format --check --quiet .",
        "mypy ",
        "buf lint",
        "buf format --diff --exit-code",
        "buf breaking --against tests/contract/v1.binpb",
        "pytest -k sse",
    ]
    assert output.splitlines()[-1] == "pytest -k sse"
    assert "FAILED" not in output


@pytest.mark.parametrize("tool", ["ruff", "mypy", "buf", "pytest"])
def test_a_failure_is_told_at_the_end_and_stops_nothing(
    tools: Path, capfd: pytest.CaptureFixture[str], tool: str
) -> None:
    write_tool(tools / tool, 3)
    assert run.main([]) == 1
    captured = capfd.readouterr()
    assert "pytest " in captured.out
    (line,) = captured.err.splitlines()
    assert line.startswith("FAILED: ")
    assert {"ruff": "ruff, format"}.get(tool, tool) in line


def test_a_tool_that_is_not_installed_is_told_in_a_sentence(tools: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tools / "mypy").unlink()
    assert run.main([]) == 1
    captured = capfd.readouterr()
    assert "mypy is not installed beside" in captured.out
    assert captured.err.splitlines() == ["FAILED: mypy"]
