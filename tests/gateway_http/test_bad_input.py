"""Bad input over REST: a clear refusal that names the field or the limit, and a gateway that goes on."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from llmgateway_server.app import Gateway
from llmgateway_server.config.settings import LimitSettings, ProviderSettings, ServerSettings, Settings
from llmgateway_server.telemetry.logs import LineWriter

CHAT = "/v1/chat/completions"
HELLO = [{"role": "user", "content": "Hello"}]
LIMIT_BYTES = 300_000


@pytest.fixture
async def rest() -> AsyncIterator[str]:
    listen = "127.0.0.1:0"
    settings = Settings(
        server=ServerSettings(grpc_listen=listen, http_listen=listen, metrics_listen=listen, admin_listen=listen),
        providers={"mock": ProviderSettings()},
        limits=LimitSettings(request_bytes=LIMIT_BYTES),
    )
    writer = LineWriter(io.BytesIO())
    gateway = Gateway(settings, writer)
    await gateway.start()
    try:
        yield f"http://{gateway.listening.http}"
    finally:
        await gateway.close()
        writer.close()


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def assert_healthy(client: aiohttp.ClientSession, rest: str) -> None:
    async with client.post(rest + CHAT, json=chat()) as answer:
        assert answer.status == 200


def chat(**members: Any) -> dict[str, Any]:
    return {"model": "mock/echo", "messages": HELLO, **members}


def content(value: Any) -> dict[str, Any]:
    return chat(messages=[{"role": "user", "content": value}])


def image(url: str) -> dict[str, Any]:
    return content([{"type": "image_url", "image_url": {"url": url}}])


PLAIN = json.dumps(chat())
OPEN = PLAIN[:-1]

# (name, body, status, param)
BODIES: list[tuple[str, bytes, int, str | None]] = [
    ("empty", b"", 400, None),
    ("array", b"[]", 400, None),
    ("scalar", b"1", 400, None),
    ("broken", b'{"model": ', 400, None),
    ("nested 100,000 deep", (OPEN + ',"x":' + "[" * 100_000 + "]" * 100_000 + "}").encode(), 400, None),
    ("nested 70 deep", (OPEN + ',"x":' + "[" * 70 + "]" * 70 + "}").encode(), 400, None),
    ("two models", b'{"model":"mock/echo","model":"mock/lorem","messages":[]}', 400, "model"),
    ("two roles", b'{"model":"m","messages":[{"role":"user","role":"system","content":"x"}]}', 400, "messages[0].role"),
    ("NaN", (OPEN + ',"temperature":NaN}').encode(), 400, None),
    ("Infinity", (OPEN + ',"temperature":Infinity}').encode(), 400, None),
    ("1e999", (OPEN + ',"temperature":1e999}').encode(), 400, None),
    ("5,000 digits", (OPEN + ',"seed":' + "9" * 5_000 + "}").encode(), 400, None),
    ("invalid UTF-8", PLAIN.encode().replace(b"Hello", b"\xff\xfe"), 400, None),
    ("lone surrogate", PLAIN.encode().replace(b"Hello", b"\\ud800"), 400, "messages[0].content"),
    ("BOM", b"\xef\xbb\xbf" + PLAIN.encode(), 400, None),
    ("UTF-16", PLAIN.encode("utf-16"), 400, None),
    ("over the limit", json.dumps(content("x" * LIMIT_BYTES)).encode(), 413, None),
]

# (name, body, status, param)
FIELDS: list[tuple[str, dict[str, Any], int, str]] = [
    ("no model", {"messages": HELLO}, 400, "model"),
    ("model null", chat(model=None), 400, "model"),
    ("model number", chat(model=1), 400, "model"),
    ("no messages", {"model": "mock/echo"}, 400, "messages"),
    ("messages empty", chat(messages=[]), 400, "messages"),
    ("messages object", chat(messages={}), 400, "messages"),
    ("role number", chat(messages=[{"role": 1, "content": "x"}]), 400, "messages[0].role"),
    ("role unknown", chat(messages=[{"role": "boss", "content": "x"}]), 400, "messages[0].role"),
    ("content number", content(1), 400, "messages[0].content"),
    ("content null", content(None), 400, "messages[0].content"),
    ("part without text", content([{"type": "text"}]), 400, "messages[0].content[0].text"),
    ("tool result of nothing", chat(messages=[{"role": "tool", "tool_call_id": "x", "content": "y"}]), 400, "messages[0].tool_call_id"),
    ("n -1", chat(n=-1), 400, "n"),
    ("n 0", chat(n=0), 400, "n"),
    ("n 10^9", chat(n=10**9), 400, "n"),
    ("n 1.5", chat(n=1.5), 400, "n"),
    ("n text", chat(n="2"), 400, "n"),
    ("max_tokens -1", chat(max_tokens=-1), 400, "max_tokens"),
    ("max_tokens 0", chat(max_tokens=0), 400, "max_tokens"),
    ("max_tokens 2^63", chat(max_tokens=2**63), 400, "max_tokens"),
    ("both spellings", chat(max_tokens=1, max_completion_tokens=1), 400, "max_tokens"),
    ("temperature", chat(temperature=3), 400, "temperature"),
    ("1,000 stops", chat(stop=["x"] * 1_000), 400, "stop"),
    ("logit bias", chat(logit_bias={"x": 1}), 400, "logit_bias.x"),
    ("top_logprobs alone", chat(top_logprobs=2), 400, "top_logprobs"),
    ("unknown tool choice", chat(tools=[{"type": "function", "function": {"name": "f"}}], tool_choice={"type": "function", "function": {"name": "g"}}), 400, "tool_choice"),
    ("tool name", chat(tools=[{"type": "function", "function": {"name": "a b"}}]), 400, "tools[0].function.name"),
    ("unknown model", chat(model="mock/none"), 404, "model"),
    ("unknown provider", chat(model="nobody/none"), 404, "model"),
    ("functions", chat(functions=[]), 400, "functions"),
    ("function_call", chat(function_call="auto"), 400, "function_call"),
    ("store", chat(store=True), 400, "store"),
    ("obfuscation", chat(stream=True, stream_options={"include_obfuscation": True}), 400, "stream_options.include_obfuscation"),
    ("file URL", image("file:///etc/passwd"), 400, "messages[0].content[0].image_url.url"),
    ("http URL", image("http://169.254.169.254/latest"), 400, "messages[0].content[0].image_url.url"),
    *((member, chat(**{member: "x"}), 400, member) for member in ("api_base", "base_url", "api_key", "extra_headers")),
]  # fmt: skip


async def refused(
    client: aiohttp.ClientSession, url: str, body: bytes, status: int, param: str | None, **headers: str
) -> None:
    sent = {"content-type": "application/json", **headers}
    async with client.post(url, data=body, headers=sent) as answer:
        told = await answer.json()
        assert (answer.status, told["error"]["param"]) == (status, param), told
        assert set(told["error"]) >= {"message", "type", "param", "code"}
        assert answer.headers["x-request-id"]
        assert len(told["error"]["message"]) < 600


@pytest.mark.parametrize("row", BODIES, ids=[row[0] for row in BODIES])
async def test_a_body_that_is_no_clean_json_is_refused(
    client: aiohttp.ClientSession, rest: str, row: tuple[str, bytes, int, str | None]
) -> None:
    await refused(client, rest + CHAT, *row[1:])
    await assert_healthy(client, rest)


@pytest.mark.parametrize("row", FIELDS, ids=[row[0] for row in FIELDS])
async def test_a_wrong_member_is_named(
    client: aiohttp.ClientSession, rest: str, row: tuple[str, dict[str, Any], int, str]
) -> None:
    await refused(client, rest + CHAT, json.dumps(row[1]).encode(), *row[2:])
    await assert_healthy(client, rest)


async def test_a_compressed_body_is_refused(client: aiohttp.ClientSession, rest: str) -> None:
    await refused(client, rest + CHAT, gzip.compress(PLAIN.encode()), 415, None, **{"content-encoding": "gzip"})
    await assert_healthy(client, rest)


async def test_a_chunked_body_over_the_limit_is_not_read_on(client: aiohttp.ClientSession, rest: str) -> None:
    async def flood() -> AsyncIterator[bytes]:
        for _ in range(10):
            yield b" " * 50_000

    async with client.post(rest + CHAT, data=flood(), headers={"content-type": "application/json"}) as answer:
        assert answer.status == 413
    await assert_healthy(client, rest)


@pytest.mark.parametrize(
    "headers", [{"origin": "https://evil.example"}, {"host": "evil.example"}, {"host": "127.0.0.1.evil.example:80"}]
)
async def test_without_keys_a_web_page_or_a_foreign_host_is_refused(
    client: aiohttp.ClientSession, rest: str, headers: dict[str, str]
) -> None:
    await refused(client, rest + CHAT, PLAIN.encode(), 403, None, **headers)
    await assert_healthy(client, rest)


async def test_paths_and_methods_that_are_not_served_say_so_in_json(client: aiohttp.ClientSession, rest: str) -> None:
    for method, path, status in (("GET", "/v2/x", 404), ("GET", CHAT, 405), ("POST", "/v1/models", 405)):
        async with client.request(method, rest + path) as answer:
            assert (answer.status, (await answer.json())["error"]["type"]) == (status, "invalid_request_error")


async def test_probes_and_the_description_are_served(client: aiohttp.ClientSession, rest: str) -> None:
    for path in ("/livez", "/readyz"):
        async with client.get(rest + path) as answer:
            assert answer.status == 200
    async with client.get(rest + "/openapi.json") as answer:
        document = await answer.json()
    assert document["openapi"] == "3.1.0"
    assert set(document["paths"]) >= {CHAT, "/v1/completions", "/v1/embeddings", "/v1/models"}


async def test_an_unknown_member_travels_and_a_known_one_that_is_null_is_absent(
    client: aiohttp.ClientSession, rest: str
) -> None:
    async with client.post(rest + CHAT, json=chat(n=None, stop=None, user=None, brand_new={"a": 1})) as answer:
        assert answer.status == 200
        assert "provider_options_json" in answer.headers["x-llmgateway-warnings"]  # the mock speaks no such dialect
