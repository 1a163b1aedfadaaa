"""What Anthropic's Messages API puts on the wire, as plain JSON values. Pure.

After docs.claude.com: "Messages", "Streaming Messages", "Extended thinking", "Errors", "List Models" (read 2026-11);
ids and token counts are fixed, so that a test can compare whole bodies.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from tests.fakes.answer import Answer, ToolCall, halves_of, pieces_of

# Any: JSON values of every shape are built here.
Json = dict[str, Any]

MESSAGE_ID = "msg_fake0001"
REQUEST_ID = "req_fake0001"
SIGNATURE = "c2lnbmF0dXJlIG9mIGEgZmFrZQ=="
# What the end of a stream says of the usage.
DELTA_USAGE = (
    *("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "output_tokens"),
    *("output_tokens_details", "server_tool_use"),
)
MODELS = {"claude-opus-4-6": "Claude Opus 4.6", "claude-haiku-4-5": "Claude Haiku 4.5"}


def blocks_of(answer: Answer) -> list[Json]:
    """Return an answer's content, thoughts first."""
    blocks: list[Json] = []
    if answer.reasoning is not None:
        signature = SIGNATURE if answer.signature is None else answer.signature
        blocks.append({"type": "thinking", "thinking": answer.reasoning, "signature": signature})
    if answer.redacted is not None:
        blocks.append({"type": "redacted_thinking", "data": answer.redacted})
    blocks += [{"type": "text", "text": text, "citations": None} for text in (answer.text, answer.refusal) if text]
    return blocks + [
        {"type": "tool_use", "id": call.id, "name": call.name, "input": input_of(call)} for call in answer.tool_calls
    ]


def input_of(call: ToolCall) -> object:
    """Return a call's arguments as the object that they are; a whole answer has no place for broken ones."""
    try:
        return json.loads(call.arguments)
    except ValueError:
        return call.arguments


def stop_reason_of(answer: Answer) -> str:
    if answer.finish_reason is not None:
        return answer.finish_reason
    if answer.refusal is not None:
        return "refusal"
    return "tool_use" if answer.tool_calls else "end_turn"


def message(model: str, answer: Answer, usage: object) -> Json:
    """Return a whole message; `usage` None leaves it out."""
    body: Json = {
        "id": MESSAGE_ID,
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": blocks_of(answer),
        "stop_reason": stop_reason_of(answer),
        "stop_sequence": None,
        "stop_details": None,
        "container": None,
        **answer.extra,
    }
    return body if usage is None else {**body, "usage": usage}


def events(model: str, answer: Answer, usage: object) -> list[Json]:
    """Return the events of a message's stream, with one ping after its first block has begun."""
    whole = message(model, answer, usage)
    begun = {**whole, "content": [], "stop_reason": None}
    if isinstance(usage, dict):
        begun["usage"] = {**usage, "output_tokens": 1}
    made = [event for index, block in enumerate(whole["content"]) for event in block_events(index, block, answer)]
    return [
        {"type": "message_start", "message": begun},
        *made[:1],
        {"type": "ping"},
        *made[1:],
        message_delta(whole),
        {"type": "message_stop"},
    ]


def message_delta(whole: Json) -> Json:
    """Return the event that says how a message ended, and what it used in all."""
    told = {name: whole[name] for name in ("stop_reason", "stop_sequence", "stop_details", "container")}
    event: Json = {"type": "message_delta", "delta": told}
    if "usage" in whole:
        usage = whole["usage"]
        is_object = isinstance(usage, dict)
        event["usage"] = {name: usage[name] for name in DELTA_USAGE} if is_object else usage
    return event


def block_events(index: int, block: Json, answer: Answer) -> Iterator[Json]:
    """Yield the events of one block: its start without content, its content in pieces, its end."""
    kind = block["type"]
    empty: dict[str, Json] = {
        "text": {"text": ""},
        "thinking": {"thinking": "", "signature": ""},
        "tool_use": {"input": {}},
    }
    yield {"type": "content_block_start", "index": index, "content_block": {**block, **empty.get(kind, {})}}
    if kind == "text":
        deltas = [{"type": "text_delta", "text": piece} for piece in pieces_of(block["text"])]
    elif kind == "thinking":
        deltas = [{"type": "thinking_delta", "thinking": piece} for piece in pieces_of(block["thinking"])]
        deltas.append({"type": "signature_delta", "signature": block["signature"]})
    elif kind == "tool_use":
        arguments = next(call.arguments for call in answer.tool_calls if call.id == block["id"])
        deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in ("", *halves_of(arguments))]
    else:
        deltas = []
    for delta in deltas:
        yield {"type": "content_block_delta", "index": index, "delta": delta}
    yield {"type": "content_block_stop", "index": index}


def is_content(event: Json) -> bool:
    """Whether an event carries some of the answer."""
    opened = event.get("content_block", {}).get("type")
    return event["type"] == "content_block_delta" or opened in ("tool_use", "redacted_thinking")


def content_bounds(made: Sequence[Json]) -> tuple[int, int]:
    """Return where the content begins, and where it has ended; an answer without any has its bounds before its end."""
    places = [index for index, event in enumerate(made) if is_content(event)]
    return (places[0], places[-1] + 1) if places else (len(made) - 2, len(made) - 2)


def usage_of(input_token_count: object, output_token_count: object, cached_token_count: int = 0) -> Json:
    """Return a usage object. What came from a cache is no part of `input_tokens`."""
    if isinstance(input_token_count, int):
        input_token_count -= cached_token_count
    return {
        "input_tokens": input_token_count,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": cached_token_count,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
        "output_tokens": output_token_count,
        "output_tokens_details": None,
        "server_tool_use": None,
        "service_tier": "standard",
        "inference_geo": "not_available",
    }


def model_row(name: str) -> Json:
    """Describe a model."""
    return {
        "type": "model",
        "id": name,
        "display_name": MODELS[name],
        "created_at": "2025-10-15T00:00:00Z",
        "lifecycle": "active",
        "max_input_tokens": 200_000,
        "max_tokens": 64_000,
        "capabilities": None,
    }


def error_body(kind: str, text: str) -> Json:
    """Return an error as Anthropic words it, in an answer or in a stream."""
    return {"type": "error", "error": {"type": kind, "message": text}, "request_id": REQUEST_ID}
