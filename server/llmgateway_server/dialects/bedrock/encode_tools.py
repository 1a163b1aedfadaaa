"""Tools, the choice among them, calls made before and their results (API reference, ToolConfiguration, 2026-11-25)."""

from __future__ import annotations

import hashlib
import re

import msgspec
from llmgateway.v1 import generation_pb2, message_pb2, tool_pb2

from llmgateway_server.dialects.bedrock.families import Family
from llmgateway_server.dialects.bedrock.options import NAME
from llmgateway_server.dialects.gaps import Gaps, invalid
from llmgateway_server.dialects.options import decode_object, merge_bag
from llmgateway_server.dialects.reading import Json
from llmgateway_server.errors import CapabilityMissing

Choice = tool_pb2.ToolChoice

TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
TOOL_USE_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
NO_ARGUMENTS: Json = {"type": "object", "properties": {}}
CACHE_TTLS = ("5m", "1h")


class ToolEncoder:
    """Encodes the tools of one request. `model_tools` are those that the model itself defines: they travel apart."""

    def __init__(self, request: generation_pb2.GenerateRequest, family: Family, provider: str, gaps: Gaps) -> None:
        self.model_tools: list[Json] = []
        self._request = request
        self._family = family
        self._provider = provider
        self._gaps = gaps

    def tool_config(self, *, has_history: bool) -> Json | None:
        """Return the tools and the choice among them; None where there are none.

        Converse has no way to forbid calls but to send no tools, and wants tools where the conversation holds calls.
        """
        request = self._request
        if request.tool_choice.mode == Choice.MODE_NONE:
            if not has_history:
                return None
            if request.tools:
                self._gaps.miss("tool_choice.mode", " as MODE_NONE where the conversation holds tool calls")
        tools = self._tools() if request.tools else []
        if not tools:
            if has_history:
                raise invalid("tools", "must be sent along: the conversation holds tool calls, and Bedrock wants both")
            if request.tool_choice.mode == Choice.MODE_REQUIRED:
                self._gaps.miss("tool_choice.mode", " as MODE_REQUIRED for tools that the model defines")
            return None
        config: Json = {"tools": tools}
        if request.HasField("tool_choice"):
            self._add_choice(config)
        return config

    def _add_choice(self, config: Json) -> None:
        choice = self._request.tool_choice
        if choice.mode == Choice.MODE_REQUIRED:
            names = choice.allowed_tool_names
            config["toolChoice"] = {"tool": {"name": names[0]}} if len(names) == 1 else {"any": {}}
        elif choice.mode == Choice.MODE_AUTO:
            config["toolChoice"] = {"auto": {}}
        if choice.HasField("parallel") and not choice.parallel:
            self._gaps.miss("tool_choice.parallel", " as false")

    def _tools(self) -> list[Json]:
        allowed = set(self._request.tool_choice.allowed_tool_names)
        tools: list[Json] = []
        for index, tool in enumerate(self._request.tools):
            path = f"tools[{index}]"
            kind = tool.WhichOneof("kind")
            if allowed and tool.function.name not in allowed:
                continue
            if kind == "function":
                tools.append({"toolSpec": self._function(path, tool)})
            elif kind == "custom":
                raise self._missing(
                    f"{path}.custom is a tool with free-text input, and {self._provider} has none.", path
                )
            elif not self._provider_tool(path, tool, tools):
                continue
            if tool.HasField("cache_breakpoint"):
                tools.append(cache_point(f"{path}.cache_breakpoint", tool.cache_breakpoint, self._gaps))
        return tools

    def _function(self, path: str, tool: tool_pb2.Tool) -> Json:
        function = tool.function
        check_tool_name(f"{path}.function.name", function.name)
        schema = function.input_schema_json
        spec: Json = {
            "name": function.name,
            "inputSchema": {"json": msgspec.Raw(schema.encode()) if schema else NO_ARGUMENTS},
        }
        if function.description:
            spec["description"] = function.description
        if function.HasField("strict"):
            spec["strict"] = function.strict
        merge_bag(spec, tool.provider_json, NAME)
        return spec

    def _provider_tool(self, path: str, tool: tool_pb2.Tool, tools: list[Json]) -> bool:
        """Add a tool that Bedrock or the model defines; return whether it stands among the others."""
        given = tool.provider_tool
        if given.dialect != NAME:
            spoken = f"{path} belongs to the dialect {given.dialect[:64]!r}, and {self._provider} speaks bedrock."
            raise self._missing(spoken, path)
        config = decode_object(given.config_json) if given.config_json else {}
        merge_bag(config, tool.provider_json, NAME)
        if given.type == "systemTool":
            tools.append({"systemTool": config})
            return True
        if not self._family.defines_tools:
            raise self._missing(f"{path} is a tool that this model does not define.", path)
        if tool.HasField("cache_breakpoint"):
            self._gaps.miss(f"{path}.cache_breakpoint", " at a tool that the model defines")
        self.model_tools.append({**config, "type": given.type})
        return False

    def _missing(self, what: str, path: str) -> CapabilityMissing:
        return CapabilityMissing(
            f"{what} Leave it out, or name a model that has it.",
            metadata={"model": self._provider, "capability": path},
        )


def check_tool_name(field: str, name: str) -> None:
    """Refuse a name that Bedrock does not take."""
    if not TOOL_NAME.fullmatch(name):
        raise invalid(field, "must be 1 to 64 of the characters a-z A-Z 0-9 _ -: Bedrock takes no other")


def cache_point(field: str, asked: message_pb2.CacheBreakpoint, gaps: Gaps) -> Json:
    """Return the block that asks for the prompt up to it to be cached."""
    point: Json = {"type": "default"}
    if asked.ttl in CACHE_TTLS:
        point["ttl"] = asked.ttl
    elif asked.ttl:
        gaps.miss(f"{field}.ttl", f" other than {' or '.join(CACHE_TTLS)}")
    return {"cachePoint": point}


def tool_use_id(given: str) -> str:
    """Return a call's id as Bedrock takes it: one that it would refuse becomes another, always the same."""
    if TOOL_USE_ID.fullmatch(given):
        return given
    return f"tooluse_{hashlib.sha256(given.encode()).hexdigest()[:32]}"


def encode_tool_use(path: str, part: message_pb2.Part) -> Json:
    """Encode a call that the model made before: its input is an object here, not text."""
    call = part.tool_call
    check_tool_name(f"{path}.tool_call.name", call.name)
    if call.WhichOneof("input") == "text":
        # A call of another provider's, in a conversation that goes on here.
        given: object = {"input": call.text}
    elif not call.arguments_json.strip():
        given = {}
    else:
        given = arguments(f"{path}.tool_call.arguments_json", call.arguments_json)
    use: Json = {"toolUseId": tool_use_id(call.id), "name": call.name, "input": given}
    merge_bag(use, part.provider_json, NAME)
    return use


def arguments(field: str, text: str) -> msgspec.Raw:
    """Return arguments as they stand, once they are known to be an object."""
    encoded = text.encode()
    try:
        is_object = isinstance(msgspec.json.decode(encoded), dict)
    except (msgspec.DecodeError, RecursionError):
        is_object = False
    if not is_object:
        raise invalid(field, "must be a JSON object: Bedrock takes no other input of a tool call")
    return msgspec.Raw(encoded)
