"""Ledgers in PostgreSQL for tests, and what is booked in them."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import msgspec
from llmgateway_server.store.ledger import (
    Charge,
    CostRange,
    Counter,
    Entry,
    Family,
    Intent,
    Metric,
    Row,
    Settlement,
    Source,
    Tally,
)
from llmgateway_server.store.postgres.ledger import PostgresLedger, Timing

NANOS_PER_S = 1_000_000_000
BEGAN_NS = 1_760_000_000 * NANOS_PER_S
LATER_NS = BEGAN_NS + 3_600 * NANOS_PER_S

ORGANIZATION = Counter("organization", Metric.COST, "total", 0)
KEY = Counter("key/ci", Metric.COST, "total", 0)
KEY_TOKENS = Counter("key/ci", Metric.TOKENS, "total", 0)
FAMILIES: Mapping[Family, int] = {
    Family("organization", Metric.COST, "total"): 0,
    Family("key", Metric.COST, "total"): 0,
    Family("key", Metric.TOKENS, "total"): 0,
}

# A machine under load takes its time.
PATIENT = Timing(reserve_timeout_s=60.0, settle_timeout_s=60.0, beat_s=0.1, retry_s=0.05, gathering_s=0.001)
# Where PostgreSQL goes away, it shall be noticed soon.
QUICK = msgspec.structs.replace(PATIENT, reserve_timeout_s=0.5, settle_timeout_s=0.5)

numbers = itertools.count()


class Clock:
    """A wall's clock that a test turns."""

    def __init__(self) -> None:
        self.now_ns = BEGAN_NS

    def __call__(self) -> int:
        return self.now_ns


def new_id() -> str:
    return uuid4().hex


@asynccontextmanager
async def ledger_at(
    url: str,
    spool: Path,
    clock: Clock | None = None,
    timing: Timing = PATIENT,
    families: Mapping[Family, int] = FAMILIES,
    largest_batch: int = 128,
) -> AsyncIterator[PostgresLedger]:
    """Open a ledger; close it at the end."""
    ledger = PostgresLedger(
        url, spool=spool, clock=clock or Clock(), new_id=new_id, timing=timing, largest_batch=largest_batch
    )
    await ledger.start()
    try:
        await ledger.activate(families)
        yield ledger
    finally:
        await ledger.stop()


def entry(key: str = "ci", **changes: Any) -> Entry:
    number = f"{new_id()}-{next(numbers)}"
    known: dict[str, Any] = {
        "attempt_id": f"attempt-{number}",
        "call_id": f"call-{number}",
        "method": "Generate",
        "kind": "first",
        "started_ns": BEGAN_NS,
        "key": key,
        "team": "platform",
        "end_user": "",
        "labels": {"app": "search"},
        "route": "fast",
        "provider": "openai",
        "model": "gpt-4o-mini",
        "price_version": "2026-11",
        "teams": ("platform", "all"),
    }
    return Entry(**(known | changes))


def charges(limit: int | None = None, tokens: int = 0) -> Sequence[Charge]:
    return Charge(ORGANIZATION, limit), Charge(KEY), Charge(KEY_TOKENS, None, tokens)


def intent(cost: int, limit: int | None = None, tokens: int = 0, **changes: Any) -> Intent:
    return Intent(entry(**changes), charges(limit, tokens), CostRange(cost, cost, cost), LATER_NS)


def settlement(of: Entry | Intent, cost: int, source: Source = Source.PROVIDER, tokens: int = 0) -> Settlement:
    attempt_id = of.attempt_id if isinstance(of, Entry) else of.entry.attempt_id
    return Settlement(
        attempt_id,
        source,
        cost,
        Tally(input_token_count=tokens),
        1,
        BEGAN_NS + NANOS_PER_S,
        1_000_000,
        200_000,
        "ok",
        200,
        "",
        charges(),
    )


async def rows_of(ledger: PostgresLedger) -> list[Row]:
    return [row async for batch in ledger.rows(0, 2**62) for row in batch]


async def ask(url: str, statement: str, *arguments: object) -> Any:
    """Ask the database behind the ledger's back."""
    connection = await asyncpg.connect(url, server_settings={"search_path": "llmgateway"})
    try:
        return await connection.fetchval(statement, *arguments)
    finally:
        await connection.close()
