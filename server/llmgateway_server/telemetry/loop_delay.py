"""Measures how late the event loop is: the first sign of too much work in one process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

INTERVAL_S = 0.25


async def observe_loop_delay(observe: Callable[[float], None]) -> None:
    """Observe the delay of a timer, in seconds, four times a second, until cancelled."""
    loop = asyncio.get_running_loop()
    while True:
        due_s = loop.time() + INTERVAL_S
        await asyncio.sleep(INTERVAL_S)
        observe(max(loop.time() - due_s, 0.0))
