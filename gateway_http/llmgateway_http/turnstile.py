"""Lets kept connections ask again a few at a time, while there is more to do than the loop can do."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

# So many connections are read from again in one turn of the loop: about 4 ms of work.
CONNECTIONS_A_TURN = 16


class Turnstile:
    """Holds connections that have had their answer, and reads from them again in the order in which they came.

    What they ask meanwhile waits in the kernel, at no cost. Without it a loop that lags takes in all that has arrived
    in each of its turns, and so each turn gets longer. `clock` counts seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._held: deque[tuple[asyncio.Transport, float]] = deque()
        self.is_turning = False
        self.wait_s = 0.0
        """How long the last one was held: about as long as whoever asks now has waited."""

    @property
    def held_count(self) -> int:
        """How many connections wait for their turn."""
        return len(self._held)

    def hold(self, transport: asyncio.Transport) -> None:
        """Read no more from a connection until its turn comes."""
        if transport.is_closing():
            return
        transport.pause_reading()
        self._held.append((transport, self._clock()))
        if not self.is_turning:
            self.is_turning = True
            asyncio.get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        now_s = self._clock()
        for _ in range(min(CONNECTIONS_A_TURN, len(self._held))):
            transport, since_s = self._held.popleft()
            self.wait_s = now_s - since_s
            transport.resume_reading()  # does nothing where it has been closed
        if self._held:
            asyncio.get_running_loop().call_soon(self._turn)
        else:
            self.is_turning, self.wait_s = False, 0.0
