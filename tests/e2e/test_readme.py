"""Every example of the README that says so is run as it stands, but for the ports.

    <!-- run: NAME -->
    ```bash
    curl http://127.0.0.1:8000/v1/models
    ```

A block ends with exit code 0 and prints something. It meets a gateway without configuration. A block of YAML
under `<!-- check: NAME -->` is a good configuration.
"""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from tests import toolchains
from tests.e2e.serving import SAFETY_S, Served, environment, run_to_end, serving, write_config

pytestmark = pytest.mark.asyncio(loop_scope="session")

README = toolchains.ROOT / "README.md"
BLOCK = re.compile(r"^<!-- run: (?P<name>.+?) -->\n+```(?P<language>bash|python)\n(?P<code>.*?)^```$", re.M | re.S)
MARK = re.compile(r"^<!-- run: ", re.M)
CONFIGURATION = re.compile(r"^<!-- check: (?P<name>.+?) -->\n+```yaml\n(?P<text>.*?)^```$", re.M | re.S)


@dataclass(frozen=True, slots=True)
class Block:
    """One example."""

    name: str
    language: str
    code: str


def read_blocks(text: str) -> list[Block]:
    """Return the examples to run, in their order."""
    return [Block(match["name"], match["language"], match["code"]) for match in BLOCK.finditer(text)]


BLOCKS = read_blocks(README.read_text())


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def served(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    """A gateway as `make run` starts it, on free ports: the usual ones may be in use."""
    listen = ["--grpc-listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"]
    async with serving(["serve", *listen], tmp_path_factory.mktemp("readme") / "log") as started:
        yield started


def with_ports(code: str, served: Served) -> str:
    """Put the ports in use in the place of the usual ones."""
    taken = {"50051": served.grpc, "8000": served.rest, "9464": served.metrics.removesuffix("/metrics")}
    for usual, address in taken.items():
        port = address.rpartition(":")[2]
        code = re.sub(rf"\b(127\.0\.0\.1|localhost):{usual}\b", rf"\1:{port}", code)
    return re.sub(
        r"^llmgateway (call|models|explain|compare)\b", rf"llmgateway \1 --target {served.grpc}", code, flags=re.M
    )


@pytest.mark.parametrize("block", BLOCKS, ids=[block.name for block in BLOCKS])
async def test_an_example_runs(block: Block, served: Served, tmp_path: Path) -> None:
    folders = [str(Path(sys.executable).parent)]
    if "grpcurl" in block.code:
        folders.append(str((await asyncio.to_thread(toolchains.grpcurl)).parent))
    variables = environment()
    variables["PATH"] = ":".join([*folders, variables["PATH"]])
    code = with_ports(block.code, served)
    command = ["bash", "-euo", "pipefail", "-c", code] if block.language == "bash" else [sys.executable, "-c", code]
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=tmp_path,
        env=variables,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(SAFETY_S):
        output, errors = await process.communicate()
    assert process.returncode == 0, f"{code}\n{output.decode()}{errors.decode()}"
    assert output.strip()
    # curl ends with 0 whatever the status was. Who asks the mock for an error gets one, and nobody else does.
    assert (b'"error"' in output) == ('"error"' in block.code), output.decode()


CONFIGURATIONS = {shown["name"]: shown["text"] for shown in CONFIGURATION.finditer(README.read_text())}


@pytest.mark.parametrize("text", CONFIGURATIONS.values(), ids=CONFIGURATIONS)
async def test_a_configuration_that_is_shown_is_good(tmp_path: Path, text: str) -> None:
    config = write_config(tmp_path, text)
    secrets = dict.fromkeys(re.findall(r"\$\{(\w+)\}", text), "a-s3cret-of-this-test-0123456789")
    code, output, errors = await run_to_end(["check-config", str(config)], tmp_path / "log", secrets)
    assert code == 0, errors
    assert "is good" in output


async def test_the_readme_shows_every_face_of_the_gateway() -> None:
    code = "\n".join(block.code for block in BLOCKS)
    assert [
        name for name in ("curl ", "grpcurl", "from openai import", "from llmgateway import") if name not in code
    ] == []
    assert {block.language for block in BLOCKS} == {"bash", "python"}


async def test_no_marked_block_is_overlooked() -> None:
    assert len(BLOCKS) == len(MARK.findall(README.read_text()))
    assert len({block.name for block in BLOCKS}) == len(BLOCKS)
    assert len(CONFIGURATIONS) == README.read_text().count("<!-- check: ")


async def test_blocks_are_found_with_their_language_and_code() -> None:
    text = (
        "a\n<!-- run: one -->\n```bash\necho 1\n```\n```bash\nno\n```\n<!-- run: two -->\n\n```python\nprint(2)\n```\n"
    )
    assert read_blocks(text) == [Block("one", "bash", "echo 1\n"), Block("two", "python", "print(2)\n")]
