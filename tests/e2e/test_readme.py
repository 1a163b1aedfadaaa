"""Every example of the README is run as it stands, but for the ports.

    <!-- run: NAME -->
    ```bash
    curl http://127.0.0.1:8000/v1/models
    ```

A block ends with exit code 0 and prints something. It meets a gateway without configuration. `<!-- run: NAME with: tls -->`
asks for one of `GATEWAYS` instead, `<!-- run: NAME exits: 72 -->` for another exit code, and both may stand in this order.
A block of YAML under `<!-- check: NAME -->` is a good configuration.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
import trustme

from tests import toolchains
from tests.e2e.serving import SAFETY_S, Served, environment, run_to_end, serving, write_config

pytestmark = pytest.mark.asyncio(loop_scope="session")

README = toolchains.ROOT / "README.md"
BLOCK = re.compile(
    r"^<!-- run: (?P<name>[\w-]+)(?: with: (?P<gateway>\w+))?(?: exits: (?P<code>\d+))? -->\n+"
    r"```(?P<language>bash|python)\n(?P<text>.*?)^```$",
    re.M | re.S,
)
MARK = re.compile(r"^<!-- run: ", re.M)
FENCE = re.compile(r"^```(?:bash|python)$", re.M)
CONFIGURATION = re.compile(r"^<!-- check: (?P<name>.+?) -->\n+```yaml\n(?P<text>.*?)^```$", re.M | re.S)

LISTEN = (
    "--grpc-listen",
    "127.0.0.1:0",
    "--http-listen",
    "127.0.0.1:0",
    "--metrics-listen",
    "127.0.0.1:0",
    "--admin-listen",
    "127.0.0.1:0",
)
SECRET = "a-s3cret-of-this-test-0123456789"
# What a block may ask for by `with:`. The PEM files lie beside the configuration, and those of a client beside the block.
GATEWAYS = {
    "keys": 'auth: {keys: [{name: readme, key: "${LLMGATEWAY_KEY}"}]}',
    "tls": "server: {grpc_tls: {certificate: server.pem, key: server-key.pem}}",
    "mtls": "server: {grpc_tls: {certificate: server.pem, key: server-key.pem, client_ca: ca.pem}}",
    "channelz": "server: {channelz: true}",
}
CLIENT_FILES = {"tls": ("ca.pem",), "mtls": ("ca.pem", "client.pem", "client-key.pem")}
# What a person would paste, or type.
TYPED = {"keys": f"{SECRET}\n"}


@dataclass(frozen=True, slots=True)
class Block:
    """One example: where it runs, and what it ends with."""

    name: str
    language: str
    code: str
    gateway: str | None = None
    exit_code: int = 0


def read_blocks(text: str) -> list[Block]:
    """Return the examples to run, in their order."""
    return [
        Block(match["name"], match["language"], match["text"], match["gateway"], int(match["code"] or 0))
        for match in BLOCK.finditer(text)
    ]


BLOCKS = read_blocks(README.read_text())


class Gateways:
    """The gateways that the blocks meet, each started when it is first asked for, on free ports."""

    def __init__(self, folder: Path, opened: AsyncExitStack) -> None:
        self.folder = folder
        self._opened = opened
        self._started: dict[str | None, Served] = {}

    async def of(self, name: str | None) -> Served:
        """Return the gateway of a name; without one, a gateway as `make run` starts it."""
        if name not in self._started:
            arguments = ["serve", *LISTEN]
            if name is not None:
                path = self.folder / f"{name}.yaml"
                path.write_text(GATEWAYS[name])
                arguments += ["--config", str(path)]
            started = serving(arguments, self.folder / f"{name}.log", {"LLMGATEWAY_KEY": SECRET})
            self._started[name] = await self._opened.enter_async_context(started)
        return self._started[name]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def gateways(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateways]:
    """Gateways, and certificates for them and for their clients."""
    folder = tmp_path_factory.mktemp("readme")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    for name, issued in (("server", "127.0.0.1"), ("client", "client.example")):
        certificate = authority.issue_cert(issued)
        certificate.cert_chain_pems[0].write_to_path(folder / f"{name}.pem")
        certificate.private_key_pem.write_to_path(folder / f"{name}-key.pem")
    async with AsyncExitStack() as opened:
        yield Gateways(folder, opened)


def with_ports(code: str, served: Served) -> str:
    """Put the ports in use in the place of the usual ones."""
    taken = {"50051": served.grpc, "8000": served.rest, "9464": served.metrics.removesuffix("/metrics")}
    for usual, address in taken.items():
        port = address.rpartition(":")[2]
        code = re.sub(rf"\b(127\.0\.0\.1|localhost):{usual}\b", rf"\1:{port}", code)
    return re.sub(
        r"^llmgateway (call|models|explain|compare)\b", rf"llmgateway \1 --target {served.grpc}", code, flags=re.M
    )


async def run_block(block: Block, served: Served, folder: Path) -> tuple[str, int, str, str]:
    """Run an example in `folder`; return its code as it was run, the exit code, standard output and error."""
    folders = [str(Path(sys.executable).parent)]
    if "grpcurl" in block.code:
        folders.append(str((await asyncio.to_thread(toolchains.grpcurl)).parent))
    variables = environment()
    variables["PATH"] = ":".join([*folders, variables["PATH"]])
    code = with_ports(block.code, served)
    command = ["bash", "-euo", "pipefail", "-c", code] if block.language == "bash" else [sys.executable, "-c", code]
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        env=variables,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(SAFETY_S):
        output, errors = await process.communicate(TYPED.get(block.gateway or "", "").encode())
    assert process.returncode is not None
    return code, process.returncode, output.decode(), errors.decode()


@pytest.mark.parametrize("block", BLOCKS, ids=[block.name for block in BLOCKS])
async def test_an_example_runs(block: Block, gateways: Gateways, tmp_path: Path) -> None:
    for name in CLIENT_FILES.get(block.gateway or "", ()):
        shutil.copy(gateways.folder / name, tmp_path)
    code, exit_code, output, errors = await run_block(block, await gateways.of(block.gateway), tmp_path)
    assert exit_code == block.exit_code, f"{code}\n{output}{errors}"
    assert (output if block.exit_code == 0 else errors).strip()
    # curl ends with 0 whatever the status was. Who asks the mock for an error gets one, and nobody else does.
    assert ('"error"' in output) == ('"error"' in block.code), output


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


async def test_no_block_is_overlooked() -> None:
    text = README.read_text()
    assert len(BLOCKS) == len(MARK.findall(text)) == len(FENCE.findall(text))
    assert len({block.name for block in BLOCKS}) == len(BLOCKS)
    assert len(CONFIGURATIONS) == text.count("<!-- check: ")


async def test_every_gateway_that_a_block_may_ask_for_is_asked_for() -> None:
    assert {block.gateway for block in BLOCKS} == {None, *GATEWAYS}


async def test_blocks_are_found_with_their_language_and_code() -> None:
    text = (
        "a\n<!-- run: one -->\n```bash\necho 1\n```\n```bash\nno\n```\n<!-- run: two -->\n\n```python\nprint(2)\n```\n"
        "<!-- run: a-3 with: tls -->\n```bash\necho 3\n```\n<!-- run: 4 with: keys exits: 72 -->\n```bash\necho 4\n```\n"
        "<!-- run: 5 exits: 1 -->\n```bash\nfalse\n```\n"
    )
    assert read_blocks(text) == [
        Block("one", "bash", "echo 1\n"),
        Block("two", "python", "print(2)\n"),
        Block("a-3", "bash", "echo 3\n", gateway="tls"),
        Block("4", "bash", "echo 4\n", gateway="keys", exit_code=72),
        Block("5", "bash", "false\n", exit_code=1),
    ]
