"""Random schedules of arrivals, departures, cancellations and time: whatever happens, no room is lost or given twice."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from llmgateway_server.admission.gate import MAX_RETRY_AFTER_S, MIN_RETRY_AFTER_S, Full, Gate

from tests.server.admission.simulation import SimulatedLoop

KEYS = ("a", "b", "c")
WEIGHTS = {"a": 1.0, "b": 2.0, "c": 5.0}
QUEUE_TIMEOUT_S = 10.0


@dataclass(eq=False)
class Caller:
    """One call at the gate."""

    key: str
    number: int
    deadline_s: float
    task: asyncio.Task[None] | None = None


class Schedules(RuleBasedStateMachine):
    """Rules change something in one step of the loop; `settle` lets the loop run, so that several fall into one step."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = SimulatedLoop()
        self.inside: list[Caller] = []
        self.pending: list[Caller] = []
        self.last_entered: Counter[str] = Counter()
        self.refusals: list[Full] = []
        self.number = 0
        self.most = 0

    @initialize(limit=st.integers(1, 4), queue_limit=st.integers(0, 6))
    def open(self, limit: int, queue_limit: int) -> None:
        self.gate = Gate(limit, queue_limit, QUEUE_TIMEOUT_S, self.loop.time)
        self.most = limit

    @rule(key=st.sampled_from(KEYS), patience_s=st.sampled_from([-1.0, 0.0, 0.5, 5.0, 100.0]))
    def arrive(self, key: str, patience_s: float) -> None:
        self.number += 1
        caller = Caller(key, self.number, self.loop.time() + patience_s)
        self.pending.append(caller)
        caller.task = self.loop.create_task(self.enter(caller))
        caller.task.add_done_callback(lambda _: self.pending.remove(caller))

    async def enter(self, caller: Caller) -> None:
        try:
            await self.gate.enter(caller.key, WEIGHTS[caller.key], caller.deadline_s)
        except Full as full:
            self.refusals.append(full)
            return
        self.last_entered[caller.key] = max(self.last_entered[caller.key], caller.number)
        self.inside.append(caller)

    @rule()
    def try_to_enter(self) -> None:
        running, waiting = self.gate.running, self.gate.waiting
        if self.gate.try_enter():
            assert waiting == 0
            assert running < self.gate.limit
            self.number += 1
            self.inside.append(Caller("", self.number, 0.0))
        else:
            assert running >= self.gate.limit

    @precondition(lambda self: self.inside)
    @rule(data=st.data())
    def depart(self, data: st.DataObject) -> None:
        self.inside.remove(data.draw(st.sampled_from(self.inside)))
        self.gate.leave()

    @precondition(lambda self: self.pending)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        """Cancel a call that waits, or has been let in and does not know it yet."""
        task = data.draw(st.sampled_from(self.pending)).task
        assert task is not None
        task.cancel()

    @rule(limit=st.integers(1, 5))
    def resize(self, limit: int) -> None:
        self.gate.limit = limit
        self.most = max(self.most, limit)

    @rule(wait_s=st.sampled_from([0.01, 0.5, 3.0, 11.0]))
    def pass_time(self, wait_s: float) -> None:
        self.loop.run_until_complete(asyncio.sleep(wait_s))
        self.settle()

    @rule()
    def settle(self) -> None:
        """Let everything run that can run now, and look whether the books are right."""
        for _ in range(6):
            self.loop.run_until_complete(asyncio.sleep(0))
        gate = self.gate
        assert gate.running == len(self.inside), "room was lost, or given twice"
        assert gate.waiting == len(self.pending)
        assert gate.waiting <= gate.queue_limit
        if gate.waiting:
            assert gate.running >= gate.limit, "somebody waits although there is room"
        self.most = max(gate.limit, gate.running)
        now_s = self.loop.time()
        assert all(caller.deadline_s >= now_s for caller in self.pending), "somebody waits beyond its deadline"
        assert all(MIN_RETRY_AFTER_S <= full.retry_after_s <= MAX_RETRY_AFTER_S for full in self.refusals)
        for caller in self.pending:
            assert caller.number > self.last_entered[caller.key], "a call overtook another of its key"

    @invariant()
    def never_more_than_the_limit_are_inside(self) -> None:
        # Where the limit shrank, those inside stay, and nobody comes.
        assert not hasattr(self, "gate") or self.gate.running <= self.most

    def teardown(self) -> None:
        try:
            if hasattr(self, "gate"):
                self.end()
        finally:
            self.loop.close()

    def end(self) -> None:
        """Cancel who waits, and let everyone out: nothing is left."""
        for caller in self.pending:
            assert caller.task is not None
            caller.task.cancel()
        self.settle()
        for _ in range(len(self.inside)):
            self.gate.leave()
        assert (self.gate.running, self.gate.waiting) == (0, 0)


Schedules.TestCase.settings = settings(stateful_step_count=40)
test_no_schedule_loses_room = Schedules.TestCase
