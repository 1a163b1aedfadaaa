"""A store of each kind, and a ledger on it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from llmgateway_server.store.ledger import Ledger

from tests.server.store.samples import Clock
from tests.server.store.stages import STAGES, Stage


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=STAGES)
def stage(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Stage:
    return STAGES[request.param](tmp_path, clock)


@pytest.fixture
async def ledger(stage: Stage) -> AsyncIterator[Ledger]:
    ledger = await stage.open()
    yield ledger
    await ledger.stop()
