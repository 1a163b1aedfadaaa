"""Claude where others serve it: the same messages in other wrappings."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from llmgateway.fold import fold
from llmgateway.v1 import generation_pb2, message_pb2
from llmgateway_server import errors
from llmgateway_server.dialects.anthropic.codec import AnthropicCodec
from llmgateway_server.dialects.anthropic.hosts import ChunkDecoder
from llmgateway_server.dialects.anthropic.quirks import ModelQuirks, Quirks
from llmgateway_server.dialects.codec import Frame
from llmgateway_server.dialects.registry import make_sibling
from llmgateway_server.upstream.eventstream import EventStreamSplitter
from llmgateway_server.upstream.join import join_deltas

from tests import specs

Request = generation_pb2.GenerateRequest
VERTEX = AnthropicCodec("vertex", Quirks(host="vertex"))
BEDROCK = AnthropicCodec("bedrock", Quirks(host="bedrock"))
ASKED = Request(
    messages=[message_pb2.ChatMessage(role=message_pb2.ROLE_USER, parts=[message_pb2.Part(text="Hi")])],
    max_output_token_count=9,
)
MESSAGES = [{"role": "user", "content": "Hi"}]


@pytest.mark.parametrize(
    ("codec", "model", "stream", "path", "body"),
    [
        (
            VERTEX,
            "claude-sonnet-4-5@20250929",
            False,
            "/publishers/anthropic/models/claude-sonnet-4-5@20250929:rawPredict",
            {"anthropic_version": "vertex-2023-10-16", "max_tokens": 9, "messages": MESSAGES},
        ),
        (
            VERTEX,
            "claude/../../x",
            True,
            "/publishers/anthropic/models/claude%2F..%2F..%2Fx:streamRawPredict",
            {"anthropic_version": "vertex-2023-10-16", "max_tokens": 9, "messages": MESSAGES, "stream": True},
        ),
        (
            BEDROCK,
            "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
            False,
            "/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/invoke",
            {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 9, "messages": MESSAGES},
        ),
        (
            BEDROCK,
            "arn:aws:bedrock:us-east-1:1:inference-profile/p",
            True,
            "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Ainference-profile%2Fp/invoke-with-response-stream",
            {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 9, "messages": MESSAGES},
        ),
    ],
)
def test_where_and_what_is_sent(codec: AnthropicCodec, model: str, stream: bool, path: str, body: object) -> None:
    encoded = codec.encode_generate(ASKED, model, stream=stream)
    assert (encoded.method, encoded.path, json.loads(encoded.body)) == ("POST", path, body)
    assert "anthropic-version" not in (encoded.headers or {})


def test_a_count_is_asked_for_and_read() -> None:
    google = VERTEX.encode_count_tokens(ASKED, "claude-x")
    assert google.path == "/publishers/anthropic/models/count-tokens:rawPredict"
    assert json.loads(google.body) == {
        "anthropic_version": "vertex-2023-10-16",
        "model": "claude-x",
        "messages": MESSAGES,
    }
    assert VERTEX.decode_count_tokens(b'{"input_tokens": 3}') == 3
    amazon = BEDROCK.encode_count_tokens(ASKED, "anthropic.claude-x-v1:0")
    assert amazon.path == "/model/anthropic.claude-x-v1%3A0/count-tokens"
    whole = json.loads(base64.b64decode(json.loads(amazon.body)["input"]["invokeModel"]["body"]))
    assert whole == {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 9, "messages": MESSAGES}
    assert BEDROCK.decode_count_tokens(b'{"inputTokens": 3}') == 3


def test_beta_features_stand_where_the_host_reads_them() -> None:
    asked = Request()
    asked.CopyFrom(ASKED)
    asked.provider_options_json["anthropic"] = '{"context_management": {"edits": []}}'
    beta = "context-management-2025-06-27"
    assert (VERTEX.encode_generate(asked, "m", stream=False).headers or {})["anthropic-beta"] == beta
    assert json.loads(BEDROCK.encode_generate(asked, "m", stream=False).body)["anthropic_beta"] == [beta]


@pytest.mark.parametrize(
    ("host", "model"),
    [
        ("bedrock", "anthropic.claude-old-v1:0"),
        ("bedrock", "eu.anthropic.claude-old-v1:0"),
        ("vertex", "claude-old@1"),
    ],
)
def test_a_model_s_own_ways_are_known_by_anthropic_s_name_for_it(host: Any, model: str) -> None:
    quirks = Quirks(host=host, by_model={"claude-old": ModelQuirks(default_max_tokens=77)})
    asked = Request(messages=ASKED.messages)
    assert json.loads(AnthropicCodec("p", quirks).encode_generate(asked, model, stream=False).body)["max_tokens"] == 77


EVENTS: list[dict[str, Any]] = [
    {"type": "message_start", "message": {"id": "msg_1", "usage": {"input_tokens": 3, "output_tokens": 1}}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hel"}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "lo"}},
    {"type": "content_block_stop", "index": 0},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2}},
    {"type": "message_stop", "amazon-bedrock-invocationMetrics": {"inputTokenCount": 3}},
]


def chunk(event: dict[str, Any]) -> Frame:
    data = json.dumps(event, separators=(",", ":")).encode()
    return Frame("chunk", json.dumps({"bytes": base64.b64encode(data).decode(), "p": "abc"}).encode())


def test_chunks_add_up_to_an_answer() -> None:
    decoder, decoded = ChunkDecoder("bedrock"), []
    for event in EVENTS:
        assert not decoder.ended
        decoded += decoder.decode(chunk(event))
    assert decoder.ended
    response = fold(join_deltas(decoded + decoder.finish()))
    assert response.candidates[0].message.parts[0].text == "Hello"
    assert (response.usage.input_token_count, response.usage.output_token_count) == (3, 2)


@pytest.mark.parametrize(
    ("frame", "error"),
    [
        (Frame("throttlingException", b'{"message": "slow down"}'), errors.ProviderRateLimited),
        (Frame("modelStreamErrorException", b'{"message": "no"}'), errors.ProviderBadResponse),
        (Frame("chunk", b"{"), errors.ProviderBadResponse),
        (Frame("chunk", b'{"bytes": "%"}'), errors.ProviderBadResponse),
        (chunk({"type": "error", "error": {"type": "overloaded_error", "message": "x"}}), errors.ProviderOverloaded),
    ],
)
def test_trouble_within_a_stream_is_typed(frame: Frame, error: type[errors.CallError]) -> None:
    decoder = ChunkDecoder("bedrock")
    decoder.decode(chunk(EVENTS[0]))
    with pytest.raises(error):
        decoder.decode(frame)


def test_a_stream_without_its_end_is_broken() -> None:
    decoder = ChunkDecoder("bedrock")
    for event in EVENTS[:-1]:
        decoder.decode(chunk(event))
    assert decoder.decode(Frame("initial-response", b"{}")) == []
    with pytest.raises(errors.ProviderBadResponse):
        decoder.finish()


def test_errors_of_the_platform_and_of_claude_are_both_read() -> None:
    platform = b'{"error": {"code": 429, "message": "quota", "status": "RESOURCE_EXHAUSTED"}}'
    own = b'{"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}'
    assert isinstance(VERTEX.decode_error(429, {}, platform), errors.ProviderRateLimited)
    assert isinstance(VERTEX.decode_error(529, {}, own), errors.ProviderOverloaded)
    assert VERTEX.decode_error(502, {}, b"<html>").http_status == 502
    thrown = BEDROCK.decode_error(400, {"x-amzn-errortype": "ThrottlingException"}, b'{"message": "slow down"}')
    assert isinstance(thrown, errors.ProviderRateLimited)


def test_which_models_are_claude_s() -> None:
    google = make_sibling("gemini", "vertex", {"vertex": True})
    assert google is not None
    assert [google.serves(model) for model in ("claude-opus-5@1", "gemini-3-pro")] == [True, False]
    assert make_sibling("gemini", "gemini", {}) is None
    assert make_sibling("bedrock", "bedrock", {}) is None
    amazon = make_sibling("bedrock", "b", {"claude_api": "messages", "base_models": {"arn:x": "anthropic.claude-x"}})
    assert amazon is not None
    names = ("us.anthropic.claude-x", "anthropic.claude-x", "arn:x", "amazon.nova-pro-v1:0")
    assert [amazon.serves(name) for name in names] == [True, True, True, False]


def invoked() -> list[specs.Exchange]:
    return [
        exchange
        for exchange in specs.exchanges()
        if exchange.provider == "bedrock"
        and "/invoke" in exchange.path
        and exchange.status == 200
        and "messages" in (exchange.request or {})
        and "anthropic_version" in exchange.request
    ]


@specs.needs_specs
def test_recorded_answers_of_claude_on_bedrock_are_read() -> None:
    found = invoked()
    assert len(found) > 20
    for exchange in found:
        if exchange.path.endswith("/invoke"):
            answer = json.loads(exchange.body)
            response = BEDROCK.decode_generate(ASKED, exchange.body)
            told = "".join(block.get("text", "") for block in answer["content"])
            assert "".join(part.text for part in response.candidates[0].message.parts) == told
            assert response.usage.output_token_count == answer["usage"]["output_tokens"]
            continue
        data = base64.b64decode(json.loads(exchange.body)["$base64"])
        whole = read_stream(data, len(data))
        assert whole.candidates
        assert whole.usage.output_token_count > 0
        assert read_stream(data, 7) == whole


def read_stream(data: bytes, piece_bytes: int) -> generation_pb2.GenerateResponse:
    splitter, decoder, decoded = EventStreamSplitter(2**20), ChunkDecoder("bedrock"), []
    for start in range(0, len(data), piece_bytes):
        for frame in splitter.feed(data[start : start + piece_bytes]):
            decoded += decoder.decode(frame)
    return fold(join_deltas(decoded + decoder.finish()))
