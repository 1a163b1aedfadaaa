"""One HTTP/1.1 exchange as a fake server sees it: the request, and a hand on every byte of the answer."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping

import httptools
import msgspec

from tests.fakes.dialect import Dialect
from tests.fakes.framing import encode_json
from tests.fakes.request import RecordedRequest

REASONS = {200: "OK", 307: "Temporary Redirect", 401: "Unauthorized", 429: "Too Many Requests", 529: "Overloaded"}


class PeerLeftError(ConnectionError):
    """The other side closed the connection: nothing more can be sent."""


class Exchange:
    """A request and its answer, in `dialect`. `closed` is set once the connection is gone, whoever ended it."""

    def __init__(self, request: RecordedRequest, connection: Connection, dialect: Dialect) -> None:
        self.request = request
        self.dialect = dialect
        self.closed = asyncio.Event()
        self.is_answered = False
        self.sent_bytes = 0
        self._connection = connection
        self._is_chunked = False

    async def send_head(
        self,
        status: int,
        headers: Mapping[str, str] | None = None,
        *,
        length_bytes: int | None = None,
    ) -> None:
        """Send status and headers. Without a length the body is chunked."""
        lines = [f"HTTP/1.1 {status} {REASONS.get(status, 'Status')}"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        self._is_chunked = length_bytes is None
        lines.append("transfer-encoding: chunked" if length_bytes is None else f"content-length: {length_bytes}")
        await self.send_raw("\r\n".join([*lines, "", ""]).encode("latin-1"))

    async def send(self, data: bytes) -> None:
        """Send a piece of the body, as one chunk where the body is chunked. Waits while the reader is slow."""
        if self._is_chunked and data:
            data = b"%x\r\n%s\r\n" % (len(data), data)
        await self.send_raw(data)

    async def send_raw(self, data: bytes) -> None:
        """Send bytes as they are; raise `PeerLeftError` once nobody reads them."""
        await self._connection.write(data)
        self.sent_bytes += len(data)

    async def end(self) -> None:
        """End the answer as HTTP wants it: the connection may carry another exchange."""
        if self._is_chunked:
            await self.send_raw(b"0\r\n\r\n")
        self.is_answered = True

    async def answer(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        """Send a whole answer."""
        await self.send_head(status, headers, length_bytes=len(body))
        await self.send(body)
        await self.end()

    async def answer_json(self, status: int, value: object, headers: Mapping[str, str] | None = None) -> None:
        """Send a whole answer of JSON."""
        await self.answer(status, encode_json(value), {"content-type": "application/json", **(headers or {})})

    def cut(self) -> None:
        """Close the connection where it stands, in order (FIN)."""
        self._connection.cut()

    def reset(self) -> None:
        """Break the connection (RST)."""
        self._connection.reset()


Reply = Callable[[Exchange], Awaitable[None]]


class Connection(asyncio.Protocol):
    """One accepted connection. Hands each whole request to `serve`, one after the other."""

    def __init__(
        self, serve: Callable[[Exchange], None], opened: Callable[[Connection], None], dialect: Dialect
    ) -> None:
        self._serve = serve
        self._dialect = dialect
        self._opened = opened
        self._transport: asyncio.Transport | None = None
        self._exchange: Exchange | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._is_writable = asyncio.Event()
        self._is_writable.set()
        self._start_request()

    @property
    def is_lost(self) -> bool:
        return self._transport is None or self._transport.is_closing()

    async def write(self, data: bytes) -> None:
        if self._transport is None or self._transport.is_closing():
            raise PeerLeftError("the peer closed the connection")
        self._transport.write(data)
        await self._is_writable.wait()
        if self.is_lost:
            raise PeerLeftError("the peer closed the connection")

    def cut(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def reset(self) -> None:
        if self._transport is None:
            return
        # A zero linger time makes close() send RST in place of FIN.
        self._transport.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )
        self._transport.abort()

    def _start_request(self) -> None:
        self._url = b""
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._opened(self)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def connection_lost(self, exception: Exception | None) -> None:
        self._transport = None
        self._is_writable.set()
        if self._exchange is not None:
            self._exchange.closed.set()

    def pause_writing(self) -> None:
        self._is_writable.clear()

    def resume_writing(self) -> None:
        self._is_writable.set()

    # What httptools calls.

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        body = b"".join(self._body)
        request = RecordedRequest(
            self._parser.get_method().decode(),
            self._url.decode("latin-1"),
            self._headers,
            body,
            msgspec.json.decode(body) if body else None,
        )
        self._start_request()
        self._exchange = Exchange(request, self, self._dialect)
        self._serve(self._exchange)
