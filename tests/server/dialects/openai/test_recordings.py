"""What providers of this dialect really sent, decoded: nothing raises, no word and no argument is lost."""

from __future__ import annotations

import base64
import json
from collections import defaultdict
from typing import Any

import pytest
from llmgateway.fold import fold
from llmgateway.v1 import embedding_pb2, generation_pb2
from llmgateway_server import errors
from llmgateway_server.dialects.codec import Decoded
from llmgateway_server.dialects.openai.codec import OpenAICodec
from llmgateway_server.dialects.openai.quirks import Quirks
from llmgateway_server.upstream.join import join_deltas
from llmgateway_server.upstream.sse import SseSplitter

from tests.specs import Exchange, exchanges, needs_specs

CODEC = OpenAICodec("recorded", Quirks())
REQUEST = generation_pb2.GenerateRequest()
LIMIT_BYTES = 1 << 24

ALL = [exchange for exchange in exchanges() if exchange.path.partition("?")[0].endswith("/completions")]
STREAMS = [exchange for exchange in ALL if exchange.is_stream]
WHOLE = [exchange for exchange in ALL if not exchange.is_stream and exchange.status == 200]
FAILED = [exchange for exchange in ALL if exchange.status >= 400]
EMBEDDINGS = [exchange for exchange in exchanges() if exchange.path.endswith("/embeddings") and exchange.status == 200]

pytestmark = needs_specs

Reading = dict[int, tuple[str, list[str]]]


def read_stream(body: bytes) -> tuple[Reading, dict[str, Any] | None]:
    """Read a stream as simply as can be: texts and arguments by choice, and the last usage."""
    texts: dict[int, str] = defaultdict(str)
    arguments: dict[int, dict[int, str]] = defaultdict(lambda: defaultdict(str))
    usage = None
    for line in body.decode().replace("\r\n", "\n").split("\n"):
        if not line.startswith("data: {"):
            continue
        chunk = json.loads(line[6:])
        usage = chunk.get("usage") or usage
        for choice in chunk.get("choices") or ():
            delta = choice.get("delta") or {}
            content = delta.get("content") or choice.get("text")
            texts[choice["index"]] += content if isinstance(content, str) else ""
            if delta.get("function_call"):  # OpenAI's old way
                arguments[choice["index"]][0] += delta["function_call"].get("arguments") or ""
            for call in delta.get("tool_calls") or ():
                arguments[choice["index"]][call.get("index", 0)] += call["function"].get("arguments") or ""
    return {
        index: (texts[index], [arguments[index][key] for key in sorted(arguments[index])]) for index in texts
    }, usage


def read_response(response: generation_pb2.GenerateResponse) -> Reading:
    read = {}
    for candidate in response.candidates:
        parts = candidate.message.parts
        calls = [part.tool_call.arguments_json for part in parts if part.HasField("tool_call")]
        read[candidate.index] = ("".join(part.text for part in parts), calls)
    return read


def decode(exchange: Exchange) -> generation_pb2.GenerateResponse:
    splitter, decoder = SseSplitter(LIMIT_BYTES), CODEC.stream_decoder(REQUEST)
    decoded: Decoded = []
    for frame in splitter.feed(exchange.body) + splitter.close():
        decoded += decoder.decode(frame)
        if decoder.ended:
            break
    return fold(join_deltas(decoded + decoder.finish()))


def holds_error(exchange: Exchange) -> bool:
    return b'"error":' in exchange.body.replace(b'"error": ', b'"error":').replace(b'"error":null', b"")


@pytest.mark.parametrize("exchange", STREAMS, ids=lambda exchange: f"{exchange.provider}-{exchange.name}")
def test_a_recorded_stream_loses_nothing(exchange: Exchange) -> None:
    if holds_error(exchange):
        with pytest.raises(errors.CallError):
            decode(exchange)
        return
    response = decode(exchange)
    expected, usage = read_stream(exchange.body)
    got = read_response(response)
    assert {index: text for index, (text, _) in got.items()} == {index: text for index, (text, _) in expected.items()}
    for index, (_, arguments) in expected.items():
        assert got[index][1] == [text or "{}" for text in arguments]
    if usage:
        assert response.usage.output_token_count == usage["completion_tokens"]
        assert response.usage.input_token_count == usage["prompt_tokens"]


@pytest.mark.parametrize("exchange", STREAMS, ids=lambda exchange: f"{exchange.provider}-{exchange.name}")
def test_a_recorded_stream_splits_the_same_wherever_it_is_cut(exchange: Exchange) -> None:
    body = exchange.body[:20_000]  # two halves for every cut: more would be quadratic
    whole = SseSplitter(LIMIT_BYTES)
    frames = whole.feed(body) + whole.close()
    for cut in range(0, len(body), max(1, len(body) // 400)):
        splitter = SseSplitter(LIMIT_BYTES)
        assert splitter.feed(body[:cut]) + splitter.feed(body[cut:]) + splitter.close() == frames
    one_by_one = SseSplitter(LIMIT_BYTES)
    seen = [frame for at in range(len(body)) for frame in one_by_one.feed(body[at : at + 1])]
    assert seen + one_by_one.close() == frames


@pytest.mark.parametrize("exchange", WHOLE, ids=lambda exchange: f"{exchange.provider}-{exchange.name}")
def test_a_recorded_answer_loses_nothing(exchange: Exchange) -> None:
    try:
        raw = json.loads(exchange.body)
    except json.JSONDecodeError:
        raw = {"error": True}  # comments before an error, say
    if raw.get("error") or "choices" not in raw:
        with pytest.raises(errors.CallError):
            CODEC.decode_generate(REQUEST, exchange.body)
        return
    response = CODEC.decode_generate(REQUEST, exchange.body)
    got = read_response(response)
    for place, choice in enumerate(raw["choices"]):
        text, arguments = got[choice.get("index", place)]
        message = choice.get("message") or {"content": choice.get("text")}
        if not isinstance(message.get("content"), list):
            assert text == (message.get("content") or "")
        functions = [call["function"] for call in message.get("tool_calls") or ()]
        functions += [message["function_call"]] if message.get("function_call") else []  # OpenAI's old way
        assert arguments == [function["arguments"] or "{}" for function in functions]
    if raw.get("usage"):
        assert response.usage.output_token_count == raw["usage"].get("completion_tokens", 0)


@pytest.mark.parametrize("exchange", FAILED, ids=lambda exchange: f"{exchange.provider}-{exchange.name}")
def test_a_recorded_error_is_a_leaf_with_its_status(exchange: Exchange) -> None:
    error = CODEC.decode_error(exchange.status, exchange.headers, exchange.body)
    expected = {401: errors.ProviderKeyRejected, 404: errors.ModelNotFound, 429: errors.ProviderRateLimited}
    assert error.http_status == exchange.status
    assert isinstance(error, expected.get(exchange.status, (errors.ProviderRejectedRequest, errors.ContextTooLong)))


@pytest.mark.parametrize("exchange", EMBEDDINGS, ids=lambda exchange: f"{exchange.provider}-{exchange.name}")
def test_recorded_vectors_come_whole(exchange: Exchange) -> None:
    try:
        raw = json.loads(exchange.body)
    except json.JSONDecodeError:
        with pytest.raises(errors.ProviderBadResponse):
            CODEC.decode_embed(embedding_pb2.EmbedRequest(), exchange.body)
        return
    request = embedding_pb2.EmbedRequest(inputs=[embedding_pb2.EmbedInput(text="x") for _ in raw["data"]])
    response = CODEC.decode_embed(request, exchange.body)
    for row, vector in zip(raw["data"], response.embeddings, strict=True):
        if isinstance(row["embedding"], list):
            assert list(vector.values) == pytest.approx(row["embedding"], rel=1e-6)
        else:
            assert len(vector.values) * 4 == len(base64.b64decode(row["embedding"]))
