"""The content blocks of an answer → parts, as whole answers and streams share them."""

from __future__ import annotations

import base64
from typing import Any

from llmgateway.v1 import message_pb2

from llmgateway_server.dialects.bedrock.media import decode_bytes, decode_media
from llmgateway_server.dialects.bedrock.options import NAME
from llmgateway_server.dialects.reading import Json, compact, items, mapping, rest, text

Part = message_pb2.Part
Reasoning = message_pb2.Reasoning

TOOL_USE_MEMBERS = frozenset({"toolUseId", "name", "input"})
TOOL_RESULT_MEMBERS = frozenset({"toolUseId", "content", "status"})
REASONING_MEMBERS = frozenset({"text", "signature"})
CITATIONS_MEMBERS = frozenset({"content"})
MEDIA_MEMBERS = frozenset({"format", "source", "name"})
MEDIA_KINDS = ("image", "document", "video", "audio")
EXECUTOR_CALLER = message_pb2.ToolCall.EXECUTOR_CALLER
EXECUTOR_PROVIDER = message_pb2.ToolCall.EXECUTOR_PROVIDER


def read_block(block: Json, provider: str, place: int) -> Part | None:
    """Return the part of a whole block; None for one that says nothing. `place` is that of the part to be."""
    said = block.get("text")
    if isinstance(said, str):
        return Part(text=text(said)) if said else None
    if "toolUse" in block:
        raw = mapping(block["toolUse"])
        part = tool_use_part(raw, place)
        part.tool_call.arguments_json = arguments_text(raw.get("input")) or "{}"
        return part
    if "reasoningContent" in block:
        return read_reasoning(mapping(block["reasoningContent"]), provider)
    if "citationsContent" in block:
        raw = mapping(block["citationsContent"])
        said = "".join([text(mapping(item).get("text")) for item in items(raw.get("content"))])
        return cited_part(said, rest(raw, CITATIONS_MEMBERS))
    if "toolResult" in block:
        return read_tool_result(mapping(block["toolResult"]))
    for kind in MEDIA_KINDS:
        if kind in block:
            return media_part(kind, mapping(block[kind]))
    return provider_part(block) if block else None


def tool_use_part(raw: Json, place: int) -> Part:
    """Return a tool call's part without its input. One that the provider runs itself says so."""
    part = Part()
    call = part.tool_call
    call.id = text(raw.get("toolUseId")) or f"tooluse_{place}"
    call.name = text(raw.get("name"))
    call.arguments_json = ""
    call.executor = EXECUTOR_PROVIDER if raw.get("type") == "server_tool_use" else EXECUTOR_CALLER
    unknown = rest(raw, TOOL_USE_MEMBERS)
    if unknown:
        part.provider_json[NAME] = compact(unknown)
    return part


def arguments_text(given: Any) -> str:
    """Return arguments as JSON text."""
    if isinstance(given, str):
        return text(given)
    return "" if given is None else compact(given)


def read_reasoning(raw: Json, provider: str) -> Part | None:
    """Return a thought, with its proof or without; None where there is neither."""
    if "redactedContent" in raw:
        return redacted_part(text(raw["redactedContent"]), provider)
    inner = mapping(raw.get("reasoningText"))
    thought, proof = text(inner.get("text")), text(inner.get("signature"))
    if not thought and not proof:
        return None
    part = Part()
    part.reasoning.kind = Reasoning.KIND_TEXT
    part.reasoning.text = thought
    if proof:
        sign(part.signature, provider, proof)
    unknown = rest(inner, REASONING_MEMBERS)
    if unknown:
        part.provider_json[NAME] = compact(unknown)
    return part


def redacted_part(value: str, provider: str) -> Part:
    """Return a thought that the provider withholds."""
    part = Part()
    part.reasoning.kind = Reasoning.KIND_REDACTED
    if value:
        sign(part.signature, provider, value)
    return part


def sign(signature: message_pb2.Signature, provider: str, value: str) -> None:
    """Fill in a proof."""
    signature.provider, signature.value = provider, value


def join_base64(pieces: list[str]) -> str:
    """Return what pieces of base64 add up to; one alone stays exactly as it was written."""
    if len(pieces) == 1:
        return pieces[0]
    return base64.b64encode(b"".join([decode_bytes(piece) for piece in pieces])).decode("ascii")


def cited_part(said: str, raw: Json) -> Part | None:
    """Return a text with what it rests on. The bag holds the citations as they came: they go back with the text."""
    citations = [item for item in items(raw.get("citations")) if isinstance(item, dict)]
    if not said and not citations:
        return None
    part = Part(text=said)
    part.annotations.extend([annotation(item) for item in citations])
    if raw:
        part.provider_json[NAME] = compact(raw)
    return part


def annotation(raw: Json) -> message_pb2.Annotation:
    """Return one citation. Its places are in the source, not in the text."""
    cited = "".join([text(mapping(item).get("text")) for item in items(raw.get("sourceContent"))])
    web = mapping(mapping(raw.get("location")).get("web"))
    return message_pb2.Annotation(
        uri=text(web.get("url")) or text(raw.get("source")),
        title=text(raw.get("title")),
        cited_text=cited,
        provider_json=compact(raw),
    )


def read_tool_result(raw: Json) -> Part:
    """Return what a tool that the provider ran returned. The bag is there even if empty: it says whose it is."""
    part = Part()
    result = part.tool_result
    result.tool_call_id = text(raw.get("toolUseId"))
    result.failed = raw.get("status") == "error"
    content = [item for item in items(raw.get("content")) if isinstance(item, dict)]
    if len(content) == 1 and "json" in content[0]:
        result.output_json = compact(content[0]["json"])
    else:
        result.parts.extend([result_part(item) for item in content])
    part.provider_json[NAME] = compact(rest(raw, TOOL_RESULT_MEMBERS))
    return part


def result_part(item: Json) -> Part:
    """Return one block of a tool's result."""
    if isinstance(item.get("text"), str):
        return Part(text=text(item["text"]))
    for kind in MEDIA_KINDS:
        if kind in item:
            return media_part(kind, mapping(item[kind]))
    return provider_part(item)


def media_part(kind: str, raw: Json) -> Part:
    """Return an image, a document, a video or audio."""
    part = Part()
    decode_media(kind, raw, part.media)
    unknown = rest(raw, MEDIA_MEMBERS)
    if unknown:
        part.provider_json[NAME] = compact(unknown)
    return part


def provider_part(block: Json) -> Part:
    """Return a block that the contract does not know."""
    part = Part()
    part.provider_part.dialect = NAME
    part.provider_part.type = text(next(iter(block), ""))
    part.provider_part.json = compact(block)
    return part
