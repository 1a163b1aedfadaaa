"""A gate under a simulated clock: who comes in when, who is refused and why, and what a cancelled wait leaves behind."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable

import pytest
from llmgateway_server.admission.gate import MAX_RETRY_AFTER_S, MIN_RETRY_AFTER_S, Full, Gate

from tests.server.admission.simulation import simulated, timer_count

FOREVER_S = 1e9


def now_s() -> float:
    return asyncio.get_running_loop().time()


def make_gate(limit: int = 1, queue_limit: int = 100, queue_timeout_s: float = 10.0) -> Gate:
    return Gate(limit, queue_limit, queue_timeout_s, now_s)


def full_gate(limit: int = 1, queue_limit: int = 100, queue_timeout_s: float = 10.0) -> Gate:
    gate = make_gate(limit, queue_limit, queue_timeout_s)
    for _ in range(limit):
        assert gate.try_enter()
    return gate


async def settle() -> None:
    """Let everything run that can run now."""
    for _ in range(5):
        await asyncio.sleep(0)


async def refusal(entering: Awaitable[None]) -> Full:
    with pytest.raises(Full) as raised:
        await entering
    return raised.value


class Callers:
    """Calls at one gate, each a task, and the order in which they came in."""

    def __init__(self, gate: Gate) -> None:
        self.gate = gate
        self.entered: list[str] = []

    def send(self, *names: str, weight: float = 1.0, deadline_s: float = FOREVER_S) -> asyncio.Task[None]:
        """Send calls whose names begin with their keys; they stay inside. Return the last one's task."""
        for name in names:
            task = asyncio.get_running_loop().create_task(self._enter(name, weight, deadline_s))
        return task

    async def _enter(self, name: str, weight: float, deadline_s: float) -> None:
        await self.gate.enter(name[0], weight, deadline_s)
        self.entered.append(name)


@simulated
async def test_there_is_room_up_to_the_limit_and_no_further() -> None:
    gate = make_gate(limit=2)
    assert [gate.try_enter() for _ in range(3)] == [True, True, False]
    assert (gate.running, gate.waiting, gate.limit) == (2, 0, 2)
    gate.leave()
    assert gate.try_enter()


@simulated
async def test_where_there_is_room_nobody_waits() -> None:
    gate = make_gate(queue_limit=0)
    await gate.enter("a", 1, deadline_s=-1.0)
    assert gate.running == 1


@simulated
async def test_room_that_is_given_back_is_the_next_waiter_s_at_once() -> None:
    gate = full_gate()
    callers = Callers(gate)
    callers.send("a1", "a2")
    await settle()
    assert gate.waiting == 2
    gate.leave()
    # The waiter has not run yet, and none can overtake it.
    assert (gate.running, gate.waiting) == (1, 1)
    assert not gate.try_enter()
    await settle()
    assert callers.entered == ["a1"]


@simulated
async def test_keys_come_in_by_turns_and_in_order() -> None:
    gate = full_gate()
    callers = Callers(gate)
    callers.send(*(f"a{number}" for number in range(10)))
    callers.send("b0", "b1", weight=2.0)
    await settle()
    for _ in range(6):
        gate.leave()
    await settle()
    assert callers.entered == ["a0", "b0", "b1", "a1", "a2", "a3"]


@simulated
async def test_a_key_that_sends_ten_times_as_much_gets_its_share_and_no_more() -> None:
    gate = make_gate(limit=4, queue_timeout_s=FOREVER_S)
    served: Counter[str] = Counter()

    async def caller(key: str) -> None:
        while now_s() < 100:
            await gate.enter(key, 1, FOREVER_S)
            await asyncio.sleep(0.1)
            served[key] += 1
            gate.leave()

    async with asyncio.TaskGroup() as group:
        for key, count in (("loud", 80), ("quiet", 8)):
            for _ in range(count):
                group.create_task(caller(key))
    assert sum(served.values()) >= 4 * 1000
    assert abs(served["loud"] - served["quiet"]) <= 0.02 * sum(served.values())


@simulated
async def test_a_call_that_waits_until_the_queue_s_timeout_is_refused_then() -> None:
    gate = full_gate(queue_timeout_s=10.0)
    full = await refusal(gate.enter("a", 1, FOREVER_S))
    assert (full.why, now_s(), gate.waiting, gate.running) == ("timeout", 10.0, 0, 1)


@simulated
async def test_a_call_whose_deadline_comes_first_waits_no_longer_than_that() -> None:
    gate = full_gate(queue_timeout_s=10.0)
    full = await refusal(gate.enter("a", 1, deadline_s=3.0))
    assert (full.why, now_s()) == ("timeout", 3.0)


async def leave_every(gate: Gate, interval_s: float, count: int) -> None:
    """Let calls come and go at a pace, one after the other."""
    for _ in range(count):
        await asyncio.sleep(interval_s)
        gate.leave()
        gate.try_enter()


@simulated
async def test_a_call_that_would_wait_too_long_is_refused_when_it_comes() -> None:
    gate = full_gate(queue_timeout_s=10.0)
    await leave_every(gate, 2.0, count=8)
    came_s = now_s()
    callers = Callers(gate)
    callers.send("a0", "a1", "a2")
    await settle()
    # Its turn would come after 4 × 2 s.
    soon, late = came_s + 7.9, came_s + 8.1
    full = await refusal(gate.enter("a", 1, deadline_s=soon))
    assert (full.why, full.retry_after_s, now_s()) == ("deadline", 8.0, came_s)
    callers.send("a3", deadline_s=late)
    await settle()
    assert gate.waiting == 4
    # The queue's own time-out bounds a wait, too: a fifth would wait 10 s, a sixth 12 s.
    callers.send("a4")
    await settle()
    assert (await refusal(gate.enter("a", 1, FOREVER_S))).why == "deadline"
    # Whoever has another key goes before them.
    callers.send("b0", deadline_s=came_s + 4.1)
    await settle()
    assert gate.waiting == 6


@simulated
async def test_while_nothing_is_known_of_the_pace_calls_may_wait() -> None:
    gate = full_gate(limit=3)
    await leave_every(gate, 5.0, count=2)
    Callers(gate).send("a", deadline_s=now_s() + 0.1)
    await settle()
    assert gate.waiting == 1


@simulated
async def test_a_room_where_calls_stop_ending_looks_slower_at_once() -> None:
    gate = full_gate(limit=2)
    await leave_every(gate, 0.01, count=50)
    await asyncio.sleep(20.0)
    full = await refusal(gate.enter("a", 1, deadline_s=now_s() + 1.0))
    assert full.why == "deadline"
    # What was slow is forgotten as calls end again.
    await leave_every(gate, 0.01, count=50)
    Callers(gate).send("a", deadline_s=now_s() + 1.0)
    await settle()
    assert gate.waiting == 1


@simulated
async def test_time_without_calls_says_nothing_of_the_pace() -> None:
    gate = full_gate()
    await leave_every(gate, 1.0, count=5)
    gate.leave()
    await asyncio.sleep(1000.0)
    assert gate.try_enter()
    Callers(gate).send("a", deadline_s=now_s() + 1.5)
    await settle()
    assert gate.waiting == 1


@simulated
async def test_one_too_many_is_refused_when_it_comes() -> None:
    gate = full_gate(queue_limit=2)
    Callers(gate).send("a0", "a1")
    await settle()
    full = await refusal(gate.enter("a", 1, FOREVER_S))
    assert (full.why, full.retry_after_s, now_s()) == ("queue", 1.0, 0.0)


@simulated
async def test_a_full_queue_makes_room_for_a_key_that_has_less_than_its_share() -> None:
    gate = full_gate(queue_limit=3)
    callers = Callers(gate)
    callers.send("a0", "a1")
    last = callers.send("a2")
    callers.send("b0")
    await settle()
    assert isinstance(last.exception(), Full)
    assert (await refusal(gate.enter("b", 1, FOREVER_S))).why == "queue"
    for _ in range(3):
        gate.leave()
    await settle()
    assert callers.entered == ["a0", "b0", "a1"]


@pytest.mark.parametrize(("interval_s", "retry_after_s"), [(0.001, MIN_RETRY_AFTER_S), (500.0, MAX_RETRY_AFTER_S)])
@simulated
async def test_the_time_to_try_again_is_within_bounds(interval_s: float, retry_after_s: float) -> None:
    gate = full_gate(queue_limit=0)
    await leave_every(gate, interval_s, count=5)
    assert (await refusal(gate.enter("a", 1, FOREVER_S))).retry_after_s == retry_after_s


@simulated
async def test_a_call_that_is_cancelled_in_the_queue_leaves_it() -> None:
    gate = full_gate()
    callers = Callers(gate)
    cancelled = callers.send("a0")
    callers.send("a1")
    await settle()
    cancelled.cancel()
    await settle()
    assert (gate.running, gate.waiting) == (1, 1)
    gate.leave()
    await settle()
    assert callers.entered == ["a1"]


@simulated
async def test_room_goes_on_when_its_taker_is_cancelled_in_the_same_step() -> None:
    gate = full_gate()
    callers = Callers(gate)
    cancelled = callers.send("a0")
    callers.send("a1")
    await settle()
    gate.leave()
    cancelled.cancel()
    await settle()
    assert callers.entered == ["a1"]
    assert (gate.running, gate.waiting) == (1, 0)
    gate.leave()
    assert gate.running == 0


@simulated
async def test_room_goes_to_nobody_who_was_cancelled_in_the_same_step() -> None:
    gate = full_gate()
    callers = Callers(gate)
    cancelled = callers.send("a0")
    callers.send("a1")
    await settle()
    cancelled.cancel()
    gate.leave()
    await settle()
    assert callers.entered == ["a1"]
    assert (gate.running, gate.waiting) == (1, 0)


@simulated
async def test_a_larger_room_lets_waiters_in_at_once() -> None:
    gate = full_gate()
    callers = Callers(gate)
    callers.send("a0", "a1", "a2")
    await settle()
    gate.limit = 3
    assert (gate.running, gate.waiting) == (3, 1)
    await settle()
    assert callers.entered == ["a0", "a1"]


@simulated
async def test_a_smaller_room_lets_nobody_in_until_enough_have_left() -> None:
    gate = full_gate(limit=3)
    callers = Callers(gate)
    callers.send("a0")
    await settle()
    gate.limit = 1
    gate.leave()
    gate.leave()
    assert (gate.running, gate.waiting) == (1, 1)
    assert not gate.try_enter()
    gate.leave()
    await settle()
    assert (callers.entered, gate.running) == (["a0"], 1)


@simulated
async def test_a_smaller_room_is_waited_for_until_those_inside_have_left() -> None:
    gate = full_gate(limit=3)
    await leave_every(gate, 1.0, count=20)  # each stays for 3 s
    gate.limit = 1
    full = await refusal(gate.enter("a", 1, deadline_s=now_s() + 8.9))
    assert (full.why, round(full.retry_after_s, 6)) == ("deadline", 9.0)


@simulated
async def test_what_was_let_in_and_cancelled_at_once_says_nothing_of_the_pace() -> None:
    gate = full_gate()
    await leave_every(gate, 4.0, count=10)
    callers = Callers(gate)
    for number in range(50):
        task = callers.send(f"a{number}")
        await settle()
        gate.limit = 2
        task.cancel()
        await settle()
        gate.limit = 1
    assert (callers.entered, gate.running) == ([], 1)
    assert (await refusal(gate.enter("a", 1, deadline_s=now_s() + 3.0))).why == "deadline"


@simulated
async def test_nobody_owes_anything_once_there_was_room_for_all() -> None:
    gate = full_gate()
    callers = Callers(gate)
    callers.send("a0")
    await settle()
    gate.leave()
    gate.leave()
    assert gate.try_enter()
    callers.send("a1", "b0")
    await settle()
    gate.leave()
    await settle()
    assert callers.entered == ["a0", "a1"]


@simulated
async def test_a_wait_that_is_over_leaves_no_timer() -> None:
    gate = full_gate()
    callers = Callers(gate)
    callers.send("a0")
    cancelled = callers.send("a1")
    await settle()
    assert timer_count() == 2
    gate.leave()
    cancelled.cancel()
    await settle()
    assert timer_count() == 0
