"""The official Python SDK against REST, in the gateway's process and over a channel.

The fixture `client` checks every answer and chunk against OpenAI's schema, the fixture `fake` every request that
reached the provider.
"""

from __future__ import annotations

import asyncio
import json
import math
from typing import Any

import httpx2
import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolParam
from pydantic import BaseModel

from tests.e2e.oracle import SCHEMA, CheckingTransport
from tests.e2e.serving import SAFETY_S
from tests.fakes import faults, wire
from tests.fakes.answer import Answer, ToolCall
from tests.fakes.openai import FakeOpenAI
from tests.fakes.replies import chat, chat_in_pieces, stream_held

pytestmark = pytest.mark.asyncio(loop_scope="session")

Client = openai.AsyncOpenAI
MODEL = "fake/gpt-4o-mini"
HELLO: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Hello there"}]
CANCEL_S = 5.0


def tool(name: str) -> ChatCompletionToolParam:
    parameters: dict[str, object] = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    return {"type": "function", "function": {"name": name, "description": "Tells it.", "parameters": parameters}}


WEATHER, TIME = tool("get_weather"), tool("get_time")


class City(BaseModel):
    """What the structured answers hold."""

    name: str
    inhabitants: int


# Chat.


async def test_a_chat_is_answered_whole(client: Client, fake: FakeOpenAI) -> None:
    answer = await client.chat.completions.create(
        model=MODEL, messages=[{"role": "system", "content": "Be brief."}, *HELLO], temperature=0.7, max_tokens=50
    )
    assert answer.choices[0].message.content == "Hello there"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (10, 2, 12)
    (request,) = fake.calls
    assert request.body["model"] == "gpt-4o-mini"
    assert request.body["temperature"] == 0.7
    assert [message["role"] for message in request.body["messages"]] == ["system", "user"]


async def test_the_answer_tells_who_gave_it_and_what_it_cost(client: Client, fake: FakeOpenAI) -> None:
    raw = await client.chat.completions.with_raw_response.create(model=MODEL, messages=HELLO)
    headers = raw.headers
    assert headers["x-request-id"]
    assert headers["x-llmgateway-provider"] == "fake"
    assert headers["x-llmgateway-model"] == "gpt-4o-mini"
    assert headers["x-llmgateway-attempts"] == "1"
    assert float(headers["x-llmgateway-overhead-ms"]) >= 0


async def test_a_mock_answer_tells_its_cost(client: Client) -> None:
    raw = await client.chat.completions.with_raw_response.create(model="mock/lorem", messages=HELLO)
    assert float(raw.headers["x-llmgateway-cost-usd"]) >= 0


async def test_a_stream_adds_up_to_the_answer(client: Client, fake: FakeOpenAI) -> None:
    text = "Grüße an alle,\n\ndata: [DONE]\n\nund 🏳️‍🌈."
    fake.script(chat_in_pieces(Answer(text), 3))
    stream = await client.chat.completions.create(model=MODEL, messages=HELLO, stream=True)
    chunks = [chunk async for chunk in stream]
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == text
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert {chunk.id for chunk in chunks} == {chunks[0].id}
    assert all(chunk.usage is None for chunk in chunks)
    assert fake.calls[0].body["stream_options"] == {"include_usage": True}


async def test_a_stream_ends_with_its_usage_where_that_is_asked(client: Client, fake: FakeOpenAI) -> None:
    stream = await client.chat.completions.create(
        model=MODEL, messages=HELLO, stream=True, stream_options={"include_usage": True}
    )
    *others, last = [chunk async for chunk in stream]
    assert last.choices == []
    assert last.usage is not None
    assert last.usage.total_tokens == 12
    assert all(chunk.usage is None for chunk in others)


@pytest.mark.parametrize("text", faults.HOSTILE_TEXTS)
async def test_hostile_text_arrives_literally(client: Client, fake: FakeOpenAI, text: str) -> None:
    fake.script(chat(text), chat_in_pieces(Answer(text), 1))
    whole = await client.chat.completions.create(model=MODEL, messages=HELLO)
    assert whole.choices[0].message.content == text
    stream = await client.chat.completions.create(model=MODEL, messages=HELLO, stream=True)
    assert "".join([chunk.choices[0].delta.content or "" async for chunk in stream]) == text


async def test_several_candidates_come_whole_and_streamed(client: Client, fake: FakeOpenAI) -> None:
    reply = chat("first one", "second one", "third one")
    fake.script(reply, reply)
    whole = await client.chat.completions.create(model=MODEL, messages=HELLO, n=3)
    assert [(choice.index, choice.message.content) for choice in whole.choices] == [
        (0, "first one"),
        (1, "second one"),
        (2, "third one"),
    ]
    texts = ["", "", ""]
    stream = await client.chat.completions.create(model=MODEL, messages=HELLO, n=3, stream=True)
    async for chunk in stream:
        for choice in chunk.choices:
            texts[choice.index] += choice.delta.content or ""
    assert texts == ["first one", "second one", "third one"]


async def test_log_probabilities_come_whole_and_streamed(client: Client, fake: FakeOpenAI) -> None:
    whole = await client.chat.completions.create(model=MODEL, messages=HELLO, logprobs=True, top_logprobs=1)
    assert whole.choices[0].logprobs is not None
    entries = whole.choices[0].logprobs.content or []
    assert [(entry.token, entry.logprob) for entry in entries] == [("Hello", -0.25), (" there", -0.25)]
    assert [alternative.token for alternative in entries[0].top_logprobs] == ["Hello"]
    assert fake.calls[0].body["top_logprobs"] == 1
    streamed = []
    stream = await client.chat.completions.create(
        model=MODEL, messages=HELLO, logprobs=True, top_logprobs=1, stream=True
    )
    async for chunk in stream:
        for choice in chunk.choices:
            if choice.logprobs is not None:
                streamed += choice.logprobs.content or []
    assert [entry.token for entry in streamed] == ["Hello", " there"]


async def test_a_refusal_and_reasoning_arrive_as_such(client: Client, fake: FakeOpenAI) -> None:
    fake.script(chat(Answer(refusal="I will not.", reasoning="It is wrong.")))
    message = (await client.chat.completions.create(model=MODEL, messages=HELLO)).choices[0].message
    assert message.refusal == "I will not."
    assert message.content is None
    assert (message.model_extra or {})["reasoning_content"] == "It is wrong."


async def test_unknown_members_travel_both_ways(client: Client, fake: FakeOpenAI) -> None:
    fake.script(chat(Answer(text="yes", extra={"mood": "fine"})))
    answer = await client.chat.completions.create(
        model=MODEL, messages=HELLO, metadata={"team": "blue"}, user="someone", prompt_cache_key="k"
    )
    assert (answer.choices[0].message.model_extra or {})["mood"] == "fine"
    body = fake.calls[0].body
    assert body["user"] == "someone"
    assert body["prompt_cache_key"] == "k"
    assert "metadata" not in body


async def test_a_route_is_a_model(client: Client) -> None:
    answer = await client.chat.completions.create(model="small", messages=HELLO)
    assert len((answer.choices[0].message.content or "").split()) > 20


# Tools.


@pytest.mark.parametrize("streams", [False, True])
async def test_tools_go_round(client: Client, fake: FakeOpenAI, streams: bool) -> None:
    fake.script(chat(Answer(tool_calls=[ToolCall("call_1", "get_weather", '{"city": "Oslo"}')])), chat("It rains."))
    asked: dict[str, Any] = {"model": MODEL, "tools": [WEATHER], "tool_choice": "auto"}
    if streams:
        async with client.chat.completions.stream(messages=HELLO, **asked) as stream:
            first = await stream.get_final_completion()
    else:
        first = await client.chat.completions.create(messages=HELLO, **asked)
    message = first.choices[0].message
    (call,) = message.tool_calls or []
    assert call.type == "function"
    assert (call.id, call.function.name, call.function.arguments) == ("call_1", "get_weather", '{"city": "Oslo"}')
    assert first.choices[0].finish_reason == "tool_calls"
    history: list[Any] = [
        *HELLO,
        {"role": "assistant", "content": None, "tool_calls": [call.model_dump(include={"id", "type", "function"})]},
        {"role": "tool", "tool_call_id": call.id, "content": "rain"},
    ]
    second = await client.chat.completions.create(messages=history, **asked)
    assert second.choices[0].message.content == "It rains."
    sent = fake.calls[1].body["messages"]
    assert [entry["role"] for entry in sent] == ["user", "assistant", "tool"]
    assert sent[1]["tool_calls"][0]["id"] == "call_1"
    assert sent[1]["tool_calls"][0]["function"]["arguments"] == '{"city": "Oslo"}'
    assert (sent[2]["tool_call_id"], sent[2]["content"]) == ("call_1", "rain")
    assert fake.calls[0].body["tools"][0]["function"]["parameters"]["required"] == ["city"]


async def test_functions_of_old_applications_go_round(client: Client, fake: FakeOpenAI) -> None:
    made = Answer(tool_calls=[ToolCall("call_1", "get_weather", '{"city": "Oslo"}')])
    fake.script(chat(made), chat(made), chat("It rains."))
    asked: dict[str, Any] = {"model": MODEL, "functions": [WEATHER["function"]], "function_call": "auto"}
    whole = await client.chat.completions.create(messages=HELLO, **asked)
    assert whole.choices[0].finish_reason == "function_call"
    call = whole.choices[0].message.function_call
    assert call is not None
    assert (call.name, call.arguments) == ("get_weather", '{"city": "Oslo"}')
    assert whole.choices[0].message.tool_calls is None
    name, arguments, finish = "", "", None
    async for chunk in await client.chat.completions.create(messages=HELLO, stream=True, **asked):
        piece = chunk.choices[0].delta.function_call
        if piece is not None:
            name, arguments = name + (piece.name or ""), arguments + (piece.arguments or "")
        finish = chunk.choices[0].finish_reason or finish
    assert (name, arguments, finish) == (call.name, call.arguments, "function_call")
    history: list[Any] = [
        *HELLO,
        {"role": "assistant", "content": None, "function_call": {"name": call.name, "arguments": call.arguments}},
        {"role": "function", "name": "get_weather", "content": "rain"},
    ]
    second = await client.chat.completions.create(messages=history, **asked)
    assert second.choices[0].message.content == "It rains."
    sent = fake.calls[2].body["messages"]
    assert sent[1]["tool_calls"][0]["id"] == sent[2]["tool_call_id"]
    assert [call.body["tools"][0]["function"]["name"] for call in fake.calls] == ["get_weather"] * 3
    assert [call.body["tool_choice"] for call in fake.calls] == ["auto"] * 3


async def test_parallel_tools_come_whole_and_streamed(client: Client, fake: FakeOpenAI) -> None:
    calls = [ToolCall("call_1", "get_weather", '{"city": "Oslo"}'), ToolCall("call_2", "get_time", '{"city": "Rome"}')]
    fake.script(chat(Answer(tool_calls=calls)), chat(Answer(tool_calls=calls)))
    asked: dict[str, Any] = {"model": MODEL, "messages": HELLO, "tools": [WEATHER, TIME], "parallel_tool_calls": True}
    whole = await client.chat.completions.create(**asked)
    async with client.chat.completions.stream(**asked) as stream:
        streamed = await stream.get_final_completion()
    for answer in (whole, streamed):
        made = [
            (call.id, call.function.name, call.function.arguments)
            for call in answer.choices[0].message.tool_calls or []
        ]
        assert made == [(call.id, call.name, call.arguments) for call in calls]
    assert fake.calls[0].body["parallel_tool_calls"] is True


async def test_a_tool_call_is_passed_on_as_the_model_wrote_it(client: Client, fake: FakeOpenAI) -> None:
    fake.script(chat(faults.UNKNOWN_TOOL), chat(faults.BROKEN_ARGUMENTS))
    made = []
    for _ in range(2):
        answer = await client.chat.completions.create(model=MODEL, messages=HELLO, tools=[WEATHER])
        (call,) = answer.choices[0].message.tool_calls or []
        assert call.type == "function"
        made.append((call.function.name, call.function.arguments))
    assert made == [("launch_missiles", '{"target": "moon"}'), ("get_weather", '{"city": "Os')]


async def test_the_mock_calls_a_tool_and_then_answers_with_its_result(client: Client) -> None:
    first = await client.chat.completions.create(model="mock/tool", messages=HELLO, tools=[WEATHER])
    (call,) = first.choices[0].message.tool_calls or []
    assert call.type == "function"
    assert isinstance(json.loads(call.function.arguments)["city"], str)
    history: list[Any] = [
        *HELLO,
        {"role": "assistant", "tool_calls": [call.model_dump()]},
        {"role": "tool", "tool_call_id": call.id, "content": "rain in Oslo"},
    ]
    second = await client.chat.completions.create(model="mock/tool", messages=history, tools=[WEATHER])
    assert "rain in Oslo" in (second.choices[0].message.content or "")


# Structured output.


async def test_structured_output_is_parsed(client: Client, fake: FakeOpenAI) -> None:
    fake.script(chat('{"name": "Oslo", "inhabitants": 717710}'))
    answer = await client.chat.completions.parse(model=MODEL, messages=HELLO, response_format=City)
    assert answer.choices[0].message.parsed == City(name="Oslo", inhabitants=717710)
    sent = fake.calls[0].body["response_format"]
    assert sent["type"] == "json_schema"
    assert sent["json_schema"]["name"] == "City"
    assert sent["json_schema"]["strict"] is True
    assert sent["json_schema"]["schema"]["required"] == ["name", "inhabitants"]


async def test_the_mock_writes_what_fits_a_schema(client: Client) -> None:
    answer = await client.chat.completions.parse(model="mock/json", messages=HELLO, response_format=City)
    assert isinstance(answer.choices[0].message.parsed, City)


async def test_structured_output_is_parsed_from_a_stream(client: Client, fake: FakeOpenAI) -> None:
    fake.script(chat('{"name": "Oslo", "inhabitants": 717710}'))
    async with client.chat.completions.stream(model=MODEL, messages=HELLO, response_format=City) as stream:
        answer = await stream.get_final_completion()
    assert answer.choices[0].message.parsed == City(name="Oslo", inhabitants=717710)


# Embeddings.


async def test_vectors_are_the_same_as_numbers_and_as_base64(client: Client, fake: FakeOpenAI) -> None:
    model = "fake/text-embedding-3-small"
    by_default = await client.embeddings.create(model=model, input=["one", "two"], dimensions=6)
    plain = await client.embeddings.create(model=model, input=["one", "two"], dimensions=6, encoding_format="float")
    wanted = [wire.unit_vector(text, 6) for text in ("one", "two")]
    for answer in (by_default, plain):
        assert [item.embedding for item in answer.data] == wanted
        assert [item.index for item in answer.data] == [0, 1]
        assert answer.usage.prompt_tokens == 6
    assert all(request.body["dimensions"] == 6 for request in fake.calls)


async def test_token_ids_are_embedded_through_a_route(client: Client, fake: FakeOpenAI) -> None:
    answer = await client.embeddings.create(model="embedder", input=[[1, 2, 3], [4, 5]])
    assert [item.embedding for item in answer.data] == [
        wire.unit_vector(ids, len(answer.data[0].embedding)) for ids in ([1, 2, 3], [4, 5])
    ]
    assert fake.calls[0].body["input"] == [[1, 2, 3], [4, 5]]


async def test_the_mock_embeds(client: Client) -> None:
    answer = await client.embeddings.create(model="mock/embed", input="one", dimensions=16)
    assert len(answer.data[0].embedding) == 16
    assert math.hypot(*answer.data[0].embedding) == pytest.approx(1, abs=1e-3)


# Models and legacy completions.


async def test_models_are_listed_and_described(client: Client, fake: FakeOpenAI) -> None:
    names = {model.id async for model in client.models.list()}
    assert {"mock/echo", "mock/lorem", "small", "embedder", "fake/gpt-4o-mini"} <= names
    for name in ("mock/echo", "small", "fake/gpt-4.1"):
        assert (await client.models.retrieve(name)).id == name
    with pytest.raises(openai.NotFoundError) as caught:
        await client.models.retrieve("nobody/nothing")
    assert caught.value.code == "model_not_found"


async def test_legacy_completions_are_served_whole_and_streamed(client: Client, fake: FakeOpenAI) -> None:
    whole = await client.completions.create(model=MODEL, prompt="Once upon", n=2, max_tokens=5)
    assert [choice.text for choice in whole.choices] == ["Once upon continued"] * 2
    assert whole.usage is not None
    assert whole.usage.completion_tokens == 4
    stream = await client.completions.create(model=MODEL, prompt="Once upon", stream=True)
    assert "".join([chunk.choices[0].text async for chunk in stream]) == "Once upon continued"
    assert {request.path for request in fake.calls} == {"/v1/completions"}


async def test_the_blocking_client_works_as_well(rest: str) -> None:
    def ask() -> tuple[str | None, int]:
        with openai.OpenAI(base_url=rest, api_key="none", max_retries=0, timeout=30) as client:
            answer = client.chat.completions.create(model="mock/echo", messages=HELLO)
            with client.chat.completions.create(model="mock/lorem", messages=HELLO, stream=True) as stream:
                return answer.choices[0].message.content, sum(1 for chunk in stream if chunk.choices)

    content, chunk_count = await asyncio.to_thread(ask)
    assert content == "Hello there"
    assert chunk_count >= 2


# The mock's script, which one call brings along.


def script(**members: object) -> dict[str, object]:
    """Return a body's further members: what the mock is to do on this call."""
    return {"provider_options_json": {"mock": members}}


SCRIPTED_CALLS = [
    {"id": "call_1", "name": "get_weather", "arguments_json": '{"city": "Oslo"}'},
    {"id": "call_2", "name": "get_time", "arguments_json": '{"city":  "Røros"}'},
]


async def test_a_script_calls_tools_in_parallel_whole_and_streamed(client: Client) -> None:
    asked: dict[str, Any] = {
        "model": "mock/tool",
        "messages": HELLO,
        "tools": [WEATHER, TIME],
        "extra_body": script(tool_calls=SCRIPTED_CALLS),
    }
    whole = await client.chat.completions.create(**asked)
    made = [
        (call.id, call.function.name, call.function.arguments) for call in whole.choices[0].message.tool_calls or []
    ]
    assert made == [(call["id"], call["name"], call["arguments_json"]) for call in SCRIPTED_CALLS]
    assert whole.choices[0].finish_reason == "tool_calls"

    heads: dict[int, tuple[str | None, str | None]] = {}
    arguments: dict[int, str] = {}
    endings = []
    async for chunk in await client.chat.completions.create(**asked, stream=True):
        for choice in chunk.choices:
            endings += [choice.finish_reason] if choice.finish_reason else []
            for call in choice.delta.tool_calls or []:
                if call.id:
                    assert call.index not in heads, "a call is opened once"
                    heads[call.index] = (call.id, call.function.name)
                arguments[call.index] = arguments.get(call.index, "") + (call.function.arguments or "")
    assert [(*heads[index], arguments[index]) for index in sorted(heads)] == made
    assert endings == ["tool_calls"]


async def test_a_script_says_what_to_answer_and_how_it_ends(client: Client) -> None:
    scripted = script(text="cut sho", finish_reason="length", usage={"input_token_count": 3, "output_token_count": 4})
    answer = await client.chat.completions.create(model="mock/echo", messages=HELLO, extra_body=scripted)
    assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == ("cut sho", "length")
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (3, 4, 7)


@pytest.mark.parametrize("streams", [False, True])
async def test_a_script_fails_as_a_provider_does(client: Client, streams: bool) -> None:
    scripted = script(error={"status": 429, "message": "slow down", "retry_after": "7s"})
    with pytest.raises(openai.RateLimitError) as caught:
        await client.chat.completions.create(model="mock/echo", messages=HELLO, stream=streams, extra_body=scripted)
    assert (caught.value.status_code, caught.value.code) == (429, "rate_limit_exceeded")
    assert caught.value.response.headers["retry-after"] == "7"
    assert caught.value.request_id


async def test_a_script_breaks_a_stream_off_after_content(client: Client) -> None:
    stream = await client.chat.completions.create(
        model="mock/lorem", messages=HELLO, stream=True, extra_body=script(cut_after_token_count=3)
    )
    seen = ""

    async def read() -> None:
        nonlocal seen
        async for chunk in stream:
            seen += chunk.choices[0].delta.content or ""
            assert chunk.choices[0].finish_reason is None

    with pytest.raises(openai.APIError) as caught:
        await read()
    assert caught.value.code == "stream_broken"
    assert seen


async def test_a_script_that_is_wrong_is_refused_by_name(client: Client) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        await client.chat.completions.create(model="mock/echo", messages=HELLO, extra_body=script(txet="Hello"))
    assert "txet" in f"{caught.value.param}"
    assert caught.value.type == "invalid_request_error"


# Errors.

REFUSALS: list[tuple[int, type[openai.APIStatusError], int, str]] = [
    (400, openai.BadRequestError, 400, "provider_rejected_request"),
    (401, openai.InternalServerError, 502, "provider_key_rejected"),
    (429, openai.RateLimitError, 429, "rate_limit_exceeded"),
    (500, openai.InternalServerError, 502, "provider_bad_response"),
    (503, openai.InternalServerError, 503, "provider_overloaded"),
    (529, openai.InternalServerError, 503, "provider_overloaded"),
]


@pytest.mark.parametrize(("provider_status", "error", "status", "code"), REFUSALS)
@pytest.mark.parametrize("streams", [False, True])
async def test_a_provider_s_refusal_is_a_typed_error(
    client: Client,
    fake: FakeOpenAI,
    provider_status: int,
    error: type[openai.APIStatusError],
    status: int,
    code: str,
    streams: bool,
) -> None:
    fake.script(faults.status(provider_status, retry_after="7"))
    with pytest.raises(error) as caught:
        await client.chat.completions.create(model=MODEL, messages=HELLO, stream=streams)
    assert (caught.value.status_code, caught.value.code) == (status, code)
    assert caught.value.request_id
    assert caught.value.response.headers["x-should-retry"] in ("true", "false")
    if provider_status == 429:
        assert caught.value.response.headers["retry-after"] == "7"
    assert len(fake.calls) == 1


BAD_REQUESTS: list[tuple[dict[str, Any], str]] = [
    ({"temperature": "warm"}, "temperature"),
    ({"n": -1}, "n"),
    ({"messages": "hello"}, "messages"),
    ({"messages": [{"role": "user", "content": 7}]}, "messages[0].content"),
    ({"max_completion_tokens": 0}, "max_completion_tokens"),
    ({"api_base": "http://127.0.0.1:1"}, "api_base"),
    ({"base_url": "http://127.0.0.1:1"}, "base_url"),
    ({"api_key": "sk-other"}, "api_key"),
    ({"extra_headers": {"host": "x"}}, "extra_headers"),
]


@pytest.mark.parametrize(("members", "param"), BAD_REQUESTS, ids=[f"{param}" for _, param in BAD_REQUESTS])
async def test_a_bad_request_names_the_member(
    client: Client, fake: FakeOpenAI, members: dict[str, Any], param: str
) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        await client.chat.completions.create(model=MODEL, messages=HELLO, extra_body=members)
    assert caught.value.param == param
    assert caught.value.type == "invalid_request_error"
    assert caught.value.request_id
    assert fake.calls == []


async def test_an_unknown_model_is_not_found(client: Client) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        await client.chat.completions.create(model="mock/ech", messages=HELLO)
    assert caught.value.code == "model_not_found"
    assert caught.value.param == "model"
    assert "mock/echo" in caught.value.message


async def test_the_sdk_retries_what_it_is_told_to(rest: str, fake: FakeOpenAI) -> None:
    fake.script(faults.status(429, headers={"retry-after-ms": "1"}), chat("at last"))
    async with openai.AsyncOpenAI(base_url=rest, api_key="none", max_retries=1, timeout=30) as retrying:
        answer = await retrying.chat.completions.create(model=MODEL, messages=HELLO)
    assert answer.choices[0].message.content == "at last"
    assert len(fake.calls) == 2


async def test_a_stream_that_breaks_off_is_an_error_and_no_success(client: Client, fake: FakeOpenAI) -> None:
    fake.script(faults.stream_cut(4))
    stream = await client.chat.completions.create(model=MODEL, messages=HELLO, stream=True)
    seen = ""

    async def read() -> None:
        nonlocal seen
        async for chunk in stream:
            seen += chunk.choices[0].delta.content or ""
            assert chunk.choices[0].finish_reason is None

    with pytest.raises(openai.APIError) as caught:
        await read()
    assert "one two three".startswith(seen)
    assert seen
    assert caught.value.code == "stream_broken"


async def test_a_broken_stream_ends_with_an_error_event_and_without_done(rest: str, fake: FakeOpenAI) -> None:
    fake.script(faults.stream_cut(4))
    body = {"model": MODEL, "messages": HELLO, "stream": True}
    async with httpx2.AsyncClient(trust_env=False) as http:
        response = await http.post(f"{rest}/chat/completions", json=body)
    *_, last = response.text.removesuffix("\n\n").split("\n\n")
    data = next(line.removeprefix("data: ") for line in last.split("\n") if line.startswith("data: "))
    assert json.loads(data)["error"]["code"] == "stream_broken"
    assert "[DONE]" not in response.text


async def test_a_stream_that_fails_before_content_is_a_status(client: Client, fake: FakeOpenAI) -> None:
    fake.script(faults.stream_error_event(1))
    with pytest.raises(openai.InternalServerError) as caught:
        await client.chat.completions.create(model=MODEL, messages=HELLO, stream=True)
    assert caught.value.status_code == 502


# Cancellation.


async def test_leaving_a_stream_closes_the_provider_s(client: Client, fake: FakeOpenAI) -> None:
    fake.script(faults.stream_stalled(4))
    stream = await client.chat.completions.create(model=MODEL, messages=HELLO, stream=True)
    async with stream:
        assert (await anext(stream)).choices
    await fake.closed(CANCEL_S)


async def test_leaving_before_the_first_content_closes_the_provider_s(client: Client, fake: FakeOpenAI) -> None:
    fake.script(faults.head_then_silence)
    asking = asyncio.create_task(client.chat.completions.create(model=MODEL, messages=HELLO, stream=True))
    await fake.arrived()
    asking.cancel()
    await fake.closed(CANCEL_S)


async def test_leaving_a_whole_answer_closes_the_provider_s(client: Client, fake: FakeOpenAI) -> None:
    fake.script(faults.never_answer)
    asking = asyncio.create_task(client.chat.completions.create(model=MODEL, messages=HELLO))
    await fake.arrived()
    asking.cancel()
    await fake.closed(CANCEL_S)


async def test_content_is_sent_on_as_it_comes(client: Client, fake: FakeOpenAI) -> None:
    gate = asyncio.Event()
    fake.script(stream_held(Answer("one two three"), gate, frame_count=2))
    stream = await client.chat.completions.create(model=MODEL, messages=HELLO, stream=True)
    seen = ""
    async with asyncio.timeout(SAFETY_S):
        async for chunk in stream:
            seen += chunk.choices[0].delta.content or ""
            if seen == "one":
                gate.set()
    assert seen == "one two three"


# The checks themselves.


async def test_the_check_of_answers_looks_at_them(client: Client, fake: FakeOpenAI) -> None:
    if not SCHEMA.exists():
        pytest.skip("the shared folder with OpenAI's schema is absent")
    transport = client._client._transport
    assert isinstance(transport, CheckingTransport)
    stream = await client.chat.completions.create(model=MODEL, messages=HELLO, stream=True)
    chunk_count = len([chunk async for chunk in stream])
    await client.models.retrieve("mock/echo")
    assert transport.checked_count == chunk_count + 1
