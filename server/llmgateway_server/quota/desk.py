"""What the accounts of all calls share. Outlives every configuration; other quotas are another book."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import msgspec

from llmgateway_server.quota.line import Line
from llmgateway_server.quota.quotas import QuotaBook
from llmgateway_server.quota.usual import UsualOutput
from llmgateway_server.quota.watch import Watch
from llmgateway_server.quota.windows import Periods
from llmgateway_server.store.ledger import Entry, Ledger
from llmgateway_server.store.rates import Rates


class Bookkeeper(Protocol):
    """Is told of what administrators must know."""

    def overrun(self, entry: Entry, cost_usd_nanos: int, bound_usd_nanos: int) -> None:
        """Tell of an attempt that cost more than its bound."""
        ...

    def quota_warning(self, scope: str, metric: str, window: str, share: float, text: str) -> None:
        """Tell that a share of a quota is used. `text` is a sentence without its full stop."""
        ...


class Clocks(msgspec.Struct, frozen=True):
    """`monotonic_s` in seconds; `wall_ns` in nanoseconds since the epoch."""

    monotonic_s: Callable[[], float]
    wall_ns: Callable[[], int]


class Desk:
    """The ledger, the rates, and the quotas of now.

    `patience_s` is how long a reservation waits for what running calls hold. `suspended` are targets that are refused
    where cost is limited, by their ids, each with a sentence why.
    """

    def __init__(self, ledger: Ledger, rates: Rates, clocks: Clocks, bookkeeper: Bookkeeper, patience_s: float) -> None:
        self.ledger = ledger
        self.rates = rates
        self.clocks = clocks
        self.bookkeeper = bookkeeper
        self.patience_s = patience_s
        self.book = QuotaBook(())
        self.suspended: Mapping[str, str] = {}
        self.line = Line()
        self.periods = Periods()
        self.usual = UsualOutput()
        self.watch = Watch(ledger, bookkeeper, clocks.monotonic_s)

    def adopt(self, book: QuotaBook) -> None:
        """Hold the calls to come to other quotas. What runs is booked by them, too."""
        self.book = self.watch.book = book
