"""What OpenAI's API puts on the wire, as plain JSON values. Pure.

After the API reference of Chat Completions, Completions, Embeddings and Models at platform.openai.com
(read 2026-11); ids, times and token counts are fixed, so that a test can compare whole bodies.
"""

from __future__ import annotations

import base64
import math
import struct
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from tests.fakes.answer import Answer, Counts, halves_of, pieces_of

# Any: JSON values of every shape are built here.
Json = dict[str, Any]

CREATED = 1_760_000_000
COMPLETION_ID = "chatcmpl-fake0001"
FINGERPRINT = "fp_fake"
DONE = b"data: [DONE]\n\n"
MODELS = ("gpt-4o-mini", "gpt-4.1", "text-embedding-3-small")


def finish_of(answer: Answer) -> str:
    """Return why an answer ended, in OpenAI's word."""
    return answer.finish_reason or ("tool_calls" if answer.tool_calls else "stop")


def usage_of(prompt_token_count: object, completion_token_count: object, cached_token_count: int = 0) -> Json:
    """Return a usage object in full."""
    return {
        "prompt_tokens": prompt_token_count,
        "completion_tokens": completion_token_count,
        "total_tokens": Counts(prompt_token_count, completion_token_count).total,
        "prompt_tokens_details": {"cached_tokens": cached_token_count, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": 0,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def completion(model: str, answers: Sequence[Answer], usage: object, *, logprobs: bool = False) -> Json:
    """Return a whole chat completion; `usage` None leaves it out."""
    body: Json = {
        "id": COMPLETION_ID,
        "object": "chat.completion",
        "created": CREATED,
        "model": model,
        "choices": [
            {
                "index": index,
                "message": message_of(answer),
                "logprobs": logprobs_of(answer.pieces) if logprobs else None,
                "finish_reason": finish_of(answer),
            }
            for index, answer in enumerate(answers)
        ],
        "service_tier": "default",
        "system_fingerprint": FINGERPRINT,
    }
    if usage is not None:
        body["usage"] = usage
    return body


def message_of(answer: Answer) -> Json:
    message: Json = {"role": "assistant", "content": answer.text, "refusal": answer.refusal, "annotations": []}
    if answer.reasoning is not None:
        message["reasoning_content"] = answer.reasoning
    if answer.tool_calls:
        message["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in answer.tool_calls
        ]
    return {**message, **answer.extra}


def logprobs_of(tokens: Sequence[str]) -> Json:
    """Give each token the same probability, and itself as the only alternative."""
    entries = [{"token": token, "logprob": -0.25, "bytes": list(token.encode())} for token in tokens]
    return {"content": [{**entry, "top_logprobs": [entry]} for entry in entries], "refusal": None}


def chunks(
    model: str, answers: Sequence[Answer], usage: object, *, include_usage: bool, logprobs: bool = False
) -> list[Json]:
    """Return the chunks of a chat completion's stream, candidate by candidate."""
    envelope: Json = {
        "id": COMPLETION_ID,
        "object": "chat.completion.chunk",
        "created": CREATED,
        "model": model,
        "service_tier": "default",
        "system_fingerprint": FINGERPRINT,
    }
    if include_usage:
        envelope["usage"] = None
    made = [
        {**envelope, "choices": [choice]}
        for index, answer in enumerate(answers)
        for choice in choice_deltas(index, answer, logprobs=logprobs)
    ]
    if include_usage and usage is not None:
        made.append({**envelope, "choices": [], "usage": usage})
    return made


def choice_deltas(index: int, answer: Answer, *, logprobs: bool) -> Iterator[Json]:
    """Yield the choices that carry one candidate: its role, its content in pieces, its end."""

    def choice(delta: Json, finish_reason: str | None = None, tokens: Sequence[str] = ()) -> Json:
        shown = logprobs_of(tokens) if logprobs and tokens else None
        return {"index": index, "delta": delta, "logprobs": shown, "finish_reason": finish_reason}

    yield choice({"role": "assistant", "content": None if answer.tool_calls else "", "refusal": None, **answer.extra})
    if answer.reasoning is not None:
        yield choice({"reasoning_content": answer.reasoning})
    for piece in answer.pieces:
        yield choice({"content": piece}, tokens=[piece])
    if answer.refusal is not None:
        yield choice({"refusal": answer.refusal})
    for number, call in enumerate(answer.tool_calls):
        opening = {"index": number, "id": call.id, "type": "function", "function": {"name": call.name, "arguments": ""}}
        yield choice({"tool_calls": [opening]})
        for part in halves_of(call.arguments):
            yield choice({"tool_calls": [{"index": number, "function": {"arguments": part}}]})
    yield choice({}, finish_of(answer))


def legacy_completion(model: str, texts: Sequence[str], usage: object) -> Json:
    """Return a whole answer of /completions."""
    choices = [
        {"index": index, "text": text, "logprobs": None, "finish_reason": "stop"} for index, text in enumerate(texts)
    ]
    return {
        "id": "cmpl-fake0001",
        "object": "text_completion",
        "created": CREATED,
        "model": model,
        "choices": choices,
        "usage": usage,
    }


def legacy_chunks(model: str, texts: Sequence[str], usage: object, *, include_usage: bool) -> list[Json]:
    """Return the chunks of a stream of /completions."""
    envelope: Json = {"id": "cmpl-fake0001", "object": "text_completion", "created": CREATED, "model": model}
    made: list[Json] = []
    for index, text in enumerate(texts):
        for piece in pieces_of(text):
            choice = {"index": index, "text": piece, "logprobs": None, "finish_reason": None}
            made.append({**envelope, "choices": [choice]})
        ending = {"index": index, "text": "", "logprobs": None, "finish_reason": "stop"}
        made.append({**envelope, "choices": [ending]})
    if include_usage:
        made.append({**envelope, "choices": [], "usage": usage})
    return made


def embeddings(model: str, inputs: Sequence[object], dimension_count: int, encoding: str) -> Json:
    """Return vectors of length one, a different one for each input; base64 holds little-endian float32."""
    data = []
    for index, item in enumerate(inputs):
        vector = unit_vector(item, dimension_count)
        packed = base64.b64encode(struct.pack(f"<{dimension_count}f", *vector)).decode()
        data.append({"object": "embedding", "index": index, "embedding": packed if encoding == "base64" else vector})
    usage = {"prompt_tokens": 3 * len(inputs), "total_tokens": 3 * len(inputs)}
    return {"object": "list", "data": data, "model": model, "usage": usage}


def unit_vector(item: object, dimension_count: int) -> list[float]:
    """Return a vector that depends on `item` alone, as float32 can hold it."""
    seed = sum(msgspec.json.encode(item))
    raw = [math.sin(seed + position) for position in range(dimension_count)]
    length = math.sqrt(sum(value * value for value in raw))
    return [struct.unpack("<f", struct.pack("<f", value / length))[0] for value in raw]


def model_row(name: str) -> Json:
    return {"id": name, "object": "model", "created": CREATED, "owned_by": "fake"}


def error_body(message: str, kind: str, code: str | None = None, param: str | None = None) -> Json:
    """Return an error as OpenAI words it."""
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}
