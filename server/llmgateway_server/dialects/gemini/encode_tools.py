"""Tools → `tools` and `toolConfig` (https://ai.google.dev/api/caching#Tool, read 2026-11-25).

Schemas go into `parametersJsonSchema`, which takes JSON Schema; `parameters` takes a small part of OpenAPI's and
refuses the rest.
"""

from __future__ import annotations

import msgspec
from llmgateway.v1 import generation_pb2, tool_pb2

from llmgateway_server.dialects.gaps import Gaps
from llmgateway_server.dialects.gemini.options import NAME
from llmgateway_server.dialects.options import decode_object, merge_bag
from llmgateway_server.dialects.reading import Json

Choice = tool_pb2.ToolChoice
MODES = {Choice.MODE_AUTO: "AUTO", Choice.MODE_NONE: "NONE", Choice.MODE_REQUIRED: "ANY"}


def encode_tools(request: generation_pb2.GenerateRequest, gaps: Gaps) -> list[Json]:
    """Return the tools: all functions in one, then Google's own."""
    functions: list[Json] = []
    own: list[Json] = []
    for index, tool in enumerate(request.tools):
        kind = tool.WhichOneof("kind")
        if kind == "function":
            encoded = encode_function(tool.function)
            functions.append(encoded)
        elif kind == "custom":
            raise gaps.refuse(f"tools[{index}].custom", "Offer a function instead.")
        else:
            encoded = encode_own(f"tools[{index}]", tool.provider_tool, gaps)
            own.append(encoded)
        if tool.provider_json:
            merge_bag(encoded, tool.provider_json, NAME)
    return [{"functionDeclarations": functions}, *own] if functions else own


def encode_function(function: tool_pb2.FunctionTool) -> Json:
    """Return a function's declaration. Its description is a required member, though an empty one is taken."""
    encoded: Json = {"name": function.name, "description": function.description}
    if function.input_schema_json:
        encoded["parametersJsonSchema"] = msgspec.Raw(function.input_schema_json.encode())
    return encoded


def encode_own(path: str, tool: tool_pb2.ProviderTool, gaps: Gaps) -> Json:
    """Return a tool that Google runs, `googleSearch` for example, under its type."""
    if tool.dialect != NAME:
        raise gaps.refuse(path, f"It belongs to the dialect {tool.dialect[:64]!r}: leave it out.")
    return {tool.type: decode_object(tool.config_json) if tool.config_json else {}}


def encode_tool_config(request: generation_pb2.GenerateRequest, gaps: Gaps) -> Json:
    """Return how freely functions may be called, empty where the request does not say.

    VALIDATED is AUTO with arguments that satisfy their schemas, as ANY's do; of the two only it takes names.
    """
    choice = request.tool_choice
    if choice.HasField("parallel") and not choice.parallel:
        gaps.miss("tool_choice.parallel")
    mode = MODES.get(choice.mode, "")
    names = list(choice.allowed_tool_names)
    is_strict = any(tool.function.strict for tool in request.tools if tool.HasField("function"))
    if (names or is_strict) and mode in ("", "AUTO"):
        mode = "VALIDATED"
    if not mode:
        return {}
    config: Json = {"mode": mode}
    if names:
        config["allowedFunctionNames"] = names
    return {"functionCallingConfig": config}
