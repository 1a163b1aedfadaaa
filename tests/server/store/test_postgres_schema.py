"""The schema comes up by migrations, and a gateway works with its own alone."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest
from llmgateway_server.store.ledger import StoreRefused
from llmgateway_server.store.postgres.migrations.running import script_directory
from llmgateway_server.store.postgres.opening import migrate
from llmgateway_server.store.postgres.schema import REVISIONS

from tests.postgres import PostgresServer, shared_server
from tests.server.store.postgres_ledgers import ask, ledger_at


@pytest.fixture
def server() -> PostgresServer:
    return shared_server()


@pytest.fixture
def empty_url(server: PostgresServer) -> str:
    return server.create_database()


def test_the_gateway_knows_all_revisions_in_order() -> None:
    assert tuple(script.revision for script in script_directory().walk_revisions())[::-1] == REVISIONS


async def test_a_database_comes_up_from_empty_and_stays_as_it_is(empty_url: str, tmp_path: Path) -> None:
    with pytest.raises(StoreRefused, match="run `llmgateway migrate`"):
        async with ledger_at(empty_url, tmp_path):
            pass
    assert await migrate(empty_url) == REVISIONS[-1]
    assert await migrate(empty_url) == REVISIONS[-1]
    async with ledger_at(empty_url, tmp_path):
        pass


async def test_two_migrations_at_once_are_one(empty_url: str) -> None:
    assert await asyncio.gather(*(migrate(empty_url) for _ in range(3))) == [REVISIONS[-1]] * 3
    assert await ask(empty_url, "SELECT count(*) FROM object_revision") == 1


async def test_a_schema_of_a_newer_gateway_is_refused(empty_url: str, tmp_path: Path) -> None:
    await migrate(empty_url)
    await ask(empty_url, "UPDATE alembic_version SET version_num = '9999'")
    for refused in (migrate(empty_url), ledger_at(empty_url, tmp_path).__aenter__()):
        with pytest.raises(StoreRefused, match="9999, which this gateway is too old for"):
            await refused


async def test_a_database_that_is_not_there_is_refused(server: PostgresServer, tmp_path: Path) -> None:
    with pytest.raises(StoreRefused, match="check user and database"):
        async with ledger_at(server.url("nowhere"), tmp_path):
            pass


async def test_a_missing_extra_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "alembic", None)
    with pytest.raises(StoreRefused, match=r"pip install 'llmgateway-grpc\[postgres\]'"):
        await migrate("postgresql://nowhere")
