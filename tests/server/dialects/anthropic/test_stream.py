"""Streams as Anthropic's documentation shows them, cut anywhere, and as they go wrong."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from llmgateway.fold import fold
from llmgateway.v1 import generation_pb2, message_pb2
from llmgateway_server import errors
from llmgateway_server.dialects.codec import Decoded, Delta, Frame
from llmgateway_server.upstream.join import join_deltas

from tests.server.dialects.anthropic.reading import (
    CODEC,
    REQUEST,
    decode_chunks,
    decode_whole,
    fold_chunks,
    fold_events,
    split,
    sse,
)

Event = dict[str, Any]
PING = {"type": "ping"}
STOP = {"type": "message_stop"}
CITATION = {
    "type": "char_location", "cited_text": "Green.", "document_index": 0, "document_title": "Grass",
    "start_char_index": 0, "end_char_index": 6, "file_id": None,
}  # fmt: skip
FOUND = [{"type": "web_search_result", "url": "https://x.example", "title": "X", "encrypted_content": "e"}]


def begins(usage: Event | None = None, **more: Any) -> Event:
    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-x",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 10, "output_tokens": 1} if usage is None else usage,
        **more,
    }
    return {"type": "message_start", "message": message}


def opens(index: int, **block: Any) -> Event:
    return {"type": "content_block_start", "index": index, "content_block": block}


def says(index: int, said: str) -> Event:
    return grows(index, "text_delta", text=said)


def grows(index: int, kind: str, **members: Any) -> Event:
    return {"type": "content_block_delta", "index": index, "delta": {"type": kind, **members}}


def closes(index: int) -> Event:
    return {"type": "content_block_stop", "index": index}


def ends(stop: str = "end_turn", usage: Event | None = None, **more: Any) -> Event:
    delta = {"stop_reason": stop, "stop_sequence": None, **more}
    return {"type": "message_delta", "delta": delta, "usage": {"output_tokens": 5} if usage is None else usage}


def whole(*blocks: Event, stop: str = "end_turn", **more: Any) -> Event:
    """Return the message that such a stream stands for."""
    usage = {"input_tokens": 10, "output_tokens": 5}
    return {
        **begins()["message"],
        "content": list(blocks),
        "stop_reason": stop,
        "usage": usage,
        **more,
    }


TEXT = [opens(0, type="text", text=""), PING, says(0, "Hé"), says(0, "llo \U0001f600"), closes(0)]

# (what it is about, the events between message_start and message_stop, the same answer as a whole)
STREAMS: list[tuple[str, list[Event], Event]] = [
    ("text", [*TEXT, ends()], whole({"type": "text", "text": "Héllo \U0001f600"})),
    ("nothing at all", [ends()], whole()),
    ("an empty text", [opens(0, type="text", text=""), closes(0), ends()], whole({"type": "text", "text": ""})),
    ("a text begun at its start", [opens(0, type="text", text="He"), says(0, "y"), closes(0), ends()], whole({"type": "text", "text": "Hey"})),
    ("two texts", [*TEXT, opens(1, type="text", text=""), says(1, "b"), closes(1), ends()], whole({"type": "text", "text": "Héllo \U0001f600"}, {"type": "text", "text": "b"})),
    ("citations", [opens(0, type="text", text="", citations=[]), grows(0, "citations_delta", citation=CITATION), says(0, "Green."), grows(0, "citations_delta", citation=CITATION), closes(0), ends()], whole({"type": "text", "text": "Green.", "citations": [CITATION, CITATION]})),
    ("a thought", [opens(0, type="thinking", thinking="", signature=""), grows(0, "thinking_delta", thinking="H"), grows(0, "thinking_delta", thinking="m."), grows(0, "signature_delta", signature="si"), grows(0, "signature_delta", signature="g"), closes(0), ends()], whole({"type": "thinking", "thinking": "Hm.", "signature": "sig"})),
    ("an estimated thought", [opens(0, type="thinking", thinking=""), grows(0, "thinking_delta", thinking="Hm.", estimated_tokens=3), closes(0), ends()], whole({"type": "thinking", "thinking": "Hm."})),
    ("a thought not shown", [opens(0, type="thinking", thinking="", signature=""), grows(0, "signature_delta", signature="sig"), closes(0), ends()], whole({"type": "thinking", "thinking": "", "signature": "sig"})),
    ("a thought withheld", [opens(0, type="redacted_thinking", data="enc"), closes(0), ends()], whole({"type": "redacted_thinking", "data": "enc"})),
    ("a call", [*TEXT, opens(1, type="tool_use", id="toolu_1", name="f", input={}), grows(1, "input_json_delta", partial_json=""), grows(1, "input_json_delta", partial_json='{"a":'), grows(1, "input_json_delta", partial_json='"é"}'), closes(1), ends("tool_use")], whole({"type": "text", "text": "Héllo \U0001f600"}, {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"a": "é"}}, stop="tool_use")),
    ("two calls", [opens(0, type="tool_use", id="a", name="f", input={}), grows(0, "input_json_delta", partial_json='{"x":1}'), closes(0), opens(1, type="tool_use", id="b", name="f", input={}), grows(1, "input_json_delta", partial_json='{"x":2}'), closes(1), ends("tool_use")], whole({"type": "tool_use", "id": "a", "name": "f", "input": {"x": 1}}, {"type": "tool_use", "id": "b", "name": "f", "input": {"x": 2}}, stop="tool_use")),
    ("a call without arguments", [opens(0, type="tool_use", id="a", name="f", input={}, caller={"type": "direct"}), grows(0, "input_json_delta", partial_json=""), closes(0), ends("tool_use")], whole({"type": "tool_use", "id": "a", "name": "f", "input": {}, "caller": {"type": "direct"}}, stop="tool_use")),
    ("a call whole at its start", [opens(0, type="tool_use", id="a", name="f", input={"x": 1}), closes(0), ends("tool_use")], whole({"type": "tool_use", "id": "a", "name": "f", "input": {"x": 1}}, stop="tool_use")),
    ("a search", [opens(0, type="server_tool_use", id="s", name="web_search", input={}), grows(0, "input_json_delta", partial_json='{"query":"x"}'), closes(0), opens(1, type="web_search_tool_result", tool_use_id="s", content=FOUND), closes(1), ends("pause_turn")], whole({"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "x"}}, {"type": "web_search_tool_result", "tool_use_id": "s", "content": FOUND}, stop="pause_turn")),
    ("compaction", [opens(0, type="compaction", content=None), grows(0, "compaction_delta", content="So far: x."), closes(0), ends("compaction")], whole({"type": "compaction", "content": "So far: x."}, stop="compaction")),
    ("a block of its own", [opens(0, type="fallback", **{"from": {"model": "a"}, "to": {"model": "b"}}), closes(0), ends()], whole({"type": "fallback", "from": {"model": "a"}, "to": {"model": "b"}})),
    ("a new block with arguments, texts and citations", [opens(0, type="novel", text="a", input={}, data=1), grows(0, "input_json_delta", partial_json='{"x":'), grows(0, "input_json_delta", partial_json="1}"), says(0, "b"), grows(0, "citations_delta", citation=CITATION), grows(0, "novel_delta", data=2), closes(0), ends()], whole({"type": "novel", "text": "ab", "input": {"x": 1}, "data": 2, "citations": [CITATION]})),
    ("a stop sequence", [*TEXT, ends("stop_sequence", stop_sequence="END")], whole({"type": "text", "text": "Héllo \U0001f600"}, stop="stop_sequence", stop_sequence="END")),
    ("a refusal, a container and edits", [ends("refusal", stop_details={"type": "refusal"}, container={"id": "c"}), {"type": "message_delta", "delta": {}, "context_management": {"applied_edits": []}}], whole(stop="refusal", stop_details={"type": "refusal"}, container={"id": "c"}, context_management={"applied_edits": []})),
    ("blocks that never close", [opens(0, type="text", text=""), says(0, "a"), opens(1, type="tool_use", id="a", name="f", input={}), ends()], whole({"type": "text", "text": "a"}, {"type": "tool_use", "id": "a", "name": "f", "input": {}})),
    ("an index used again", [opens(0, type="text", text=""), says(0, "a"), opens(0, type="text", text=""), says(0, "b"), ends()], whole({"type": "text", "text": "a"}, {"type": "text", "text": "b"})),
    ("no starts", [says(0, "a"), says(0, "b"), closes(0), grows(1, "thinking_delta", thinking="Hm."), ends()], whole({"type": "text", "text": "ab"}, {"type": "thinking", "thinking": "Hm."})),
    ("begun twice", [begins(), *TEXT, ends()], whole({"type": "text", "text": "Héllo \U0001f600"})),
    ("an event that is newer than its reader", [{"type": "novel_event", "x": 1}, *TEXT, ends()], whole({"type": "text", "text": "Héllo \U0001f600"})),
]  # fmt: skip


@pytest.mark.parametrize(("events", "message"), [row[1:] for row in STREAMS], ids=[row[0] for row in STREAMS])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_stream_adds_up_to_the_whole_wherever_it_is_cut(events: list[Event], message: Event, end: str) -> None:
    body = sse(begins(), *events, STOP, end=end)
    expected = decode_whole(message)
    assert fold_chunks(body) == expected
    assert fold_chunks(*[body[at : at + 1] for at in range(len(body))]) == expected
    frames = split(body)
    for cut in range(1, len(body)):
        assert split(body[:cut], body[cut:]) == frames


def test_the_events_come_in_their_order() -> None:
    decoded = decode_chunks([sse(begins(), *TEXT, ends(), STOP)])
    kinds = [item.key.field if isinstance(item, Delta) else str(item.WhichOneof("event")) for item in decoded]
    assert kinds == [
        "started", "part_started", "text", "text", "part_finished", "candidate_finished", "finished",
    ]  # fmt: skip
    started = join_deltas(decoded)[0].started
    assert (started.call.provider, started.call.model, started.usage.input_token_count) == ("anthropic", "claude-x", 10)


def test_content_of_the_start_is_told_first() -> None:
    known = {"type": "tool_use", "id": "a", "name": "f", "input": {"x": 1}, "caller": {"type": "code_execution"}}
    response = fold_events(begins(content=[known]), *TEXT, ends(), STOP)
    assert response == decode_whole(whole(known, {"type": "text", "text": "Héllo \U0001f600"}))


def test_a_provider_signs_by_its_own_name() -> None:
    events = [opens(0, type="thinking", thinking=""), grows(0, "signature_delta", signature="sig"), closes(0), ends()]
    response = fold(join_deltas(decode_chunks([sse(begins(), *events, STOP)], provider="claude-eu")))
    signature = response.candidates[0].message.parts[0].signature
    assert signature == message_pb2.Signature(provider="claude-eu", value="sig")


def test_later_totals_replace_earlier_ones_and_are_never_added() -> None:
    usage = {
        "input_tokens": 10,
        "cache_read_input_tokens": 3,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 4},
        "cache_creation_input_tokens": 4,
        "output_tokens": 1,
        "service_tier": "standard",
    }
    response = fold_events(
        begins(usage),
        *TEXT,
        ends(usage={"input_tokens": 10, "cache_read_input_tokens": 3, "output_tokens": 7}),
        ends(usage={"input_tokens": 25, "cache_read_input_tokens": None, "output_tokens": 9}),
        STOP,
    )
    told = response.usage
    assert (told.input_token_count, told.output_token_count) == (32, 9)
    assert (told.cached_input_token_count, told.long_cache_write_input_token_count) == (3, 4)
    assert json.loads(told.provider_json) == {**usage, "input_tokens": 25, "output_tokens": 9}
    assert response.call.service_tier == "standard"


@pytest.mark.parametrize(
    "events",
    [
        [],
        [begins()],
        [begins(), *TEXT],
        [begins(), *TEXT, ends()],
        [STOP],
        [PING, STOP],
        [begins(), *TEXT, begins(), STOP],
    ],
)
def test_a_stream_without_its_terminal_or_its_answer_is_no_success(events: list[Event]) -> None:
    with pytest.raises(errors.ProviderBadResponse):
        fold_events(*events)


@pytest.mark.parametrize("cut", range(4, 400, 7))
def test_a_stream_that_breaks_off_is_no_success(cut: int) -> None:
    body = sse(begins(), *TEXT, ends(), STOP)
    broken = body[: len(body) - len(sse(STOP)) - cut]
    with pytest.raises(errors.ProviderBadResponse):
        fold_chunks(broken)


@pytest.mark.parametrize(
    ("error", "leaf"),
    [
        ({"type": "overloaded_error", "message": "Overloaded"}, errors.ProviderOverloaded),
        ({"type": "rate_limit_error", "message": "Slow down"}, errors.ProviderRateLimited),
        ({"type": "api_error", "message": "Internal server error"}, errors.ProviderBadResponse),
        ({"type": "api_error", "message": "Output blocked by content filtering policy"}, errors.ContentFiltered),
        ({"type": "invalid_request_error", "message": "prompt is too long"}, errors.ContextTooLong),
        ({"type": "brand_new_error", "message": "?"}, errors.ProviderBadResponse),
        ("boom", errors.ProviderBadResponse),
    ],
)
def test_an_error_in_the_middle_is_a_leaf(error: Any, leaf: type[errors.CallError]) -> None:
    with pytest.raises(leaf):
        fold_events(begins(), *TEXT, {"type": "error", "error": error}, ends(), STOP)


@pytest.mark.parametrize("data", [b"{not json", b"[]", b'"x"', b"1"])
def test_a_frame_that_makes_no_sense_is_a_bad_response(data: bytes) -> None:
    body = sse(begins()) + b"event: content_block_delta\ndata: " + data + b"\n\n" + sse(STOP)
    with pytest.raises(errors.ProviderBadResponse):
        fold_chunks(body)


def test_keep_alives_change_nothing() -> None:
    quiet = [b": keepalive\n\n", b"event: ping\ndata: : keepalive\n\n", b'data: {"type":"ping"}\n\n']
    body = sse(begins()) + b"".join(quiet) + sse(*TEXT) + b"".join(quiet) + sse(ends(), STOP) + b"data: [DONE]\n\n"
    assert fold_chunks(body) == fold_events(begins(), *TEXT, ends(), STOP)


def test_frames_without_names_are_read_alike() -> None:
    body = sse(begins(), *TEXT, ends(), STOP)
    bare = b"\n".join(line for line in body.split(b"\n") if not line.startswith(b"event:"))
    assert fold_chunks(bare) == fold_chunks(body)


def test_deltas_that_never_are_plain_are_read_all_the_same() -> None:
    odd = [grows(0, "text_delta", text="x", mood="blue") for _ in range(20)]
    response = fold_events(begins(), opens(0, type="text", text=""), *odd, says(0, "y"), closes(0), ends(), STOP)
    assert response.candidates[0].message.parts[0].text == "x" * 20 + "y"


@pytest.mark.parametrize(
    ("block", "delta"),
    [
        ({"type": "text", "text": ""}, {"type": "input_json_delta", "partial_json": "{}"}),
        ({"type": "text", "text": ""}, {"type": "thinking_delta", "thinking": "x"}),
        ({"type": "thinking", "thinking": ""}, {"type": "text_delta", "text": "x"}),
        ({"type": "tool_use", "id": "a", "name": "f", "input": {}}, {"type": "text_delta", "text": "x"}),
        ({"type": "text", "text": ""}, {"type": "citations_delta", "citation": None}),
        ({"type": "text", "text": ""}, {"type": "text_delta", "text": None}),
    ],
)
def test_a_delta_that_does_not_fit_its_block_breaks_nothing(block: Event, delta: Event) -> None:
    response = fold_events(begins(), opens(0, **block), grows(0, delta.pop("type"), **delta), closes(0), ends(), STOP)
    part = response.candidates[0].message.parts[0]
    assert (part.text, part.reasoning.text, part.tool_call.arguments_json) in (("", "", ""), ("", "", "{}"))


NAMES = ["message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta", "error"]
KINDS = ["text", "thinking", "tool_use", "server_tool_use", "redacted_thinking", "web_search_tool_result", "text_delta", "input_json_delta", "thinking_delta", "signature_delta", "citations_delta", *NAMES]  # fmt: skip
MEMBERS = ["type", "message", "content", "content_block", "delta", "index", "usage", "error", "id", "name", "input", "text", "thinking", "signature", "citations", "citation", "partial_json", "stop_reason", "stop_details", "cache_creation", "iterations", "data", "tool_use_id"]  # fmt: skip
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(KINDS)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(MEMBERS), inner, max_size=6),
    max_leaves=20,
)


@given(st.lists(st.tuples(st.sampled_from(["", *NAMES]), JSON), max_size=5))
def test_whatever_a_provider_sends_raises_nothing_but_a_leaf(values: list[tuple[str, Any]]) -> None:
    decoder = CODEC.stream_decoder(REQUEST)
    decoded: Decoded = []
    with contextlib.suppress(errors.CallError):
        for name, value in values:
            decoded += decoder.decode(Frame(name, json.dumps(value).encode()))
        decoded += decoder.decode(Frame("message_stop", b'{"type":"message_stop"}'))
        assert fold(join_deltas(decoded + decoder.finish())).candidates
    for name, value in values:
        frame = json.dumps(value).encode()
        with contextlib.suppress(errors.CallError):
            CODEC.decode_generate(REQUEST, frame)
        with contextlib.suppress(errors.CallError):
            CODEC.decode_list_models(frame)
        with contextlib.suppress(errors.CallError):
            CODEC.decode_count_tokens(frame)
        assert isinstance(CODEC.decode_error(418, {"retry-after": name}, frame), errors.CallError)


FLAT = st.dictionaries(st.sampled_from(MEMBERS), SCALARS | st.lists(SCALARS, max_size=2), max_size=5)
EVENTS = st.builds(
    lambda kind, index, block, delta: {
        "type": kind, "index": index, "content_block": block, "delta": delta, "message": block, "usage": delta,
    },
    st.sampled_from(NAMES[:-1]),
    st.integers(0, 2),
    FLAT,
    FLAT,
)  # fmt: skip


@given(st.lists(EVENTS, max_size=12))
def test_events_in_any_order_add_up_or_are_refused(events: list[Event]) -> None:
    with contextlib.suppress(errors.CallError):
        response = fold_events(*events, STOP)
        assert len(response.candidates) == 1
        assert response.candidates[0].finish_reason != generation_pb2.FINISH_REASON_UNSPECIFIED
