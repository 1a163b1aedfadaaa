"""What others sent to Converse, said in the contract and encoded again: the same body comes out."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote

import pytest
from llmgateway.v1 import generation_pb2, message_pb2, tool_pb2

from tests.server.dialects.bedrock.asking import CODEC, Call, Message, Part, Request, Result, function, own_block
from tests.server.dialects.bedrock.test_recordings import SENT
from tests.specs import Exchange, needs_specs

pytestmark = needs_specs

OPTIONS = ("guardrailConfig", "additionalModelRequestFields", "requestMetadata", "performanceConfig")
SAMPLING = {"temperature": "temperature", "topP": "top_p", "stopSequences": "stop_sequences"}


def part_of(block: dict[str, Any]) -> Part:
    ((kind, value),) = block.items()
    if kind == "text":
        return Part(text=value)
    if kind == "toolUse":
        return Part(
            tool_call=Call(id=value["toolUseId"], name=value["name"], arguments_json=json.dumps(value["input"]))
        )
    if kind == "toolResult":
        (content,) = value["content"]
        said = {"output_json": json.dumps(content["json"])} if "json" in content else {"parts": [part_of(content)]}
        return Part(tool_result=Result(tool_call_id=value["toolUseId"], failed=value.get("status") == "error", **said))
    return own_block(block)


def messages_of(raw: dict[str, Any]) -> list[Message]:
    """Say a conversation in the contract: results of tools are messages of their own, cache points marks."""
    messages = [Message(role=message_pb2.ROLE_SYSTEM, parts=[part_of(block)]) for block in raw.get("system", ())]
    for turn in raw["messages"]:
        role = message_pb2.ROLE_ASSISTANT if turn["role"] == "assistant" else message_pb2.ROLE_USER
        for block in turn["content"]:
            if "cachePoint" in block:
                messages[-1].parts[-1].cache_breakpoint.SetInParent()
                continue
            messages.append(
                Message(role=message_pb2.ROLE_TOOL if "toolResult" in block else role, parts=[part_of(block)])
            )
    return messages


def request_of(raw: dict[str, Any]) -> Request:
    inference = raw.get("inferenceConfig", {})
    options = {member: raw[member] for member in OPTIONS if raw.get(member)}
    made = Request(messages=messages_of(raw), provider_options_json={"bedrock": json.dumps(options)} if options else {})
    for member, field in SAMPLING.items():
        if member in inference:
            made.sampling.MergeFrom(generation_pb2.Sampling(**{field: inference[member]}))
    if "maxTokens" in inference:
        made.max_output_token_count = inference["maxTokens"]
    for tool in raw.get("toolConfig", {}).get("tools", ()):
        spec = tool["toolSpec"]
        schema = json.dumps(spec["inputSchema"]["json"])
        made.tools.append(function(spec["name"], schema, description=spec.get("description", "")))
    if "toolChoice" in raw.get("toolConfig", {}):
        assert raw["toolConfig"]["toolChoice"] == {"auto": {}}
        made.tool_choice.mode = tool_pb2.ToolChoice.MODE_AUTO
    return made


def normal(raw: dict[str, Any]) -> dict[str, Any]:
    """Return a body without members that hold nothing, and with one message a turn."""
    turns: list[dict[str, Any]] = []
    for turn in raw["messages"]:
        if turns and turns[-1]["role"] == turn["role"]:
            turns[-1]["content"] = turns[-1]["content"] + turn["content"]
        else:
            turns.append(dict(turn))
    return {member: value for member, value in {**raw, "messages": turns}.items() if value not in ({}, [])}


@pytest.mark.parametrize("exchange", SENT, ids=lambda exchange: f"{exchange.name}-{exchange.status}")
def test_a_recorded_request_comes_out_again(exchange: Exchange) -> None:
    _, _, model, operation = exchange.path.split("/")
    encoded = CODEC.encode_generate(request_of(exchange.request), unquote(model), stream=operation == "converse-stream")
    assert json.loads(encoded.body) == normal(exchange.request)
    assert encoded.path == exchange.path.replace(":", "%3A")
    assert not encoded.warnings
