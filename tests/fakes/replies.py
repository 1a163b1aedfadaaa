"""Replies of a provider in good health."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from tests.fakes import wire
from tests.fakes.exchange import Exchange, RecordedRequest, Reply
from tests.fakes.wire import Answer, ToolCall

SSE_HEADERS = {"content-type": "text/event-stream; charset=utf-8", "x-request-id": "req_fake0001"}
JSON_HEADERS = {"x-request-id": "req_fake0001"}
DIMENSION_COUNT = 8

# A usage object was not given: one is counted. None stands for a provider that sends none.
COUNTED = object()


def chat(*answers: Answer | str, usage: object = COUNTED) -> Reply:
    """Answer a chat completion, whole or as a stream, as the request asks. A text stands for an answer of it."""
    given = [Answer(text=answer) if isinstance(answer, str) else answer for answer in answers]

    async def reply(exchange: Exchange) -> None:
        body = exchange.request.body
        if body.get("stream"):
            await send_stream(exchange, frames_of(body, given, usage))
        else:
            counted = wire.default_usage(given) if usage is COUNTED else usage
            whole = wire.completion(body["model"], given, counted, logprobs=bool(body.get("logprobs")))
            await exchange.answer_json(200, whole, JSON_HEADERS)

    return reply


def frames_of(body: dict[str, Any], answers: Sequence[Answer], usage: object = COUNTED) -> list[bytes]:
    """Return the server-sent events that answer a request, `[DONE]` included."""
    counted = wire.default_usage(answers) if usage is COUNTED else usage
    include_usage = bool((body.get("stream_options") or {}).get("include_usage"))
    made = wire.chunks(
        body["model"], answers, counted, include_usage=include_usage, logprobs=bool(body.get("logprobs"))
    )
    return [*map(wire.sse, made), wire.DONE]


async def send_stream(exchange: Exchange, frames: Sequence[bytes]) -> None:
    """Send whole frames, one a chunk, to their end."""
    await exchange.send_head(200, SSE_HEADERS)
    for frame in frames:
        await exchange.send(frame)
    await exchange.end()


def raw_stream(data: bytes, piece_bytes: int) -> Reply:
    """Send a stream's bytes in pieces of a given size, wherever that cuts."""

    async def reply(exchange: Exchange) -> None:
        await exchange.send_head(200, SSE_HEADERS)
        for start in range(0, len(data), piece_bytes):
            await exchange.send(data[start : start + piece_bytes])
        await exchange.end()

    return reply


def chat_in_pieces(answer: Answer, piece_bytes: int) -> Reply:
    """Stream an answer cut every so many bytes, also inside a character."""

    async def reply(exchange: Exchange) -> None:
        await raw_stream(b"".join(frames_of(exchange.request.body, [answer])), piece_bytes)(exchange)

    return reply


def held(reply: Reply, gate: asyncio.Event) -> Reply:
    """Say nothing at all until `gate` is set, or the peer leaves; then reply."""

    async def wait_and_reply(exchange: Exchange) -> None:
        await wait_for_either(gate, exchange.closed)
        await reply(exchange)

    return wait_and_reply


def stream_held(answer: Answer, gate: asyncio.Event, frame_count: int = 3) -> Reply:
    """Stream the first frames, then the others once `gate` is set. A peer that leaves ends it."""

    async def reply(exchange: Exchange) -> None:
        frames = frames_of(exchange.request.body, [answer])
        await exchange.send_head(200, SSE_HEADERS)
        for frame in frames[:frame_count]:
            await exchange.send(frame)
        await wait_for_either(gate, exchange.closed)
        for frame in frames[frame_count:]:
            await exchange.send(frame)
        await exchange.end()

    return reply


async def wait_for_either(first: asyncio.Event, second: asyncio.Event) -> None:
    """Wait until one of two events is set."""
    waits = [asyncio.ensure_future(event.wait()) for event in (first, second)]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()


async def answer_by_default(exchange: Exchange) -> None:
    """Reply as a small and obliging model would: echo texts, call the tools offered, embed, list models."""
    request = exchange.request
    path = request.path.partition("?")[0]
    if request.method == "GET" and path == "/v1/models":
        await exchange.answer_json(200, {"object": "list", "data": [wire.model_row(name) for name in wire.MODELS]})
    elif request.method == "GET" and path.startswith("/v1/models/"):
        await answer_model(exchange, path.removeprefix("/v1/models/"))
    elif request.method == "POST" and path == "/v1/chat/completions":
        await chat(*[default_answer(request)] * (request.body.get("n") or 1))(exchange)
    elif request.method == "POST" and path == "/v1/completions":
        await answer_legacy(exchange)
    elif request.method == "POST" and path == "/v1/embeddings":
        await answer_embeddings(exchange)
    else:
        message = f"Unknown request URL: {request.method} {path}."
        await exchange.answer_json(404, wire.error_body(message, "invalid_request_error", "unknown_url"))


def default_answer(request: RecordedRequest) -> Answer:
    """Call every tool offered, once; echo the last text otherwise."""
    body = request.body
    last = body["messages"][-1]
    if body.get("tools") and body.get("tool_choice") != "none" and last["role"] != "tool":
        offered = [tool["function"]["name"] for tool in body["tools"]]
        called = offered[:1] if body.get("parallel_tool_calls") is False else offered
        return Answer(tool_calls=[ToolCall(f"call_{number}", name) for number, name in enumerate(called)])
    return Answer(text=text_of(last["content"]))


def text_of(content: Any) -> str:  # Any: decoded JSON, a text or a list of parts.
    """Join the texts of a message's content."""
    if isinstance(content, str):
        return content
    return " ".join(part["text"] for part in content or [] if part["type"] == "text")


async def answer_model(exchange: Exchange, name: str) -> None:
    if name in wire.MODELS:
        await exchange.answer_json(200, wire.model_row(name))
        return
    message = f"The model '{name}' does not exist"
    await exchange.answer_json(404, wire.error_body(message, "invalid_request_error", "model_not_found", "model"))


async def answer_legacy(exchange: Exchange) -> None:
    """Echo a raw prompt."""
    body = exchange.request.body
    prompt = body["prompt"] if isinstance(body["prompt"], str) else "token ids"
    texts = [f"{prompt} continued"] * (body.get("n") or 1)
    usage = wire.usage_of(5, 2 * len(texts))
    if body.get("stream"):
        include_usage = bool((body.get("stream_options") or {}).get("include_usage"))
        made = wire.legacy_chunks(body["model"], texts, usage, include_usage=include_usage)
        await send_stream(exchange, [*map(wire.sse, made), wire.DONE])
    else:
        await exchange.answer_json(200, wire.legacy_completion(body["model"], texts, usage), JSON_HEADERS)


async def answer_embeddings(exchange: Exchange) -> None:
    """Embed a text, a list of texts, a list of token ids, or a list of such lists."""
    body = exchange.request.body
    given = body["input"]
    inputs = [given] if isinstance(given, str) or isinstance(given[0], int) else given
    dimension_count = body.get("dimensions") or DIMENSION_COUNT
    encoding = body.get("encoding_format") or "float"
    await exchange.answer_json(200, wire.embeddings(body["model"], inputs, dimension_count, encoding), JSON_HEADERS)
