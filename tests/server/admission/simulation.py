"""An event loop whose time is simulated: a wait takes no time, and time passes only in waits."""

from __future__ import annotations

import asyncio
import functools
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec

Arguments = ParamSpec("Arguments")


class Sleepless(selectors.SelectSelector):
    """In place of waiting it moves the time on."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        assert timeout is not None, "everything waits for something that will never come"
        self.now_s += max(timeout, 0.0)
        return super().select(0)


class SimulatedLoop(asyncio.SelectorEventLoop):
    """Runs what is ready, then jumps to the next timer."""

    def __init__(self) -> None:
        self._sleepless = Sleepless()
        super().__init__(self._sleepless)

    def time(self) -> float:
        return self._sleepless.now_s


def timer_count() -> int:
    """Return how many timers the simulated loop that runs now still has."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, SimulatedLoop)
    return sum(not timer.cancelled() for timer in loop._scheduled)  # type: ignore[attr-defined]  # asyncio's own list


def simulated(scene: Callable[Arguments, Coroutine[Any, Any, None]]) -> Callable[Arguments, None]:
    """Run an asynchronous test in a simulated loop; tasks that it leaves are cancelled."""

    @functools.wraps(scene)
    def run(*args: Arguments.args, **kwargs: Arguments.kwargs) -> None:
        with asyncio.Runner(loop_factory=SimulatedLoop) as runner:
            runner.run(scene(*args, **kwargs))

    return run
