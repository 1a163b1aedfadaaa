"""Streams by hand after Ollama's API reference: cut anywhere, ended or broken off, with errors in the middle."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from llmgateway.fold import fold
from llmgateway.v1 import embedding_pb2, generation_pb2, message_pb2
from llmgateway_server import errors
from llmgateway_server.dialects.codec import Decoded, Delta, Frame
from llmgateway_server.dialects.ollama.codec import OllamaCodec
from llmgateway_server.dialects.ollama.quirks import Quirks
from llmgateway_server.upstream.join import join_deltas
from llmgateway_server.upstream.ndjson import LineSplitter

CODEC = OllamaCodec("p", Quirks())
REQUEST = generation_pb2.GenerateRequest(messages=[message_pb2.ChatMessage(role=message_pb2.ROLE_USER)])
METRICS = {"total_duration": 9, "prompt_eval_count": 5, "eval_count": 7, "eval_duration": 4}
PNG = "iVBORw0K"


def line(message: dict[str, Any] | None = None, **members: Any) -> dict[str, Any]:
    return {
        "model": "m",
        "created_at": "2026-01-01T00:00:00.1Z",
        "message": {"role": "assistant", "content": "", **(message or {})},
        "done": False,
        **members,
    }


def end(message: dict[str, Any] | None = None, **members: Any) -> dict[str, Any]:
    return line(message, done=True, **{"done_reason": "stop", **METRICS, **members})


def call(name: str, arguments: Any) -> dict[str, Any]:
    return {"function": {"name": name, "arguments": arguments}}


def decode_frames(frames: list[Frame]) -> generation_pb2.GenerateResponse:
    decoder = CODEC.stream_decoder(REQUEST)
    decoded: Decoded = []
    for frame in frames:
        decoded += decoder.decode(frame)
        if decoder.ended:
            break
    return fold(join_deltas(decoded + decoder.finish()))


def decode(*lines: Any) -> generation_pb2.GenerateResponse:
    return decode_frames([Frame("", json.dumps(one).encode()) for one in lines])


GOLDEN: list[tuple[str, list[dict[str, Any]], dict[str, Any]]] = [
    ("text", [line({"content": "Hel"}), line({"content": "lo"}), line({"content": " é😊"}), end()], end({"content": "Hello é😊"})),
    ("thoughts, then text", [line({"thinking": "Hm"}), line({"thinking": "m."}), line({"content": "Yes"}), line({"content": "!"}), end()], end({"thinking": "Hmm.", "content": "Yes!"})),
    ("a line with both", [line({"thinking": "a", "content": "b"}), line({"thinking": "c", "content": "d"}), end()], end({"thinking": "ac", "content": "bd"})),
    ("a call", [line({"tool_calls": [call("f", {"x": 1})]}), end()], end({"tool_calls": [call("f", {"x": 1})]})),
    ("calls, a line each, numbered 0", [line({"content": "Wait."}), line({"tool_calls": [{"function": {"index": 0, "name": "f", "arguments": {}}}]}), line({"tool_calls": [{"function": {"index": 0, "name": "f", "arguments": {}}}, call("g", {"y": [2]})]}), end()], end({"content": "Wait.", "tool_calls": [call("f", {}), call("f", {}), call("g", {"y": [2]})]})),
    ("text in the last line", [line({"content": "a"}), end({"content": "b"})], end({"content": "ab"})),
    ("one line", [end({"content": "all"})], end({"content": "all"})),
    ("nothing", [end(done_reason="load")], end(done_reason="load")),
    ("cut by its limit", [line({"content": "a"}), end(done_reason="length")], end({"content": "a"}, done_reason="length")),
    ("log probabilities", [line({"content": "a"}, logprobs=[{"token": "a", "logprob": -1}]), line({"content": "b"}, logprobs=[{"token": "b", "logprob": -2, "bytes": [98], "top_logprobs": [{"token": "c", "logprob": -3}]}]), end()], end({"content": "ab"}, logprobs=[{"token": "a", "logprob": -1}, {"token": "b", "logprob": -2, "bytes": [98], "top_logprobs": [{"token": "c", "logprob": -3}]}])),
    ("an image", [line({"images": [PNG]}), end()], end({"images": [PNG]})),
    ("unknown members", [line({"content": "a", "mood": "good"}, remote_model="r"), line({"content": "b"}, remote_model="r"), end(remote_model="r", context=[1])], end({"content": "ab", "mood": "good"}, remote_model="r", context=[1])),
    ("a cached prompt", [line({"content": "a"}), end(prompt_eval_count=None)], end({"content": "a"}, prompt_eval_count=None)),
]  # fmt: skip


@pytest.mark.parametrize(("lines", "whole"), [row[1:] for row in GOLDEN], ids=[row[0] for row in GOLDEN])
def test_a_stream_folds_to_the_whole_answer(lines: list[dict[str, Any]], whole: dict[str, Any]) -> None:
    assert decode(*lines) == CODEC.decode_generate(REQUEST, json.dumps(whole).encode())


@pytest.mark.parametrize("end_of_line", [b"\n", b"\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("lines", [row[1] for row in GOLDEN], ids=[row[0] for row in GOLDEN])
def test_a_stream_is_the_same_wherever_it_is_cut(lines: list[dict[str, Any]], end_of_line: bytes) -> None:
    body = b"".join(json.dumps(one, ensure_ascii=False).encode() + end_of_line for one in lines)
    whole_body = LineSplitter(1 << 20)
    frames = whole_body.feed(body) + whole_body.close()
    assert decode_frames(frames) == decode(*lines)
    for cut in range(len(body)):
        splitter = LineSplitter(1 << 20)
        assert splitter.feed(body[:cut]) + splitter.feed(body[cut:]) + splitter.close() == frames
    one_by_one = LineSplitter(1 << 20)
    seen = [one for at in range(len(body)) for one in one_by_one.feed(body[at : at + 1])]
    assert seen + one_by_one.close() == frames


def test_a_continued_prompt_streams_its_text_in_the_line_itself() -> None:
    first = {"model": "m", "created_at": "x", "response": "upon", "done": False}
    lines = [first, {**first, "response": " a"}, {**first, "response": " time"}, {**first, "response": "", "done": True, "done_reason": "stop", "eval_count": 3}]  # fmt: skip
    response = decode(*lines)
    assert response.candidates[0].message.parts[0].text == "upon a time"
    assert response.usage.output_token_count == 3
    assert response.call.model == "m"


def test_a_plain_line_is_one_delta() -> None:
    decoder = CODEC.stream_decoder(REQUEST)
    decoder.decode(Frame("", json.dumps(line({"content": "a"})).encode()))
    assert decoder.decode(Frame("", json.dumps(line({"content": "b"})).encode())) == [Delta((0, 0, "text"), "b")]  # type: ignore[arg-type]
    assert decoder.decode(Frame("", json.dumps(line()).encode())) == []


@pytest.mark.parametrize(
    "frames",
    [
        [],
        [line({"content": "x"})],
        [line({"content": "x"}), {"model": "m", "done_reason": "stop"}],
    ],
)
def test_a_stream_without_its_terminal_is_no_success(frames: list[Any]) -> None:
    with pytest.raises(errors.ProviderBadResponse):
        decode(*frames)


@pytest.mark.parametrize(
    ("frame", "leaf"),
    [
        (b'{"error":"an error was encountered while running the model"}', errors.ProviderBadResponse),
        (b'{"error":"server busy, please try again.  maximum pending requests exceeded"}', errors.ProviderOverloaded),
        (b'{"error":"model \\"x\\" not found, try pulling it first"}', errors.ModelNotFound),
        (b'{"error":"\\"x\\" does not support tools"}', errors.ProviderRejectedRequest),
        (b'{"error":"the input length exceeds the context length"}', errors.ContextTooLong),
        (b'{"error":"unauthorized"}', errors.ProviderKeyRejected),
        (b'{"error":"you have reached your hourly usage limit"}', errors.ProviderRateLimited),
        (b'{"error":{"message":"gone"},"status_code":502}', errors.ProviderBadResponse),
        (b'{"error":"slow down","status_code":429}', errors.ProviderRateLimited),
        (
            b'{"error":{"code":400,"message":"request (9 tokens) exceeds the available context size"}}',
            errors.ContextTooLong,
        ),
        (b'{"error":{"code":503,"message":"loading"}}', errors.ProviderOverloaded),
        (b"{not json", errors.ProviderBadResponse),
        (b"[]", errors.ProviderBadResponse),
    ],
)
def test_an_error_in_the_middle_is_a_leaf(frame: bytes, leaf: type[errors.CallError]) -> None:
    frames = [Frame("", json.dumps(line({"content": "x"})).encode()), Frame("", frame)]
    with pytest.raises(leaf) as caught:
        decode_frames(frames)
    assert type(caught.value) is leaf


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["model", "message", "content", "thinking", "tool_calls", "function", "name", "arguments", "images", "done", "done_reason", "eval_count", "prompt_eval_count", "error", "logprobs", "bytes", "response", "embeddings", "models", "status_code", "x"]), inner, max_size=6), max_leaves=20)  # fmt: skip
FRAME = JSON | st.fixed_dictionaries({"message": JSON, "done": st.booleans()}, optional={"logprobs": JSON, "eval_count": JSON, "done_reason": JSON})  # fmt: skip


@given(st.lists(FRAME, max_size=4))
def test_whatever_a_provider_sends_raises_nothing_but_a_leaf(values: list[Any]) -> None:
    frames = [json.dumps(value).encode() for value in values]
    with contextlib.suppress(errors.CallError):
        decode(*values, end())
    for frame in frames:
        with contextlib.suppress(errors.CallError):
            CODEC.decode_generate(REQUEST, frame)
        with contextlib.suppress(errors.CallError):
            CODEC.decode_embed(embedding_pb2.EmbedRequest(inputs=[embedding_pb2.EmbedInput(text="x")]), frame)
        with contextlib.suppress(errors.CallError):
            CODEC.decode_list_models(frame)
        assert isinstance(CODEC.decode_error(418, {}, frame), errors.CallError)


@given(JSON, JSON)
def test_one_line_streams_as_it_would_come_whole(message: Any, count: Any) -> None:
    whole = {"model": "m", "message": message, "done": True, "eval_count": count}
    body = json.dumps(whole).encode()
    try:
        expected = CODEC.decode_generate(REQUEST, body)
    except errors.ProviderBadResponse:
        return
    assert decode(whole) == expected
