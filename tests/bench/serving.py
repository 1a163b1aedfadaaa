"""How the bench's own servers run: on uvloop, printing the port that they took, until they are ended."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import uvloop


def run_server(serve: Callable[[], Awaitable[tuple[int, object]]]) -> None:
    """Run until the process is ended.

    `serve` starts listening and returns its port, and what must live for as long as it serves.
    """

    async def forever() -> None:
        port, _owner = await serve()
        print(port, flush=True)
        await asyncio.Event().wait()

    uvloop.run(forever())
