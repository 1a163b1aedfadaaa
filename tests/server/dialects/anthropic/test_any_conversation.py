"""Whatever conversation validation lets through is refused by a leaf, or sent inside Anthropic's schema."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from llmgateway.v1 import generation_pb2, message_pb2
from llmgateway_server import errors
from llmgateway_server.config.settings import LimitSettings
from llmgateway_server.dialects.anthropic.codec import AnthropicCodec
from llmgateway_server.dialects.anthropic.quirks import Quirks
from llmgateway_server.validation.requests import validate_generate

from tests.specs import FOLDER, closed_validator

Part = message_pb2.Part
LIMITS = LimitSettings()
CHECK = closed_validator("anthropic-beta", "POST /v1/messages?beta=true", "request") if FOLDER.exists() else None
IDS = st.sampled_from(["a", "b", "x:1"])
TEXTS = st.sampled_from(["", " ", "Hi", "é\U0001f600"])
ARGUMENTS = st.sampled_from(["", "{}", '{"x": 1}', "[1]", "{", '{"x": "\\ud800"}'])
MARKS = st.none() | st.builds(message_pb2.CacheBreakpoint, ttl=st.sampled_from(["", "5m", "1h"]))
SIGNATURES = st.none() | st.builds(
    message_pb2.Signature, provider=st.sampled_from(["anthropic", "other"]), value=st.sampled_from(["", "sig"])
)


def parts(**contents: st.SearchStrategy[Any]) -> st.SearchStrategy[Part]:
    kinds = [st.builds(Part, cache_breakpoint=MARKS, **{kind: content}) for kind, content in contents.items()]
    return st.one_of(kinds)


MEDIA = st.builds(
    message_pb2.Media,
    mime_type=st.sampled_from(["image/png", "application/pdf", "text/plain", "audio/wav"]),
    data=st.sampled_from([b"x", b"\xff"]),
    file_name=st.sampled_from(["", "a.pdf"]),
)
RESULTS = st.builds(
    message_pb2.ToolResult,
    tool_call_id=IDS,
    parts=st.lists(parts(text=TEXTS, media=MEDIA), max_size=2),
    failed=st.booleans(),
)
CALLS = st.builds(message_pb2.ToolCall, id=IDS, name=st.just("f"), arguments_json=ARGUMENTS)
THOUGHTS = st.builds(message_pb2.Reasoning, text=TEXTS, kind=st.sampled_from([0, 1, 2, 3]))
BY_ROLE = {
    message_pb2.ROLE_SYSTEM: parts(text=TEXTS),
    message_pb2.ROLE_USER: parts(text=TEXTS, media=MEDIA),
    message_pb2.ROLE_TOOL: parts(tool_result=RESULTS),
    message_pb2.ROLE_ASSISTANT: parts(text=TEXTS, tool_call=CALLS, refusal=TEXTS)
    | st.builds(Part, reasoning=THOUGHTS, signature=SIGNATURES),
}
MESSAGES = st.one_of(
    [
        st.builds(message_pb2.ChatMessage, role=st.just(role), parts=st.lists(inner, min_size=1, max_size=3))
        for role, inner in BY_ROLE.items()
    ]
)


@st.composite
def rounds(draw: st.DrawFn) -> list[message_pb2.ChatMessage]:
    """Return a turn with calls and the results behind it, seldom one too few, with words of the user's between."""
    ids = draw(st.lists(st.sampled_from(["a", "b", "c", "x:1", "x.1"]), min_size=1, max_size=3, unique=True))
    calling = message_pb2.ChatMessage(role=message_pb2.ROLE_ASSISTANT)
    calling.parts.extend([Part(tool_call=draw(CALLS)) for _ in ids])
    for part, call_id in zip(calling.parts, ids, strict=True):
        part.tool_call.id = call_id
    answered = draw(st.permutations(ids))[: draw(st.sampled_from([None, None, None, -1]))]
    results = [message_pb2.ChatMessage(role=message_pb2.ROLE_TOOL) for _ in answered]
    for message, call_id in zip(results, answered, strict=True):
        message.parts.add().tool_result.MergeFrom(draw(RESULTS))
        message.parts[0].tool_result.tool_call_id = call_id
    return [calling, *results, *draw(st.lists(MESSAGES, max_size=1))]


CONVERSATIONS = st.lists(rounds() | st.lists(MESSAGES, min_size=1, max_size=2), min_size=1, max_size=3).map(
    lambda stretches: [message for stretch in stretches for message in stretch]
)


@pytest.mark.parametrize("later_system", [False, True])
@given(messages=CONVERSATIONS, may_drop=st.booleans())
def test_any_conversation_is_refused_by_name_or_sent_as_it_must_be(
    messages: list[message_pb2.ChatMessage], may_drop: bool, later_system: bool
) -> None:
    request = generation_pb2.GenerateRequest(model="m", messages=messages)
    if may_drop:
        request.unsupported_policy = generation_pb2.UNSUPPORTED_POLICY_DROP
    assume(not validate_generate(request, LIMITS))
    codec = AnthropicCodec("anthropic", Quirks(later_system=later_system))
    try:
        body = json.loads(codec.encode_generate(request, "m", stream=True).body)
    except errors.CallError as error:
        refused = [violation.field for violation in error.violations] or [error.metadata["capability"]]
    else:
        refused = []
        check_sent(body)
    assert all(field.startswith("messages") for field in refused)


def check_sent(body: dict[str, Any]) -> None:
    """Check a body against the rules for turns and the schema."""
    check_turns(body["messages"])
    assert CHECK is None or CHECK(body) == []


def check_turns(messages: list[dict[str, Any]]) -> None:
    """Compare with the rules for turns: they alternate, and results answer the calls of the turn before, first."""
    before: list[str] = []
    for place, message in enumerate(messages):
        role, content = message["role"], message["content"]
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        assert blocks
        assert place == 0 or role != messages[place - 1]["role"]
        results = [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"]
        assert [block["type"] for block in blocks[: len(results)]] == ["tool_result"] * len(results)
        assert sorted(results) == sorted(before)
        before = [block["id"] for block in blocks if block["type"] == "tool_use"]
    assert not before
