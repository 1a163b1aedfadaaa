"""Replies of a provider in good health, of any dialect: that of the exchange."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from tests.fakes.answer import COUNTED, Answer, Counts, default_counts
from tests.fakes.dialect import Place, Response, Stream, index_of
from tests.fakes.exchange import Exchange, Reply


def chat(*answers: Answer | str, usage: object = COUNTED) -> Reply:
    """Answer a generation, whole or as a stream, as the request asks. A text stands for an answer of it.

    `usage` is `Counts`, or what the dialect puts in the place of a usage; None leaves it out.
    """
    given = [Answer(text=answer) if isinstance(answer, str) else answer for answer in answers]

    async def reply(exchange: Exchange) -> None:
        if exchange.dialect.is_stream(exchange.request):
            await send_stream(exchange, stream_of(exchange, given, usage).frames)
        else:
            await exchange.answer_json(200, whole_of(exchange, given, usage), exchange.dialect.headers)

    return reply


def whole_of(exchange: Exchange, answers: Sequence[Answer], usage: object = COUNTED) -> object:
    """Return the JSON that answers a request whole."""
    return exchange.dialect.whole(exchange.request, answers, usage_of(exchange, answers, usage))


def stream_of(exchange: Exchange, answers: Sequence[Answer], usage: object = COUNTED) -> Stream:
    """Return the frames that answer a request as a stream."""
    return exchange.dialect.stream(exchange.request, answers, usage_of(exchange, answers, usage))


def usage_of(exchange: Exchange, answers: Sequence[Answer], usage: object) -> object:
    """Return a usage in the dialect's shape."""
    counts = default_counts(answers) if usage is COUNTED else usage
    return exchange.dialect.usage(counts) if isinstance(counts, Counts) else counts


async def send_stream_head(exchange: Exchange) -> None:
    """Begin a stream."""
    content_type = exchange.dialect.framing.content_type
    await exchange.send_head(200, {"content-type": content_type, **exchange.dialect.headers})


async def send_stream(exchange: Exchange, frames: Sequence[bytes]) -> None:
    """Send whole frames, one a chunk, to their end."""
    await send_stream_head(exchange)
    for frame in frames:
        await exchange.send(frame)
    await exchange.end()


async def send_response(exchange: Exchange, response: Response) -> None:
    """Send a whole answer."""
    await exchange.answer_json(response.status, response.body, response.headers)


def raw_stream(data: bytes, piece_bytes: int) -> Reply:
    """Send a stream's bytes in pieces of a given size, wherever that cuts."""

    async def reply(exchange: Exchange) -> None:
        await send_stream_head(exchange)
        for start in range(0, len(data), piece_bytes):
            await exchange.send(data[start : start + piece_bytes])
        await exchange.end()

    return reply


def chat_in_pieces(answer: Answer, piece_bytes: int) -> Reply:
    """Stream an answer cut every so many bytes, also inside a character."""

    async def reply(exchange: Exchange) -> None:
        await raw_stream(b"".join(stream_of(exchange, [answer]).frames), piece_bytes)(exchange)

    return reply


def held(reply: Reply, gate: asyncio.Event) -> Reply:
    """Say nothing at all until `gate` is set, or the peer leaves; then reply."""

    async def wait_and_reply(exchange: Exchange) -> None:
        await wait_for_either(gate, exchange.closed)
        await reply(exchange)

    return wait_and_reply


def stream_held(answer: Answer, gate: asyncio.Event, frame_count: Place = 3) -> Reply:
    """Stream the first frames, then the others once `gate` is set. A peer that leaves ends it."""

    async def reply(exchange: Exchange) -> None:
        stream = stream_of(exchange, [answer])
        split = index_of(frame_count, stream)
        await send_stream_head(exchange)
        for frame in stream.frames[:split]:
            await exchange.send(frame)
        await wait_for_either(gate, exchange.closed)
        for frame in stream.frames[split:]:
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
    dialect, request = exchange.dialect, exchange.request
    refused = dialect.refuse(request)
    if refused is not None:
        await send_response(exchange, refused)
    elif dialect.is_generation(request):
        await chat(*dialect.prompt(request).answers())(exchange)
    else:
        answer = dialect.rest(request)
        if isinstance(answer, Response):
            await send_response(exchange, answer)
        else:
            await send_stream(exchange, answer)
