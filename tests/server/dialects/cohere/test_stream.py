"""Streams by hand after Cohere's API reference: cut anywhere, ended or broken off, with errors in the middle."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from llmgateway.fold import fold
from llmgateway.v1 import embedding_pb2, generation_pb2
from llmgateway_server import errors
from llmgateway_server.dialects.codec import Decoded, Delta, Frame
from llmgateway_server.dialects.cohere.codec import CohereCodec
from llmgateway_server.dialects.cohere.quirks import Quirks
from llmgateway_server.upstream.join import join_deltas
from llmgateway_server.upstream.sse import SseSplitter

CODEC = CohereCodec("p", Quirks())
REQUEST = generation_pb2.GenerateRequest()
USAGE = {"billed_units": {"input_tokens": 3, "output_tokens": 4}, "tokens": {"input_tokens": 70, "output_tokens": 45}}
CITATION = {"start": 0, "end": 4, "text": "Ruby", "sources": [{"type": "document", "id": "d0", "document": {"title": "é"}}]}  # fmt: skip
START = {"id": "r1", "type": "message-start", "delta": {"message": {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}}}  # fmt: skip


def event(kind: str, message: Any, index: int | None = 0, **members: Any) -> dict[str, Any]:
    made = {"type": kind, "index": index, "delta": {"message": message}, **members}
    return {member: value for member, value in made.items() if value is not None}


def opens(kind: str, index: int = 0) -> dict[str, Any]:
    return event("content-start", {"content": {"type": kind, kind: ""}}, index)


def piece(said: str, index: int = 0, kind: str = "text", **members: Any) -> dict[str, Any]:
    return event("content-delta", {"content": {kind: said}}, index, **members)


def closes(index: int = 0, kind: str = "content-end") -> dict[str, Any]:
    return {"type": kind, "index": index}


def plan(said: str) -> dict[str, Any]:
    return event("tool-plan-delta", {"tool_plan": said}, None)


def call(name: str, arguments: Any = "", call_id: str | None = "c1", index: int = 0) -> dict[str, Any]:
    made = {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}
    return event("tool-call-start", {"tool_calls": {k: v for k, v in made.items() if v}}, index)


def argument(text: str, index: int = 0) -> dict[str, Any]:
    return event("tool-call-delta", {"tool_calls": {"function": {"arguments": text}}}, index)


def cites(index: int = 0, **members: Any) -> dict[str, Any]:
    return event("citation-start", {"citations": {**CITATION, **members}}, index)


def end(finish: str = "COMPLETE", **members: Any) -> dict[str, Any]:
    return {"type": "message-end", "delta": {"finish_reason": finish, "usage": USAGE, **members}}


def frame(one: dict[str, Any]) -> Frame:
    return Frame(one.get("type", ""), json.dumps(one).encode())


def decode_frames(frames: list[Frame]) -> generation_pb2.GenerateResponse:
    decoder = CODEC.stream_decoder(REQUEST)
    decoded: Decoded = []
    for one in frames:
        decoded += decoder.decode(one)
        if decoder.ended:
            break
    return fold(join_deltas(decoded + decoder.finish()))


def decode(*events: dict[str, Any]) -> generation_pb2.GenerateResponse:
    return decode_frames([frame(one) for one in events])


def whole(message: dict[str, Any], finish: str = "COMPLETE", **members: Any) -> dict[str, Any]:
    return {"id": "r1", "message": {"role": "assistant", **message}, "finish_reason": finish, "usage": USAGE, **members}


def made(name: str, arguments: Any, call_id: str = "c1") -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def text(said: str) -> dict[str, Any]:
    return {"type": "text", "text": said}


def thinking(said: str) -> dict[str, Any]:
    return {"type": "thinking", "thinking": said}


GOLDEN: list[tuple[str, list[dict[str, Any]], dict[str, Any]]] = [
    ("text", [START, opens("text"), piece("Hel"), piece("lo"), piece(" é😊"), closes(), end()], whole({"content": [text("Hello é😊")]})),
    ("thoughts, then text", [START, opens("thinking"), piece("Hm", kind="thinking"), piece("m.", kind="thinking"), closes(), opens("text", 1), piece("Yes", 1), piece("!", 1), closes(1), end()], whole({"content": [thinking("Hmm."), text("Yes!")]})),
    ("two texts", [START, opens("text"), piece("a"), closes(), opens("text", 1), piece("b", 1), closes(1), end()], whole({"content": [text("a"), text("b")]})),
    ("a plan and a call", [START, plan("I"), plan(" look."), call("f"), argument('{"a"'), argument(":1}"), closes(kind="tool-call-end"), end("TOOL_CALL")], whole({"tool_plan": "I look.", "tool_calls": [made("f", '{"a":1}')]}, "TOOL_CALL")),
    ("two calls", [START, call("f"), argument("{}"), closes(kind="tool-call-end"), call("g", "", "c2", 1), argument("{", 1), argument("}", 1), end("TOOL_CALL")], whole({"tool_calls": [made("f", "{}"), made("g", "{}", "c2")]}, "TOOL_CALL")),
    ("calls all numbered 0", [START, call("f"), argument("{}"), call("g", "", "c2"), argument("{}"), end("TOOL_CALL")], whole({"tool_calls": [made("f", "{}"), made("g", "{}", "c2")]}, "TOOL_CALL")),
    ("a call without arguments", [START, call("f"), closes(kind="tool-call-end"), end("TOOL_CALL")], whole({"tool_calls": [made("f", "")]}, "TOOL_CALL")),
    ("a call with null", [START, call("f"), argument("nu"), argument("ll"), end("TOOL_CALL")], whole({"tool_calls": [made("f", "null")]}, "TOOL_CALL")),
    ("a call with nearly null", [START, call("f"), argument("nu"), argument("m"), end("TOOL_CALL")], whole({"tool_calls": [made("f", "num")]}, "TOOL_CALL")),
    ("a call cut off in null", [START, call("f"), argument("nu"), end("MAX_TOKENS")], whole({"tool_calls": [made("f", "nu")]}, "MAX_TOKENS")),
    ("a call whole at its start", [START, call("f", '{"a":1}'), end("TOOL_CALL")], whole({"tool_calls": [made("f", '{"a":1}')]}, "TOOL_CALL")),
    ("a call without an id", [START, call("f", call_id=None), argument("{}"), end("TOOL_CALL")], whole({"tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]}, "TOOL_CALL")),
    ("citations between the pieces", [START, opens("text"), piece("Ruby"), cites(), closes(kind="citation-end"), piece(" is"), cites(1, start=5, end=7), closes(1, "citation-end"), closes(), end()], whole({"content": [text("Ruby is")], "citations": [CITATION, {**CITATION, "start": 5, "end": 7}]})),
    ("citations after their text", [START, opens("text"), piece("Ruby"), closes(), cites(type="TEXT_CONTENT", content_index=0), end()], whole({"content": [text("Ruby")], "citations": [{**CITATION, "type": "TEXT_CONTENT", "content_index": 0}]})),
    ("citations that do not say of what", [START, piece("Ruby", kind="thinking"), opens("text", 1), piece("Ruby", 1), cites(), end()], whole({"content": [thinking("Ruby"), text("Ruby")], "citations": [CITATION]})),
    ("citations of a plan", [START, plan("Ruby"), cites(type="PLAN"), call("f", "{}"), end("TOOL_CALL")], whole({"tool_plan": "Ruby", "citations": [{**CITATION, "type": "PLAN"}], "tool_calls": [made("f", "{}")]}, "TOOL_CALL")),
    ("log probabilities", [START, opens("text"), piece("a", logprobs={"text": "a", "token_ids": [1], "logprobs": [-1]}), piece("b", logprobs={"text": "b", "token_ids": [2], "logprobs": [-2]}), end()], whole({"content": [text("ab")]}, logprobs=[{"text": "a", "token_ids": [1], "logprobs": [-1]}, {"text": "b", "token_ids": [2], "logprobs": [-2]}])),
    ("nothing", [START, end()], whole({})),
    ("an empty text", [START, opens("text"), closes(), end("MAX_TOKENS")], whole({"content": [text("")]}, "MAX_TOKENS")),
    ("a new kind of piece", [START, event("content-start", {"content": {"type": "new", "x": 1}}), end()], whole({"content": [{"type": "new", "x": 1}]})),
    ("unknown members", [{**START, "region": "eu"}, opens("text"), piece("a"), end(mood="good")], whole({"content": [text("a")]}, region="eu", mood="good")),
    ("unknown events", [START, opens("text"), {"type": "debug", "prompt": "x"}, piece("a"), end()], whole({"content": [text("a")]})),
]  # fmt: skip


@pytest.mark.parametrize(("events", "answer"), [row[1:] for row in GOLDEN], ids=[row[0] for row in GOLDEN])
def test_a_stream_folds_to_the_whole_answer(events: list[dict[str, Any]], answer: dict[str, Any]) -> None:
    assert decode(*events) == CODEC.decode_generate(REQUEST, json.dumps(answer).encode())


@pytest.mark.parametrize("end_of_line", [b"\n", b"\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("events", [row[1] for row in GOLDEN], ids=[row[0] for row in GOLDEN])
def test_a_stream_is_the_same_wherever_it_is_cut(events: list[dict[str, Any]], end_of_line: bytes) -> None:
    lines = [f"event: {one['type']}\ndata: {json.dumps(one, ensure_ascii=False)}\n\n" for one in events]
    body = ("".join(lines) + "data: [DONE]\n\n").encode().replace(b"\n", end_of_line)
    whole_body = SseSplitter(1 << 20)
    frames = whole_body.feed(body) + whole_body.close()
    assert decode_frames(frames) == decode(*events)
    for cut in range(len(body)):
        splitter = SseSplitter(1 << 20)
        assert splitter.feed(body[:cut]) + splitter.feed(body[cut:]) + splitter.close() == frames
    one_by_one = SseSplitter(1 << 20)
    seen = [one for at in range(len(body)) for one in one_by_one.feed(body[at : at + 1])]
    assert seen + one_by_one.close() == frames


def test_events_without_names_are_known_by_their_types() -> None:
    events = GOLDEN[0][1]
    assert decode_frames([Frame("", frame(one).data) for one in events]) == decode(*events)


def test_a_plain_piece_is_one_delta_and_a_new_kind_of_event_is_progress() -> None:
    decoder = CODEC.stream_decoder(REQUEST)
    for one in (START, opens("text"), piece("a")):
        decoder.decode(frame(one))
    assert decoder.decode(frame(piece("b"))) == [Delta((0, 0, "text"), "b")]  # type: ignore[arg-type]
    assert decoder.decode(frame(piece(""))) == []
    assert decoder.decode(Frame("", b"")) == []
    (progress,) = decoder.decode(frame({"type": "debug", "prompt": "x"}))
    assert not isinstance(progress, Delta)
    assert (progress.provider_event.dialect, progress.provider_event.type) == ("cohere", "debug")


@pytest.mark.parametrize(
    "frames",
    [
        [],
        [frame(START)],
        [frame(START), frame(piece("x")), frame(closes())],
        [frame(START), frame(piece("x")), Frame("", b"[DONE]")],
    ],
)
def test_a_stream_without_its_terminal_is_no_success(frames: list[Frame]) -> None:
    with pytest.raises(errors.ProviderBadResponse):
        decode_frames(frames)


@pytest.mark.parametrize(
    ("bad", "leaf"),
    [
        (frame(end("ERROR", error="your request resulted in an invalid tool generation")), errors.ProviderBadResponse),
        (frame(end("ERROR")), errors.ProviderBadResponse),
        (frame(end("TIMEOUT")), errors.ProviderBadResponse),
        (frame(end("ERROR", error="long", error_type="TOO_MANY_TOKENS")), errors.ContextTooLong),
        (Frame("error", b'{"message":"gone"}'), errors.ProviderBadResponse),
        (Frame("", b'{"message":"too many tokens: limit"}'), errors.ContextTooLong),
        (Frame("", b"{not json"), errors.ProviderBadResponse),
        (Frame("", b"[]"), errors.ProviderBadResponse),
    ],
)
def test_an_error_in_the_middle_is_a_leaf(bad: Frame, leaf: type[errors.CallError]) -> None:
    with pytest.raises(leaf) as caught:
        decode_frames([frame(START), frame(piece("x")), bad, frame(end())])
    assert type(caught.value) is leaf


def test_an_error_at_the_end_keeps_the_providers_words() -> None:
    with pytest.raises(errors.ProviderBadResponse, match="invalid tool generation"):
        decode(START, end("ERROR", error="invalid tool generation"))


KINDS = ["message-start", "content-start", "content-delta", "content-end", "tool-plan-delta", "tool-call-start", "tool-call-delta", "tool-call-end", "citation-start", "citation-end", "message-end", "debug"]  # fmt: skip
JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "type", "index", "delta", "message", "content", "text", "thinking", "tool_plan", "tool_calls", "function", "name", "arguments", "citations", "sources", "document", "start", "end", "content_index", "finish_reason", "usage", "tokens", "billed_units", "input_tokens", "error", "logprobs", "embeddings", "float", "meta", "warnings", "models", "features", "x"]), inner, max_size=6), max_leaves=20)  # fmt: skip
MESSAGE = st.fixed_dictionaries({}, optional=dict.fromkeys(("content", "tool_plan", "tool_calls", "citations", "x"), JSON))  # fmt: skip
EVENT = st.fixed_dictionaries({"type": st.sampled_from(KINDS)}, optional={"index": JSON, "logprobs": JSON, "delta": JSON | st.fixed_dictionaries({"message": JSON | MESSAGE}, optional={"finish_reason": JSON, "usage": JSON})})  # fmt: skip


@given(st.lists(JSON | EVENT, max_size=5))
def test_whatever_a_provider_sends_raises_nothing_but_a_leaf(values: list[Any]) -> None:
    frames = [Frame("content-delta", json.dumps(value).encode()) for value in values]
    with contextlib.suppress(errors.CallError):
        decode_frames([*frames, frame(end())])
    for one in frames:
        with contextlib.suppress(errors.CallError):
            CODEC.decode_generate(REQUEST, one.data)
        with contextlib.suppress(errors.CallError):
            CODEC.decode_embed(embedding_pb2.EmbedRequest(inputs=[embedding_pb2.EmbedInput(text="x")]), one.data)
        with contextlib.suppress(errors.CallError):
            CODEC.decode_list_models(one.data)
        assert isinstance(CODEC.decode_error(418, {}, one.data), errors.CallError)


@given(MESSAGE, JSON, JSON)
def test_whatever_message_comes_whole_raises_nothing_but_a_leaf(message: Any, usage: Any, logprobs: Any) -> None:
    body = json.dumps({"message": message, "finish_reason": "COMPLETE", "usage": usage, "logprobs": logprobs}).encode()
    with contextlib.suppress(errors.CallError):
        CODEC.decode_generate(REQUEST, body)
