"""A room for so many calls at once, and a fair queue before it.

What cannot get in within its time is refused when it comes, so that nobody waits for a refusal: the wait is estimated
from its place in the queue and the pace at which calls leave.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Literal

from llmgateway_server.admission.fair_queue import FairQueue
from llmgateway_server.admission.pace import Pace

MIN_RETRY_AFTER_S = 0.1
MAX_RETRY_AFTER_S = 60.0
# While nothing is known of the pace.
USUAL_RETRY_AFTER_S = 1.0

Why = Literal["queue", "deadline", "timeout"]


class Full(Exception):  # noqa: N818  # an answer of the gate, which its caller turns into an error of the call
    """There is no room for a call.

    `why` is `queue` where as many wait as may, `deadline` where it would not get in within its time, `timeout` where
    its time ran out while it waited. After `retry_after_s` those before it will have gone in.
    """

    def __init__(self, why: Why, retry_after_s: float) -> None:
        super().__init__(why)
        self.why = why
        self.retry_after_s = retry_after_s


Waiter = asyncio.Future[Full | None]
"""Done with None once its call is in, with the refusal where it never will be."""


class Gate:
    """Lets at most `limit` calls in at once; at most `queue_limit` wait, each for `queue_timeout_s` at most.

    Nobody waits while there is room. A waiter's room is taken for it in the step in which another leaves, so none that
    comes in between can overtake it. `queue_limit` and `queue_timeout_s` may be changed; they hold for calls to come.
    """

    def __init__(self, limit: int, queue_limit: int, queue_timeout_s: float, clock: Callable[[], float]) -> None:
        self.queue_limit = queue_limit
        self.queue_timeout_s = queue_timeout_s
        self._limit = limit
        self._clock = clock
        self._running = 0
        self._queue: FairQueue[Waiter] = FairQueue()
        self._pace = Pace(clock)

    @property
    def running(self) -> int:
        """How many calls are inside."""
        return self._running

    @property
    def waiting(self) -> int:
        """How many calls are in the queue."""
        return len(self._queue)

    @property
    def limit(self) -> int:
        """How many calls may be inside. Where it shrinks, those inside stay; where it grows, waiters come in."""
        return self._limit

    @limit.setter
    def limit(self, limit: int) -> None:
        self._limit = limit
        while self._running < limit and (waiter := self._next_waiter()) is not None:
            self._take_room()
            waiter.set_result(None)

    def try_enter(self) -> bool:
        """Take room if there is some; nobody waits then."""
        if self._running >= self._limit:
            return False
        self._take_room()
        return True

    async def enter(self, key: str, weight: float, deadline_s: float) -> None:
        """Take room, if need be after a wait: in turn with other keys, by weight, and in order within the key.

        Raise `Full` where there is none before `deadline_s`, a time of the clock, or within the queue's time-out: at
        once where that can be foreseen. Whoever gets in must `leave`, whoever is cancelled in the wait must not.
        """
        if self.try_enter():
            return
        patience_s = min(deadline_s - self._clock(), self.queue_timeout_s)
        self._check_hope(key, weight, patience_s)
        loop = asyncio.get_running_loop()
        waiter: Waiter = loop.create_future()
        self._queue.push(key, weight, waiter)
        timer = loop.call_later(patience_s, self._expire, key, waiter)
        try:
            refusal = await waiter
        except asyncio.CancelledError:
            self._abandon(key, waiter)
            raise
        finally:
            timer.cancel()
        if refusal is not None:
            raise refusal

    def leave(self) -> None:
        """Give room back. It goes to who is next at once."""
        self._pace.note_departure(self._running, self._limit)
        self._give_back()

    def _give_back(self) -> None:
        if not self._queue:
            self._running -= 1
            self._queue.forget()
            return
        waiter = self._next_waiter() if self._running <= self._limit else None
        if waiter is not None:
            waiter.set_result(None)
            return
        self._running -= 1

    def _take_room(self) -> None:
        self._pace.note(self._running)
        self._running += 1

    def _next_waiter(self) -> Waiter | None:
        """Take who is next out of the queue; a call that was cancelled in this step may still stand in it."""
        while self._queue:
            key, waiter = self._queue.first()
            if not waiter.done():
                return self._queue.pop()
            self._queue.discard(key, waiter)
        return None

    def _abandon(self, key: str, waiter: Waiter) -> None:
        """Undo a wait that was cancelled, perhaps in the very step in which it ended."""
        if waiter.cancelled():
            self._queue.discard(key, waiter)
        elif waiter.result() is None:
            self._pace.note(self._running)
            self._give_back()  # It has not been inside: that it leaves says nothing of the pace.

    def _expire(self, key: str, waiter: Waiter) -> None:
        if not waiter.done():
            self._queue.discard(key, waiter)
            waiter.set_result(self._full("timeout", self.waiting))

    def _check_hope(self, key: str, weight: float, patience_s: float) -> None:
        """Raise `Full` where a call would wait in vain. In a full queue whoever is last gives way to who is before."""
        start = self._queue.next_start(key, weight)
        # All that wait may be before it. Who really is costs more to count, and seldom matters.
        if self._wait_s(self.waiting) > patience_s:
            before = self._queue.count_before(start)
            if self._wait_s(before) > patience_s:
                raise self._full("deadline", before)
        if self.waiting >= self.queue_limit:
            last = self._queue.take_last(start)
            if last is None:
                raise self._full("queue", self.waiting)
            if not last.done():
                last.set_result(self._full("queue", self.waiting))

    def _wait_s(self, before: int) -> float:
        """Return how long a call with so many before it will wait, as it looks; 0 while nothing is known."""
        surplus = max(self._running - self._limit, 0)
        return (before + surplus + 1) * (self._pace.interval_s(self._running, self._limit) or 0.0)

    def _full(self, why: Why, before: int) -> Full:
        wait_s = self._wait_s(before) or USUAL_RETRY_AFTER_S
        return Full(why, min(max(wait_s, MIN_RETRY_AFTER_S), MAX_RETRY_AFTER_S))
