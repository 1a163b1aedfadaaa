"""Gateways that are killed at any point: no acknowledged row is lost or doubled, and nothing stays held."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from llmgateway_server.store.ledger import Row, Source

from tests.e2e.budgets.books import Books, adjusted, read_books
from tests.e2e.budgets.killable import ALL_POINTS, POINTS, PRUNING, STARTING, find
from tests.e2e.budgets.stand import KILLABLE, WAYS, Stand, budget, callers, document, gateway, start, write_document
from tests.e2e.serving import SAFETY_S
from tests.fakes.billing import PRICES, BillingProvider

IS_CAMPAIGN = os.environ.get("HYPOTHESIS_PROFILE") == "campaign"
SEEDS = range(200) if IS_CAMPAIGN else (0, 1, 3)
STARTING_SEEDS = range(3 * len(STARTING)) if IS_CAMPAIGN else range(1)
PRUNING_SEEDS = range(3 * len(PRUNING)) if IS_CAMPAIGN else range(1)
RANDOM_SHARE = 4
MODELS = ("usual", "usual", "usual", "paced", "silent", "failing", "breaking", "held-middle")
CALLERS = 8
POLL_S = 0.05
CALLS_AFTER = 8
CONCURRENCY = 12
LIMIT = 300
QUOTAS = [
    budget(5),
    budget("4.5", "key/anonymous"),
    {"scope": "organization", "metric": "concurrency", "limit": CONCURRENCY},
]
NEW_QUOTAS = [*QUOTAS, budget(5, "provider/fake"), budget(5, window="day")]


class Life:
    """A ledger's file through the lives of several gateways, and all that their callers and its readers saw."""

    def __init__(self, folder: Path, provider: BillingProvider, seed: int) -> None:
        self.random = random.Random(seed)
        self.provider = provider
        self.file = folder / "ledger.db"
        self.config = folder / "gateway.json"
        self.log = folder / "log"
        self.answered: set[str] = set()
        self.seen: dict[str, Row] = {}
        self.user_count = 0
        self.configure(QUOTAS)

    def configure(self, quotas: Sequence[dict[str, object]]) -> None:
        write_document(self.config, document(self.provider.base_url, f"sqlite:///{self.file}", quotas, PRICES))

    def new_user(self) -> str:
        self.user_count += 1
        return f"user-{self.user_count}"

    @asynccontextmanager
    async def living(self, *trap: str) -> AsyncIterator[Stand]:
        """Run a gateway, with a trap if one is named."""
        program = (*KILLABLE, *(trap or ("request-may-leave", "0", "KILL")))
        async with AsyncExitStack() as opened:
            served = await opened.enter_async_context(gateway(self.config, self.log, program))
            yield await opened.enter_async_context(callers(served, self.provider, self.file, self.config))

    async def call_on(self, it: Stand, count: int = 10**6) -> None:
        """Call again and again, until the gateway is gone."""
        for _ in range(count):
            user, way, model = self.new_user(), self.random.choice(WAYS), self.random.choice(MODELS)
            timeout_s = 0.2 if model == "held-middle" else SAFETY_S
            outcome = await it.ask(
                model, way, user, write=self.random.randrange(2 * LIMIT), limit=LIMIT, timeout_s=timeout_s
            )
            if outcome.code == "lost" or it.served.process.returncode is not None:
                return
            assert outcome.code not in ("budget_exceeded", "quota_exceeded", "internal"), outcome
            if not outcome.code:
                self.answered.add(user)

    def poll(self) -> Books:
        """Look into the file: what is billed is covered, and what was there is still there."""
        bill = list(self.provider.bill)
        books = read_books(self.file)
        assert books.covers(bill), "more is billed than is booked and held"
        attempts = books.attempts
        for attempt_id, row in self.seen.items():
            assert attempts[attempt_id] == row, "a row that had been written is gone or changed"
        self.seen = attempts
        return books

    def poll_sums(self) -> Books:
        """Look into the file whose rows are pruned: the sums cover the bill."""
        billed = self.provider.billed_usd_nanos
        books = read_books(self.file)
        assert billed <= books.used_usd_nanos + books.held_usd_nanos
        assert books.committed.get("organization", 0) == books.used_usd_nanos
        return books

    async def die(self, it: Stand, poll: Callable[[Life], Books] = poll) -> None:
        """Call and poll until the gateway is killed."""
        calls = [asyncio.ensure_future(self.call_on(it)) for _ in range(CALLERS)]
        ended = asyncio.ensure_future(it.served.exit_code())
        async with asyncio.timeout(2 * SAFETY_S):
            while not ended.done():
                poll(self)
                await asyncio.wait([ended], timeout=POLL_S)
        assert await ended == -signal.SIGKILL
        async with asyncio.timeout(SAFETY_S):
            await asyncio.gather(*calls)
        poll(self)

    def check(self, books: Books) -> None:
        """See that nothing is lost: of what was billed, and of what callers were told."""
        assert not books.open_rows
        by_user = {row.entry.end_user: row for row in books.attempts.values()}
        assert self.answered <= by_user.keys(), "an answer has no row"
        books.check_against(self.provider.bill)
        for row in by_user.values():
            if row.source is Source.VOID and not adjusted(books.rows, row):
                assert not sum(line.usd_nanos for line in self.provider.lines_of(row.entry.end_user))
        for scope in ("organization", "key/anonymous"):
            assert books.committed[scope] == books.booked_usd_nanos


@asynccontextmanager
async def life(folder: Path, seed: int) -> AsyncIterator[Life]:
    async with BillingProvider() as provider:
        yield Life(folder, provider, seed)


async def live_on(story: Life) -> None:
    """Serve once more on the same file: nothing is held, and calls are answered as if nothing had been."""
    async with story.living() as it:
        assert not story.poll().open_rows, "what the dead process held is not presumed"
        async with asyncio.timeout(SAFETY_S):
            # As many at once as the quota lets run: what ran when the process died takes no room.
            await asyncio.gather(*(story.call_on(it, 1) for _ in range(CALLS_AFTER)))
        books = await it.stop()
    story.poll()
    story.check(books)


@pytest.mark.parametrize("seed", SEEDS)
async def test_a_gateway_killed_while_it_serves_loses_and_doubles_nothing(tmp_path: Path, seed: int) -> None:
    async with life(tmp_path, seed) as story:
        if seed % RANDOM_SHARE == RANDOM_SHARE - 1:
            async with story.living() as it:
                dying = asyncio.ensure_future(story.die(it))
                await asyncio.sleep(story.random.uniform(0.05, 0.8))
                await it.kill()
                await dying
        else:
            point = [*POINTS][(seed * 5) % len(POINTS)]
            async with story.living(point, str(story.random.randrange(1, 40)), "KILL") as it:
                await story.die(it)
        await live_on(story)


@pytest.mark.parametrize("seed", PRUNING_SEEDS)
async def test_a_gateway_killed_while_it_prunes_keeps_the_sums(tmp_path: Path, seed: int) -> None:
    point = [*PRUNING][(seed + 2) % len(PRUNING)]
    async with life(tmp_path, seed) as story:
        async with story.living(point, str(story.random.randrange(1, 6)), "KILL") as it:
            await story.die(it, Life.poll_sums)
        async with story.living() as it:
            await story.call_on(it, CALLS_AFTER)
            books = await it.stop()
        assert not books.open_rows
        assert books.committed["organization"] == books.used_usd_nanos >= story.provider.billed_usd_nanos
        assert len(books.attempts) < story.user_count, "nothing was pruned"


@pytest.mark.parametrize("seed", STARTING_SEEDS)
async def test_a_gateway_killed_while_it_starts_presumes_and_counts_once(tmp_path: Path, seed: int) -> None:
    point = [*STARTING][(seed + 1) % len(STARTING)]
    async with life(tmp_path, seed) as story:
        async with story.living("call-is-reserved", "30", "KILL") as it:
            await story.die(it)
        story.configure(NEW_QUOTAS)
        process = await start(story.config, story.log, (*KILLABLE, point, "1", "KILL"))
        async with asyncio.timeout(SAFETY_S):
            await process.communicate()
        assert process.returncode == -signal.SIGKILL
        story.poll()
        await live_on(story)
        books = read_books(story.file)
        assert books.committed["provider/fake"] == books.booked_usd_nanos


@pytest.mark.parametrize("name", ALL_POINTS)
def test_a_point_names_what_there_is(name: str) -> None:
    find(ALL_POINTS[name])


def test_there_are_twenty_points_and_more() -> None:
    assert len(POINTS) >= 20
