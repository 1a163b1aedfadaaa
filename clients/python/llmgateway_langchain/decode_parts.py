"""From parts of the contract to LangChain's standard content blocks. Pure."""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Mapping

from llmgateway.v1 import message_pb2

from llmgateway_langchain.extras import Block, Json, decode_extras

# Where LangChain keeps the input of a tool that takes free text.
TEXT_ARGUMENT = "__arg1"
PROVIDER_PART = "llmgateway_provider_part"
UNKNOWN_PART = "llmgateway_unknown_part"

KINDS: Mapping[message_pb2.Reasoning.Kind.ValueType, str] = {
    message_pb2.Reasoning.KIND_SUMMARY: "summary",
    message_pb2.Reasoning.KIND_REDACTED: "redacted",
}
MEDIA_TYPES = ("image", "audio", "video")


def decode_part(part: message_pb2.Part) -> Block:
    """Return the block of a part.

    A tool call is a `tool_call`, or an `invalid_tool_call` where its arguments are no JSON object; one that the
    provider runs is a `server_tool_call`. A provider's own part, and one newer than this client, is `non_standard`.
    """
    kind = part.WhichOneof("content")
    if kind == "text":
        return with_extras(text_block(part), decode_extras(part))
    if kind == "reasoning":
        block: Block = {"type": "reasoning", "reasoning": part.reasoning.text}
        reasoning_kind = KINDS.get(part.reasoning.kind)
        return with_extras(block, {**({"kind": reasoning_kind} if reasoning_kind else {}), **decode_extras(part)})
    if kind == "refusal":
        return with_extras({"type": "refusal", "refusal": part.refusal}, decode_extras(part))
    if kind == "tool_call":
        return with_extras(call_block(part.tool_call), call_extras(part))
    if kind == "media":
        return with_extras(media_block(part.media), {**media_extras(part.media), **decode_extras(part)})
    if kind == "tool_result":
        return result_block(part)
    if kind == "provider_part":
        return provider_block(part)
    return {"type": "non_standard", "value": with_extras({"type": UNKNOWN_PART}, decode_extras(part))}


def with_extras(block: Block, extras: Json) -> Block:
    """Return a block with extras, if there are any."""
    if extras:
        block["extras"] = extras
    return block


def text_block(part: message_pb2.Part) -> Block:
    """Return the text with its citations."""
    block: Block = {"type": "text", "text": part.text}
    if part.annotations:
        block["annotations"] = [decode_annotation(annotation) for annotation in part.annotations]
    return block


def decode_annotation(annotation: message_pb2.Annotation) -> Json:
    """Return a citation; where nothing of it is standard, the provider's own annotation."""
    citation: Json = {"type": "citation"}
    if annotation.uri:
        citation["url"] = annotation.uri
    if annotation.title:
        citation["title"] = annotation.title
    if annotation.cited_text:
        citation["cited_text"] = annotation.cited_text
    if annotation.HasField("start_index"):
        citation["start_index"] = annotation.start_index
    if annotation.HasField("end_index"):
        citation["end_index"] = annotation.end_index
    if len(citation) == 1 and annotation.provider_json:
        return {"type": "non_standard_annotation", "value": {"provider_json": annotation.provider_json}}
    if annotation.provider_json:
        citation["extras"] = {"provider_json": annotation.provider_json}
    return citation


def call_block(call: message_pb2.ToolCall) -> Block:
    """Return a call with its arguments read."""
    arguments, error = read_arguments(call)
    if call.executor == message_pb2.ToolCall.EXECUTOR_PROVIDER:
        return {"type": "server_tool_call", "id": call.id, "name": call.name, "args": arguments or {}}
    if arguments is None:
        return {
            "type": "invalid_tool_call",
            "id": call.id,
            "name": call.name,
            "args": call.arguments_json,
            "error": error,
        }
    return {"type": "tool_call", "id": call.id, "name": call.name, "args": arguments}


def read_arguments(call: message_pb2.ToolCall) -> tuple[Json | None, str]:
    """Return a call's arguments; None and what is wrong where the model wrote no JSON object."""
    if call.HasField("text"):
        return {TEXT_ARGUMENT: call.text}, ""
    if not call.arguments_json:
        return {}, ""
    try:
        arguments = json.loads(call.arguments_json)
    except ValueError as error:
        return None, f"The arguments are no JSON: {error}."
    if not isinstance(arguments, dict):
        return None, "The arguments are no JSON object."
    return arguments, ""


def call_extras(part: message_pb2.Part) -> Json:
    """Return what a call holds besides id, name and arguments."""
    extras = decode_extras(part)
    call = part.tool_call
    if call.HasField("text"):
        extras["custom"] = True
    if call.executor == message_pb2.ToolCall.EXECUTOR_PROVIDER and read_arguments(call)[0] is None:
        # A server tool call has no invalid twin: what the model wrote must not be lost.
        extras["arguments_json"] = call.arguments_json
    return extras


def media_block(media: message_pb2.Media) -> Block:
    """Return an image, audio, video or a file, wherever its bytes are."""
    family = media.mime_type.partition("/")[0]
    block: Block = {"type": family if family in MEDIA_TYPES else "file"}
    if media.mime_type:
        block["mime_type"] = media.mime_type
    source = media.WhichOneof("source")
    if source == "data":
        block["base64"] = base64.b64encode(media.data).decode()
    elif source == "uri":
        block["url"] = media.uri
    elif source == "file_id":
        block["file_id"] = media.file_id
    return block


def media_extras(media: message_pb2.Media) -> Json:
    """Return what blocks of media have no key for."""
    extras: Json = {}
    for name in ("file_name", "detail", "transcript"):
        value = getattr(media, name)
        if value:
            extras[name] = value
    if media.HasField("expire_time"):
        # A time that is none says nothing to a reader; it goes back all the same (`keeping`).
        with contextlib.suppress(ValueError):
            extras["expire_time"] = media.expire_time.ToJsonString()
    return extras


def result_block(part: message_pb2.Part) -> Block:
    """Return what a provider's tool returned: blocks, or the JSON value."""
    result = part.tool_result
    extras = decode_extras(part)
    if result.tool_name:
        extras["tool_name"] = result.tool_name
    block: Block = {
        "type": "server_tool_result",
        "tool_call_id": result.tool_call_id,
        "status": "error" if result.failed else "success",
    }
    if result.output_json:
        extras["output_json"] = result.output_json
        block["output"] = json_or_text(result.output_json)
    else:
        block["output"] = [decode_part(inner) for inner in result.parts]
    return with_extras(block, extras)


def json_or_text(text: str) -> object:
    """Return the value of JSON text, or the text itself where it is none."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def provider_block(part: message_pb2.Part) -> Block:
    """Return a provider's own part, its JSON as it came."""
    own = part.provider_part
    value: Json = {"type": PROVIDER_PART, "dialect": own.dialect, "provider_type": own.type, "json": own.json}
    return {"type": "non_standard", "value": with_extras(value, decode_extras(part))}
