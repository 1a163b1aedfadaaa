"""Reloads: one at a time, never in the way of running calls, and what is wrong with a file changes nothing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import aclosing

from llmgateway_server.config.settings import Settings
from llmgateway_server.config.watch import WatchError, watch_content
from llmgateway_server.loading import Refused, Reloaded, Source
from llmgateway_server.telemetry.metrics import Metrics

log = logging.getLogger("llmgateway")

WAITS = "%s has changed what only a restart of the gateway changes; until then this stays as it was: %s"


class Reloader:
    """Reloads whenever it is asked to, until it is stopped. `source` names the configuration in the log.

    `load` reads and checks; it is called in a thread, and raises `Refused`. `adopt` takes settings into use, on the
    event loop, and returns their revision.
    """

    def __init__(
        self, source: str, load: Callable[[], Reloaded], adopt: Callable[[Settings], int], metrics: Metrics
    ) -> None:
        self._source = source
        self._load = load
        self._adopt = adopt
        self._metrics = metrics
        self._asked = asyncio.Event()
        self._is_stopped = False

    def ask(self) -> None:
        """Ask for a reload. Whatever is asked for before it begins is done by it."""
        if self._may_reload():
            self._asked.set()

    def stop(self) -> None:
        """Keep the configuration as it is from now on, also where a reload is under way."""
        self._is_stopped = True

    async def run(self) -> None:
        """Reload as often as asked to, until cancelled."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            await self._reload()

    async def _reload(self) -> None:
        try:
            # It takes tens of milliseconds, for which running streams would stand still.
            reloaded = await asyncio.to_thread(self._load)
            if not self._may_reload():
                return
            revision = self._adopt(reloaded.settings)
        except Refused as refused:
            self._refuse("; ".join(str(refused).splitlines()))
        except Exception as error:  # noqa: BLE001  # it is logged; whatever it is, the next file must be looked at
            self._refuse("the gateway failed", error)
        else:
            self._metrics.config_reloaded(revision)
            log.info("configuration reloaded: revision %d, from %s", revision, self._source)
            if reloaded.kept:
                log.warning(WAITS, self._source, ", ".join(reloaded.kept))

    def _may_reload(self) -> bool:
        if self._is_stopped:
            log.warning("the gateway is stopping: the configuration is not reloaded")
        return not self._is_stopped

    def _refuse(self, problems: str, fault: Exception | None = None) -> None:
        self._metrics.config_refused()
        log.error("configuration refused; the one before stays in use: %s", problems, exc_info=fault)


async def reload_when_changed(source: Source, reloader: Reloader) -> None:
    """Ask for a reload whenever the source's file has changed, until cancelled."""
    if source.config is None:
        return
    try:
        async with aclosing(watch_content(source.config, source.content)) as changes:
            async for _ in changes:
                reloader.ask()
    except WatchError as error:
        log.warning("%s is not watched any more, and SIGHUP still reloads it: %s", source.name, error)
