"""Calls wait for room, fairly, and are refused at once where waiting would be no use; over both protocols."""

from __future__ import annotations

import asyncio

import pytest
from llmgateway.v1 import explain_pb2

from tests.e2e.caller import TEXT
from tests.e2e.failover import WAYS, Outcome, Rig, Way, stand
from tests.fakes.replies import chat, held

ways = pytest.mark.parametrize("way", WAYS, ids=lambda way: f"{way.protocol}-{'stream' if way.streams else 'whole'}")


async def running(rig: Rig, name: str, count: int) -> None:
    """Wait until a provider has been asked so often."""
    await rig.fakes[name].arrived(count)


@ways
async def test_calls_above_the_limit_wait_and_are_served_in_turn(way: Way) -> None:
    async with stand({}, names=("a",), limits={"concurrent_calls": 1}) as rig:
        gate = asyncio.Event()
        rig.fakes["a"].script(held(chat(TEXT), gate))
        async with asyncio.TaskGroup() as calls:
            first = calls.create_task(rig.call("a/m-1", way))
            await running(rig, "a", 1)
            others = [calls.create_task(rig.call("a/m-1", way)) for _ in range(3)]
            await waiting(rig, 3)
            assert rig.asked() == {"a": 1}
            gate.set()
        assert [call.result().text for call in (first, *others)] == [TEXT] * 4


async def waiting(rig: Rig, count: int) -> None:
    """Wait until so many calls wait for room in the gateway."""
    room = rig.gateway._shared.rooms.gateway
    async with asyncio.timeout(10):
        while room.waiting < count:
            await rig.metrics()  # real input and output, so that the others come on


@ways
async def test_one_more_than_may_wait_is_refused_with_a_time(way: Way) -> None:
    limits = {"concurrent_calls": 1, "queued_calls": 1}
    async with stand({}, names=("a",), limits=limits) as rig:
        gate = asyncio.Event()
        rig.fakes["a"].script(held(chat(TEXT), gate))
        async with asyncio.TaskGroup() as calls:
            calls.create_task(rig.call("a/m-1", way))
            await running(rig, "a", 1)
            calls.create_task(rig.call("a/m-1", way))
            await waiting(rig, 1)
            refused = await rig.call("a/m-1", way)
            gate.set()
        assert_overloaded(refused, way)
        assert rig.asked() == {"a": 2}
        assert (await rig.call("a/m-1", way)).text == TEXT


def assert_overloaded(refused: Outcome, way: Way) -> None:
    assert refused.code == "gateway_overloaded"
    assert refused.retry_after_s is not None
    assert 0 < refused.retry_after_s <= 60
    assert refused.status in ((429,) if way.protocol == "rest" else (0,))
    assert list(refused.tried) == []


@ways
async def test_a_full_target_is_passed_over_and_waited_for_where_there_is_no_other(way: Way) -> None:
    routes = {"r": {"targets": ["a/m-1", "b/m-1"]}}
    async with stand(routes, models={"a/m-1": {"concurrent_calls": 1}}) as rig:
        gate = asyncio.Event()
        rig.fakes["a"].script(held(chat(TEXT), gate))
        async with asyncio.TaskGroup() as calls:
            first = calls.create_task(rig.call("r", way))
            await running(rig, "a", 1)
            passed_over = await rig.call("r", way)
            assert (passed_over.text, list(passed_over.tried)) == (TEXT, ["b"])
            told = await rig.client.explain(TEXT, model="r")
            busy = explain_pb2.TargetOutcome.EXCLUSION_BUSY
            assert [(target.provider, target.exclusion) for target in told.targets] == [("b", 0), ("a", busy)]
            alone = calls.create_task(rig.call("a/m-1", way))
            gate.set()
        assert (first.result().text, alone.result().text) == (TEXT, TEXT)
        assert rig.asked() == {"a": 2, "b": 1}


async def test_a_caller_that_leaves_the_queue_takes_no_room() -> None:
    async with stand({}, names=("a",), limits={"concurrent_calls": 1}) as rig:
        gate = asyncio.Event()
        rig.fakes["a"].script(held(chat(TEXT), gate))
        first = asyncio.create_task(rig.call("a/m-1", WAYS[2]))
        await running(rig, "a", 1)
        left = asyncio.create_task(rig.call("a/m-1", WAYS[2]))
        await waiting(rig, 1)
        left.cancel()
        await asyncio.wait({left})
        room = rig.gateway._shared.rooms.gateway
        async with asyncio.timeout(10):
            while room.waiting:
                await rig.metrics()
        gate.set()
        assert (await first).text == TEXT
        assert (room.running, room.waiting) == (0, 0)


async def test_a_deadline_that_ends_in_the_queue_is_told_at_once() -> None:
    async with stand({}, names=("a",), limits={"concurrent_calls": 1}) as rig:
        gate = asyncio.Event()
        rig.fakes["a"].script(held(chat(TEXT), gate))
        async with asyncio.TaskGroup() as calls:
            calls.create_task(rig.call("a/m-1", WAYS[2]))
            await running(rig, "a", 1)
            late = await rig.call("a/m-1", WAYS[2], timeout_s=0.5)
            gate.set()
        assert late.code in ("gateway_overloaded", "timeout", "unspecified")
        assert rig.asked() == {"a": 1}
