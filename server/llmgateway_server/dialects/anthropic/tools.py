"""Tools and the choice between them ("Define tools" in Anthropic's documentation, read 2026-11-25)."""

from __future__ import annotations

import re

from llmgateway.v1 import generation_pb2, tool_pb2

from llmgateway_server.dialects.anthropic.options import NAME, TOOL_BETAS
from llmgateway_server.dialects.anthropic.target import Target
from llmgateway_server.dialects.gaps import invalid
from llmgateway_server.dialects.options import decode_object, merge_bag
from llmgateway_server.dialects.reading import Json
from llmgateway_server.dialects.schemas import object_schema

Choice = tool_pb2.ToolChoice
TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
DATED_TYPE = re.compile(r"(.+)_\d{8}")
# Tools of Anthropic's whose name is not that of their type.
NAMES_BY_TYPE = {
    "text_editor_20241022": "str_replace_editor",
    "text_editor_20250124": "str_replace_editor",
    "text_editor_20250429": "str_replace_based_edit_tool",
    "text_editor_20250728": "str_replace_based_edit_tool",
}
MODES = {Choice.MODE_NONE: "none", Choice.MODE_REQUIRED: "any"}


def add_tools(body: Json, request: generation_pb2.GenerateRequest, target: Target, *, is_thinking: bool) -> None:
    """Add the tools, those alone that may be called, and the choice between them."""
    allowed = frozenset(request.tool_choice.allowed_tool_names)
    tools = []
    for index, tool in enumerate(request.tools):
        encoded = encode_tool(f"tools[{index}]", tool, target, allowed)
        if encoded is not None:
            tools.append(encoded)
    if not tools:
        return  # nothing to choose from: validation has refused a choice that needs tools
    body["tools"] = tools
    if request.HasField("tool_choice"):
        choice = encode_choice(request.tool_choice, target, is_thinking=is_thinking)
        if choice:
            body["tool_choice"] = choice


def encode_tool(path: str, tool: tool_pb2.Tool, target: Target, allowed: frozenset[str]) -> Json | None:
    """Encode a tool; None for one that may not be called, or that was dropped."""
    kind = tool.WhichOneof("kind")
    if kind == "function":
        encoded = encode_function(f"{path}.function", tool.function, allowed)
    elif kind == "custom":
        target.miss(f"{path}.custom", ": its tools take JSON alone")
        return None
    else:
        encoded = encode_provider_tool(path, tool.provider_tool, target, allowed)
    if encoded is None:
        return None
    if tool.HasField("cache_breakpoint"):
        target.add_breakpoint(encoded, tool.cache_breakpoint, path)
    merge_bag(encoded, tool.provider_json, NAME)
    return encoded


def encode_function(path: str, function: tool_pb2.FunctionTool, allowed: frozenset[str]) -> Json | None:
    """Encode a function that the caller runs."""
    if allowed and function.name not in allowed:
        return None
    if not TOOL_NAME.fullmatch(function.name):
        raise invalid(f"{path}.name", "must be 1 to 128 of the characters a-z A-Z 0-9 _ - in the anthropic dialect")
    encoded: Json = {"name": function.name}
    if function.description:
        encoded["description"] = function.description
    encoded["input_schema"] = object_schema(f"{path}.input_schema_json", function.input_schema_json)
    if function.HasField("strict"):
        encoded["strict"] = function.strict
    return encoded


def encode_provider_tool(
    path: str, tool: tool_pb2.ProviderTool, target: Target, allowed: frozenset[str]
) -> Json | None:
    """Encode a tool that Anthropic defines; its name follows from its type."""
    if tool.dialect != NAME:
        raise target.missing(
            f"{path} belongs to the dialect {tool.dialect[:64]!r}, and {target.provider} speaks anthropic. "
            "Leave it out, or name a model that has it.",
            path,
        )
    encoded: Json = {**(decode_object(tool.config_json) if tool.config_json else {}), "type": tool.type}
    name = default_name(tool.type)
    if name:
        encoded.setdefault("name", name)
    if allowed and encoded.get("name") not in allowed:
        return None
    if tool.type in TOOL_BETAS:
        target.use(TOOL_BETAS[tool.type])
    return encoded


def default_name(tool_type: str) -> str:
    """Return the name that Anthropic gives a tool of its own, empty where it has none."""
    dated = DATED_TYPE.fullmatch(tool_type)
    return NAMES_BY_TYPE.get(tool_type) or (dated.group(1) if dated else "")


def encode_choice(choice: tool_pb2.ToolChoice, target: Target, *, is_thinking: bool) -> Json:
    """Encode how freely the model may call tools; empty where nothing is said. The tools are filtered already."""
    kind = MODES.get(choice.mode, "auto")
    if kind == "none":
        return {"type": "none"}
    if kind == "any" and is_thinking:
        target.miss("tool_choice.mode", ": a model that thinks cannot be made to call a tool")
        kind = "auto"
    encoded: Json = {"type": kind}
    if kind == "any" and len(choice.allowed_tool_names) == 1:
        encoded = {"type": "tool", "name": choice.allowed_tool_names[0]}
    if choice.HasField("parallel"):
        encoded["disable_parallel_tool_use"] = not choice.parallel
    elif choice.mode == Choice.MODE_UNSPECIFIED:
        return {}
    return encoded
