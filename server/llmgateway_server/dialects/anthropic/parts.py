"""Content blocks → parts, for whole answers and streams alike."""

from __future__ import annotations

from typing import Any

from llmgateway.v1 import message_pb2

from llmgateway_server.dialects.anthropic.options import NAME
from llmgateway_server.dialects.reading import Json, compact, items, mapping, rest, text

TEXT_MEMBERS = frozenset({"type", "text", "citations"})
THINKING_MEMBERS = frozenset({"type", "thinking", "signature"})
REDACTED_MEMBERS = frozenset({"type", "data"})
CALL_MEMBERS = frozenset({"type", "id", "name", "input"})
RESULT_MEMBERS = frozenset({"tool_use_id", "content"})
# Calls by who runs them; the type of a provider's own call is kept, to tell them apart on the way back.
CALL_TYPES = {
    "tool_use": message_pb2.ToolCall.EXECUTOR_CALLER,
    "server_tool_use": message_pb2.ToolCall.EXECUTOR_PROVIDER,
    "mcp_tool_use": message_pb2.ToolCall.EXECUTOR_PROVIDER,
}
RESULT_SUFFIX = "_tool_result"
ERROR_SUFFIX = "_error"


def block_part(block: Json, provider: str, call_names: dict[str, str]) -> message_pb2.Part:
    """Return a whole block's part. `call_names` are the names of the provider's own calls so far, by id."""
    kind = text(block.get("type"))
    part = message_pb2.Part()
    if kind == "text":
        start_text(part, block)
    elif kind in CALL_TYPES:
        start_call(part, block, kind, call_names)
        part.tool_call.arguments_json = input_text(block.get("input"))
    elif kind == "thinking":
        start_thinking(part, block)
        sign(part, text(block.get("signature")), provider)
    elif kind == "redacted_thinking":
        fill_redacted(part, block, provider)
    elif kind.endswith(RESULT_SUFFIX):
        fill_result(part, block, kind, call_names)
    else:
        fill_unknown(part, block, kind)
    return part


def start_text(part: message_pb2.Part, block: Json) -> None:
    """Fill in a text, and what it rests on."""
    part.text = text(block.get("text"))
    for citation in items(block.get("citations")):
        part.annotations.append(read_citation(citation))
    keep_rest(part, block, TEXT_MEMBERS)


def start_thinking(part: message_pb2.Part, block: Json) -> None:
    """Fill in a thought, without its signature. It may be empty where the provider shows none."""
    part.reasoning.text = text(block.get("thinking"))
    part.reasoning.kind = message_pb2.Reasoning.KIND_TEXT
    keep_rest(part, block, THINKING_MEMBERS)


def fill_redacted(part: message_pb2.Part, block: Json, provider: str) -> None:
    """Fill in a thought that is withheld: its data is all there is of it."""
    part.reasoning.kind = message_pb2.Reasoning.KIND_REDACTED
    sign(part, text(block.get("data")), provider)
    keep_rest(part, block, REDACTED_MEMBERS)


def sign(part: message_pb2.Part, value: str, provider: str) -> None:
    """Set a part's signature, if there is one."""
    if value:
        part.signature.provider = provider
        part.signature.value = value


def start_call(part: message_pb2.Part, block: Json, kind: str, call_names: dict[str, str]) -> None:
    """Fill in a call without its arguments."""
    call = part.tool_call
    call.id = text(block.get("id"))
    call.name = text(block.get("name"))
    call.executor = CALL_TYPES[kind]
    call.arguments_json = ""
    if kind == "tool_use":
        keep_rest(part, block, CALL_MEMBERS)
    else:
        call_names[call.id] = call.name
        part.provider_json[NAME] = compact({"type": kind, **rest(block, CALL_MEMBERS)})


def input_text(value: Any) -> str:
    """Return a call's arguments as JSON text, `{}` where there are none."""
    return compact(value) if value else "{}"


def fill_result(part: message_pb2.Part, block: Json, kind: str, call_names: dict[str, str]) -> None:
    """Fill in what a call of the provider's own returned: data, complete and as it came."""
    result = part.tool_result
    content = block.get("content")
    result.tool_call_id = text(block.get("tool_use_id"))
    result.tool_name = call_names.get(result.tool_call_id, "")
    if content is not None:
        result.output_json = compact(content)
    inner = text(mapping(content).get("type"))
    result.failed = block.get("is_error") is True or inner.endswith(ERROR_SUFFIX)
    part.provider_json[NAME] = compact({"type": kind, **rest(block, RESULT_MEMBERS)})


def fill_unknown(part: message_pb2.Part, block: Json, kind: str) -> None:
    """Fill in a block that the contract does not know, complete."""
    part.provider_part.dialect = NAME
    part.provider_part.type = kind
    part.provider_part.json = compact(block)


def keep_rest(part: message_pb2.Part, block: Json, known: frozenset[str]) -> None:
    """Keep what a block holds beyond the contract."""
    if not block.keys() <= known:
        unknown = rest(block, known)
        if unknown:
            part.provider_json[NAME] = compact(unknown)


def read_citation(value: Any) -> message_pb2.Annotation:
    """Return what a text rests on. Where the citation stands in the text Anthropic does not say: the whole block."""
    citation = mapping(value)
    return message_pb2.Annotation(
        uri=text(citation.get("url")) or text(citation.get("source")),
        title=text(citation.get("title")) or text(citation.get("document_title")),
        cited_text=text(citation.get("cited_text")),
        provider_json=compact(citation),
    )
