"""How quotas stand: what is used of them and held, and when their windows end."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from llmgateway_server.admin.directory import told_to_callers
from llmgateway_server.admin.quota_body import QuotaBody, quota_of
from llmgateway_server.call import NANOS_PER_S
from llmgateway_server.quota.quotas import Quota
from llmgateway_server.quota.windows import period_at
from llmgateway_server.store.ledger import Counter, Ledger, Metric
from llmgateway_server.store.rates import Rates, Take


class Standing(msgspec.Struct, frozen=True):
    """How a quota stands. None where that cannot be said, and where a window never ends."""

    used: int | None = None
    held: int | None = None
    reset_ns: int | None = None


class Standings:
    """Asks the ledger, and for rates and calls at once what this gateway knows of them."""

    def __init__(self, ledger: Ledger, rates: Rates, wall_ns: Callable[[], int]) -> None:
        self._ledger = ledger
        self._rates = rates
        self._wall_ns = wall_ns

    async def of(self, bodies: Sequence[QuotaBody]) -> Sequence[Standing]:
        """Return how each quota stands."""
        now_ns = self._wall_ns()
        counters = [counter_of(body, now_ns) for body in bodies]
        asked = list(dict.fromkeys(counter for counter in counters if counter is not None))
        with told_to_callers(""):
            balances = dict(zip(asked, await self._ledger.balances(asked), strict=True)) if asked else {}
        standings = []
        for body, counter in zip(bodies, counters, strict=True):
            if counter is None:
                standings.append(self._of_now(body, now_ns))
            else:
                balance = balances[counter]
                standings.append(Standing(balance.committed, balance.held, reset_ns(body, now_ns)))
        return standings

    def _of_now(self, body: QuotaBody, now_ns: int) -> Standing:
        """Return how a quota stands that no ledger knows of."""
        if body.is_template:
            return Standing()
        quota = quota_of(body)
        standing = self._rates.standing(Take(quota.scope, quota.metric, window_s(quota), quota.limit))
        # When calls at once end is not known.
        reset_ns = now_ns + int(standing.reset_s * NANOS_PER_S) if quota.is_rate else None
        return Standing(max(0, quota.limit - standing.remaining), 0, reset_ns)


def counter_of(body: QuotaBody, now_ns: int) -> Counter | None:
    """Return the counter that a quota is held against; None where each of a kind has its own, or it is of now."""
    quota = quota_of(body)
    if body.is_template or quota.is_rate or quota.window is None:
        return None
    period = period_at(quota.window, now_ns / NANOS_PER_S)
    return Counter(quota.scope, Metric(quota.metric), quota.window.text, period.start_s)


def reset_ns(body: QuotaBody, now_ns: int) -> int | None:
    """Return when the window that runs ends."""
    window = quota_of(body).window
    end_s = period_at(window, now_ns / NANOS_PER_S).end_s if window is not None else None
    return None if end_s is None else end_s * NANOS_PER_S


def window_s(quota: Quota) -> int:
    """Return how long the window of a rate is; 0 for calls at once."""
    return quota.window.seconds if quota.window is not None else 0
