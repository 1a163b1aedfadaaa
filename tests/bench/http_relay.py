"""A bare relay, aiohttp in and aiohttp out, a JSON parse each way, no features: the yardstick of REST.

python -m tests.bench.http_relay UPSTREAM_URL
"""

from __future__ import annotations

import sys

import aiohttp
import msgspec
from aiohttp import web

from tests.bench.serving import run_server

HEADERS = {"content-type": "application/json", "authorization": "Bearer none"}

decode, encode = msgspec.json.decode, msgspec.json.encode


class Relay:
    """Passes each POST on, whole or as a stream."""

    def __init__(self, upstream_url: str, session: aiohttp.ClientSession) -> None:
        self._upstream_url = upstream_url
        self._session = session

    async def relay(self, request: web.Request) -> web.StreamResponse:
        body = decode(await request.read())
        url = self._upstream_url + request.path.removeprefix("/v1")
        async with self._session.post(url, data=encode(body), headers=HEADERS) as answer:
            if body.get("stream"):
                return await self._relay_stream(request, answer)
            return web.Response(body=encode(decode(await answer.read())), content_type="application/json")

    async def _relay_stream(self, request: web.Request, answer: aiohttp.ClientResponse) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        async for line in answer.content:
            if line.startswith(b"data: {"):
                await response.write(b"data: " + encode(decode(line[6:])) + b"\n\n")
        await response.write(b"data: [DONE]\n\n")
        return response


async def serve() -> tuple[int, object]:
    """Listen; return the port and the server."""
    relay = Relay(sys.argv[1], aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)))
    app = web.Application()
    app.router.add_post("/v1/chat/completions", relay.relay)
    app.router.add_post("/v1/embeddings", relay.relay)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=4096).start()
    return runner.addresses[0][1], runner


if __name__ == "__main__":
    run_server(serve)
