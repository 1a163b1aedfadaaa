"""A fake provider on loopback, of any dialect: answers as the real one by default, and as a test scripts it otherwise.

    async with FakeProvider(ANTHROPIC) as fake:
        fake.script(faults.status(429, retry_after="7"), chat("Hello"))
        ...                               # the first POST is refused, the second answered, further ones by default
        await fake.closed()               # until the latest caller has closed its connection

Nothing here runs on a clock: what must wait, waits for an event of the test or for its peer to leave.
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Self

from tests.fakes.dialect import Dialect
from tests.fakes.exchange import Connection, Exchange, PeerLeftError, Reply
from tests.fakes.replies import answer_by_default
from tests.fakes.request import RecordedRequest

SAFETY_S = 10.0


class FakeProvider:
    """The fake provider. Serves from the event loop that entered it.

    `base_url` is what the gateway takes, with the dialect's own part of the path. `requests` holds every request
    that came whole. A reply that raises fails the test when the fake is left.
    """

    def __init__(self, dialect: Dialect, listener: socket.socket | None = None) -> None:
        self.dialect = dialect
        self._listener = listener
        self._connections: set[Connection] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._failures: list[BaseException] = []
        self._changed = asyncio.Condition()
        self._replies: deque[Reply] = deque()
        self._listings: deque[Reply] = deque()
        self._lasting: Reply = answer_by_default
        self.exchanges: list[Exchange] = []
        self.connection_count = 0
        self.port = 0

    async def __aenter__(self) -> Self:
        listener = self._listener or listen()
        self.port = listener.getsockname()[1]
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: Connection(self._serve, self._accept, self.dialect), sock=listener
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.close()
        for connection in self._connections:
            connection.cut()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        self.check()

    @property
    def base_url(self) -> str:
        return f"{self.origin}{self.dialect.base_path}"

    @property
    def origin(self) -> str:
        """The base URL without any path."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def requests(self) -> list[RecordedRequest]:
        return [exchange.request for exchange in self.exchanges]

    @property
    def calls(self) -> list[RecordedRequest]:
        """The requests for answers: without those that list models."""
        return [request for request in self.requests if request.method == "POST"]

    @property
    def open_connection_count(self) -> int:
        return sum(not connection.is_lost for connection in self._connections)

    def script(self, *replies: Reply) -> None:
        """Answer the next POSTs so, one reply each; then by default again."""
        self._replies.extend(replies)

    def script_models(self, *replies: Reply) -> None:
        """Answer the next GETs so."""
        self._listings.extend(replies)

    def always(self, reply: Reply) -> None:
        """Answer every POST so that no script is left for."""
        self._lasting = reply

    def check(self) -> None:
        """Raise what went wrong inside replies, and forget it."""
        failures, self._failures = self._failures, []
        if failures:
            raise BaseExceptionGroup("replies of the fake provider failed", failures)

    def reset(self) -> None:
        """Forget scripts and requests; connections stay open, for one fake may serve many tests."""
        self.check()
        self._replies.clear()
        self._listings.clear()
        self._lasting = answer_by_default
        self.exchanges.clear()

    async def arrived(self, count: int = 1, timeout_s: float = SAFETY_S) -> Exchange:
        """Wait until so many POSTs have come; return the exchange of the last of them."""

        def calls() -> list[Exchange]:
            return [exchange for exchange in self.exchanges if exchange.request.method == "POST"]

        async with asyncio.timeout(timeout_s), self._changed:
            await self._changed.wait_for(lambda: len(calls()) >= count)
        return calls()[count - 1]

    async def closed(self, timeout_s: float = SAFETY_S) -> None:
        """Wait until the connection of the latest POST is closed; raise `TimeoutError` if it is not in time."""
        latest = [exchange for exchange in self.exchanges if exchange.request.method == "POST"][-1]
        await asyncio.wait_for(latest.closed.wait(), timeout_s)

    def _accept(self, connection: Connection) -> None:
        self._connections = {open_one for open_one in self._connections if not open_one.is_lost}
        self._connections.add(connection)
        self.connection_count += 1

    def _serve(self, exchange: Exchange) -> None:
        self.exchanges.append(exchange)
        self._start(self._announce())
        self._start(self._reply(exchange))

    def _choose(self, request: RecordedRequest) -> Reply:
        if request.method == "POST":
            return self._replies.popleft() if self._replies else self._lasting
        return self._listings.popleft() if self._listings else answer_by_default

    async def _announce(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def _reply(self, exchange: Exchange) -> None:
        try:
            await self._choose(exchange.request)(exchange)
        except PeerLeftError:
            return  # Many tests want just that; those that do not miss the answer.

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finish)

    def _finish(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failures.append(error)


def listen() -> socket.socket:
    """Return a socket that listens on a free port of loopback."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", 0))
    listener.listen(128)
    listener.setblocking(False)
    return listener
