"""Bytes that are no good HTTP: each is refused or cut off in time, nothing of it is logged, and the gateway goes on."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from llmgateway_server.app import Gateway
from llmgateway_server.config.settings import LimitSettings, ProviderSettings, ServerSettings, Settings
from llmgateway_server.telemetry.logs import JsonHandler, LineWriter

SAFETY_S = 20.0
SECRET = b"sk-secret-0123456789abcdefghij"
BODY = b'{"model":"mock/echo","messages":[{"role":"user","content":"Hello"}]}'
POST = b"POST /v1/chat/completions HTTP/1.1\r\n"
HOST = b"Host: 127.0.0.1\r\n"
JSON = b"Content-Type: application/json\r\n"
LENGTH = b"Content-Length: %d\r\n" % len(BODY)
CHUNKED = b"Transfer-Encoding: chunked\r\n"
END = b"\r\n"
GOOD = POST + HOST + JSON + LENGTH + END + BODY


@dataclass(frozen=True, slots=True)
class Wire:
    """A gateway with little patience, and what it logs."""

    port: int
    log: io.BytesIO
    writer: LineWriter


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    listen = "127.0.0.1:0"
    settings = Settings(
        server=ServerSettings(grpc_listen=listen, http_listen=listen, metrics_listen=listen, admin_listen=listen),
        providers={"mock": ProviderSettings()},
        limits=LimitSettings.model_validate({"header_timeout": "200ms", "body_timeout": "200ms"}),
    )
    log = io.BytesIO()
    writer = LineWriter(log)
    handler = JsonHandler(writer)
    logger = logging.getLogger()
    logger.addHandler(handler)
    gateway = Gateway(settings, writer)
    await gateway.start()
    try:
        yield Wire(int(gateway.listening.http.rpartition(":")[2]), log, writer)
    finally:
        await gateway.close()
        logger.removeHandler(handler)
        writer.close()
    assert SECRET not in log.getvalue()
    assert b"Traceback" not in log.getvalue()


async def ask(wire: Wire, data: bytes, more: bytes = b"") -> bytes:
    """Send bytes on a connection of their own; return all that comes back until the gateway closes it or answers."""
    reader, writer = await asyncio.open_connection("127.0.0.1", wire.port)
    try:
        async with asyncio.timeout(SAFETY_S):
            writer.write(data)
            if more:
                await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), SAFETY_S)
                writer.write(more)
            answer = await reader.read(65536)
            head, found, body = answer.partition(b"\r\n\r\n")
            while found and head.startswith(b"HTTP") and not body:
                body = await reader.read(65536)
            return head + found + body
    finally:
        writer.close()


async def assert_healthy(wire: Wire) -> None:
    assert (await ask(wire, GOOD)).startswith(b"HTTP/1.1 200 ")


# (name, bytes, status, code)
ROWS: list[tuple[str, bytes, int, str]] = [
    ("length and chunks", POST + HOST + JSON + LENGTH + CHUNKED + END + b"0\r\n\r\n", 400, "invalid_http"),
    ("two lengths", POST + HOST + JSON + LENGTH + b"Content-Length: 3\r\n" + END + BODY, 400, "invalid_http"),
    ("a negative length", POST + HOST + JSON + b"Content-Length: -1\r\n" + END + BODY, 400, "invalid_http"),
    ("two hosts", POST + HOST + b"Host: evil.example\r\n" + JSON + LENGTH + END + BODY, 400, "invalid_http"),
    ("no host", POST + JSON + LENGTH + END + BODY, 400, "invalid_http"),
    ("a space before a colon", POST + b"Host : 127.0.0.1\r\n" + LENGTH + END + BODY, 400, "invalid_http"),
    ("a folded line", POST + HOST + b"X-A: b\r\n c\r\n" + LENGTH + END + BODY, 400, "invalid_http"),
    (
        "a zero byte beside a key",
        POST + HOST + b"Authorization: Bearer " + SECRET + b"\x00\r\n" + LENGTH + END + BODY,
        400,
        "invalid_http",
    ),
    ("lines without CR", GOOD.replace(b"\r\n", b"\n"), 400, "invalid_http"),
    ("another protocol", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "invalid_http"),
    ("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400, "invalid_http"),
    ("a broken chunk", POST + HOST + JSON + CHUNKED + END + b"zz\r\n", 400, "invalid_http"),
    (
        "a long header",
        POST + HOST + b"X-A: " + SECRET + b"a" * 70_000 + END + LENGTH + END + BODY,
        431,
        "request_head_too_large",
    ),
    ("a long path", b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n" + HOST + END, 431, "request_head_too_large"),
    (
        "many headers",
        POST + HOST + b"".join(b"X-%d: a\r\n" % number for number in range(5_000)) + END,
        400,
        "invalid_http",
    ),
    ("no such expectation", POST + HOST + JSON + LENGTH + b"Expect: tea\r\n" + END, 417, "expectation_failed"),
    ("dots in the path", b"GET /v1/../v1/models HTTP/1.1\r\n" + HOST + END, 404, "unknown_url"),
    ("two slashes", b"GET //v1/models HTTP/1.1\r\n" + HOST + END, 404, "unknown_url"),
    ("a coded slash", b"GET /v1%2fmodels HTTP/1.1\r\n" + HOST + END, 404, "unknown_url"),
    ("a slash too many", POST.replace(b"ions ", b"ions/ ") + HOST + LENGTH + END + BODY, 404, "unknown_url"),
    ("a model up the tree", b"GET /v1/models/..%2f..%2fetc HTTP/1.1\r\n" + HOST + END, 404, "model_not_found"),
    ("a tunnel", b"CONNECT evil.example:443 HTTP/1.1\r\n" + HOST + END, 404, "unknown_url"),
    ("a body that stops", POST + HOST + JSON + LENGTH + END + BODY[:9], 408, "request_timeout"),
    ("a chunk that stops", POST + HOST + JSON + CHUNKED + END + b"9\r\nabc", 408, "request_timeout"),
    ("a chunk's endless extension", POST + HOST + JSON + CHUNKED + END + b"1;" + b"a" * 100_000, 408, "request_timeout"),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
async def test_bad_bytes_are_refused_as_openai_s_clients_read_it(wire: Wire, row: tuple[str, bytes, int, str]) -> None:
    _, data, status, code = row
    head, _, body = (await ask(wire, data)).partition(b"\r\n\r\n")
    assert int(head.split(b" ")[1]) == status
    assert SECRET not in body
    error = json.loads(body)["error"]
    assert (error["code"], error["type"]) == (code, "invalid_request_error")
    assert error["message"].endswith(".")
    await assert_healthy(wire)


@pytest.mark.parametrize("data", [b"", POST, POST + HOST + b"X-"], ids=["nothing", "a line", "half a head"])
async def test_a_head_that_never_ends_is_cut_off(wire: Wire, data: bytes) -> None:
    assert await ask(wire, data) == b""
    await assert_healthy(wire)


async def test_a_broken_chunk_that_comes_late_ends_with_the_body_s_time(wire: Wire) -> None:
    # The library tells the next request of it, not the one whose body breaks.
    start = POST + HOST + JSON + CHUNKED + b"Expect: 100-continue\r\n" + END
    answer = await ask(wire, start, more=b"zz\r\n")
    assert answer.startswith(b"HTTP/1.1 408 ")
    await assert_healthy(wire)


async def test_a_client_that_asks_first_is_told_to_go_on(wire: Wire) -> None:
    start = POST + HOST + JSON + LENGTH + b"Expect: 100-continue\r\n" + END
    assert (await ask(wire, start, more=BODY)).startswith(b"HTTP/1.1 200 ")


async def test_a_client_that_asks_first_is_refused_before_it_sends_too_much(wire: Wire) -> None:
    start = POST + HOST + JSON + b"Content-Length: 99000000\r\nExpect: 100-continue\r\n" + END
    assert (await ask(wire, start)).startswith(b"HTTP/1.1 413 ")


async def test_a_client_that_leaves_while_it_sends_is_no_fault(wire: Wire) -> None:
    for data in (POST, POST + HOST + JSON + LENGTH + END + BODY[:9], POST + HOST + JSON + CHUNKED + END + b"9\r\nab"):
        _, writer = await asyncio.open_connection("127.0.0.1", wire.port)
        writer.write(data)
        await writer.drain()
        writer.transport.abort()
    await assert_healthy(wire)
    wire.writer.close()
    assert b'"level":"error"' not in wire.log.getvalue()
