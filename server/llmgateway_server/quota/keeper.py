"""Keeps the quotas of the desk as the configuration has them, and the ledger's counters as the quotas need them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable

from llmgateway_server.call import NANOS_PER_S
from llmgateway_server.quota.desk import Desk
from llmgateway_server.quota.quotas import Quota, QuotaBook
from llmgateway_server.store.ledger import StoreAway

RETRY_S = 1.0

log = logging.getLogger("llmgateway")


class QuotaKeeper:
    """Puts other quotas in force, one book after the other. What was asked for last counts."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._wanted: QuotaBook | None = None
        self._asked = asyncio.Event()

    async def adopt(self, quotas: Iterable[Quota]) -> None:
        """Put quotas in force. Raise `StoreAway` where the ledger cannot count for them; those before stay in force."""
        book = QuotaBook(quotas)
        now_s = self._desk.clocks.wall_ns() / NANOS_PER_S
        families = {family: self._desk.periods.at(window, now_s).start_s for family, window in book.families}
        await self._desk.ledger.activate(families)
        self._desk.adopt(book)

    def ask(self, quotas: Iterable[Quota]) -> None:
        """Have quotas put in force soon, by `run`."""
        self._wanted = QuotaBook(quotas)
        self._asked.set()

    async def run(self) -> None:
        """Put in force what is asked for, until cancelled; try again while the ledger is away."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            while (wanted := self._wanted) is not None:
                try:
                    await self.adopt(wanted.quotas)
                except StoreAway as away:
                    log.warning("the new quotas wait for the ledger, and the old ones stay in force: %s", away)
                    await asyncio.sleep(RETRY_S)
                    continue
                if self._wanted is wanted:
                    self._wanted = None
