"""`asyncio.timeout` as a plain context manager: its coroutines would cost as much as encoding a request."""

from __future__ import annotations

import asyncio
from types import TracebackType


class Timeout:
    """Cancels what its task awaits within it once `delay_s` have passed, and raises `TimeoutError` there instead.

    A cancellation from elsewhere passes through. Single use, within one task.
    """

    __slots__ = ("_cancelling", "_delay_s", "_handle", "_has_fired", "_task")

    def __init__(self, delay_s: float) -> None:
        self._delay_s = delay_s
        self._has_fired = False

    def __enter__(self) -> Timeout:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a time-out needs a task")
        self._task = task
        self._cancelling = task.cancelling()
        self._handle = asyncio.get_running_loop().call_later(max(self._delay_s, 0.0), self._fire)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._handle.cancel()
        # Where someone else has asked for a cancellation too, it stays one.
        if self._has_fired and self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def _fire(self) -> None:
        self._has_fired = True
        self._task.cancel()
