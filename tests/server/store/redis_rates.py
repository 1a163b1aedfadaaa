"""What the tests of limits in Valkey share: processes of a fleet, their modes, and time that passes on a server."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable

from llmgateway_server.store.rates import Rates, Take
from llmgateway_server.store.redis.rates import SHARED, RedisRates, Timing

# A test of what happens while all is well must not fail because its machine is slow.
PATIENT = Timing(answer_s=10.0, connect_s=10.0)
# As it is in earnest, but for the time between probes.
PROMPT = Timing(connect_s=0.5, probe_s=0.01)
PROCESSES = "{llmgateway}:processes"


class Modes:
    """What a process told of its mode."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self._changed = asyncio.Event()

    def __call__(self, mode: str) -> None:
        self.told.append(mode)
        self._changed.set()

    async def wait(self, mode: str) -> None:
        """Return once the process is in a mode."""
        async with asyncio.timeout(30):
            while self.told[-1:] != [mode]:
                self._changed.clear()
                await self._changed.wait()


class Process(RedisRates):
    """A process of a fleet, with what it told of its mode."""

    def __init__(self, url: str, name: str = "one", timing: Timing = PATIENT) -> None:
        self.modes = Modes()
        super().__init__(url, name, time.monotonic, self.modes, timing)


@contextlib.asynccontextmanager
async def process(url: str, name: str = "one", timing: Timing = PATIENT) -> AsyncIterator[Process]:
    rates = Process(url, name, timing)
    await rates.start()
    try:
        yield rates
    finally:
        await rates.stop()


@contextlib.asynccontextmanager
async def fleet(url: str, count: int, timing: Timing = PATIENT) -> AsyncIterator[list[Process]]:
    """Run processes that know of each other."""
    async with contextlib.AsyncExitStack() as stack:
        processes = [await stack.enter_async_context(process(url, f"p{number}", timing)) for number in range(count)]
        for one in processes:
            while one.fleet.count < count:
                await one.modes.wait(SHARED)
                one._ask_for_beat()
                await arrive(one)
        yield processes


async def until(holds: Callable[[], object]) -> None:
    """Return in the turn of the loop in which something holds that tells nobody."""
    async with asyncio.timeout(30):
        while not holds():  # noqa: ASYNC110  # nobody sets an event for it
            await asyncio.sleep(0)


async def arrive(rates: Rates) -> None:
    """Return once all has arrived that was sent before: signs of life and changes go before what is taken."""
    assert not await rates.take([requests(10**9, "key/other")])


def requests(limit: int, scope: str = "key/ci") -> Take:
    return Take(scope, "requests", 60, limit)


def tokens(limit: int, amount: int, scope: str = "key/ci") -> Take:
    return Take(scope, "tokens", 60, limit, amount)


def calls(limit: int, scope: str = "team/a") -> Take:
    return Take(scope, "concurrency", 0, limit)
