"""Finds each request's endpoint, and sees that whatever happens there goes out as OpenAI's clients read it.

A dictionary of paths stands in for aiohttp's router: with a handful of endpoints, that costs a tenth.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import unquote

from aiohttp import web

from llmgateway_http.door import Door
from llmgateway_http.loop_lag import LoopLag
from llmgateway_http.openai.errors import INVALID_REQUEST, SERVER_ERROR, ErrorRow, RestError
from llmgateway_http.refusal import refuse
from llmgateway_http.responses import error_response
from llmgateway_http.turnstile import Turnstile

INTERNAL = ErrorRow(500, SERVER_ERROR, "internal_error")
NOT_FOUND = ErrorRow(404, INVALID_REQUEST, "unknown_url")
NOT_ALLOWED = ErrorRow(405, INVALID_REQUEST, "method_not_allowed")

# So many may be what makes the loop lag; fewer are not.
CROWD = 64
# Where connections wait longer than this for their turn, requests are refused until they do not.
MOST_WAIT_S = 1.0

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
ItemHandler = Callable[[web.BaseRequest, str], Awaitable[web.StreamResponse]]

log = logging.getLogger("llmgateway.rest")


class Dispatcher:
    """The one handler that the server knows. It counts the requests that run, so that a stop can wait for them.

    Where `concurrent_calls` run already, a further one is refused before its body is looked at. While the loop lags,
    connections ask again in turn; where their turn is long in coming, requests are refused, too.

    `endpoints` holds handlers by method and whole path; `items` by method and what a path begins with, the rest
    being the item's name; `probes` by path alone: they are open to everyone, and answer GET. `paths` names them all
    but the items.
    """

    def __init__(
        self,
        door: Door,
        endpoints: Mapping[tuple[str, str], Handler],
        items: Mapping[tuple[str, str], ItemHandler],
        probes: Mapping[str, Handler],
        concurrent_calls: int,
        lag: LoopLag,
        turnstile: Turnstile,
    ) -> None:
        self._door = door
        self._endpoints = endpoints
        self._items = items
        self._probes = probes
        self.paths = {path for _, path in endpoints} | set(probes)
        self._concurrent_calls = concurrent_calls
        self._turnstile = turnstile
        self.lag = lag
        self.refused_count = 0
        self._running = 0
        self.served: set[Any] = set()  # Any: aiohttp's connections; those that have sent a whole head
        self.idle = asyncio.Event()
        self.idle.set()

    def follow(self, concurrent_calls: int) -> None:
        """Let more or fewer calls be in the house from now on."""
        self._concurrent_calls = concurrent_calls

    async def dispatch(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        self.served.add(request.protocol)
        if self._is_full() and request.raw_path not in self._probes:
            self.refused_count += 1
            self._take_turns(request)
            return refuse(request)
        self._running += 1
        self.idle.clear()
        try:
            return await self._answer(request)
        except RestError as error:
            return error_response(error)
        except ConnectionError:
            raise  # The client left, or was cut off: nobody reads an answer.
        except Exception as error:
            log.error("%s %s failed by a fault of the gateway", request.method, request.path, exc_info=error)
            return error_response(RestError(INTERNAL, "The gateway failed. Report it to whoever runs it."))
        finally:
            self._running -= 1
            if self._running == 0:
                self.idle.set()
            self._take_turns(request)

    @property
    def is_crowded(self) -> bool:
        """Whether those inside are so many that nobody else should come in.

        A loop that lags though few are inside is held up by something else: to shut others out would not help it.
        """
        is_crowd = self._running + self._turnstile.held_count >= CROWD
        return (is_crowd and self.lag.is_lagging) or self._turnstile.wait_s > MOST_WAIT_S

    def _is_full(self) -> bool:
        return self._running >= self._concurrent_calls or self._turnstile.wait_s > MOST_WAIT_S

    def _take_turns(self, request: web.BaseRequest) -> None:
        """Let a connection wait for its turn to ask again, if there are turns now."""
        if not (self.lag.is_lagging or self._turnstile.is_turning) or request.transport is None:
            return
        # While a body comes, whether its connection is read from is the library's to say.
        if request.content.is_eof():
            self._turnstile.hold(request.transport)

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.rel_url.raw_path
        method = "GET" if request.method == "HEAD" else request.method
        probe = self._probes.get(path)
        if probe is not None and method == "GET":
            return await probe(request)
        self._door.check_caller(request)
        handler = self._endpoints.get((method, path))
        if handler is not None:
            return await handler(request)
        for (item_method, prefix), item_handler in self._items.items():
            if path.startswith(prefix) and len(path) > len(prefix):
                if method != item_method:
                    raise not_allowed(request)
                return await item_handler(request, unquote(path[len(prefix) :]))
        if path in self.paths:
            raise not_allowed(request)
        raise RestError(NOT_FOUND, f"Nothing is served at {path[:200]}. The endpoints are in /openapi.json.")


def not_allowed(request: web.BaseRequest) -> RestError:
    """Refuse a method that an endpoint does not have."""
    return RestError(NOT_ALLOWED, f"{request.method} is not served at {request.path[:200]}. See /openapi.json.")
