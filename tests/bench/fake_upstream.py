"""An OpenAI-compatible upstream that costs 10 to 30 µs of CPU a request, so that it is never what is measured.

    python -m tests.bench.fake_upstream

Prints the port that it took. Every answer is made beforehand: a chat completion of about 600 bytes, 100 content
chunks for a request with `"stream":true`, or a vector of 1,536 numbers for `/embeddings`.
"""

from __future__ import annotations

import asyncio
import base64
import json
import struct
from typing import cast

from tests.bench.serving import run_server

TOKEN_COUNT = 100
DIMENSION_COUNT = 1_536
HEAD_END = b"\r\n\r\n"
LENGTH_HEADER = b"content-length:"

ANSWER = {"id": "chatcmpl-1", "created": 1_700_000_000, "model": "gpt-4o-mini", "system_fingerprint": "fp_1"}
USAGE = {"prompt_tokens": 20, "completion_tokens": TOKEN_COUNT, "total_tokens": 20 + TOKEN_COUNT}


def whole_response(value: object) -> bytes:
    """Return a 200 with a JSON body."""
    body = json.dumps(value, separators=(",", ":")).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body


def completion() -> bytes:
    message = {"role": "assistant", "content": "Hello! How can I help you today? " * 8, "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    return whole_response({**ANSWER, "object": "chat.completion", "choices": [choice], "usage": USAGE})


def embedding(*, as_base64: bool) -> bytes:
    numbers = [round((index % 97 - 48) / 1000, 6) for index in range(DIMENSION_COUNT)]
    packed = base64.b64encode(struct.pack(f"<{DIMENSION_COUNT}f", *numbers)).decode()
    item = {"object": "embedding", "index": 0, "embedding": packed if as_base64 else numbers}
    usage = {"prompt_tokens": 20, "total_tokens": 20}
    return whole_response({"object": "list", "data": [item], "model": "text-embedding-3-small", "usage": usage})


def chunk(data: bytes) -> bytes:
    """Frame bytes as one chunk of HTTP."""
    return b"%x\r\n%s\r\n" % (len(data), data)


def event(choices: list[object], **more: object) -> bytes:
    value = {**ANSWER, "object": "chat.completion.chunk", "choices": choices, **more}
    return chunk(b"data: " + json.dumps(value, separators=(",", ":")).encode() + b"\n\n")


def delta(content: dict[str, str], finish_reason: str | None = None) -> bytes:
    return event([{"index": 0, "delta": content, "finish_reason": finish_reason}])


COMPLETION = completion()
EMBEDDING_FLOATS = embedding(as_base64=False)
EMBEDDING_BASE64 = embedding(as_base64=True)
STREAM_START = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n"
    + delta({"role": "assistant", "content": ""})
)
STREAM_TOKENS = [delta({"content": f"tok{number} "}) for number in range(TOKEN_COUNT)]
STREAM_END = delta({}, "stop") + event([], usage=USAGE) + chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n"


class Upstream(asyncio.Protocol):
    """One connection: as little HTTP as keep-alive needs."""

    def __init__(self) -> None:
        self._buffer = b""
        self._stream: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports do not inherit from asyncio's.
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, error: Exception | None) -> None:
        if self._stream is not None:
            self._stream.cancel()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(HEAD_END)) >= 0:
            head = self._buffer[:end].lower()
            at = head.find(LENGTH_HEADER)
            length = int(head[at + len(LENGTH_HEADER) :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            body_end = end + len(HEAD_END) + length
            if len(self._buffer) < body_end:
                return
            body = self._buffer[end + len(HEAD_END) : body_end]
            self._buffer = self._buffer[body_end:]
            self._answer(head, body)

    def _answer(self, head: bytes, body: bytes) -> None:
        if b"/embeddings" in head[:64]:
            self._transport.write(EMBEDDING_BASE64 if b'"base64"' in body else EMBEDDING_FLOATS)
        elif b'"stream":true' in body or b'"stream": true' in body:
            self._stream = asyncio.ensure_future(self._write_stream())
        else:
            self._transport.write(COMPLETION)

    async def _write_stream(self) -> None:
        """Write token by token, with a turn of the loop in between, as a model's tokens come one by one."""
        self._transport.write(STREAM_START)
        for piece in STREAM_TOKENS:
            self._transport.write(piece)
            await asyncio.sleep(0)
        self._transport.write(STREAM_END)


async def serve() -> tuple[int, object]:
    """Listen; return the port and the server."""
    server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", 0, backlog=4096)
    return server.sockets[0].getsockname()[1], server


if __name__ == "__main__":
    run_server(serve)
