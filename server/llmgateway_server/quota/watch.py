"""Tells once a window when a quota is used to a share that it should be told of."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable, Iterable
from typing import NamedTuple, Protocol

from cachetools import LRUCache

from llmgateway_server.quota.quotas import QuotaBook, Threshold, Warned
from llmgateway_server.quota.refusals import WINDOW_WORDS, name_of, shown
from llmgateway_server.quota.windows import parse_window
from llmgateway_server.store.ledger import Counter, Ledger, StoreAway
from llmgateway_server.store.rates import Standing

EVERY_S = 1.0
MAX_TOLD = 65_536
# Of a limit that is about now the same is told again after so long.
RATES_AGAIN_S = 60.0

log = logging.getLogger("llmgateway")


class Name(NamedTuple):
    """What names a quota: its scope, metric, and window in a word, empty for calls at once."""

    scope: str
    metric: str
    window: str


class Alarm(Protocol):
    """Is told of quotas that are used to a share."""

    def quota_warning(self, scope: str, metric: str, window: str, share: float, text: str) -> None:
        """Tell that `share` of a quota is used. `text` is a sentence without its full stop."""
        ...


class Watch:
    """Looks after the counters that something was booked on. `book` has the quotas of now."""

    def __init__(self, ledger: Ledger, alarm: Alarm, monotonic_s: Callable[[], float]) -> None:
        self.book = QuotaBook(())
        self._ledger = ledger
        self._alarm = alarm
        self._monotonic_s = monotonic_s
        self._booked: set[Counter] = set()
        # By what is counted and the limit, the highest share that was told, and until when that is not told again.
        self._told: LRUCache[tuple[Counter | Name, int], tuple[float, float]] = LRUCache(MAX_TOLD)

    def note(self, counters: Iterable[Counter]) -> None:
        """Look after counters soon: something was booked on them."""
        if self.book.warns:
            self._booked.update(counters)

    async def run(self) -> None:
        """Look, again and again, until cancelled."""
        while True:
            await asyncio.sleep(EVERY_S)
            if self._booked:
                await self.look()

    async def look(self) -> None:
        """Tell of what has been reached by now."""
        counters = [*self._booked]
        self._booked.clear()
        watched = [(counter, thresholds) for counter in counters if (thresholds := self.book.thresholds_of(counter))]
        try:
            await self._ledger.flush()
            balances = await self._ledger.balances([counter for counter, _ in watched])
        except StoreAway as away:
            self._booked.update(counters)
            log.debug("nobody looks how quotas stand: %s", away)
            return
        for (counter, thresholds), balance in zip(watched, balances, strict=True):
            name = Name(counter.scope, counter.metric, parse_window(counter.window).kind)
            self._compare(counter, name, thresholds, balance.committed, math.inf)

    def look_at_rate(self, warned: Warned, standing: Standing) -> None:
        """Tell what has been reached of a limit that is about now; at most once a minute of each share."""
        take = warned.take
        name = Name(take.scope, take.metric, WINDOW_WORDS.get(take.window_s, ""))
        used, until_s = take.limit - standing.remaining, self._monotonic_s() + RATES_AGAIN_S
        self._compare(name, name, warned.thresholds, used, until_s)

    def _compare(
        self, what: Counter | Name, name: Name, thresholds: Iterable[Threshold], used: int, until_s: float
    ) -> None:
        """Tell of the highest share that is reached of each limit, unless it has been told of."""
        for threshold in thresholds:
            limit = threshold.limit
            reached = max((share for share in threshold.shares if used >= share * limit), default=0.0)
            if not reached:
                continue
            share, told_until_s = self._told.get((what, limit), (0.0, 0.0))
            if reached <= share and self._monotonic_s() < told_until_s:
                continue
            self._told[(what, limit)] = (reached, until_s)
            quota = name_of(name.scope, name.metric, name.window)
            text = f"{quota} is used to {reached:.0%}: {shown(name.metric, used)} of {shown(name.metric, limit)}"
            self._alarm.quota_warning(name.scope, name.metric, name.window, reached, text)
