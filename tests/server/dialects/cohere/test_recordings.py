"""What Cohere really sent, decoded: nothing raises, no word, plan, argument, citation or count is lost."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import pytest
from llmgateway.fold import fold
from llmgateway.v1 import embedding_pb2, generation_pb2
from llmgateway_server import errors
from llmgateway_server.dialects.codec import Decoded
from llmgateway_server.dialects.cohere.codec import CohereCodec
from llmgateway_server.dialects.cohere.quirks import Quirks
from llmgateway_server.upstream.join import join_deltas
from llmgateway_server.upstream.sse import SseSplitter

from tests.specs import FOLDER, Exchange, exchanges, needs_specs

CODEC = CohereCodec("recorded", Quirks())
REQUEST = generation_pb2.GenerateRequest()
LIMIT_BYTES = 1 << 24


def fixtures() -> list[Exchange]:
    """Return the fixtures whose bodies lie in the file, and those that are an event a line or a bare answer."""
    found = []
    for path in sorted(FOLDER.glob("fixtures/cohere/*.json*")):
        if path.suffix == ".jsonl":
            body = b"".join(b"data: " + row + b"\n\n" for row in path.read_bytes().splitlines())
            found.append(Exchange(path.stem, "cohere", "/v2/chat", 200, {}, None, body))
            continue
        about = json.loads(path.read_text())
        if "response" not in about:
            found.append(Exchange(path.stem, "cohere", "/v2/chat", 200, {}, None, path.read_bytes()))
        elif "body" in about["response"]:
            answer = about["response"]
            headers = {name.lower(): str(value) for name, value in answer["headers"].items()}
            body = json.dumps(answer["body"]).encode()
            found.append(Exchange(path.stem, "cohere", about["request"]["path"], answer["status"], headers, None, body))
    return found


ALL = [one for one in [*exchanges(), *fixtures()] if one.provider == "cohere"]
CHAT = [one for one in ALL if one.path == "/v2/chat" and one.status == 200]
FAILED = [one for one in ALL if one.status != 200]
EMBEDDINGS = [one for one in ALL if one.path.endswith("/embed") and one.status == 200]

pytestmark = needs_specs


@dataclass
class Reading:
    """What an answer says, read as simply as can be."""

    said: str = ""
    thought: str = ""
    plan: str = ""
    arguments: dict[int, str] = field(default_factory=lambda: defaultdict(str))
    names: list[str] = field(default_factory=list)
    cited: list[tuple[int, int]] = field(default_factory=list)
    finish: str = ""
    usage: dict[str, Any] = field(default_factory=dict)


def read_stream(body: bytes) -> Reading:
    reading = Reading()
    for line in body.decode().replace("\r\n", "\n").split("\n"):
        if not line.startswith("data: {"):
            continue
        event = json.loads(line[6:])
        message = (event.get("delta") or {}).get("message") or {}
        if event["type"] == "content-delta":
            reading.said += message["content"].get("text") or ""
            reading.thought += message["content"].get("thinking") or ""
        elif event["type"] == "tool-plan-delta":
            reading.plan += message["tool_plan"]
        elif event["type"] in ("tool-call-start", "tool-call-delta"):
            function = message["tool_calls"]["function"]
            reading.arguments[event["index"]] += function["arguments"]
            reading.names += [function["name"]] if event["type"] == "tool-call-start" else []
        elif event["type"] == "citation-start":
            reading.cited.append((message["citations"]["start"], message["citations"]["end"]))
        elif event["type"] == "message-end":
            reading.finish, reading.usage = event["delta"]["finish_reason"], event["delta"].get("usage") or {}
    return reading


def read_whole(body: bytes) -> Reading:
    answer = json.loads(body)
    message = answer["message"]
    reading = Reading(finish=answer["finish_reason"], usage=answer["usage"], plan=message.get("tool_plan") or "")
    for piece in message.get("content") or ():
        reading.said += piece.get("text") or ""
        reading.thought += piece.get("thinking") or ""
    for place, call in enumerate(message.get("tool_calls") or ()):
        reading.names.append(call["function"]["name"])
        reading.arguments[place] = call["function"]["arguments"]
    reading.cited = [(one["start"], one["end"]) for one in message.get("citations") or ()]
    return reading


def decode(exchange: Exchange) -> generation_pb2.GenerateResponse:
    if not exchange.is_stream:
        return CODEC.decode_generate(REQUEST, exchange.body)
    splitter, decoder = SseSplitter(LIMIT_BYTES), CODEC.stream_decoder(REQUEST)
    decoded: Decoded = []
    for frame in splitter.feed(exchange.body) + splitter.close():
        decoded += decoder.decode(frame)
        if decoder.ended:
            break
    return fold(join_deltas(decoded + decoder.finish()))


def test_there_are_recordings() -> None:
    assert len([one for one in CHAT if one.is_stream]) >= 25
    assert len([one for one in CHAT if not one.is_stream]) >= 40
    assert len(FAILED) >= 6


@pytest.mark.parametrize("exchange", CHAT, ids=lambda exchange: exchange.name)
def test_a_recorded_answer_loses_nothing(exchange: Exchange) -> None:
    expected = read_stream(exchange.body) if exchange.is_stream else read_whole(exchange.body)
    if expected.finish in ("ERROR", "TIMEOUT"):
        with pytest.raises(errors.ProviderBadResponse, match="invalid tool generation"):
            decode(exchange)
        return
    response = decode(exchange)
    candidate = response.candidates[0]
    parts = candidate.message.parts
    assert "".join(part.text for part in parts) == expected.said
    assert "".join(part.reasoning.text for part in parts) == expected.thought + expected.plan
    calls = [part.tool_call for part in parts if part.HasField("tool_call")]
    assert [call.name for call in calls] == expected.names
    assert [call.arguments_json for call in calls] == [
        text if text not in ("", "null") else "{}" for _, text in sorted(expected.arguments.items())
    ]
    annotations = [(part, one) for part in parts for one in part.annotations]
    assert {(one.start_index, one.end_index) for _, one in annotations} == set(expected.cited)
    for part, one in annotations:
        said = part.text or part.reasoning.text
        assert said[one.start_index : one.end_index] == json.loads(one.provider_json)["text"]
    assert candidate.provider_finish_reason == expected.finish
    tokens = expected.usage.get("tokens") or {}
    assert response.usage.input_token_count == tokens.get("input_tokens", 0)
    assert response.usage.output_token_count == tokens.get("output_tokens", 0)
    assert response.usage.cached_input_token_count == expected.usage.get("cached_tokens", 0)


@pytest.mark.parametrize("exchange", FAILED, ids=lambda exchange: exchange.name)
def test_a_recorded_error_is_a_leaf_with_its_status(exchange: Exchange) -> None:
    error = CODEC.decode_error(exchange.status, exchange.headers, exchange.body)
    leaves = {400: errors.ContextTooLong, 401: errors.ProviderKeyRejected, 404: errors.ModelNotFound}
    assert type(error) is leaves[exchange.status]
    assert error.http_status == exchange.status


ENCODINGS = {
    "float": embedding_pb2.EMBEDDING_ENCODING_FLOAT32,
    "int8": embedding_pb2.EMBEDDING_ENCODING_INT8,
    "uint8": embedding_pb2.EMBEDDING_ENCODING_UINT8,
    "ubinary": embedding_pb2.EMBEDDING_ENCODING_UBINARY,
}


@pytest.mark.parametrize("exchange", EMBEDDINGS, ids=lambda exchange: exchange.name)
def test_recorded_vectors_come_whole(exchange: Exchange) -> None:
    answer = json.loads(exchange.body)
    found = answer["embeddings"] if isinstance(answer["embeddings"], dict) else {"float": answer["embeddings"]}
    for kind, encoding in ENCODINGS.items():
        rows = found.get(kind)
        inputs = [embedding_pb2.EmbedInput(text="x") for _ in rows or [0]]
        request = embedding_pb2.EmbedRequest(inputs=inputs, encoding=encoding)
        if not rows:
            with pytest.raises(errors.ProviderBadResponse):
                CODEC.decode_embed(request, exchange.body)
            continue
        response = CODEC.decode_embed(request, exchange.body)
        for row, vector in zip(rows, response.embeddings, strict=True):
            if kind == "float":
                assert list(vector.values) == pytest.approx(row, rel=1e-6)
            else:
                assert [(octet + 128) % 256 - 128 if kind == "int8" else octet for octet in vector.quantized] == row
        assert response.usage.input_token_count == answer["meta"]["billed_units"]["input_tokens"]
