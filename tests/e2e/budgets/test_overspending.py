"""Many calls at once on a budget for a few: those that fit are admitted, and nothing is overspent."""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from pathlib import Path

import pytest
from llmgateway_server.store.ledger import Source

from tests.e2e.budgets.stand import WAYS, budget, stand

IS_CAMPAIGN = os.environ.get("HYPOTHESIS_PROFILE") == "campaign"
CALL_COUNT = 1_000
FITTING = 10
LIMIT = 100
# Nothing is charged for input, so that a call costs just what is reserved for it.
PRICES = {"input": "0", "output": "10"}
CALL_USD = 0.001


@pytest.mark.parametrize("run", range(50 if IS_CAMPAIGN else 2))
async def test_of_a_thousand_calls_at_once_just_those_that_fit_are_admitted(tmp_path: Path, run: int) -> None:
    ways = random.Random(run).choices(WAYS, k=CALL_COUNT)
    async with stand(tmp_path, [budget(FITTING * CALL_USD)], PRICES) as it:
        calls = [it.ask("usual", way, write=LIMIT, limit=LIMIT) for way in ways]
        outcomes = Counter([outcome.code for outcome in await asyncio.gather(*calls)])
        books = await it.stop()
    assert outcomes[""] == len(it.provider.bill) == FITTING
    assert outcomes.keys() <= {"", "budget_exceeded", "quota_exceeded", "insufficient_quota"}, outcomes
    assert it.provider.billed_usd_nanos == books.booked_usd_nanos == FITTING * int(CALL_USD * 10**9)
    assert books.committed == {"organization": books.booked_usd_nanos}
    assert {row.source for row in books.rows} == {Source.PROVIDER}
    books.check_against(it.provider.bill)
