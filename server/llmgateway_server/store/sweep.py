"""A task that presumes what is over time, every few seconds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

SWEEP_EVERY_S = 5.0


class Sweep:
    """Calls `expire` every few seconds, from `start` to `stop`."""

    def __init__(self, expire: Callable[[], None]) -> None:
        self._expire = expire
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_EVERY_S)
            self._expire()
