"""The fake Google provider, checked by the client that the real one's users have; Vertex AI's paths as well.

What it refuses is in `test_gemini_rules.py`.
"""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import httpx2
import pytest
from google import genai
from google.auth.credentials import AnonymousCredentials
from google.genai import errors, types

from tests.fakes import faults
from tests.fakes import gemini_wire as wire
from tests.fakes.answer import Answer, Counts, ToolCall
from tests.fakes.dialect import Trouble, after_content
from tests.fakes.exchange import Reply
from tests.fakes.gemini import GEMINI, TROUBLES, VERTEX
from tests.fakes.provider import FakeProvider
from tests.fakes.replies import chat, chat_in_pieces
from tests.specs import needs_specs, validator

MODEL = "gemini-3-pro-preview"
HELLO = "Hello there"
TOOLS = [{"function_declarations": [{"name": name, "description": name} for name in ("first", "second")]}]
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII="
SIGNATURE = base64.b64decode(wire.SIGNATURE)


@pytest.fixture
async def fake() -> AsyncIterator[FakeProvider]:
    async with FakeProvider(GEMINI) as started:
        yield started


@asynccontextmanager
async def connected(fake: FakeProvider, version: str, **who: Any) -> AsyncIterator[genai.client.AsyncClient]:
    """Give the client its own connections: by itself it loads certificates for each, which takes longer than a test."""
    with httpx2.Client(trust_env=False, verify=False) as unused:
        async with httpx2.AsyncClient(trust_env=False, verify=False, timeout=10) as http:
            options = types.HttpOptions(
                base_url=fake.origin, api_version=version, httpx_client=unused, httpx_async_client=http
            )
            yield genai.Client(http_options=options, **who).aio


@pytest.fixture
async def client(fake: FakeProvider) -> AsyncIterator[genai.client.AsyncClient]:
    async with connected(fake, "v1beta", api_key="fake-key") as made:
        yield made


async def ask(client: genai.client.AsyncClient, contents: Any = HELLO, **config: Any) -> types.GenerateContentResponse:
    """Ask, and take the answer whole. `config` are members of the client's configuration."""
    asked = types.GenerateContentConfig(**config)
    return await client.models.generate_content(model=MODEL, contents=contents, config=asked)


async def chunks(
    client: genai.client.AsyncClient, contents: Any = HELLO, **config: Any
) -> list[types.GenerateContentResponse]:
    """Ask, and return the chunks of the stream."""
    asked = types.GenerateContentConfig(**config)
    stream = await client.models.generate_content_stream(model=MODEL, contents=contents, config=asked)
    return [chunk async for chunk in stream]


def parts_of(response: types.GenerateContentResponse) -> list[types.Part]:
    (candidate,) = response.candidates or []
    assert candidate.content is not None
    return candidate.content.parts or []


def folded(parts: list[types.Part]) -> list[types.Part]:
    """Return parts with the texts of one kind made one, and those that say nothing left out."""
    made: list[types.Part] = []
    for part in parts:
        goes_on = made and part.text is not None and made[-1].text is not None and made[-1].thought == part.thought
        if goes_on:
            made[-1].text = f"{made[-1].text}{part.text}"
            made[-1].thought_signature = part.thought_signature or made[-1].thought_signature
        elif part.text != "" or part.thought_signature:
            made.append(part.model_copy())
    return made


async def test_it_echoes_and_records_what_was_asked(fake: FakeProvider, client: genai.client.AsyncClient) -> None:
    answer = await ask(client)
    assert (answer.text, answer.model_version, answer.response_id) == (HELLO, MODEL, wire.RESPONSE_ID)
    usage = answer.usage_metadata
    assert usage is not None
    assert (usage.prompt_token_count, usage.candidates_token_count, usage.total_token_count) == (10, 2, 12)
    (request,) = fake.calls
    assert (request.method, request.path) == ("POST", f"/v1beta/models/{MODEL}:generateContent")
    assert request.headers["x-goog-api-key"] == "fake-key"
    assert request.body["contents"] == [{"role": "user", "parts": [{"text": HELLO}]}]


ANSWERS = {
    "a text": Answer("one two  three\n"),
    "nothing": Answer(),
    "thoughts": Answer("42", reasoning="It must be so.", signature="c2ln"),
    "thoughts alone": Answer(reasoning="It must be so."),
    "calls": Answer("Let me see.", [ToolCall("a", "first", '{"x":[1,{"y":"é"}]}'), ToolCall("", "second")]),
    "unsigned calls": Answer(tool_calls=[ToolCall("", "first")], signature=""),
    "a limit": Answer("one", finish_reason="MAX_TOKENS"),
    "a filter": Answer(finish_reason="SAFETY"),
    "all at once": Answer("so", [ToolCall("a", "first")], reasoning="hm"),
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
async def test_a_stream_adds_up_to_the_whole_answer(
    fake: FakeProvider, client: genai.client.AsyncClient, answer: Answer
) -> None:
    fake.script(chat(answer), chat(answer))
    whole, came = await ask(client), await chunks(client)
    parts = parts_of(whole)
    assert folded([part for chunk in came for part in parts_of(chunk)]) == folded(parts)
    assert whole.candidates is not None
    assert came[-1].candidates is not None
    assert came[-1].candidates[0].finish_reason == whole.candidates[0].finish_reason
    assert came[-1].usage_metadata == whole.usage_metadata
    thoughts = "".join(part.text or "" for part in parts if part.thought)
    assert thoughts == (answer.reasoning or "")
    assert "".join(part.text or "" for part in parts if not part.thought) == (answer.text or "")
    calls = [(call.id or "", call.name) for part in parts if (call := part.function_call)]
    assert calls == [(call.id, call.name) for call in answer.tool_calls]
    signed = [part.thought_signature for part in parts if part.thought_signature]
    is_signed = answer.signature != "" and bool(answer.reasoning or answer.tool_calls)
    assert signed == ([base64.b64decode(answer.signature or wire.SIGNATURE)] if is_signed else [])


async def test_a_stream_is_of_events_with_carriage_returns_and_has_no_terminal(fake: FakeProvider) -> None:
    url = f"{fake.base_url}/models/{MODEL}:streamGenerateContent?alt=sse"
    body = {"contents": [{"parts": [{"text": "one two"}]}]}
    async with aiohttp.ClientSession() as http, http.post(url, json=body, headers={"x-goog-api-key": "k"}) as got:
        assert got.content_type == "text/event-stream"
        events = (await got.text()).split("\r\n\r\n")
    assert events.pop() == ""
    assert [event.startswith('data: {"candidates":') for event in events] == [True] * 3
    assert [("finishReason" in event, "usageMetadata" in event) for event in events] == [(False, True)] * 2 + [
        (True, True)
    ]


async def test_a_usage_grows_with_the_chunks(client: genai.client.AsyncClient) -> None:
    usages = [chunk.usage_metadata for chunk in await chunks(client)]
    assert [(usage.candidates_token_count, usage.total_token_count) for usage in usages if usage] == [
        *((1, 11), (2, 12)),
        (2, 12),
    ]


async def test_what_came_from_a_cache_is_told(fake: FakeProvider, client: genai.client.AsyncClient) -> None:
    fake.script(chat("Hi", usage=Counts(10, 1, 4)))
    usage = (await ask(client)).usage_metadata
    assert usage is not None
    assert (usage.prompt_token_count, usage.cached_content_token_count) == (10, 4)


@pytest.mark.parametrize("streams", [False, True])
async def test_a_blocked_prompt_has_no_candidates(
    fake: FakeProvider, client: genai.client.AsyncClient, streams: bool
) -> None:
    fake.script(chat(Answer(refusal="No.")))
    (answer,) = await chunks(client) if streams else [await ask(client)]
    assert answer.candidates is None
    assert answer.prompt_feedback is not None
    assert answer.prompt_feedback.block_reason == types.BlockedReason.PROHIBITED_CONTENT
    assert answer.usage_metadata is not None


async def test_there_may_be_many_candidates(client: genai.client.AsyncClient) -> None:
    whole = await ask(client, candidate_count=2)
    came = await chunks(client, candidate_count=2)
    assert [candidate.index for candidate in whole.candidates or []] == [0, 1]
    indices = [candidate.index for chunk in came for candidate in chunk.candidates or []]
    assert indices == [0, 0, 1, 1, 0, 1]


NO_LOOP = types.AutomaticFunctionCallingConfig(disable=True)


async def test_it_calls_the_tools_offered_and_takes_their_results(client: genai.client.AsyncClient) -> None:
    answer = await ask(client, tools=TOOLS, automatic_function_calling=NO_LOOP)
    calls = answer.function_calls or []
    assert [call.name for call in calls] == ["first", "second"]
    assert [part.thought_signature for part in parts_of(answer)] == [SIGNATURE, None]
    assert answer.candidates is not None
    results = [
        types.Part(function_response=types.FunctionResponse(id=call.id, name=call.name, response={"output": call.name}))
        for call in calls
    ]
    turns = [types.UserContent(HELLO), answer.candidates[0].content, types.UserContent(results)]
    closing = await ask(client, turns, tools=TOOLS, automatic_function_calling=NO_LOOP)
    assert (closing.text, closing.function_calls) == ("first second", None)


@pytest.mark.parametrize(
    ("choice", "names"),
    [
        ({"mode": "NONE"}, []),
        ({"mode": "ANY"}, ["first", "second"]),
        ({"mode": "ANY", "allowed_function_names": ["second"]}, ["second"]),
    ],
)
async def test_it_calls_what_is_to_be_called(
    client: genai.client.AsyncClient, choice: dict[str, Any], names: list[str]
) -> None:
    config = types.ToolConfig(function_calling_config=types.FunctionCallingConfig(**choice))
    answer = await ask(client, tools=TOOLS, tool_config=config, automatic_function_calling=NO_LOOP)
    assert [call.name for call in answer.function_calls or []] == names


async def test_a_picture_arrives(fake: FakeProvider, client: genai.client.AsyncClient) -> None:
    picture = types.Part.from_bytes(data=base64.b64decode(PIXEL), mime_type="image/png")
    assert (await ask(client, [picture, "What is it?"])).text == "What is it?"
    sent = fake.calls[0].body["contents"][0]["parts"][0]["inlineData"]
    assert base64.urlsafe_b64decode(sent["data"]) == base64.b64decode(PIXEL)  # The client's own alphabet.


async def test_it_embeds(client: genai.client.AsyncClient) -> None:
    answer = await client.models.embed_content(model=wire.EMBEDDER, contents=["one", "two"])
    vectors = [tuple(each.values or []) for each in answer.embeddings or []]
    assert ([len(vector) for vector in vectors], len(set(vectors))) == ([wire.DIMENSION_COUNT] * 2, 2)
    shortened = await client.models.embed_content(
        model=wire.EMBEDDER, contents="one", config=types.EmbedContentConfig(output_dimensionality=4)
    )
    assert [len(each.values or []) for each in shortened.embeddings or []] == [4]


async def test_it_embeds_one_by_one(fake: FakeProvider) -> None:
    url, headers = f"{fake.base_url}/models/{wire.EMBEDDER}:embedContent", {"x-goog-api-key": "k"}
    content = {"parts": [{"text": "one"}]}
    async with aiohttp.ClientSession() as http, http.post(url, json={"content": content}, headers=headers) as got:
        assert (await got.json())["embedding"] == wire.embedding({"content": content})


async def test_it_counts_as_many_tokens_as_it_bills(client: genai.client.AsyncClient) -> None:
    counted = await client.models.count_tokens(model=MODEL, contents=HELLO)
    usage = (await ask(client)).usage_metadata
    assert usage is not None
    assert counted.total_tokens == usage.prompt_token_count == 10


async def test_it_lists_and_describes_models(client: genai.client.AsyncClient) -> None:
    assert [model.name async for model in await client.models.list()] == [f"models/{name}" for name in wire.MODELS]
    shown = await client.models.get(model=MODEL)
    assert (shown.display_name, shown.input_token_limit) == ("Gemini 3 Pro", 1_048_576)
    with pytest.raises(errors.ClientError, match="models/gemini-0 is not found"):
        await client.models.get(model="gemini-0")


@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize("trouble", TROUBLES)
async def test_it_refuses_with_a_status(
    fake: FakeProvider, client: genai.client.AsyncClient, trouble: Trouble, streams: bool
) -> None:
    fake.script(faults.refusal(trouble))
    with pytest.raises(errors.APIError) as caught:
        await (chunks if streams else ask)(client)
    assert (caught.value.code, caught.value.status, caught.value.message) == TROUBLES[trouble]
    assert isinstance(caught.value, errors.ClientError if caught.value.code < 500 else errors.ServerError)


async def test_a_rate_limit_says_when_to_come_back(fake: FakeProvider, client: genai.client.AsyncClient) -> None:
    fake.script(faults.status(429, retry_after="7"))
    with pytest.raises(errors.ClientError) as caught:
        await ask(client)
    (detail,) = caught.value.details["error"]["details"]
    assert (detail["@type"], detail["retryDelay"]) == ("type.googleapis.com/google.rpc.RetryInfo", "7s")


async def test_a_bad_key_is_a_400_that_says_so(fake: FakeProvider, client: genai.client.AsyncClient) -> None:
    fake.script(faults.status(401))
    with pytest.raises(errors.ClientError, match="API key not valid") as caught:
        await ask(client)
    assert (caught.value.code, caught.value.details["error"]["details"][0]["reason"]) == (400, "API_KEY_INVALID")


@pytest.mark.parametrize("reply", faults.BREAKS)
async def test_it_cuts_a_stream(fake: FakeProvider, client: genai.client.AsyncClient, reply: Reply) -> None:
    fake.script(reply)
    with pytest.raises(httpx2.TransportError):
        await chunks(client)


async def test_it_ends_a_stream_without_its_terminal(fake: FakeProvider, client: genai.client.AsyncClient) -> None:
    fake.script(faults.stream_ended(after_content(2)))
    came = await chunks(client)
    assert [chunk.text for chunk in came] == ["one", " two"]
    assert [candidate.finish_reason for chunk in came for candidate in chunk.candidates or []] == [None, None]


async def test_it_malforms_one_event(fake: FakeProvider, client: genai.client.AsyncClient) -> None:
    fake.script(faults.stream_malformed(after_content(2)))
    with pytest.raises(errors.UnknownApiResponseError):
        await chunks(client)


@pytest.mark.parametrize("place", [0, after_content(3)])
async def test_it_reports_an_error_inside_a_stream(
    fake: FakeProvider, client: genai.client.AsyncClient, place: Any
) -> None:
    fake.script(faults.refusal_in_stream(place, "overloaded"))
    with pytest.raises(errors.ServerError, match="overloaded"):
        await chunks(client)


@pytest.mark.parametrize("text", faults.HOSTILE_TEXTS)
async def test_hostile_text_arrives_literally_cut_anywhere(
    fake: FakeProvider, client: genai.client.AsyncClient, text: str
) -> None:
    fake.script(chat_in_pieces(Answer(text), 1), chat_in_pieces(Answer(text), 7), chat(text))
    streamed = ["".join(chunk.text or "" for chunk in await chunks(client)) for _ in range(2)]
    assert [*streamed, (await ask(client)).text] == [text] * 3


@needs_specs
@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_answers_fit_google_s_schema(answer: Answer) -> None:
    usage = wire.usage_of(Counts(10, 2, 4))
    check = validator("gemini", "POST /v1beta/models/{model}:generateContent", "response")
    assert check(wire.response(MODEL, [wire.whole_candidate(0, answer)], usage)) == []
    assert check(wire.response(MODEL, [wire.last_candidate(0, answer)], usage)) == []
    assert check(wire.blocked(MODEL, usage)) == []


# Vertex AI.


@pytest.fixture
async def vertex() -> AsyncIterator[FakeProvider]:
    async with FakeProvider(VERTEX) as started:
        yield started


@pytest.fixture
async def vertex_client(vertex: FakeProvider) -> AsyncIterator[genai.client.AsyncClient]:
    credentials = AnonymousCredentials()
    credentials.token = "fake-token"
    async with connected(
        vertex, "v1", vertexai=True, project="p-1", location="global", credentials=credentials
    ) as made:
        yield made


async def test_vertex_answers_under_a_project(vertex: FakeProvider, vertex_client: genai.client.AsyncClient) -> None:
    whole, came = await ask(vertex_client), await chunks(vertex_client)
    assert whole.text == "".join(chunk.text or "" for chunk in came) == HELLO
    assert (await vertex_client.models.count_tokens(model=MODEL, contents=HELLO)).total_tokens == 10
    for embedder in (wire.EMBEDDER, "text-embedding-005"):
        answer = await vertex_client.models.embed_content(model=embedder, contents=["one", "two"])
        assert len({tuple(each.values or []) for each in answer.embeddings or []}) == 2
    root = "/v1/projects/p-1/locations/global/publishers/google/models"
    assert [request.path for request in vertex.requests] == [
        f"{root}/{MODEL}:generateContent",
        f"{root}/{MODEL}:streamGenerateContent?alt=sse",
        f"{root}/{MODEL}:countTokens",
        f"{root}/{wire.EMBEDDER}:batchEmbedContents",
        f"{root}/text-embedding-005:predict",
    ]
