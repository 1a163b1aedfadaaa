"""The HTTP client against raw servers on loopback: what it reads, what it keeps, and how each fault looks."""

from __future__ import annotations

import asyncio
import gzip
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
import trustme
from llmgateway_server.upstream.http import (
    BodyTooLargeError,
    ConnectError,
    ConnectionBrokenError,
    ConnectTimeoutError,
)
from llmgateway_server.upstream.http_pool import HIGH_WATER_BYTES, KEEP_ALIVE_S, HttpPool, Origin, split_url

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
LIMIT_BYTES = 1 << 20


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


class Server:
    """Answers every request on a connection with the next of `answers`, then closes it where told to."""

    def __init__(self) -> None:
        self.answers: list[bytes] = []
        self.closes_after_answer = False
        self.connections = 0
        self.requests: list[bytes] = []
        self.asked = asyncio.Event()
        self.left = asyncio.Event()
        self.url = ""

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while self.answers:
                head = await reader.readuntil(b"\r\n\r\n")
                length = [int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
                self.requests.append(head + await reader.readexactly(length[0] if length else 0))
                self.asked.set()
                writer.write(self.answers.pop(0))
                await writer.drain()
                if self.closes_after_answer:
                    return
            await reader.read()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # The client left: the test asserts on that.
        finally:
            self.left.set()
            writer.close()


@asynccontextmanager
async def listening(handler: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    server = await asyncio.start_server(handler, "127.0.0.1", 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{port}/v1"
    finally:
        server.close()
        await server.wait_closed()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def pool(clock: Clock) -> AsyncIterator[HttpPool]:
    made = HttpPool(clock)
    yield made
    await made.close()


@pytest.fixture
async def server(pool: HttpPool) -> AsyncIterator[Server]:
    made = Server()
    async with listening(made.handle) as url:
        made.url = url
        yield made
        await pool.close()


def whole(body: bytes, *headers: bytes) -> bytes:
    return b"\r\n".join([b"HTTP/1.1 200 OK", b"Content-Length: %d" % len(body), *headers, b"", body])


def chunked(*pieces: bytes, last: bytes = b"0\r\n\r\n") -> bytes:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + last


async def fetch(pool: HttpPool, url: str, body: bytes = b"{}") -> bytes:
    response = await pool.send("POST", url, {"x": "y"}, body, 5.0)
    return await response.read(LIMIT_BYTES)


@pytest.mark.parametrize(
    "answer",
    [whole(b"hello"), chunked(b"hel", b"lo"), b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + whole(b"hello")],
    ids=["content-length", "chunked", "interim"],
)
async def test_a_body_is_read_and_its_connection_kept(pool: HttpPool, server: Server, answer: bytes) -> None:
    server.answers = [answer, answer]
    assert await fetch(pool, server.url + "/a?b=1", b"one") == b"hello"
    assert await fetch(pool, server.url + "/b", b"two") == b"hello"
    assert server.connections == 1
    assert server.requests[0].startswith(b"POST /v1/a?b=1 HTTP/1.1\r\nhost: 127.0.0.1:")
    assert server.requests[0].endswith(b"x: y\r\ncontent-length: 3\r\n\r\none")


async def test_a_body_may_end_with_its_connection(pool: HttpPool, server: Server) -> None:
    server.answers, server.closes_after_answer = [b"HTTP/1.1 200 OK\r\n\r\nhello"], True
    assert await fetch(pool, server.url) == b"hello"


async def test_an_old_connection_is_not_used_again(pool: HttpPool, server: Server, clock: Clock) -> None:
    server.answers = [whole(b"a"), whole(b"b")]
    await fetch(pool, server.url)
    clock.now_s += KEEP_ALIVE_S
    await fetch(pool, server.url)
    assert server.connections == 2


async def test_a_server_that_closes_is_taken_at_its_word(pool: HttpPool, server: Server) -> None:
    server.answers = [whole(b"a", b"Connection: close"), whole(b"b")]
    assert [await fetch(pool, server.url), await fetch(pool, server.url)] == [b"a", b"b"]
    assert server.connections == 2


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"", "closed before its end"),
        (b"HTTP/1.1 200 OK\r\nContent-Le", "closed before its end"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhel", "closed before its end"),
        (chunked(b"hello", last=b""), "closed before its end"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "not valid HTTP"),
        (chunked(b"a", last=b"zz\r\n"), "not valid HTTP"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: %s\r\n" % (b"y" * 1000) * 100, "head is over"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 1\r\n\r\nx", "not asked for"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello", "corrupt"),
    ],
)
async def test_a_broken_answer_says_how_it_broke(pool: HttpPool, server: Server, answer: bytes, message: str) -> None:
    server.answers, server.closes_after_answer = [answer], True
    with pytest.raises(ConnectionBrokenError, match=message):
        await fetch(pool, server.url)


async def test_what_came_before_a_break_can_be_read(pool: HttpPool, server: Server) -> None:
    server.answers, server.closes_after_answer = [chunked(b"hello", last=b"")], True
    response = await pool.send("POST", server.url, {}, b"", 5.0)
    await server.left.wait()
    assert await response.read_chunk() == b"hello"
    with pytest.raises(ConnectionBrokenError):
        await response.read_chunk()


async def test_framing_without_end_is_cut(pool: HttpPool, server: Server) -> None:
    server.answers = [chunked(b"a", last=b"5;" + b"x" * (2 << 20))]
    with pytest.raises(ConnectionBrokenError, match="does not go on"):
        await fetch(pool, server.url)
    await server.left.wait()


@pytest.mark.parametrize("answer", [whole(b"x" * (8 * LIMIT_BYTES)), chunked(b"x" * (8 * LIMIT_BYTES))])
async def test_a_body_over_the_limit_is_left(pool: HttpPool, server: Server, answer: bytes) -> None:
    server.answers = [answer]
    with pytest.raises(BodyTooLargeError):
        await fetch(pool, server.url)
    await server.left.wait()


async def test_a_compressed_body_is_undone(pool: HttpPool, server: Server) -> None:
    text = b"hello" * 100_000
    server.answers = [whole(gzip.compress(text), b"Content-Encoding: gzip")]
    assert await fetch(pool, server.url) == text


async def test_a_compressed_bomb_is_cut_at_the_limit(pool: HttpPool, server: Server) -> None:
    server.answers = [whole(gzip.compress(b"\0" * (1 << 28)), b"Content-Encoding: gzip")]
    with pytest.raises(BodyTooLargeError):
        await fetch(pool, server.url)


async def test_an_answer_is_read_no_faster_than_its_reader(pool: HttpPool) -> None:
    sent_bytes = 0

    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent_bytes
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        try:
            while True:
                writer.write(b"x" * 65536)
                await writer.drain()
                sent_bytes += 65536
        except ConnectionError:
            pass
        finally:
            writer.close()

    async with listening(flood) as url:
        response = await pool.send("POST", url, {}, b"", 5.0)
        before = -1
        while sent_bytes != before:  # until the sender stands still for many turns of the loop
            before = sent_bytes
            for _ in range(200):
                await asyncio.sleep(0)
        assert len(await response.read_chunk()) < HIGH_WATER_BYTES + (1 << 19)
        assert await response.read_chunk()  # and it goes on
        response.close()
        await pool.close()


async def test_cancelling_closes_the_connection(pool: HttpPool, server: Server) -> None:
    server.answers = [b""]
    sending = asyncio.create_task(fetch(pool, server.url))
    await server.asked.wait()
    sending.cancel()
    await server.left.wait()
    with pytest.raises(asyncio.CancelledError):
        await sending


async def test_closing_a_response_that_is_not_done_closes_the_connection(pool: HttpPool, server: Server) -> None:
    server.answers = [chunked(b"hello", last=b"")]
    response = await pool.send("POST", server.url, {}, b"", 5.0)
    assert await response.read_chunk() == b"hello"
    response.close()
    await server.left.wait()


async def test_words_out_of_turn_end_a_connection(pool: HttpPool, server: Server) -> None:
    server.answers = [whole(b"a") + whole(b"forged"), whole(b"b")]
    assert await fetch(pool, server.url) == b"a"
    await server.left.wait()
    assert await fetch(pool, server.url) == b"b"


async def test_a_refused_connection_says_so(pool: HttpPool) -> None:
    async with listening(Server().handle) as url:
        pass
    with pytest.raises(ConnectError, match="refused"):
        await fetch(pool, url)


async def test_an_unknown_name_says_so(pool: HttpPool) -> None:
    with pytest.raises(ConnectError, match="does not resolve"):
        await fetch(pool, "http://no-such-name.invalid/v1")


async def test_a_handshake_that_never_ends_is_a_connect_timeout(pool: HttpPool, server: Server) -> None:
    server.answers = [b""]
    with pytest.raises(ConnectTimeoutError):
        await pool.send("POST", server.url.replace("http://", "https://"), {}, b"", 0.05)


async def test_tls_asks_for_a_trusted_certificate(clock: Clock, pool: HttpPool) -> None:
    authority = trustme.CA()
    server_context, client_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("127.0.0.1").configure_cert(server_context)
    authority.configure_trust(client_context)
    made = Server()
    made.answers = [whole(b"hello"), whole(b"again")]
    async with listening(made.handle, server_context) as url:
        trusting = HttpPool(clock, client_context)
        assert [await fetch(trusting, url), await fetch(trusting, url)] == [b"hello", b"again"]
        assert made.connections == 1
        with pytest.raises(ConnectError, match="not trusted"):
            await fetch(pool, url)
        await trusting.close()
        await made.left.wait()


@pytest.mark.parametrize(
    ("url", "origin", "host", "path"),
    [
        ("https://api.openai.com/v1/models", Origin(True, "api.openai.com", 443), "api.openai.com", "/v1/models"),
        ("http://127.0.0.1:9001", Origin(False, "127.0.0.1", 9001), "127.0.0.1:9001", "/"),
        ("http://[::1]:9001/v1?x=/y", Origin(False, "::1", 9001), "[::1]:9001", "/v1?x=/y"),
        ("http://[::1]/v1", Origin(False, "::1", 80), "[::1]", "/v1"),
    ],
)
def test_a_url_is_an_origin_a_host_and_a_path(url: str, origin: Origin, host: str, path: str) -> None:
    assert split_url(url) == (origin, host, path)
