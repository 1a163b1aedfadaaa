"""The gateway's own Python client over gRPC, against the installed command and a provider behind it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from llmgateway import Client, GatewayError
from llmgateway.v1 import error_reason_pb2, generation_pb2

from tests.e2e.serving import Served
from tests.fakes import faults, wire
from tests.fakes.answer import Answer, ToolCall
from tests.fakes.exchange import Reply
from tests.fakes.openai import DIMENSION_COUNT, FakeOpenAI
from tests.fakes.replies import chat, stream_held

pytestmark = pytest.mark.asyncio(loop_scope="session")

MODEL = "fake/gpt-4o-mini"
CANCEL_S = 5.0


@pytest_asyncio.fixture(loop_scope="session")
async def client(gateway: Served) -> AsyncIterator[Client]:
    async with Client(gateway.grpc) as made:
        yield made


async def test_it_generates(client: Client, fake: FakeOpenAI) -> None:
    answer = await client.generate("Hello there", model=MODEL)
    (candidate,) = answer.candidates
    assert candidate.message.parts[0].text == "Hello there"
    assert candidate.finish_reason == generation_pb2.FINISH_REASON_STOP
    assert (answer.usage.input_token_count, answer.usage.output_token_count) == (10, 2)
    assert (answer.call.provider, answer.call.model) == ("fake", "gpt-4o-mini")
    assert fake.calls[0].body["messages"][0]["content"] == "Hello there"


@pytest.mark.parametrize("text", faults.HOSTILE_TEXTS)
async def test_a_stream_adds_up_to_the_answer(client: Client, fake: FakeOpenAI, text: str) -> None:
    fake.script(chat(text))
    async with client.stream("Hello", model=MODEL) as stream:
        events = [event async for event in stream]
    assert stream.response.candidates[0].message.parts[0].text == text
    assert events[0].HasField("started")
    assert [event.HasField("finished") for event in events] == [False] * (len(events) - 1) + [True]
    assert [event.sequence_number for event in events] == list(range(1, len(events) + 1))


async def test_content_is_sent_on_as_it_comes(client: Client, fake: FakeOpenAI) -> None:
    gate = asyncio.Event()
    fake.script(stream_held(Answer("one two three"), gate, frame_count=2))
    seen = ""
    async with client.stream("Hello", model=MODEL) as stream:
        async for piece in stream.text():
            seen += piece
            if seen == "one":
                gate.set()
    assert seen == "one two three"


async def test_tool_calls_arrive_whole(client: Client, fake: FakeOpenAI) -> None:
    calls = [ToolCall("call_1", "get_weather", '{"city": "Oslo"}'), ToolCall("call_2", "get_time", "{}")]
    fake.script(chat(Answer(text="Let me see.", tool_calls=calls)))
    async with client.stream("Hello", model=MODEL) as stream:
        async for _ in stream:
            pass
    text, first, second = stream.response.candidates[0].message.parts
    assert text.text == "Let me see."
    made = [(part.tool_call.id, part.tool_call.name, part.tool_call.arguments_json) for part in (first, second)]
    assert made == [(call.id, call.name, call.arguments) for call in calls]


async def test_it_embeds_and_lists_models(client: Client, fake: FakeOpenAI) -> None:
    answer = await client.embed(["one", "two"], model="embedder")
    assert [list(item.values) for item in answer.embeddings] == [
        wire.unit_vector(text, DIMENSION_COUNT) for text in ("one", "two")
    ]
    names = {model.id for model in await client.models()}
    assert {"mock/echo", "small", "embedder", "fake/gpt-4.1"} <= names
    assert (await client.model("mock/echo")).id == "mock/echo"
    assert (await client.count_tokens("Hello there", model="mock/echo")).input_token_count > 0


async def test_a_refusal_of_the_provider_is_typed(client: Client, fake: FakeOpenAI) -> None:
    fake.always(faults.status(429, retry_after="7"))
    with pytest.raises(GatewayError) as caught:
        await client.generate("Hello", model=MODEL)
    assert caught.value.reason == error_reason_pb2.ERROR_REASON_PROVIDER_RATE_LIMITED
    assert caught.value.retry_after_s == 7
    assert caught.value.call_id
    assert [attempt.http_status for attempt in caught.value.attempts] == [429]


async def test_a_stream_that_breaks_off_says_what_it_had_cost(client: Client, fake: FakeOpenAI) -> None:
    fake.script(faults.stream_cut(4))
    async with client.stream("Hello", model=MODEL) as stream:
        with pytest.raises(GatewayError) as caught:
            [event async for event in stream]
    assert caught.value.reason == error_reason_pb2.ERROR_REASON_STREAM_BROKEN
    assert caught.value.started
    assert caught.value.usage is not None
    assert caught.value.usage.output_token_count > 0
    assert len(fake.calls) == 1


# Cancellation.


async def test_leaving_a_stream_closes_the_provider_s(client: Client, fake: FakeOpenAI) -> None:
    fake.script(faults.stream_stalled(4))
    async with client.stream("Hello", model=MODEL) as stream:
        async for _ in stream.text():
            break
    await fake.closed(CANCEL_S)


@pytest.mark.parametrize("reply", [faults.never_answer, faults.head_then_silence, faults.stream_stalled(1)])
async def test_leaving_before_the_first_content_closes_the_provider_s(
    client: Client, fake: FakeOpenAI, reply: Reply
) -> None:
    fake.script(reply)

    async def read() -> None:
        async with client.stream("Hello", model=MODEL) as stream:
            async for _ in stream.text():
                pass

    reading = asyncio.create_task(read())
    await fake.arrived()
    reading.cancel()
    await fake.closed(CANCEL_S)
    with pytest.raises(asyncio.CancelledError):
        await reading


@pytest.mark.parametrize("reply", [faults.never_answer, faults.head_then_silence])
async def test_leaving_a_whole_answer_closes_the_provider_s(client: Client, fake: FakeOpenAI, reply: Reply) -> None:
    fake.script(reply)
    asking = asyncio.create_task(client.generate("Hello", model=MODEL))
    await fake.arrived()
    asking.cancel()
    await fake.closed(CANCEL_S)
    with pytest.raises(asyncio.CancelledError):
        await asking


async def test_a_deadline_closes_the_provider_s(client: Client, fake: FakeOpenAI) -> None:
    fake.script(faults.never_answer)
    with pytest.raises(GatewayError) as caught:
        await client.generate("Hello", model=MODEL, timeout_s=0.5)
    assert caught.value.code.name == "DEADLINE_EXCEEDED"
    await fake.closed(CANCEL_S)
