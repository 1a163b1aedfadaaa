"""Whether the event loop falls behind: the sign that there is more work than CPU."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

TICK_S = 0.02
# A tick that is later than this is late; while the loop lags, one is on time only if it is not even half as late.
LATE_S = 0.02
ON_TIME_S = 0.01
# So many in a row make a lag, or its end. One long turn of the loop makes one late tick, and is no lag.
LATE_TICKS = 4
ON_TIME_TICKS = 3


class LoopLag:
    """Is told how late each tick was, and says whether the loop lags."""

    def __init__(self) -> None:
        self.is_lagging = False
        self._count = 0

    def observe(self, late_s: float) -> None:
        """Take in how late one tick was."""
        is_change = late_s <= ON_TIME_S if self.is_lagging else late_s > LATE_S
        self._count = self._count + 1 if is_change else 0
        if self._count == (ON_TIME_TICKS if self.is_lagging else LATE_TICKS):
            self.is_lagging = not self.is_lagging
            self._count = 0


async def watch_loop(tell: Callable[[float], None], clock: Callable[[], float]) -> None:
    """Tell how late each tick was, in seconds, until cancelled. The loop's own clock stands still within a turn."""
    while True:
        due_s = clock() + TICK_S
        await asyncio.sleep(TICK_S)
        tell(max(clock() - due_s, 0.0))
