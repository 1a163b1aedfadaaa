"""What a stream's failure means before and after its first content, and what is written down of each try."""

from __future__ import annotations

import pytest
from llmgateway.v1 import error_reason_pb2, usage_pb2
from llmgateway_server import errors

from tests.server.attempts.scripted import CLOSED, DONE, FINISHED, OPENED, STARTED, Event, Scripted, Stage, Step, delta
from tests.server.routing.world import World, chat

# One try a call: what failed tries lead to is told in test_itinerary.py.
ONE_TRY = {"retry": {"attempts": 1}}


def stage(*script: Step) -> tuple[Stage, Scripted]:
    world = World(resilience=ONE_TRY)
    provider = Scripted("a", world, script)
    return Stage(world, {"a": provider}), provider


async def collect(*script: Step) -> list[list[Event]]:
    made, _ = stage(*script)
    return await made.stream("a/m", chat("x" * 40))


async def test_events_before_content_are_held_and_go_out_with_it() -> None:
    made, _ = stage([STARTED], [OPENED], [delta("a")], [delta("b"), CLOSED], [DONE, FINISHED])
    call = made.call()
    lists = await made.stream("a/m", chat("x" * 40), call)
    kinds = [[event.WhichOneof("event") for event in events] for events in lists]
    assert kinds == [
        ["started", "part_started", "part_delta"],
        ["part_delta", "part_finished"],
        ["candidate_finished", "finished"],
    ]
    assert call.outcome.first_content_s is not None
    assert [attempt.model for attempt in call.outcome.attempts] == ["m"]


async def test_an_empty_answer_commits_with_its_end() -> None:
    assert len(await collect([STARTED], [DONE], [FINISHED])) == 1


async def test_a_failure_before_content_is_itself() -> None:
    failing = errors.ProviderOverloaded("busy", retry_after_s=3)
    with pytest.raises(errors.ProviderOverloaded) as caught:
        await collect([STARTED, OPENED], failing)
    assert not caught.value.started
    assert caught.value.retry_after_s == 3
    assert [attempt.error_reason for attempt in caught.value.attempts] == [
        error_reason_pb2.ERROR_REASON_PROVIDER_OVERLOADED
    ]


@pytest.mark.parametrize(
    "failing", [errors.ProviderBadResponse("cut"), errors.ProviderOverloaded("busy"), errors.ProviderRateLimited("x")]
)
async def test_a_failure_after_content_breaks_the_stream_and_is_accounted(failing: errors.CallError) -> None:
    with pytest.raises(errors.StreamBroken) as caught:
        await collect([STARTED, OPENED, delta("x" * 40)], failing)
    error = caught.value
    assert error.started
    assert error.attempts[0].error_reason == failing.reason
    assert error.usage is not None
    assert (error.usage.output_token_count, error.usage.source) == (10, usage_pb2.Usage.SOURCE_COUNTED)


@pytest.mark.parametrize("failing", [errors.EventGapTimeout("slow"), errors.TotalTimeout("slow")])
async def test_a_time_out_after_content_stays_one(failing: errors.CallError) -> None:
    with pytest.raises(type(failing)) as caught:
        await collect([STARTED, OPENED, delta("x")], failing)
    assert caught.value.started


async def test_a_stream_without_its_end_is_never_a_success() -> None:
    with pytest.raises(errors.StreamBroken):
        await collect([STARTED, OPENED, delta("x")])
    with pytest.raises(errors.ProviderBadResponse):
        await collect([STARTED])


async def test_usage_that_never_came_is_counted() -> None:
    lists = await collect([STARTED, OPENED, delta("x" * 40)], [CLOSED, DONE, FINISHED])
    usage = lists[-1][-1].finished.usage
    assert (usage.input_token_count, usage.output_token_count) == (14, 10)
    assert usage.source == usage_pb2.Usage.SOURCE_COUNTED


async def test_usage_that_came_is_kept_even_if_zero() -> None:
    finished = Event()
    finished.finished.usage.source = usage_pb2.Usage.SOURCE_PROVIDER
    lists = await collect([STARTED, OPENED, delta("x")], [CLOSED, DONE, finished])
    assert lists[-1][-1].finished.usage.output_token_count == 0


async def test_a_reader_that_leaves_closes_the_upstream_and_the_try_is_noted() -> None:
    made, provider = stage([STARTED, OPENED, delta("x")], [CLOSED, DONE, FINISHED])
    call, asked = made.call(), chat("x" * 40)
    account = await made.account(call, asked)
    stream = made.attempts.stream(call, asked, made.world.plan("a/m", asked), account)
    await anext(stream)
    room = made.world.of("a/m").room
    assert (provider.is_open, room.running) == (True, 1)
    await stream.aclose()
    assert (provider.is_open, room.running) == (False, 0)
    assert len(call.outcome.attempts) == 1


async def test_a_whole_answer_brings_warnings_and_a_counted_usage() -> None:
    made, _ = stage()
    call = made.call()
    response = await made.generate("a/m", chat("x" * 40), call)
    assert [warning.field for warning in response.call.warnings] == ["sampling.top_k"]
    assert (response.usage.input_token_count, response.usage.output_token_count) == (14, 2)
    assert (call.outcome.waited_s, call.outcome.attempts[0].http_status) == (2.0, 200)


async def test_a_whole_answer_that_fails_shows_its_try() -> None:
    made, _ = stage(errors.ProviderUnreachable("gone"))
    with pytest.raises(errors.ProviderUnreachable) as caught:
        await made.generate("a/m", chat("x" * 40))
    assert caught.value.attempts[0].error_reason == error_reason_pb2.ERROR_REASON_PROVIDER_UNREACHABLE
