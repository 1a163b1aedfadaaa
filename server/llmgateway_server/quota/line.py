"""Where reservations wait for what others hold to be given back: first come, first tried."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable

from llmgateway_server.store.ledger import Counter

# Other gateways give back, too, and nobody tells of it.
POLL_S = 0.25


class Line:
    """A line for each counter. Who is woken tries again, and lets the next one try where that went well."""

    def __init__(self) -> None:
        self._waiting: dict[Counter, deque[asyncio.Future[None]]] = {}
        self._ticker: asyncio.TimerHandle | None = None

    async def wait(self, counter: Counter, timeout_s: float, *, is_first: bool) -> bool:
        """Return whether it is time to try again; False once `timeout_s` has passed. `is_first` goes to the head."""
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[None] = loop.create_future()
        line = self._waiting.setdefault(counter, deque())
        if is_first:
            line.appendleft(turn)
        else:
            line.append(turn)
        self._tick_on()
        try:
            await asyncio.wait({turn}, timeout=timeout_s)
            return turn.done()
        finally:
            if turn in line:
                line.remove(turn)
            elif not turn.done():
                turn.cancel()
            if not line and self._waiting.get(counter) is line:
                del self._waiting[counter]

    def wake(self, counters: Iterable[Counter]) -> None:
        """Let the first in each of some lines try again."""
        if not self._waiting:
            return
        for counter in counters:
            line = self._waiting.get(counter)
            if line:
                turn = line.popleft()
                if not turn.done():
                    turn.set_result(None)

    def _tick_on(self) -> None:
        if self._ticker is None:
            self._ticker = asyncio.get_running_loop().call_later(POLL_S, self._tick)

    def _tick(self) -> None:
        self._ticker = None
        if self._waiting:
            self.wake(tuple(self._waiting))
            self._tick_on()
