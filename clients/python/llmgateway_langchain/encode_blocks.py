"""From content blocks to parts of the contract. Pure.

LangChain reads what it knows of older and of providers' own forms (`content_blocks`): what comes here is standard,
or wrapped as `non_standard`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from llmgateway.v1 import message_pb2

from llmgateway_langchain.decode_parts import KINDS, PROVIDER_PART, TEXT_ARGUMENT
from llmgateway_langchain.encode_media import MEDIA_BLOCKS, encode_media
from llmgateway_langchain.extras import Block, encode_extras, text_at

# The dialects of the contract that speak what an integration of LangChain writes, by its `model_provider`.
DIALECTS: Mapping[str, str] = {
    "anthropic": "anthropic",
    "bedrock": "anthropic",
    "bedrock_converse": "bedrock",
    "google_genai": "gemini",
    "google_vertexai": "gemini",
    "openai": "openai",
}
# The gateway's own names of their providers, unless its configuration has others: a signature goes to its maker alone.
PROVIDERS: Mapping[str, str] = {
    "anthropic": "anthropic",
    "bedrock": "bedrock",
    "bedrock_converse": "bedrock",
    "google_genai": "gemini",
    "google_vertexai": "vertex",
    "openai": "openai",
}
REASONING_KINDS = {name: kind for kind, name in KINDS.items()}
ANTHROPIC = "anthropic"


def encode_block(block: Block, made_by: str = "") -> message_pb2.Part | None:
    """Return the part of a block; None for one that says nothing.

    `made_by` is the `model_provider` of the message, where another integration wrote it. Raise `ValueError` for a
    block that the contract has no part for.
    """
    part = message_pb2.Part()
    kind = block.get("type")
    if kind == "non_standard":
        return encode_non_standard(block, made_by)
    if kind == "text":
        fill_text(part, block)
    elif kind == "reasoning":
        part.reasoning.text = text_at(block, "reasoning")
        part.reasoning.kind = REASONING_KINDS.get(text_at(extras_of(block), "kind"), message_pb2.Reasoning.KIND_TEXT)
    elif kind == "refusal":
        if not text_at(block, "refusal"):
            return None  # what the finish reason told
        part.refusal = text_at(block, "refusal")
    elif kind in ("tool_call", "invalid_tool_call", "server_tool_call"):
        fill_call(part.tool_call, block)
    elif kind == "server_tool_result":
        fill_result(part.tool_result, block)
    elif kind in MEDIA_BLOCKS:
        encode_media(part, block)
    else:
        raise unsendable(kind)
    encode_extras(part, extras_of(block), PROVIDERS.get(made_by, ""))
    mark_cache(part, block)
    return part


def fill_text(part: message_pb2.Part, block: Block) -> None:
    """Fill in a text with its citations."""
    part.text = text_at(block, "text")
    for annotation in block.get("annotations") or ():
        encode_annotation(part.annotations.add(), annotation)


def encode_annotation(annotation: message_pb2.Annotation, block: Mapping[str, Any]) -> None:
    """Fill in a citation, or a provider's own annotation."""
    if block.get("type") == "non_standard_annotation":
        value = block.get("value") or {}
        own = value.get("provider_json")
        annotation.provider_json = own if isinstance(own, str) else json.dumps(value, ensure_ascii=False)
        return
    annotation.uri = text_at(block, "url")
    annotation.title = text_at(block, "title")
    annotation.cited_text = text_at(block, "cited_text")
    if block.get("start_index") is not None:
        annotation.start_index = block["start_index"]
    if block.get("end_index") is not None:
        annotation.end_index = block["end_index"]
    annotation.provider_json = text_at(extras_of(block), "provider_json")


def fill_call(call: message_pb2.ToolCall, block: Block) -> None:
    """Fill in a call: what is no JSON goes back as the model wrote it."""
    call.id = block.get("id") or ""
    call.name = block.get("name") or ""
    arguments, extras = block.get("args"), extras_of(block)
    if block["type"] == "server_tool_call":
        call.executor = message_pb2.ToolCall.EXECUTOR_PROVIDER
    if extras.get("custom") and isinstance(arguments, Mapping):
        call.text = str(arguments.get(TEXT_ARGUMENT, ""))
    elif isinstance(extras.get("arguments_json"), str):
        call.arguments_json = extras["arguments_json"]
    elif isinstance(arguments, str):
        call.arguments_json = arguments or "{}"
    else:
        call.arguments_json = json.dumps(arguments or {}, ensure_ascii=False)


def fill_result(result: message_pb2.ToolResult, block: Block) -> None:
    """Fill in what a provider's tool returned."""
    extras, output = extras_of(block), block.get("output")
    result.tool_call_id = text_at(block, "tool_call_id")
    result.tool_name = text_at(extras, "tool_name")
    result.failed = block.get("status") == "error"
    if isinstance(extras.get("output_json"), str):
        result.output_json = extras["output_json"]
    elif isinstance(output, list) and all(isinstance(item, dict) and "type" in item for item in output):
        result.parts.extend(part for item in output if (part := encode_block(item)) is not None)
    elif isinstance(output, str):
        result.parts.add().text = output
    elif output is not None:
        result.output_json = json.dumps(output, ensure_ascii=False)


def encode_non_standard(block: Block, made_by: str) -> message_pb2.Part:
    """Return a part that was kept as it came, Anthropic's thoughts, or a block of the provider that wrote it."""
    value = block.get("value") or {}
    kind = text_at(value, "type")
    part = message_pb2.Part()
    if kind == PROVIDER_PART:
        part.provider_part.dialect = text_at(value, "dialect")
        part.provider_part.type = text_at(value, "provider_type")
        part.provider_part.json = text_at(value, "json")
        encode_extras(part, value.get("extras") or {})
        return part
    if kind == "thinking":
        part.reasoning.text = text_at(value, "thinking")
        encode_extras(part, {"signature": value.get("signature")}, ANTHROPIC)
        return part
    if kind == "redacted_thinking":
        part.reasoning.kind = message_pb2.Reasoning.KIND_REDACTED
        encode_extras(part, {"signature": value.get("data")}, ANTHROPIC)
        return part
    if kind == "image_url" and isinstance(value.get("image_url"), str):
        encode_media(part, {"type": "image", "url": value["image_url"]})
        return part
    dialect = DIALECTS.get(made_by)
    if dialect is None:
        raise unsendable(kind or "/".join(sorted(value)))
    part.provider_part.dialect = dialect
    part.provider_part.type = kind
    part.provider_part.json = json.dumps(value, ensure_ascii=False)
    return part


def mark_cache(part: message_pb2.Part, block: Block) -> None:
    """Ask the provider to cache the prompt up to here, where `cache_control` says so, as Anthropic has it."""
    control = block.get("cache_control") or extras_of(block).get("cache_control")
    if isinstance(control, Mapping):
        part.cache_breakpoint.SetInParent()
        part.cache_breakpoint.ttl = text_at(control, "ttl")


def extras_of(block: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a block's extras, none where there are none."""
    extras = block.get("extras")
    return extras if isinstance(extras, Mapping) else {}


def unsendable(kind: object) -> ValueError:
    """Say what cannot be sent."""
    return ValueError(
        f"A content block of the type {str(kind)!r} cannot be sent through the gateway. "
        "Leave it out, or send it as one of LangChain's standard content blocks."
    )
