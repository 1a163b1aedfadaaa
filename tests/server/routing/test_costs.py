"""What is compared before a call equals what would be billed after it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from llmgateway.v1 import usage_pb2
from llmgateway_server.catalog.knowledge import load_knowledge
from llmgateway_server.catalog.prices import Tariff
from llmgateway_server.config.settings import ProviderSettings, Settings
from llmgateway_server.routing.costs import cost_of, most_cost_usd_nanos
from llmgateway_server.routing.profile import ProfileBook
from llmgateway_server.routing.target import Target

from tests.server.routing.world import World, chat

NAMES = [
    ("openai", "gpt-4o-mini"),
    ("gemini", "gemini-2.5-pro"),  # dearer above 200,000 tokens
    ("anthropic", "claude-sonnet-4-5"),
    ("openai", "text-embedding-3-small"),
]
SETTINGS = Settings(providers={name: ProviderSettings() for name, _ in NAMES})
PROFILES = ProfileBook(SETTINGS, load_knowledge(SETTINGS), lambda _: 1)


@given(st.sampled_from(NAMES), st.integers(0, 2_000_000), st.integers(0, 200_000))
def test_the_estimate_of_text_is_its_bill(name: tuple[str, str], input_count: int, output_count: int) -> None:
    profile = PROFILES.of(Target(*name))
    assert profile.prices
    usage = usage_pb2.Usage(input_token_count=input_count, output_token_count=output_count)
    assert cost_of(input_count, output_count, profile) == Tariff(profile.prices).cost_usd_nanos(usage)


def test_the_bound_is_of_all_that_may_be_written() -> None:
    world = World(models={"a/m": {"price": {"input": 1, "output": 10}, "max_output_tokens": 1_000}})
    profile = world.plan("a/m").choices[0].profile
    assert most_cost_usd_nanos(chat("x" * 400), profile) == 104 * 1_000 + 1_000 * 10_000
    asked = chat("x" * 400, max_output_token_count=10, candidate_count=3)
    assert most_cost_usd_nanos(asked, profile) == 104 * 1_000 + 30 * 10_000
    assert most_cost_usd_nanos(asked, world.plan("b/m").choices[0].profile) is None
