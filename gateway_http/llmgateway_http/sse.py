"""One answer as server-sent events: the status line held back for the first content, comments in silence."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import grpc
import msgspec
from aiohttp import web

from llmgateway_http.openai.errors import RestError

EOF: Any = grpc.aio.EOF  # type: ignore[attr-defined]  # absent from the published stubs
# One line end only: with a blank line after it openai-python would see an empty event.
PING = b": ping\n"
DONE = b"data: [DONE]\n\n"
HEADERS = {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-cache",
    "x-accel-buffering": "no",
}


class EventStream:
    """Writes events to one client, who may leave them unread for `stall_s`."""

    def __init__(self, request: web.BaseRequest, stall_s: float) -> None:
        self._request = request
        self._stall_s = stall_s
        self._response = web.StreamResponse(headers=HEADERS)
        self._encode = msgspec.json.Encoder().encode
        self.is_open = False

    async def open(self, headers: dict[str, str]) -> None:
        """Send the status line and headers."""
        self._response.headers.update(headers)
        await self._response.prepare(self._request)
        self.is_open = True

    async def send(self, chunks: list[dict[str, Any]]) -> None:  # Any: decoded JSON
        """Send events that belong together in one write. Everything is encoded anew: no text can forge an event."""
        if chunks:
            await self._write(b"".join([b"data: " + self._encode(chunk) + b"\n\n" for chunk in chunks]))

    async def ping(self) -> None:
        """Say that the connection is alive."""
        await self._write(PING)

    async def end(self) -> web.StreamResponse:
        """Send the terminal of a success."""
        await self._write(DONE)
        await self._response.write_eof()
        return self._response

    async def fail(self, error: RestError) -> web.StreamResponse:
        """Send an error, and no terminal of a success after it."""
        await self._write(b"data: " + error.body() + b"\n\n")
        await self._response.write_eof()
        return self._response

    async def _write(self, data: bytes) -> None:
        try:
            async with asyncio.timeout(self._stall_s):
                await self._response.write(data)
        except TimeoutError:
            transport = self._request.transport
            if transport is not None:
                transport.abort()
            raise ConnectionResetError("the reader stalled") from None


class Reader:
    """Reads a call's messages one by one; a wait may be cut short without losing the message."""

    def __init__(self, call: Any) -> None:  # Any: a call of either binding
        self._call = call
        self._pending: asyncio.Task[Any] | None = None

    async def read(self, wait_s: float) -> Any | None:  # Any: a message, or EOF
        """Return the next message, `EOF` at the end, None where none came within `wait_s`."""
        if self._pending is None:
            self._pending = asyncio.ensure_future(self._call.read())
        done, _ = await asyncio.wait({self._pending}, timeout=wait_s)
        if not done:
            return None
        task, self._pending = self._pending, None
        return task.result()

    async def close(self) -> None:
        """Cancel the call, and what waits for it."""
        self._call.cancel()
        if self._pending is not None:
            self._pending.cancel()
            await asyncio.wait({self._pending})


async def relay(
    reader: Reader,
    stream: EventStream,
    to_chunks: Callable[[Any], list[dict[str, Any]]],
    hold_s: float,
    keep_alive_s: float,
    headers: Callable[[Any], dict[str, str]],
) -> web.StreamResponse:
    """Relay a call's messages. What fails before the status line is out raises; what fails after it is an event."""
    message = await reader.read(hold_s)
    await stream.open({} if message is None or message is EOF else headers(message))
    while message is not EOF:
        if message is None:
            await stream.ping()
        else:
            await stream.send(to_chunks(message))
        message = await reader.read(keep_alive_s)
    return await stream.end()
