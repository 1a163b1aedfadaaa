"""What Google really sent, decoded: nothing raises, no word and no argument is lost."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any
from unittest.mock import ANY

import pytest
from llmgateway.fold import fold
from llmgateway.v1 import embedding_pb2, generation_pb2, message_pb2
from llmgateway_server import errors
from llmgateway_server.dialects.codec import Decoded, Frame
from llmgateway_server.dialects.gemini.codec import GeminiCodec
from llmgateway_server.dialects.gemini.quirks import Quirks
from llmgateway_server.upstream.join import join_deltas
from llmgateway_server.upstream.sse import SseSplitter

from tests.server.dialects.gemini.requests import USER, asks
from tests.specs import FOLDER, Exchange, closed_validator, exchanges, needs_specs

CODEC = GeminiCodec("recorded", Quirks())
REQUEST = generation_pb2.GenerateRequest()
LIMIT_BYTES = 1 << 24

ALL = [exchange for exchange in exchanges() if exchange.provider in ("gemini", "vertex")]
# Without `alt=sse` a stream is one JSON array, which is not how the gateway asks; its items are chunks all the same.
STREAMS = [exchange for exchange in ALL if "streamGenerateContent" in exchange.path and exchange.status == 200]
WHOLE = [exchange for exchange in ALL if ":generateContent" in exchange.path and exchange.status == 200]
FAILED = [exchange for exchange in ALL if exchange.status >= 400]
EMBEDDINGS = [exchange for exchange in ALL if exchange.path.endswith(":batchEmbedContents")]
COUNTS = [exchange for exchange in ALL if exchange.path.endswith(":countTokens")]
LISTS = [exchange for exchange in ALL if exchange.path.partition("?")[0].endswith("/models")]
# One chunk a line, of streams whose arguments come in pieces among others.
LINES = sorted(FOLDER.glob("fixtures/gemini/*.jsonl"))

GOING_BACK = [
    ("gemini", CODEC, "POST /v1beta/models/{model}:generateContent"),
    ("vertex", GeminiCodec("recorded", Quirks(vertex=True)), "POST /v1/{model}:generateContent"),
]

pytestmark = needs_specs


def name_of(exchange: Exchange) -> str:
    return f"{exchange.provider}-{exchange.name}"


class Reading:
    """What an answer says, read as simply as can be."""

    def __init__(self) -> None:
        self.texts: dict[int, str] = defaultdict(str)
        self.thoughts: dict[int, str] = defaultdict(str)
        self.calls: dict[int, list[tuple[str, Any]]] = defaultdict(list)
        self.signatures: dict[int, list[str]] = defaultdict(list)
        self.usage: dict[str, Any] = {}

    def add(self, chunk: dict[str, Any]) -> None:
        self.usage.update(chunk.get("usageMetadata") or {})
        for candidate in chunk.get("candidates") or ():
            number = candidate.get("index", 0)
            for part in candidate.get("content", {}).get("parts", ()):
                target = self.thoughts if part.get("thought") else self.texts
                target[number] += part.get("text", "")
                if "functionCall" in part:
                    call = part["functionCall"]
                    self.calls[number].append((call["name"], call.get("args", {})))
                if "thoughtSignature" in part:
                    self.signatures[number].append(part["thoughtSignature"])


def chunks_of(exchange: Exchange) -> list[dict[str, Any]]:
    if exchange.body.lstrip().startswith(b"["):
        chunks: list[dict[str, Any]] = json.loads(exchange.body)
        return chunks
    lines = exchange.body.decode().replace("\r\n", "\n").split("\n")
    return [json.loads(line[5:]) for line in lines if line.startswith("data:")]


def frames_of(exchange: Exchange) -> list[Frame]:
    if exchange.body.lstrip().startswith(b"["):
        return [Frame("", json.dumps(chunk).encode()) for chunk in json.loads(exchange.body)]
    splitter = SseSplitter(LIMIT_BYTES)
    return splitter.feed(exchange.body) + splitter.close()


def decode(frames: list[Frame]) -> generation_pb2.GenerateResponse:
    decoder = CODEC.stream_decoder(REQUEST)
    decoded: Decoded = []
    for frame in frames:
        decoded += decoder.decode(frame)
        assert not decoder.ended
    return fold(join_deltas(decoded + decoder.finish()))


def compare(response: generation_pb2.GenerateResponse, expected: Reading) -> None:
    for candidate in response.candidates:
        number, parts = candidate.index, candidate.message.parts
        assert "".join(part.text for part in parts) == expected.texts[number]
        assert "".join(part.reasoning.text for part in parts) == expected.thoughts[number]
        calls = [part.tool_call for part in parts if part.HasField("tool_call")]
        assert [(call.name, json.loads(call.arguments_json)) for call in calls] == expected.calls[number]
        assert all(call.id for call in calls)
        assert [part.signature.value for part in parts if part.HasField("signature")] == expected.signatures[number]
    usage, raw = response.usage, expected.usage
    assert usage.input_token_count == raw.get("promptTokenCount", 0) + raw.get("toolUsePromptTokenCount", 0)
    assert usage.output_token_count == raw.get("candidatesTokenCount", 0) + raw.get("thoughtsTokenCount", 0)
    assert usage.input_token_count + usage.output_token_count == raw["totalTokenCount"]
    assert usage.reasoning_token_count == raw.get("thoughtsTokenCount", 0)
    assert usage.cached_input_token_count == raw.get("cachedContentTokenCount", 0)
    assert json.loads(usage.provider_json) == raw


@pytest.mark.parametrize("exchange", STREAMS, ids=name_of)
def test_a_recorded_stream_loses_nothing(exchange: Exchange) -> None:
    expected = Reading()
    for chunk in chunks_of(exchange):
        expected.add(chunk)
    response = decode(frames_of(exchange))
    compare(response, expected)
    reasons = {candidate.finish_reason for candidate in response.candidates}
    calls = any(expected.calls.values())
    assert reasons == {generation_pb2.FINISH_REASON_TOOL_CALLS if calls else generation_pb2.FINISH_REASON_STOP}


@pytest.mark.parametrize("exchange", STREAMS, ids=name_of)
def test_a_recorded_stream_folds_the_same_whatever_reads_its_plain_chunks(exchange: Exchange) -> None:
    frames = frames_of(exchange)
    # A member that nobody knows keeps every chunk from being plain; it is in the bag, and nothing else differs.
    odd = [Frame("", json.dumps({**json.loads(frame.data), "x": 1}).encode()) for frame in frames]
    slow, quick = decode(odd), decode(frames)
    bag = json.loads(slow.call.provider_json)
    assert bag.pop("x") == 1
    assert bag == json.loads(quick.call.provider_json or "{}")
    slow.call.provider_json = quick.call.provider_json
    assert slow == quick


@pytest.mark.parametrize("exchange", WHOLE, ids=name_of)
def test_a_recorded_answer_loses_nothing_and_equals_its_stream_of_one_chunk(exchange: Exchange) -> None:
    expected = Reading()
    expected.add(json.loads(exchange.body))
    response = CODEC.decode_generate(REQUEST, exchange.body)
    compare(response, expected)
    assert response == decode([Frame("", exchange.body)])


@pytest.mark.parametrize("exchange", WHOLE, ids=name_of)
def test_a_recorded_answer_goes_back_as_it_came(exchange: Exchange) -> None:
    message = CODEC.decode_generate(REQUEST, exchange.body).candidates[0].message
    raw = json.loads(exchange.body)["candidates"][0]["content"].get("parts", [])
    # A thought without a signature stays here; a call without an id goes back with the one that its result bears.
    expected = [part for part in raw if not part.get("thought") or part.get("thoughtSignature")]
    contents = sent(CODEC, message)["contents"]
    parts = contents[1]["parts"] if expected else []
    for part, came in zip(parts, expected, strict=True):
        if "functionCall" in came:
            assert part["functionCall"].pop("id") == came["functionCall"].pop("id", ANY)
    assert parts == expected


@pytest.mark.parametrize(("provider", "codec", "endpoint"), GOING_BACK, ids=["gemini", "vertex"])
def test_all_that_goes_back_lies_within_the_closed_schema(provider: str, codec: GeminiCodec, endpoint: str) -> None:
    check = closed_validator(provider, endpoint, "request")
    for exchange in WHOLE + STREAMS:
        for candidate in decode(frames_of(exchange) if exchange in STREAMS else [Frame("", exchange.body)]).candidates:
            assert check(sent(codec, candidate.message)) == [], exchange.name


def sent(codec: GeminiCodec, message: message_pb2.ChatMessage) -> dict[str, Any]:
    """Return the body of a request that goes on with an answer, to a model that needs no dummy signature."""
    body: dict[str, Any] = json.loads(codec.encode_generate(asks(USER, message), "gemini-2.5-pro", stream=False).body)
    return body


@pytest.mark.parametrize("exchange", WHOLE, ids=name_of)
def test_recorded_annotations_stand_at_the_words_that_google_names(exchange: Exchange) -> None:
    response = CODEC.decode_generate(REQUEST, exchange.body)
    for candidate, raw in zip(response.candidates, json.loads(exchange.body)["candidates"], strict=True):
        supports = raw.get("groundingMetadata", {}).get("groundingSupports", [])
        said = [support["segment"]["text"] for support in supports for _ in support["groundingChunkIndices"]]
        found = [
            part.text[annotation.start_index : annotation.end_index]
            for part in candidate.message.parts
            for annotation in part.annotations
            if annotation.HasField("start_index")
        ]
        assert found == said


@pytest.mark.parametrize("exchange", FAILED, ids=name_of)
def test_a_recorded_error_is_a_leaf_with_its_status(exchange: Exchange) -> None:
    error = CODEC.decode_error(exchange.status, exchange.headers, exchange.body)
    detail = json.loads(exchange.body)["error"]
    expected: type[errors.CallError] = errors.ProviderRejectedRequest
    if exchange.status == 404:
        expected = errors.ModelNotFound
    elif exchange.status == 429:
        expected = errors.ProviderRateLimited
    elif "API_KEY_INVALID" in exchange.body.decode():
        expected = errors.ProviderKeyRejected
    assert type(error) is expected
    assert error.http_status == exchange.status
    delays = [item["retryDelay"] for item in detail.get("details", ()) if "retryDelay" in item]
    assert error.retry_after_s == (float(delays[0].rstrip("s")) if delays else None)


@pytest.mark.parametrize("exchange", EMBEDDINGS, ids=name_of)
def test_recorded_vectors_come_whole(exchange: Exchange) -> None:
    raw = json.loads(exchange.body)
    inputs = [embedding_pb2.EmbedInput(text="x") for _ in raw["embeddings"]]
    response = CODEC.decode_embed(embedding_pb2.EmbedRequest(inputs=inputs), exchange.body)
    for row, vector in zip(raw["embeddings"], response.embeddings, strict=True):
        assert list(vector.values) == pytest.approx(row["values"], rel=1e-6)
    assert response.usage.input_token_count == raw.get("usageMetadata", {}).get("promptTokenCount", 0)


@pytest.mark.parametrize("exchange", COUNTS, ids=name_of)
def test_recorded_counts_are_read(exchange: Exchange) -> None:
    assert CODEC.decode_count_tokens(exchange.body) == json.loads(exchange.body)["totalTokens"]


@pytest.mark.parametrize("exchange", LISTS, ids=name_of)
def test_recorded_models_keep_their_limits(exchange: Exchange) -> None:
    rows = json.loads(exchange.body)["models"]
    models = CODEC.decode_list_models(exchange.body)
    assert [model.id for model in models] == [row["name"].removeprefix("models/") for row in rows]
    assert [model.context_token_count for model in models] == [row["inputTokenLimit"] for row in rows]


@pytest.mark.parametrize("path", LINES, ids=lambda path: path.stem)
def test_a_recorded_stream_of_partial_arguments_makes_whole_calls(path: Any) -> None:
    frames = [Frame("", line.encode()) for line in path.read_text().splitlines() if line.strip()]
    response = decode(frames)
    parts = response.candidates[0].message.parts
    calls = [part.tool_call for part in parts if part.HasField("tool_call")]
    begun = [frame for frame in frames if b'"functionCall":{"name"' in frame.data.replace(b" ", b"")]
    assert len(calls) == sum(frame.data.count(b'"functionCall"') for frame in begun)
    for call in calls:
        assert call.executor == message_pb2.ToolCall.EXECUTOR_CALLER
        assert isinstance(json.loads(call.arguments_json), dict)
    assert response.candidates[0].finish_reason == generation_pb2.FINISH_REASON_TOOL_CALLS
    texts = [json.loads(f'"{piece}"') for piece in strings(b"".join(frame.data for frame in frames))]
    told = " ".join(call.arguments_json for call in calls)
    assert all(text in told for text in texts)


def strings(data: bytes) -> list[str]:
    """Return every text that an argument is made of, as it is written in JSON."""
    pieces = data.decode().split('"stringValue":')[1:]
    return [piece.lstrip()[1:].partition('"')[0] for piece in pieces]
