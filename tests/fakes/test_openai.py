"""The fake provider, checked by the client that the real one's users have."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import AsyncIterator

import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolParam

from tests.fakes import faults, wire
from tests.fakes.answer import Answer, ToolCall
from tests.fakes.canary import Canary
from tests.fakes.exchange import Exchange, Reply
from tests.fakes.openai import FakeOpenAI
from tests.fakes.replies import chat, chat_in_pieces, held, stream_held

HELLO: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Hello there"}]
TOOLS: list[ChatCompletionToolParam] = [
    {"type": "function", "function": {"name": name, "parameters": {"type": "object"}}} for name in ("first", "second")
]


@pytest.fixture
async def fake() -> AsyncIterator[FakeOpenAI]:
    async with FakeOpenAI() as started:
        yield started


@pytest.fixture
async def client(fake: FakeOpenAI) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=fake.base_url, api_key="sk-fake", max_retries=0, timeout=10) as made:
        yield made


async def ask(client: openai.AsyncOpenAI) -> str | None:
    answer = await client.chat.completions.create(model="gpt-4o-mini", messages=HELLO)
    return answer.choices[0].message.content


async def read_stream(client: openai.AsyncOpenAI) -> str:
    stream = await client.chat.completions.create(model="gpt-4o-mini", messages=HELLO, stream=True)
    async with stream:
        return "".join([chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices])


async def test_it_echoes_and_records_what_was_asked(fake: FakeOpenAI, client: openai.AsyncOpenAI) -> None:
    assert await ask(client) == "Hello there"
    (request,) = fake.calls
    assert (request.method, request.path) == ("POST", "/v1/chat/completions")
    assert request.headers["authorization"] == "Bearer sk-fake"
    assert request.body == {"model": "gpt-4o-mini", "messages": HELLO}


async def test_a_stream_adds_up_to_the_whole_answer_and_its_usage(client: openai.AsyncOpenAI) -> None:
    stream = await client.chat.completions.create(
        model="gpt-4o-mini", messages=HELLO, stream=True, n=2, logprobs=True, stream_options={"include_usage": True}
    )
    texts, usages, probabilities = ["", ""], [], []
    async with stream:
        async for chunk in stream:
            usages.append(chunk.usage)
            for choice in chunk.choices:
                texts[choice.index] += choice.delta.content or ""
                if choice.logprobs is not None and choice.logprobs.content:
                    probabilities += [entry.token for entry in choice.logprobs.content]
    assert texts == ["Hello there", "Hello there"]
    assert probabilities == ["Hello", " there"] * 2
    assert usages[-1] is not None
    assert usages[-1].total_tokens == 14
    assert usages[:-1] == [None] * (len(usages) - 1)


async def test_it_calls_the_tools_offered_and_takes_their_results(client: openai.AsyncOpenAI) -> None:
    async with client.chat.completions.stream(model="gpt-4o-mini", messages=HELLO, tools=TOOLS) as stream:
        answer = await stream.get_final_completion()
    calls = answer.choices[0].message.tool_calls or []
    assert [call.function.name for call in calls] == ["first", "second"]
    assert answer.choices[0].finish_reason == "tool_calls"
    results: list[ChatCompletionMessageParam] = [{"role": "tool", "tool_call_id": calls[0].id, "content": "42"}]
    closing = await client.chat.completions.create(model="gpt-4o-mini", messages=[*HELLO, *results], tools=TOOLS)
    assert closing.choices[0].message.content == "42"


async def test_vectors_are_the_same_as_numbers_and_as_base64(fake: FakeOpenAI, client: openai.AsyncOpenAI) -> None:
    packed = await client.embeddings.create(model="text-embedding-3-small", input=["a", "b"], dimensions=5)
    plain = await client.embeddings.create(
        model="text-embedding-3-small", input=["a", "b"], dimensions=5, encoding_format="float"
    )
    assert [request.body["encoding_format"] for request in fake.calls] == ["base64", "float"]
    assert [item.embedding for item in packed.data] == [item.embedding for item in plain.data]
    assert plain.data[0].embedding != plain.data[1].embedding
    assert math.hypot(*plain.data[0].embedding) == pytest.approx(1, abs=1e-6)


async def test_it_lists_and_describes_models(client: openai.AsyncOpenAI) -> None:
    assert [model.id async for model in client.models.list()] == list(wire.MODELS)
    assert (await client.models.retrieve("gpt-4.1")).id == "gpt-4.1"
    with pytest.raises(openai.NotFoundError):
        await client.models.retrieve("gpt-0")


async def test_legacy_completions_are_served_whole_and_streamed(client: openai.AsyncOpenAI) -> None:
    whole = await client.completions.create(model="gpt-4o-mini", prompt="Once upon", n=2)
    assert [choice.text for choice in whole.choices] == ["Once upon continued"] * 2
    stream = await client.completions.create(model="gpt-4o-mini", prompt="Once upon", stream=True)
    async with stream:
        assert "".join([chunk.choices[0].text async for chunk in stream]) == "Once upon continued"


async def test_scripted_replies_come_once_each_and_in_order(fake: FakeOpenAI, client: openai.AsyncOpenAI) -> None:
    fake.script(chat("first"), chat("second"))
    assert [await ask(client) for _ in range(3)] == ["first", "second", "Hello there"]
    assert fake.connection_count == 1


STATUS_ERRORS: list[tuple[int, type[openai.APIStatusError]]] = [
    (401, openai.AuthenticationError),
    (429, openai.RateLimitError),
    (500, openai.InternalServerError),
    (503, openai.InternalServerError),
    (529, openai.InternalServerError),
]


@pytest.mark.parametrize(("code", "error"), STATUS_ERRORS)
async def test_it_refuses_with_a_status(
    fake: FakeOpenAI, client: openai.AsyncOpenAI, code: int, error: type[openai.APIStatusError]
) -> None:
    fake.script(faults.status(code, retry_after="7"))
    with pytest.raises(error) as caught:
        await ask(client)
    assert caught.value.status_code == code
    assert caught.value.response.headers["retry-after"] == "7"


BROKEN: list[tuple[str, Reply]] = [
    ("reset", faults.reset),
    ("hang up", faults.hang_up),
    ("cut", faults.whole_cut),
]


@pytest.mark.parametrize("reply", [reply for _, reply in BROKEN], ids=[name for name, _ in BROKEN])
async def test_it_breaks_the_connection(fake: FakeOpenAI, client: openai.AsyncOpenAI, reply: Reply) -> None:
    fake.script(reply)
    with pytest.raises(openai.APIConnectionError):
        await ask(client)


@pytest.mark.parametrize("reply", [faults.never_answer, faults.head_then_silence])
async def test_it_keeps_silent_until_the_caller_leaves(
    fake: FakeOpenAI, client: openai.AsyncOpenAI, reply: Reply
) -> None:
    fake.script(reply)
    asking = asyncio.create_task(ask(client))
    await fake.arrived()
    assert not asking.done()
    asking.cancel()
    await fake.closed()


async def test_it_sees_that_a_stream_is_left(fake: FakeOpenAI, client: openai.AsyncOpenAI) -> None:
    fake.script(faults.stream_stalled(3))
    stream = await client.chat.completions.create(model="gpt-4o-mini", messages=HELLO, stream=True)
    async with stream:
        await anext(stream)
        with pytest.raises(TimeoutError):
            await fake.closed(timeout_s=0.05)
    await fake.closed()


async def test_a_held_reply_waits_for_its_gate(fake: FakeOpenAI, client: openai.AsyncOpenAI) -> None:
    gate = asyncio.Event()
    fake.script(held(chat("late"), gate))
    asking = asyncio.create_task(ask(client))
    await fake.arrived()
    assert not asking.done()
    gate.set()
    assert await asking == "late"


async def test_a_held_stream_sends_its_first_frames_before_its_gate_opens(
    fake: FakeOpenAI, client: openai.AsyncOpenAI
) -> None:
    gate = asyncio.Event()
    fake.script(stream_held(Answer("one two three"), gate, frame_count=2))
    stream = await client.chat.completions.create(model="gpt-4o-mini", messages=HELLO, stream=True)
    async with stream:
        await anext(stream)
        assert (await anext(stream)).choices[0].delta.content == "one"
        gate.set()
        assert [chunk.choices[0].delta.content async for chunk in stream] == [" two", " three", None]


@pytest.mark.parametrize("reply", [faults.stream_cut(4), faults.stream_reset(4)])
async def test_it_cuts_a_stream(fake: FakeOpenAI, client: openai.AsyncOpenAI, reply: Reply) -> None:
    fake.script(reply)
    with pytest.raises(Exception, match=r"(?i)closed|peer|disconnect|reset|read|connection"):
        await read_stream(client)


async def test_it_ends_a_stream_without_its_terminal(fake: FakeOpenAI, client: openai.AsyncOpenAI) -> None:
    fake.script(faults.stream_ended(3))
    assert await read_stream(client) == "one two"


async def test_it_malforms_one_chunk(fake: FakeOpenAI, client: openai.AsyncOpenAI) -> None:
    fake.script(faults.stream_malformed(3))
    with pytest.raises(json.JSONDecodeError):
        await read_stream(client)


async def test_it_reports_an_error_inside_a_stream(fake: FakeOpenAI, client: openai.AsyncOpenAI) -> None:
    fake.script(faults.stream_error_event(0))
    with pytest.raises(openai.APIError, match=r"The server had an error\."):
        await read_stream(client)


@pytest.mark.parametrize("text", faults.HOSTILE_TEXTS)
async def test_hostile_text_arrives_literally_cut_anywhere(
    fake: FakeOpenAI, client: openai.AsyncOpenAI, text: str
) -> None:
    fake.script(chat_in_pieces(Answer(text), 1), chat_in_pieces(Answer(text), 7), chat(text))
    assert [await read_stream(client), await read_stream(client), await ask(client)] == [text] * 3


async def test_it_calls_an_unknown_tool_with_broken_arguments(fake: FakeOpenAI, client: openai.AsyncOpenAI) -> None:
    fake.script(chat(faults.UNKNOWN_TOOL), chat(faults.BROKEN_ARGUMENTS))
    calls = []
    for _ in range(2):
        answer = await client.chat.completions.create(model="gpt-4o-mini", messages=HELLO, tools=TOOLS)
        call = (answer.choices[0].message.tool_calls or [])[0]
        assert call.type == "function"
        calls.append((call.function.name, call.function.arguments))
    assert calls == [("launch_missiles", '{"target": "moon"}'), ("get_weather", '{"city": "Os')]


@pytest.mark.parametrize(
    "reply",
    [faults.endless_line, faults.endless_body, faults.endless_comments, faults.endless_stream, faults.gzip_bomb],
)
async def test_what_is_endless_goes_on_until_the_caller_leaves(fake: FakeOpenAI, reply: Reply) -> None:
    fake.script(reply)
    reader, writer = await asyncio.open_connection("127.0.0.1", fake.port)
    body = b'{"model": "m", "stream": true, "messages": []}'
    writer.write(
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: fake\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)
    )
    await reader.readexactly(64 * 1024)
    exchange: Exchange = await fake.arrived()
    assert not exchange.closed.is_set()
    writer.close()
    await fake.closed()
    assert not exchange.is_answered


async def test_a_redirect_leads_to_the_canary_if_followed(fake: FakeOpenAI, client: openai.AsyncOpenAI) -> None:
    async with Canary() as canary:
        fake.script(faults.redirect(canary.url))
        with pytest.raises(openai.APIConnectionError):
            await ask(client)
        assert canary.hit_count == 1  # This client follows; the gateway must not.


async def test_a_reply_that_fails_fails_the_test() -> None:
    async def broken(exchange: Exchange) -> None:
        exchange.cut()
        raise ZeroDivisionError

    fake = await FakeOpenAI().__aenter__()
    fake.script(broken)
    async with openai.AsyncOpenAI(base_url=fake.base_url, api_key="sk-fake", max_retries=0) as client:
        with pytest.raises(openai.APIConnectionError):
            await ask(client)
    with pytest.raises(BaseExceptionGroup) as caught:
        await fake.__aexit__(None, None, None)
    assert isinstance(caught.value.exceptions[0], ZeroDivisionError)


async def test_tool_calls_may_be_scripted_in_full(fake: FakeOpenAI, client: openai.AsyncOpenAI) -> None:
    scripted = Answer(text="Let me see.", tool_calls=[ToolCall("call_x", "first", '{"a": 1}')])
    fake.script(chat(scripted))
    async with client.chat.completions.stream(model="gpt-4o-mini", messages=HELLO, tools=TOOLS) as stream:
        message = (await stream.get_final_completion()).choices[0].message
    assert message.content == "Let me see."
    assert [(call.id, call.function.arguments) for call in message.tool_calls or []] == [("call_x", '{"a": 1}')]
