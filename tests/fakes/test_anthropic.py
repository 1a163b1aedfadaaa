"""The fake Anthropic provider, checked by the client that the real one's users have."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import anthropic
import httpx2
import pytest
from anthropic.types import Message, MessageParam, ToolParam

from tests.fakes import anthropic_wire as wire
from tests.fakes import faults
from tests.fakes.answer import Answer, ToolCall
from tests.fakes.anthropic import ANTHROPIC
from tests.fakes.dialect import after_content, opened
from tests.fakes.exchange import Reply
from tests.fakes.provider import FakeProvider
from tests.fakes.replies import chat, chat_in_pieces
from tests.specs import needs_specs, validator

MODEL = "claude-opus-4-6"
HELLO: list[MessageParam] = [{"role": "user", "content": "Hello there"}]
TOOLS: list[ToolParam] = [{"name": name, "input_schema": {"type": "object"}} for name in ("first", "second")]
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII="


@pytest.fixture
async def fake() -> AsyncIterator[FakeProvider]:
    async with FakeProvider(ANTHROPIC) as started:
        yield started


@pytest.fixture
async def client(fake: FakeProvider) -> AsyncIterator[anthropic.AsyncAnthropic]:
    http = httpx2.AsyncClient(trust_env=False)
    async with anthropic.AsyncAnthropic(
        base_url=fake.base_url, api_key="sk-ant-fake", max_retries=0, timeout=10, http_client=http
    ) as made:
        yield made


async def ask(client: anthropic.AsyncAnthropic, **more: Any) -> Message:
    """Ask, and take the answer whole. `more` are any further members of the request."""
    answer = await client.messages.create(**{"model": MODEL, "max_tokens": 50, "messages": HELLO, **more})
    assert isinstance(answer, Message)
    return answer


async def read(client: anthropic.AsyncAnthropic, **more: Any) -> Message:
    """Ask, and fold the stream of the answer."""
    asked = {"model": MODEL, "max_tokens": 50, "messages": HELLO, **more}
    async with client.messages.stream(**asked) as stream:
        return await stream.get_final_message()


def text_of(message: Message) -> str:
    return "".join(block.text for block in message.content if block.type == "text")


async def test_it_echoes_and_records_what_was_asked(fake: FakeProvider, client: anthropic.AsyncAnthropic) -> None:
    answer = await ask(client)
    assert text_of(answer) == "Hello there"
    assert (answer.stop_reason, answer.usage.input_tokens, answer.usage.output_tokens) == ("end_turn", 10, 2)
    (request,) = fake.calls
    assert (request.method, request.path) == ("POST", "/v1/messages")
    sent = (request.headers["authorization"], request.headers["anthropic-version"])
    assert sent == ("Bearer sk-ant-fake", "2026-10-21")
    assert request.body == {"model": MODEL, "max_tokens": 50, "messages": HELLO}


ANSWERS = {
    "a text": Answer("one two  three\n"),
    "nothing": Answer(),
    "thoughts": Answer("42", reasoning="It must be so.", signature="c2ln", redacted="b3BhcXVl"),
    "calls": Answer("Let me see.", [ToolCall("a", "first", '{"x":[1,{"y":"é"}]}'), ToolCall("b", "second")]),
    "a refusal": Answer(refusal="I will not."),
    "a limit": Answer("one", finish_reason="max_tokens"),
    "all at once": Answer("so", [ToolCall("a", "first")], reasoning="hm", redacted="b3BhcXVl"),
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
async def test_a_stream_adds_up_to_the_whole_answer(
    fake: FakeProvider, client: anthropic.AsyncAnthropic, answer: Answer
) -> None:
    fake.script(chat(answer), chat(answer))
    whole, streamed = await ask(client), await read(client)
    assert streamed.to_dict() == whole.to_dict()
    assert [block.type for block in whole.content] == [block["type"] for block in wire.blocks_of(answer)]
    assert whole.usage.output_tokens == len(answer.pieces)


async def test_a_stream_has_the_documented_events(fake: FakeProvider, client: anthropic.AsyncAnthropic) -> None:
    fake.script(chat(Answer("42", reasoning="so", redacted="b3BhcXVl")))
    stream = await client.messages.create(model=MODEL, max_tokens=50, messages=HELLO, stream=True)
    events = [event async for event in stream]
    assert [event.type for event in events] == [
        "message_start",
        *("content_block_start", "content_block_delta", "content_block_delta", "content_block_stop"),
        *("content_block_start", "content_block_stop"),
        *("content_block_start", "content_block_delta", "content_block_stop"),
        "message_delta",
        "message_stop",
    ]  # The client keeps the ping to itself.
    assert events[0].type == "message_start"
    assert (events[0].message.usage.output_tokens, events[0].message.content) == (1, [])


async def test_it_pings_once_the_first_block_has_begun(fake: FakeProvider) -> None:
    headers = {"x-api-key": "k", "anthropic-version": "2023-06-01"}
    body = {"model": MODEL, "max_tokens": 5, "messages": HELLO, "stream": True}
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"{fake.base_url}/v1/messages", json=body, headers=headers) as got,
    ):
        names = [line.removeprefix("event: ") for line in (await got.text()).splitlines() if line.startswith("event")]
    assert names[:4] == ["message_start", "content_block_start", "ping", "content_block_delta"]


async def test_it_calls_the_tools_offered_and_takes_their_results(client: anthropic.AsyncAnthropic) -> None:
    answer = await read(client, tools=TOOLS)
    calls = [block for block in answer.content if block.type == "tool_use"]
    assert ([call.name for call in calls], answer.stop_reason) == (["first", "second"], "tool_use")
    results = [{"type": "tool_result", "tool_use_id": call.id, "content": call.name.upper()} for call in calls]
    turn = [*HELLO, {"role": "assistant", "content": answer.content}, {"role": "user", "content": results}]
    assert text_of(await ask(client, tools=TOOLS, messages=turn)) == "FIRST SECOND"


@pytest.mark.parametrize(
    ("choice", "names"),
    [
        ({"type": "none"}, []),
        ({"type": "any"}, ["first", "second"]),
        ({"type": "tool", "name": "second"}, ["second"]),
        ({"type": "auto", "disable_parallel_tool_use": True}, ["first"]),
    ],
)
async def test_it_calls_what_is_to_be_called(
    client: anthropic.AsyncAnthropic, choice: dict[str, Any], names: list[str]
) -> None:
    answer = await ask(client, tools=TOOLS, tool_choice=choice)
    assert [block.name for block in answer.content if block.type == "tool_use"] == names


async def test_a_picture_arrives(fake: FakeProvider, client: anthropic.AsyncAnthropic) -> None:
    source = {"type": "base64", "media_type": "image/png", "data": PIXEL}
    content = [{"type": "image", "source": source}, {"type": "text", "text": "What is it?"}]
    assert text_of(await ask(client, messages=[{"role": "user", "content": content}])) == "What is it?"
    assert fake.calls[0].body["messages"][0]["content"][0]["source"] == source


async def test_it_counts_as_many_tokens_as_it_bills(client: anthropic.AsyncAnthropic) -> None:
    counted = await client.messages.count_tokens(model=MODEL, messages=HELLO)
    assert counted.input_tokens == (await ask(client)).usage.input_tokens


async def test_it_lists_and_describes_models(client: anthropic.AsyncAnthropic) -> None:
    assert [model.id async for model in client.models.list()] == list(wire.MODELS)
    assert (await client.models.retrieve(MODEL)).display_name == "Claude Opus 4.6"
    with pytest.raises(anthropic.NotFoundError, match="claude-0"):
        await client.models.retrieve("claude-0")


STATUS_ERRORS: list[tuple[int, type[anthropic.APIStatusError], str]] = [
    (400, anthropic.BadRequestError, "invalid_request_error"),
    (401, anthropic.AuthenticationError, "authentication_error"),
    (403, anthropic.PermissionDeniedError, "permission_error"),
    (404, anthropic.NotFoundError, "not_found_error"),
    (429, anthropic.RateLimitError, "rate_limit_error"),
    (500, anthropic.InternalServerError, "api_error"),
    (503, anthropic.InternalServerError, "api_error"),
    (529, anthropic.InternalServerError, "overloaded_error"),
]


@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize(("code", "error", "kind"), STATUS_ERRORS)
async def test_it_refuses_with_a_status(
    fake: FakeProvider,
    client: anthropic.AsyncAnthropic,
    code: int,
    error: type[anthropic.APIStatusError],
    kind: str,
    streams: bool,
) -> None:
    fake.script(faults.status(code, retry_after="7"))
    with pytest.raises(error) as caught:
        await (read if streams else ask)(client)
    assert isinstance(caught.value, error)
    assert (caught.value.status_code, caught.value.response.headers["retry-after"]) == (code, "7")
    assert (caught.value.type, caught.value.request_id) == (kind, wire.REQUEST_ID)


@pytest.mark.parametrize(
    ("trouble", "words"), [("context_too_long", "prompt is too long"), ("content_filtered", "content filtering policy")]
)
async def test_a_400_says_why(fake: FakeProvider, client: anthropic.AsyncAnthropic, trouble: Any, words: str) -> None:
    fake.script(faults.refusal(trouble))
    with pytest.raises(anthropic.BadRequestError, match=words):
        await ask(client)


RESULT = {"type": "tool_result", "tool_use_id": "a", "content": "x"}
CALL = {"type": "tool_use", "id": "a", "name": "first", "input": {}}
GOOD = {"model": MODEL, "max_tokens": 5, "messages": HELLO}
HEADERS = {"x-api-key": "k", "anthropic-version": "2023-06-01"}
BAD_REQUESTS: dict[str, tuple[dict[str, str], dict[str, Any], int, str]] = {
    "no key": ({"anthropic-version": "2023-06-01"}, GOOD, 401, "x-api-key header is required"),
    "no version": ({"x-api-key": "k"}, GOOD, 400, "anthropic-version: header is required"),
    "no known version": ({"x-api-key": "k", "anthropic-version": "1"}, GOOD, 400, "is no version"),
    "a temperature": ({**HEADERS, "anthropic-version": "2026-10-21"}, {**GOOD, "temperature": 1}, 400, "temperature"),
    "no limit": (HEADERS, {"model": MODEL, "messages": HELLO}, 400, "max_tokens: Field required"),
    "no model": (HEADERS, {"max_tokens": 5, "messages": HELLO}, 400, "model: Field required"),
    "no messages": (HEADERS, {**GOOD, "messages": []}, 400, "messages: at least one message is required"),
    "a role": (HEADERS, {**GOOD, "messages": [{"role": "tool", "content": "x"}]}, 400, "Unexpected role"),
    "little to think with": (
        HEADERS, {**GOOD, "thinking": {"type": "enabled", "budget_tokens": 10}}, 400, "greater than or equal to 1024",
    ),
    "more to think with than to write": (
        HEADERS, {**GOOD, "thinking": {"type": "enabled", "budget_tokens": 1024}}, 400, "must be greater than",
    ),
    "a result without a call": (
        HEADERS, {**GOOD, "messages": [{"role": "user", "content": [RESULT]}]}, 400, "unexpected `tool_use_id`",
    ),
    "a call without a result": (
        HEADERS, {**GOOD, "messages": [{"role": "assistant", "content": [CALL]}, *HELLO]}, 400, "without `tool_result`",
    ),
    "a picture of no known type": (
        HEADERS,
        {**GOOD, "messages": [{"role": "user", "content": [{"type": "image", "source": {"media_type": "image/bmp"}}]}]},
        400,
        "media_type",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("headers", "body", "status", "words"), BAD_REQUESTS.values(), ids=BAD_REQUESTS)
async def test_it_refuses_what_the_real_one_refuses(
    fake: FakeProvider, headers: dict[str, str], body: dict[str, Any], status: int, words: str
) -> None:
    url = f"{fake.base_url}/v1/messages"
    async with aiohttp.ClientSession() as http, http.post(url, json=body, headers=headers) as got:
        said = await got.json()
    assert (got.status, said["type"]) == (status, "error")
    assert words in said["error"]["message"]


async def test_the_old_version_takes_what_the_new_one_refuses(fake: FakeProvider) -> None:
    url = f"{fake.base_url}/v1/messages"
    async with aiohttp.ClientSession() as http, http.post(url, json={**GOOD, "temperature": 1}, headers=HEADERS) as got:
        assert got.status == 200


@pytest.mark.parametrize("reply", faults.BREAKS)
async def test_it_cuts_a_stream(fake: FakeProvider, client: anthropic.AsyncAnthropic, reply: Reply) -> None:
    fake.script(reply)
    with pytest.raises((httpx2.TransportError, anthropic.APIConnectionError)):
        await read(client)


async def test_it_ends_a_stream_without_its_terminal(fake: FakeProvider, client: anthropic.AsyncAnthropic) -> None:
    fake.script(faults.stream_ended(after_content(2)))
    stream = await client.messages.create(model=MODEL, max_tokens=50, messages=HELLO, stream=True)
    kinds = [event.type async for event in stream]
    assert kinds == ["message_start", "content_block_start", "content_block_delta", "content_block_delta"]


async def test_it_malforms_one_event(fake: FakeProvider, client: anthropic.AsyncAnthropic) -> None:
    fake.script(faults.stream_malformed(after_content(2)))
    with pytest.raises(json.JSONDecodeError):
        await read(client)


@pytest.mark.parametrize("place", [0, opened, after_content(3)])
async def test_it_reports_an_error_inside_a_stream(
    fake: FakeProvider, client: anthropic.AsyncAnthropic, place: Any
) -> None:
    fake.script(faults.refusal_in_stream(place, "overloaded"))
    with pytest.raises(anthropic.APIStatusError, match="Overloaded"):
        await read(client)


@pytest.mark.parametrize("text", faults.HOSTILE_TEXTS)
async def test_hostile_text_arrives_literally_cut_anywhere(
    fake: FakeProvider, client: anthropic.AsyncAnthropic, text: str
) -> None:
    fake.script(chat_in_pieces(Answer(text), 1), chat_in_pieces(Answer(text), 7), chat(text))
    assert [text_of(await read(client)), text_of(await read(client)), text_of(await ask(client))] == [text] * 3


async def test_a_usage_may_be_told_twice(fake: FakeProvider, client: anthropic.AsyncAnthropic) -> None:
    fake.script(faults.usage_doubled)
    usage = (await read(client)).usage
    assert (usage.input_tokens, usage.output_tokens) == (20, 20)


@needs_specs
@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_answers_fit_anthropic_s_schema(answer: Answer) -> None:
    usage = wire.usage_of(10, 2)
    assert validator("anthropic", "POST /v1/messages", "response")(wire.message(MODEL, answer, usage)) == []
    check = validator("anthropic", "POST /v1/messages", "stream")
    events = [event for event in wire.events(MODEL, answer, usage) if event["type"] != "ping"]  # undeclared there
    assert {event["type"]: check(event) for event in events} == {event["type"]: [] for event in events}
