"""What Ollama's native API puts on the wire, as plain JSON values. Pure.

After docs.ollama.com: "Generate a chat message", "Generate a response", "Generate embeddings", "List models", "Show model
details", "Usage", and `server/routes.go` for the ids of calls (read 2026-11); times and counts are fixed, so that a
test can compare whole bodies.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from tests.fakes.answer import Answer, ToolCall, pieces_of
from tests.fakes.wire import unit_vector

# Any: JSON values of every shape are built here.
Json = dict[str, Any]

CREATED_AT = "2026-11-25T12:00:00.000001Z"
# Nanoseconds. The two of what was read and written stand beside their counts.
WHOLE_DURATIONS = {"total_duration": 190_000_000, "load_duration": 1_000_000}
COUNT_DURATIONS = {"prompt_eval_duration": 30_000_000, "eval_duration": 150_000_000}
DIMENSION_COUNT = 8
# Names, and what each can do.
MODELS = {
    "qwen3:0.6b": ["completion", "tools", "thinking"],
    "gemma4:latest": ["completion", "vision"],
    "embeddinggemma:latest": ["embedding"],
}


def message_of(answer: Answer) -> Json:
    """Return an answer's message; Ollama has no word for a refusal but its text."""
    message: Json = {"role": "assistant", "content": (answer.text or "") + (answer.refusal or "")}
    if answer.reasoning is not None:
        message["thinking"] = answer.reasoning
    if answer.tool_calls:
        message["tool_calls"] = [call_of(place, call) for place, call in enumerate(answer.tool_calls)]
    return {**message, **answer.extra}


def call_of(place: int, call: ToolCall) -> Json:
    """Return a call: its arguments are an object. Its id is what newer servers tell; an empty one is left out."""
    function = {"index": place, "name": call.name, "arguments": json.loads(call.arguments)}
    return {**({"id": call.id} if call.id else {}), "function": function}


def line(model: str, message: Json) -> Json:
    """Return one object of a stream that goes on."""
    return {"model": model, "created_at": CREATED_AT, "message": {"role": "assistant", **message}, "done": False}


def ended(body: Json, reason: str, usage: object) -> Json:
    """Return an object with what ends an answer. A usage that is no object stands in the place of each count."""
    counts = usage if isinstance(usage, dict) else {} if usage is None else usage_of(usage, usage)
    return {**body, "done": True, "done_reason": reason, **WHOLE_DURATIONS, **counts}


def chat(model: str, answer: Answer, usage: object) -> Json:
    """Return a whole answer of /api/chat; `usage` None leaves the counts out."""
    return ended(line(model, message_of(answer)), answer.finish_reason or "stop", usage)


def chat_lines(model: str, answer: Answer, usage: object) -> list[Json]:
    """Return the same as a stream: thoughts and texts in pieces, each call whole, then the end with the counts."""
    whole = message_of(answer)
    messages = [
        *({"content": "", "thinking": piece} for piece in pieces_of(whole.get("thinking"))),
        *({"content": piece} for piece in pieces_of(whole["content"])),
        *({"content": "", "tool_calls": [call]} for call in whole.get("tool_calls", [])),
    ]
    end = ended(line(model, {"content": "", **answer.extra}), answer.finish_reason or "stop", usage)
    return [*(line(model, message) for message in messages), end]


def usage_of(input_token_count: object, output_token_count: object) -> Json:
    """Return the counts, which lie in the answer itself."""
    return {"prompt_eval_count": input_token_count, "eval_count": output_token_count, **COUNT_DURATIONS}


def generated(model: str, text: str, usage: object) -> Json:
    """Return a whole answer of /api/generate."""
    return ended({"model": model, "created_at": CREATED_AT, "response": text}, "stop", usage)


def generated_lines(model: str, text: str, usage: object) -> list[Json]:
    """Return the same as a stream."""
    head = {"model": model, "created_at": CREATED_AT}
    return [
        *({**head, "response": piece, "done": False} for piece in pieces_of(text)),
        ended({**head, "response": ""}, "stop", usage),
    ]


def embedded(model: str, inputs: Sequence[str], dimension_count: int) -> Json:
    """Return vectors of length one, a different one for each input."""
    vectors = [unit_vector(text, dimension_count) for text in inputs]
    return {"model": model, "embeddings": vectors, **WHOLE_DURATIONS, "prompt_eval_count": 3 * len(inputs)}


def details_of(name: str) -> Json:
    """Return the size and the format of a model."""
    family = name.partition(":")[0]
    return {
        "parent_model": "",
        "format": "gguf",
        "family": family,
        "families": [family],
        "parameter_size": "1B",
        "quantization_level": "Q4_K_M",
    }


def model_row(name: str) -> Json:
    """Return a model as the list has it."""
    about = {"modified_at": CREATED_AT, "size": 522_653_767, "digest": "f" * 64}
    return {"name": name, "model": name, **about, "details": details_of(name)}


def model_shown(name: str) -> Json:
    """Return a model as /api/show describes it."""
    return {
        "license": "Apache License",
        "modelfile": f"FROM {name}",
        "parameters": "temperature 0.6",
        "template": "{{ .Prompt }}",
        "details": details_of(name),
        "model_info": {"general.architecture": name.partition(":")[0]},
        "capabilities": MODELS[name],
        "modified_at": CREATED_AT,
    }
