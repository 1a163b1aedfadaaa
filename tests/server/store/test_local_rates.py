"""Limits kept in the process, under a clock of the test's own."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from llmgateway_server.store.local_rates import LocalRates
from llmgateway_server.store.rates import Lack, Rates, Standing, Take


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def requests(limit: int, scope: str = "key/ci") -> Take:
    return Take(scope, "requests", 60, limit)


def tokens(limit: int, amount: int, scope: str = "key/ci") -> Take:
    return Take(scope, "tokens", 60, limit, amount)


def calls(limit: int, scope: str = "team/a") -> Take:
    return Take(scope, "concurrency", 0, limit)


async def test_a_minutes_requests_pass_at_once_and_then_one_by_one() -> None:
    clock = Clock()
    rates: Rates = LocalRates(clock)
    await rates.start()
    take = requests(6)
    assert [await rates.take([take]) for _ in range(6)] == [()] * 6
    assert await rates.take([take]) == [Lack(take, 6, 10.0)]
    clock.now_s += 10.0
    assert not await rates.take([take])
    assert await rates.take([take]) == [Lack(take, 6, 10.0)]
    await rates.stop()


async def test_all_is_taken_or_nothing_and_every_limit_without_room_is_named() -> None:
    rates = LocalRates(Clock())
    assert not await rates.take([requests(1, "key/a"), calls(1, "team/b")])
    plenty = [tokens(1000, 400), calls(5)]
    lacks = await rates.take([plenty[0], requests(1, "key/a"), plenty[1], calls(1, "team/b")])
    assert [(lack.take.scope, lack.used) for lack in lacks] == [("key/a", 1), ("team/b", 1)]
    assert rates.standing(plenty[0]) == Standing(1000, 0.0)
    assert rates.standing(plenty[1]) == Standing(5, 0.0)
    assert not await rates.take(plenty)
    assert rates.standing(plenty[0]) == Standing(600, 24.0)
    assert rates.standing(plenty[1]) == Standing(4, 0.0)


async def test_calls_at_once_are_free_once_they_are_given_back() -> None:
    clock = Clock()
    rates = LocalRates(clock)
    take = calls(2)
    assert [bool(await rates.take([take])) for _ in range(3)] == [False, False, True]
    clock.now_s += 1e6
    assert await rates.take([take]) == [Lack(take, 2, None)]
    rates.give_back([take])
    assert not await rates.take([take])
    # What was never taken cannot be given back.
    for _ in range(5):
        rates.give_back([take])
    assert [bool(await rates.take([take])) for _ in range(3)] == [False, False, True]


async def test_a_guess_is_corrected_and_its_debt_waited_for() -> None:
    clock = Clock()
    rates = LocalRates(clock)
    guess = tokens(1000, 100)
    assert not await rates.take([guess])
    rates.correct(guess, 3000)
    (lack,) = await rates.take([guess])
    assert (lack.used, lack.retry_after_s) == (3000, 126.0)
    assert rates.standing(guess) == Standing(0, 180.0)
    clock.now_s += 126.0
    assert not await rates.take([guess])
    rates.correct(guess, 0)
    assert rates.standing(guess) == Standing(100, 54.0)


async def test_a_call_larger_than_its_limit_passes_where_nothing_counts() -> None:
    clock = Clock()
    rates = LocalRates(clock)
    large = tokens(1000, 32_000)
    assert not await rates.take([large])
    assert await rates.take([large]) == [Lack(large, 32_000, 1920.0)]
    clock.now_s += 1920.0
    assert not await rates.take([large])


async def test_what_is_given_back_was_never_taken() -> None:
    rates = LocalRates(Clock())
    takes = [requests(1), tokens(100, 60)]
    for _ in range(5):
        assert not await rates.take(takes)
        rates.give_back(takes)
    assert rates.standing(takes[1]) == Standing(100, 0.0)


async def test_a_changed_limit_keeps_what_is_used() -> None:
    clock = Clock()
    rates = LocalRates(clock)
    assert not await rates.take([tokens(1000, 600)])
    assert rates.standing(tokens(2000, 1)) == Standing(1400, 18.0)
    (lack,) = await rates.take([tokens(500, 100)])
    assert (lack.used, lack.retry_after_s) == (600, 24.0)
    assert not await rates.take([tokens(700, 100)])
    assert not await rates.take([calls(3)])
    assert await rates.take([calls(1)]) == [Lack(calls(1), 1, None)]
    assert not await rates.take([calls(2)])


async def test_a_limit_of_none_refuses_and_says_no_time() -> None:
    rates = LocalRates(Clock())
    for take in (requests(0), calls(0)):
        assert await rates.take([take]) == [Lack(take, 0, None)]
        assert rates.standing(take) == Standing(0, 0.0)


async def test_a_hundred_thousand_users_who_have_gone_are_forgotten() -> None:
    clock = Clock()
    rates = LocalRates(clock)
    for number in range(100_000):
        clock.now_s += 0.01
        assert not await rates.take([requests(60, f"end_user/{number}")])
    # What one request counts for flows off in a second, in which a hundred users come.
    assert len(rates) <= 250


async def test_whoever_still_counts_is_remembered_however_many_come() -> None:
    clock = Clock()
    rates = LocalRates(clock)
    full, running = requests(1, "key/full"), calls(1)
    assert not await rates.take([full, running])
    for number in range(10_000):
        clock.now_s += 0.001
        await rates.take([requests(600, f"end_user/{number}"), calls(0, f"end_user/{number}")])
    assert [lack.take for lack in await rates.take([full, running])] == [full, running]
    assert len(rates) <= 1000


async def test_one_call_of_many_new_limits_loses_none() -> None:
    rates = LocalRates(Clock())
    takes = [requests(1, f"team/{number}") for number in range(10)]
    assert not await rates.take(takes)
    assert len(await rates.take(takes)) == 10


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 9), st.booleans(), st.floats(0, 20)), max_size=60))
def test_no_schedule_leaves_anything_once_all_is_given_back(steps: list[tuple[str, int, bool, float]]) -> None:
    clock = Clock()
    rates = LocalRates(clock)
    held = []
    for scope, amount, is_kept, pause_s in steps:
        takes = [tokens(20, amount, f"key/{scope}"), calls(4, f"key/{scope}")]
        before = [rates.standing(take) for take in takes]
        if rates.take_now(takes):
            assert [rates.standing(take) for take in takes] == before
        elif is_kept:
            held.append(takes)
        else:
            rates.give_back(takes)
        assert rates.standing(takes[1]).remaining == 4 - sum(kept[1].scope == takes[1].scope for kept in held)
        clock.now_s += pause_s
    for takes in held:
        rates.give_back(takes)
    clock.now_s += 60
    for scope in "abc":
        assert rates.standing(tokens(20, 1, f"key/{scope}")) == Standing(20, 0.0)
        assert rates.standing(calls(4, f"key/{scope}")) == Standing(4, 0.0)
