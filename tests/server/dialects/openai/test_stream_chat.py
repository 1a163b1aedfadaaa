"""Chunks as providers vary them: calls without index or id, usage anywhere, errors in the middle."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from llmgateway.fold import fold
from llmgateway.v1 import generation_pb2, usage_pb2
from llmgateway_server import errors
from llmgateway_server.dialects.codec import Decoded, Frame
from llmgateway_server.dialects.openai.codec import OpenAICodec
from llmgateway_server.dialects.openai.quirks import Quirks
from llmgateway_server.dialects.openai.usage import UsageReader
from llmgateway_server.upstream.join import join_deltas

REQUEST = generation_pb2.GenerateRequest()
DONE = b"[DONE]"
STOP = {"index": 0, "delta": {}, "finish_reason": "stop"}


def chunk(*choices: dict[str, Any], **more: Any) -> bytes:
    return json.dumps(
        {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": list(choices), **more}
    ).encode()


def delta(finish: str | None = None, index: int = 0, **members: Any) -> dict[str, Any]:
    return {"index": index, "delta": members, "finish_reason": finish}


def call(**members: Any) -> dict[str, Any]:
    return delta(tool_calls=[members])


def decode(*frames: bytes, quirks: Quirks | None = None) -> generation_pb2.GenerateResponse:
    decoder = OpenAICodec("p", quirks or Quirks()).stream_decoder(REQUEST)
    decoded: Decoded = []
    for data in frames:
        decoded += decoder.decode(Frame("", data))
        if decoder.ended:
            break
    return fold(join_deltas(decoded + decoder.finish()))


def calls(response: generation_pb2.GenerateResponse) -> list[tuple[str, str, str]]:
    made = [part.tool_call for part in response.candidates[0].message.parts if part.HasField("tool_call")]
    return [(one.id, one.name, one.arguments_json) for one in made]


def function(name: str = "", arguments: Any = "") -> dict[str, Any]:
    return {key: value for key, value in (("name", name), ("arguments", arguments)) if value != ""}


CALLS: list[tuple[str, list[dict[str, Any]], list[tuple[str, str, str]]]] = [
    ("in pieces", [call(index=0, id="a", function=function("f", "")), call(index=0, function=function("", '{"x"')), call(index=0, function=function("", ":1}"))], [("a", "f", '{"x":1}')]),
    ("two, interleaved", [call(index=0, id="a", function=function("f", "{")), call(index=1, id="b", function=function("g", "[")), call(index=0, function=function("", "}")), call(index=1, function=function("", "]"))], [("a", "f", "{}"), ("b", "g", "[]")]),
    ("all numbered 0", [call(index=0, id="a", function=function("f", "{}")), call(index=0, id="b", function=function("g", "{}"))], [("a", "f", "{}"), ("b", "g", "{}")]),
    ("without index", [call(id="a", function=function("f", "{")), call(id="a", function=function("", "}")), call(id="b", function=function("g", "{}"))], [("a", "f", "{}"), ("b", "g", "{}")]),
    ("without id", [call(index=0, function=function("f", "{}"))], [("call_c1_0_0", "f", "{}")]),
    ("without both", [call(function=function("f", "{")), call(function=function("", "}")), call(function=function("g", "{}"))], [("call_c1_0_0", "f", "{}"), ("call_c1_0_1", "g", "{}")]),
    ("no arguments", [call(index=0, id="a", function=function("f"))], [("a", "f", "{}")]),
    ("arguments as an object", [call(index=0, id="a", function=function("f", {"x": 1}))], [("a", "f", '{"x":1}')]),
    ("broken arguments", [call(index=0, id="a", function=function("f", '{"x":'))], [("a", "f", '{"x":')]),
    ("the old way", [delta(function_call={"name": "f", "arguments": "{"}), delta(function_call={"arguments": "}"})], [("call_c1_0_0", "f", "{}")]),
]  # fmt: skip


@pytest.mark.parametrize(("deltas", "expected"), [row[1:] for row in CALLS], ids=[row[0] for row in CALLS])
def test_tool_calls_come_whole_however_they_are_numbered(
    deltas: list[dict[str, Any]], expected: list[tuple[str, str, str]]
) -> None:
    response = decode(*(chunk(one) for one in deltas), chunk(delta("tool_calls")), DONE)
    assert calls(response) == expected
    assert response.candidates[0].finish_reason == generation_pb2.FINISH_REASON_TOOL_CALLS


USAGE = {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}


@pytest.mark.parametrize(
    "frames",
    [
        [chunk(delta(content="x")), chunk(STOP), chunk(usage=USAGE), DONE],
        [chunk(delta(content="x")), chunk(STOP, usage=USAGE), DONE],
        [chunk(delta(content="x"), usage=None), chunk(STOP, x_groq={"usage": USAGE}), DONE],
        [chunk(prompt_filter_results=[]), chunk(delta(content="x")), chunk(STOP), chunk(usage=USAGE), DONE],
        [
            b'{"type":"keepalive"}',
            chunk(delta(content="x")),
            b": keepalive",
            chunk(STOP),
            chunk(usage={"prompt_tokens": 1, "completion_tokens": 1}),
            chunk(usage=USAGE),
            DONE,
        ],
    ],
)
def test_usage_is_taken_wherever_it_stands_and_never_added_up(frames: list[bytes]) -> None:
    response = decode(*frames)
    assert response.candidates[0].message.parts[0].text == "x"
    assert (response.usage.input_token_count, response.usage.output_token_count) == (5, 7)
    assert response.usage.source == usage_pb2.Usage.SOURCE_PROVIDER


@pytest.mark.parametrize(
    ("frame", "leaf"),
    [
        (b'{"error":{"message":"busy","code":503}}', errors.ProviderOverloaded),
        (b'{"error":{"message":"slow down","type":"rate_limit_error"}}', errors.ProviderRateLimited),
        (b'{"error":{"message":"bad","code":"invalid_request_error"}}', errors.ProviderRejectedRequest),
        (b'{"error":"boom"}', errors.ProviderBadResponse),
        (
            b'{"id":"x","choices":[{"index":0,"delta":{},"finish_reason":"error"}],"error":{"code":"502","message":"gone"}}',
            errors.ProviderBadResponse,
        ),
        (b"{not json", errors.ProviderBadResponse),
        (b"[]", errors.ProviderBadResponse),
    ],
)
def test_an_error_in_the_middle_is_a_leaf(frame: bytes, leaf: type[errors.CallError]) -> None:
    with pytest.raises(leaf):
        decode(chunk(delta(content="x")), frame, chunk(STOP), DONE)


@pytest.mark.parametrize("frames", [[], [chunk(delta(content="x"))], [chunk(delta(content="x")), chunk(STOP)], [DONE]])
def test_a_stream_without_its_terminal_or_without_an_answer_is_no_success(frames: list[bytes]) -> None:
    with pytest.raises(errors.ProviderBadResponse):
        decode(*frames)


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("stop", "STOP"),
        ("length", "LENGTH"),
        ("content_filter", "CONTENT_FILTERED"),
        ("eos", "STOP"),
        ("model_length", "CONTEXT_FULL"),
        ("brand_new", "OTHER"),
    ],
)
def test_a_finish_reason_keeps_the_providers_word(word: str, reason: str) -> None:
    candidate = decode(chunk(delta(content="x")), chunk(delta(word)), DONE).candidates[0]
    assert generation_pb2.FinishReason.Name(candidate.finish_reason) == f"FINISH_REASON_{reason}"
    assert candidate.provider_finish_reason == word


def test_thoughts_text_refusal_and_candidates_keep_their_places() -> None:
    response = decode(
        chunk(delta(role="assistant", content="", reasoning_content="Hm")),
        chunk(delta(reasoning="m."), delta(index=1, content="other")),
        chunk(delta(content="Yes"), delta(index=1, refusal="No")),
        chunk(delta(content="!", obfuscation="zz")),
        chunk(STOP, {"index": 1, "delta": {}, "finish_reason": "length"}),
        DONE,
    )
    first, second = response.candidates
    assert [part.WhichOneof("content") for part in first.message.parts] == ["reasoning", "text"]
    assert (first.message.parts[0].reasoning.text, first.message.parts[1].text) == ("Hmm.", "Yes!")
    assert [(part.text, part.refusal) for part in second.message.parts] == [("other", ""), ("", "No")]


@pytest.mark.parametrize(
    ("raw", "expected", "warned"),
    [
        ({"prompt_tokens": -5, "completion_tokens": 1}, (0, 1), True),
        ({"prompt_tokens": 10**12, "completion_tokens": 1}, (2**31 - 1, 1), True),
        ({"prompt_tokens": float("nan"), "completion_tokens": 1}, (0, 1), True),
        ({"prompt_tokens": "9", "completion_tokens": None}, (0, 0), True),
        ({"prompt_tokens": 3, "completion_tokens": 4}, (3, 4), False),
    ],
)
def test_nonsense_in_usage_is_clamped_and_marked(raw: dict[str, Any], expected: tuple[int, int], warned: bool) -> None:
    reader, usage = UsageReader(Quirks()), usage_pb2.Usage()
    reader.read(raw, usage)
    assert (usage.input_token_count, usage.output_token_count) == expected
    assert bool(reader.warnings) is warned


def test_xai_leaves_reasoning_out_of_its_completion_tokens() -> None:
    reader, usage = UsageReader(Quirks(output_excludes_reasoning=True)), usage_pb2.Usage()
    reader.read(
        {
            "prompt_tokens": 10,
            "completion_tokens": 5,
            "total_tokens": 40,
            "completion_tokens_details": {"reasoning_tokens": 25},
        },
        usage,
    )
    assert (usage.output_token_count, usage.reasoning_token_count) == (30, 25)


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["choices", "delta", "content", "index", "tool_calls", "function", "usage", "error", "id", "message", "logprobs", "annotations", "audio", "x"]), inner, max_size=5), max_leaves=20)  # fmt: skip


@given(st.lists(JSON, max_size=4))
def test_whatever_a_provider_sends_raises_nothing_but_a_leaf(values: list[Any]) -> None:
    codec = OpenAICodec("p", Quirks())
    frames = [json.dumps(value).encode() for value in values]
    with contextlib.suppress(errors.CallError):
        decode(*frames, DONE)
    for frame in frames:
        with contextlib.suppress(errors.CallError):
            codec.decode_generate(REQUEST, frame)
        assert isinstance(codec.decode_error(418, {}, frame), errors.CallError)
