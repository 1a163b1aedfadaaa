"""The fake Mistral, checked by the client that the real one's users have."""

from __future__ import annotations

import json
import math
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import httpx2
import pytest
from mistralai.client import Mistral
from mistralai.client.errors import HTTPValidationError, SDKError
from mistralai.client.models import CompletionChunk, TextChunk, ThinkChunk

from tests.fakes import faults
from tests.fakes import mistral_wire as wire
from tests.fakes.answer import Answer, Counts, ToolCall
from tests.fakes.dialect import after_content, opened
from tests.fakes.exchange import Reply
from tests.fakes.mistral import MISTRAL
from tests.fakes.mistral_rules import undeclared
from tests.fakes.provider import FakeProvider
from tests.fakes.replies import chat, chat_in_pieces
from tests.specs import needs_specs, validator

MODEL = "mistral-small-latest"
HELLO = [{"role": "user", "content": "Hello there"}]
TOOLS = [
    {"type": "function", "function": {"name": name, "parameters": {"type": "object"}}} for name in ("first", "second")
]
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII="

Json = dict[str, Any]  # Any: JSON values of every shape.


@pytest.fixture
async def fake() -> AsyncIterator[FakeProvider]:
    async with FakeProvider(MISTRAL) as started:
        yield started


@pytest.fixture
async def client(fake: FakeProvider) -> AsyncIterator[Mistral]:
    async with (
        httpx2.AsyncClient(trust_env=False) as http,
        Mistral(api_key="fake", server_url=fake.origin, async_client=http, timeout_ms=10_000) as made,
    ):
        yield made


async def ask(client: Mistral, **more: Any) -> Json:
    """Ask; return the answer as the client read it."""
    answer = await client.chat.complete_async(**{"model": MODEL, "messages": HELLO, **more})
    return answer.model_dump(exclude_unset=True)


async def chunks(client: Mistral, **more: Any) -> list[CompletionChunk]:
    """Ask for a stream; return its chunks."""
    stream = await client.chat.stream_async(**{"model": MODEL, "messages": HELLO, **more})
    async with stream:
        return [event.data async for event in stream]


async def read(client: Mistral, **more: Any) -> Json:
    """Ask for a stream; return what it adds up to: texts, thoughts, calls, the end and the usage."""
    said, thought, calls = "", "", []
    made = await chunks(client, **more)
    for chunk in made:
        delta = chunk.choices[0].delta
        for piece in delta.content if isinstance(delta.content, list) else []:
            assert isinstance(piece, ThinkChunk)
            thought += text_of(piece)
        said += delta.content if isinstance(delta.content, str) else ""
        calls += [call.model_dump() for call in delta.tool_calls or []]
    assert made[-1].usage is not None
    reason, usage = made[-1].choices[0].finish_reason, made[-1].usage.model_dump()
    return {"said": said, "thought": thought, "calls": calls, "reason": reason, "usage": usage}


def text_of(piece: ThinkChunk) -> str:
    return "".join(inner.text for inner in piece.thinking if isinstance(inner, TextChunk))


def told(whole: Json) -> Json:
    """Return a whole answer as `read` returns a stream."""
    (choice,) = whole["choices"]
    content = choice["message"]["content"]
    pieces = content if isinstance(content, list) else [{"type": "text", "text": content}]
    thoughts = [inner["text"] for piece in pieces if piece["type"] == "thinking" for inner in piece["thinking"]]
    return {
        "said": "".join(piece["text"] for piece in pieces if piece["type"] == "text"),
        "thought": "".join(thoughts),
        "calls": choice["message"]["tool_calls"] or [],
        "reason": choice["finish_reason"],
        "usage": whole["usage"],
    }


async def test_it_echoes_and_records_what_was_asked(fake: FakeProvider, client: Mistral) -> None:
    answer = told(await ask(client, random_seed=7, stop=["x"], safe_prompt=True))
    assert (answer["said"], answer["reason"]) == ("Hello there", "stop")
    (request,) = fake.calls
    assert (request.method, request.path) == ("POST", "/v1/chat/completions")
    assert request.headers["authorization"] == "Bearer fake"
    assert request.body == {
        "model": MODEL, "messages": HELLO, "stream": False, "random_seed": 7, "stop": ["x"], "safe_prompt": True,
    }  # fmt: skip


ANSWERS = {
    "a text": Answer("one two  three\n"),
    "nothing": Answer(),
    "thoughts": Answer("42", reasoning="It must be so."),
    "calls": Answer("Let me see.", [ToolCall("abcdefgh1", "first", '{"x":[1,{"y":"é"}]}'), ToolCall("b", "second")]),
    "thoughts and a call": Answer(tool_calls=[ToolCall("a", "first")], reasoning="I look."),
    "a limit": Answer("one", finish_reason="length"),
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
async def test_a_stream_adds_up_to_the_whole_answer(fake: FakeProvider, client: Mistral, answer: Answer) -> None:
    fake.script(chat(answer), chat(answer))
    whole, streamed = told(await ask(client)), await read(client)
    assert streamed == whole
    assert (whole["said"], whole["thought"]) == (answer.text or "", answer.reasoning or "")
    assert [call["function"]["arguments"] for call in whole["calls"]] == [call.arguments for call in answer.tool_calls]
    assert all(len(call["id"]) == 9 and call["id"].isalnum() for call in whole["calls"])


async def test_the_last_chunk_with_choices_tells_the_usage_unasked(fake: FakeProvider, client: Mistral) -> None:
    fake.script(chat("one two", usage=Counts(10, 2, 4)))
    made = await chunks(client)
    assert [chunk.usage is None for chunk in made] == [True, True, True, False]
    usage = made[-1].usage
    assert usage is not None
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (10, 2, 12)
    assert usage.additional_properties["prompt_tokens_details"] == {"cached_tokens": 4}


async def test_it_calls_the_tools_offered_and_takes_their_results(client: Mistral) -> None:
    answer = await read(client, tools=TOOLS)
    assert ([call["function"]["name"] for call in answer["calls"]], answer["reason"]) == (
        ["first", "second"],
        "tool_calls",
    )
    results = [
        {"role": "tool", "tool_call_id": call["id"], "name": call["function"]["name"], "content": "SO"}
        for call in answer["calls"]
    ]
    turn = [*HELLO, {"role": "assistant", "content": "", "tool_calls": answer["calls"]}, *results]
    assert told(await ask(client, tools=TOOLS, messages=turn))["said"] == "SO"


@pytest.mark.parametrize(
    ("more", "names"),
    [
        ({"tool_choice": "none"}, []),
        ({"tool_choice": "any"}, ["first", "second"]),
        ({"tool_choice": {"type": "function", "function": {"name": "second"}}}, ["second"]),
        ({"parallel_tool_calls": False}, ["first"]),
    ],
)
async def test_it_calls_what_is_to_be_called(client: Mistral, more: Json, names: list[str]) -> None:
    answer = told(await ask(client, tools=TOOLS, **more))
    assert [call["function"]["name"] for call in answer["calls"]] == names


async def test_a_picture_arrives(fake: FakeProvider, client: Mistral) -> None:
    picture = {"type": "image_url", "image_url": f"data:image/png;base64,{PIXEL}"}
    content = [picture, {"type": "text", "text": "What is it?"}]
    assert told(await ask(client, messages=[{"role": "user", "content": content}]))["said"] == "What is it?"
    assert fake.calls[0].body["messages"][0]["content"][0] == picture


async def test_thoughts_go_back_as_pieces(fake: FakeProvider, client: Mistral) -> None:
    fake.script(chat(Answer("42", reasoning="It must be so.")))
    said = await client.chat.complete_async(model=MODEL, messages=HELLO)  # type: ignore[arg-type]  # a dict will do
    turn = [*HELLO, said.choices[0].message, {"role": "user", "content": "Why?"}]
    assert told(await ask(client, messages=turn))["said"] == "Why?"
    pieces = fake.calls[1].body["messages"][1]["content"]
    assert [piece["type"] for piece in pieces] == ["thinking", "text"]


async def test_vectors_differ_and_have_length_one(client: Mistral) -> None:
    made = await client.embeddings.create_async(model="mistral-embed", inputs=["a", "b"], output_dimension=5)
    vectors = [row.embedding or [] for row in made.data]
    assert [len(vector) for vector in vectors] == [5, 5]
    assert vectors[0] != vectors[1]
    assert math.hypot(*vectors[0]) == pytest.approx(1, abs=1e-6)


async def test_it_lists_and_describes_models(client: Mistral) -> None:
    listed = await client.models.list_async()
    assert [getattr(model, "id", None) for model in listed.data or []] == list(wire.MODELS)
    described = await client.models.retrieve_async(model_id=MODEL)
    assert getattr(described, "max_context_length", None) == 131_072
    with pytest.raises(SDKError, match="Invalid model: mistral-0"):
        await client.models.retrieve_async(model_id="mistral-0")


STATUS_ERRORS = [
    ("invalid", 400, "invalid_request_error"),
    ("context_too_long", 400, "131072 maximum context length"),
    ("model_unknown", 400, "invalid_model"),
    ("key_rejected", 401, '{"detail":"Invalid API Key"}'),
    ("key_forbidden", 403, "You do not have access"),
    ("rate_limited", 429, "rate_limited"),
    ("server", 500, "server_error"),
    ("unavailable", 503, "service_tier_capacity_exceeded"),
]


@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize(("trouble", "status", "words"), STATUS_ERRORS)
async def test_it_refuses_with_a_status(
    fake: FakeProvider, client: Mistral, trouble: Any, status: int, words: str, streams: bool
) -> None:
    fake.script(faults.refusal(trouble, retry_after="7"))
    with pytest.raises(SDKError) as caught:
        await (read if streams else ask)(client)
    assert (caught.value.status_code, caught.value.headers["retry-after"]) == (status, "7")
    assert words in caught.value.body


async def test_the_client_reads_what_is_refused_for_its_shape(fake: FakeProvider, client: Mistral) -> None:
    body = {"model": MODEL, "messages": HELLO, "max_completion_tokens": 5}
    fake.script(faults.error(422, {"detail": undeclared(body, generates=True)}))
    with pytest.raises(HTTPValidationError) as caught:
        await ask(client)
    (problem,) = caught.value.data.detail or []
    assert (problem.type, problem.loc) == ("extra_forbidden", ["body", "max_completion_tokens"])


CALL = {
    "role": "assistant",
    "content": "",
    "tool_calls": [{"id": "abcdefgh1", "function": {"name": "f", "arguments": "{}"}}],
}
RESULT = {"role": "tool", "tool_call_id": "abcdefgh1", "content": "x"}
BAD_REQUESTS: dict[str, tuple[Json, int, str]] = {
    "OpenAI's name of the limit": ({"max_completion_tokens": 5}, 422, "max_completion_tokens"),
    "stream options": ({"stream": True, "stream_options": {"include_usage": True}}, 422, "stream_options"),
    "a bias": ({"logit_bias": {}}, 422, "logit_bias"),
    "a developer": ({"messages": [{"role": "developer", "content": "x"}]}, 422, "union_tag_invalid"),
    "a name": ({"messages": [{"role": "user", "content": "x", "name": "n"}]}, 422, "extra_forbidden"),
    "thoughts beside the content": (
        {"messages": [*HELLO, {"role": "assistant", "content": "x", "reasoning_content": "y"}]}, 422, "reasoning_content",
    ),
    "a piece's member": (
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "x", "cache_control": {}}]}]},
        422,
        "cache_control",
    ),
    "a function without parameters": (
        {"tools": [{"type": "function", "function": {"name": "f"}}]}, 422, '"function","parameters"],"msg":"Field required"',
    ),
    "no messages": ({"messages": ...}, 422, "missing"),
    "a call's id": (
        {"messages": [*HELLO, {**CALL, "tool_calls": [{**CALL["tool_calls"][0], "id": "call_1"}]}]},  # type: ignore[index]
        400,
        "Tool call id was call_1",
    ),
    "a result's id": ({"messages": [*HELLO, CALL, {**RESULT, "tool_call_id": "abcdefgh-"}]}, 400, "length of 9"),
    "a result without a call": ({"messages": [*HELLO, RESULT]}, 400, "Unexpected role 'tool' after role 'user'"),
    "a call without a result": ({"messages": [*HELLO, CALL, *HELLO]}, 400, "Not the same number"),
    "a call at the end": ({"messages": [*HELLO, CALL, RESULT, CALL]}, 400, "Expected last role User or Tool"),
    "two results of one call": ({"messages": [*HELLO, CALL, RESULT, RESULT]}, 400, "Not the same number"),
}  # fmt: skip


@pytest.mark.parametrize(("members", "status", "words"), BAD_REQUESTS.values(), ids=BAD_REQUESTS)
async def test_it_refuses_what_the_real_one_refuses(fake: FakeProvider, members: Json, status: int, words: str) -> None:
    body = {name: value for name, value in {"model": MODEL, "messages": HELLO, **members}.items() if value is not ...}
    url, headers = f"{fake.base_url}/chat/completions", {"authorization": "Bearer k"}
    async with aiohttp.ClientSession() as http, http.post(url, json=body, headers=headers) as got:
        assert (got.status, words in await got.text()) == (status, True)


async def test_it_wants_a_key(fake: FakeProvider) -> None:
    async with aiohttp.ClientSession() as http, http.get(f"{fake.base_url}/models") as got:
        assert (got.status, await got.json()) == (401, {"detail": "Invalid API Key"})


@pytest.mark.parametrize("reply", faults.BREAKS)
async def test_it_cuts_a_stream(fake: FakeProvider, client: Mistral, reply: Reply) -> None:
    fake.script(reply)
    with pytest.raises(httpx2.TransportError):
        await chunks(client)


async def test_it_ends_a_stream_without_its_terminal(fake: FakeProvider, client: Mistral) -> None:
    fake.script(faults.stream_ended(after_content(2)))
    made = await chunks(client)
    assert [chunk.choices[0].delta.content for chunk in made] == ["", "one", " two"]


async def test_it_malforms_one_chunk_or_reports_an_error_in_it(fake: FakeProvider, client: Mistral) -> None:
    for reply in (faults.stream_malformed(after_content(2)), faults.refusal_in_stream(opened, "rate_limited")):
        fake.script(reply)
        with pytest.raises(Exception, match=r"(?i)validation"):  # The client tells no two apart.
            await chunks(client)


@pytest.mark.parametrize("text", faults.HOSTILE_TEXTS)
async def test_hostile_text_arrives_literally_cut_anywhere(fake: FakeProvider, client: Mistral, text: str) -> None:
    fake.script(chat_in_pieces(Answer(text), 1), chat_in_pieces(Answer(text), 7), chat(text))
    assert [(await read(client))["said"], (await read(client))["said"], told(await ask(client))["said"]] == [text] * 3


async def test_a_usage_may_be_told_twice(fake: FakeProvider, client: Mistral) -> None:
    fake.script(faults.usage_doubled)
    assert (await read(client))["usage"]["total_tokens"] == 40


@needs_specs
@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_answers_fit_mistral_s_schema(answer: Answer) -> None:
    usage = wire.usage_of(Counts(10, 2))
    usage.pop("service_tier")  # newer than the description
    assert validator("mistral", "POST /v1/chat/completions", "response")(wire.completion(MODEL, [answer], usage)) == []
    check = validator("mistral", "POST /v1/chat/completions", "stream")
    made, last = wire.chunks(MODEL, [answer], usage)
    assert [check(json.loads(json.dumps(chunk))) for chunk in [*made, last]] == [[]] * (len(made) + 1)
