"""How fast calls leave a room: what a wait before it is estimated by."""

from __future__ import annotations

from collections.abc import Callable


class Pace:
    """Measures how long calls stay, without following any of them.

    The time that calls have spent inside, all together, over how many have left. Those still inside count, too: where
    nobody leaves any more, the estimate grows at once. Both sums are halved again and again, so that the past fades.
    """

    __slots__ = ("_clock", "_left_count", "_since_s", "_spent_s")

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._since_s = clock()
        self._spent_s = 0.0
        self._left_count = 0.0

    def note(self, running: int) -> None:
        """Count the time since the last note, in which so many were inside. To be called before that number changes."""
        now_s = self._clock()
        self._spent_s += running * (now_s - self._since_s)
        self._since_s = now_s

    def note_departure(self, running: int, limit: int) -> None:
        """Count one that leaves, where so many were inside until now."""
        self.note(running)
        self._left_count += 1
        if self._left_count >= 2 * limit:
            self._left_count /= 2
            self._spent_s /= 2

    def interval_s(self, running: int, limit: int) -> float | None:
        """Return the time from one departure to the next where `limit` are inside.

        None until about as many have left as fit in: those still inside would make the first few look slow.
        """
        if self._left_count < limit:
            return None
        self.note(running)
        return self._spent_s / self._left_count / limit
