"""What counts as a change of a file, with real files and the system's own signs."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import pytest
from llmgateway_server.config.document import MAX_FILE_BYTES
from llmgateway_server.config.watch import WatchError, describe, read_content, watch_content, watch_folder

from tests.server.config.changing import CHANGES, Change

SAFETY_S = 10.0


@asynccontextmanager
async def watching(path: Path) -> AsyncIterator[AsyncGenerator[None, None]]:
    """Watch a file from now on."""
    async with asyncio.timeout(SAFETY_S), aclosing(watch_content(path, read_content(path))) as changes:
        yield changes


@pytest.mark.parametrize("change", CHANGES)
async def test_another_content_is_a_change_however_it_comes(change: Change, tmp_path: Path) -> None:
    path = tmp_path / "gateway.yaml"
    change(path, "first")
    async with watching(path) as changes:
        for text in ("second", "third"):
            change(path, text)
            await anext(changes)
            assert path.read_text() == text


@pytest.mark.parametrize("change", CHANGES)
async def test_the_same_content_again_is_no_change_nor_is_a_touch_or_an_emptied_file(
    change: Change, tmp_path: Path
) -> None:
    path = tmp_path / "gateway.yaml"
    change(path, "first")
    async with watching(path) as changes, aclosing(watch_folder(tmp_path)) as signs:
        await anext(signs)
        change(path, "second")
        await anext(changes)
        found = asyncio.ensure_future(anext(changes))
        for same in (
            lambda: change(path, "second"),
            lambda: change(path, ""),
            lambda: os.utime(path, follow_symlinks=False),
            lambda: (tmp_path / "x").touch(),
        ):
            same()
            # Another watch of the same folder has had its sign, and as much time to read the file.
            await anext(signs)
            await asyncio.to_thread(read_content, path)
        assert not found.done()
        change(path, "third")
        await found


async def test_a_file_that_goes_and_comes_back_has_changed_twice(tmp_path: Path) -> None:
    path = tmp_path / "gateway.yaml"
    path.write_text("first")
    async with watching(path) as changes:
        path.write_text("second")
        await anext(changes)
        path.unlink()
        await anext(changes)
        path.write_text("second")
        await anext(changes)


async def test_what_changed_before_the_watch_began_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "gateway.yaml"
    path.write_text("by now")
    async with asyncio.timeout(SAFETY_S), aclosing(watch_content(path, b"when it was loaded")) as changes:
        await anext(changes)


async def test_a_folder_that_is_not_there_cannot_be_watched(tmp_path: Path) -> None:
    with pytest.raises(WatchError, match="No such file"):
        await anext(watch_content(tmp_path / "nowhere" / "gateway.yaml", None))


def test_a_trouble_that_the_library_has_grouped_is_told_by_itself() -> None:
    assert describe(ExceptionGroup("group", [ExceptionGroup("inner", [OSError("no room")])])) == "no room"


def test_only_a_regular_file_can_be_read_twice(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "large").write_bytes(b" " * (MAX_FILE_BYTES + 2))
    (tmp_path / "link").symlink_to("large")
    assert [read_content(tmp_path / name) for name in ("pipe", "absent", ".")] == [None, None, None]
    assert read_content(tmp_path / "link") == b" " * (MAX_FILE_BYTES + 1)
