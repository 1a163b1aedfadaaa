"""OpenRouter chooses who serves: it is told the prices that a call was reserved at."""

from __future__ import annotations

import json
from datetime import date

import pytest
from llmgateway_server.catalog.prices import Price
from llmgateway_server.quota.ceiling import with_ceiling
from llmgateway_server.quota.quotas import ESTIMATE, STRICT

from tests.server.quota.test_accounts import quota, request_of, terms_of, world

DAY = date(2026, 12, 1)
# Dearer for prompts of more than a thousand tokens.
STEPS = (
    Price("input", 1_500_000_000, "test", DAY),
    Price("output", 15_000_000_000, "test", DAY),
    Price("input", 3_000_000_000, "test", DAY, 1_000),
    Price("output", 22_500_000_000, "test", DAY, 1_000),
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("Hello", {"prompt": 1.5, "completion": 15}), ("Hello " * 500, {"prompt": 3, "completion": 22.5})],
)
async def test_the_ceiling_is_what_was_reserved_not_what_longer_prompts_cost(
    text: str, expected: dict[str, float]
) -> None:
    made = await world(quota("key/ci", 10**12))
    booking = await made.reserve(request_of(10, text), terms_of(STEPS, "openrouter/openai/gpt-4o"))
    assert booking.ceiling is not None
    options = json.loads(with_ceiling('{"provider": {"sort": "price"}, "seed": 1}', booking.ceiling))
    assert options == {"provider": {"sort": "price", "max_price": expected}, "seed": 1}


@pytest.mark.parametrize(
    ("target", "enforcement"), [("openai/gpt-4o", STRICT), ("openrouter/openai/gpt-4o", ESTIMATE), ("fake/m", STRICT)]
)
async def test_others_choose_nobody_and_estimates_bind_nothing(target: str, enforcement: str) -> None:
    made = await world(quota("key/ci", 10**12, enforcement=enforcement))
    assert (await made.reserve(request_of(10), terms_of(STEPS, target))).ceiling is None
