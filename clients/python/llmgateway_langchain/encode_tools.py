"""From LangChain's tools, and how a caller may choose among them, to the contract's. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from llmgateway.v1 import tool_pb2

from llmgateway_langchain.extras import Json, text_at

AnyTool = Mapping[str, Any] | type | Callable[..., Any] | BaseTool
ToolChoice = str | bool | Mapping[str, Any]

# Anthropic's own tools bear the date of their version.
DATED_TYPE = re.compile(r"[a-z_]+_\d{8}")
# Members of a tool's description that are this package's, beside those of OpenAI's format.
OWN_MEMBERS = ("cache_control", "provider_json")
MODES = {
    "auto": tool_pb2.ToolChoice.MODE_AUTO,
    "none": tool_pb2.ToolChoice.MODE_NONE,
    "any": tool_pb2.ToolChoice.MODE_REQUIRED,
    "required": tool_pb2.ToolChoice.MODE_REQUIRED,
}


def describe_tool(tool: AnyTool, strict: bool | None = None) -> Json:
    """Return a tool as JSON in OpenAI's format, which LangChain's tracing reads.

    Tools that a provider runs stay as they are: `{"dialect": …, "type": …, …}`, or as OpenAI and Anthropic write
    theirs. `cache_control` and `provider_json` of a dict, or of a tool's `extras`, are kept.
    """
    if isinstance(tool, Mapping) and is_provided(tool):
        return dict(tool)
    described = dict(convert_to_openai_tool(tool, strict=strict))
    aside = tool if isinstance(tool, Mapping) else tool.extras if isinstance(tool, BaseTool) else None
    described.update({name: aside[name] for name in OWN_MEMBERS if name in (aside or {})})  # type: ignore[index]
    return described


def is_provided(tool: Mapping[str, Any]) -> bool:
    """Whether a tool's description is one of a provider's own, or of a custom tool: no function to be converted."""
    kind = text_at(tool, "type")
    return "dialect" in tool or kind == "custom" or DATED_TYPE.fullmatch(kind) is not None


def encode_tool(described: Mapping[str, Any]) -> tool_pb2.Tool:
    """Return a tool from its description; raise `ValueError` for what is none."""
    tool = tool_pb2.Tool()
    kind = text_at(described, "type")
    own = {key: value for key, value in described.items() if key not in (*OWN_MEMBERS, "type", "dialect")}
    if "dialect" in described or kind not in ("function", "custom"):
        if not kind:
            raise ValueError("A tool without a type cannot be sent: describe it in OpenAI's format.")
        tool.provider_tool.dialect = text_at(described, "dialect") or dialect_of(kind)
        tool.provider_tool.type = kind
        tool.provider_tool.config_json = json.dumps(own, ensure_ascii=False) if own else ""
    elif kind == "function":
        fill_function(tool.function, described.get("function") or own)
    else:
        fill_custom(tool.custom, described.get("custom") or own)
    control = described.get("cache_control")
    if isinstance(control, Mapping):
        tool.cache_breakpoint.SetInParent()
        tool.cache_breakpoint.ttl = text_at(control, "ttl")
    for dialect, value in (described.get("provider_json") or {}).items():
        tool.provider_json[dialect] = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return tool


def dialect_of(kind: str) -> str:
    """Return whose tool it is that names no dialect."""
    return "anthropic" if DATED_TYPE.fullmatch(kind) else "openai"


def fill_function(function: tool_pb2.FunctionTool, described: Mapping[str, Any]) -> None:
    """Fill in a function."""
    function.name = text_at(described, "name")
    function.description = text_at(described, "description")
    parameters = described.get("parameters")
    if parameters:
        function.input_schema_json = json.dumps(parameters, ensure_ascii=False)
    if described.get("strict") is not None:
        function.strict = described["strict"]


def fill_custom(custom: tool_pb2.CustomTool, described: Mapping[str, Any]) -> None:
    """Fill in a tool that takes free text, or text of a grammar."""
    custom.name = text_at(described, "name")
    custom.description = text_at(described, "description")
    form = described.get("format")
    if isinstance(form, Mapping) and form.get("type") == "grammar":
        grammar = form.get("grammar") or form
        custom.grammar.syntax = text_at(grammar, "syntax")
        custom.grammar.definition = text_at(grammar, "definition")


def encode_tool_choice(
    choice: ToolChoice | None, tools: Sequence[tool_pb2.Tool], parallel: bool | None = None
) -> tool_pb2.ToolChoice | None:
    """Return the choice: `auto`, `any`, `none`, a tool's name, or a dict as OpenAI or Anthropic write it.

    None if nothing is asked for. Raise `ValueError` for a name that no tool bears.
    """
    encoded = tool_pb2.ToolChoice()
    if isinstance(choice, Mapping):
        mode, names = read_choice(choice)
    elif isinstance(choice, str) and choice not in MODES:
        mode, names = "any", [choice]
    else:
        # True asks for some call. False leaves it open, as does None.
        mode, names = choice if isinstance(choice, str) else "any" if choice else "", []
    unknown = set(names) - set(names_of(tools))
    if unknown:
        known = ", ".join(names_of(tools))
        raise ValueError(f"tool_choice names {', '.join(sorted(unknown))}, and the tools are {known or 'none'}.")
    if mode:
        encoded.mode = MODES[mode]
    encoded.allowed_tool_names.extend(names)
    if parallel is not None:
        encoded.parallel = parallel
    return encoded if encoded.ListFields() else None


def read_choice(choice: Mapping[str, Any]) -> tuple[str, list[str]]:
    """Return the mode and the names of a choice that is a dict."""
    kind = text_at(choice, "type")
    if kind in MODES:
        return kind, []
    if kind == "allowed_tools":
        allowed = choice.get("allowed_tools") or choice
        return text_at(allowed, "mode") or "auto", [name_in(tool) for tool in allowed.get("tools") or ()]
    name = name_in(choice)
    if not name:
        raise ValueError(f"tool_choice is {dict(choice)!r}: give auto, any, none, or a tool's name.")
    return "any", [name]


def name_in(described: Mapping[str, Any]) -> str:
    """Return the name in a description or a choice of a tool."""
    inner = described.get("function") or described.get("custom")
    return text_at(inner if isinstance(inner, Mapping) else described, "name")


def names_of(tools: Iterable[tool_pb2.Tool]) -> list[str]:
    """Return the names of the tools that have one."""
    return [name for tool in tools if (name := tool.function.name or tool.custom.name)]
