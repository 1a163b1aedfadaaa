"""Measures what much history costs: `make bench ARGS=--history`. A million rows over a month, then a report for each dimension.

`usage` is the time of a report, `reserve` the longest that a reservation took while it ran, beside the longest of as much
time without one. `start` is what a gateway takes to open the ledger again; `key` the look-up of one among so many keys.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import secrets
import tempfile
import time
import timeit
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from llmgateway_server.auth.keys import KeyEntry, Keyring, digest, new_key
from llmgateway_server.call import Principal
from llmgateway_server.store.ledger import (
    Charge,
    CostRange,
    Counter,
    Entry,
    Family,
    Intent,
    Ledger,
    Metric,
    Settlement,
    Source,
    Tally,
    UsageQuery,
)
from rich.box import SIMPLE_HEAD
from rich.table import Table

from tests.bench.report import Limit
from tests.server.store.stages import STAGES

ROW_COUNT, QUICK_ROW_COUNT = 1_000_000, 20_000
FLUSH_EVERY = 5_000
DAY_NS = 86_400 * 10**9
DAY_COUNT = 30
KEY_COUNTS = (100, 1_000, 10_000, 100_000)
TEAMS, KEYS, USERS, APPS = 20, 200, 2_000, 30
MODELS = [("openai", "gpt-4o-mini"), ("openai", "gpt-4o"), ("anthropic", "claude-sonnet-4-5"), ("local", "qwen3")]
DIMENSIONS = ("team", "key", "model", "label:app", "end_user")
MOST_USAGE_S, MOST_START_S = 0.3, 3.0
COUNTER = Counter("organization", Metric.COST, "total", 0)


@dataclass(frozen=True, slots=True)
class Report:
    """How long one report took, and what reservations took meanwhile, all in s."""

    dimension: str
    usage_s: float
    idle_reserve_s: float
    busy_reserve_s: float


@dataclass(frozen=True, slots=True)
class History:
    """The figures of one store."""

    store: str
    row_count: int
    start_s: float
    reports: Sequence[Report]


def entry_of(number: int, started_ns: int, chance: random.Random) -> Entry:
    """Return one of many attempts: teams have their keys, and some users and models are busier than others."""
    key = min(int(chance.paretovariate(1.2)), KEYS) - 1
    provider, model = MODELS[min(int(chance.paretovariate(1.0)), len(MODELS)) - 1]
    user = min(int(chance.paretovariate(0.8)), USERS) - 1
    labels = {"app": f"app-{key % APPS}", "env": "production" if key % 3 else "test"}
    team = f"team-{key % TEAMS}"
    call = f"call_{number:x}"
    return Entry(
        f"{call}/0", call, "Generate", "first", started_ns, f"key-{key}", team, f"user-{user}", labels, "", provider, model,
        "", ("company", team),
    )  # fmt: skip


def settlement_of(entry: Entry, chance: random.Random) -> Settlement:
    """Return how it ended."""
    read, written = int(chance.lognormvariate(6, 1)), int(chance.lognormvariate(5.7, 0.8))
    took_us = int(chance.lognormvariate(14, 0.6))
    outcome, status = ("ok", 200) if chance.random() > 0.01 else ("PROVIDER_UNAVAILABLE", 503)
    return Settlement(
        entry.attempt_id, Source.PROVIDER, 150 * read + 600 * written, Tally(read, read // 3, 0, written), 1,
        entry.started_ns + took_us * 1_000, took_us, took_us // 4, outcome, status,
    )  # fmt: skip


async def fill(ledger: Ledger, row_count: int, now_ns: int) -> None:
    """Write a month of history, in its order."""
    chance = random.Random(1)  # the same each time
    for number in range(row_count):
        entry = entry_of(number, now_ns - DAY_COUNT * DAY_NS + number * (DAY_COUNT * DAY_NS // row_count), chance)
        ledger.record(entry, settlement_of(entry, chance))
        if number % FLUSH_EVERY == 0:
            await ledger.flush()
    await ledger.flush()


async def longest_reserve(ledger: Ledger, is_over: Callable[[], bool]) -> float:
    """Reserve and settle again and again; return the longest that a reservation took, in s."""
    longest = 0.0
    while not is_over():
        entry = entry_of(time.time_ns(), time.time_ns(), random.Random(2))
        intent = Intent(entry, [Charge(COUNTER, 10**18)], CostRange(1_000, 1_000, 1_000), entry.started_ns + DAY_NS)
        began_s = time.perf_counter()
        await ledger.reserve([intent])
        longest = max(longest, time.perf_counter() - began_s)
        ledger.settle(Settlement(entry.attempt_id, Source.VOID, 0, Tally(), 0, entry.started_ns, 0, None, "never_sent"))
    return longest


async def report_of(ledger: Ledger, dimension: str, now_ns: int) -> Report:
    """Measure a report of the whole month by days."""
    query = UsageQuery(now_ns - DAY_COUNT * DAY_NS, now_ns, (dimension,))
    await ledger.usage(query)
    began_s = time.perf_counter()
    await ledger.usage(query)
    usage_s = time.perf_counter() - began_s
    until_s = time.perf_counter() + max(usage_s, 0.2)
    idle_s = await longest_reserve(ledger, lambda: time.perf_counter() >= until_s)
    asked = asyncio.ensure_future(ledger.usage(query))
    busy_s = await longest_reserve(ledger, asked.done)
    await asked
    return Report(dimension, usage_s, idle_s, busy_s)


async def measure_store(store: str, row_count: int) -> History:
    """Fill a store, open it anew, and report on it."""
    now_ns = time.time_ns()
    with tempfile.TemporaryDirectory() as folder:
        stage = STAGES[store](Path(folder), time.time_ns)
        async with contextlib.AsyncExitStack() as opened:
            ledger = await stage.open()
            try:
                await fill(ledger, row_count, now_ns)
            finally:
                await ledger.stop()
            began_s = time.perf_counter()
            ledger = await stage.open()
            opened.push_async_callback(ledger.stop)
            start_s = time.perf_counter() - began_s
            await ledger.activate({Family("organization", Metric.COST, "total"): 0})
            # Nothing is so old; but before anything is pruned all is summed up, which a million rows at once are not.
            await ledger.prune(0)
            return History(store, row_count, start_s, [await report_of(ledger, one, now_ns) for one in DIMENSIONS])


def measure(*, is_quick: bool) -> list[History]:
    """Measure every store that lasts."""
    row_count = QUICK_ROW_COUNT if is_quick else ROW_COUNT
    return [asyncio.run(measure_store(store, row_count)) for store in ("sqlite", "postgres")]


def measure_keys() -> dict[int, float]:
    """Return what finding a key among so many takes, in µs: the least of several rounds."""
    found: dict[int, float] = {}
    for count in KEY_COUNTS:
        keys = [new_key(secrets.token_bytes) for _ in range(count)]
        ring = Keyring([KeyEntry(digest(key, ""), Principal(f"key-{number}")) for number, key in enumerate(keys)])
        values = [f"Bearer {key}" for key in random.Random(3).choices(keys, k=1_000)]
        rounds = timeit.repeat(lambda ring=ring, values=values: [*map(ring.look_up, values)], number=1, repeat=7)  # type: ignore[misc]
        found[count] = min(rounds) / len(values) * 1e6
    return found


def make_table(histories: Sequence[History]) -> Table:
    """Return the reports to read."""
    count = histories[0].row_count
    table = Table(title=f"{count:,} rows of {DAY_COUNT} days, ms", title_justify="left", box=SIMPLE_HEAD)
    table.add_column("")
    for name in ("usage", "longest reserve", "without report"):
        table.add_column(name, justify="right", no_wrap=True)
    for history in histories:
        table.add_row(f"{history.store}, open in {history.start_s * 1e3:.0f} ms", style="bold")
        for one in history.reports:
            times = (one.usage_s, one.busy_reserve_s, one.idle_reserve_s)
            table.add_row(f"  by {one.dimension}", *(f"{1e3 * time_s:.0f}" for time_s in times))
    return table


def make_key_table(found: dict[int, float]) -> Table:
    """Return the look-ups to read."""
    table = Table(title="A key found among so many, µs", title_justify="left", box=SIMPLE_HEAD)
    for count in found:
        table.add_column(f"{count:,}", justify="right")
    table.add_row(*(f"{cost_us:.1f}" for cost_us in found.values()))
    return table


def make_limits(histories: Sequence[History]) -> list[Limit]:
    """Return the slowest report and start of each store."""
    return [
        limit
        for one in histories
        for limit in (
            Limit(f"{one.store}: slowest report", max(report.usage_s for report in one.reports), MOST_USAGE_S, "s"),
            Limit(f"{one.store}: start", one.start_s, MOST_START_S, "s"),
        )
    ]
