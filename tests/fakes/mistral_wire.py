"""What Mistral's API puts on the wire where it is not as OpenAI's, as plain JSON values. Pure.

After docs.mistral.ai: "Chat Completion", "Embeddings", "Models", "Reasoning", "Error glossary" (read 2026-11); ids,
times and token counts are fixed, so that a test can compare whole bodies.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from tests.fakes import wire
from tests.fakes.answer import Answer, Counts, ToolCall

# Any: JSON values of every shape are built here.
Json = dict[str, Any]

COMPLETION_ID = "fa4e0000000000000000000000000001"
MODELS = {
    "mistral-small-latest": "Mistral Small",
    "magistral-medium-latest": "Magistral Medium",
    "mistral-embed": "Embed",
}
ID_LENGTH = 9
# Each chunk with a text is filled up by letters, so that its length tells nothing.
PADDING = "abcdef"


def completion(model: str, answers: Sequence[Answer], usage: object) -> Json:
    """Return a whole chat completion; `usage` None leaves it out."""
    body: Json = {
        "id": COMPLETION_ID,
        "created": wire.CREATED,
        "model": model,
        "object": "chat.completion",
        "choices": [
            {"index": index, "finish_reason": wire.finish_of(answer), "message": message_of(answer)}
            for index, answer in enumerate(answers)
        ],
    }
    return body if usage is None else {**body, "usage": usage}


def message_of(answer: Answer) -> Json:
    """Return a whole message: its content is a text, or a list where there are thoughts."""
    said = answer.text or answer.refusal or ""
    content: object = said
    if answer.reasoning is not None:
        content = [thinking(answer.reasoning), *([{"type": "text", "text": said}] if said else [])]
    calls = [tool_call(place, call) for place, call in enumerate(answer.tool_calls)]
    return {"role": "assistant", "tool_calls": calls or None, "content": content, **answer.extra}


def thinking(thought: str) -> Json:
    """Return a piece of content that holds a thought."""
    return {"type": "thinking", "thinking": [{"type": "text", "text": thought}]}


def tool_call(place: int, call: ToolCall) -> Json:
    """Return a call, whose id is of nine letters and digits."""
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": nine_of(call.id), "type": "function", "function": function, "index": place}


def nine_of(given: str) -> str:
    """Return an id of nine letters and digits, as only such are made here."""
    return re.sub("[^a-zA-Z0-9]", "", given)[:ID_LENGTH].ljust(ID_LENGTH, "0")


def chunks(model: str, answers: Sequence[Answer], usage: object) -> tuple[list[Json], Json]:
    """Return the chunks of a stream, and its last one, which ends the last candidate and tells the usage.

    The usage comes without being asked for.
    """
    envelope: Json = {"id": COMPLETION_ID, "object": "chat.completion.chunk", "created": wire.CREATED, "model": model}
    *made, last = [
        {
            **envelope,
            "choices": [{"index": index, **choice}],
            **({"p": PADDING} if choice["delta"].get("content") else {}),
        }
        for index, answer in enumerate(answers)
        for choice in choice_deltas(answer)
    ]
    return made, last if usage is None else {**last, "usage": usage}


def choice_deltas(answer: Answer) -> Iterator[Json]:
    """Yield the choices that carry one candidate: its role, its thoughts and text in pieces, its calls whole, its end."""

    def choice(delta: Json, finish_reason: str | None = None) -> Json:
        return {"delta": delta, "finish_reason": finish_reason}

    yield choice({"role": "assistant", "content": "", **answer.extra})
    if answer.reasoning is not None:
        yield choice({"content": [thinking(answer.reasoning)]})
    for piece in answer.pieces or ([answer.refusal] if answer.refusal else []):
        yield choice({"content": piece})
    if answer.tool_calls:
        calls = [tool_call(place, call) for place, call in enumerate(answer.tool_calls)]
        yield choice({"content": "", "tool_calls": calls}, wire.finish_of(answer))
    else:
        yield choice({"content": ""}, wire.finish_of(answer))


def usage_of(counts: Counts) -> Json:
    """Return a usage object."""
    return {
        "prompt_tokens": counts.input,
        "total_tokens": counts.total,
        "completion_tokens": counts.output,
        "prompt_tokens_details": {"cached_tokens": counts.cached},
        "service_tier": "standard",
    }


def embeddings(body: Json, default_dimension_count: int) -> Json:
    """Return a vector for each input; base64 holds little-endian float32."""
    inputs = [body["input"]] if isinstance(body["input"], str) else body["input"]
    dimension_count = body.get("output_dimension") or default_dimension_count
    made = wire.embeddings(body["model"], inputs, dimension_count, body.get("encoding_format") or "float")
    return {"id": COMPLETION_ID, **made, "usage": {**made["usage"], "completion_tokens": 0}}


def model_row(name: str) -> Json:
    """Describe a model."""
    return {
        **wire.model_row(name),
        "owned_by": "mistralai",
        "name": name,
        "description": MODELS[name],
        "max_context_length": 131_072,
        "aliases": [],
        "deprecation": None,
        "default_model_temperature": 0.3,
        "type": "base",
        "capabilities": {"completion_chat": "embed" not in name, "function_calling": True, "vision": True},
    }


def error_body(message: object, kind: str, code: str | None, status: int) -> Json:
    """Return an error as Mistral words it; the code is a number in a text."""
    return {
        "object": "error", "message": message, "type": kind, "param": None, "code": code, "raw_status_code": status,
    }  # fmt: skip
