"""An HTTP/1.1 client on httptools and asyncio protocols: a pool of kept-alive connections, and no more.

It does half the work of aiohttp's client for a small exchange (see `## Decisions` in upstream/README.md). Each
connection carries one exchange at a time, and goes back to the pool by itself when an answer has been
received to its end.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import httptools

from llmgateway_server.upstream.http import (
    BodyTooLargeError,
    ConnectError,
    ConnectionBrokenError,
    ConnectTimeoutError,
    nothing,
)
from llmgateway_server.upstream.inflate import Inflater

MAX_HEAD_BYTES = 64 * 1024
# Between two bytes of a body: chunk sizes, chunk extensions, trailers. Nothing honest needs as much.
MAX_FRAMING_BYTES = 1024 * 1024
# More than this is not read ahead of whoever reads the answer.
HIGH_WATER_BYTES = 256 * 1024
# Idle connections end well before servers' and balancers' own idle limits (60 s and more): a request sent into
# a connection that is just being closed fails without need.
KEEP_ALIVE_S = 15.0

NO_BODY_STATUSES = (204, 304)
INTERIM_STATUSES = range(100, 200)


@dataclass(frozen=True, slots=True)
class Origin:
    """Whom a connection leads to."""

    is_tls: bool
    host: str
    port: int


@lru_cache(maxsize=256)  # a provider has a few
def split_url(url: str) -> tuple[Origin, str, str]:
    """Return the origin, the value of the `host` header, and the path with its query."""
    scheme, _, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    is_tls = scheme == "https"
    host, colon, port = authority.rpartition(":")
    if not colon or port.endswith("]"):
        host, port = authority, "443" if is_tls else "80"
    return Origin(is_tls, host.strip("[]"), int(port)), authority, slash + path or "/"


class HttpPool:
    """`HttpClient` with a pool of connections for each origin, the latest used first.

    `tls` is used for every https origin; the default trusts the system's authorities.
    """

    def __init__(self, clock: Callable[[], float], tls: ssl.SSLContext | None = None) -> None:
        self._clock = clock
        self._tls = tls if tls is not None else ssl.create_default_context()
        self._idle: defaultdict[Origin, list[Connection]] = defaultdict(list)
        self._open: set[Connection] = set()
        self._sweep: asyncio.TimerHandle | None = None

    async def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes,
        connect_timeout_s: float,
        before_write: Callable[[], None] = nothing,
    ) -> PooledResponse:
        origin, host, path = split_url(url)
        connection = self._take_idle(origin) or await self._connect(origin, connect_timeout_s)
        head = [f"{method} {path} HTTP/1.1\r\nhost: {host}\r\n"]
        head += [f"{name}: {value}\r\n" for name, value in headers.items()]
        if body or method != "GET":
            head.append(f"content-length: {len(body)}\r\n")
        head.append("\r\n")
        try:
            before_write()
        except BaseException:
            connection.abort()
            raise
        return await connection.exchange("".join(head).encode("latin-1"), body)

    async def close(self) -> None:
        """Close every connection, idle or not."""
        if self._sweep is not None:
            self._sweep.cancel()
        for connection in tuple(self._open):
            connection.abort()

    def _take_idle(self, origin: Origin) -> Connection | None:
        idle = self._idle.get(origin)
        while idle:
            connection = idle.pop()
            if not connection.is_closing and self._clock() - connection.idle_since_s < KEEP_ALIVE_S:
                return connection
            connection.abort()
        return None

    async def _connect(self, origin: Origin, timeout_s: float) -> Connection:
        loop = asyncio.get_running_loop()
        tls = self._tls if origin.is_tls else None
        try:
            async with asyncio.timeout(timeout_s):
                _, connection = await loop.create_connection(
                    lambda: Connection(self, origin), origin.host, origin.port, ssl=tls
                )
        except TimeoutError as error:
            raise ConnectTimeoutError(f"no connection within {timeout_s:g} s") from error
        except (OSError, ssl.CertificateError) as error:
            raise ConnectError(describe_connect_error(error)) from error
        return connection

    def opened(self, connection: Connection) -> None:
        """Know of a connection from now on."""
        self._open.add(connection)

    def closed(self, connection: Connection) -> None:
        """Forget a connection."""
        self._open.discard(connection)
        idle = self._idle.get(connection.origin)
        if idle is not None:
            if connection in idle:
                idle.remove(connection)
            if not idle:
                del self._idle[connection.origin]

    def take_back(self, connection: Connection) -> None:
        """Keep a connection whose exchange has ended, for a while."""
        connection.idle_since_s = self._clock()
        self._idle[connection.origin].append(connection)
        if self._sweep is None:
            self._sweep = asyncio.get_running_loop().call_later(KEEP_ALIVE_S, self._close_old)

    def _close_old(self) -> None:
        self._sweep = None
        too_old_s = self._clock() - KEEP_ALIVE_S
        for idle in tuple(self._idle.values()):
            for connection in tuple(idle):
                if connection.idle_since_s <= too_old_s:
                    connection.abort()
        if any(self._idle.values()):
            self._sweep = asyncio.get_running_loop().call_later(KEEP_ALIVE_S / 2, self._close_old)


class Connection(asyncio.Protocol):
    """One connection, and the exchange that it carries."""

    def __init__(self, pool: HttpPool, origin: Origin) -> None:
        self.origin = origin
        self.idle_since_s = 0.0
        self._pool = pool
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._head: asyncio.Future[PooledResponse] | None = None
        self._response: PooledResponse | None = None
        self._headers: dict[str, str] = {}
        self._framing_bytes = 0

    @property
    def is_closing(self) -> bool:
        """Whether no further exchange can begin."""
        return self._transport is None or self._transport.is_closing()

    async def exchange(self, head: bytes, body: bytes) -> PooledResponse:
        """Send a request; return its answer once the head has come."""
        transport = self._transport
        if transport is None:
            raise ConnectionBrokenError("the connection closed before the request")
        self._head = asyncio.get_running_loop().create_future()
        self._headers, self._framing_bytes = {}, 0
        if len(body) <= HIGH_WATER_BYTES:
            transport.write(head + body)
        else:
            transport.write(head)
            transport.write(body)
        try:
            return await self._head
        except asyncio.CancelledError:
            self.abort()
            raise

    def abort(self) -> None:
        """Close the connection at once."""
        if self._transport is not None:
            self._transport.abort()

    def pause(self) -> None:
        """Stop reading until `resume`: whoever reads the answer is slower than its sender."""
        if self._transport is not None:
            self._transport.pause_reading()

    def resume(self) -> None:
        """Read on."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # uvloop's transports are no subclasses of asyncio's
        self._pool.opened(self)

    def data_received(self, data: bytes) -> None:
        if self._head is None and self._response is None:
            self.abort()  # An answer that nobody asked for: whatever follows cannot be trusted.
            return
        received_bytes = self._response.received_bytes if self._response is not None else 0
        self._framing_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._fail("the answer is not valid HTTP")
            return
        response = self._response
        if response is None:
            if self._head is not None and self._framing_bytes > MAX_HEAD_BYTES:
                self._fail(f"the answer's head is over {MAX_HEAD_BYTES} bytes")
        elif response.received_bytes > received_bytes:
            self._framing_bytes = 0
        elif self._framing_bytes > MAX_FRAMING_BYTES:
            self._fail("the answer's body does not go on")

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._pool.closed(self)
        response = self._response
        if response is not None and response.ends_with_connection and exc is None:
            self._response = None
            response.complete()
        else:
            self._fail("the connection was reset" if exc is not None else "the connection closed before its end")

    def on_message_begin(self) -> None:
        if self._head is None:
            self.abort()  # Words out of turn: the next exchange must not take them for its answer.

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._head is not None:
            self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status in INTERIM_STATUSES or self._head is None:
            self._headers = {}
            return
        head, self._head = self._head, None
        try:
            response = PooledResponse(status, self._headers, self)
        except ConnectionBrokenError as error:
            head.set_exception(error)
            self.abort()
            return
        self._response = response
        if not head.done():
            head.set_result(response)

    def on_body(self, data: bytes) -> None:
        if self._response is not None:
            self._response.receive(data)

    def on_message_complete(self) -> None:
        response = self._response
        if response is None:
            return  # an interim answer
        self._response = None
        keeps_alive = self._parser.should_keep_alive()
        if keeps_alive and not self.is_closing:
            self.resume()
            self._pool.take_back(self)
        else:
            self.abort()
        response.complete()

    def _fail(self, what: str) -> None:
        error = ConnectionBrokenError(what)
        head, self._head = self._head, None
        response, self._response = self._response, None
        if head is not None and not head.done():
            head.set_exception(error)
        if response is not None:
            response.fail(error)
        self.abort()


class PooledResponse:
    """`HttpResponse` whose body arrives in pieces, at most `HIGH_WATER_BYTES` ahead of its reader."""

    def __init__(self, status: int, headers: dict[str, str], connection: Connection) -> None:
        self.status = status
        self.headers: Mapping[str, str] = headers
        self.received_bytes = 0
        chunked = "chunked" in headers.get("transfer-encoding", "").lower()
        self.ends_with_connection = not chunked and "content-length" not in headers and status not in NO_BODY_STATUSES
        encoding = headers.get("content-encoding", "").strip().lower()
        self._inflater = Inflater(encoding) if encoding not in ("", "identity") else None
        self._connection = connection
        self._pieces: list[bytes] = []
        self._waiting_bytes = 0
        self._is_complete = False
        self._is_paused = False
        self._error: ConnectionBrokenError | None = None
        self._reader: asyncio.Future[None] | None = None

    async def read(self, limit_bytes: int) -> bytes:
        announced = self.headers.get("content-length", "")
        if announced.isdecimal() and int(announced) > limit_bytes:
            self.close()
            raise BodyTooLargeError(f"the body is larger than {limit_bytes} bytes")
        if self._is_complete and self._inflater is None and self.received_bytes <= limit_bytes:
            return self._take()  # it came with its head, as small bodies do
        pieces: list[bytes] = []
        size_bytes = 0
        while piece := await self.read_chunk():
            size_bytes += len(piece)
            if size_bytes > limit_bytes:
                self.close()
                raise BodyTooLargeError(f"the body is larger than {limit_bytes} bytes")
            pieces.append(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def read_chunk(self) -> bytes:
        if self._inflater is None:
            return await self._read_raw()
        while True:
            raw = b"" if self._inflater.has_more else await self._read_raw()
            piece = self._inflater.inflate(raw)
            if piece or not (raw or self._inflater.has_more):
                return piece

    async def _read_raw(self) -> bytes:
        while not self._pieces:
            if self._error is not None:
                raise self._error
            if self._is_complete:
                return b""
            self._reader = asyncio.get_running_loop().create_future()
            await self._reader
        received = self._take()
        if self._is_paused:
            self._is_paused = False
            if not self._is_complete:
                self._connection.resume()
        return received

    def _take(self) -> bytes:
        pieces, self._pieces, self._waiting_bytes = self._pieces, [], 0
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def close(self) -> None:
        if not self._is_complete and self._error is None:
            self._error = ConnectionBrokenError("the answer was closed")
            self._connection.abort()

    def receive(self, data: bytes) -> None:
        """Take a piece of the body from the connection."""
        self._pieces.append(data)
        self.received_bytes += len(data)
        self._waiting_bytes += len(data)
        if self._waiting_bytes > HIGH_WATER_BYTES and not self._is_paused:
            self._is_paused = True
            self._connection.pause()
        self._wake()

    def complete(self) -> None:
        """Know that the body has been received to its end."""
        self._is_complete = True
        self._wake()

    def fail(self, error: ConnectionBrokenError) -> None:
        """Know that the body will not come to its end. What has come can still be read."""
        if self._error is None:
            self._error = error
        self._wake()

    def _wake(self) -> None:
        reader = self._reader
        if reader is not None and not reader.done():
            reader.set_result(None)


def describe_connect_error(error: OSError | ssl.CertificateError) -> str:
    """Say why there is no connection, without the address."""
    if isinstance(error, socket.gaierror):
        return "its name does not resolve"
    if isinstance(error, ssl.SSLCertVerificationError):
        return "its TLS certificate is not trusted"
    if isinstance(error, ssl.SSLError):
        return "the TLS handshake failed"
    if isinstance(error, ConnectionRefusedError):
        return "the connection was refused"
    if isinstance(error, ConnectionError):
        return "the connection was reset"
    return "no connection"
