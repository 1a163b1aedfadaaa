"""Finds what is wrong with the tools of a request. Pure."""

from __future__ import annotations

import re

from llmgateway.v1 import generation_pb2, tool_pb2

from llmgateway_server.config.settings import LimitSettings
from llmgateway_server.errors import FieldViolation
from llmgateway_server.validation.checks import Violations, json_object_violations, unknown_number

TOOL_NAME = re.compile(r"[a-zA-Z0-9_.:-]{1,128}")

Generate = generation_pb2.GenerateRequest


def tools_violations(request: Generate, limits: LimitSettings) -> Violations:
    if len(request.tools) > limits.tool_count:
        yield FieldViolation("tools", f"must hold at most {limits.tool_count}, not {len(request.tools)}")
        return
    names: set[str] = set()
    for index, tool in enumerate(request.tools):
        path = f"tools[{index}]"
        kind = tool.WhichOneof("kind")
        if kind == "function":
            yield from function_violations(f"{path}.function", tool.function, limits)
            name = tool.function.name
        elif kind == "custom":
            yield from tool_name_violations(f"{path}.custom.name", tool.custom.name)
            name = tool.custom.name
        elif kind == "provider_tool":
            yield from provider_tool_violations(f"{path}.provider_tool", tool.provider_tool, limits)
            name = ""
        else:
            yield FieldViolation(path, "must hold function, custom or provider_tool")
            continue
        if name and name in names:
            yield FieldViolation(f"{path}.{kind}.name", "is the name of an earlier tool: names must differ")
        names.add(name)


def function_violations(path: str, function: tool_pb2.FunctionTool, limits: LimitSettings) -> Violations:
    yield from tool_name_violations(f"{path}.name", function.name)
    if function.input_schema_json:
        yield from json_object_violations(f"{path}.input_schema_json", function.input_schema_json, limits)


def provider_tool_violations(path: str, tool: tool_pb2.ProviderTool, limits: LimitSettings) -> Violations:
    if not tool.dialect:
        yield FieldViolation(f"{path}.dialect", "is required")
    if not tool.type:
        yield FieldViolation(f"{path}.type", "is required")
    if tool.config_json:
        yield from json_object_violations(f"{path}.config_json", tool.config_json, limits)


def tool_name_violations(path: str, name: str) -> Violations:
    if not TOOL_NAME.fullmatch(name):
        yield FieldViolation(path, "must be 1 to 128 of the characters a-z A-Z 0-9 _ . : -")


def tool_choice_violations(request: Generate, _: LimitSettings) -> Violations:
    choice = request.tool_choice
    names = {tool.function.name if tool.HasField("function") else tool.custom.name for tool in request.tools} - {""}
    if choice.mode not in tool_pb2.ToolChoice.Mode.values():
        yield unknown_number("tool_choice.mode", choice.mode)
    if choice.mode == tool_pb2.ToolChoice.MODE_REQUIRED and not request.tools:
        yield FieldViolation("tool_choice.mode", "requires a tool call, but there are no tools")
    if choice.allowed_tool_names and choice.mode == tool_pb2.ToolChoice.MODE_NONE:
        yield FieldViolation("tool_choice.allowed_tool_names", "makes no sense with MODE_NONE")
    for index, name in enumerate(choice.allowed_tool_names):
        if name not in names:
            yield FieldViolation(f"tool_choice.allowed_tool_names[{index}]", "names no tool of this request")
