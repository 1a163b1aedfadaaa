"""A circuit under a clock of the test's own."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from llmgateway_server.config.resilience import BreakerSettings
from llmgateway_server.routing.circuit import LEAST_READINESS, SLOW_START_S, WINDOW_S, Circuit

BREAKER = BreakerSettings()


def opened(at_s: float = 0.0) -> Circuit:
    circuit = Circuit()
    for _ in range(BREAKER.failures):
        circuit.fail(at_s, BREAKER)
    return circuit


def test_five_failures_in_a_row_open_it_and_four_do_not() -> None:
    circuit = Circuit()
    assert [circuit.fail(0.0, BREAKER) for _ in range(5)] == [False, False, False, False, True]
    assert circuit.is_open(29.9)
    assert circuit.is_probe_due(30.0)


def test_a_success_between_starts_the_count_anew() -> None:
    circuit = Circuit()
    for _ in range(3):
        assert not any(circuit.fail(0.0, BREAKER) for _ in range(4))
        circuit.succeed(0.0)
    assert circuit.open_until_s is None


def test_half_of_twenty_calls_failing_opens_it_though_never_in_a_row() -> None:
    circuit = Circuit()
    outcomes = []
    for second in range(20):
        if second % 2:
            circuit.succeed(float(second))
        else:
            outcomes.append(circuit.fail(float(second), BREAKER))
    outcomes.append(circuit.fail(20.0, BREAKER))
    assert outcomes[:-1] == [False] * 10
    assert outcomes[-1]


def test_failures_of_an_earlier_half_minute_are_forgotten() -> None:
    circuit = Circuit()
    for _ in range(9):
        circuit.fail(0.0, BREAKER)
        circuit.succeed(0.0)
    later = 2 * WINDOW_S
    for _ in range(9):
        circuit.succeed(later)
    assert not circuit.fail(later, BREAKER)
    assert not circuit.fail(later, BREAKER)


def test_one_probe_is_let_through_and_its_success_closes_it() -> None:
    circuit = opened()
    circuit.claim_probe(30.0, BREAKER)
    assert circuit.is_open(59.9)
    assert circuit.succeed(31.0)
    assert not circuit.is_open(31.0)
    assert not circuit.succeed(32.0)


def test_a_probe_that_fails_leaves_it_open_for_another_while() -> None:
    circuit = opened()
    circuit.claim_probe(30.0, BREAKER)
    assert not circuit.fail(35.0, BREAKER)
    assert circuit.open_until_s == 65.0


def test_a_probe_given_back_may_be_taken_at_once() -> None:
    circuit = opened()
    circuit.claim_probe(30.0, BREAKER)
    circuit.release_probe(31.0)
    assert circuit.is_probe_due(31.0)


def test_it_comes_back_little_by_little() -> None:
    circuit = opened()
    circuit.succeed(40.0)
    shares = [circuit.readiness(40.0 + SLOW_START_S * part / 10) for part in range(11)]
    assert shares[0] == LEAST_READINESS
    assert shares[5] == pytest.approx(0.5)
    assert shares[10] == 1.0
    assert all(earlier <= later for earlier, later in pairwise(shares))


@st.composite
def schedules(draw: st.DrawFn) -> list[tuple[float, bool]]:
    """Calls at a target over some minutes: after which pause each comes, and whether the target is well then."""
    pauses = draw(st.lists(st.floats(0.0, 12.0), min_size=1, max_size=120))
    flips = draw(st.sets(st.integers(0, len(pauses)), max_size=6))
    is_well, calls = draw(st.booleans()), []
    for place, pause in enumerate(pauses):
        is_well ^= place in flips
        calls.append((pause, is_well))
    return calls


def play(calls: list[tuple[float, bool]], breaker: BreakerSettings) -> Iterator[tuple[float, str, Circuit]]:
    """Play a schedule as those who call do: nothing while it is open, one probe when it is due."""
    circuit, now_s = Circuit(), 0.0
    for pause_s, is_well in calls:
        now_s += pause_s
        if circuit.is_open(now_s):
            yield now_s, "refused", circuit
            continue
        is_probe = circuit.is_probe_due(now_s)
        if is_probe:
            circuit.claim_probe(now_s, breaker)
        if is_well:
            circuit.succeed(now_s)
        else:
            circuit.fail(now_s, breaker)
        yield now_s, "probe" if is_probe else "call", circuit


@given(schedules(), st.integers(1, 8), st.floats(1.0, 60.0))
def test_under_any_schedule_an_open_circuit_lets_one_probe_through_each_while(
    calls: list[tuple[float, bool]], failures: int, probe_s: float
) -> None:
    breaker = BreakerSettings(failures=failures, probe_s=probe_s)
    last_probe_s, in_a_row = None, 0
    for (now_s, kind, circuit), (_, is_well) in zip(play(calls, breaker), calls, strict=True):
        if kind == "refused":
            assert circuit.open_until_s is not None
            assert now_s < circuit.open_until_s
            continue
        in_a_row = 0 if is_well else in_a_row + 1
        if kind == "probe":
            assert last_probe_s is None or now_s >= last_probe_s + probe_s
        last_probe_s = now_s if not is_well and circuit.open_until_s is not None else None
        # It is open exactly where it should be: never after a success, always after so many failures.
        assert (circuit.open_until_s is None) or not is_well
        assert circuit.open_until_s is not None or in_a_row < failures
        assert 0.0 < circuit.readiness(now_s) <= 1.0


@given(schedules())
def test_a_target_that_is_well_is_called_again_within_two_probes(calls: list[tuple[float, bool]]) -> None:
    ended = [(pause, is_well) for pause, is_well in calls] + [(12.0, True)] * 6
    *_, (_, kind, circuit) = play(ended, BREAKER)
    assert kind == "call"
    assert circuit.open_until_s is None
