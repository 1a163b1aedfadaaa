"""What Bedrock really sent, decoded: nothing raises, no word and no argument is lost."""

from __future__ import annotations

import base64
import json
import struct
import zlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from llmgateway.fold import fold
from llmgateway.v1 import generation_pb2
from llmgateway_server import errors
from llmgateway_server.dialects.codec import Decoded, Frame
from llmgateway_server.upstream.join import join_deltas

from tests.server.dialects.bedrock.answers import REQUEST, decode_frames
from tests.server.dialects.bedrock.asking import CODEC
from tests.specs import FOLDER, Exchange, closed_validator, exchanges, needs_specs

pytestmark = needs_specs


def recordings() -> Iterator[Exchange]:
    """Yield Bedrock's recordings, event streams as bytes."""
    for exchange in exchanges():
        if exchange.provider != "bedrock":
            continue
        decoded = json.loads(exchange.body)
        is_binary = isinstance(decoded, dict) and "$base64" in decoded
        yield replace(exchange, body=base64.b64decode(decoded["$base64"])) if is_binary else exchange
    for path in sorted(FOLDER.glob("fixtures/bedrock/*.json")):
        about = json.loads(path.read_text())
        request, response = about["request"], about["response"]
        stream = path.with_suffix(".eventstream")
        yield Exchange(
            path.stem,
            "bedrock",
            request["path"],
            response["status"],
            {name.lower(): str(value) for name, value in response["headers"].items()},
            request.get("body"),
            stream.read_bytes() if stream.exists() else json.dumps(response["body"]).encode(),
        )


ALL = list(recordings())
STREAMS = [exchange for exchange in ALL if exchange.path.endswith("/converse-stream") and exchange.status == 200]
WHOLE = [exchange for exchange in ALL if exchange.path.endswith("/converse") and exchange.status == 200]
FAILED = [exchange for exchange in ALL if exchange.status >= 400]
SENT = [exchange for exchange in ALL if "/converse" in exchange.path and isinstance(exchange.request, dict)]


def cut(body: bytes) -> list[Frame]:
    """Cut AWS's event stream: lengths, headers, payload, and a checksum after each."""
    cut_frames, at = [], 0
    while at < len(body):
        length, headers_length, checksum = struct.unpack_from(">III", body, at)
        assert zlib.crc32(body[at : at + 8]) == checksum
        assert zlib.crc32(body[at : at + length - 4]) == struct.unpack_from(">I", body, at + length - 4)[0]
        headers, place = {}, at + 12
        while place < at + 12 + headers_length:
            name_length = body[place]
            name = body[place + 1 : place + 1 + name_length].decode()
            place += 1 + name_length
            assert body[place] == 7  # a string
            (value_length,) = struct.unpack_from(">H", body, place + 1)
            headers[name] = body[place + 3 : place + 3 + value_length].decode()
            place += 3 + value_length
        payload = body[at + 12 + headers_length : at + length - 4]
        cut_frames.append(Frame(headers.get(":event-type") or headers[":exception-type"], payload))
        at += length
    return cut_frames


Reading = tuple[str, str, list[str], list[str], str, dict[str, Any] | None]


def read_stream(body: bytes) -> Reading:
    """Read a stream as simply as can be: text, thoughts, withheld thoughts, arguments, why it stopped, and usage."""
    said, thought, withheld, word, usage = "", "", [], "", None
    arguments: dict[int, str] = defaultdict(str)
    for name, data in cut(body):
        payload = json.loads(data)
        if name == "contentBlockStart" and "toolUse" in payload["start"]:
            arguments[payload["contentBlockIndex"]] += ""
        elif name == "contentBlockDelta":
            delta = payload["delta"]
            said += delta.get("text", "")
            reasoning = delta.get("reasoningContent", {})
            thought += reasoning.get("text", "")
            withheld += [reasoning["redactedContent"]] if "redactedContent" in reasoning else []
            if "toolUse" in delta:
                arguments[payload["contentBlockIndex"]] += delta["toolUse"]["input"]
        elif name == "messageStop":
            word = payload["stopReason"]
        elif name == "metadata":
            usage = payload.get("usage")
    return said, thought, withheld, [arguments[key] or "{}" for key in sorted(arguments)], word, usage


def read_whole(raw: dict[str, Any]) -> Reading:
    """Read a whole answer as simply as can be."""
    blocks = raw["output"]["message"]["content"]
    reasoning = [block["reasoningContent"] for block in blocks if "reasoningContent" in block]
    return (
        "".join(block.get("text", "") for block in blocks),
        "".join(block["reasoningText"]["text"] for block in reasoning if "reasoningText" in block),
        [block["redactedContent"] for block in reasoning if "redactedContent" in block],
        [json.dumps(block["toolUse"]["input"]) for block in blocks if "toolUse" in block],
        raw["stopReason"],
        raw.get("usage"),
    )


def check(response: generation_pb2.GenerateResponse, expected: Reading) -> None:
    said, thought, withheld, arguments, word, usage = expected
    (candidate,) = response.candidates
    parts = candidate.message.parts
    assert "".join(part.text for part in parts) == said
    assert "".join(part.reasoning.text for part in parts) == thought
    redacted = [part for part in parts if part.reasoning.kind == part.reasoning.KIND_REDACTED]
    assert [part.signature.value for part in redacted] == withheld
    calls = [part.tool_call for part in parts if part.HasField("tool_call")]
    assert [json.loads(call.arguments_json) for call in calls] == [json.loads(text) for text in arguments]
    assert all(call.id and call.name for call in calls)
    assert candidate.provider_finish_reason == word
    assert response.HasField("usage") == (usage is not None)
    if usage:
        cached = usage.get("cacheReadInputTokens", 0) + usage.get("cacheWriteInputTokens", 0)
        assert response.usage.input_token_count == usage["inputTokens"] + cached
        assert response.usage.output_token_count == usage["outputTokens"]
        assert response.usage.input_token_count + response.usage.output_token_count == usage["totalTokens"]
        assert json.loads(response.usage.provider_json) == usage


def test_there_are_recordings_of_every_kind() -> None:
    assert len(STREAMS) >= 15
    assert len(WHOLE) >= 14
    assert len(FAILED) >= 5


@pytest.mark.parametrize("exchange", STREAMS, ids=lambda exchange: exchange.name)
def test_a_recorded_stream_loses_nothing(exchange: Exchange) -> None:
    response = fold(join_deltas(decode_frames(cut(exchange.body))))
    check(response, read_stream(exchange.body))


@pytest.mark.parametrize("exchange", STREAMS, ids=lambda exchange: exchange.name)
def test_a_recorded_stream_that_breaks_off_is_broken(exchange: Exchange) -> None:
    frames = cut(exchange.body)
    stop = next(place for place, frame in enumerate(frames) if frame.name == "messageStop")
    for count in {0, 1, stop // 2, stop}:
        decoder = CODEC.stream_decoder(REQUEST)
        decoded: Decoded = [event for frame in frames[:count] for event in decoder.decode(frame)]
        assert not decoder.ended
        assert bool(decoded) == (count > 0)
        with pytest.raises(errors.ProviderBadResponse):
            decoder.finish()


@pytest.mark.parametrize("exchange", WHOLE, ids=lambda exchange: exchange.name)
def test_a_recorded_answer_loses_nothing(exchange: Exchange) -> None:
    response = CODEC.decode_generate(REQUEST, exchange.body)
    raw = json.loads(exchange.body)
    check(response, read_whole(raw))
    kept = json.loads(response.call.provider_json)
    assert kept == {member: value for member, value in raw.items() if member not in ("output", "stopReason", "usage")}


@pytest.mark.parametrize("exchange", FAILED, ids=lambda exchange: exchange.name)
def test_a_recorded_error_is_a_leaf_with_its_status(exchange: Exchange) -> None:
    error = CODEC.decode_error(exchange.status, exchange.headers, exchange.body)
    message = json.loads(exchange.body)["message"]
    expected: type[errors.CallError] = errors.ProviderRejectedRequest
    if exchange.status == 403:
        expected = errors.ProviderKeyRejected
    elif "Input Tokens Exceeded" in message:
        expected = errors.ContextTooLong
    elif "model identifier is invalid" in message:
        expected = errors.ModelNotFound
    assert type(error) is expected
    assert error.http_status == exchange.status
    assert error.provider_message == message


def test_the_schema_takes_what_others_sent() -> None:
    """The closed schema that our own requests are held to is not one that refuses genuine traffic."""
    for exchange in SENT:
        operation = exchange.path.rpartition("/")[2]
        refused = closed_validator("bedrock", f"POST /model/{{modelId}}/{operation}", "request")(exchange.request)
        assert refused == [], exchange.name
