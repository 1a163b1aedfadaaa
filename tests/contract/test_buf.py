"""The contract obeys its rules: buf's lint, format and breaking change checks, each seen to fail once."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.contract.generate import IMAGE, build_image
from tests.contract.generators.generator import PROTO, ROOT
from tests.toolchains import BUF


def buf(*arguments: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(BUF), *arguments], cwd=folder, capture_output=True, text=True, check=False, timeout=120)


@pytest.fixture
def changed(tmp_path: Path) -> Path:
    """Return a copy of the contract that a test may change."""
    shutil.copytree(PROTO, tmp_path / "proto")
    shutil.copy(ROOT / "buf.yaml", tmp_path)
    shutil.copy(IMAGE, tmp_path / "image.binpb")
    return tmp_path


def change(folder: Path, file: str, pattern: str, replacement: str) -> None:
    """Change one place of a proto file."""
    path = folder / "proto" / "llmgateway" / "v1" / file
    text, count = re.subn(pattern, replacement, path.read_text(), count=1, flags=re.MULTILINE)
    assert count == 1, "the contract no longer holds what this test changes"
    path.write_text(text)


@pytest.mark.parametrize(
    "arguments", [("lint",), ("format", "--diff", "--exit-code"), ("breaking", "--against", str(IMAGE))]
)
def test_the_contract_passes(arguments: tuple[str, ...]) -> None:
    finished = buf(*arguments)
    assert finished.returncode == 0, finished.stdout + finished.stderr


def test_the_committed_image_is_the_contract_s(tmp_path: Path) -> None:
    """It is what later changes are compared with: one that lags behind lets new fields break unseen."""
    build_image(tmp_path / "v1.binpb")
    assert (tmp_path / "v1.binpb").read_bytes() == IMAGE.read_bytes()


@pytest.mark.parametrize(
    ("file", "commented", "rule"),
    [
        ("message.proto", r"message ChatMessage ", "COMMENT_MESSAGE"),
        ("message.proto", r"  string item_id = ", "COMMENT_FIELD"),
        ("message.proto", r"  oneof content ", "COMMENT_ONEOF"),
        ("message.proto", r"enum Role ", "COMMENT_ENUM"),
        ("message.proto", r"  ROLE_USER = ", "COMMENT_ENUM_VALUE"),
        ("gateway.proto", r"  rpc Embed\(", "COMMENT_RPC"),
        ("gateway.proto", r"service LLMGateway ", "COMMENT_SERVICE"),
    ],
)
def test_nothing_may_lack_a_comment(changed: Path, file: str, commented: str, rule: str) -> None:
    change(changed, file, rf"(?:^ *//.*\n)+({commented})", r"\1")
    finished = buf("lint", "--error-format", "json", folder=changed)
    assert finished.returncode != 0
    assert f'"{rule}"' in finished.stdout


@pytest.mark.parametrize(
    ("file", "pattern", "replacement"),
    [
        ("usage.proto", r"int32 output_token_count = 8", "int32 output_token_count = 99"),
        ("usage.proto", r"int32 output_token_count = 8", "int64 output_token_count = 8"),
        ("usage.proto", r"output_token_count = 8", "written_token_count = 8"),
        ("message.proto", r"ROLE_USER = 2", "ROLE_HUMAN = 2"),
        ("gateway.proto", r"rpc Embed\(EmbedRequest\) returns", "rpc Vectorise(EmbedRequest) returns"),
    ],
)
def test_a_change_that_breaks_clients_is_found(changed: Path, file: str, pattern: str, replacement: str) -> None:
    change(changed, file, pattern, replacement)
    assert buf("build", folder=changed).returncode == 0
    assert buf("breaking", "--against", "image.binpb", folder=changed).returncode != 0


def test_a_new_field_breaks_nothing(changed: Path) -> None:
    change(changed, "usage.proto", r"^  Source source = 16;", "  Source source = 16;\n  // New.\n  int32 later = 99;")
    finished = buf("breaking", "--against", "image.binpb", folder=changed)
    assert finished.returncode == 0, finished.stdout


def test_a_file_out_of_format_is_found(changed: Path) -> None:
    change(changed, "usage.proto", r"^  Source source = 16;", "    Source source=16;")
    assert buf("format", "--diff", "--exit-code", folder=changed).returncode != 0
