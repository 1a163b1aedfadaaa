"""Streams, decoded: they add up to the whole answer, end where Bedrock says so, and break where it breaks."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict
from hypothesis import given
from hypothesis import strategies as st
from llmgateway.v1 import embedding_pb2
from llmgateway_server import errors
from llmgateway_server.dialects.codec import Decoded, Delta, Frame

from tests.server.dialects.bedrock.answers import (
    ANSWERS,
    METADATA,
    REQUEST,
    Event,
    decode_frames,
    decoded_whole,
    delta,
    frames,
    message,
    start,
    stop,
    streamed,
)
from tests.server.dialects.bedrock.asking import CODEC
from tests.specs import needs_specs, validator

HELLO = [*message(delta(text="Hel"), delta(text="lo"), stop()), METADATA]


def kinds(decoded: Decoded) -> list[str]:
    return ["delta" if isinstance(item, Delta) else str(item.WhichOneof("event")) for item in decoded]


@pytest.mark.parametrize(("raw", "events"), [row[1:] for row in ANSWERS], ids=[row[0] for row in ANSWERS])
def test_a_stream_adds_up_to_the_whole_answer(raw: dict[str, Any], events: list[Event]) -> None:
    assert MessageToDict(streamed(*events)) == MessageToDict(decoded_whole(raw))


def test_events_come_in_order() -> None:
    assert kinds(decode_frames(frames(HELLO))) == [
        "started",
        "part_started",
        "delta",
        "delta",
        "part_finished",
        "candidate_finished",
        "finished",
    ]


def test_a_stream_ends_with_its_metadata() -> None:
    decoder = CODEC.stream_decoder(REQUEST)
    ended = []
    for frame in frames(HELLO):
        decoder.decode(frame)
        ended.append(decoder.ended)
    assert ended == [False] * (len(HELLO) - 1) + [True]


def test_metadata_may_come_before_the_stop() -> None:
    events = [*HELLO[:-2], HELLO[-1], HELLO[-2]]
    decoder = CODEC.stream_decoder(REQUEST)
    decode_frames(frames(events), decoder)
    assert decoder.ended
    assert streamed(*events) == streamed(*HELLO)


def test_a_stream_may_end_after_its_stop_without_usage() -> None:
    response = streamed(*HELLO[:-1])
    assert response.candidates[0].message.parts[0].text == "Hello"
    assert not response.HasField("usage")


@pytest.mark.parametrize("count", range(len(HELLO) - 1))
def test_a_stream_without_its_stop_is_broken(count: int) -> None:
    with pytest.raises(errors.ProviderBadResponse, match="messageStop"):
        streamed(*HELLO[:count])


@pytest.mark.parametrize(
    ("name", "payload", "leaf", "status"),
    [
        ("throttlingException", {"message": "Too many requests"}, errors.ProviderRateLimited, 429),
        ("ThrottlingException", {}, errors.ProviderRateLimited, 429),
        ("serviceUnavailableException", {"message": "Busy"}, errors.ProviderOverloaded, 503),
        ("modelNotReadyException", {}, errors.ProviderOverloaded, 503),
        ("internalServerException", {"message": "Oh"}, errors.ProviderBadResponse, 500),
        ("modelTimeoutException", {"message": "Oh"}, errors.ProviderBadResponse, 408),
        ("modelStreamErrorException", {"message": "Oh", "originalStatusCode": 500}, errors.ProviderBadResponse, 500),
        (
            "modelStreamErrorException",
            {"originalMessage": "Bad", "originalStatusCode": 400},
            errors.ProviderRejectedRequest,
            500,
        ),
        ("validationException", {"message": "Bad field"}, errors.ProviderRejectedRequest, 400),
        ("validationException", {"message": "Input is too long for requested model."}, errors.ContextTooLong, 400),
        ("accessDeniedException", {"message": "No"}, errors.ProviderKeyRejected, 403),
        ("brandNewException", {"message": "?"}, errors.ProviderBadResponse, 500),
        ("InternalFailure", {}, errors.ProviderBadResponse, 500),
        ("ExpiredToken", {}, errors.ProviderKeyRejected, 403),
    ],
)
def test_an_exception_in_a_stream_is_its_leaf(
    name: str, payload: dict[str, Any], leaf: type[errors.CallError], status: int
) -> None:
    decoder = CODEC.stream_decoder(REQUEST)
    for frame in frames(HELLO[:3]):
        decoder.decode(frame)
    with pytest.raises(leaf) as caught:
        decoder.decode(Frame(name, json.dumps(payload).encode()))
    assert caught.value.http_status == status
    assert caught.value.provider_message == payload.get("message", payload.get("originalMessage", ""))


@pytest.mark.parametrize("data", [b"", b"nonsense", b"[]"])
def test_an_exception_may_say_nothing(data: bytes) -> None:
    with pytest.raises(errors.ProviderRateLimited):
        CODEC.stream_decoder(REQUEST).decode(Frame("throttlingException", data))


@pytest.mark.parametrize("data", [b"{", b"[]", b"7", b"\xff"])
def test_an_event_that_makes_no_sense_is_a_bad_response(data: bytes) -> None:
    with pytest.raises(errors.ProviderBadResponse):
        CODEC.stream_decoder(REQUEST).decode(Frame("contentBlockDelta", data))


def test_an_event_that_nobody_knows_is_progress() -> None:
    decoded = decode_frames(frames([HELLO[0], ("weather", {"sky": "blue"}), *HELLO[1:]]))
    (event,) = [item for item in decoded if not isinstance(item, Delta) and item.HasField("provider_event")]
    assert (event.provider_event.dialect, event.provider_event.type) == ("bedrock", "weather")
    assert event.provider_event.json == '{"sky":"blue"}'
    assert kinds(decode_frames(frames([("initial-response", {}), *HELLO]))) == kinds(decode_frames(frames(HELLO)))


def test_blocks_may_overlap_and_stay_open() -> None:
    response = streamed(
        *message(
            start(0, toolUse={"toolUseId": "a", "name": "f"}),
            start(1, toolUse={"toolUseId": "b", "name": "g"}),
            delta(0, toolUse={"input": "{}"}),
            delta(1, toolUse={"input": '{"x":'}),
            delta(1, toolUse={"input": "1}"}),
        ),
        METADATA,
    )
    calls = [part.tool_call for part in response.candidates[0].message.parts]
    assert [(call.id, call.arguments_json) for call in calls] == [("a", "{}"), ("b", '{"x":1}')]


def test_a_block_of_two_kinds_is_two_parts() -> None:
    response = streamed(*message(delta(reasoningContent={"text": "Hm."}), delta(text="Yes"), stop()), METADATA)
    first, second = response.candidates[0].message.parts
    assert (first.reasoning.text, second.text) == ("Hm.", "Yes")


def test_a_result_that_turns_into_text_is_not_lost() -> None:
    result = start(toolResult={"toolUseId": "s"})
    response = streamed(*message(result, delta(toolResult=[{"text": "a"}]), delta(text="b"), stop()), METADATA)
    first, second = response.candidates[0].message.parts
    assert (first.tool_result.parts[0].text, second.text) == ("a", "b")


def test_pieces_of_a_withheld_thought_are_joined_as_bytes() -> None:
    pieces = [delta(reasoningContent={"redactedContent": piece}) for piece in ("AA==", "/w==")]
    (part,) = streamed(*message(*pieces, stop()), METADATA).candidates[0].message.parts
    assert part.signature.value == "AP8="


def test_a_text_delta_of_two_members_is_read_too() -> None:
    event = ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "!"}, "novelty": 1})
    response = streamed(*message(delta(text="Hi"), event, stop()), METADATA)
    assert response.candidates[0].message.parts[0].text == "Hi!"


@needs_specs
def test_the_golden_events_are_bedrocks_own_shape() -> None:
    check = validator("bedrock", "POST /model/{modelId}/converse-stream", "stream")
    for name, _, events in ANSWERS:
        if name != "a block that nobody knows":
            for event, payload in events:
                assert check({event: payload}) == [], (name, event)


NAMES = [
    "messageStart", "contentBlockStart", "contentBlockDelta", "contentBlockStop", "messageStop", "metadata", "x", "",
    "throttlingException",
]  # fmt: skip
MEMBERS = [
    "role", "start", "delta", "contentBlockIndex", "stopReason", "usage", "text", "toolUse", "toolUseId", "name", "input",
    "reasoningContent", "reasoningText", "redactedContent", "signature", "citation", "citationsContent", "citations",
    "sourceContent", "location", "web", "toolResult", "content", "json", "image", "source", "bytes", "s3Location", "uri",
    "format", "output", "message", "trace", "promptRouter", "inputTokens", "cacheDetails", "ttl", "serviceTier", "type",
    "additionalModelResponseFields", "stop_sequence", "embedding", "embeddings", "embeddingsByType", "float",
    "inputTextTokenCount", "modelSummaries", "modelId", "outputModalities", "__type", "originalStatusCode", "x",
]  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(MEMBERS), inner, max_size=5),
    max_leaves=20,
)
DELTAS = st.dictionaries(st.sampled_from(["text", "toolUse", "reasoningContent", "citation", "toolResult", "image", "x"]), JSON, min_size=1, max_size=2)  # fmt: skip
LIKELY = st.tuples(st.just("contentBlockDelta"), st.fixed_dictionaries({"contentBlockIndex": st.integers(0, 2), "delta": DELTAS})) | st.tuples(st.just("contentBlockStart"), st.fixed_dictionaries({"contentBlockIndex": st.integers(0, 2), "start": DELTAS})) | st.tuples(st.just("contentBlockStop"), st.fixed_dictionaries({"contentBlockIndex": st.integers(0, 2)}))  # fmt: skip


@given(st.lists(st.tuples(st.sampled_from(NAMES), JSON) | LIKELY, max_size=6))
def test_whatever_a_provider_sends_raises_nothing_but_a_leaf(events: list[tuple[str, Any]]) -> None:
    with contextlib.suppress(errors.CallError):
        streamed(*events, ("messageStop", {"stopReason": "end_turn"}))
    for _, payload in events:
        data = json.dumps(payload).encode()
        for decode in (
            lambda given: CODEC.decode_generate(REQUEST, given),
            lambda given: CODEC.decode_embed(embedding_pb2.EmbedRequest(inputs=[{"text": "x"}]), given),  # type: ignore[list-item]
            CODEC.decode_list_models,
        ):
            with contextlib.suppress(errors.CallError):
                decode(data)
        with contextlib.suppress(errors.CallError):
            CODEC.decode_generate(
                REQUEST, json.dumps({"output": {"message": {"content": [payload]}}, "usage": payload}).encode()
            )
        assert isinstance(CODEC.decode_error(418, {}, data), errors.CallError)
