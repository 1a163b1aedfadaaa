from dataclasses import dataclass
from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from llmgateway.v1 import usage_pb2
from llmgateway_server.catalog.prices import (
    TOKEN_KINDS,
    Price,
    cost_usd_nanos,
    load_prices,
    parse_prices,
    price_messages,
)
from llmgateway_server.catalog.vendors import CatalogError

DAY = date(2026, 11, 25)


@dataclass(frozen=True)
class Target:
    provider: str
    model: str


def prices(**usd_nanos_per_million: int) -> list[Price]:
    return [Price(kind, rate, "a test", DAY) for kind, rate in usd_nanos_per_million.items()]


def usage(**counts: int) -> usage_pb2.Usage:
    return usage_pb2.Usage(**{f"{kind}_token_count": count for kind, count in counts.items()})


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
        # Nonsense gives no credit.
        ({"input": 1_000_000, "output": 1_000_000}, {"input": -5, "output": 7}, 7),
        ({"input": 1_000_000, "cached_input": 1_000_000}, {"input": 5, "cached_input": 7}, 7),
        # The largest counts and prices stay exact.
        ({"input": 10**15}, {"input": 2**31 - 1}, (2**31 - 1) * 10**9),
    ],
)
def test_a_usage_costs_the_sum_of_its_parts(rates: dict[str, int], counts: dict[str, int], expected: int) -> None:
    assert cost_usd_nanos(usage(**counts), prices(**rates)) == expected


@given(
    st.dictionaries(st.sampled_from(sorted(TOKEN_KINDS)), st.integers(0, 10**12)),
    st.dictionaries(st.sampled_from(sorted(TOKEN_KINDS)), st.integers(-5, 2**31 - 1)),
)
def test_a_cost_is_a_whole_number_and_never_a_credit(rates: dict[str, int], counts: dict[str, int]) -> None:
    cost = cost_usd_nanos(usage(**counts), prices(**rates))
    assert isinstance(cost, int)
    assert cost >= 0


@given(st.integers(0, 10**12), st.integers(0, 10**12), st.integers(0, 2**31 - 1), st.integers(0, 2**31 - 1))
def test_a_cost_is_the_exact_one_rounded_up(input_rate: int, output_rate: int, inputs: int, outputs: int) -> None:
    cost = cost_usd_nanos(usage(input=inputs, output=outputs), prices(input=input_rate, output=output_rate))
    exact = Fraction(input_rate * inputs + output_rate * outputs, 10**6)
    assert exact <= cost < exact + 1


def test_the_mock_has_its_documented_price_and_others_have_none() -> None:
    book = load_prices()
    assert book.cost_usd_nanos(Target("mock", "echo"), usage(input=1_000_000, output=1_000_000)) == 750_000_000
    assert book.cost_usd_nanos(Target("openai", "gpt-4o-mini"), usage(input=1)) is None
    assert book.cost_usd_nanos(Target("mocked", "echo"), usage(input=1)) is None


def test_the_longest_fitting_name_wins() -> None:
    row = "source = 'a test'\nread_on = 2026-11-25\nusd_per_million = {{ input = '{}' }}\n"
    names = {"p/*": "1", "p/a*": "2", "p/ab": "3"}
    book = parse_prices("".join(f'["{name}"]\n{row.format(usd)}' for name, usd in names.items()))
    costs = [book.cost_usd_nanos(Target("p", model), usage(input=1)) for model in ("x", "ax", "ab", "abc")]
    assert costs == [1000, 2000, 3000, 2000]


def test_prices_are_shown_with_source_and_day() -> None:
    (message,) = price_messages(prices(input=5))
    assert (message.token_kind, message.usd_nanos_per_million, message.source) == ("input", 5, "a test")
    assert message.read_time.ToJsonString() == "2026-11-25T00:00:00Z"


def test_every_kind_of_token_is_counted_by_the_contract() -> None:
    for kind, (field, whole) in TOKEN_KINDS.items():
        assert field == f"{kind}_token_count"
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
