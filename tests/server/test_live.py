"""Calls and reloads in every order: who calls, what serves, and when a replaced snapshot is closed."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from llmgateway_server import errors
from llmgateway_server.call import Call, Principal
from llmgateway_server.live import Live
from llmgateway_server.rpc.methods import Method, StreamMethod, UnaryMethod
from llmgateway_server.rpc.rim import Clocks, Failure, Rim


class Recorder:
    """An observer that keeps nothing."""

    def begin(self, method: str) -> None: ...

    def end(
        self, method: str, call_id: str, call: Call | None, elapsed_s: float, error: errors.CallError | None
    ) -> None: ...


class Scripted:
    """A snapshot whose calls last until the event that is their request is set; it keeps what must never happen."""

    def __init__(self, revision: int) -> None:
        self.revision = revision
        self.keyring = self
        self.pipeline: Any = self
        self.close_count = 0
        self.running = 0
        self.running_when_closed = 0
        self.deadline_s = 0.0
        self.faults: list[str] = []
        self.when_asked: Callable[[], object] = lambda: None

    def look_up(self, authorization: str | None) -> Principal:
        self.when_asked()
        return Principal(f"caller-{self.revision}")

    async def generate(self, call: Call, request: asyncio.Event) -> int:
        self._enter(call)
        try:
            await request.wait()
            self._check(call)
            return self.revision
        finally:
            self.running -= 1

    async def stream_generate(self, call: Call, request: asyncio.Event) -> AsyncGenerator[int, None]:
        self._enter(call)
        try:
            yield self.revision
            await request.wait()
            self._check(call)
            yield self.revision
        finally:
            self.running -= 1

    async def close(self) -> None:
        self.close_count += 1
        self.running_when_closed = self.running

    def __getattr__(self, name: str) -> object:
        """The pipeline's other methods, which no test here calls."""
        return self.generate

    def _enter(self, call: Call) -> None:
        self.running += 1
        self.deadline_s = call.deadline_s
        self._check(call)

    def _check(self, call: Call) -> None:
        if self.close_count:
            self.faults.append(f"a call ran on revision {self.revision}, which was closed")
        if call.principal.name != f"caller-{self.revision}":
            self.faults.append(f"{call.principal.name} was served by revision {self.revision}")


def make_rim(live: Live) -> Rim:
    numbers = itertools.count()
    return Rim(live, Recorder(), Clocks(lambda: 0.0, lambda: 0), lambda: f"call_{next(numbers)}", 600.0, 1_000)


def row(live: Live, name: str) -> Method:
    (found,) = (method for method in live.methods if method.name == name)
    return found


def call(live: Live, rim: Rim, gate: asyncio.Event) -> asyncio.Task[int]:
    """Begin a unary call; it lasts until `gate` is set."""
    method = row(live, "Generate")
    assert isinstance(method, UnaryMethod)
    return asyncio.get_running_loop().create_task(_run(rim.unary(method.name, (), None, gate, method.handler)))


def stream(live: Live, rim: Rim, gate: asyncio.Event) -> AsyncGenerator[int, None]:
    """Return a stream of two messages; the second waits for `gate`."""
    method = row(live, "StreamGenerate")
    assert isinstance(method, StreamMethod)
    return rim.stream(method.name, (), None, gate, method.handler)


async def _run(work: Any) -> Any:
    return await work


async def settle() -> None:
    """Let everything that can run do so."""
    for _ in range(10):
        await asyncio.sleep(0)


@pytest.fixture
def first() -> Scripted:
    return Scripted(1)


@pytest.fixture
def live(first: Scripted) -> Live:
    return Live(first)


async def test_a_call_ends_where_it_began_and_the_next_one_is_served_by_the_new_snapshot(
    live: Live, first: Scripted
) -> None:
    rim, gate = make_rim(live), asyncio.Event()
    running = call(live, rim, gate)
    await settle()
    live.swap(Scripted(2))
    assert live.revision == 2
    later = call(live, rim, gate)
    gate.set()
    assert (await running, await later) == (1, 2)
    assert first.faults == []


async def test_a_stream_goes_on_where_it_began(live: Live, first: Scripted) -> None:
    rim, gate = make_rim(live), asyncio.Event()
    messages = stream(live, rim, gate)
    assert await anext(messages) == 1
    live.swap(Scripted(2))
    await settle()
    assert first.close_count == 0
    gate.set()
    assert [message async for message in messages] == [1]
    await settle()
    assert first.close_count == 1
    assert first.faults == []


async def test_a_stream_that_its_caller_leaves_lets_its_snapshot_be_closed(live: Live, first: Scripted) -> None:
    messages = stream(live, make_rim(live), asyncio.Event())
    await anext(messages)
    live.swap(Scripted(2))
    await messages.aclose()
    await settle()
    assert (first.close_count, first.running_when_closed) == (1, 0)


async def test_a_snapshot_that_nobody_uses_is_closed_when_it_is_replaced(live: Live, first: Scripted) -> None:
    live.swap(Scripted(2))
    await settle()
    assert first.close_count == 1


async def test_who_calls_and_what_serves_are_of_one_snapshot_however_close_a_reload_comes(
    live: Live, first: Scripted
) -> None:
    """A reload takes its turn as soon as anything lets it, from within the look-up of the key."""
    rim, gate = make_rim(live), asyncio.Event()
    gate.set()
    loop = asyncio.get_running_loop()
    snapshots = [first, *(Scripted(revision) for revision in (2, 3))]
    for snapshot, following in itertools.pairwise(snapshots):
        snapshot.when_asked = lambda following=following: loop.call_soon(live.swap, following)
    assert await call(live, rim, gate) == 1
    assert [message async for message in stream(live, rim, gate)] == [2, 2]
    await settle()
    assert live.revision == 3
    assert [snapshot.faults for snapshot in snapshots] == [[], [], []]


async def test_a_caller_whose_key_is_refused_holds_nothing_open(live: Live, first: Scripted) -> None:
    def refuse() -> None:
        raise errors.ApiKeyInvalid("no")

    first.when_asked = refuse
    with pytest.raises(Failure):
        await call(live, make_rim(live), asyncio.Event())
    live.swap(Scripted(2))
    await settle()
    assert first.close_count == 1


async def test_at_the_stop_every_snapshot_is_closed_once_whatever_runs(live: Live, first: Scripted) -> None:
    rim, second, gate = make_rim(live), Scripted(2), asyncio.Event()
    running = call(live, rim, gate)
    await settle()
    live.swap(second)
    await live.close()
    running.cancel()
    await asyncio.wait({running})
    await settle()
    assert (first.close_count, second.close_count) == (1, 1)


async def test_a_snapshot_that_cannot_be_closed_is_told_of_and_hinders_nothing(
    live: Live, first: Scripted, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail() -> None:
        raise OSError("stuck")

    first.close = fail  # type: ignore[method-assign]
    second = Scripted(2)
    live.swap(second)
    await live.close()
    assert second.close_count == 1
    assert "not closed in order" in caplog.text


async def test_a_rim_that_follows_another_configuration_bounds_the_calls_to_come(live: Live, first: Scripted) -> None:
    rim, gate = make_rim(live), asyncio.Event()
    running = call(live, rim, gate)
    await settle()
    rim.follow(7.0, 1)
    with pytest.raises(Failure) as caught:
        await call(live, rim, gate)
    assert isinstance(caught.value.error, errors.GatewayOverloaded)
    assert first.deadline_s == 600.0
    rim.follow(7.0, 2)
    gate.set()
    assert (await running, await call(live, rim, gate)) == (1, 1)
    assert first.deadline_s == 7.0


@dataclass(frozen=True, slots=True)
class Running:
    """A call of the state machine, and what lets it end."""

    task: asyncio.Task[Any]
    gate: asyncio.Event


class CallsAndReloads(RuleBasedStateMachine):
    """Any order of calls, streams, cancellations, reloads and steps of the event loop between them."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.snapshots = [Scripted(1)]
        self.live = Live(self.snapshots[0])
        self.rim = make_rim(self.live)
        self.calls: list[Running] = []

    def do(self, work: Callable[[], object]) -> Any:
        """Do something on the event loop, and let nothing else run but what is due."""

        async def run() -> object:
            return work()

        return self.loop.run_until_complete(run())

    @rule()
    def a_call_comes(self) -> None:
        gate = asyncio.Event()
        self.calls.append(Running(self.do(lambda: call(self.live, self.rim, gate)), gate))

    @rule()
    def a_stream_comes(self) -> None:
        gate = asyncio.Event()

        async def read() -> list[int]:
            return [message async for message in stream(self.live, self.rim, gate)]

        self.calls.append(Running(self.loop.create_task(read()), gate))

    @precondition(lambda self: self.calls)
    @rule(data=st.data())
    def a_call_may_end(self, data: st.DataObject) -> None:
        running = data.draw(st.sampled_from(self.calls))
        self.do(running.gate.set)

    @precondition(lambda self: self.calls)
    @rule(data=st.data())
    def a_caller_leaves(self, data: st.DataObject) -> None:
        running = data.draw(st.sampled_from(self.calls))
        self.do(running.task.cancel)

    @rule()
    def the_configuration_is_reloaded(self) -> None:
        snapshot = Scripted(len(self.snapshots) + 1)
        self.snapshots.append(snapshot)
        self.do(lambda: self.live.swap(snapshot))

    @rule()
    def a_step_is_taken(self) -> None:
        self.loop.run_until_complete(asyncio.sleep(0))

    @rule()
    def everything_settles(self) -> None:
        self.loop.run_until_complete(settle())
        *replaced, current = self.snapshots
        assert current.close_count == 0
        assert [snapshot.close_count for snapshot in replaced] == [int(not snapshot.running) for snapshot in replaced]

    @invariant()
    def nothing_ran_where_it_should_not(self) -> None:
        assert [fault for snapshot in self.snapshots for fault in snapshot.faults] == []
        assert self.live.revision == len(self.snapshots)
        assert all(snapshot.close_count <= 1 for snapshot in self.snapshots)

    def teardown(self) -> None:
        for running in self.calls:
            self.do(running.gate.set)
        self.everything_settles()
        assert all(running.task.cancelled() or running.task.exception() is None for running in self.calls)
        self.loop.run_until_complete(self.live.close())
        assert [snapshot.close_count for snapshot in self.snapshots] == [1] * len(self.snapshots)
        self.loop.close()


TestCallsAndReloads = CallsAndReloads.TestCase
