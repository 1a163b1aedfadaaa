"""Replies of a provider in trouble. Each is a way in which real ones have failed their callers."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable, Mapping, Sequence

import msgspec

from tests.fakes import wire
from tests.fakes.exchange import Exchange, Reply
from tests.fakes.replies import SSE_HEADERS, chat, frames_of, held, raw_stream, stream_held
from tests.fakes.wire import Answer, ToolCall

ANSWER = Answer(text="one two three four five six seven eight nine ten")
MIB = 1024 * 1024

STATUS_ERRORS = {
    400: ("The request is wrong.", "invalid_request_error", None),
    401: ("Incorrect API key provided.", "invalid_request_error", "invalid_api_key"),
    403: ("This key may not do that.", "invalid_request_error", "permission_denied"),
    404: ("The model does not exist.", "invalid_request_error", "model_not_found"),
    429: ("Rate limit reached for requests.", "requests", "rate_limit_exceeded"),
    500: ("The server had an error while processing your request.", "server_error", None),
    503: ("The engine is currently overloaded.", "server_error", "overloaded"),
    529: ("Overloaded.", "overloaded_error", None),
}


# Instead of an answer.


def status(code: int, *, headers: Mapping[str, str] | None = None, retry_after: str | None = None) -> Reply:
    """Refuse with an HTTP status and an error in OpenAI's shape."""
    message, kind, name = STATUS_ERRORS[code]
    sent = {**(headers or {}), **({} if retry_after is None else {"retry-after": retry_after})}

    async def reply(exchange: Exchange) -> None:
        await exchange.answer_json(code, wire.error_body(message, kind, name), sent)

    return reply


def error(code: int, body: object) -> Reply:
    """Refuse with an HTTP status and any JSON."""

    async def reply(exchange: Exchange) -> None:
        await exchange.answer_json(code, body)

    return reply


async def reset(exchange: Exchange) -> None:
    """Break the connection before any byte of an answer."""
    exchange.reset()


async def hang_up(exchange: Exchange) -> None:
    """Close the connection in order before any byte of an answer."""
    exchange.cut()


async def never_answer(exchange: Exchange) -> None:
    """Take the request and say nothing until the peer leaves."""
    await exchange.closed.wait()


async def head_then_silence(exchange: Exchange) -> None:
    """Send the head of an answer and nothing more."""
    streams = bool((exchange.request.body or {}).get("stream"))
    await exchange.send_head(200, SSE_HEADERS if streams else {"content-type": "application/json"})
    await exchange.closed.wait()


async def html(exchange: Exchange) -> None:
    """Answer 200 with a web page, as captive portals and wrong base URLs do."""
    page = b"<!DOCTYPE html><html><body><h1>Welcome</h1></body></html>"
    await exchange.answer(200, page, {"content-type": "text/html; charset=utf-8"})


async def html_error(exchange: Exchange) -> None:
    """Answer 502 with a web page, as load balancers do."""
    await exchange.answer(502, b"<html><body>502 Bad Gateway</body></html>", {"content-type": "text/html"})


def redirect(location: str) -> Reply:
    """Send the caller elsewhere."""

    async def reply(exchange: Exchange) -> None:
        await exchange.answer(307, b"", {"location": location})

    return reply


def body(data: bytes, content_type: str = "application/json") -> Reply:
    """Answer 200 with any bytes."""

    async def reply(exchange: Exchange) -> None:
        await exchange.answer(200, data, {"content-type": content_type})

    return reply


async def whole_cut(exchange: Exchange) -> None:
    """Promise a whole answer, send half of it, and close."""
    await exchange.send_head(200, {"content-type": "application/json"}, length_bytes=400)
    await exchange.send(b'{"id": "chatcmpl-fake0001", "object": "chat.completion", "choices": [')
    exchange.cut()


# In place of the rest of a stream.


def stream_then(frame_count: int, then: Callable[[Exchange], None] | Reply, answer: Answer = ANSWER) -> Reply:
    """Stream the first frames, then do something else."""

    async def reply(exchange: Exchange) -> None:
        await exchange.send_head(200, SSE_HEADERS)
        for frame in frames_of(exchange.request.body, [answer])[:frame_count]:
            await exchange.send(frame)
        result = then(exchange)
        if result is not None:
            await result

    return reply


def stream_cut(frame_count: int) -> Reply:
    """Close the connection after some frames, without the end that HTTP owes."""
    return stream_then(frame_count, Exchange.cut)


def stream_reset(frame_count: int) -> Reply:
    """Break the connection after some frames."""
    return stream_then(frame_count, Exchange.reset)


def stream_ended(frame_count: int) -> Reply:
    """End after some frames as HTTP wants it, but without the terminal that the dialect owes."""
    return stream_then(frame_count, Exchange.end)


def stream_stalled(frame_count: int) -> Reply:
    """Fall silent after some frames, until the peer leaves."""

    async def wait(exchange: Exchange) -> None:
        await exchange.closed.wait()

    return stream_then(frame_count, wait)


def stream_late(gate: asyncio.Event, answer: Answer = ANSWER) -> Reply:
    """Send the head and the role at once, and the first content when `gate` is set."""
    return stream_held(answer, gate, frame_count=1)


def answer_late(gate: asyncio.Event, answer: Answer = ANSWER) -> Reply:
    """Send nothing, not even a head, until `gate` is set."""
    return held(chat(answer), gate)


def stream_malformed(frame_count: int) -> Reply:
    """Send one frame of broken JSON after some good ones, then the rest as if nothing were wrong."""

    async def reply(exchange: Exchange) -> None:
        frames = frames_of(exchange.request.body, [ANSWER])
        broken = b'data: {"id": "chatcmpl-fake0001", "choices": [{"index": 0, "delta"\n\n'
        await exchange.send_head(200, SSE_HEADERS)
        for frame in [*frames[:frame_count], broken, *frames[frame_count:]]:
            await exchange.send(frame)
        await exchange.end()

    return reply


def stream_error_event(frame_count: int, message: str = "The server had an error.") -> Reply:
    """Answer 200, then report an error inside the stream."""

    async def fail(exchange: Exchange) -> None:
        await exchange.send(wire.sse(wire.error_body(message, "server_error", "server_error")))
        await exchange.end()

    return stream_then(frame_count, fail)


# Too much of everything.


async def endless_line(exchange: Exchange) -> None:
    """Send a stream whose first event never ends: spaces, a MiB at a time, until the peer leaves."""
    await exchange.send_head(200, SSE_HEADERS)
    await exchange.send(b"data: ")
    await send_forever(exchange, b" " * MIB)


def long_line(size_bytes: int) -> Reply:
    """Send one event of a given size without a newline in it, then a good end."""

    async def reply(exchange: Exchange) -> None:
        await exchange.send_head(200, SSE_HEADERS)
        await exchange.send(b"data: ")
        for start in range(0, size_bytes, MIB):
            await exchange.send(b" " * min(MIB, size_bytes - start))
        await exchange.send(b"{}\n\n" + wire.DONE)
        await exchange.end()

    return reply


async def endless_body(exchange: Exchange) -> None:
    """Send a whole answer that never ends."""
    await exchange.send_head(200, {"content-type": "application/json"})
    await exchange.send(b'{"choices": [')
    await send_forever(exchange, b" " * MIB)


async def endless_comments(exchange: Exchange) -> None:
    """Keep the stream alive for ever, and say nothing."""
    await exchange.send_head(200, SSE_HEADERS)
    await send_forever(exchange, b": keep-alive\n\n" * 512)


async def endless_stream(exchange: Exchange) -> None:
    """Never stop talking."""
    frames = frames_of(exchange.request.body, [Answer(text="again")])
    await exchange.send_head(200, SSE_HEADERS)
    await exchange.send(frames[0])
    await send_forever(exchange, frames[1] * 256)


async def gzip_bomb(exchange: Exchange) -> None:
    """Send a body of zeros, a thousandfold compressed, until the peer leaves."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, 31)
    head = compressor.compress(b"\0" * MIB) + compressor.flush(zlib.Z_FULL_FLUSH)
    # After a full flush the state is clean, so the same bytes may follow as often as one likes.
    block = compressor.compress(b"\0" * MIB) + compressor.flush(zlib.Z_FULL_FLUSH)
    streams = bool((exchange.request.body or {}).get("stream"))
    kind = SSE_HEADERS["content-type"] if streams else "application/json"
    await exchange.send_head(200, {"content-type": kind, "content-encoding": "gzip"})
    await exchange.send(head)
    await send_forever(exchange, block)


async def send_forever(exchange: Exchange, data: bytes) -> None:
    """Send the same bytes until the peer leaves; it ends with `PeerLeftError`."""
    while True:
        await exchange.send(data)
        await asyncio.sleep(0)  # Lets others run: a write into an empty buffer does not.


# Nonsense in good shape.

USAGES: Mapping[str, object] = {
    "missing": None,
    "negative": wire.usage_of(-5, -7),
    "huge": wire.usage_of(10**15, 10**15),
    "not a number": {"prompt_tokens": "NaN", "completion_tokens": 1.5, "total_tokens": {}},
    "not an object": "many",
}


async def usage_nan(exchange: Exchange) -> None:
    """Report NaN bare, which is no JSON, as some servers do."""
    request, usage = exchange.request.body, {**wire.usage_of(10, 10), "total_tokens": "@"}
    if request.get("stream"):
        data = b"".join(frames_of(request, [ANSWER], usage))
        kind = SSE_HEADERS["content-type"]
    else:
        data = msgspec.json.encode(wire.completion(request["model"], [ANSWER], usage))
        kind = "application/json"
    await exchange.answer(200, data.replace(b'"@"', b"NaN"), {"content-type": kind})


async def usage_doubled(exchange: Exchange) -> None:
    """Report the usage of a stream twice, the second time with every count doubled; whole, it is in good order."""
    request = exchange.request.body
    if not request.get("stream"):
        await chat(ANSWER)(exchange)
        return
    once = frames_of(request, [ANSWER], wire.usage_of(10, 10))
    twice = frames_of(request, [ANSWER], wire.usage_of(20, 20))
    await raw_stream(b"".join([*once[:-1], twice[-2], once[-1]]), MIB)(exchange)


HOSTILE_TEXTS: Sequence[str] = (
    "before\n\ndata: [DONE]\n\nafter",
    'x\r\n\r\ndata: {"error": {"message": "no"}}\r\n\r\n',
    "carriage\rreturn",
    "line\u2028separator\u2029and paragraph",
    "\x00\x07\x1b[31mred\x7f",
    "Grüße, 你好, 🏳️‍🌈, e\u0301",
    "event: error\ndata: no\nid: 7\nretry: 1\n: comment",
)

UNKNOWN_TOOL = Answer(tool_calls=[ToolCall("call_0", "launch_missiles", '{"target": "moon"}')])
BROKEN_ARGUMENTS = Answer(tool_calls=[ToolCall("call_0", "get_weather", '{"city": "Os')])
