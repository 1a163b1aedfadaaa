"""One call with each row against a server on loopback: the path, the header, the environment variables."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from urllib.parse import urlsplit

import pytest
from aiohttp import web
from llmgateway.v1 import generation_pb2, message_pb2
from llmgateway_server.app import build_upstreams
from llmgateway_server.catalog.vendors import auth_headers, load_vendors
from llmgateway_server.config.environment import settings_from_environment
from llmgateway_server.upstream.http_pool import HttpPool
from llmgateway_server.upstream.upstream import AttemptState

ROWS = {name: row for name, row in load_vendors().items() if row.dialect == "openai"}
ANSWER = {
    "id": "a",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hello"}}],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
}


# Wherever a vendor may want its key.
KEY_HEADERS = {"authorization", "api-key", "x-api-key", "x-goog-api-key"}


class Server:
    """Answers every request alike and keeps them."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.port = 0

    async def answer(self, request: web.Request) -> web.Response:
        kept = {name.lower(): value for name, value in request.headers.items() if name.lower() in KEY_HEADERS}
        self.requests.append((request.method, request.path, kept))
        return web.json_response(ANSWER)


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server = Server()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", server.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.port = runner.addresses[0][1]
    yield server
    await runner.cleanup()


@pytest.mark.parametrize("name", ROWS)
async def test_a_call_goes_where_the_row_says_with_the_key_of_its_variable(name: str, server: Server) -> None:
    row = ROWS[name]
    path = urlsplit(row.base_url).path
    # The row itself, but for its host: that of a vendor is not to be called from a test.
    moved = {name: replace(row, base_url=f"http://127.0.0.1:{server.port}{path}", served_by_default=True)}
    environment = {row.key_variable: f"key-of-{name}"} if row.key_variable else {}
    settings = settings_from_environment(environment, moved)
    provider = settings.providers[name].model_copy(update={"base_url": moved[name].base_url})
    settings = settings.model_copy(update={"providers": {name: provider}})

    clock = asyncio.get_running_loop().time
    http = HttpPool(time.monotonic)
    try:
        upstream = build_upstreams(settings, http, clock)[name]
        request = generation_pb2.GenerateRequest(model=f"{name}/m")
        request.messages.add(role=message_pb2.ROLE_USER).parts.add(text="Hi")
        response = await upstream.generate(request, "m", AttemptState(clock() + 10))
    finally:
        await http.close()

    assert response.candidates[0].message.parts[0].text == "Hello"
    key = auth_headers(row, f"key-of-{name}") if row.key_variable else {}
    called = "/openai/v1/chat/completions" if name == "azure" else f"{path}/chat/completions"
    assert server.requests == [("POST", called, key)]
