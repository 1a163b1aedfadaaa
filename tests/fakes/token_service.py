"""A service on loopback that hands out credentials: slow, broken or healthy, as the test says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType

from aiohttp import web

from tests.fakes.canned import Asked, Canned

# Longer than any healthy step takes on a busy machine.
SAFETY_S = 10
Answer = Callable[[Asked], Canned]


class TokenService:
    """Answers every request with `answer`, once `gate` is open.

    It lives in the loop of the gateway under test: whoever asks it from that loop's own thread waits for ever.
    """

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.gate = asyncio.Event()
        self.gate.set()
        self.asked: list[Asked] = []
        self.url = ""
        self._arrivals: asyncio.Queue[Asked] = asyncio.Queue()

    async def arrived(self) -> Asked:
        """Wait for the next request not waited for yet; fail where none comes."""
        async with asyncio.timeout(SAFETY_S):
            return await self._arrivals.get()

    @property
    def address(self) -> str:
        """Host and port."""
        return self.url.removeprefix("http://")

    async def __aenter__(self) -> TokenService:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.gate.set()
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        asked = Asked(request.method, request.raw_path, headers, (await request.read()).decode())
        self.asked.append(asked)
        self._arrivals.put_nowait(asked)
        await self.gate.wait()
        answer = self.answer(asked)
        sent = {"content-type": answer.content_type, **answer.headers}
        return web.Response(body=answer.body, status=answer.status, headers=sent)
