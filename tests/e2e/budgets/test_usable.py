"""Budgets are usable: nearly all of one is spent before anybody is refused, and nobody for ever while money is left."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

from tests.e2e.budgets.stand import GRPC, REST, WAYS, Stand, budget, stand
from tests.fakes.billing import FRAME_TOKENS

SEED = 8
CALLERS = 50
MEDIAN_TOKENS, SIGMA = 300, 0.8
# An answer of the least length that anybody is given, 256 tokens, and what the input may cost at most.
LEAST_USD_NANOS = 256 * 10_000 + 200 * 1_000
PRICES = {"input": "1", "output": "10"}
LONG_ANSWER = 32_000


class Spree:
    """Callers who ask again and again until they are told that the money is gone."""

    def __init__(self, it: Stand, seed: int) -> None:
        self.it = it
        self.random = random.Random(seed)
        self.spent_at_first_refusal: int | None = None
        self.left_at_refusals: list[int] = []
        self.answered = 0

    async def shop(self, number: int, limit_usd_nanos: int) -> None:
        """Ask until nothing is left; come back when told to."""
        way = WAYS[number % len(WAYS)]
        while True:
            write = max(1, int(self.random.lognormvariate(0, SIGMA) * MEDIAN_TOKENS))
            outcome = await self.it.ask("paced", way, write=write)
            if not outcome.code:
                self.answered += 1
                continue
            assert "quota" in outcome.code or "budget" in outcome.code, outcome
            if self.spent_at_first_refusal is None:
                self.spent_at_first_refusal = self.it.provider.billed_usd_nanos
            if outcome.retry_after_s is None:
                # What it was told of may be spent a moment later, never less.
                self.left_at_refusals.append(limit_usd_nanos - self.it.provider.billed_usd_nanos)
                return
            await asyncio.sleep(outcome.retry_after_s)


async def test_nine_tenths_of_a_dollar_are_spent_before_the_first_refusal(tmp_path: Path) -> None:
    limit = 10**9
    async with stand(tmp_path, [budget(1)], PRICES) as it:
        spree = Spree(it, SEED)
        await asyncio.gather(*(spree.shop(number, limit) for number in range(CALLERS)))
        books = await it.stop()
    assert spree.spent_at_first_refusal is not None
    assert spree.spent_at_first_refusal >= 0.9 * limit
    assert spree.answered > 150
    # Nobody was sent away for ever while an answer would have fitted.
    assert max(spree.left_at_refusals) < LEAST_USD_NANOS
    assert books.booked_usd_nanos <= limit
    assert books.booked_usd_nanos == it.provider.billed_usd_nanos
    books.check_against(it.provider.bill)
    # Who gave no limit was given one, and the provider heard of it.
    assert all(line.limit is not None and 256 <= line.limit <= 4_096 for line in it.provider.bill)


async def test_a_limit_that_the_caller_gave_is_kept_or_the_call_refused(tmp_path: Path) -> None:
    async with stand(tmp_path, [budget("0.5")], PRICES) as it:
        beyond = await it.ask("usual", GRPC, limit=128_000)
        fitting = await it.ask("usual", GRPC, limit=40_000)
        books = await it.stop()
    assert beyond.code == "invalid_field"  # 1.28 dollars fit into no half of one, however empty
    assert not fitting.code
    assert [line.limit for line in it.provider.bill] == [40_000]
    assert len(books.rows) == 1


async def test_a_hundred_thousand_tokens_a_minute_admit_calls_that_may_write_long(tmp_path: Path) -> None:
    rate = {"scope": "organization", "metric": "tokens", "window": "minute", "limit": 100_000}
    async with stand(tmp_path, [rate], PRICES) as it:
        calls = [it.ask("usual", way, write=500, limit=LONG_ANSWER) for way in (GRPC, REST) for _ in range(20)]
        outcomes = await asyncio.gather(*calls)
        books = await it.stop()
    assert [outcome.code for outcome in outcomes] == [""] * 40
    assert sum(row.tally.output_token_count for row in books.rows) == 40 * 500
    assert all(row.tally.input_token_count >= FRAME_TOKENS for row in books.rows)
