"""The fake Amazon Bedrock, checked by the client that the real one's users have."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
import urllib3.exceptions
from botocore.eventstream import ChecksumMismatch
from botocore.exceptions import BotoCoreError, ClientError, EventStreamError

from tests.fakes import bedrock_wire as wire
from tests.fakes import faults
from tests.fakes.answer import Answer, ToolCall
from tests.fakes.bedrock import BEDROCK, TROUBLES
from tests.fakes.bedrock_client import (
    HELLO,
    MODEL,
    Json,
    ask,
    client_of,
    events_of,
    forget_environment,
    invoke,
    read,
    text_of,
)
from tests.fakes.dialect import after_content, opened
from tests.fakes.exchange import Exchange, Reply
from tests.fakes.framing import aws_message
from tests.fakes.provider import FakeProvider
from tests.fakes.replies import chat, chat_in_pieces, send_stream
from tests.specs import needs_specs, validator

# One client and one fake serve all tests: to make a client costs more than to ask it.
pytestmark = pytest.mark.asyncio(loop_scope="module")

TITAN, COHERE = "amazon.titan-embed-text-v2:0", "cohere.embed-english-v3"
TOOLS: list[Json] = [
    {"toolSpec": {"name": name, "inputSchema": {"json": {"type": "object"}}}} for name in ("first", "second")
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def started() -> AsyncIterator[tuple[FakeProvider, Any]]:
    with pytest.MonkeyPatch.context() as patch:
        forget_environment(patch)
        async with FakeProvider(BEDROCK) as fake:
            client = client_of(fake.base_url)
            yield fake, client
            client.close()


@pytest.fixture
def fake(started: tuple[FakeProvider, Any]) -> Iterator[FakeProvider]:
    started[0].reset()
    yield started[0]
    started[0].check()


@pytest.fixture
def client(started: tuple[FakeProvider, Any], fake: FakeProvider) -> Any:  # the fake: it must have forgotten
    assert fake.requests == []
    return started[1]


async def test_it_echoes_and_records_what_was_asked(fake: FakeProvider, client: Any) -> None:
    answer = await ask(client, inferenceConfig={"maxTokens": 5})
    assert (text_of(answer), answer["stopReason"], answer["metrics"]) == ("Hello there", "end_turn", {"latencyMs": 1})
    assert (answer["usage"]["inputTokens"], answer["usage"]["outputTokens"], answer["usage"]["totalTokens"]) == (
        *(10, 2),
        12,
    )
    (request,) = fake.calls
    assert (request.method, request.path) == ("POST", f"/model/{MODEL.replace(':', '%3A')}/converse")
    assert request.body == {"messages": HELLO, "inferenceConfig": {"maxTokens": 5}}
    assert re.match(
        r"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/\d{8}/eu-north-1/bedrock/aws4_request, SignedHeaders=[\w;-]+, "
        r"Signature=[0-9a-f]{64}$",
        request.headers["authorization"],
    )
    assert request.headers["x-amz-security-token"] == "fake-session"


async def test_it_takes_a_bearer_token(fake: FakeProvider, monkeypatch: pytest.MonkeyPatch) -> None:
    """The client sends one over TLS alone, so the request is led to the fake once it has been made."""
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", "bedrock-api-key-fake")
    client = client_of("https://bedrock.invalid")

    def lead_here(request: Any, **_: Any) -> None:
        request.url = request.url.replace("https://bedrock.invalid", fake.base_url)

    client.meta.events.register("before-send.bedrock-runtime", lead_here)
    assert text_of(await ask(client)) == "Hello there"
    assert fake.calls[0].headers["authorization"] == "Bearer bedrock-api-key-fake"
    client.close()


ANSWERS = {
    "a text": Answer("one two  three\n"),
    "nothing": Answer(),
    "thoughts": Answer("42", reasoning="It must be so.", signature="c2ln"),
    "unsigned thoughts": Answer("42", reasoning="It must be so."),
    "withheld thoughts": Answer("42", redacted="b3BhcXVl"),
    "calls": Answer("Let me see.", [ToolCall("a", "first", '{"x":[1,{"y":"é"}]}'), ToolCall("b", "second")]),
    "a refusal": Answer(refusal="I will not."),
    "a limit": Answer("one", finish_reason="max_tokens"),
    "all at once": Answer("so", [ToolCall("a", "first")], reasoning="hm", redacted="b3BhcXVl"),
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
async def test_a_stream_adds_up_to_the_whole_answer(fake: FakeProvider, client: Any, answer: Answer) -> None:
    fake.script(chat(answer), chat(answer))
    whole, streamed = await ask(client), await read(client)
    assert streamed == whole
    kinds = [[*block] for block in whole["output"]["message"]["content"]]
    assert kinds == [[*block] for block in wire.blocks_of(answer)]
    assert whole["usage"]["outputTokens"] == len(answer.pieces)


async def test_a_stream_has_the_documented_events(fake: FakeProvider, client: Any) -> None:
    answer = Answer("42", [ToolCall("a", "first")], reasoning="so", signature="c2ln", redacted="b3BhcXVl")
    fake.script(chat(answer))
    told = [
        (name, payload.get("contentBlockIndex")) for event in await events_of(client) for name, payload in event.items()
    ]
    assert told == [
        ("messageStart", None),
        *(("contentBlockDelta", 0), ("contentBlockDelta", 0), ("contentBlockStop", 0)),
        *(("contentBlockDelta", 1), ("contentBlockStop", 1)),
        *(("contentBlockDelta", 2), ("contentBlockStop", 2)),
        *(("contentBlockStart", 3), ("contentBlockDelta", 3), ("contentBlockDelta", 3), ("contentBlockStop", 3)),
        ("messageStop", None),
        ("metadata", None),
    ]


async def test_a_withheld_thought_arrives_as_bytes(fake: FakeProvider, client: Any) -> None:
    fake.script(chat(Answer("42", redacted="b3BhcXVl")))
    content = (await ask(client))["output"]["message"]["content"]
    assert content[0] == {"reasoningContent": {"redactedContent": b"opaque"}}


async def test_it_calls_the_tools_offered_and_takes_their_results(client: Any) -> None:
    answer = await read(client, toolConfig={"tools": TOOLS})
    calls = [block["toolUse"] for block in answer["output"]["message"]["content"]]
    assert ([call["name"] for call in calls], answer["stopReason"]) == (["first", "second"], "tool_use")
    contents = [[{"text": "FIRST"}], [{"json": {"told": "SECOND"}}]]
    results = [
        {"toolResult": {"toolUseId": call["toolUseId"], "content": content}}
        for call, content in zip(calls, contents, strict=True)
    ]
    turn = [*HELLO, answer["output"]["message"], {"role": "user", "content": results}]
    assert text_of(await ask(client, toolConfig={"tools": TOOLS}, messages=turn)) == 'FIRST {"told": "SECOND"}'


@pytest.mark.parametrize(
    ("choice", "names"), [({"any": {}}, ["first", "second"]), ({"tool": {"name": "second"}}, ["second"])]
)
async def test_it_calls_what_is_to_be_called(client: Any, choice: Json, names: list[str]) -> None:
    answer = await ask(client, toolConfig={"tools": TOOLS, "toolChoice": choice})
    assert [block["toolUse"]["name"] for block in answer["output"]["message"]["content"]] == names


async def test_a_picture_arrives(fake: FakeProvider, client: Any) -> None:
    content = [{"image": {"format": "png", "source": {"bytes": b"PNG"}}}, {"text": "What is it?"}]
    assert text_of(await ask(client, messages=[{"role": "user", "content": content}])) == "What is it?"
    assert fake.calls[0].body["messages"][0]["content"][0]["image"]["source"] == {"bytes": "UE5H"}


async def test_it_counts_as_many_tokens_as_it_bills(client: Any) -> None:
    counted = await asyncio.to_thread(client.count_tokens, modelId=MODEL, input={"converse": {"messages": HELLO}})
    assert counted["inputTokens"] == (await ask(client))["usage"]["inputTokens"]


async def test_titan_embeds_a_text(client: Any) -> None:
    answer = await invoke(
        client, TITAN, {"inputText": "one two", "dimensions": 16, "embeddingTypes": ["float", "binary"]}
    )
    assert sum(value * value for value in answer["embedding"]) == pytest.approx(1)
    assert answer["embeddingsByType"]["float"] == answer["embedding"]
    assert answer["embeddingsByType"]["binary"] == [int(value > 0) for value in answer["embedding"]]
    assert answer["inputTextTokenCount"] == 2
    bits = await invoke(client, TITAN, {"inputText": "one two", "dimensions": 16, "embeddingTypes": ["binary"]})
    assert "embedding" not in bits
    assert (await invoke(client, TITAN, {"inputText": "three"}))["embedding"] != answer["embedding"]
    assert [*await invoke(client, "amazon.titan-embed-text-v1", {"inputText": "x"})] == [
        "embedding",
        "inputTextTokenCount",
    ]


async def test_titan_embeds_a_picture(client: Any) -> None:
    body = {"inputImage": "UE5H", "embeddingConfig": {"outputEmbeddingLength": 384}}
    answer = await invoke(client, "amazon.titan-embed-image-v1", body)
    assert (len(answer["embedding"]), answer["message"]) == (384, None)


async def test_cohere_embeds_texts(client: Any) -> None:
    asked: Json = {"texts": ["one", "two"], "input_type": "search_query"}
    bare = await invoke(client, COHERE, asked)
    assert (bare["response_type"], bare["texts"]) == ("embeddings_floats", ["one", "two"])
    assert bare["embeddings"][0] != bare["embeddings"][1]
    typed = await invoke(client, COHERE, {**asked, "embedding_types": ["float", "int8"]})
    assert typed["response_type"] == "embeddings_by_type"
    assert typed["embeddings"]["float"] == bare["embeddings"]
    assert [len(vector) for vector in typed["embeddings"]["int8"]] == [wire.DIMENSION_COUNT] * 2


async def test_it_knows_no_other_models_to_invoke(client: Any) -> None:
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        await invoke(client, "amazon.none", {})


@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize("trouble", TROUBLES)
async def test_it_refuses_with_a_status(fake: FakeProvider, client: Any, trouble: Any, streams: bool) -> None:
    status, name, message = TROUBLES[trouble]
    fake.script(faults.refusal(trouble, retry_after="7"))
    with pytest.raises(getattr(client.exceptions, name, ClientError)) as caught:
        await (read if streams else ask)(client)
    told = caught.value.response
    assert told["Error"] == {"Code": name, "Message": message}
    metadata = told["ResponseMetadata"]
    assert (metadata["HTTPStatusCode"], metadata["RequestId"]) == (status, wire.REQUEST_ID)
    assert metadata["HTTPHeaders"]["x-amz-retry-after"] == "7000"  # the header that the client waits by


CALL = {"toolUse": {"toolUseId": "a", "name": "first", "input": {}}}
RESULT = {"toolResult": {"toolUseId": "a", "content": [{"text": "x"}]}}
CALLED = [*HELLO, {"role": "assistant", "content": [CALL]}]
CONFIGURED = {"toolConfig": {"tools": TOOLS}}
DOCUMENT = {"document": {"format": "txt", "name": "x", "source": {"bytes": b"x"}}}
BAD_REQUESTS: dict[str, tuple[Json, str]] = {
    "an assistant first": ({"messages": [{"role": "assistant", "content": [{"text": "x"}]}]}, "start with a user"),
    "a role twice": ({"messages": [*HELLO, *HELLO]}, "must alternate"),
    "an empty turn": ({"messages": [{"role": "user", "content": []}]}, "messages.0.content is empty"),
    "a blank text": ({"messages": [{"role": "user", "content": [{"text": " "}]}]}, "messages.0.content.0 is blank"),
    "a document alone": ({"messages": [{"role": "user", "content": [DOCUMENT]}]}, "no text beside it"),
    "a result without a call": ({**CONFIGURED, "messages": [{"role": "user", "content": [RESULT]}]}, "exceeds the number"),
    "a call without a result": ({**CONFIGURED, "messages": [*CALLED, *HELLO]}, "for the following Ids: a"),
    "calls without tools": ({"messages": [*CALLED, {"role": "user", "content": [RESULT]}]}, "toolConfig field must be"),
}  # fmt: skip


@pytest.mark.parametrize(("more", "words"), BAD_REQUESTS.values(), ids=BAD_REQUESTS)
async def test_it_refuses_what_the_real_one_refuses(client: Any, more: Json, words: str) -> None:
    with pytest.raises(client.exceptions.ValidationException, match=words):
        await ask(client, **more)


async def test_it_refuses_too_high_a_temperature_and_a_request_without_a_key(fake: FakeProvider) -> None:
    """The client itself checks the temperature, and always signs."""
    url = f"{fake.base_url}/model/m/converse"
    body = {"messages": HELLO, "inferenceConfig": {"temperature": 1.5}}
    async with aiohttp.ClientSession() as http:
        async with http.post(url, json=body, headers={"authorization": "Bearer k"}) as got:
            assert (got.status, (await got.json())["message"][:40]) == (400, "Value at 'inferenceConfig.temperature' m")
        async with http.post(url, json=body) as got:
            assert got.status == 403
            assert got.headers["x-amzn-errortype"].startswith("MissingAuthenticationTokenException:")
        async with http.get(f"{fake.base_url}/foundation-models", headers={"authorization": "Bearer k"}) as got:
            assert got.status == 404


@pytest.mark.parametrize("reply", faults.BREAKS)
async def test_it_cuts_a_stream(fake: FakeProvider, client: Any, reply: Reply) -> None:
    fake.script(reply)
    with pytest.raises((BotoCoreError, urllib3.exceptions.HTTPError)):
        await events_of(client)


async def test_it_ends_a_stream_without_its_terminal(fake: FakeProvider, client: Any) -> None:
    fake.script(faults.stream_ended(after_content(2)))
    names = [name for event in await events_of(client) for name in event]
    assert names == ["messageStart", "contentBlockDelta", "contentBlockDelta"]


async def test_it_malforms_one_event(fake: FakeProvider, client: Any) -> None:
    """The client takes what is no JSON for an event that says nothing."""
    fake.script(faults.stream_malformed(after_content(2)))
    events = await events_of(client)
    assert events[3] == {"contentBlockDelta": {}}
    assert len(events) == len(faults.ANSWER.pieces) + 5


def spoil(message: bytes, place: int) -> bytes:
    """Return a message with one bit of one byte turned over."""
    return message[:place] + bytes([message[place] ^ 1]) + message[place + 1 :]


@pytest.mark.parametrize("place", [3, 9, 20, -1], ids=["its length", "the lengths' sum", "a header", "its sum"])
async def test_the_client_checks_every_sum(fake: FakeProvider, client: Any, place: int) -> None:
    message = aws_message("messageStart", {"role": "assistant"})

    async def reply(exchange: Exchange) -> None:
        await send_stream(exchange, [spoil(message, place % len(message))])

    fake.script(reply)
    with pytest.raises(ChecksumMismatch):
        await events_of(client)


@pytest.mark.parametrize(
    ("trouble", "name"),
    [
        ("rate_limited", "throttlingException"),
        ("overloaded", "serviceUnavailableException"),
        ("unavailable", "serviceUnavailableException"),
        ("context_too_long", "validationException"),
        ("server", "internalServerException"),
        ("key_rejected", "internalServerException"),
    ],
)
@pytest.mark.parametrize("place", [0, opened, after_content(3)])
async def test_it_reports_an_exception_inside_a_stream(
    fake: FakeProvider, client: Any, place: Any, trouble: Any, name: str
) -> None:
    fake.script(faults.refusal_in_stream(place, trouble))
    with pytest.raises(EventStreamError) as caught:
        await events_of(client)
    assert caught.value.response["Error"] == {"Code": name, "Message": TROUBLES[trouble][2]}


@pytest.mark.parametrize("text", faults.HOSTILE_TEXTS)
async def test_hostile_text_arrives_literally_cut_anywhere(fake: FakeProvider, client: Any, text: str) -> None:
    fake.script(chat_in_pieces(Answer(text), 1), chat_in_pieces(Answer(text), 7), chat(text))
    assert [text_of(await read(client)), text_of(await read(client)), text_of(await ask(client))] == [text] * 3


async def test_a_usage_may_be_told_twice(fake: FakeProvider, client: Any) -> None:
    fake.script(faults.usage_doubled)
    told = [event["metadata"]["usage"] for event in await events_of(client) if "metadata" in event]
    assert [usage["outputTokens"] for usage in told] == [10, 20]


def without_padding(payload: Json) -> Json:
    """Return an event without its padding, which the API's description does not know."""
    return {name: value for name, value in payload.items() if name not in wire.PADDING}


def fits(check: Callable[[Any], list[str]], value: Json) -> bool:
    return check(value) == []


@needs_specs
@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
async def test_answers_fit_bedrock_s_schema(answer: Answer) -> None:
    usage = wire.usage_of(10, 2)
    assert fits(validator("bedrock", "POST /model/{modelId}/converse", "response"), wire.whole(answer, usage))
    check = validator("bedrock", "POST /model/{modelId}/converse-stream", "stream")
    events = wire.events(answer, usage)
    assert {name for name, payload in events if fits(check, {name: without_padding(payload)})} == {
        name for name, _ in events
    }
