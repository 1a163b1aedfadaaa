"""A server that nobody should ever call."""

from __future__ import annotations

import asyncio
from types import TracebackType


class Canary:
    """Counts the connections that it is sent, and closes them."""

    def __init__(self) -> None:
        self.hit_count = 0
        self.port = 0

    async def __aenter__(self) -> Canary:
        self._server = await asyncio.start_server(self._hit, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.close()
        await self._server.wait_closed()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1/chat/completions"

    async def _hit(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.hit_count += 1
        writer.close()
        await writer.wait_closed()
