"""Finds what is wrong with the tools of a request. Pure."""

from __future__ import annotations

import re

from llmgateway.v1 import generation_pb2, tool_pb2

from llmgateway_server.config.settings import LimitSettings
from llmgateway_server.errors import FieldViolation
from llmgateway_server.validation.checks import Violations, check_json_object, unknown_number

TOOL_NAME = re.compile(r"[a-zA-Z0-9_.:-]{1,128}")

Generate = generation_pb2.GenerateRequest


def check_tools(request: Generate, limits: LimitSettings, wrong: Violations) -> None:
    if len(request.tools) > limits.tool_count:
        wrong.append(FieldViolation("tools", f"must hold at most {limits.tool_count}, not {len(request.tools)}"))
        return
    names: set[str] = set()
    for index, tool in enumerate(request.tools):
        path = f"tools[{index}]"
        kind = tool.WhichOneof("kind")
        if kind == "function":
            check_function(f"{path}.function", tool.function, limits, wrong)
            name = tool.function.name
        elif kind == "custom":
            check_tool_name(f"{path}.custom.name", tool.custom.name, wrong)
            name = tool.custom.name
        elif kind == "provider_tool":
            check_provider_tool(f"{path}.provider_tool", tool.provider_tool, limits, wrong)
            name = ""
        else:
            wrong.append(FieldViolation(path, "must hold function, custom or provider_tool"))
            continue
        if name and name in names:
            wrong.append(FieldViolation(f"{path}.{kind}.name", "is the name of an earlier tool: names must differ"))
        names.add(name)


def check_function(path: str, function: tool_pb2.FunctionTool, limits: LimitSettings, wrong: Violations) -> None:
    check_tool_name(f"{path}.name", function.name, wrong)
    if function.input_schema_json:
        check_json_object(f"{path}.input_schema_json", function.input_schema_json, limits, wrong)


def check_provider_tool(path: str, tool: tool_pb2.ProviderTool, limits: LimitSettings, wrong: Violations) -> None:
    if not tool.dialect:
        wrong.append(FieldViolation(f"{path}.dialect", "is required"))
    if not tool.type:
        wrong.append(FieldViolation(f"{path}.type", "is required"))
    if tool.config_json:
        check_json_object(f"{path}.config_json", tool.config_json, limits, wrong)


def check_tool_name(path: str, name: str, wrong: Violations) -> None:
    if not TOOL_NAME.fullmatch(name):
        wrong.append(FieldViolation(path, "must be 1 to 128 of the characters a-z A-Z 0-9 _ . : -"))


def check_tool_choice(request: Generate, _: LimitSettings, wrong: Violations) -> None:
    choice = request.tool_choice
    names = {tool.function.name if tool.HasField("function") else tool.custom.name for tool in request.tools} - {""}
    if choice.mode not in tool_pb2.ToolChoice.Mode.values():
        wrong.append(unknown_number("tool_choice.mode", choice.mode))
    if choice.mode == tool_pb2.ToolChoice.MODE_REQUIRED and not request.tools:
        wrong.append(FieldViolation("tool_choice.mode", "requires a tool call, but there are no tools"))
    if choice.allowed_tool_names and choice.mode == tool_pb2.ToolChoice.MODE_NONE:
        wrong.append(FieldViolation("tool_choice.allowed_tool_names", "makes no sense with MODE_NONE"))
    for index, name in enumerate(choice.allowed_tool_names):
        if name not in names:
            wrong.append(FieldViolation(f"tool_choice.allowed_tool_names[{index}]", "names no tool of this request"))
