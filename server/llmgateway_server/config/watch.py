"""Tells when a file has another content: it was edited, replaced by renaming, or a symbolic link to it has moved."""

from __future__ import annotations

import asyncio
import logging
import stat
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from pathlib import Path

from llmgateway_server.config.document import MAX_FILE_BYTES

# The folder must be quiet for so long before the file is read: whoever writes it may take several steps.
QUIET_MS = 50
# Where the folder is never quiet, the file is read this often.
GATHER_MS = 1_000
# It is looked at this often without any sign, too: file systems over a network give none, nor does a link's far end.
LOOK_MS = 5_000


class WatchError(Exception):
    """A folder cannot be watched; the message says why."""


def read_content(path: Path) -> bytes | None:
    """Return what a file holds, as much of it as a configuration may; None where there is no regular file to read.

    A pipe is none: it can be read once only.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return None
        with path.open("rb") as file:
            return file.read(MAX_FILE_BYTES + 1)
    except OSError:
        return None


async def watch_content(path: Path, content: bytes | None) -> AsyncGenerator[None, None]:
    """Yield each time that a file's content has changed, first from `content`. Raise `WatchError`.

    A file that was touched, or written again as it was, has not changed. An empty one is taken for one that somebody
    is about to write: its new content is the change.
    """
    async with aclosing(watch_folder(path.parent)) as signs:
        async for _ in signs:
            found = await asyncio.to_thread(read_content, path)
            if found not in (content, b""):
                content = found
                yield


async def watch_folder(folder: Path) -> AsyncGenerator[None, None]:
    """Yield once the folder is watched, then after each sign of a change in it, and now and then. Raise `WatchError`.

    The folder and not the file, since a file that is replaced is another file.
    """
    watch = await asyncio.to_thread(import_watch)
    settings = {"debounce": GATHER_MS, "step": QUIET_MS, "rust_timeout": LOOK_MS, "yield_on_timeout": True}
    async with aclosing(watch(folder, watch_filter=None, recursive=False, **settings)) as signs:
        sign = asyncio.ensure_future(anext(signs))
        await asyncio.sleep(0)  # The watch begins with the first step of that.
        try:
            while True:
                yield
                await sign
                sign = asyncio.ensure_future(anext(signs))
        except (OSError, RuntimeError, ExceptionGroup) as error:  # the library's own errors are RuntimeErrors
            raise WatchError(describe(error)) from error
        finally:
            sign.cancel()
            await asyncio.wait({sign})


def describe(error: Exception) -> str:
    """Say what went wrong; the library groups what comes while it waits."""
    return describe(error.exceptions[0]) if isinstance(error, ExceptionGroup) else str(error)


def import_watch() -> Callable[..., AsyncGenerator[object, None]]:
    """Import the library: 50 ms that only a gateway with a file spends."""
    from watchfiles import awatch

    # It logs each sign: where the log lies in the same folder, every such line would be the next sign.
    logging.getLogger("watchfiles").setLevel(logging.WARNING)
    return awatch
