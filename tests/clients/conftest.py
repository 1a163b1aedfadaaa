"""A scripted gateway and a client of it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from llmgateway import Client

from tests.clients.scripted import Scripted, serving


@pytest.fixture
def gateway() -> Scripted:
    return Scripted()


@pytest.fixture
async def target(gateway: Scripted) -> AsyncIterator[str]:
    async with serving(gateway) as address:
        yield address


@pytest.fixture
async def client(target: str) -> AsyncIterator[Client]:
    async with Client(target, timeout_s=30) as made:
        yield made
