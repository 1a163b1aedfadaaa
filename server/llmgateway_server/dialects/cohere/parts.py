"""The pieces of a message that whole answers and streams share: tool calls, citations, who answered."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from llmgateway.v1 import call_pb2, message_pb2

from llmgateway_server.dialects.cohere.messages import THINKING_BAG
from llmgateway_server.dialects.cohere.options import NAME
from llmgateway_server.dialects.reading import Json, compact, index, items, mapping, number, rest, text

# Members that have a home in the contract.
ANSWER_MEMBERS = frozenset({"id", "message", "finish_reason", "usage", "logprobs", "error", "error_type"})
MESSAGE_MEMBERS = frozenset({"role", "content", "tool_plan", "tool_calls", "citations"})
CALL_MEMBERS = frozenset({"id", "type", "index", "function"})


class PartKey(NamedTuple):
    """Which part a piece belongs to: a plan, or a place in the content."""

    kind: Literal["text", "thinking", "plan"]
    place: int


PLAN = PartKey("plan", 0)


def describe(call: call_pb2.CallInfo, provider: str, response_id: str, unknown: Json) -> None:
    """Fill in who answered. Cohere's answers do not name their model."""
    call.provider = provider
    call.provider_response_id = response_id
    if unknown:
        call.provider_json = compact(unknown)


def empty_part(key: PartKey) -> message_pb2.Part:
    """Return a part to append to. A thought that is no plan says so, to go back as what it is."""
    part = message_pb2.Part()
    if key.kind == "text":
        part.text = ""
    else:
        part.reasoning.text = ""
        if key.kind == "thinking":
            part.provider_json[NAME] = THINKING_BAG
    return part


def provider_part(piece: Json) -> message_pb2.Part:
    """Return a piece of content that the contract does not know."""
    part = message_pb2.Part()
    part.provider_part.dialect = NAME
    part.provider_part.type = text(piece.get("type"))
    part.provider_part.json = compact(piece)
    return part


def call_part(raw: Json, call_id: str) -> message_pb2.Part:
    """Return a tool call's part without its arguments."""
    part = message_pb2.Part()
    call = part.tool_call
    call.id = call_id
    call.name = text(mapping(raw.get("function")).get("name"))
    call.executor = message_pb2.ToolCall.EXECUTOR_CALLER
    call.arguments_json = ""
    unknown = rest(raw, CALL_MEMBERS)
    if unknown:
        part.provider_json[NAME] = compact(unknown)
    return part


def arguments_text(arguments: Any) -> str:
    """Return arguments as JSON text, as they came."""
    if isinstance(arguments, dict | list):
        return compact(arguments)
    return text(arguments)


def minted_id(response_id: str, place: int) -> str:
    """Return an id for a call that came without one: always the same for the same answer."""
    return f"call_{response_id or 'x'}_{place}"


def citation_key(raw: Json, last_text: int) -> PartKey:
    """Return which part a citation is about; older answers do not say, and have one text."""
    kind = raw.get("type")
    if kind == "PLAN":
        return PLAN
    if kind == "THINKING_CONTENT":
        return PartKey("thinking", index(raw.get("content_index"), 0))
    return PartKey("text", index(raw.get("content_index"), last_text))


def read_citation(raw: Json) -> list[message_pb2.Annotation]:
    """Return what a stretch rests on: an annotation for each source. Each holds the citation with that source alone."""
    sources = [source for source in items(raw.get("sources")) if isinstance(source, dict)]
    annotations = []
    for source in sources or [{}]:
        told = mapping(source.get("document")) or mapping(source.get("tool_output"))
        annotation = message_pb2.Annotation(uri=text(told.get("url")), title=text(told.get("title")))
        start, end = raw.get("start"), raw.get("end")
        if isinstance(start, int) and isinstance(end, int):
            annotation.start_index = index(start, 0)
            annotation.end_index = index(end, 0)
        annotation.provider_json = compact({**raw, "sources": [source]} if source else raw)
        annotations.append(annotation)
    return annotations


def read_logprobs(raw: Any) -> list[message_pb2.TokenLogprob]:
    """Return the log probabilities of what was written: an entry may be several tokens, whose product it then tells."""
    return [
        message_pb2.TokenLogprob(
            token=text(item.get("text")), logprob=sum(number(value) for value in items(item.get("logprobs")))
        )
        for item in (raw if isinstance(raw, list) else [raw])
        if isinstance(item, dict)
    ]
