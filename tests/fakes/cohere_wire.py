"""What Cohere's API puts on the wire, version 2 (its list of models: version 1), as plain JSON values. Pure.

After docs.cohere.com: "Chat API (v2)", "Chat with Streaming API (v2)", "An overview of the streaming feature",
"Embed API (v2)", "Rerank API (v2)", "List Models" (read 2026-11); ids and token counts are fixed, so that a test can
compare whole bodies.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterator, Sequence
from typing import Any

from tests.fakes.answer import Answer, ToolCall, halves_of, pieces_of
from tests.fakes.wire import unit_vector

# Any: JSON values of every shape are built here.
Json = dict[str, Any]

ANSWER_ID = "c0ffee00-0000-4000-8000-000000000001"
ERROR_ID = "c0ffee00-0000-4000-8000-0000000000ff"
DONE = b"data: [DONE]\n\n"
DIMENSION_COUNT = 8
MODELS = {
    "command-a-03-2025": (("chat",), 288_000, ["json_mode", "json_schema", "tools", "strict_tools"]),
    "command-a-reasoning-08-2025": (("chat",), 288_768, ["json_mode", "json_schema", "reasoning", "tools"]),
    "embed-v4.0": (("embed",), 128_000, None),
    "rerank-v3.5": (("rerank",), 4_096, None),
}
# Members of an answer's message that a stream tells by events of their own.
TOLD_APART = ("tool_plan", "citations")
WHERE = {"text": "TEXT_CONTENT", "thinking": "THINKING_CONTENT"}


def blocks_of(answer: Answer) -> list[Json]:
    """Return an answer's content, thoughts first. There is no word for a refusal: it is a text."""
    thoughts = [] if answer.reasoning is None else [{"type": "thinking", "thinking": answer.reasoning}]
    return thoughts + [{"type": "text", "text": text} for text in (answer.text, answer.refusal) if text]


def call_of(call: ToolCall) -> Json:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}


def finish_reason_of(answer: Answer) -> str:
    return answer.finish_reason or ("TOOL_CALL" if answer.tool_calls else "COMPLETE")


def message_of(answer: Answer) -> Json:
    """Return a whole message; what is empty is left out."""
    message: Json = {"role": "assistant", "content": blocks_of(answer), **answer.extra}
    message["tool_calls"] = [call_of(call) for call in answer.tool_calls]
    return {name: value for name, value in message.items() if value}


def whole(answer: Answer, usage: object) -> Json:
    """Return a whole answer; `usage` None leaves it out."""
    body: Json = {"id": ANSWER_ID, "message": message_of(answer), "finish_reason": finish_reason_of(answer)}
    return body if usage is None else {**body, "usage": usage}


def events(answer: Answer, usage: object) -> list[Json]:
    """Return the events of an answer's stream: thoughts, text, plan, calls, and how it ended."""
    begun: Json = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}
    others = {name: value for name, value in answer.extra.items() if name not in TOLD_APART}
    ended: Json = {"finish_reason": finish_reason_of(answer)}
    if usage is not None:
        ended["usage"] = usage
    citations = [*enumerate(answer.extra.get("citations", []))]
    return [
        {"id": ANSWER_ID, **event("message-start", None, {**begun, **others})},
        *[made for index, block in enumerate(blocks_of(answer)) for made in block_events(index, block, citations)],
        *[event("tool-plan-delta", None, {"tool_plan": piece}) for piece in pieces_of(answer.extra.get("tool_plan"))],
        *[made for index, call in enumerate(answer.tool_calls) for made in call_events(index, call)],
        {"type": "message-end", "delta": ended},
    ]


def event(kind: str, index: int | None, message: Json) -> Json:
    """Return an event with a piece of the message."""
    place: Json = {} if index is None else {"index": index}
    return {"type": kind, **place, "delta": {"message": message}}


def block_events(index: int, block: Json, citations: Sequence[tuple[int, Json]]) -> Iterator[Json]:
    """Yield the events of one piece of content: its start, it in pieces, what is cited in it, its end."""
    kind = block["type"]
    yield event("content-start", index, {"content": {"type": kind, kind: ""}})
    for piece in pieces_of(block[kind]):
        yield event("content-delta", index, {"content": {kind: piece}})
    for number, citation in citations:
        if (citation["type"], citation["content_index"]) == (WHERE[kind], index):
            yield event("citation-start", number, {"citations": citation})
            yield {"type": "citation-end", "index": number}
    yield {"type": "content-end", "index": index}


def call_events(index: int, call: ToolCall) -> Iterator[Json]:
    """Yield the events of one call: its start without arguments, these in two pieces, its end."""
    begun = {**call_of(call), "function": {"name": call.name, "arguments": ""}}
    yield event("tool-call-start", index, {"tool_calls": begun})
    for piece in halves_of(call.arguments):
        yield event("tool-call-delta", index, {"tool_calls": {"function": {"arguments": piece}}})
    yield {"type": "tool-call-end", "index": index}


def content_bounds(made: Sequence[Json]) -> tuple[int, int]:
    """Return where the content begins, and where it has ended; an answer without any has its bounds before its end."""
    kinds = ("content-delta", "tool-plan-delta", "tool-call-start", "tool-call-delta")
    places = [index for index, told in enumerate(made) if told["type"] in kinds]
    return (places[0], places[-1] + 1) if places else (len(made) - 1, len(made) - 1)


def failed_end(message: str, kind: str | None) -> Json:
    """Return the event by which a stream fails, as it is recorded: its kind is not always told."""
    told = {} if kind is None else {"error_type": kind}
    return {"type": "message-end", "delta": {"finish_reason": "ERROR", "usage": {}, "error": message, **told}}


def usage_of(input_token_count: object, output_token_count: object, cached_token_count: int = 0) -> Json:
    """Return a usage object: what was read and written, and what of it is billed."""
    counts = {"input_tokens": input_token_count, "output_tokens": output_token_count}
    return {"billed_units": {**counts}, "tokens": counts, "cached_tokens": cached_token_count}


def citation(start: int, text: str, content_index: int = 0) -> Json:
    """Return a citation of a stretch of a text, from one document."""
    return {
        "start": start,
        "end": start + len(text),
        "text": text,
        "sources": [
            {
                "type": "document",
                "id": "doc:0",
                "document": {"id": "doc:0", "title": "Fjords", "url": "https://no.example"},
            }
        ],
        "content_index": content_index,
        "type": WHERE["text"],
    }


def embeddings(texts: Sequence[object], kinds: Sequence[str], dimension_count: int) -> Json:
    """Return vectors of length one, a different one for each input, in each of the encodings asked for."""
    vectors = [unit_vector(text, dimension_count) for text in texts]
    meta: Json = {"api_version": {"version": "2"}, "billed_units": {"input_tokens": 3 * len(texts)}}
    body: Json = {
        "id": ANSWER_ID,
        "embeddings": {kind: [encoded(vector, kind) for vector in vectors] for kind in kinds},
        "response_type": "embeddings_by_type",
        "meta": meta,
    }
    return {**body, "texts": list(texts)} if all(isinstance(text, str) for text in texts) else body


def encoded(vector: Sequence[float], kind: str) -> object:
    """Return a vector in an encoding: bits are eight to a byte, most significant first; base64 holds float32."""
    if kind == "float":
        return vector
    if kind == "base64":
        return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
    if kind in ("int8", "uint8"):
        return [round(value * 127) + (0 if kind == "int8" else 128) for value in vector]
    bits = "".join("1" if value > 0 else "0" for value in vector)
    packed = [int(bits[place : place + 8].ljust(8, "0"), 2) for place in range(0, len(bits), 8)]
    return packed if kind == "ubinary" else [byte - 128 for byte in packed]


def rerank(query: str, documents: Sequence[str], result_count: int | None) -> Json:
    """Return the documents, those first that share most words with the query; up to 100 are one search."""
    wanted = {*words_of(query)}
    scores = [len(wanted & {*words_of(document)}) / (len(wanted) + 1) for document in documents]
    ranked = sorted(range(len(documents)), key=lambda place: -scores[place])[:result_count]
    return {
        "id": ANSWER_ID,
        "results": [{"index": place, "relevance_score": scores[place]} for place in ranked],
        "meta": {"api_version": {"version": "2"}, "billed_units": {"search_units": -(-len(documents) // 100)}},
    }


def words_of(text: str) -> list[str]:
    return [word.strip(".,?!").lower() for word in text.split()]


def model_row(name: str) -> Json:
    """Describe a model."""
    endpoints, length, features = MODELS[name]
    return {
        "name": name,
        "is_deprecated": False,
        "endpoints": list(endpoints),
        "finetuned": False,
        "context_length": length,
        "tokenizer_url": f"https://storage.example/{name}.json",
        "default_endpoints": [],
        "features": features,
    }


def error_body(message: str, kind: str | None = None) -> Json:
    """Return an error as Cohere words it; few have a kind."""
    return {"id": ERROR_ID, "message": message, **({} if kind is None else {"error_type": kind})}
