"""Replies of a provider in trouble, of any dialect. Each is a way in which real ones have failed their callers."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable, Mapping, Sequence

from tests.fakes.answer import Answer, Counts, ToolCall
from tests.fakes.dialect import (
    TROUBLE_BY_STATUS,
    Place,
    Stream,
    Trouble,
    after_content,
    before_terminal,
    index_of,
    opened,
)
from tests.fakes.exchange import Exchange, Reply
from tests.fakes.framing import encode_json
from tests.fakes.replies import chat, held, send_stream, send_stream_head, stream_held, stream_of, whole_of

ANSWER = Answer(text="one two three four five six seven eight nine ten")
MIB = 1024 * 1024


# Instead of an answer.


def status(code: int, *, headers: Mapping[str, str] | None = None, retry_after: str | None = None) -> Reply:
    """Refuse with an HTTP status and an error in the vendor's shape."""
    return refusal(TROUBLE_BY_STATUS[code], retry_after=retry_after, headers=headers)


def refusal(
    trouble: Trouble,
    message: str | None = None,
    *,
    retry_after: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """Refuse as the vendor does in some trouble; `message` replaces its own words."""

    async def reply(exchange: Exchange) -> None:
        response = exchange.dialect.refusal(trouble, message, retry_after)
        await exchange.answer_json(response.status, response.body, {**response.headers, **(headers or {})})

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
    await exchange.send_head(200, {"content-type": content_type_of(exchange)})
    await exchange.closed.wait()


def content_type_of(exchange: Exchange) -> str:
    """Return the type of a healthy answer."""
    is_stream = exchange.dialect.is_stream(exchange.request)
    return exchange.dialect.framing.content_type if is_stream else "application/json"


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


def error_in_200(trouble: Trouble = "server") -> Reply:
    """Answer 200 with the body of an error."""

    async def reply(exchange: Exchange) -> None:
        await exchange.answer_json(200, exchange.dialect.refusal(trouble).body)

    return reply


async def whole_cut(exchange: Exchange) -> None:
    """Promise a whole answer, send half of it, and close."""
    data = encode_json(whole_of(exchange, [ANSWER]))
    await exchange.send_head(200, {"content-type": "application/json"}, length_bytes=len(data))
    await exchange.send(data[: len(data) // 2])
    exchange.cut()


# In place of the rest of a stream.


def stream_then(place: Place, then: Callable[[Exchange], None] | Reply, answer: Answer = ANSWER) -> Reply:
    """Stream the first frames, then do something else."""

    async def reply(exchange: Exchange) -> None:
        stream = stream_of(exchange, [answer])
        await send_stream_head(exchange)
        for frame in stream.frames[: index_of(place, stream)]:
            await exchange.send(frame)
        result = then(exchange)
        if result is not None:
            await result

    return reply


def stream_cut(place: Place) -> Reply:
    """Close the connection after some frames, without the end that HTTP owes."""
    return stream_then(place, Exchange.cut)


def stream_reset(place: Place) -> Reply:
    """Break the connection after some frames."""
    return stream_then(place, Exchange.reset)


# A stream whose connection is gone before its end, at one place or another.
BREAKS: Sequence[Reply] = (
    stream_cut(opened),
    stream_cut(after_content(3)),
    stream_cut(before_terminal),
    stream_reset(after_content(3)),
)


def stream_ended(place: Place) -> Reply:
    """End after some frames as HTTP wants it, but without the terminal that the dialect owes."""
    return stream_then(place, Exchange.end)


def stream_stalled(place: Place) -> Reply:
    """Fall silent after some frames, until the peer leaves."""

    async def wait(exchange: Exchange) -> None:
        await exchange.closed.wait()

    return stream_then(place, wait)


def stream_late(gate: asyncio.Event, answer: Answer = ANSWER) -> Reply:
    """Send the head and what comes before content at once, and the first content when `gate` is set."""
    return stream_held(answer, gate, lambda stream: len(stream.opening))


def answer_late(gate: asyncio.Event, answer: Answer = ANSWER) -> Reply:
    """Send nothing, not even a head, until `gate` is set."""
    return held(chat(answer), gate)


def stream_malformed(place: Place) -> Reply:
    """Send one frame of broken JSON after some good ones, then the rest as if nothing were wrong."""

    async def reply(exchange: Exchange) -> None:
        stream = stream_of(exchange, [ANSWER])
        split = index_of(place, stream)
        frames = stream.frames
        await send_stream(exchange, [*frames[:split], exchange.dialect.malformed, *frames[split:]])

    return reply


def stream_error_event(place: Place, message: str = "The server had an error.") -> Reply:
    """Answer 200, then report an error of the server inside the stream."""
    return refusal_in_stream(place, "server", message)


def refusal_in_stream(place: Place, trouble: Trouble, message: str | None = None) -> Reply:
    """Answer 200, then report some trouble inside the stream; `message` replaces the vendor's own words."""

    async def fail(exchange: Exchange) -> None:
        await exchange.send(exchange.dialect.error_frame(trouble, message))
        await exchange.end()

    return stream_then(place, fail)


# Too much of everything.


async def endless_line(exchange: Exchange) -> None:
    """Send a stream whose first frame never ends: spaces, a MiB at a time, until the peer leaves."""
    await send_stream_head(exchange)
    await exchange.send(exchange.dialect.framing.opening)
    await send_forever(exchange, b" " * MIB)


def long_line(size_bytes: int) -> Reply:
    """Send one frame of a given size without a newline in it, then a good end."""

    async def reply(exchange: Exchange) -> None:
        framing = exchange.dialect.framing
        await send_stream_head(exchange)
        await exchange.send(framing.opening)
        for start in range(0, size_bytes, MIB):
            await exchange.send(b" " * min(MIB, size_bytes - start))
        await exchange.send(framing.closing + b"".join(stream_of(exchange, [ANSWER]).terminal))
        await exchange.end()

    return reply


async def endless_body(exchange: Exchange) -> None:
    """Send a whole answer that never ends."""
    await exchange.send_head(200, {"content-type": "application/json"})
    await exchange.send(encode_json(whole_of(exchange, [ANSWER]))[:-1])
    await send_forever(exchange, b" " * MIB)


async def endless_comments(exchange: Exchange) -> None:
    """Keep the stream alive for ever, and say nothing."""
    await send_stream_head(exchange)
    await send_forever(exchange, exchange.dialect.framing.noise * 512)


async def endless_stream(exchange: Exchange) -> None:
    """Never stop talking."""
    stream = stream_of(exchange, [Answer(text="again")])
    await send_stream_head(exchange)
    for frame in stream.opening:
        await exchange.send(frame)
    await send_forever(exchange, stream.content[0] * 256)


async def gzip_bomb(exchange: Exchange) -> None:
    """Send a body of zeros, a thousandfold compressed, until the peer leaves."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, 31)
    head = compressor.compress(b"\0" * MIB) + compressor.flush(zlib.Z_FULL_FLUSH)
    # After a full flush the state is clean, so the same bytes may follow as often as one likes.
    block = compressor.compress(b"\0" * MIB) + compressor.flush(zlib.Z_FULL_FLUSH)
    await exchange.send_head(200, {"content-type": content_type_of(exchange), "content-encoding": "gzip"})
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
    "negative": Counts(-5, -7),
    "huge": Counts(10**15, 10**15),
    "not a number": Counts("NaN", 1.5),
    "not an object": "many",
    "NaN": Counts(10, float("nan")),
}


async def usage_doubled(exchange: Exchange) -> None:
    """Report the usage of a stream twice, the second time with every count doubled; whole, it is in good order."""
    if not exchange.dialect.is_stream(exchange.request):
        await chat(ANSWER)(exchange)
        return
    once, twice = (stream_of(exchange, [ANSWER], Counts(10 * times, 10 * times)) for times in (1, 2))
    await send_stream(exchange, with_usage_again(once, twice))


def with_usage_again(once: Stream, twice: Stream) -> list[bytes]:
    """Return a stream in which the last frame that tells a usage is followed by the same frame of another stream."""
    frames, others = once.frames, twice.frames
    telling = [index for index, frame in enumerate(frames) if frame != others[index]]
    if not telling:
        return frames  # The request asks for no usage.
    place = telling[-1] + 1
    return [*frames[:place], others[place - 1], *frames[place:]]


NONSENSE_USAGES: Mapping[str, Reply] = {
    **{kind: chat(ANSWER, usage=usage) for kind, usage in USAGES.items()},
    "doubled": usage_doubled,
}

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
