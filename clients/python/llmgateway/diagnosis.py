"""Says why no gateway answers at an address, by looking there instead of reading the library's words.

gRPC tells that it could not connect in words that change from version to version, and says the same of a port that
speaks HTTP/1.1, of one that wants TLS and of one where nothing listens. One connection more, and the first bytes that
come back, tell them apart.
"""

from __future__ import annotations

import asyncio
import enum
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass

import grpc

from llmgateway.errors import UNSPECIFIED, GatewayError, UnavailableError

LOOK_TIMEOUT_S = 1.0
SHARED_FOR_S = 1.0
# The client's half of an HTTP/2 connection's start (RFC 9113, 3.4): the preface and an empty SETTINGS frame.
GREETING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
FIRST_BYTE_COUNT = 9
HTTP_1 = b"HTTP/1"
TLS_ALERT = b"\x15\x03"
SETTINGS_FRAME_TYPE = 4
DNS_SCHEME = "dns:"
DEFAULT_PORT = 443
LIBRARY_CODES = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.UNKNOWN, grpc.StatusCode.INTERNAL})


@dataclass(frozen=True, slots=True)
class Address:
    """Where a target is. `shown` is how people write it."""

    host: str
    port: int

    @property
    def shown(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def address_of(target: str) -> Address | None:
    """Return the address of `host:port` or of a `dns:` name; None for names of other kinds, which are not looked at."""
    name = target
    if target.startswith(DNS_SCHEME):
        # dns:host:port, dns:///host:port or dns://authority/host:port
        name = target.removeprefix(DNS_SCHEME)
        if name.startswith("//"):
            name = name[2:].partition("/")[2]
    elif "/" in target or target.startswith(("unix:", "ipv4:", "ipv6:", "xds:", "vsock:")):
        return None
    host, colon, port = name.rpartition(":")
    if not colon or host.endswith(":") or not port.isascii() or not port.isdigit():
        host, port = name, str(DEFAULT_PORT)
    return Address(host.removeprefix("[").removesuffix("]"), int(port)) if host else None


class Finding(enum.Enum):
    """What a look has found. The value is the sentence for the caller; `said` is what the library said."""

    NO_SUCH_NAME = "{host} is no known host name: correct the target."
    NOBODY = "Nothing answers at {shown}: start the gateway there (llmgateway serve), or correct the target."
    HTTP_1 = (
        "{shown} speaks HTTP/1.1, not gRPC: it may be the gateway's REST port. "
        "Give its gRPC port (50051 unless configured otherwise)."
    )
    WANTS_TLS = "{shown} does not speak gRPC in plain text, so it may want TLS: connect with TLS."
    SPEAKS_PLAIN = "{shown} speaks plain text, not TLS: connect without TLS, or give the port that has it."
    HANDSHAKE_FAILED = (
        "The TLS handshake with {shown} failed: check that the root certificates sign the server's certificate, "
        "that the certificate names {host}, and that a client certificate is given if the server asks for one. ({said})"
    )
    NOTHING_WRONG = "{said}"


class Lookout:
    """Looks at one target, at most once at a time; what is seen holds for a second."""

    def __init__(self, target: str, *, tls: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self._address = address_of(target)
        self._tls = tls
        self._clock = clock
        self._looking: asyncio.Task[Finding] | None = None
        self._until_s = 0.0

    async def explain(self, error: GatewayError) -> GatewayError:
        """Return an error that says what is wrong at the target; `error` itself where a look tells no more."""
        if self._address is None or not is_library_s(error):
            return error
        finding = await self._look(self._address)
        if finding is Finding.NOTHING_WRONG:
            return error
        sentence = finding.value.format(shown=self._address.shown, host=self._address.host, said=error.message)
        return UnavailableError(sentence, code=error.code)

    async def close(self) -> None:
        """Wait for the end of a look that still runs."""
        if self._looking is not None:
            await asyncio.wait([self._looking])

    async def _look(self, address: Address) -> Finding:
        if self._looking is None or (self._looking.done() and self._clock() >= self._until_s):
            self._looking = asyncio.create_task(look(address, tls=self._tls))
            self._looking.add_done_callback(self._note_end)
        # A caller that leaves must not end the look of the others.
        return await asyncio.shield(self._looking)

    def _note_end(self, _: object) -> None:
        self._until_s = self._clock() + SHARED_FOR_S


def is_library_s(error: GatewayError) -> bool:
    """Whether gRPC itself made this status, before anything came: a gateway's has a reason and a call id."""
    is_bare = error.reason_name == UNSPECIFIED and not error.call_id and not error.started
    return is_bare and error.code in LIBRARY_CODES


async def look(address: Address, *, tls: bool) -> Finding:
    """Look at an address for a client that uses TLS, or does not."""
    try:
        async with asyncio.timeout(LOOK_TIMEOUT_S):
            reader, writer = await asyncio.open_connection(address.host, address.port)
    except socket.gaierror:
        return Finding.NO_SUCH_NAME
    except (OSError, TimeoutError):
        return Finding.NOBODY
    try:
        first = await greet(reader, writer)
    finally:
        writer.close()
    return read_greeting(first, tls=tls)


async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes | None:
    """Begin HTTP/2 in plain text; return the first bytes that come, empty at the end, None where none come in time."""
    try:
        async with asyncio.timeout(LOOK_TIMEOUT_S):
            writer.write(GREETING)
            await writer.drain()
            return await reader.read(FIRST_BYTE_COUNT)
    except TimeoutError:
        return None
    except OSError:
        # A server that closes with our greeting unread resets the connection.
        return b""


def read_greeting(first: bytes | None, *, tls: bool) -> Finding:
    """Return what a server's first bytes mean."""
    if first is None:
        return Finding.NOTHING_WRONG
    if first.startswith(HTTP_1):
        return Finding.HTTP_1
    is_tls = not first or first.startswith(TLS_ALERT)
    if is_tls:
        return Finding.HANDSHAKE_FAILED if tls else Finding.WANTS_TLS
    is_http_2 = len(first) >= FIRST_BYTE_COUNT and first[3] == SETTINGS_FRAME_TYPE
    return Finding.SPEAKS_PLAIN if tls and is_http_2 else Finding.NOTHING_WRONG
