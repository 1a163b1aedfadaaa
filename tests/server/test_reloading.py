"""When the configuration is read again, what becomes of it, and what is told of that."""

from __future__ import annotations

import asyncio
import logging
import os
import resource
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from pathlib import Path

import pytest
from llmgateway_server.config.settings import Settings
from llmgateway_server.config.watch import import_watch
from llmgateway_server.loading import Refused, Reloaded, Source
from llmgateway_server.reloading import Reloader, reload_when_changed
from llmgateway_server.telemetry.metrics import Metrics

SAFETY_S = 10.0


class Bench:
    """A reloader whose files are a test's: each reload takes the next outcome, once it is let through."""

    def __init__(self, *outcomes: Reloaded | Exception) -> None:
        self.outcomes = list(outcomes)
        self.reading = 0
        self.most_reading = 0
        self.began = asyncio.Semaphore(0)
        self.gate = threading.Semaphore(0)
        self.adopted: list[Settings] = []
        self.metrics = Metrics()
        self.metrics.config_started(1)
        self.reloader = Reloader("gateway.yaml", self.load, self.adopt, self.metrics)
        self._loop = asyncio.get_running_loop()

    def load(self) -> Reloaded:
        self.reading += 1
        self.most_reading = max(self.most_reading, self.reading)
        self._loop.call_soon_threadsafe(self.began.release)
        try:
            assert self.gate.acquire(timeout=SAFETY_S)
            outcome = self.outcomes.pop(0)
        finally:
            self.reading -= 1
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def adopt(self, settings: Settings) -> int:
        self.adopted.append(settings)
        return 1 + len(self.adopted)

    async def begun(self) -> None:
        """Wait until a reload reads its file."""
        async with asyncio.timeout(SAFETY_S):
            await self.began.acquire()

    async def reload(self) -> None:
        """Have one reload done, and wait for its end."""
        done = self.count("ok") + self.count("refused")
        self.reloader.ask()
        await self.begun()
        self.gate.release()
        await self.until(lambda: self.count("ok") + self.count("refused") > done)

    async def until(self, holds: Callable[[], bool]) -> None:
        """Let the loop turn until something holds."""
        async with asyncio.timeout(SAFETY_S):
            while not holds():
                await asyncio.to_thread(os.sched_yield)

    def count(self, outcome: str) -> float:
        value = self.metrics.registry.get_sample_value("llmgateway_config_reloads_total", {"outcome": outcome})
        assert value is not None
        return value

    def gauge(self, name: str) -> float | None:
        return self.metrics.registry.get_sample_value(f"llmgateway_config_{name}")


@asynccontextmanager
async def running(bench: Bench) -> AsyncIterator[Reloader]:
    """Run the reloader while the block does."""
    task = asyncio.create_task(bench.reloader.run())
    try:
        yield bench.reloader
    finally:
        task.cancel()
        await asyncio.wait({task})
        assert task.cancelled(), "the reloader ended by itself"


def good(name: str = "a") -> Reloaded:
    return Reloaded(Settings(routes={name: {"targets": [{"model": "mock/echo"}]}}), ())


async def test_whatever_is_asked_for_during_a_reload_becomes_one_more() -> None:
    bench = Bench(good("a"), good("b"))
    async with running(bench) as reloader:
        reloader.ask()
        reloader.ask()
        await bench.begun()
        for _ in range(5):
            reloader.ask()
        bench.gate.release()
        await bench.begun()
        assert len(bench.adopted) == 1
        bench.gate.release()
        await bench.until(lambda: bench.count("ok") == 2)
    assert [list(settings.routes) for settings in bench.adopted] == [["a"], ["b"]]
    assert bench.outcomes == []
    assert bench.most_reading == 1
    assert (bench.gauge("revision"), bench.gauge("last_reload_ok")) == (3, 1)


async def test_a_reload_is_told_with_its_revision_and_what_a_restart_must_change(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bench = Bench(Reloaded(Settings(), ("server.grpc_listen", "limits.request")))
    with caplog.at_level(logging.INFO, "llmgateway"):
        async with running(bench):
            await bench.reload()
    told, kept = [(record.levelname, record.getMessage()) for record in caplog.records]
    assert told == ("INFO", "configuration reloaded: revision 2, from gateway.yaml")
    assert kept[0] == "WARNING"
    assert "server.grpc_listen, limits.request" in kept[1]
    assert "restart" in kept[1]


async def test_a_refused_file_changes_nothing_is_one_line_and_a_good_one_heals(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bench = Bench(Refused("gateway.yaml:3: routes.a: no\ngateway.yaml:7: log.level: no"), good())
    async with running(bench):
        await bench.reload()
        assert (bench.adopted, bench.gauge("revision"), bench.gauge("last_reload_ok")) == ([], 1, 0)
        (record,) = caplog.records
        assert record.levelname == "ERROR"
        assert record.getMessage().endswith("gateway.yaml:3: routes.a: no; gateway.yaml:7: log.level: no")
        await bench.reload()
        assert (len(bench.adopted), bench.gauge("revision"), bench.gauge("last_reload_ok")) == (1, 2, 1)


async def test_a_fault_of_ours_is_told_and_does_not_end_the_reloads(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench(KeyError("fault"), good())
    async with running(bench):
        await bench.reload()
        (record,) = caplog.records
        assert record.exc_info is not None
        await bench.reload()
    assert (bench.count("refused"), bench.count("ok")) == (1, 1)


async def test_a_gateway_that_stops_keeps_its_configuration_also_where_a_reload_is_under_way(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bench = Bench(good())
    async with running(bench) as reloader:
        reloader.ask()
        await bench.begun()
        reloader.stop()
        bench.gate.release()
        await bench.until(lambda: not bench.reading)
        reloader.ask()
        await asyncio.to_thread(os.sched_yield)
    assert (bench.adopted, bench.count("ok"), bench.count("refused")) == ([], 0, 0)
    assert "is not reloaded" in caplog.text


@contextmanager
def no_more_files(_: Path) -> Iterator[None]:
    """Let the process open nothing more, so that the watch is refused as where the system's watches are used up."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = os.dup(0)
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


@contextmanager
def folder_gone(folder: Path) -> Iterator[None]:
    folder.rmdir()
    yield


@pytest.mark.parametrize("trouble", [no_more_files, folder_gone])
async def test_a_folder_that_cannot_be_watched_is_told_and_reloads_can_still_be_asked_for(
    trouble: Callable[[Path], AbstractContextManager[None]], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bench, folder = Bench(good()), tmp_path / "config"
    folder.mkdir()
    import_watch()
    with trouble(folder):
        source = Source(folder / "gateway.yaml", {}, {}, b"")
        await asyncio.wait_for(reload_when_changed(source, bench.reloader), SAFETY_S)
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert "SIGHUP still reloads it" in record.getMessage()
    async with running(bench):
        await bench.reload()
    assert len(bench.adopted) == 1
