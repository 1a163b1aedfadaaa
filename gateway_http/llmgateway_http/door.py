"""What is checked before a request's body is looked at: who may come in, how large it is, what it claims to be."""

from __future__ import annotations

import asyncio
import ipaddress

from aiohttp import HttpVersion11, web
from aiohttp.http_exceptions import HttpProcessingError

from llmgateway_http.openai.errors import INVALID_REQUEST, RATE_LIMIT, ErrorRow, RestError, invalid
from llmgateway_http.settings import ShimSettings

FORBIDDEN = ErrorRow(403, INVALID_REQUEST, "forbidden_origin")
TOO_LARGE = ErrorRow(413, INVALID_REQUEST, "request_too_large")
UNSUPPORTED_TYPE = ErrorRow(415, INVALID_REQUEST, "unsupported_media_type")
NO_HTTP = ErrorRow(400, INVALID_REQUEST, "invalid_http")
UNKNOWN_EXPECTATION = ErrorRow(417, INVALID_REQUEST, "expectation_failed")
TOO_SLOW = ErrorRow(408, INVALID_REQUEST, "request_timeout")
NO_ROOM = ErrorRow(429, RATE_LIMIT, "gateway_overloaded", should_retry=True)

ADDRESS_KEY = "x-llmgateway-client-address"
USUAL_HOSTS = frozenset({"localhost", "127.0.0.1"})
JSON_TYPES = ("", "application/json", "text/json", "text/plain", "application/octet-stream")


class Door:
    """Reads bodies within the limits of the settings. One for all requests: it counts the bytes in flight."""

    def __init__(self, settings: ShimSettings) -> None:
        self._settings = settings
        self._bytes_in_flight = 0

    def check_caller(self, request: web.BaseRequest) -> None:
        """Without keys only programs on this machine are served; a web page opened on it is none."""
        if not self._settings.loopback_only:
            return
        if "origin" in request.headers:
            raise RestError(
                FORBIDDEN,
                "Without configured keys no web page is served: a request with an Origin header is refused. "
                "Configure auth.keys to serve browsers.",
            )
        if not is_loopback_host(request.headers.get("host", "")):
            raise RestError(
                FORBIDDEN,
                "Without configured keys only requests to this machine are served: the Host must be localhost or a "
                "loopback address. Configure auth.keys to serve others.",
            )

    def take(self, request: web.BaseRequest) -> bytes | None:
        """Return the body if it came with its head, as small ones do; None where it is still to be read."""
        headers = request.headers
        if headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
            raise RestError(UNSUPPORTED_TYPE, "Compressed bodies are not taken: send the JSON as it is.")
        media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type not in JSON_TYPES and not media_type.endswith("+json"):
            raise RestError(UNSUPPORTED_TYPE, "The body must be JSON: send content-type: application/json.")
        limit = self._settings.request_bytes
        if request.content_length is not None and request.content_length > limit:
            raise too_large(limit)
        if "expect" not in headers and request.content.is_eof():
            return request.content.read_nowait()
        return None

    async def read(self, request: web.BaseRequest) -> bytes:
        """Return the body that `take` found not there yet. No more than the limit is read of a larger one."""
        if "expect" in request.headers:
            await self._expect(request)
        try:
            async with asyncio.timeout(self._settings.body_timeout_s):
                return await self._read_within(request, self._settings.request_bytes)
        except TimeoutError as error:
            message = f"The body did not arrive within {self._settings.body_timeout_s:g} s. Send it faster."
            raise RestError(TOO_SLOW, message) from error

    async def _expect(self, request: web.BaseRequest) -> None:
        """Tell a client that waits for it to send its body: what its head says has been found good."""
        if request.headers["expect"].lower() != "100-continue":
            raise RestError(UNKNOWN_EXPECTATION, "The only expectation that is met is 100-continue: leave Expect out.")
        if request.version >= HttpVersion11:
            await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            request.writer.output_size = 0  # What follows is the answer: its size counts from here.

    async def _read_within(self, request: web.BaseRequest, limit: int) -> bytes:
        pieces: list[bytes] = []
        size = 0
        try:
            while piece := await request.content.readany():
                size += len(piece)
                self._bytes_in_flight += len(piece)
                if size > limit:
                    raise too_large(limit)
                if self._bytes_in_flight > self._settings.body_bytes_in_flight:
                    message = "The gateway holds as many bytes of requests as it may. Try again in a second."
                    raise RestError(NO_ROOM, message, retry_after_s=1.0)
                pieces.append(piece)
        except (HttpProcessingError, web.RequestPayloadError) as error:
            raise RestError(NO_HTTP, "The body's chunks are no HTTP/1.1.") from error
        finally:
            self._bytes_in_flight -= size
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def too_large(limit: int) -> RestError:
    """Refuse a body over the limit."""
    return RestError(TOO_LARGE, f"The body is over the limit of {limit} bytes. Send less.")


def is_loopback_host(host: str) -> bool:
    """Whether a `Host` header names this machine."""
    if host in USUAL_HOSTS or host.partition(":")[0] in USUAL_HOSTS:
        return True
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() and not host.endswith("]") else host
    name = name.strip("[]").lower().removesuffix(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def call_metadata(request: web.BaseRequest) -> tuple[tuple[str, str], ...]:
    """Return what of a request's headers travels with its call."""
    metadata = []
    for name in ("authorization", "traceparent", "tracestate"):
        value = request.headers.get(name)
        if value is None:
            continue
        if not (value.isascii() and value.isprintable()):
            raise invalid(name, "must be printable ASCII")
        metadata.append((name, value))
    # A gateway believes it within its own process alone.
    metadata.append((ADDRESS_KEY, request.remote or ""))
    return tuple(metadata)


def call_timeout_s(request: web.BaseRequest) -> float | None:
    """Return the caller's own deadline, in seconds from now; None where it gives none."""
    value = request.headers.get("x-llmgateway-timeout-ms")
    if value is None:
        return None
    if not (value.isascii() and value.isdecimal() and len(value) < 10 and int(value) > 0):
        raise invalid("x-llmgateway-timeout-ms", "must be a whole number of milliseconds, at least 1")
    return int(value) / 1000
