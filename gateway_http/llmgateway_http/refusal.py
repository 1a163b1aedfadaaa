"""The answer to a request that comes while there is no room: made beforehand, since refusing must cost little."""

from __future__ import annotations

import secrets
import time

from aiohttp import HttpVersion11, web
from aiohttp.abc import AbstractStreamWriter

from llmgateway_http.door import NO_ROOM
from llmgateway_http.openai.errors import RestError
from llmgateway_http.responses import http_date

RETRY_AFTER_S = 1
# A connection on which more of a body is on its way is closed; the library drops what comes until then.
SMALL_BODY_BYTES = 64 * 1024

BODY = RestError(NO_ROOM, f"The gateway serves as many calls as it can. Try again in {RETRY_AFTER_S} s.").body()
HEAD = (
    "HTTP/1.1 429 Too Many Requests\r\ncontent-type: application/json\r\n"
    f"content-length: {len(BODY)}\r\nretry-after: {RETRY_AFTER_S}\r\nretry-after-ms: {1000 * RETRY_AFTER_S}\r\n"
    "x-should-retry: true\r\n"
)


class Refusal(web.StreamResponse):
    """A 429 that is written as it is, past all that aiohttp does for a response."""

    def __init__(self, *, is_kept: bool) -> None:
        super().__init__(status=NO_ROOM.status)
        self._is_kept = is_kept

    @property
    def keep_alive(self) -> bool | None:
        return self._is_kept

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Write the whole answer."""
        if request.transport is None:
            raise ConnectionResetError("The client left.")
        connection = "" if self._is_kept else "connection: close\r\n"
        # What is refused before it is a call has no id of the gateway's; its client asks for one all the same.
        own = f"{connection}date: {http_date(int(time.time()))}\r\nx-request-id: rest_{secrets.token_hex(12)}\r\n\r\n"
        request.transport.write((HEAD + own).encode() + (b"" if request.method == "HEAD" else BODY))
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        """Everything has been written."""


def refuse(request: web.BaseRequest) -> Refusal:
    """Refuse a request whose body has not been looked at, and may not have come."""
    is_settled = request.content.is_eof() or is_small(request)
    return Refusal(is_kept=is_settled and request.keep_alive and request.version >= HttpVersion11)


def is_small(request: web.BaseRequest) -> bool:
    """Whether what is on its way of a body is worth keeping the connection for."""
    length = request.content_length
    # A client that asks before it sends will not send what is refused.
    return length is not None and length <= SMALL_BODY_BYTES and "expect" not in request.headers
