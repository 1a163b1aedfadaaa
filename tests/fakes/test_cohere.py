"""The fake Cohere provider, checked by the client that the real one's users have."""

from __future__ import annotations

import base64
import logging
import struct
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import cohere
import httpx
import pytest
from cohere.core.api_error import ApiError

from tests.fakes import cohere_wire as wire
from tests.fakes import faults
from tests.fakes.answer import Answer, ToolCall
from tests.fakes.cohere import COHERE
from tests.fakes.dialect import after_content, opened
from tests.fakes.exchange import Reply
from tests.fakes.provider import FakeProvider
from tests.fakes.replies import chat, chat_in_pieces
from tests.specs import needs_specs, validator

Json = dict[str, Any]  # Any: JSON values of every shape.

MODEL = "command-a-03-2025"
HELLO: list[Json] = [{"role": "user", "content": "Hello there"}]
TOOLS: list[Json] = [
    {"type": "function", "function": {"name": name, "parameters": {"type": "object", "properties": {}}}}
    for name in ("first", "second")
]
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII="


@pytest.fixture
async def fake() -> AsyncIterator[FakeProvider]:
    async with FakeProvider(COHERE) as started:
        yield started


@pytest.fixture
async def client(fake: FakeProvider) -> AsyncIterator[cohere.AsyncClientV2]:
    # There is no TLS on loopback: not to verify saves reading all certificates for each test.
    http = httpx.AsyncClient(trust_env=False, timeout=10, verify=False)
    async with cohere.AsyncClientV2("co-fake", base_url=fake.base_url, max_retries=0, httpx_client=http) as made:
        yield made


async def ask(client: cohere.AsyncClientV2, **more: Any) -> Json:
    """Ask, and take the answer whole: its message, finish reason and usage. `more` are further members."""
    answer = await client.chat(**{"model": MODEL, "messages": HELLO, **more})
    told: Json = answer.model_dump(exclude_none=True)
    assert told.pop("id") == wire.ANSWER_ID
    return told


async def events_of(client: cohere.AsyncClientV2, **more: Any) -> list[Json]:
    """Ask, and return the events of the answer's stream."""
    stream = client.chat_stream(**{"model": MODEL, "messages": HELLO, **more})
    return [event.model_dump(exclude_none=True) async for event in stream]


async def read(client: cohere.AsyncClientV2, **more: Any) -> Json:
    """Ask, and fold the stream of the answer, which must end well: the client has no fold of its own."""
    first, *events = await events_of(client, **more)
    message: Json = first["delta"]["message"]
    end = events.pop()
    assert (first["type"], end["type"]) == ("message-start", "message-end")
    for event in events:
        fold(message, event["type"], event.get("index", -1), event.get("delta", {}).get("message", {}))
    return {"message": {name: value for name, value in message.items() if value}, **end["delta"]}


def fold(message: Json, kind: str, index: int, piece: Json) -> None:
    """Add what an event brings to a message."""
    if kind == "content-start":
        assert index == len(message["content"])
        message["content"].append(piece["content"])
    elif kind == "content-delta":
        for name, text in piece["content"].items():
            message["content"][index][name] += text
    elif kind == "tool-plan-delta":
        message["tool_plan"] += piece["tool_plan"]
    elif kind == "tool-call-start":
        assert index == len(message["tool_calls"])
        message["tool_calls"].append(piece["tool_calls"])
    elif kind == "tool-call-delta":
        message["tool_calls"][index]["function"]["arguments"] += piece["tool_calls"]["function"]["arguments"]
    elif kind == "citation-start":
        message["citations"].append(piece["citations"])
    else:
        assert kind in ("content-end", "tool-call-end", "citation-end")


def text_of(answer: Json) -> str:
    return "".join(block["text"] for block in answer["message"].get("content", []) if block["type"] == "text")


async def test_it_echoes_and_records_what_was_asked(fake: FakeProvider, client: cohere.AsyncClientV2) -> None:
    answer = await ask(client)
    assert (text_of(answer), answer["finish_reason"]) == ("Hello there", "COMPLETE")
    assert answer["usage"]["tokens"] == {"input_tokens": 10, "output_tokens": 2}
    (request,) = fake.calls
    assert (request.method, request.path) == ("POST", "/v2/chat")
    assert request.headers["authorization"] == "Bearer co-fake"
    assert request.body == {"model": MODEL, "messages": HELLO, "stream": False}


ANSWERS = {
    "a text": Answer("one two  three\n"),
    "nothing": Answer(),
    "thoughts": Answer("42", reasoning="It must be so."),
    "a plan and calls": Answer(
        tool_calls=[ToolCall("a", "first", '{"x":[1,{"y":"é"}]}'), ToolCall("b", "second")],
        extra={"tool_plan": "I call both. "},
    ),
    "thoughts and calls": Answer(tool_calls=[ToolCall("a", "first")], reasoning="I look."),
    "citations": Answer(
        "Norway has many fjords.", extra={"citations": [wire.citation(0, "Norway"), wire.citation(16, "fjords")]}
    ),
    "a refusal": Answer(refusal="I will not."),
    "a limit": Answer("one", finish_reason="MAX_TOKENS"),
    "broken arguments": Answer(tool_calls=[ToolCall("a", "first", '{"x": ')]),
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
async def test_a_stream_adds_up_to_the_whole_answer(
    fake: FakeProvider, client: cohere.AsyncClientV2, answer: Answer
) -> None:
    fake.script(chat(answer), chat(answer))
    whole, streamed = await ask(client), await read(client)
    assert streamed == whole
    assert whole["message"] == wire.message_of(answer)
    assert whole["usage"]["tokens"]["output_tokens"] == len(answer.pieces)


async def test_a_stream_has_the_documented_events(fake: FakeProvider, client: cohere.AsyncClientV2) -> None:
    extra = {"citations": [wire.citation(0, "Norway", 1)], "tool_plan": "do"}
    fake.script(chat(Answer("Norway", [ToolCall("a", "first")], reasoning="so", extra=extra)))
    assert [(event["type"], event.get("index")) for event in await events_of(client)] == [
        ("message-start", None),
        *(("content-start", 0), ("content-delta", 0), ("content-end", 0)),
        *(("content-start", 1), ("content-delta", 1), ("citation-start", 0), ("citation-end", 0), ("content-end", 1)),
        ("tool-plan-delta", None),
        *(("tool-call-start", 0), ("tool-call-delta", 0), ("tool-call-delta", 0), ("tool-call-end", 0)),
        ("message-end", None),
    ]


async def test_events_bear_their_names_and_a_mark_ends_them(fake: FakeProvider) -> None:
    body = {"model": MODEL, "messages": HELLO, "stream": True}
    headers = {"authorization": "Bearer k"}
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"{fake.base_url}/v2/chat", json=body, headers=headers) as got,
    ):
        frames = (await got.text()).split("\n\n")
    assert [frame.partition("\n")[0] for frame in frames] == [
        "event: message-start",
        "event: content-start",
        *["event: content-delta"] * 2,
        "event: content-end",
        "event: message-end",
        "data: [DONE]",
        "",
    ]


async def test_it_calls_the_tools_offered_and_takes_their_results(client: cohere.AsyncClientV2) -> None:
    answer = await read(client, tools=TOOLS)
    calls = answer["message"]["tool_calls"]
    assert ([call["function"]["name"] for call in calls], answer["finish_reason"]) == (["first", "second"], "TOOL_CALL")
    document = [{"type": "document", "document": {"data": {"told": "SECOND"}}}]
    results = [
        {"role": "tool", "tool_call_id": call["id"], "content": content}
        for call, content in zip(calls, ["FIRST", document], strict=True)
    ]
    turn = [*HELLO, answer["message"], *results]
    assert text_of(await ask(client, tools=TOOLS, messages=turn)) == '{"told": "SECOND"}'


@pytest.mark.parametrize(("choice", "names"), [("NONE", []), ("REQUIRED", ["first", "second"])])
async def test_it_calls_what_is_to_be_called(client: cohere.AsyncClientV2, choice: str, names: list[str]) -> None:
    message = (await ask(client, tools=TOOLS, tool_choice=choice))["message"]
    assert [call["function"]["name"] for call in message.get("tool_calls", [])] == names


async def test_a_picture_arrives(fake: FakeProvider, client: cohere.AsyncClientV2) -> None:
    picture = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}
    content = [picture, {"type": "text", "text": "What is it?"}]
    assert text_of(await ask(client, messages=[{"role": "user", "content": content}])) == "What is it?"
    assert fake.calls[0].body["messages"][0]["content"][0] == picture


async def test_it_embeds_in_every_encoding(client: cohere.AsyncClientV2) -> None:
    kinds = ["float", "int8", "uint8", "binary", "ubinary", "base64"]
    answer = await client.embed(
        model="embed-v4.0", input_type="search_query", texts=["one", "two"], embedding_types=kinds, output_dimension=16
    )
    vectors = answer.embeddings
    assert vectors.float_ is not None
    assert vectors.float_[0] != vectors.float_[1]
    assert sum(value * value for value in vectors.float_[0]) == pytest.approx(1)
    assert vectors.base64 is not None
    assert [*struct.unpack("<16f", base64.b64decode(vectors.base64[1]))] == vectors.float_[1]
    assert vectors.int8 is not None
    assert [value / 127 for value in vectors.int8[0]] == pytest.approx(vectors.float_[0], abs=0.01)
    assert vectors.uint8 == [[value + 128 for value in row] for row in vectors.int8]
    signs = ["".join("1" if value > 0 else "0" for value in row) for row in vectors.float_]
    assert vectors.ubinary == [[int(row[:8], 2), int(row[8:], 2)] for row in signs]
    assert vectors.binary == [[byte - 128 for byte in row] for row in vectors.ubinary]
    assert answer.texts == ["one", "two"]
    assert answer.meta is not None
    assert answer.meta.billed_units is not None
    assert answer.meta.billed_units.input_tokens == 6


async def test_it_embeds_pictures(client: cohere.AsyncClientV2) -> None:
    url = f"data:image/png;base64,{PIXEL}"
    answer = await client.embed(model="embed-v4.0", input_type="image", images=[url], embedding_types=["float"])
    assert answer.embeddings.float_ is not None
    assert [len(vector) for vector in answer.embeddings.float_] == [wire.DIMENSION_COUNT]


async def test_it_ranks_documents_by_the_words_they_share(client: cohere.AsyncClientV2) -> None:
    documents = ["The sea is blue.", "Oslo is the capital of Norway.", "Norway has many fjords."]
    answer = await client.rerank(model="rerank-v3.5", query="Capital of Norway?", documents=documents, top_n=2)
    assert [result.index for result in answer.results] == [1, 2]
    assert answer.results[0].relevance_score > answer.results[1].relevance_score
    assert answer.meta is not None
    assert answer.meta.billed_units is not None
    assert answer.meta.billed_units.search_units == 1


async def test_it_lists_and_describes_models(client: cohere.AsyncClientV2) -> None:
    assert [model.name for model in (await client.models.list()).models] == list(wire.MODELS)
    described = await client.models.get(MODEL)
    assert (described.endpoints, described.context_length) == (["chat"], 288_000)
    with pytest.raises(cohere.NotFoundError, match="command-0"):
        await client.models.get("command-0")


STATUS_ERRORS: list[tuple[Any, type[ApiError]]] = [
    ("invalid", cohere.BadRequestError),
    ("context_too_long", cohere.BadRequestError),
    ("key_rejected", cohere.UnauthorizedError),
    ("key_forbidden", cohere.ForbiddenError),
    ("model_unknown", cohere.NotFoundError),
    ("rate_limited", cohere.TooManyRequestsError),
    ("content_filtered", cohere.InvalidTokenError),
    ("server", cohere.InternalServerError),
    ("unavailable", cohere.ServiceUnavailableError),
]


@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize(("trouble", "error"), STATUS_ERRORS, ids=[row[0] for row in STATUS_ERRORS])
async def test_it_refuses_with_a_status(
    fake: FakeProvider, client: cohere.AsyncClientV2, trouble: Any, error: type[ApiError], streams: bool
) -> None:
    fake.script(faults.refusal(trouble, "No.", retry_after="7"))
    with pytest.raises(error) as caught:
        await (read if streams else ask)(client)
    told: ApiError = caught.value
    assert told.headers is not None
    assert told.headers["retry-after"] == "7"
    kind = {"error_type": "TOO_MANY_TOKENS"} if trouble == "context_too_long" else {}
    assert told.body == {"id": wire.ERROR_ID, "message": "No.", **kind}


async def test_a_400_says_why(fake: FakeProvider, client: cohere.AsyncClientV2) -> None:
    fake.script(faults.refusal("context_too_long"))
    with pytest.raises(cohere.BadRequestError, match="too many tokens"):
        await ask(client)


def good(**more: object) -> Json:
    return {"model": MODEL, "messages": HELLO, **more}


BAD_REQUESTS: dict[str, tuple[str, Json, str]] = {
    "no model": ("/v2/chat", {"messages": HELLO}, "a model parameter is required"),
    "no messages": ("/v2/chat", good(messages=[]), "messages must not be empty"),
    "a role": ("/v2/chat", good(messages=[{"role": "developer", "content": "x"}]), "the role of messages[0]"),
    "an empty turn": ("/v2/chat", good(messages=[{"role": "user", "content": ""}]), "empty in a turn"),
    "a result without a call": (
        "/v2/chat",
        good(messages=[*HELLO, {"role": "tool", "tool_call_id": "a", "content": "x"}]),
        "messages[1] is the result of no call",
    ),
    "a temperature": ("/v2/chat", good(temperature=1.5), "temperature must be between 0 and 1.0"),
    "stop sequences": ("/v2/chat", good(stop_sequences=[*"abcdef"]), "at most 5 stop_sequences"),
    "no input type": ("/v2/embed", {"model": "m", "texts": ["x"]}, "valid input_type must be provided"),
    "too many texts": (
        "/v2/embed",
        {"model": "m", "input_type": "search_query", "texts": ["x"] * 97},
        "at most 96 - received 97",
    ),
    "no texts": ("/v2/embed", {"model": "m", "input_type": "search_query"}, "texts, images or inputs"),
    "no query": ("/v2/rerank", {"model": "m", "query": " ", "documents": ["x"]}, "query must not be empty"),
    "no documents": ("/v2/rerank", {"model": "m", "query": "x", "documents": []}, "documents must not be empty"),
}


@pytest.mark.parametrize(("route", "body", "words"), BAD_REQUESTS.values(), ids=BAD_REQUESTS)
async def test_it_refuses_what_the_real_one_refuses(fake: FakeProvider, route: str, body: Json, words: str) -> None:
    headers = {"authorization": "Bearer k"}
    async with aiohttp.ClientSession() as http, http.post(fake.base_url + route, json=body, headers=headers) as got:
        said = await got.json()
    assert got.status == 400
    assert words in said["message"]


async def test_it_refuses_a_request_without_a_key(fake: FakeProvider) -> None:
    async with aiohttp.ClientSession() as http, http.post(f"{fake.base_url}/v2/chat", json=good()) as got:
        said = await got.json()
    assert (got.status, said["message"]) == (401, "no api key supplied")


@pytest.mark.parametrize("reply", faults.BREAKS)
async def test_it_cuts_a_stream(fake: FakeProvider, client: cohere.AsyncClientV2, reply: Reply) -> None:
    fake.script(reply)
    with pytest.raises(httpx.TransportError):
        await read(client)


async def test_it_ends_a_stream_without_its_terminal(fake: FakeProvider, client: cohere.AsyncClientV2) -> None:
    fake.script(faults.stream_ended(after_content(2)))
    kinds = [event["type"] for event in await events_of(client)]
    assert kinds == ["message-start", "content-start", "content-delta", "content-delta"]


async def test_it_malforms_one_event(
    fake: FakeProvider, client: cohere.AsyncClientV2, caplog: pytest.LogCaptureFixture
) -> None:
    """The client says so in its log, and goes on with the next event."""
    fake.script(faults.stream_malformed(after_content(2)))
    with caplog.at_level(logging.WARNING, "cohere"):
        kinds = [event.get("type") for event in await events_of(client)]
    assert kinds.count("content-delta") == len(faults.ANSWER.pieces)
    assert kinds.count("message-end") == 1
    assert "Failed to parse SSE data field as JSON" in caplog.text


@pytest.mark.parametrize("place", [0, opened, after_content(3)])
async def test_it_reports_an_error_inside_a_stream_by_its_end(
    fake: FakeProvider, client: cohere.AsyncClientV2, place: Any
) -> None:
    fake.script(faults.refusal_in_stream(place, "context_too_long"))
    end = (await events_of(client))[-1]["delta"]
    assert end["finish_reason"] == "ERROR"
    assert end["error"].startswith("too many tokens")
    assert end["error_type"] == "TOO_MANY_TOKENS"


@pytest.mark.parametrize("text", faults.HOSTILE_TEXTS)
async def test_hostile_text_arrives_literally_cut_anywhere(
    fake: FakeProvider, client: cohere.AsyncClientV2, text: str
) -> None:
    fake.script(chat_in_pieces(Answer(text), 1), chat_in_pieces(Answer(text), 7), chat(text))
    assert [text_of(await read(client)), text_of(await read(client)), text_of(await ask(client))] == [text] * 3


async def test_a_usage_may_be_told_twice(fake: FakeProvider, client: cohere.AsyncClientV2) -> None:
    fake.script(faults.usage_doubled)
    ends = [event["delta"] for event in await events_of(client) if event["type"] == "message-end"]
    assert [end["usage"]["tokens"]["output_tokens"] for end in ends] == [10, 20]


UNDECLARED = ("citation-start", "citation-end")


@needs_specs
@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_answers_fit_cohere_s_schema(answer: Answer) -> None:
    usage = wire.usage_of(10, 2)
    assert validator("cohere", "POST /v2/chat", "response")(wire.whole(answer, usage)) == []
    check = validator("cohere", "POST /v2/chat", "stream")
    told = [event for event in wire.events(answer, usage) if event["type"] not in UNDECLARED]
    assert {event["type"]: check(event) for event in told} == {event["type"]: [] for event in told}


@needs_specs
def test_vectors_and_ranks_fit_cohere_s_schema() -> None:
    kinds = ["float", "int8", "uint8", "binary", "ubinary", "base64"]
    assert validator("cohere", "POST /v2/embed", "response")(wire.embeddings(["one"], kinds, 8)) == []
    assert validator("cohere", "POST /v2/rerank", "response")(wire.rerank("one", ["one", "two"], None)) == []
