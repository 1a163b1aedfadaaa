"""What each dialect's provider answers, whole and streamed, written by hand after the providers' documentation.

An answer says texts and makes calls, in order. It counts as ten tokens read, three of them from a cache and one
written to it where the provider tells such things, and seven written.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.fakes.canned import Canned, json_answer
from tests.fakes.framing import aws_message

Json = dict[str, Any]  # Any: JSON
RATE_LIMITED = "slow down"


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call; `arguments` is JSON text, streamed in two pieces. `id` is what the provider gives, if it does."""

    name: str
    arguments: str = "{}"
    id: str = ""

    @property
    def pieces(self) -> tuple[str, str]:
        middle = len(self.arguments) // 2
        return self.arguments[:middle], self.arguments[middle:]

    @property
    def input(self) -> Json:
        decoded: Json = json.loads(self.arguments)
        return decoded


Said = str | Call


@dataclass(frozen=True, slots=True)
class Dialect:
    """One wire format. `whole` and `stream` make an answer of what it says and of the word that ends it.

    `frames` are a stream's pieces, which `stream` joins. `stop`, `called` and `limited` are the provider's words.
    `usage` is what the answer's counts are to be: prompt, cached, written to the cache, completion.
    """

    whole: Callable[[Sequence[Said], str], Json]
    frames: Callable[[Sequence[Said], str], list[bytes]]
    media_type: str
    stop: str
    called: str
    limited: str
    usage: tuple[int, int, int, int] = (10, 3, 1, 7)
    error: Callable[[str], Json] = lambda message: {"error": {"message": message}}

    def answer(self, *said: Said, word: str = "") -> Canned:
        return json_answer(self.whole(said, word or self.word_for(said)))

    def stream(self, *said: Said, word: str = "") -> Canned:
        return Canned(b"".join(self.frames(said, word or self.word_for(said))), self.media_type)

    def word_for(self, said: Sequence[Said]) -> str:
        return self.called if any(isinstance(item, Call) for item in said) else self.stop


def dumps(value: object) -> str:
    """Return JSON with its characters as they are, as providers write it."""
    return json.dumps(value, ensure_ascii=False)


def event(value: Mapping[str, Any], *, name: str = "", line_end: str = "\n") -> bytes:
    """Return one server-sent event."""
    named = f"event: {name}{line_end}" if name else ""
    return f"{named}data: {dumps(value)}{line_end}{line_end}".encode()


def text_of(said: Sequence[Said]) -> str:
    return "".join(item for item in said if isinstance(item, str))


# OpenAI, and those that speak like it.

OPENAI_USAGE = {
    "prompt_tokens": 10,
    "completion_tokens": 7,
    "total_tokens": 17,
    "prompt_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 1},
}


def openai_whole(said: Sequence[Said], word: str) -> Json:
    calls = [
        {
            "id": item.id or f"call_{place}",
            "type": "function",
            "function": {"name": item.name, "arguments": item.arguments},
        }
        for place, item in enumerate(said)
        if isinstance(item, Call)
    ]
    message = {"role": "assistant", "content": text_of(said) or None, **({"tool_calls": calls} if calls else {})}
    choice = {"index": 0, "message": message, "finish_reason": word}
    return {
        "id": "r-1",
        "object": "chat.completion",
        "created": 1,
        "model": "m-1",
        "choices": [choice],
        "usage": OPENAI_USAGE,
    }


def openai_chunk(delta: Json, finish: str | None = None, **more: object) -> Json:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "r-1", "object": "chat.completion.chunk", "created": 1, "model": "m-1", "choices": [choice], **more}


def openai_frames(said: Sequence[Said], word: str) -> list[bytes]:
    chunks, count = [openai_chunk({"role": "assistant", "content": ""})], 0
    for item in said:
        if isinstance(item, str):
            chunks.append(openai_chunk({"content": item}))
            continue
        head = {"id": item.id or f"call_{count}", "type": "function", "function": {"name": item.name, "arguments": ""}}
        chunks.append(openai_chunk({"tool_calls": [{"index": count, **head}]}))
        chunks += [
            openai_chunk({"tool_calls": [{"index": count, "function": {"arguments": piece}}]}) for piece in item.pieces
        ]
        count += 1
    chunks += [openai_chunk({}, word), {**openai_chunk({}), "choices": [], "usage": OPENAI_USAGE}]
    return [*map(event, chunks), b"data: [DONE]\n\n"]


# Anthropic.

ANTHROPIC_USAGE = {
    "input_tokens": 6,
    "cache_read_input_tokens": 3,
    "cache_creation_input_tokens": 1,
    "output_tokens": 7,
}
ANTHROPIC_HEAD = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m-1", "stop_sequence": None}


def anthropic_whole(said: Sequence[Said], word: str) -> Json:
    content = [
        {"type": "text", "text": item}
        if isinstance(item, str)
        else {"type": "tool_use", "id": item.id or f"toolu_{place}", "name": item.name, "input": item.input}
        for place, item in enumerate(said)
    ]
    return {**ANTHROPIC_HEAD, "content": content, "stop_reason": word, "usage": ANTHROPIC_USAGE}


def anthropic_events(*events: Mapping[str, Any]) -> list[bytes]:
    """Return events, each named by its type."""
    return [event(value, name=value["type"]) for value in events]


def anthropic_start(usage: Mapping[str, Any] = ANTHROPIC_USAGE) -> Json:
    message = {**ANTHROPIC_HEAD, "content": [], "stop_reason": None, "usage": {**usage, "output_tokens": 1}}
    return {"type": "message_start", "message": message}


def anthropic_block(place: int, block: Json, *deltas: Json) -> list[Json]:
    """Return the events of one content block."""
    made = [{"type": "content_block_delta", "index": place, "delta": delta} for delta in deltas]
    start = {"type": "content_block_start", "index": place, "content_block": block}
    return [start, *made, {"type": "content_block_stop", "index": place}]


def anthropic_end(word: str, usage: Mapping[str, Any] = ANTHROPIC_USAGE) -> list[Json]:
    delta = {"stop_reason": word, "stop_sequence": None}
    return [{"type": "message_delta", "delta": delta, "usage": usage}, {"type": "message_stop"}]


def anthropic_frames(said: Sequence[Said], word: str) -> list[bytes]:
    events = [anthropic_start(), {"type": "ping"}]
    for place, item in enumerate(said):
        if isinstance(item, str):
            events += anthropic_block(place, {"type": "text", "text": ""}, {"type": "text_delta", "text": item})
            continue
        block = {"type": "tool_use", "id": item.id or f"toolu_{place}", "name": item.name, "input": {}}
        pieces = () if item.arguments == "{}" else item.pieces
        deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in ("", *pieces)]
        events += anthropic_block(place, block, *deltas)
    return anthropic_events(*events, *anthropic_end(word))


# Google.

GEMINI_USAGE = {
    "promptTokenCount": 10,
    "cachedContentTokenCount": 3,
    "candidatesTokenCount": 5,
    "thoughtsTokenCount": 2,
    "totalTokenCount": 17,
}


def gemini_answer(*parts: Json, word: str = "", **more: object) -> Json:
    candidate: Json = {"index": 0, "content": {"role": "model", "parts": list(parts)}}
    if word:
        candidate["finishReason"] = word
    return {"candidates": [candidate], "modelVersion": "m-1", "responseId": "r-1", **more}


def gemini_part(item: Said) -> Json:
    return {"text": item} if isinstance(item, str) else {"functionCall": {"name": item.name, "args": item.input}}


def gemini_whole(said: Sequence[Said], word: str) -> Json:
    return gemini_answer(*map(gemini_part, said), word=word, usageMetadata=GEMINI_USAGE)


def gemini_frames(said: Sequence[Said], word: str) -> list[bytes]:
    early = {**GEMINI_USAGE, "candidatesTokenCount": 1}
    chunks = [gemini_answer(gemini_part(item), usageMetadata=early) for item in said[:-1]]
    chunks.append(gemini_answer(*map(gemini_part, said[-1:]), word=word, usageMetadata=GEMINI_USAGE))
    return [event(chunk, line_end="\r\n") for chunk in chunks]


# Bedrock.

BEDROCK_USAGE = {
    "inputTokens": 6,
    "cacheReadInputTokens": 3,
    "cacheWriteInputTokens": 1,
    "outputTokens": 7,
    "totalTokens": 17,
}


def bedrock_whole(said: Sequence[Said], word: str) -> Json:
    content = [
        {"text": item}
        if isinstance(item, str)
        else {"toolUse": {"toolUseId": item.id or f"tooluse_{place}", "name": item.name, "input": item.input}}
        for place, item in enumerate(said)
    ]
    message = {"role": "assistant", "content": content}
    return {"output": {"message": message}, "stopReason": word, "usage": BEDROCK_USAGE, "metrics": {"latencyMs": 1}}


def bedrock_frames(said: Sequence[Said], word: str) -> list[bytes]:
    frames = [aws_message("messageStart", {"role": "assistant"})]
    for place, item in enumerate(said):
        here: Json = {"contentBlockIndex": place}
        if isinstance(item, str):
            frames.append(aws_message("contentBlockDelta", {**here, "delta": {"text": item}}))
        else:
            start = {"toolUse": {"toolUseId": item.id or f"tooluse_{place}", "name": item.name}}
            frames.append(aws_message("contentBlockStart", {**here, "start": start}))
            pieces = () if item.arguments == "{}" else item.pieces
            frames += [aws_message("contentBlockDelta", {**here, "delta": {"toolUse": {"input": p}}}) for p in pieces]
        frames.append(aws_message("contentBlockStop", here))
    frames.append(aws_message("messageStop", {"stopReason": word}))
    return [*frames, aws_message("metadata", {"usage": BEDROCK_USAGE, "metrics": {"latencyMs": 1}})]


# Cohere.

COHERE_USAGE = {
    "billed_units": {"input_tokens": 4, "output_tokens": 2},
    "tokens": {"input_tokens": 10, "output_tokens": 7},
    "cached_tokens": 3,
}


def cohere_call(item: Call, place: int) -> Json:
    function = {"name": item.name, "arguments": item.arguments}
    return {"id": item.id or f"{item.name}_{place}", "type": "function", "function": function}


def cohere_whole(said: Sequence[Said], word: str) -> Json:
    calls = [cohere_call(item, place) for place, item in enumerate(said) if isinstance(item, Call)]
    message: Json = {"role": "assistant"}
    if calls:
        message |= {"tool_calls": calls, "tool_plan": text_of(said)}
    else:
        message["content"] = [{"type": "text", "text": text_of(said)}]
    return {"id": "c-1", "finish_reason": word, "message": message, "usage": COHERE_USAGE}


def cohere_event(kind: str, index: int | None = None, **message: object) -> Json:
    place = {} if index is None else {"index": index}
    return {"type": kind, **place, "delta": {"message": message}}


def cohere_end(word: str, **more: object) -> Json:
    return {"type": "message-end", "delta": {"finish_reason": word, "usage": COHERE_USAGE, **more}}


def cohere_frames(said: Sequence[Said], word: str) -> list[bytes]:
    empty = {"content": [], "tool_plan": "", "tool_calls": [], "citations": []}
    events = [{"id": "c-1", **cohere_event("message-start", role="assistant", **empty)}]
    calls = [item for item in said if isinstance(item, Call)]
    if calls:
        events += [cohere_event("tool-plan-delta", tool_plan=item) for item in said if isinstance(item, str)]
    for place, call in enumerate(calls):
        head = cohere_call(Call(call.name, "", call.id), place)
        events.append(cohere_event("tool-call-start", place, tool_calls=head))
        events += [
            cohere_event("tool-call-delta", place, tool_calls={"function": {"arguments": piece}})
            for piece in call.pieces
        ]
        events.append({"type": "tool-call-end", "index": place})
    if not calls:
        events.append(cohere_event("content-start", 0, content={"type": "text", "text": ""}))
        events += [cohere_event("content-delta", 0, content={"text": item}) for item in said]
        events.append({"type": "content-end", "index": 0})
    return anthropic_events(*events, cohere_end(word))


# Ollama.

OLLAMA_COUNTS = {"prompt_eval_count": 10, "eval_count": 7, "total_duration": 5_000_000_000}


def ollama_line(content: str, word: str = "", calls: Sequence[Call] = ()) -> Json:
    message: Json = {"role": "assistant", "content": content}
    if calls:
        message["tool_calls"] = [{"function": {"name": call.name, "arguments": call.input}} for call in calls]
    ended: Json = {"done_reason": word, **OLLAMA_COUNTS} if word else {}
    return {"model": "m-1", "created_at": "2026-01-01T00:00:00Z", "message": message, "done": bool(word), **ended}


def ollama_whole(said: Sequence[Said], word: str) -> Json:
    return ollama_line(text_of(said), word, [item for item in said if isinstance(item, Call)])


def ollama_frames(said: Sequence[Said], word: str) -> list[bytes]:
    lines = [ollama_line(item) if isinstance(item, str) else ollama_line("", calls=[item]) for item in said]
    return [f"{dumps(line)}\n".encode() for line in (*lines, ollama_line("", word))]


SSE = "text/event-stream"
DIALECTS = {
    "anthropic": Dialect(anthropic_whole, anthropic_frames, SSE, "end_turn", "tool_use", "max_tokens"),
    "bedrock": Dialect(
        bedrock_whole, bedrock_frames, "application/vnd.amazon.eventstream", "end_turn", "tool_use", "max_tokens"
    ),
    "cohere": Dialect(cohere_whole, cohere_frames, SSE, "COMPLETE", "TOOL_CALL", "MAX_TOKENS", (10, 3, 0, 7)),
    "gemini": Dialect(gemini_whole, gemini_frames, SSE, "STOP", "STOP", "MAX_TOKENS", (10, 3, 0, 7)),
    "ollama": Dialect(ollama_whole, ollama_frames, "application/x-ndjson", "stop", "stop", "length", (10, 0, 0, 7)),
    "openai": Dialect(openai_whole, openai_frames, SSE, "stop", "tool_calls", "length"),
}
