"""Signatures survive OpenAI's shapes: whatever a provider signed comes back as it was, whole and streamed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from llmgateway.fold import unfold
from llmgateway.v1 import message_pb2
from llmgateway_http.openai.chat_request import to_generate_request
from llmgateway_http.openai.chat_stream import ChatChunks

from tests.gateway_http.openai.turns import answer, sent_back, whole

Part = message_pb2.Part
Reasoning = message_pb2.Reasoning
Json = dict[str, Any]


def signed(value: str, provider: str = "anthropic") -> message_pb2.Signature:
    return message_pb2.Signature(provider=provider, value=value)


THOUGHT = Part(reasoning=Reasoning(text="Hm.", kind=Reasoning.KIND_TEXT), signature=signed("c2ln"))
REDACTED = Part(reasoning=Reasoning(kind=Reasoning.KIND_REDACTED), signature=signed("ZGF0YQ=="))
SUMMARY = Part(reasoning=Reasoning(text="In short.", kind=Reasoning.KIND_SUMMARY), signature=signed("c3Vt"))
WITHHELD = Part(reasoning=Reasoning(kind=Reasoning.KIND_TEXT), signature=signed("ZW1wdHk="))
TEXT = Part(text="I call.")
SIGNED_TEXT = Part(text="I call.", signature=signed("dGV4dA==", "gemini"))
CALL = Part(tool_call=message_pb2.ToolCall(id="call_1", name="f", arguments_json='{"a":1}'))
SIGNED_CALL = Part(tool_call=CALL.tool_call, signature=signed("Y2FsbA==", "gemini"))

ANSWERS: list[list[Part]] = [
    [THOUGHT, TEXT],
    [THOUGHT, REDACTED, TEXT, CALL],
    [SUMMARY, WITHHELD, CALL],
    [SIGNED_TEXT, SIGNED_CALL],
    [THOUGHT, SIGNED_TEXT, CALL],
    [TEXT, CALL],
]


def streamed(parts: list[Part]) -> Json:
    """Add up the deltas as a client does: texts grow, lists of details are joined, calls are kept by their index."""
    message: Json = {"role": "assistant", "content": "", "tool_calls": []}
    for chunk in ChatChunks("m", with_usage=False).chunks(unfold(answer(parts))):
        delta = chunk["choices"][0]["delta"]
        for member in ("content", "reasoning_content"):
            message[member] = message.get(member, "") + (delta.get(member) or "")
        message.setdefault("reasoning_details", []).extend(delta.get("reasoning_details", []))
        message |= {name: delta[name] for name in ("extra_content",) if name in delta}
        for call in delta.get("tool_calls", []):
            if call["index"] == len(message["tool_calls"]):
                message["tool_calls"].append({**call, "function": {**call["function"], "arguments": ""}})
            known = message["tool_calls"][call["index"]]
            known["function"]["arguments"] += call.get("function", {}).get("arguments", "")
            known |= {name: call[name] for name in ("extra_content",) if name in call}
    for call in message["tool_calls"]:
        del call["index"]
    return message


@pytest.mark.parametrize("parts", ANSWERS)
@pytest.mark.parametrize("tell", [whole, streamed])
def test_what_was_signed_comes_back_as_it_was(parts: list[Part], tell: Any) -> None:
    back = sent_back(tell(parts))
    assert [part for part in back.parts if part.HasField("signature")] == [
        part for part in parts if part.HasField("signature")
    ]
    assert not back.provider_json
    assert [part.tool_call for part in back.parts if part.HasField("tool_call")] == [
        part.tool_call for part in parts if part.HasField("tool_call")
    ]


def test_over_three_turns_nothing_is_lost() -> None:
    messages: list[Json] = [{"role": "user", "content": "Hi"}]
    turns = [[THOUGHT, CALL], [REDACTED, SIGNED_CALL], [SUMMARY, SIGNED_TEXT]]
    for number, parts in enumerate(turns):
        messages.append(whole(parts))
        if parts[-1].HasField("tool_call"):
            messages.append({"role": "tool", "tool_call_id": "call_1", "content": str(number)})
    request, _ = to_generate_request({"model": "m", "messages": messages})
    told = [[*message.parts] for message in request.messages if message.role == message_pb2.ROLE_ASSISTANT]
    assert told == turns


def test_details_of_a_provider_of_this_dialect_stay_with_it() -> None:
    theirs = {"type": "reasoning.encrypted", "data": "x", "format": "openai-responses-v1"}
    ours = whole([THOUGHT, TEXT])["reasoning_details"]
    back = sent_back({"role": "assistant", "content": "x", "reasoning_details": [theirs, *ours]})
    assert json.loads(back.provider_json["openai"]) == {"reasoning_details": [theirs]}
    assert back.parts[0] == THOUGHT


@pytest.mark.parametrize(
    "members",
    [
        {"reasoning_details": "x"},
        {"reasoning_details": [1, None, {"provider": 5}]},
        {"reasoning_details": [{"provider": "p"}]},
        {"reasoning_details": [{"provider": "p", "type": "reasoning.text", "text": 1, "signature": []}]},
        {"extra_content": 5},
        {"extra_content": {"p": 5}},
        {"extra_content": {"p": {"thought_signature": 5}}},
    ],
)
def test_nonsense_is_no_signature_and_no_fault(members: Json) -> None:
    back = sent_back({"role": "assistant", "content": "x", **members})
    assert not any(part.signature.value for part in back.parts)
