"""Streams: events one by one, what they add up to, and what happens when one is left or breaks."""

from __future__ import annotations

import asyncio

import grpc
import pytest
from llmgateway import Client, DeadlineExceededError, GatewayError, StreamBrokenError, UnavailableError, text_of
from llmgateway.v1 import call_pb2, error_reason_pb2, message_pb2, stream_pb2, usage_pb2

from tests.clients.scripted import (
    CLOSED,
    ENDED,
    FINISHED,
    OPENED,
    STARTED,
    WAIT_S,
    Event,
    Item,
    Scripted,
    delta,
    fail,
    reason,
    whole,
)


async def test_events_come_one_by_one_and_add_up(client: Client, gateway: Scripted) -> None:
    gateway.script = [[STARTED, OPENED, delta("Hel"), delta("lo"), CLOSED, ENDED, FINISHED]]
    seen = []
    async with client.stream("Hi", model="m") as stream:
        async for event in stream:
            seen.append(event.WhichOneof("event"))
            if event == delta("Hel"):
                assert text_of(stream.response) == "Hel"
                assert not stream.is_finished
    assert seen == [
        "started",
        "part_started",
        "part_delta",
        "part_delta",
        "part_finished",
        "candidate_finished",
        "finished",
    ]
    assert stream.is_finished
    assert text_of(stream.response) == "Hello"


async def test_text_is_that_of_text_parts_of_one_candidate(client: Client, gateway: Scripted) -> None:
    def opened(index: int, part: message_pb2.Part, candidate: int = 0) -> Event:
        return Event(candidate_index=candidate, part_started=stream_pb2.PartStarted(index=index, part=part))

    def more(index: int, text: str, candidate: int = 0) -> Event:
        return Event(candidate_index=candidate, part_delta=stream_pb2.PartDelta(index=index, text=text))

    def closed(index: int, candidate: int = 0) -> Event:
        return Event(candidate_index=candidate, part_finished=stream_pb2.PartFinished(index=index))

    thought = message_pb2.Part(reasoning=message_pb2.Reasoning(text="hm"))
    events: list[Item] = [
        STARTED,
        opened(0, thought),
        more(0, "hm"),
        closed(0),
        opened(1, message_pb2.Part(text="a")),
        opened(0, message_pb2.Part(text="other"), candidate=1),
        more(0, "other", candidate=1),
        more(1, "b"),
        closed(1),
        closed(0, candidate=1),
        ENDED,
        Event(candidate_index=1, candidate_finished=stream_pb2.CandidateFinished()),
        FINISHED,
    ]
    gateway.script = [events]
    async with client.stream("Hi", model="m") as stream:
        assert [piece async for piece in stream.text()] == ["a", "b"]
    async with client.stream("Hi", model="m") as stream:
        assert [piece async for piece in stream.text(candidate_index=1)] == ["other", "other"]


async def test_it_reads_without_a_block_and_collects(client: Client) -> None:
    assert text_of(await client.stream("Hi", model="m").collect()) == "Hello"
    assert [event async for event in client.stream("Hi", model="m")][-1] == FINISHED


async def test_nothing_is_sent_before_it_is_read(client: Client, gateway: Scripted) -> None:
    stream = client.stream("Hi", model="m")
    await client.generate("first", model="m")
    await stream.collect()
    assert [request.messages[0].parts[0].text for request in gateway.requests] == ["first", "Hi"]


async def test_leaving_early_cancels_the_call(client: Client, gateway: Scripted) -> None:
    gateway.script = [[STARTED, OPENED, delta("Hel"), gateway.wait]]
    async with client.stream("Hi", model="m") as stream:
        async for _ in stream.text():
            break
    await asyncio.wait_for(gateway.left.wait(), WAIT_S)
    assert text_of(stream.response) == "Hel"
    assert not stream.is_finished
    with pytest.raises(RuntimeError, match="closed"):
        await anext(aiter(stream))


async def test_leaving_by_an_exception_cancels_the_call(client: Client, gateway: Scripted) -> None:
    gateway.script = [[STARTED, gateway.wait]]

    async def stumble() -> None:
        async with client.stream("Hi", model="m") as stream:
            await anext(stream)
            raise LookupError

    with pytest.raises(LookupError):
        await stumble()
    await asyncio.wait_for(gateway.left.wait(), WAIT_S)


async def test_cancelling_the_reader_cancels_the_call(client: Client, gateway: Scripted) -> None:
    gateway.script = [[STARTED, gateway.wait]]
    reading = asyncio.create_task(client.stream("Hi", model="m").collect())
    await asyncio.wait_for(gateway.arrived.wait(), WAIT_S)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    await asyncio.wait_for(gateway.left.wait(), WAIT_S)


async def test_dropping_a_stream_cancels_the_call(client: Client, gateway: Scripted) -> None:
    gateway.script = [[STARTED, gateway.wait]]
    stream = client.stream("Hi", model="m")
    await anext(stream)
    del stream
    await asyncio.wait_for(gateway.left.wait(), WAIT_S)


async def test_a_stream_that_breaks_off_is_typed_and_keeps_what_came(client: Client, gateway: Scripted) -> None:
    failure = call_pb2.CallFailure(call_id="call_1", started=True, usage=usage_pb2.Usage(output_token_count=4))
    broken = fail(grpc.StatusCode.UNAVAILABLE, reason("STREAM_BROKEN", provider="openai"), failure)
    gateway.script = [[STARTED, OPENED, delta("Hel"), broken]]
    async with client.stream("Hi", model="m") as stream:
        with pytest.raises(StreamBrokenError) as caught:
            await stream.collect()
    error = caught.value
    assert error.reason == error_reason_pb2.ERROR_REASON_STREAM_BROKEN
    assert error.started
    assert error.usage == failure.usage
    assert text_of(stream.response) == "Hel"
    assert len(gateway.requests) == 1


async def test_a_connection_that_breaks_after_content_is_a_broken_stream(client: Client, gateway: Scripted) -> None:
    """The network gives no details: the client itself knows that content had come."""
    gateway.script = [[STARTED, OPENED, delta("Hel"), fail(grpc.StatusCode.UNAVAILABLE)]]
    with pytest.raises(StreamBrokenError) as caught:
        await client.stream("Hi", model="m").collect()
    assert caught.value.started
    assert not isinstance(caught.value, UnavailableError)


async def test_a_deadline_after_content_tells_that_content_had_come(client: Client, gateway: Scripted) -> None:
    gateway.script = [[STARTED, OPENED, gateway.wait]]
    with pytest.raises(DeadlineExceededError) as caught:
        await client.stream("Hi", model="m", timeout_s=0.5).collect()
    assert caught.value.started


async def test_a_failure_after_started_alone_had_no_content(client: Client, gateway: Scripted) -> None:
    gateway.script = [[STARTED, fail(grpc.StatusCode.UNAVAILABLE)]]
    with pytest.raises(UnavailableError) as caught:
        await client.stream("Hi", model="m").collect()
    assert not caught.value.started


async def test_a_stream_that_ends_without_its_last_event_is_no_success(client: Client, gateway: Scripted) -> None:
    started = Event(started=stream_pb2.GenerationStarted(call=call_pb2.CallInfo(call_id="call_9")))
    gateway.script = [[started, OPENED, delta("Hel"), CLOSED, ENDED]]
    with pytest.raises(StreamBrokenError) as caught:
        await client.stream("Hi", model="m").collect()
    assert caught.value.started
    assert caught.value.call_id == "call_9"


async def test_events_that_make_no_sense_end_the_call(client: Client, gateway: Scripted) -> None:
    gateway.script = [[STARTED, delta("lost"), gateway.wait]]
    stream = client.stream("Hi", model="m")
    with pytest.raises(StreamBrokenError, match="part_delta"):
        await stream.collect()
    await asyncio.wait_for(gateway.left.wait(), WAIT_S)
    assert not stream.is_finished


async def test_events_of_an_unknown_kind_are_passed_on_and_change_nothing(client: Client, gateway: Scripted) -> None:
    unknown = Event.FromString(b"\x08\x01\xfa\x3f\x02hi")  # field 1023, bytes
    gateway.script = [[STARTED, unknown, *whole("Hello")[1:]]]
    async with client.stream("Hi", model="m") as stream:
        events = [event async for event in stream]
    assert events[1].WhichOneof("event") is None
    assert text_of(stream.response) == "Hello"


async def test_several_readers_of_one_client_do_not_disturb_each_other(client: Client, gateway: Scripted) -> None:
    gateway.script = [whole(str(number)) for number in range(9)]
    answers = await asyncio.gather(*(client.stream("Hi", model="m").collect() for _ in range(9)))
    assert sorted(text_of(answer) for answer in answers) == [str(number) for number in range(9)]


async def test_a_stream_s_error_is_a_gateway_error_in_text_too(client: Client, gateway: Scripted) -> None:
    gateway.script = [[STARTED, OPENED, delta("a"), fail(grpc.StatusCode.INTERNAL)]]
    texts = client.stream("Hi", model="m").text()
    assert await anext(texts) == "a"
    with pytest.raises(GatewayError):
        await anext(texts)
