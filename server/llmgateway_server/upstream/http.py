"""The one seam to the HTTP client: what an attempt needs of HTTP.

Another client is another implementation of `HttpClient`, chosen in `app.py`. None follows redirects, keeps
cookies, or reads more of a body than it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol


def nothing() -> None:
    """Do nothing."""


class ConnectError(Exception):
    """No connection: refused, no route, no such name, TLS failed. Nothing was sent."""


class ConnectTimeoutError(Exception):
    """No connection in time. Nothing was sent."""


class ConnectionBrokenError(Exception):
    """The connection broke, or spoke no HTTP, after the request had been sent."""


class BodyTooLargeError(Exception):
    """A body is larger than the limit."""


class HttpResponse(Protocol):
    """An answer whose head has been read. Header names are lower case.

    `read` and `read_chunk` raise `ConnectionBrokenError` where the body ends before its time.
    """

    status: int
    headers: Mapping[str, str]

    async def read(self, limit_bytes: int) -> bytes:
        """Return the whole body; raise `BodyTooLargeError` as soon as it is over `limit_bytes`."""
        ...

    async def read_chunk(self) -> bytes:
        """Return what has arrived, waiting for at least one byte; empty at the end of the body."""
        ...

    def close(self) -> None:
        """Close the connection unless the body has been received to its end; then it is kept. Safe to call twice."""
        ...


class HttpClient(Protocol):
    """Sends requests over kept-alive connections. One for the whole process."""

    async def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes,
        connect_timeout_s: float,
        before_write: Callable[[], None] = nothing,
    ) -> HttpResponse:
        """Send a request and read the answer's head, without any limit of time but that on connecting.

        `before_write` is called once there is a connection, just before anything is written; what it raises ends the
        attempt, unsent. Raise `ConnectError`, `ConnectTimeoutError` or `ConnectionBrokenError`. Cancelling closes the
        connection.
        """
        ...

    async def close(self) -> None: ...
