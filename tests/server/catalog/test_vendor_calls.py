"""One call with each row against a server on loopback: the path, the header, the environment variables."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from urllib.parse import urlsplit

import pytest
from aiohttp import web
from llmgateway.v1 import generation_pb2, message_pb2
from llmgateway_server.catalog.vendors import auth_headers, load_vendors
from llmgateway_server.config.environment import settings_from_environment
from llmgateway_server.providers import build_upstreams
from llmgateway_server.upstream.http_pool import HttpPool
from llmgateway_server.upstream.upstream import AttemptState

# The mock is played, and another gateway is asked over gRPC (e2e/test_another_gateway.py).
ROWS = {name: row for name, row in load_vendors().items() if row.dialect not in ("mock", "llmgateway")}
HELLO = {"role": "assistant", "content": "Hello"}
# By dialect: the path of a generation below the base URL, and the smallest answer that says Hello.
DIALECTS: Mapping[str, tuple[str, Mapping[str, object]]] = {
    "openai": ("/chat/completions", {"choices": [{"index": 0, "finish_reason": "stop", "message": HELLO}]}),
    "ollama": ("/api/chat", {"message": HELLO, "done": True, "done_reason": "stop"}),
    "anthropic": (
        "/v1/messages",
        {"type": "message", "content": [{"type": "text", "text": "Hello"}], "stop_reason": "end_turn"},
    ),
    "cohere": (
        "/v2/chat",
        {"finish_reason": "COMPLETE", "message": {**HELLO, "content": [{"type": "text", "text": "Hello"}]}},
    ),
    "gemini": (
        "/models/m:generateContent",
        {"candidates": [{"content": {"role": "model", "parts": [{"text": "Hello"}]}, "finishReason": "STOP"}]},
    ),
    "bedrock": (
        "/model/m/converse",
        {"output": {"message": {"role": "assistant", "content": [{"text": "Hello"}]}}, "stopReason": "end_turn"},
    ),
}
# Where a row's path is not its dialect's.
PATHS = {
    "azure": "/openai/v1/chat/completions",
    "vertex": "/publishers/google/models/m:generateContent",
}

# Wherever a vendor may want its key.
KEY_HEADERS = {"authorization", "api-key", "x-api-key", "x-goog-api-key"}


class Server:
    """Answers every request alike and keeps them."""

    def __init__(self) -> None:
        self.answer_body: Mapping[str, object] = {}
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.bodies: list[dict[str, object]] = []
        self.port = 0

    async def answer(self, request: web.Request) -> web.Response:
        kept = {name.lower(): value for name, value in request.headers.items() if name.lower() in KEY_HEADERS}
        self.requests.append((request.method, request.path, kept))
        self.bodies.append(await request.json())
        return web.json_response(self.answer_body)


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
    called, server.answer_body = DIALECTS[row.dialect]
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
        upstream = build_upstreams(settings, http, clock, {})[name]
        request = generation_pb2.GenerateRequest(model=f"{name}/m")
        request.messages.add(role=message_pb2.ROLE_DEVELOPER).parts.add(text="Be brief.")
        request.messages.add(role=message_pb2.ROLE_USER).parts.add(text="Hi")
        request.max_output_token_count = 7
        response = await upstream.generate(request, "m", AttemptState(clock() + 10))
    finally:
        await http.close()

    assert response.candidates[0].message.parts[0].text == "Hello"
    key = auth_headers(row, f"key-of-{name}") if row.key_variable else {}
    assert server.requests == [("POST", path + PATHS.get(name, called), key)]
    (body,) = server.bodies
    assert {member: body.get(member) for member in BODIES[name]} == BODIES[name]


BRIEF = "Be brief."
TURN = {"role": "user", "content": "Hi"}
# What is particular to a row in the body of the same request: its limit, and where the developer's words stand.
PLAIN = {"max_completion_tokens": 7, "max_tokens": None, "messages": [{"role": "developer", "content": BRIEF}, TURN]}
OLDER = {"max_completion_tokens": None, "max_tokens": 7, "messages": [{"role": "system", "content": BRIEF}, TURN]}
GOOGLE = {"systemInstruction": {"parts": [{"text": BRIEF}]}, "generationConfig": {"maxOutputTokens": 7}}
BODIES: Mapping[str, Mapping[str, object]] = {
    **dict.fromkeys(ROWS, PLAIN),
    **dict.fromkeys([name for name, row in ROWS.items() if row.quirks.get("developer_role") is False], OLDER),
    **{
        name: {**PLAIN, "max_completion_tokens": None, "max_tokens": 7}
        for name, row in ROWS.items()
        if row.quirks.get("max_tokens_field") == "max_tokens" and row.quirks.get("developer_role", True)
    },
    "anthropic": {"model": "m", "max_tokens": 7, "system": BRIEF, "messages": [TURN]},
    "cohere": {"model": "m", "max_tokens": 7, "messages": [{"role": "system", "content": BRIEF}, TURN]},
    "gemini": GOOGLE,
    "vertex": GOOGLE,
    "bedrock": {
        "system": [{"text": BRIEF}],
        "messages": [{"role": "user", "content": [{"text": "Hi"}]}],
        "inferenceConfig": {"maxTokens": 7},
    },
    "ollama": {"model": "m", "stream": False, "messages": [{"role": "system", "content": BRIEF}, TURN]},
}


def test_rows_differ_where_their_vendors_do() -> None:
    """The table above is made of quirks in part: this holds it against what the vendors document."""
    older = {name for name, body in BODIES.items() if body is OLDER}
    assert {"mistral", "deepseek"} <= older
    assert BODIES["openai"] is BODIES["azure"] is PLAIN
