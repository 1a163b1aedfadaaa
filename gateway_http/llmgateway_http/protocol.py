"""The server's connections: aiohttp's, but for what they answer to bytes that are no HTTP."""

from __future__ import annotations

import logging
from http import HTTPStatus

from aiohttp import web
from aiohttp.http_exceptions import LineTooLong

from llmgateway_http.openai.errors import INVALID_REQUEST, SERVER_ERROR, ErrorRow, RestError
from llmgateway_http.responses import error_response

NO_HTTP = ErrorRow(400, INVALID_REQUEST, "invalid_http")
HEAD_TOO_LARGE = ErrorRow(431, INVALID_REQUEST, "request_head_too_large")
INTERNAL = ErrorRow(500, SERVER_ERROR, "internal_error")

log = logging.getLogger("llmgateway.rest")


class Connection(web.RequestHandler):
    """Tells a client that its bytes are no HTTP, and notes it in one line.

    aiohttp would do so in plain text and a traceback, both with what was sent: a key, perhaps.
    """

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Return the answer to a request that failed outside its handler. The connection is closed after it."""
        if isinstance(exc, ConnectionError) or request.writer.output_size > 0:
            raise ConnectionResetError("nobody reads an answer") from exc
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            log.error("a connection failed by a fault of the gateway", exc_info=exc)
            return closing(RestError(INTERNAL, "The gateway failed. Report it to whoever runs it."))
        if isinstance(exc, LineTooLong):
            limit = f"{exc.args[1]} bytes"  # the library's own order: what, limit, length
            failure = RestError(
                HEAD_TOO_LARGE, f"A line of the request's head is over the limit of {limit}. Send less."
            )
        else:
            # Up to the colon the library says what is wrong; after it, it quotes.
            what = (message or "The request is no HTTP/1.1").partition(":")[0].partition("\n")[0].strip().rstrip(".")
            failure = RestError(NO_HTTP, f"{what}.")
        log.info("a connection sent what is no HTTP: %s", failure.message)
        return closing(failure)


def closing(failure: RestError) -> web.Response:
    """Return an answer after which the connection is of no more use."""
    response = error_response(failure)
    response.force_close()
    return response


class Server(web.Server):
    """aiohttp's low-level server with connections of ours."""

    def __call__(self) -> Connection:
        return Connection(self, loop=self._loop, **self._kwargs)
