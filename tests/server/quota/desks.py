"""A desk of a test's own: a ledger in memory, rates of this process, the quotas and the clock that the test gives."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from llmgateway_server.quota.desk import Clocks, Desk
from llmgateway_server.quota.quotas import Quota, QuotaBook
from llmgateway_server.store.ledger import Entry, Ledger
from llmgateway_server.store.local_rates import LocalRates
from llmgateway_server.store.memory import MemoryLedger


class Overruns:
    """A bookkeeper that remembers: attempt, cost and bound; and what it was told of quotas."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, int, int]] = []
        self.warnings: list[str] = []

    def overrun(self, entry: Entry, cost_usd_nanos: int, bound_usd_nanos: int) -> None:
        self.seen.append((entry.attempt_id, cost_usd_nanos, bound_usd_nanos))

    def quota_warning(self, scope: str, metric: str, window: str, share: float, text: str) -> None:
        self.warnings.append(text)


def make_desk(
    quotas: Iterable[Quota] = (),
    *,
    monotonic_s: Callable[[], float] = time.monotonic,
    wall_ns: Callable[[], int] = time.time_ns,
    ledger: Ledger | None = None,
    overruns: Overruns | None = None,
    patience_s: float = 0.0,
) -> Desk:
    """Return a desk with quotas in force. A ledger that is given must have them activated already."""
    clocks = Clocks(monotonic_s, wall_ns)
    desk = Desk(ledger or MemoryLedger(wall_ns), LocalRates(monotonic_s), clocks, overruns or Overruns(), patience_s)
    desk.adopt(QuotaBook(quotas))
    return desk
