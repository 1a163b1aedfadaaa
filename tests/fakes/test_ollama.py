"""The fake Ollama server, checked by the client that the real one's users have."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import httpx
import ollama
import pytest
from ollama import ChatResponse

from tests.fakes import faults
from tests.fakes import ollama_wire as wire
from tests.fakes.answer import Answer, ToolCall
from tests.fakes.dialect import Trouble, after_content
from tests.fakes.exchange import Reply
from tests.fakes.ollama import OLLAMA, TROUBLES
from tests.fakes.provider import FakeProvider
from tests.fakes.replies import chat, chat_in_pieces
from tests.specs import needs_specs, validator

MODEL = "qwen3:0.6b"
HELLO = [{"role": "user", "content": "Hello there"}]
TOOLS = [
    {"type": "function", "function": {"name": name, "parameters": {"type": "object", "properties": {}}}}
    for name in ("first", "second")
]
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII="


@pytest.fixture
async def fake() -> AsyncIterator[FakeProvider]:
    async with FakeProvider(OLLAMA) as started:
        yield started


@pytest.fixture
async def client(fake: FakeProvider) -> AsyncIterator[ollama.AsyncClient]:
    async with ollama.AsyncClient(host=fake.base_url, trust_env=False) as made:
        yield made


async def ask(client: ollama.AsyncClient, **more: Any) -> ChatResponse:
    """Ask, and take the answer whole. `more` are any further members of the request."""
    asked: dict[str, Any] = {"model": MODEL, "messages": HELLO, **more}
    answer = await client.chat(**asked, stream=False)
    assert isinstance(answer, ChatResponse)
    return answer


async def lines(client: ollama.AsyncClient, **more: Any) -> list[ChatResponse]:
    """Ask, and return the lines of the stream."""
    asked: dict[str, Any] = {"model": MODEL, "messages": HELLO, **more}
    return [line async for line in await client.chat(**asked, stream=True)]


async def read(client: ollama.AsyncClient, **more: Any) -> ChatResponse:
    """Ask, and fold the stream, as the documentation tells clients to."""
    came = await lines(client, **more)
    folded = came[-1].model_copy(deep=True)
    folded.message.content = "".join(line.message.content or "" for line in came)
    folded.message.thinking = "".join(line.message.thinking or "" for line in came) or None
    folded.message.tool_calls = [call for line in came for call in line.message.tool_calls or []] or None
    return folded


async def test_it_echoes_and_records_what_was_asked(fake: FakeProvider, client: ollama.AsyncClient) -> None:
    answer = await ask(client)
    assert (answer.message.content, answer.done, answer.done_reason) == ("Hello there", True, "stop")
    assert (answer.prompt_eval_count, answer.eval_count) == (10, 2)
    (request,) = fake.calls
    assert (request.method, request.path) == ("POST", "/api/chat")
    assert (request.body["messages"], request.body["stream"]) == (HELLO, False)


ANSWERS = {
    "a text": Answer("one two  three\n"),
    "nothing": Answer(),
    "thoughts": Answer("42", reasoning="It must be so."),
    "calls": Answer("Let me see.", [ToolCall("a", "first", '{"x":[1,{"y":"é"}]}'), ToolCall("", "second")]),
    "a refusal": Answer(refusal="I will not."),
    "a limit": Answer("one", finish_reason="length"),
    "all at once": Answer("so", [ToolCall("a", "first")], reasoning="hm"),
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
async def test_a_stream_adds_up_to_the_whole_answer(
    fake: FakeProvider, client: ollama.AsyncClient, answer: Answer
) -> None:
    fake.script(chat(answer), chat(answer))
    whole, streamed = await ask(client), await read(client)
    assert streamed == whole
    assert whole.message.content == (answer.text or answer.refusal or "")
    assert whole.message.thinking == answer.reasoning
    calls = [(call.function.name, call.function.arguments) for call in whole.message.tool_calls or []]
    assert calls == [(call.name, json.loads(call.arguments)) for call in answer.tool_calls]
    assert (whole.done_reason, whole.eval_count) == (answer.finish_reason or "stop", len(answer.pieces))


async def test_a_stream_is_one_object_a_line_and_counts_in_the_last(fake: FakeProvider) -> None:
    fake.script(chat(Answer("so it is", [ToolCall("a", "first")], reasoning="hm hm")))
    body = {"model": MODEL, "messages": HELLO}  # Without a word on streams it is one.
    async with aiohttp.ClientSession() as http, http.post(f"{fake.base_url}/api/chat", json=body) as got:
        assert got.content_type == "application/x-ndjson"
        *going, last = [json.loads(line) for line in (await got.text()).splitlines()]
    assert [line["message"].get("thinking") for line in going] == ["hm", " hm", None, None, None, None]
    assert [line["message"]["content"] for line in going] == ["", "", "so", " it", " is", ""]
    assert [line["done"] for line in going] == [False] * 6
    assert going[-1]["message"]["tool_calls"] == [
        {"id": "a", "function": {"index": 0, "name": "first", "arguments": {}}}
    ]
    assert (last["done"], last["message"]["content"], last["eval_count"]) == (True, "", 3)
    assert not any("eval_count" in line for line in going)


async def test_it_calls_the_tools_offered_and_takes_their_results(client: ollama.AsyncClient) -> None:
    answer = await read(client, tools=TOOLS)
    calls = answer.message.tool_calls or []
    assert [call.function.name for call in calls] == ["first", "second"]
    results = [{"role": "tool", "tool_name": call.function.name, "content": call.function.name} for call in calls]
    closing = await ask(client, tools=TOOLS, messages=[*HELLO, answer.message, *results])
    assert (closing.message.content, closing.message.tool_calls) == ("second", None)


async def test_a_picture_arrives_as_bare_base64(fake: FakeProvider, client: ollama.AsyncClient) -> None:
    message = {"role": "user", "content": "What is it?", "images": [base64.b64decode(PIXEL)]}
    assert (await ask(client, messages=[message])).message.content == "What is it?"
    assert fake.calls[0].body["messages"][0]["images"] == [PIXEL]


@pytest.mark.parametrize(("given", "count"), [("one", 1), (["one", "two"], 2), ([], 0)])
async def test_it_embeds(client: ollama.AsyncClient, given: Any, count: int) -> None:
    answer = await client.embed(model="embeddinggemma:latest", input=given)
    assert (len(answer.embeddings), answer.prompt_eval_count) == (count, 3 * count)
    assert len({tuple(vector) for vector in answer.embeddings}) == count
    assert all(len(vector) == wire.DIMENSION_COUNT for vector in answer.embeddings)
    shortened = await client.embed(model="embeddinggemma:latest", input=given, dimensions=4)
    assert all(len(vector) == 4 for vector in shortened.embeddings)


async def test_it_goes_on_with_a_raw_prompt(client: ollama.AsyncClient) -> None:
    whole = await client.generate(model=MODEL, prompt="Once", raw=True)
    came = [line async for line in await client.generate(model=MODEL, prompt="Once", raw=True, stream=True)]
    assert whole.response == "".join(line.response or "" for line in came) == "Once continued"
    assert (whole.eval_count, came[-1].eval_count, came[-1].done) == (2, 2, True)


async def test_it_lists_and_describes_models(client: ollama.AsyncClient) -> None:
    assert [model.model for model in (await client.list()).models] == list(wire.MODELS)
    shown = await client.show(MODEL)
    assert shown.capabilities == ["completion", "tools", "thinking"]
    assert shown.details is not None
    assert shown.details.family == "qwen3"
    with pytest.raises(ollama.ResponseError, match="model 'qwen0' not found") as caught:
        await client.show("qwen0")
    assert caught.value.status_code == 404


async def test_what_it_does_not_have_is_not_found(fake: FakeProvider) -> None:
    async with aiohttp.ClientSession() as http, http.get(f"{fake.base_url}/api/nothing") as got:
        assert (got.status, await got.json()) == (404, {"error": "404 page not found"})


@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize("trouble", TROUBLES)
async def test_it_refuses_with_a_status_and_words(
    fake: FakeProvider, client: ollama.AsyncClient, trouble: Trouble, streams: bool
) -> None:
    fake.script(faults.refusal(trouble))
    with pytest.raises(ollama.ResponseError) as caught:
        await (read if streams else ask)(client)
    assert (caught.value.status_code, caught.value.error) == TROUBLES[trouble]


CALL = {"function": {"name": "first", "arguments": "{}"}}
BAD_REQUESTS: dict[str, tuple[dict[str, Any], str]] = {
    "no model": ({"messages": HELLO}, "model is required"),
    "many log probabilities": ({"model": MODEL, "messages": HELLO, "top_logprobs": 21}, "between 0 and 20"),
    "an unknown effort": ({"model": MODEL, "messages": HELLO, "think": "minimal"}, 'invalid think value: "minimal"'),
    "a text in parts": ({"model": MODEL, "messages": [{"role": "user", "content": [{"text": "x"}]}]}, "of type string"),
    "arguments as a text": (
        {"model": MODEL, "messages": [{"role": "assistant", "content": "", "tool_calls": [CALL]}]},
        "tool_calls.function.arguments of type map",
    ),
    "a picture as a URL": (
        {"model": MODEL, "messages": [{"role": "user", "content": "", "images": ["data:image/png;base64,iVBO"]}]},
        "illegal base64 data",
    ),
}


@pytest.mark.parametrize(("body", "words"), BAD_REQUESTS.values(), ids=BAD_REQUESTS)
async def test_it_refuses_what_the_real_one_refuses(fake: FakeProvider, body: dict[str, Any], words: str) -> None:
    async with aiohttp.ClientSession() as http, http.post(f"{fake.base_url}/api/chat", json=body) as got:
        said = await got.json()
    assert got.status == 400
    assert words in said["error"]


@pytest.mark.parametrize("reply", faults.BREAKS)
async def test_it_cuts_a_stream(fake: FakeProvider, client: ollama.AsyncClient, reply: Reply) -> None:
    fake.script(reply)
    with pytest.raises(httpx.TransportError):
        await read(client)


async def test_it_ends_a_stream_without_its_terminal(fake: FakeProvider, client: ollama.AsyncClient) -> None:
    fake.script(faults.stream_ended(after_content(2)))
    came = await lines(client)
    assert [(line.message.content, line.done) for line in came] == [("one", False), (" two", False)]


async def test_it_malforms_one_line(fake: FakeProvider, client: ollama.AsyncClient) -> None:
    fake.script(faults.stream_malformed(after_content(2)))
    with pytest.raises(json.JSONDecodeError):
        await read(client)


@pytest.mark.parametrize("place", [0, after_content(3)])
async def test_it_reports_an_error_inside_a_stream(fake: FakeProvider, client: ollama.AsyncClient, place: Any) -> None:
    fake.script(faults.refusal_in_stream(place, "overloaded"))
    with pytest.raises(ollama.ResponseError, match="server busy") as caught:
        await read(client)
    assert caught.value.status_code == -1  # There is none inside a stream.


# The client takes U+2028 for the end of a line: Ollama's own encoder escapes it, other servers do not.
@pytest.mark.parametrize("text", [text for text in faults.HOSTILE_TEXTS if "\u2028" not in text])
async def test_hostile_text_arrives_literally_cut_anywhere(
    fake: FakeProvider, client: ollama.AsyncClient, text: str
) -> None:
    fake.script(chat_in_pieces(Answer(text), 1), chat_in_pieces(Answer(text), 7), chat(text))
    answers = [await read(client), await read(client), await ask(client)]
    assert [answer.message.content for answer in answers] == [text] * 3


async def test_counts_may_be_missing(fake: FakeProvider, client: ollama.AsyncClient) -> None:
    fake.script(chat("Hello", usage=None), chat("Hello", usage=None))
    for answer in (await ask(client), await read(client)):
        assert (answer.prompt_eval_count, answer.eval_count, answer.done) == (None, None, True)


@needs_specs
@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_answers_fit_ollama_s_schema(answer: Answer) -> None:
    usage = wire.usage_of(10, 2)
    assert validator("ollama", "POST /api/chat", "response")(wire.chat(MODEL, answer, usage)) == []
    check = validator("ollama", "POST /api/chat", "stream")
    assert [check(line) for line in wire.chat_lines(MODEL, answer, usage) if check(line)] == []


@needs_specs
def test_the_rest_fits_ollama_s_schema() -> None:
    made = {
        "POST /api/embed": wire.embedded(MODEL, ["one"], 4),
        "GET /api/tags": {"models": [wire.model_row(name) for name in wire.MODELS]},
        "POST /api/show": wire.model_shown(MODEL),
        "POST /api/generate": wire.generated(MODEL, "one", wire.usage_of(1, 1)),
    }
    assert {name: validator("ollama", name, "response")(body) for name, body in made.items()} == {
        name: [] for name in made
    }
