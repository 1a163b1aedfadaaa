"""Objects that several gateways change at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from llmgateway_server.store.objects import AlreadyThere, Changed, NotThere
from llmgateway_server.store.postgres.objects import PostgresObjects

from tests.postgres import emptied, shared_server


@pytest.fixture
async def two() -> AsyncIterator[tuple[PostgresObjects, PostgresObjects]]:
    url = await emptied(shared_server())
    one, other = PostgresObjects(url), PostgresObjects(url)
    yield one, other
    await one.stop()
    await other.stop()


async def test_an_object_lives_and_dies_for_all(two: tuple[PostgresObjects, PostgresObjects]) -> None:
    one, other = two
    made = await one.create("key", "ci", b"{}", 5)
    with pytest.raises(AlreadyThere):
        await other.create("key", "ci", b"{}", 6)
    changed = await other.update("key", "ci", b"[]", made.etag, 7)
    assert (changed.created_ns, changed.updated_ns) == (5, 7)
    with pytest.raises(Changed):
        await one.update("key", "ci", b"", made.etag, 8)
    assert await one.changes(made.revision) == [changed]
    with pytest.raises(Changed):
        await one.delete("key", "ci", made.etag, 9)
    gone = await one.delete("key", "ci", "", 9)
    assert await other.changes(changed.revision) == [gone]
    assert (gone.is_deleted, gone.body) == (True, b"")
    assert await other.changes(0) == []
    for refused in (one.update("key", "ci", b"", gone.etag, 10), one.delete("key", "ci", "", 10)):
        with pytest.raises(NotThere):
            await refused
    again = await other.create("key", "ci", b"{}", 11)
    assert (await one.changes(0), again.created_ns) == ([again], 11)


async def test_of_two_who_change_an_object_at_once_one_wins(two: tuple[PostgresObjects, PostgresObjects]) -> None:
    one, other = two
    made = await one.create("team", "a", b"0", 1)
    answers = await asyncio.gather(
        *(store.update("team", "a", b"1", made.etag, 2) for store in (one, other, one, other)), return_exceptions=True
    )
    assert sorted(type(answer).__name__ for answer in answers) == ["Changed", "Changed", "Changed", "Stored"]


async def test_whoever_follows_the_changes_misses_none(two: tuple[PostgresObjects, PostgresObjects]) -> None:
    one, other = two
    seen: list[str] = []
    since = 0

    async def follow() -> None:
        nonlocal since
        while len(seen) < 60:
            for found in await one.changes(since):
                seen.append(found.id)
                since = found.revision

    async def create(store: PostgresObjects, name: str) -> None:
        for number in range(30):
            await store.create("key", f"{name}{number}", b"{}", 1)

    async with asyncio.timeout(30):
        await asyncio.gather(follow(), create(one, "a"), create(other, "b"))
    assert sorted(seen) == sorted(f"{name}{number}" for name in "ab" for number in range(30))
