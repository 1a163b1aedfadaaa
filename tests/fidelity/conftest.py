"""One gateway for the whole folder; each test finds a provider that has been asked nothing yet."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio
from llmgateway_server.config.auth import AuthSettings, KeySettings
from pydantic import SecretStr

from tests.fidelity.bench import NARROW_KEY, Bench
from tests.fidelity.gateway import serving


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def running() -> AsyncIterator[Bench]:
    async with serving(AuthSettings()) as started:
        yield started


@pytest_asyncio.fixture(loop_scope="session")
async def guarded() -> AsyncIterator[Bench]:
    """A gateway that knows one key, which may use some of OpenRouter's models."""
    key = KeySettings(name="narrow", key=SecretStr(NARROW_KEY), models=("openrouter/good/*",))
    async with serving(AuthSettings(keys=(key,))) as started:
        yield started


@pytest_asyncio.fixture(loop_scope="session")
async def bench(running: Bench) -> AsyncIterator[Bench]:
    """The gateway, and a provider that has been asked nothing yet."""
    running.fake.reset()
    yield running
    running.fake.check()
