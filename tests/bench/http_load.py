"""Loads one HTTP endpoint over kept-alive connections, each sending its next request when the last is answered.

    python -m tests.bench.http_load PORT chat|stream|embed --connections 16 --seconds 2

A driver of raw bytes costs about 20 µs a request: a client library would cost more than what is measured.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from typing import cast

import msgspec
import uvloop

from tests.bench.load import summarize
from tests.bench.payload import CHAT_PATH, EMBED_PATH, chat_body, embed_body

HEAD_END = b"\r\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"
SILENCE_S = 20.0

REQUESTS = {
    "chat": (CHAT_PATH, chat_body(stream=False)),
    "stream": (CHAT_PATH, chat_body(stream=True)),
    "embed": (EMBED_PATH, embed_body()),
}


def make_request(port: int, kind: str) -> bytes:
    """Return the bytes of a request."""
    path, body = REQUESTS[kind]
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer none\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Run:
    """What all connections share: when to stop, and what was seen."""

    def __init__(self, request: bytes, until_s: float) -> None:
        self.request = request
        self.until_s = until_s
        self.latencies_s: list[float] = []
        self.failed_count = 0


class Connection(asyncio.Protocol):
    """One connection. `done` is set once its last answer has come."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._pieces: list[bytes] = []
        self._head = b""
        self._left = -1
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports do not inherit from asyncio's.
        self._transport = cast(asyncio.Transport, transport)
        self._send()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self._run.failed_count += 1
            self.done.set_result(None)

    def _send(self) -> None:
        self._pieces = []
        self._head = b""
        self._sent_s = time.perf_counter()
        self._transport.write(self._run.request)

    def data_received(self, data: bytes) -> None:
        self._pieces.append(data)
        if not self._head:
            whole = b"".join(self._pieces)
            end = whole.find(HEAD_END)
            if end < 0:
                return
            self._head, body = whole[:end].lower(), whole[end + len(HEAD_END) :]
            self._pieces = [body]
            self._left = body_length(self._head)
            data = body
        if self._left >= 0:
            self._left -= len(data)
            if self._left <= 0:
                self._finish(is_good=self._left == 0)
        elif data.endswith(LAST_CHUNK) or (
            len(data) < len(LAST_CHUNK) and b"".join(self._pieces[-5:]).endswith(LAST_CHUNK)
        ):
            self._finish(is_good=b"data: [DONE]" in b"".join(self._pieces[-5:]))

    def _finish(self, *, is_good: bool) -> None:
        now_s = time.perf_counter()
        self._run.latencies_s.append(now_s - self._sent_s)
        if not is_good or not self._head.startswith(b"http/1.1 200"):
            self._run.failed_count += 1
        if now_s < self._run.until_s and not self._transport.is_closing():
            self._send()
            return
        self.done.set_result(None)
        self._transport.close()


def body_length(head: bytes) -> int:
    """Return the length that a response's head tells; -1 where it comes in chunks."""
    at = head.find(b"content-length:")
    return int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else -1


async def load(port: int, kind: str, connection_count: int, seconds: float) -> bytes:
    """Drive the load; return its result as JSON."""
    loop = asyncio.get_running_loop()
    started_s = time.perf_counter()
    run = Run(make_request(port, kind), started_s + seconds)
    connections = [
        (await loop.create_connection(lambda: Connection(run), "127.0.0.1", port))[1] for _ in range(connection_count)
    ]
    async with asyncio.timeout(seconds + SILENCE_S):
        await asyncio.gather(*(connection.done for connection in connections))
    return msgspec.json.encode(summarize(run.latencies_s, run.failed_count, time.perf_counter() - started_s))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("port", type=int)
    parser.add_argument("kind", choices=REQUESTS)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=2.0)
    arguments = parser.parse_args()
    result = uvloop.run(load(arguments.port, arguments.kind, arguments.connections, arguments.seconds))
    sys.stdout.buffer.write(result)


if __name__ == "__main__":
    main()
