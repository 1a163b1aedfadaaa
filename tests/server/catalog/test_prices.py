from collections.abc import Sequence
from datetime import date
from fractions import Fraction
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from llmgateway.v1 import model_pb2, usage_pb2
from llmgateway_server.catalog.models import kinds_of, load_models, meets
from llmgateway_server.catalog.prices import (
    TOKEN_KINDS,
    Price,
    Tariff,
    load_prices,
    parse_prices,
    price_messages,
)
from llmgateway_server.catalog.vendors import CatalogError, load_vendors
from llmgateway_server.config.settings import TokenKind

DAY = date(2026, 11, 25)


def prices(**usd_nanos_per_million: int) -> list[Price]:
    return [Price(kind, rate, "a test", DAY) for kind, rate in usd_nanos_per_million.items()]


def usage(**counts: int) -> usage_pb2.Usage:
    return usage_pb2.Usage(**{TOKEN_KINDS[kind][0]: count for kind, count in counts.items()})


def cost_of(known: Sequence[Price], used: usage_pb2.Usage) -> int | None:
    """Return what a usage costs, None where no price is known."""
    return Tariff(known).cost_usd_nanos(used) if known else None


@pytest.mark.parametrize(
    ("rates", "counts", "expected"),
    [
        ({"input": 150_000_000, "output": 600_000_000}, {"input": 1_000_000, "output": 1_000_000}, 750_000_000),
        ({"input": 150_000_000, "output": 600_000_000}, {"input": 10, "output": 5}, 1500 + 3000),
        ({"input": 150_000_000, "output": 600_000_000}, {}, 0),
        # Two halves of a nano-dollar are one: summed first, rounded up once.
        ({"input": 500_000, "output": 500_000}, {"input": 1, "output": 1}, 1),
        ({"input": 1}, {"input": 1}, 1),
        ({"input": 0}, {"input": 1_000_000}, 0),
        # Cached tokens are a part of the input, with a price of their own or without.
        ({"input": 10_000_000, "cached_input": 1_000_000}, {"input": 100, "cached_input": 60}, 400 + 60),
        ({"input": 10_000_000}, {"input": 100, "cached_input": 60}, 1000),
        ({"input": 10_000_000, "cache_write_input": 20_000_000}, {"input": 9, "cache_write_input": 4}, 50 + 80),
        ({"output": 1_000_000, "reasoning": 3_000_000}, {"output": 10, "reasoning": 4}, 6 + 12),
        ({"cached_input": 1_000_000}, {"input": 100, "cached_input": 60}, 60),
        # Writes for an hour are a part of the writes, which are a part of the input.
        (
            {"input": 10_000_000, "cache_write_input": 20_000_000, "long_cache_write_input": 40_000_000},
            {"input": 9, "cache_write_input": 4, "long_cache_write_input": 1},
            50 + 60 + 40,
        ),
        (
            {"input": 10_000_000, "long_cache_write_input": 40_000_000},
            {"input": 9, "cache_write_input": 4, "long_cache_write_input": 1},
            80 + 40,
        ),
        # Nonsense gives no credit.
        ({"input": 1_000_000, "output": 1_000_000}, {"input": -5, "output": 7}, 7),
        ({"input": 1_000_000, "cached_input": 1_000_000}, {"input": 5, "cached_input": 7}, 7),
        # The largest counts and prices stay exact.
        ({"input": 10**15}, {"input": 2**31 - 1}, (2**31 - 1) * 10**9),
    ],
)
def test_a_usage_costs_the_sum_of_its_parts(rates: dict[str, int], counts: dict[str, int], expected: int) -> None:
    assert Tariff(prices(**rates)).cost_usd_nanos(usage(**counts)) == expected


@given(
    st.dictionaries(st.sampled_from(sorted(TOKEN_KINDS)), st.integers(0, 10**12)),
    st.dictionaries(st.sampled_from(sorted(TOKEN_KINDS)), st.integers(-5, 2**31 - 1)),
)
def test_a_cost_is_a_whole_number_and_never_a_credit(rates: dict[str, int], counts: dict[str, int]) -> None:
    cost = Tariff(prices(**rates)).cost_usd_nanos(usage(**counts))
    assert isinstance(cost, int)
    assert cost >= 0


@given(st.integers(0, 10**12), st.integers(0, 10**12), st.integers(0, 2**31 - 1), st.integers(0, 2**31 - 1))
def test_a_cost_is_the_exact_one_rounded_up(input_rate: int, output_rate: int, inputs: int, outputs: int) -> None:
    cost = Tariff(prices(input=input_rate, output=output_rate)).cost_usd_nanos(usage(input=inputs, output=outputs))
    exact = Fraction(input_rate * inputs + output_rate * outputs, 10**6)
    assert exact <= cost < exact + 1


def test_the_mock_has_its_documented_price_and_the_unknown_have_none() -> None:
    book = load_prices()
    assert cost_of(book.find("mock", "echo"), usage(input=1_000_000, output=1_000_000)) == 750_000_000
    assert cost_of(book.find("openai", "no-such-model"), usage(input=1)) is None
    assert cost_of(book.find("local", "gpt-4o-mini"), usage(input=1)) is None
    assert cost_of(book.find("mocked", "echo"), usage(input=1)) is None


# What vendors' price lists say of a call, in US dollars a million tokens (read 2026-11-25), worked out by hand.
DOCUMENTED = [
    # 0.15 in, 0.075 cached, 0.60 out
    ("openai", "gpt-4o-mini", {"input": 2_000, "cached_input": 1_000, "output": 500}, 150_000 + 75_000 + 300_000),
    # 3 in, 0.30 cache reads, 3.75 cache writes, 6 for an hour, 15 out
    (
        "anthropic",
        "claude-sonnet-4-20250514",
        {
            "input": 10_000,
            "cached_input": 4_000,
            "cache_write_input": 3_000,
            "long_cache_write_input": 1_000,
            "output": 1_000,
        },
        3_000 * 3_000 + 4_000 * 300 + 2_000 * 3_750 + 1_000 * 6_000 + 1_000 * 15_000,
    ),
    # 1.25 in and 10 out up to 200,000 tokens of input; 2.50 and 15 above, for all of them
    ("gemini", "gemini-2.5-pro", {"input": 200_000, "output": 1_000}, 200_000 * 1_250 + 1_000 * 10_000),
    ("gemini", "gemini-2.5-pro", {"input": 200_001, "output": 1_000}, 200_001 * 2_500 + 1_000 * 15_000),
    # 10 for a thousand searches
    ("anthropic", "claude-sonnet-4-20250514", {"search_unit": 3}, 30_000_000),
]


@pytest.mark.parametrize(("provider", "model", "counts", "expected"), DOCUMENTED)
def test_vendors_documented_prices_come_out(provider: str, model: str, counts: dict[str, int], expected: int) -> None:
    assert cost_of(load_prices().find(provider, model), usage(**counts)) == expected


def test_the_configuration_s_price_comes_first() -> None:
    own = {"openai/gpt-4o-mini": prices(input=1_000_000)}
    book = load_prices().with_own(own)
    assert cost_of(book.find("openai", "gpt-4o-mini"), usage(input=5, output=5)) == 5
    assert cost_of(book.find("openai", "gpt-4o"), usage(input=1_000_000)) is not None


def test_a_model_is_described_by_what_is_known_of_it() -> None:
    model = model_pb2.Model(id="anthropic/claude-3-7-sonnet-20250219")
    load_prices().describe(model, "anthropic", "claude-3-7-sonnet-20250219")
    assert model.context_token_count == 200_000
    assert {price.token_kind for price in model.prices} >= {"input", "cached_input", "cache_write_input", "output"}
    unknown = model_pb2.Model(id="openai/x")
    load_prices().describe(unknown, "openai", "x")
    assert unknown == model_pb2.Model(id="openai/x")


def test_the_file_s_kinds_are_known_and_its_rows_can_be_matched() -> None:
    models = load_models()
    for vendor, rows in models.vendors.items():
        assert vendor in load_vendors()
        assert kinds_of(rows) <= TOKEN_KINDS.keys()
        for row in rows:
            for conditions in row.match:
                assert conditions
                assert {kind for kind, _ in conditions} <= {"equals", "starts_with", "ends_with", "contains", "regex"}
                exact = [text for kind, text in conditions if kind == "equals"]
                assert not exact or row.fits(exact[0])
            for steps in row.prices.values():
                assert steps[0][0] == 0
                assert [above for above, _ in steps] == sorted({above for above, _ in steps})


def test_the_settings_know_every_kind_that_has_a_price() -> None:
    assert set(get_args(TokenKind)) == TOKEN_KINDS.keys()


@pytest.mark.parametrize(
    ("kind", "text", "name", "meets_it"),
    [
        ("equals", "a", "a", True),
        ("equals", "a", "ab", False),
        ("starts_with", "a", "ab", True),
        ("starts_with", "b", "ab", False),
        ("ends_with", "b", "ab", True),
        ("ends_with", "a", "ab", False),
        ("contains", "b", "abc", True),
        ("contains", "d", "abc", False),
        ("regex", "^a.c$", "abc", True),
        ("regex", "^b", "abc", False),
    ],
)
def test_a_condition_is_met_or_not(kind: str, text: str, name: str, meets_it: bool) -> None:
    assert meets(name, kind, text) == meets_it


def test_the_longest_fitting_name_wins() -> None:
    row = "source = 'a test'\nread_on = 2026-11-25\nusd_per_million = {{ input = '{}' }}\n"
    names = {"p/*": "1", "p/a*": "2", "p/ab": "3"}
    book = parse_prices("".join(f'["{name}"]\n{row.format(usd)}' for name, usd in names.items()))
    costs = [cost_of(book.find("p", model), usage(input=1)) for model in ("x", "ax", "ab", "abc")]
    assert costs == [1000, 2000, 3000, 2000]


def test_prices_are_shown_with_source_and_day() -> None:
    (message,) = price_messages(prices(input=5))
    assert (message.token_kind, message.usd_nanos_per_million, message.source) == ("input", 5, "a test")
    assert message.read_time.ToJsonString() == "2026-11-25T00:00:00Z"


def test_every_kind_of_token_is_counted_by_the_contract() -> None:
    for kind, (field, whole) in TOKEN_KINDS.items():
        assert field in (f"{kind}_token_count", f"{kind}_count")
        assert field in usage_pb2.Usage.DESCRIPTOR.fields_by_name
        assert whole in ("", *TOKEN_KINDS)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("usd_per_million = { inptu = '1' }", "unknown token kind inptu"),
        ("usd_per_million = { input = 0.15 }", "Expected `str`"),
        ("usd_per_million = { input = 'x' }", "input is no decimal number"),
        ("usd_per_million = { input = '-1' }", "input is a positive number"),
        ("usd_per_million = { input = '0.0000000001' }", "at most 9 decimals"),
        ("usd_per_million = { input = 'NaN' }", "input is a positive number"),
        ("usd_per_million = {}\ncurrency = 'EUR'", "unknown field `currency`"),
    ],
)
def test_prices_that_cannot_be_kept_exactly_are_refused(row: str, expected: str) -> None:
    with pytest.raises(CatalogError, match="prices of p/x: ") as caught:
        parse_prices(f"['p/x']\nsource = 'a test'\nread_on = 2026-11-25\n{row}")
    assert expected in str(caught.value)
