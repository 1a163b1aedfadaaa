"""Attempts, charges and settlements for tests of ledgers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from llmgateway_server.store.ledger import (
    Balance,
    Charge,
    CostRange,
    Counter,
    Entry,
    Family,
    Grant,
    Intent,
    Ledger,
    Metric,
    Row,
    Settlement,
    Source,
    Tally,
    UsageQuery,
)

NANOS = 1_000_000_000
HOUR_S = 3_600
DAY_S = 24 * HOUR_S
# A Monday's midnight in UTC.
DAY_0_S = 1_767_571_200
DAY_0_NS = DAY_0_S * NANOS
NOON_NS = DAY_0_NS + 12 * HOUR_S * NANOS

TOTAL, DAY = "total", "day@UTC"
ORGANIZATION = Counter("organization", Metric.COST, TOTAL, 0)
KEY_DAY = Counter("key/ci", Metric.COST, DAY, DAY_0_S)
TOKENS = Counter("key/ci", Metric.TOKENS, TOTAL, 0)
REQUESTS = Counter("team/platform", Metric.REQUESTS, TOTAL, 0)

FAMILIES: Mapping[Family, int] = {
    Family("organization", Metric.COST, TOTAL): 0,
    Family("key", Metric.COST, DAY): DAY_0_S,
    Family("key", Metric.TOKENS, TOTAL): 0,
    Family("team", Metric.REQUESTS, TOTAL): 0,
}

ALL_TIME = UsageQuery(0, 2**62)


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self, now_ns: int = NOON_NS) -> None:
        self.now_ns = now_ns

    def __call__(self) -> int:
        return self.now_ns


def entry(attempt_id: str, started_ns: int = NOON_NS, **fields: object) -> Entry:
    known: dict[str, object] = {
        "call_id": f"call-of-{attempt_id}",
        "method": "Generate",
        "kind": "first",
        "key": "ci",
        "team": "platform",
        "teams": ("engineering", "platform"),
        "end_user": "ada",
        "labels": {"app": "chat"},
        "route": "smart",
        "provider": "openai",
        "model": "gpt-4o-mini",
        "price_version": "2026-01-01",
    }
    return Entry(attempt_id=attempt_id, started_ns=started_ns, **{**known, **fields})  # type: ignore[arg-type]


def exactly(cost: int) -> CostRange:
    return CostRange(cost, cost, cost)


def charge(counter: Counter = ORGANIZATION, limit: int | None = None, amount: int = 0) -> Charge:
    return Charge(counter, limit, amount)


def intent(
    attempt_id: str,
    cost: int | CostRange = 10,
    charges: Sequence[Charge] = (Charge(ORGANIZATION, 100),),
    *,
    expires_ns: int = 2**62,
    **fields: object,
) -> Intent:
    cost = exactly(cost) if isinstance(cost, int) else cost
    return Intent(entry(attempt_id, **fields), charges, cost, expires_ns)  # type: ignore[arg-type]


def settlement(attempt_id: str, cost: int | None = 7, **fields: object) -> Settlement:
    known: dict[str, object] = {
        "source": Source.PROVIDER,
        "tally": Tally(30, 20, 10, 40, 5),
        "request_count": 1,
        "ended_ns": NOON_NS + NANOS,
        "latency_us": 120_000,
        "first_content_us": 30_000,
        "outcome": "ok",
        "http_status": 200,
        "cache": "",
        "charges": (),
    }
    return Settlement(attempt_id=attempt_id, cost_usd_nanos=cost, **{**known, **fields})  # type: ignore[arg-type]


async def reserved(ledger: Ledger, *intents: Intent) -> Sequence[int]:
    """Reserve, which must do; return what was granted."""
    grant = await ledger.reserve(intents)
    assert isinstance(grant, Grant), grant
    return grant.costs


async def balance(ledger: Ledger, counter: Counter = ORGANIZATION) -> Balance:
    (found,) = await ledger.balances([counter])
    return found


async def all_rows(ledger: Ledger, since_ns: int = 0, until_ns: int = 2**62) -> list[Row]:
    return [row async for batch in ledger.rows(since_ns, until_ns) for row in batch]
