"""The order of the queue: fair between keys that wait, in order within one, and forgetful of those that do not."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from llmgateway_server.admission.fair_queue import SPARE_LINES, FairQueue


def filled(*lines: tuple[str, float, int]) -> FairQueue[tuple[str, int]]:
    """Return a queue with lines of `(key, weight, how many)`."""
    queue: FairQueue[tuple[str, int]] = FairQueue()
    for key, weight, count in lines:
        for number in range(count):
            queue.push(key, weight, (key, number))
    return queue


def drain(queue: FairQueue[tuple[str, int]], count: int) -> str:
    """Return the keys of the next items, one letter each."""
    return "".join(queue.pop()[0] for _ in range(count))


ORDERS = {
    "one key": ([("a", 1, 3)], "aaa"),
    "a crowd before one": ([("a", 1, 4), ("b", 1, 1)], "abaaa"),
    "two crowds": ([("a", 1, 3), ("b", 1, 3)], "ababab"),
    "weights": ([("a", 1, 3), ("b", 3, 6)], "abbbabbba"),
    "a light key among many": ([("a", 1, 2), ("b", 1, 2), ("c", 1, 2), ("d", 1, 1)], "abcdabc"),
}


@pytest.mark.parametrize("name", ORDERS)
def test_the_order_is_fair(name: str) -> None:
    lines, order = ORDERS[name]
    assert drain(filled(*lines), len(order)) == order


def test_a_newcomer_counts_who_came_before_it_as_before_it() -> None:
    queue = filled(("a", 1, 3), ("b", 1, 1))
    assert queue.count_before(queue.next_start("c", 1)) == 2
    assert queue.count_before(queue.next_start("b", 1)) == 3
    assert queue.count_before(queue.next_start("a", 1)) == 4


def test_a_key_that_comes_late_gets_no_credit_for_the_past() -> None:
    queue = filled(("a", 1, 20))
    assert drain(queue, 10) == "a" * 10
    for number in range(5):
        queue.push("b", 1, ("b", number))
    assert drain(queue, 10) == "bababababa"


def test_a_key_that_comes_again_and_again_gets_no_more_than_its_share() -> None:
    queue = filled(("a", 1, 20), ("b", 1, 1))
    order = ""
    for number in range(10):
        key = drain(queue, 1)
        order += key
        if key == "b":  # Its line is empty, but what it had is not forgotten.
            queue.push("b", 1, ("b", number))
    assert order == "ababababab"


def test_what_is_taken_out_of_a_line_costs_its_key_nothing() -> None:
    queue = filled(("a", 1, 4), ("b", 1, 4))
    for number in range(3):
        queue.discard("a", ("a", number))
    queue.discard("a", ("a", 0))
    queue.discard("nobody", ("a", 0))
    queue.push("a", 1, ("a", 4))
    assert drain(queue, 6) == "ababbb"


def test_the_last_in_line_is_taken_only_for_one_that_goes_before_it() -> None:
    queue = filled(("a", 1, 3), ("b", 1, 1))
    assert queue.take_last(queue.next_start("a", 1)) is None
    assert queue.take_last(queue.next_start("c", 1)) == ("a", 2)
    assert queue.take_last(queue.next_start("b", 1)) is None
    assert queue.take_last(queue.next_start("c", 1)) == ("a", 1)
    assert queue.take_last(queue.next_start("c", 1)) is None
    assert drain(queue, 2) == "ab"


def test_what_is_remembered_grows_with_what_waits_and_not_with_the_keys_seen() -> None:
    queue = filled(("a", 1, 5))
    for number in range(10_000):
        queue.push(f"key-{number}", 1, ("b", number))
        queue.pop()
        assert queue.line_count <= 2 * len(queue) + SPARE_LINES + 1
    queue.forget()
    assert queue.line_count <= len(queue)


def test_nothing_is_owed_once_it_is_forgotten() -> None:
    queue = filled(("a", 1, 1))
    drain(queue, 1)
    queue.forget()
    assert queue.line_count == 0
    queue.push("b", 1, ("b", 0))
    assert queue.next_start("a", 1) == queue.next_start("b", 1) - 1


KEYS = "abc"
# What happens to a queue: an item comes, the next one is served, one of those waiting is taken out.
STEPS = st.lists(st.tuples(st.sampled_from(["push", "push", "pop", "discard"]), st.sampled_from(KEYS)), max_size=120)
WEIGHTS = st.tuples(*[st.integers(1, 5)] * len(KEYS))


@given(WEIGHTS, STEPS)
def test_nobody_gets_more_than_its_share_while_others_wait(
    weights: tuple[int, ...], steps: list[tuple[str, str]]
) -> None:
    """The bound of start-time fair queueing: keys that wait all the while differ by less than an item each."""
    weight = dict(zip(KEYS, weights, strict=True))
    queue: FairQueue[tuple[str, int]] = FairQueue()
    waiting: dict[str, list[int]] = {key: [] for key in KEYS}
    served: Counter[str] = Counter()
    since: dict[tuple[str, str], Counter[str]] = {}
    for number, (step, key) in enumerate(steps):
        if step == "push":
            queue.push(key, weight[key], (key, number))
            waiting[key].append(number)
        elif step == "pop" and len(queue):
            before = queue.count_before(queue.next_start("nobody", 1))
            key, number = queue.pop()
            assert number == waiting[key].pop(0), "a key's items are served in order"
            assert before <= len(queue) + 1
            served[key] += 1
        elif step == "discard" and waiting[key]:
            queue.discard(key, (key, waiting[key].pop(number % len(waiting[key]))))
        assert len(queue) == sum(len(line) for line in waiting.values())
        for one in KEYS:
            for other in KEYS:
                if not (waiting[one] and waiting[other]):
                    since.pop((one, other), None)
                    continue
                start = since.setdefault((one, other), served.copy())
                shares = [(served[key] - start[key]) / weight[key] for key in (one, other)]
                assert abs(shares[0] - shares[1]) <= 1 / weight[one] + 1 / weight[other] + 1e-9


@given(WEIGHTS, STEPS, st.sampled_from(KEYS))
def test_as_many_are_served_before_a_newcomer_as_were_counted(
    weights: tuple[int, ...], steps: list[tuple[str, str]], newcomer: str
) -> None:
    weight = dict(zip(KEYS, weights, strict=True))
    queue: FairQueue[tuple[str, int]] = FairQueue()
    for number, (step, key) in enumerate(steps):
        if step == "push":
            queue.push(key, weight[key], (key, number))
        elif step == "pop" and len(queue):
            queue.pop()
    start = queue.next_start(newcomer, weight[newcomer])
    before = queue.count_before(start)
    queue.push(newcomer, weight[newcomer], (newcomer, -1))
    order = [queue.pop() for _ in range(len(queue))]
    # Whoever starts at the same time may go before it or after it.
    assert abs(before - order.index((newcomer, -1))) < len(KEYS)
