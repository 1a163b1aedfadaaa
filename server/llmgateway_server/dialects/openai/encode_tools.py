"""Tools, the choice among them, and calls made before. Pure."""

from __future__ import annotations

import hashlib
import re

import msgspec
from llmgateway.v1 import generation_pb2, message_pb2, tool_pb2

from llmgateway_server.dialects.openai.options import NAME
from llmgateway_server.dialects.openai.quirks import Quirks
from llmgateway_server.dialects.options import decode_object, merge_bag
from llmgateway_server.dialects.reading import Json
from llmgateway_server.errors import CapabilityMissing

Part = message_pb2.Part
Choice = tool_pb2.ToolChoice

NINE = re.compile(r"[a-zA-Z0-9]{9}")
BASE_62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def tool_id(given: str, quirks: Quirks) -> str:
    """Return a call's id as the provider takes it: where it wants nine characters, always the same nine for one id."""
    if not quirks.nine_character_ids or NINE.fullmatch(given):
        return given
    number = int.from_bytes(hashlib.sha256(given.encode()).digest()[:8], "big")
    return "".join(BASE_62[number // 62**place % 62] for place in range(9))


def encode_tools(request: generation_pb2.GenerateRequest, provider: str, quirks: Quirks) -> list[Json]:
    """Return the tools; only the allowed ones where the provider has no way to name some."""
    allowed = set(request.tool_choice.allowed_tool_names)
    narrows = len(allowed) > 1 and not quirks.allowed_tools
    return [
        encode_tool(f"tools[{index}]", tool, provider, quirks)
        for index, tool in enumerate(request.tools)
        if not narrows or tool.function.name in allowed or tool.custom.name in allowed
    ]


def encode_tool(path: str, tool: tool_pb2.Tool, provider: str, quirks: Quirks) -> Json:
    """Encode one tool. Raise `CapabilityMissing` for one that the provider has no place for."""
    kind = tool.WhichOneof("kind")
    if kind == "function":
        encoded: Json = {"type": "function", "function": encode_function(tool.function, quirks)}
    elif kind == "custom" and quirks.custom_tools:
        encoded = {"type": "custom", "custom": encode_custom_tool(tool.custom)}
    elif kind == "custom":
        raise missing_tool(f"{path}.custom is a tool with free-text input, and {provider} has none.", provider, path)
    elif tool.provider_tool.dialect == NAME:
        config = tool.provider_tool.config_json
        encoded = {**(decode_object(config) if config else {}), "type": tool.provider_tool.type}
    else:
        dialect = tool.provider_tool.dialect[:64]
        raise missing_tool(f"{path} belongs to the dialect {dialect!r}, and {provider} speaks openai.", provider, path)
    merge_bag(encoded, tool.provider_json, NAME)
    return encoded


def missing_tool(what: str, provider: str, path: str) -> CapabilityMissing:
    """Refuse a tool."""
    return CapabilityMissing(
        f"{what} Leave it out, or name a model that has it.", metadata={"model": provider, "capability": path}
    )


def encode_tool_choice(request: generation_pb2.GenerateRequest, quirks: Quirks) -> str | Json | None:
    """Return which tools may or must be called; None where nothing is said of it."""
    choice = request.tool_choice
    mode = {Choice.MODE_NONE: "none", Choice.MODE_REQUIRED: "required"}.get(choice.mode, "auto")
    kinds = {tool.custom.name: "custom" for tool in request.tools if tool.HasField("custom")}
    names: list[Json] = [
        {"type": kind, kind: {"name": name}}
        for name in choice.allowed_tool_names
        for kind in [kinds.get(name, "function")]
    ]
    if len(names) == 1 and mode == "required":
        return names[0]
    if names and quirks.allowed_tools:
        return {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": names}}
    return mode if names or choice.mode != Choice.MODE_UNSPECIFIED else None


def encode_tool_call(part: Part, quirks: Quirks) -> Json:
    """Encode a call that the model made before."""
    call = part.tool_call
    call_id = tool_id(call.id, quirks)
    if call.WhichOneof("input") == "text" and not quirks.custom_tools:
        # A call of another provider's, in a conversation that goes on here.
        function = {"name": call.name, "arguments": msgspec.json.encode({"input": call.text}).decode()}
        encoded: Json = {"id": call_id, "type": "function", "function": function}
    elif call.WhichOneof("input") == "text":
        encoded = {"id": call_id, "type": "custom", "custom": {"name": call.name, "input": call.text}}
    else:
        function = {"name": call.name, "arguments": call.arguments_json or "{}"}
        encoded = {"id": call_id, "type": "function", "function": function}
    merge_bag(encoded, part.provider_json, NAME)
    return encoded


def encode_function(function: tool_pb2.FunctionTool, quirks: Quirks) -> Json:
    """Encode a function that the model may call."""
    encoded: Json = {"name": function.name}
    if function.description:
        encoded["description"] = function.description
    if function.input_schema_json:
        encoded["parameters"] = msgspec.Raw(function.input_schema_json.encode())
    elif quirks.parameters_required:
        encoded["parameters"] = {"type": "object", "properties": {}}
    if function.HasField("strict"):
        encoded["strict"] = function.strict
    return encoded


def encode_custom_tool(tool: tool_pb2.CustomTool) -> Json:
    """Encode a tool with free-text input."""
    encoded: Json = {"name": tool.name}
    if tool.description:
        encoded["description"] = tool.description
    if tool.HasField("grammar"):
        grammar = {"syntax": tool.grammar.syntax, "definition": tool.grammar.definition}
        encoded["format"] = {"type": "grammar", "grammar": grammar}
    return encoded
