"""The configuration in use. Each call is served to its end by the snapshot that was current when it was accepted.

A snapshot that has been replaced is closed once the last call on it has ended.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from typing import Any, Protocol

from llmgateway_server.auth.keys import Keyring
from llmgateway_server.call import Call, Principal
from llmgateway_server.pipeline import Pipeline
from llmgateway_server.rpc.methods import Method, StreamHandler, UnaryHandler, UnaryMethod, methods_of

log = logging.getLogger("llmgateway")


class Served(Protocol):
    """What `Live` must know of a snapshot."""

    @property
    def revision(self) -> int: ...

    @property
    def keyring(self) -> Keyring: ...

    @property
    def pipeline(self) -> Pipeline: ...

    async def close(self) -> None:
        """Let go of everything. No call runs on it any more."""
        ...


class Tenure:
    """A snapshot in use, how many calls run on it, and its handlers by RPC."""

    __slots__ = ("call_count", "look_up", "snapshot", "streams", "unaries")

    def __init__(self, snapshot: Served) -> None:
        self.snapshot = snapshot
        self.call_count = 0
        self.look_up = snapshot.keyring.look_up
        self.unaries: dict[str, UnaryHandler] = {}
        self.streams: dict[str, StreamHandler] = {}
        for row in methods_of(snapshot.pipeline):
            if isinstance(row, UnaryMethod):
                self.unaries[row.name] = row.handler
            else:
                self.streams[row.name] = row.handler


class Live:
    """Hands each call the current snapshot. `methods` are the rows of all RPCs; their handlers do so.

    It is the rim's authenticator, too. Between `look_up` and a handler's first step the rim awaits nothing, so that
    who calls and what it is served by come from one snapshot.
    """

    def __init__(self, snapshot: Served) -> None:
        self._current = Tenure(snapshot)
        self._replaced: set[Tenure] = set()
        self._closings: set[asyncio.Task[None]] = set()
        self.methods: tuple[Method, ...] = tuple(map(self._follow, methods_of(snapshot.pipeline)))

    @property
    def revision(self) -> int:
        """The revision of the current snapshot."""
        return self._current.snapshot.revision

    def look_up(self, authorization: str | None) -> Principal:
        """Return who calls, by the keys of the current snapshot; raise `ApiKeyInvalid`."""
        return self._current.look_up(authorization)

    def digest_key(self, key: str) -> str:
        """Return what is kept of a key, with the pepper of now."""
        return self._current.snapshot.keyring.digest(key)

    def swap(self, snapshot: Served) -> None:
        """Serve the calls to come with another snapshot; those that run keep theirs."""
        replaced, self._current = self._current, Tenure(snapshot)
        self._replaced.add(replaced)
        if not replaced.call_count:
            self._close(replaced)

    async def close(self) -> None:
        """Close every snapshot that is still open, whatever runs on it. No call may come any more."""
        self._replaced.add(self._current)
        for tenure in tuple(self._replaced):
            self._close(tenure)
        if self._closings:
            await asyncio.wait(self._closings)

    def _follow(self, row: Method) -> Method:
        """Return the row of an RPC with a handler that runs on whatever is current."""
        if isinstance(row, UnaryMethod):
            return replace(row, handler=self._unary(row.name))
        return replace(row, handler=self._stream(row.name))

    def _unary(self, name: str) -> UnaryHandler:
        async def handle(call: Call, request: Any) -> Any:  # Any: the row's own messages
            tenure = self._current
            tenure.call_count += 1
            try:
                return await tenure.unaries[name](call, request)
            finally:
                self._leave(tenure)

        return handle

    def _stream(self, name: str) -> StreamHandler:
        async def handle(call: Call, request: Any) -> AsyncGenerator[Any, None]:  # Any: the row's own messages
            tenure = self._current
            tenure.call_count += 1
            try:
                async with aclosing(tenure.streams[name](call, request)) as messages:
                    async for message in messages:
                        yield message
            finally:
                self._leave(tenure)

        return handle

    def _leave(self, tenure: Tenure) -> None:
        tenure.call_count -= 1
        if not tenure.call_count and tenure in self._replaced:
            self._close(tenure)

    def _close(self, tenure: Tenure) -> None:
        self._replaced.discard(tenure)
        task = asyncio.get_running_loop().create_task(tenure.snapshot.close())
        self._closings.add(task)
        task.add_done_callback(self._closed)

    def _closed(self, task: asyncio.Task[None]) -> None:
        self._closings.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a replaced configuration was not closed in order", exc_info=error)
