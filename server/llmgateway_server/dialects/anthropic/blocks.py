"""Parts of a message → content blocks."""

from __future__ import annotations

from typing import Any

import msgspec
from llmgateway.v1 import message_pb2

from llmgateway_server.dialects.anthropic.media import encode_media
from llmgateway_server.dialects.anthropic.options import NAME
from llmgateway_server.dialects.anthropic.target import Target, call_id
from llmgateway_server.dialects.gaps import invalid, own_block
from llmgateway_server.dialects.options import merge_bag
from llmgateway_server.dialects.reading import Json

Part = message_pb2.Part
Reasoning = message_pb2.Reasoning
PROVIDER = message_pb2.ToolCall.EXECUTOR_PROVIDER

# Citations that may be sent back, as they came but for `file_id`, which only answers have.
CITATION_TYPES = frozenset(
    {
        "char_location",
        "page_location",
        "content_block_location",
        "web_search_result_location",
        "search_result_location",
    }
)
ARGUMENTS = msgspec.json.Decoder(dict[str, msgspec.Raw])
EMPTY_TEXT = "Anthropic takes no empty text: it was left out."


def encode_text(path: str, part: Part, said: str, target: Target) -> Json | None:
    """Encode a text; None for one without a visible character, which Anthropic refuses."""
    if not said or said.isspace():
        target.warn(path, EMPTY_TEXT)
        return None
    block: Json = {"type": "text", "text": said}
    if part.annotations:
        citations = encode_citations(part.annotations)
        if citations:
            block["citations"] = citations
    return finish(path, part, block, target)


def encode_citations(annotations: Any) -> list[Json]:
    """Encode what Anthropic itself wrote of a text's sources; another provider's annotations have no place."""
    citations = []
    for annotation in annotations:
        if not annotation.provider_json:
            continue
        try:
            citation = msgspec.json.decode(annotation.provider_json)
        except (msgspec.DecodeError, RecursionError):
            continue
        if isinstance(citation, dict) and citation.get("type") in CITATION_TYPES:
            citation.pop("file_id", None)
            citations.append(citation)
    return citations


def encode_shown(path: str, part: Part, target: Target) -> Json | None:
    """Encode a part of a user's message or of a result: text, media or a provider's own."""
    kind = part.WhichOneof("content")
    if kind == "text":
        return encode_text(path, part, part.text, target)
    if kind == "media":
        return finish(path, part, encode_media(f"{path}.media", part.media, target), target)
    if kind == "provider_part":
        return encode_provider_part(path, part, target)
    raise invalid(f"{path}.{kind}", "has no place in this message of the anthropic dialect")


def encode_assistant_part(path: str, part: Part, target: Target) -> Json | None:
    """Encode what the model wrote before; None for what cannot be sent back, with a warning."""
    kind = part.WhichOneof("content")
    if kind == "text":
        return encode_text(path, part, part.text, target)
    if kind == "reasoning":
        return encode_reasoning(path, part, target)
    if kind == "tool_call":
        return encode_tool_call(path, part, target)
    if kind == "tool_result":
        return encode_provider_result(path, part, target)
    if kind == "refusal":
        return encode_text(path, part, part.refusal, target)
    if kind == "provider_part":
        return None if target.leaves_out(path, part, NAME) else encode_provider_part(path, part, target)
    if kind is None:
        target.warn(path, "The part is empty: it was left out.")
        return None
    target.miss(f"{path}.{kind}", " from the assistant")
    return None


def encode_reasoning(path: str, part: Part, target: Target) -> Json | None:
    """Encode a thought with its signature, without which Anthropic takes none back; another provider's is no use."""
    signature = part.signature
    if signature.provider != target.provider or not signature.value:
        target.warn(path, f"The thought is not signed by {target.provider}: it was left out.")
        return None
    if part.HasField("cache_breakpoint"):
        target.miss(f"{path}.cache_breakpoint", ": a thought cannot be marked")
    if part.reasoning.kind == Reasoning.KIND_REDACTED:
        block: Json = {"type": "redacted_thinking", "data": signature.value}
    else:
        block = {"type": "thinking", "thinking": part.reasoning.text, "signature": signature.value}
    merge_bag(block, part.provider_json, NAME)
    return block


def encode_tool_call(path: str, part: Part, target: Target) -> Json | None:
    """Encode a call. One that the provider made itself carries its block's type in its bag."""
    call = part.tool_call
    block: Json = {}
    if call.executor == PROVIDER:
        merge_bag(block, part.provider_json, NAME)
        if "type" not in block:
            target.warn(path, f"The call was made by another provider than {target.provider}: it was left out.")
            return None
        block["id"] = call.id
    else:
        block = {"type": "tool_use", "id": call_id(call.id, f"{path}.tool_call.id")}
    block["name"] = call.name
    block["input"] = encode_input(f"{path}.tool_call", call, target)
    return finish(path, part, block, target)


def encode_input(path: str, call: message_pb2.ToolCall, target: Target) -> Json | msgspec.Raw:
    """Return a call's arguments as an object, in the model's own words.

    What the model wrote may be no JSON; Anthropic's documentation ("Fine-grained tool streaming", read 2026-11-25)
    then advises to wrap it like this.
    """
    if call.WhichOneof("input") == "text":
        return {"input": call.text}
    if not call.arguments_json:
        return {}
    try:
        ARGUMENTS.decode(call.arguments_json)
    except (msgspec.DecodeError, RecursionError):
        pass
    else:
        return msgspec.Raw(call.arguments_json.encode())
    target.warn(f"{path}.arguments_json", "It is no JSON object: it was sent as the text of one.")
    return {"INVALID_JSON": call.arguments_json}


def encode_provider_result(path: str, part: Part, target: Target) -> Json | None:
    """Encode the result of a call that the provider made itself; its block's type lies in its bag."""
    result = part.tool_result
    block: Json = {}
    merge_bag(block, part.provider_json, NAME)
    if "type" not in block:
        target.warn(path, f"The result is of another provider than {target.provider}: it was left out.")
        return None
    block["tool_use_id"] = result.tool_call_id
    if result.output_json:
        block["content"] = msgspec.Raw(result.output_json.encode())
    elif result.parts:
        block["content"] = encode_inner(f"{path}.tool_result", result, target)
    if result.failed and block["type"] == "mcp_tool_result":
        block["is_error"] = True
    return finish(path, part, block, target)


def encode_tool_result(path: str, part: Part, target: Target) -> Json:
    """Encode what a call of the caller's returned."""
    result = part.tool_result
    block: Json = {
        "type": "tool_result",
        "tool_use_id": call_id(result.tool_call_id, f"{path}.tool_result.tool_call_id"),
    }
    if result.output_json:
        block["content"] = result.output_json
    elif result.parts:
        content = encode_inner(f"{path}.tool_result", result, target)
        if content:
            block["content"] = content
    if result.failed:
        block["is_error"] = True
    return finish(path, part, block, target)


def encode_inner(path: str, result: message_pb2.ToolResult, target: Target) -> str | list[Json]:
    """Encode what a result says; one plain text is sent as such."""
    blocks = [encode_shown(f"{path}.parts[{index}]", part, target) for index, part in enumerate(result.parts)]
    return plain_or_blocks([block for block in blocks if block is not None])


def plain_or_blocks(blocks: list[Json]) -> str | list[Json]:
    """Return one text without anything else to it as a text: half the bytes, and the same to Anthropic."""
    if len(blocks) == 1 and len(blocks[0]) == 2 and "text" in blocks[0]:
        text: str = blocks[0]["text"]
        return text
    return blocks


def encode_provider_part(path: str, part: Part, target: Target) -> Json:
    """Return a block that only Anthropic knows, as it came."""
    return finish(path, part, own_block(path, part.provider_part, NAME), target)


def finish(path: str, part: Part, block: Json, target: Target) -> Json:
    """Add what any block may have: a place to cache up to, and the part's own bag."""
    if part.HasField("cache_breakpoint"):
        target.add_breakpoint(block, part.cache_breakpoint, path)
    if part.provider_json:
        merge_bag(block, part.provider_json, NAME)
    return block
