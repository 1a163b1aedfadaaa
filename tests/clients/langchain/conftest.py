"""The installed gateway with its mock, for all tests of the session; models of a test find it by the environment."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.e2e.serving import FREE_PORTS, ONE_TRY_YAML, Served, serving, write_config


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def installed(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    """`llmgateway serve` with the mock alone."""
    folder = tmp_path_factory.mktemp("gateway")
    config = write_config(folder, f"{FREE_PORTS}\n  lame_duck: 0s\n{ONE_TRY_YAML}\nproviders: {{mock: {{}}}}\n")
    async with serving(["serve", "--config", str(config)], folder / "log") as served:
        yield served
        assert await served.stop() == 0


@pytest.fixture
def served(installed: Served, monkeypatch: pytest.MonkeyPatch) -> Served:
    """The gateway, where models look for it that are told nothing else."""
    monkeypatch.setenv("LLMGATEWAY_TARGET", installed.grpc)
    monkeypatch.delenv("LLMGATEWAY_KEY", raising=False)
    return installed
