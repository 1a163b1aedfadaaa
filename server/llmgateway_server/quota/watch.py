"""Tells once a window when a quota is used to a share that it should be told of."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import Protocol

from cachetools import LRUCache

from llmgateway_server.quota.quotas import QuotaBook, Threshold
from llmgateway_server.quota.refusals import name_of_counter, shown
from llmgateway_server.store.ledger import Counter, Ledger, Metric, StoreAway

EVERY_S = 1.0
MAX_TOLD = 65_536

log = logging.getLogger("llmgateway")


class Alarm(Protocol):
    """Is told of quotas that are used to a share."""

    def quota_warning(self, counter: Counter, share: float, text: str) -> None:
        """Tell that `share` of a quota is used. `text` is a sentence without its full stop."""
        ...


class Watch:
    """Looks after the counters that something was booked on. `book` has the quotas of now."""

    def __init__(self, ledger: Ledger, alarm: Alarm) -> None:
        self.book = QuotaBook(())
        self._ledger = ledger
        self._alarm = alarm
        self._booked: set[Counter] = set()
        # By counter and limit, the highest share that was told.
        self._told: LRUCache[tuple[Counter, int], float] = LRUCache(MAX_TOLD)

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
            for threshold in thresholds:
                self._compare(counter, threshold, balance.committed)

    def _compare(self, counter: Counter, threshold: Threshold, used: int) -> None:
        limit = threshold.limit
        reached = max((share for share in threshold.shares if used >= share * limit), default=0.0)
        if reached <= self._told.get((counter, limit), 0.0):
            return
        self._told[(counter, limit)] = reached
        metric = Metric(counter.metric)
        quota = name_of_counter(counter)
        text = f"{quota} is used to {reached:.0%}: {shown(metric, used)} of {shown(metric, limit)}"
        self._alarm.quota_warning(counter, reached, text)
