"""Each language's client builds, obeys its language's tools, can be packaged, and its samples print the same."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.clients.building import LANGUAGES, languages_with, need, pairs_with
from tests.clients.languages import FULL_CLIENTS
from tests.clients.languages.language import SAMPLES, Language, run
from tests.e2e.serving import SAFETY_S, Served, serving

OUTPUTS = Path(__file__).parent / "samples"
CONFIG = OUTPUTS / "gateway.yaml"
KEY = "sk-samples-0123456789abcdef"
ANY_PORTS = [f"--{listener}-listen=127.0.0.1:0" for listener in ("grpc", "http", "metrics", "admin")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    """A gateway with the mock, with keys and with quotas."""
    log = tmp_path_factory.mktemp("languages") / "log"
    async with serving(["serve", f"--config={CONFIG}", *ANY_PORTS], log, {"LLMGATEWAY_KEY": KEY}) as served:
        yield served
        assert await served.stop() == 0


@pytest.mark.parametrize(("language", "name"), pairs_with(lambda language: language.checks))
def test_its_language_s_own_tools_find_nothing(language: Language, name: str) -> None:
    need(language)
    problem = run(language, language.checks[name])
    assert problem is None, problem


@pytest.mark.parametrize("language", languages_with(lambda language: language.package))
def test_it_is_packaged(language: Language) -> None:
    need(language)
    problems = [problem for command in language.package if (problem := run(language, command)) is not None]
    assert problems == []


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("language", "name"), pairs_with(lambda language: language.samples))
async def test_a_sample_prints_what_it_prints_everywhere(language: Language, name: str, gateway: Served) -> None:
    await asyncio.to_thread(need, language)
    variables = {"LLMGATEWAY_TARGET": gateway.grpc, "LLMGATEWAY_KEY": KEY}
    process = await asyncio.create_subprocess_exec(
        *language.sample(name),
        cwd=language.folder,
        env={**os.environ, **language.environment, **variables},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(SAFETY_S):
        output, errors = await process.communicate()
    assert output.decode() == (OUTPUTS / f"{name}.txt").read_text(), errors.decode()
    assert process.returncode == 0, errors.decode()


@pytest.mark.parametrize("name", FULL_CLIENTS)
def test_a_full_client_has_every_sample_and_is_checked_and_packaged(name: str) -> None:
    language = next(language for language in LANGUAGES if language.name == name)
    assert tuple(language.samples) == SAMPLES
    assert language.runner is not None
    assert language.checks
    assert language.package
    assert (language.folder / "README.md").exists()


def test_every_sample_s_output_is_that_of_a_sample() -> None:
    assert {path.stem for path in OUTPUTS.glob("*.txt")} == set(SAMPLES)
