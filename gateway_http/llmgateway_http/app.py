"""The REST face as an application: its one route table, and the server that runs it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Collection
from typing import Any

from aiohttp import web

from llmgateway_http.dispatch import Dispatcher
from llmgateway_http.door import Door
from llmgateway_http.entrance import Entrance
from llmgateway_http.handlers import Handlers
from llmgateway_http.loop_lag import LoopLag, watch_loop
from llmgateway_http.openapi import openapi_handler
from llmgateway_http.protocol import Server
from llmgateway_http.settings import ShimSettings
from llmgateway_http.turnstile import Turnstile

BACKLOG = 4096
# A reader that stands still costs at most so much of the kernel's memory.
SEND_BUFFER_BYTES = 256 * 1024
SWEEP_S = 1.0
CANCEL_S = 1.0


def create_app(
    stub: Any, settings: ShimSettings, *, is_ready: Callable[[], Awaitable[bool]], lag: LoopLag | None = None
) -> Dispatcher:
    """Return what answers requests over a stub of either binding (Any: they share an interface, not a type).

    `lag` is told how late the loop is while the server runs; without one, the application has its own.
    """
    door = Door(settings)
    handlers = Handlers(stub, settings, door, is_ready)
    return Dispatcher(
        door,
        endpoints={
            ("POST", "/v1/chat/completions"): handlers.chat_completions,
            ("POST", "/v1/completions"): handlers.completions,
            ("POST", "/v1/embeddings"): handlers.embeddings,
            ("GET", "/v1/models"): handlers.list_models,
            ("GET", "/openapi.json"): openapi_handler(),
        },
        items={("GET", "/v1/models/"): handlers.get_model},
        probes={"/livez": handlers.livez, "/readyz": handlers.readyz},
        concurrent_calls=settings.concurrent_calls,
        lag=lag or LoopLag(),
        turnstile=Turnstile(time.monotonic),
    )


class RunningServer:
    """A server that listens. `port` is the one taken."""

    def __init__(
        self,
        app: Dispatcher,
        runner: web.ServerRunner,
        entrance: Entrance,
        watches: Collection[asyncio.Task[None]],
        port: int,
    ) -> None:
        self._app = app
        self._runner = runner
        self._entrance = entrance
        self._watches = watches
        self.port = port

    def follow(self, concurrent_calls: int) -> None:
        """Let more or fewer calls be in the house from now on."""
        self._app.follow(concurrent_calls)

    async def drain(self, drain_s: float) -> None:
        """Accept no more connections, let running requests finish within `drain_s`, then close."""
        await self._entrance.close()
        server = self._runner.server
        if server is not None:
            server.pre_shutdown()  # idle connections close; busy ones after their answer
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._app.idle.wait(), drain_s)
        await self.close()

    async def close(self) -> None:
        """Close at once: running requests are cancelled. Safe to call twice."""
        for watch in self._watches:
            watch.cancel()
        await asyncio.wait(self._watches)
        await self._entrance.close()
        await self._runner.cleanup()


async def start_server(
    app: Dispatcher, listen: str, tls: ssl.SSLContext | None, settings: ShimSettings
) -> RunningServer:
    """Listen on `host:port` and serve. Raise `OSError` where the address cannot be had."""
    server = Server(
        app.dispatch,
        access_log=None,
        handler_cancellation=True,  # a client that leaves ends its call
        auto_decompress=False,
        keepalive_timeout=settings.idle_timeout_s,
        max_line_size=settings.header_bytes,
        max_field_size=settings.header_bytes,
    )
    listener = open_listener(listen)
    runner = web.ServerRunner(server, shutdown_timeout=CANCEL_S)
    await runner.setup()
    entrance = Entrance(listener, server, tls, settings.header_timeout_s)
    entrance.open()
    watches = (
        asyncio.create_task(close_slow_connections(server, app.served, settings.header_timeout_s)),
        asyncio.create_task(watch_loop(lambda late_s: keep_entrance(entrance, app, late_s), time.monotonic)),
    )
    return RunningServer(app, runner, entrance, watches, listener.getsockname()[1])


def keep_entrance(entrance: Entrance, app: Dispatcher, late_s: float) -> None:
    """Take in how late the loop is, and shut the entrance while it lags: who comes then waits in the kernel."""
    app.lag.observe(late_s)
    if app.is_crowded:
        entrance.shut()
    else:
        entrance.open()


def open_listener(listen: str) -> socket.socket:
    """Return a socket that listens. Raise `OSError` with the address where it cannot be had."""
    host, _, port = listen.rpartition(":")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise OSError(f"cannot listen on {listen} for REST: {error}") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise OSError(f"cannot listen on {listen} for REST: {error.strerror}") from error
    return listener


async def close_slow_connections(server: Server, served: set[Any], header_timeout_s: float) -> None:
    """Close connections that have not sent a whole head in time; the library bounds only those that have sent one."""
    loop = asyncio.get_running_loop()
    first_seen_s: dict[Any, float] = {}  # Any: aiohttp's connections
    while True:
        await asyncio.sleep(min(SWEEP_S, header_timeout_s))
        connections = set(server.connections)
        served &= connections
        for connection in first_seen_s.keys() - connections:
            del first_seen_s[connection]
        for connection in connections - served:
            if loop.time() - first_seen_s.setdefault(connection, loop.time()) >= header_timeout_s:
                connection.force_close()
