import pytest
from hypothesis import given
from hypothesis import strategies as st
from llmgateway_server.config.resilience import TimeoutSettings
from llmgateway_server.config.settings import LimitSettings
from llmgateway_server.config.units import (
    DURATION_UNITS_S,
    MAX_DURATION_S,
    MAX_SIZE_BYTES,
    SIZE_UNITS_BYTES,
    parse_duration_s,
    parse_size_bytes,
)
from pydantic import ValidationError


@given(st.integers(0, 10**6), st.sampled_from(sorted(DURATION_UNITS_S)))
def test_a_whole_duration_is_its_number_times_its_unit_or_too_long(number: int, unit: str) -> None:
    expected_s = number * DURATION_UNITS_S[unit]
    if expected_s > MAX_DURATION_S:
        with pytest.raises(ValueError, match="at most"):
            parse_duration_s(f"{number}{unit}")
    else:
        assert parse_duration_s(f"{number}{unit}") == pytest.approx(expected_s)


@given(st.integers(0, 10**9), st.sampled_from(sorted(SIZE_UNITS_BYTES)))
def test_a_size_is_its_number_times_its_unit_or_too_large(number: int, unit: str) -> None:
    expected_bytes = number * SIZE_UNITS_BYTES[unit]
    if expected_bytes > MAX_SIZE_BYTES:
        with pytest.raises(ValueError, match="at most"):
            parse_size_bytes(f"{number}{unit}")
    else:
        assert parse_size_bytes(f"{number}{unit}") == expected_bytes


@given(st.integers(1, MAX_SIZE_BYTES))
def test_sizes_survive_being_written_in_bytes(size_bytes: int) -> None:
    assert parse_size_bytes(f"{size_bytes}B") == size_bytes


@given(st.integers(1, int(MAX_DURATION_S)))
def test_durations_survive_being_written_in_seconds(duration_s: int) -> None:
    assert parse_duration_s(f"{duration_s}s") == duration_s


@pytest.mark.parametrize(
    "text", ["", "5", "5 s", "s", "-5s", "5S", "5sec", "1e3s", "5s\n", "٣s", "1,5s", "1h30m", "inf"]
)
def test_what_is_no_duration_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="such as 300ms"):
        parse_duration_s(text)


@pytest.mark.parametrize("text", ["", "5", "5 MiB", "1.5MiB", "-5B", "5MB", "5mib", "5KiB\n", "٣B", "9" * 16 + "B"])
def test_what_is_no_size_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="such as 512B"):
        parse_size_bytes(text)


def test_code_may_give_plain_numbers_in_the_attributes_own_unit() -> None:
    assert TimeoutSettings(connect_s=0.2, gap_s=3).connect_s == 0.2
    assert LimitSettings(request_bytes=1000).request_bytes == 1000


@pytest.mark.parametrize("value", [True, 0.0, -1.0, float("nan"), float("inf"), MAX_DURATION_S + 1, "5", None])
def test_code_cannot_give_a_duration_out_of_range(value: object) -> None:
    with pytest.raises(ValidationError):
        TimeoutSettings.model_validate({"connect_s": value})
