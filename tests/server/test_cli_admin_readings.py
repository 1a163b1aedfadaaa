"""What times and amounts on the command line mean, and how amounts are written."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from llmgateway_server.admin_commands.readings import (
    MAX_AMOUNT,
    Moment,
    read_limit,
    read_moment,
    read_span_ns,
    read_usd_nanos,
)
from llmgateway_server.terminal_admin.tables import dollar_column

NANOS_PER_S = 1_000_000_000
DAY_S = 86_400
# 2026-11-01T00:00:00Z
NOVEMBER_S = 1_793_491_200
AMOUNTS = st.integers(-MAX_AMOUNT, MAX_AMOUNT)


@pytest.mark.parametrize(
    ("text", "time_s"),
    [
        ("2026-11-01", NOVEMBER_S),
        ("2026-11-01T12:00Z", NOVEMBER_S + 12 * 3_600),
        ("2026-11-01T12:00", NOVEMBER_S + 12 * 3_600),
        ("2026-11-01 12:00:30+02:00", NOVEMBER_S + 10 * 3_600 + 30),
        ("1969-12-31T23:59:59Z", -1),
        ("1970-01-01", 0),
    ],
)
def test_a_time_without_a_zone_is_utc(text: str, time_s: int) -> None:
    moment = read_moment(text)
    assert moment.before(5) == moment.after(5) == time_s * NANOS_PER_S


def test_fractions_of_a_second_stay_exact() -> None:
    assert read_moment("9999-12-31T23:59:59.999999Z") == Moment(253_402_300_799_999_999_000)


@pytest.mark.parametrize(
    ("text", "span_s"), [("7d", 7 * DAY_S), ("36h", 36 * 3_600), ("90s", 90), ("1.5h", 5_400), ("366d", 366 * DAY_S)]
)
def test_a_span_lies_before_or_after_now(text: str, span_s: int) -> None:
    now_ns = NOVEMBER_S * NANOS_PER_S + 1
    assert read_moment(text).before(now_ns) == now_ns - span_s * NANOS_PER_S
    assert read_moment(text).after(now_ns) == now_ns + span_s * NANOS_PER_S


@pytest.mark.parametrize("text", ["", "now", "7", "7w", "-7d", "2026-13-01", "01.11.2026", "367d", "7d ago", "٧d"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_moment(text)


def test_short_spans_stay_exact() -> None:
    assert read_span_ns("300ms") == 300_000_000


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "-",
            ".5",
            "1.",
            "1e3",
            "NaN",
            "inf",
            "+1",
            "--1",
            "1_000",
            "1,000",
            "0,50",
            "$1",
            " 1",
            "1 ",
            "1\n",
            "٣",
        ),
        *("0.0000000001", "0.5000000000", "1000000000.000000001", "9999999999", "12345678901"),
    ],
)
def test_what_is_no_amount_of_dollars_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^an amount is US dollars such as 0\.50"):
        read_usd_nanos(text)


@given(AMOUNTS)
def test_an_amount_of_dollars_is_read_without_rounding(usd_nanos: int) -> None:
    assert read_usd_nanos(f"{Decimal(usd_nanos).scaleb(-9):.9f}") == usd_nanos


@given(st.integers(0, MAX_AMOUNT))
def test_other_limits_are_whole_numbers(limit: int) -> None:
    assert read_limit(str(limit), "tokens") == limit
    with pytest.raises(ValueError, match="whole number"):
        read_limit(str(-limit - 1), "tokens")
    with pytest.raises(ValueError, match="whole number"):
        read_limit(f"{limit}.0", "requests")


@given(st.lists(AMOUNTS, min_size=1, max_size=8))
def test_a_column_of_dollars_is_exact_and_as_wide_as_it_must_be(amounts: list[int]) -> None:
    written = dollar_column(amounts)
    plain = [text.replace("$", "").replace(",", "") for text in written]
    assert [int(Decimal(text).scaleb(9)) for text in plain] == amounts
    (decimals,) = {len(text.partition(".")[2]) for text in plain}
    assert decimals == 2 or any(text.endswith(("1", "2", "3", "4", "5", "6", "7", "8", "9")) for text in plain)
