"""How many second tries a target may get: a share of its calls, so that retries never multiply an outage."""

from __future__ import annotations

from collections import deque

WINDOW_S = 1.0
FLOOR_PER_S = 3


class RetryBudget:
    """Counts one target's calls and same-target retries over the last second.

    A fallback to another target is a call there, not a retry: it is never refused here. Times are seconds of a
    monotonic clock.
    """

    __slots__ = ("_calls", "_retries")

    def __init__(self) -> None:
        self._calls: deque[float] = deque()
        self._retries: deque[float] = deque()

    def note_call(self, now_s: float) -> None:
        """Count a first try."""
        calls = self._calls
        calls.append(now_s)
        while calls[0] <= now_s - WINDOW_S:
            calls.popleft()

    def take(self, share: float, now_s: float) -> bool:
        """Take a retry; false where it would be more than `share` of the calls, and more than 3 a second."""
        if share <= 0:
            return False
        calls, retries = self._calls, self._retries
        while calls and calls[0] <= now_s - WINDOW_S:
            calls.popleft()
        while retries and retries[0] <= now_s - WINDOW_S:
            retries.popleft()
        if len(retries) + 1 > max(FLOOR_PER_S, share * len(calls)):
            return False
        retries.append(now_s)
        return True
