"""What every store of objects does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from llmgateway_server.store.memory import MemoryObjects
from llmgateway_server.store.objects import AlreadyThere, Changed, NotThere, Objects
from llmgateway_server.store.sqlite.database import Database
from llmgateway_server.store.sqlite.objects import SqliteObjects


@pytest.fixture(params=["memory", "sqlite"])
async def objects(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Objects]:
    if request.param == "memory":
        yield MemoryObjects()
        return
    database = Database(tmp_path / "llmgateway.db")
    await database.open()
    yield SqliteObjects(database)
    await database.close()


async def test_an_object_is_created_changed_and_deleted(objects: Objects) -> None:
    created = await objects.create("key", "ci", b"one", 1)
    updated = await objects.update("key", "ci", b"two", created.etag, 2)
    assert (updated.body, updated.created_ns, updated.updated_ns, updated.is_deleted) == (b"two", 1, 2, False)
    deleted = await objects.delete("key", "ci", updated.etag, 3)
    assert (deleted.body, deleted.is_deleted) == (b"", True)
    assert created.revision < updated.revision < deleted.revision


async def test_changes_come_in_order_and_only_the_last_of_each_object(objects: Objects) -> None:
    first = await objects.create("key", "a", b"1", 1)
    second = await objects.create("team", "a", b"2", 1)
    third = await objects.update("key", "a", b"3", first.etag, 2)
    assert await objects.changes(0) == [second, third]
    assert await objects.changes(second.revision) == [third]
    assert await objects.changes(third.revision) == []


async def test_what_was_deleted_is_told_of_only_as_a_change(objects: Objects) -> None:
    created = await objects.create("key", "a", b"1", 1)
    deleted = await objects.delete("key", "a", "", 2)
    assert await objects.changes(created.revision) == [deleted]
    assert await objects.changes(0) == []


async def test_what_is_wrong_is_refused_and_changes_nothing(objects: Objects) -> None:
    created = await objects.create("key", "a", b"1", 1)
    with pytest.raises(AlreadyThere):
        await objects.create("key", "a", b"2", 2)
    with pytest.raises(NotThere):
        await objects.update("key", "b", b"2", created.etag, 2)
    with pytest.raises(Changed):
        await objects.update("key", "a", b"2", "ffff", 2)
    with pytest.raises(Changed):
        await objects.delete("key", "a", "ffff", 2)
    with pytest.raises(NotThere):
        await objects.delete("key", "%", "", 2)
    assert await objects.changes(0) == [created]


async def test_a_deleted_object_may_come_again_with_another_etag(objects: Objects) -> None:
    created = await objects.create("key", "a", b"1", 1)
    await objects.delete("key", "a", created.etag, 2)
    with pytest.raises(NotThere):
        await objects.update("key", "a", b"2", created.etag, 3)
    again = await objects.create("key", "a", b"2", 4)
    assert again.etag != created.etag
    assert await objects.changes(0) == [again]
