"""More requests than can be served: some are refused before they are read, some wait outside, and what runs goes on."""

from __future__ import annotations

import asyncio
import errno
import json
import logging
import socket
import ssl
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
import trustme
from llmgateway.v1 import generation_pb2, message_pb2, stream_pb2
from llmgateway_http import handlers
from llmgateway_http.app import RunningServer, create_app, start_server
from llmgateway_http.dispatch import CROWD, MOST_WAIT_S, Dispatcher
from llmgateway_http.entrance import CONNECTIONS_A_TURN, PAUSE_S, Entrance
from llmgateway_http.handlers import LARGE_BODIES_AT_ONCE, LARGE_BODY_BYTES
from llmgateway_http.loop_lag import LATE_S, LATE_TICKS, ON_TIME_S, ON_TIME_TICKS, LoopLag
from llmgateway_http.openai.json_body import parse_object
from llmgateway_http.refusal import SMALL_BODY_BYTES
from llmgateway_http.settings import ShimSettings
from llmgateway_http.turnstile import CONNECTIONS_A_TURN as READ_A_TURN
from llmgateway_http.turnstile import Turnstile

from tests.server.admission.simulation import simulated

SAFETY_S = 20.0
HOST = b"Host: 127.0.0.1\r\n"
BODY = b'{"model":"m","messages":[{"role":"user","content":"Hello"}]}'
STREAM_BODY = BODY[:-1] + b',"stream":true}'
POST = b"POST /v1/chat/completions HTTP/1.1\r\n" + HOST
PROBE = b"GET /livez HTTP/1.1\r\n" + HOST + b"\r\n"

Event = stream_pb2.GenerationEvent
ANSWER = generation_pb2.GenerateResponse(
    candidates=[
        generation_pb2.Candidate(
            message=message_pb2.ChatMessage(role=message_pb2.ROLE_ASSISTANT, parts=[message_pb2.Part(text="Hi")]),
            finish_reason=generation_pb2.FINISH_REASON_STOP,
        )
    ]
)
EVENTS = (
    Event(started=stream_pb2.GenerationStarted()),
    Event(part_started=stream_pb2.PartStarted(part=message_pb2.Part(text=""))),
    Event(part_delta=stream_pb2.PartDelta(text="Hi")),
    Event(part_finished=stream_pb2.PartFinished()),
    Event(candidate_finished=stream_pb2.CandidateFinished(finish_reason=generation_pb2.FINISH_REASON_STOP)),
    Event(finished=stream_pb2.GenerationFinished()),
)


def post(body: bytes = BODY, more: bytes = b"") -> bytes:
    return POST + more + b"Content-Length: %d\r\n\r\n" % len(body) + body


class Stream:
    """A call that streams one event a message, and its last ones only once it may."""

    def __init__(self, may_answer: asyncio.Event) -> None:
        self._may_answer = may_answer
        self._events = list(EVENTS)

    async def read(self) -> Any:  # a message, or EOF
        if not self._events:
            return grpc.aio.EOF  # type: ignore[attr-defined]  # absent from the published stubs
        if len(self._events) < 4:
            await self._may_answer.wait()
        return stream_pb2.StreamGenerateResponse(events=[self._events.pop(0)])

    def cancel(self) -> None:
        pass


class Stub:
    """A gateway whose answers come once they may."""

    def __init__(self) -> None:
        self.may_answer = asyncio.Event()
        self.arrived = asyncio.Semaphore(0)
        self.count = 0

    async def Generate(self, call: Any, **about: Any) -> generation_pb2.GenerateResponse:
        self.count += 1
        self.arrived.release()
        await self.may_answer.wait()
        return ANSWER

    def StreamGenerate(self, call: Any, **about: Any) -> Stream:
        self.count += 1
        self.arrived.release()
        return Stream(self.may_answer)


class ToldLag(LoopLag):
    """A loop that lags when the test says so. `ticked` counts how often it was looked at."""

    def __init__(self) -> None:
        super().__init__()
        self.ticked = asyncio.Semaphore(0)

    def observe(self, late_s: float) -> None:
        self.ticked.release()

    async def set(self, *, is_lagging: bool) -> None:
        """Return once everything has heard of it."""
        self.is_lagging = is_lagging
        while self.ticked._value:
            await self.ticked.acquire()
        for _ in range(2):
            await self.ticked.acquire()


class Client:
    """One connection, and what comes back on it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def answer(self, *, has_body: bool = True) -> tuple[int, dict[str, str], Any]:
        """Read one answer: its status, headers, and JSON or text."""
        lines = (await self._reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
        body = await self._reader.readexactly(int(headers["content-length"])) if has_body else b""
        status = int(lines[0].split(" ")[1])
        return status, headers, json.loads(body) if "json" in headers["content-type"] and body else body

    async def rest(self) -> bytes:
        """Read until the gateway closes the connection."""
        return await self._reader.read()

    async def until(self, text: bytes) -> bytes:
        return await self._reader.readuntil(text)


class House:
    """A server over the stub."""

    def __init__(self, app: Dispatcher, server: RunningServer, stub: Stub, lag: ToldLag) -> None:
        self.app = app
        self.server = server
        self.stub = stub
        self.lag = lag
        self._clients: list[Client] = []

    async def connect(self, trust: ssl.SSLContext | None = None) -> Client:
        client = Client(*await asyncio.open_connection("127.0.0.1", self.server.port, ssl=trust))
        self._clients.append(client)
        return client

    async def send(self, data: bytes) -> Client:
        client = await self.connect()
        client.send(data)
        return client

    async def fill(self, data: bytes) -> Client:
        """Send a request that runs until it may answer."""
        client = await self.send(data)
        await self.stub.arrived.acquire()
        return client

    async def close(self) -> None:
        for client in self._clients:
            client.writer.close()
        await self.server.close()


@asynccontextmanager
async def open_house(concurrent_calls: int = 100, tls: ssl.SSLContext | None = None) -> AsyncIterator[House]:
    async def is_ready() -> bool:
        return True

    settings = ShimSettings(concurrent_calls=concurrent_calls)
    stub, lag = Stub(), ToldLag()
    app = create_app(stub, settings, is_ready=is_ready, lag=lag)
    house = House(app, await start_server(app, "127.0.0.1:0", tls, settings), stub, lag)
    try:
        async with asyncio.timeout(SAFETY_S):
            yield house
    finally:
        await house.close()


async def test_one_too_many_is_refused_with_the_time_to_try_again() -> None:
    async with open_house(concurrent_calls=1) as house:
        first = await house.fill(post())
        second = await house.send(post())
        status, headers, body = await second.answer()
        assert (status, body["error"]["code"], body["error"]["type"]) == (429, "gateway_overloaded", "rate_limit_error")
        assert (headers["retry-after"], headers["retry-after-ms"], headers["x-should-retry"]) == ("1", "1000", "true")
        second.send(post())
        status, more_headers, _ = await second.answer()
        assert status == 429
        assert more_headers["x-request-id"] != headers["x-request-id"]
        assert headers["x-request-id"].startswith("rest_")
        assert house.app.refused_count == 2
        house.stub.may_answer.set()
        assert (await first.answer())[0] == 200
        # The connection is as good as before.
        second.send(post())
        assert (await second.answer())[0] == 200
        assert house.stub.count == 2


async def test_a_body_is_refused_before_it_has_come() -> None:
    async with open_house(concurrent_calls=0) as house:
        client = await house.send(POST + b"Content-Length: %d\r\n\r\n" % (SMALL_BODY_BYTES + 1))
        status, headers, _ = await client.answer()
        assert (status, headers["connection"]) == (429, "close")


# What is sent before the answer and after it, and whether the connection is good for more then.
UNREAD: dict[str, tuple[bytes, bytes, bool]] = {
    "nothing": (b"GET /v1/models HTTP/1.1\r\n" + HOST + b"\r\n", b"", True),
    "a small body on its way": (POST + b"Content-Length: 4\r\n\r\n{", b"...", True),
    "a large body on its way": (POST + b"Content-Length: %d\r\n\r\n{" % (SMALL_BODY_BYTES + 1), b"...", False),
    "chunks on their way": (POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n", b"0\r\n\r\n", False),
    "a body that is asked for": (post(b"", b"Expect: 100-continue\r\n").replace(b"th: 0", b"th: 4"), b"", False),
    "a client that wants to leave": (post(more=b"Connection: close\r\n"), b"", False),
    "an old protocol": (post(more=b"Connection: keep-alive\r\n").replace(b"HTTP/1.1", b"HTTP/1.0"), b"", False),
}


@pytest.mark.parametrize("name", UNREAD)
async def test_a_connection_is_kept_where_little_is_unread(name: str) -> None:
    before, after, is_kept = UNREAD[name]
    async with open_house(concurrent_calls=0) as house:
        client = await house.send(before)
        status, headers, _ = await client.answer()
        assert (status, headers.get("connection")) == (429, None if is_kept else "close")
        if is_kept:
            client.send(after + PROBE)
            assert (await client.answer())[0] == 200
        assert house.stub.count == 0


async def test_a_refusal_of_a_head_has_no_body() -> None:
    async with open_house(concurrent_calls=0) as house:
        client = await house.send(b"HEAD /v1/models HTTP/1.1\r\n" + HOST + b"\r\n" + PROBE)
        assert (await client.answer(has_body=False))[0] == 429
        assert (await client.answer())[2] == b"ok\n"


async def test_probes_are_answered_by_a_full_house() -> None:
    async with open_house(concurrent_calls=0) as house:
        client = await house.send(PROBE + PROBE.replace(b"livez", b"readyz"))
        assert [(await client.answer())[0] for _ in range(2)] == [200, 200]


async def test_another_configuration_lets_more_in() -> None:
    async with open_house(concurrent_calls=0) as house:
        house.app.follow(1)
        house.stub.may_answer.set()
        assert (await (await house.send(post())).answer())[0] == 200


async def test_a_stream_that_was_accepted_is_served_to_its_end() -> None:
    async with open_house(concurrent_calls=1) as house:
        stream = await house.fill(post(STREAM_BODY))
        head = await stream.until(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 ")
        await house.lag.set(is_lagging=True)
        house.app._turnstile.wait_s = 2 * MOST_WAIT_S
        house.stub.may_answer.set()
        await stream.until(b"data: [DONE]\n\n")


async def test_while_a_crowd_makes_the_loop_lag_new_connections_wait_outside() -> None:
    async with open_house() as house:
        inside = await house.send(PROBE)
        await inside.answer()
        crowd = [await house.fill(post()) for _ in range(CROWD)]
        await house.lag.set(is_lagging=True)
        outside = await house.send(PROBE)
        # Who is inside is served on, again and again; who is not is not even let in.
        for _ in range(10):
            inside.send(PROBE)
            assert (await inside.answer())[0] == 200
        assert len(house.app.served) == CROWD + 1
        await house.lag.set(is_lagging=False)
        assert (await outside.answer())[0] == 200
        house.stub.may_answer.set()
        for client in crowd:
            assert (await client.answer())[0] == 200


async def test_a_loop_that_lags_for_another_reason_shuts_nobody_out() -> None:
    async with open_house() as house:
        for _ in range(CROWD - 1):
            await house.fill(post())
        await house.lag.set(is_lagging=True)
        assert (await (await house.send(PROBE)).answer())[0] == 200


async def test_where_turns_are_long_in_coming_new_connections_wait_outside() -> None:
    async with open_house() as house:
        inside = await house.send(PROBE)
        await inside.answer()
        house.app._turnstile.wait_s = MOST_WAIT_S + 0.1
        await house.lag.set(is_lagging=False)
        outside = await house.send(PROBE)
        for _ in range(10):
            inside.send(PROBE)
            assert (await inside.answer())[0] == 200
        assert len(house.app.served) == 1
        house.app._turnstile.wait_s = MOST_WAIT_S
        assert (await outside.answer())[0] == 200


class CountedTurnstile(Turnstile):
    """Counts how often it held a connection."""

    hold_count = 0

    def hold(self, transport: asyncio.Transport) -> None:
        self.hold_count += 1
        super().hold(transport)


async def test_while_the_loop_lags_kept_connections_are_served_by_turns() -> None:
    async with open_house() as house:
        house.app._turnstile = turnstile = CountedTurnstile(lambda: 0.0)
        house.stub.may_answer.set()
        clients = [await house.send(post()) for _ in range(3 * READ_A_TURN)]
        for client in clients:
            await client.answer()
        assert turnstile.hold_count == 0
        await house.lag.set(is_lagging=True)
        for _ in range(3):
            for client in clients:
                client.send(post())
            for client in clients:
                assert (await client.answer())[0] == 200
        assert turnstile.hold_count == 3 * len(clients)
        assert house.app.refused_count == 0


async def test_a_connection_on_which_a_body_comes_is_not_held() -> None:
    async with open_house() as house:
        house.app._turnstile = turnstile = CountedTurnstile(lambda: 0.0)
        client = await house.send(PROBE)
        await client.answer()
        house.app.follow(0)
        await house.lag.set(is_lagging=True)
        client.send(POST + b"Content-Length: 4\r\n\r\n{")
        assert (await client.answer())[0] == 429
        assert turnstile.hold_count == 0
        client.send(b"..." + post())
        assert (await client.answer())[0] == 429
        assert turnstile.hold_count == 1


async def test_where_turns_are_long_in_coming_requests_are_refused() -> None:
    async with open_house() as house:
        house.stub.may_answer.set()
        client = await house.send(post())
        await client.answer()
        house.app._turnstile.wait_s = MOST_WAIT_S + 0.1
        client.send(post())
        assert (await client.answer())[0] == 429
        house.app._turnstile.wait_s = MOST_WAIT_S
        client.send(post())
        assert (await client.answer())[0] == 200


async def test_over_tls_the_same_holds_and_who_speaks_none_is_turned_away() -> None:
    authority = trustme.CA()
    tls, trust = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH), ssl.create_default_context()
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    authority.configure_trust(trust)
    async with open_house(tls=tls) as house:
        house.stub.may_answer.set()
        stranger = await house.send(PROBE)
        assert await stranger.rest() == b""
        clients = [await house.connect(trust) for _ in range(2 * READ_A_TURN)]
        for is_lagging in (False, True):
            await house.lag.set(is_lagging=is_lagging)
            for client in clients:
                client.send(post())
            for client in clients:
                assert (await client.answer())[0] == 200
        await house.lag.set(is_lagging=False)
        await house.connect()  # It has not shaken hands when the house is closed.


class Line(asyncio.Transport):
    """A connection that notes when it is read from."""

    def __init__(self, name: int, order: list[int]) -> None:
        super().__init__()
        self.name = name
        self.order = order
        self.is_paused = False
        self.is_gone = False

    def pause_reading(self) -> None:
        self.is_paused = True

    def resume_reading(self) -> None:
        self.is_paused = False
        self.order.append(self.name)

    def is_closing(self) -> bool:
        return self.is_gone


async def test_a_turnstile_lets_connections_ask_in_order_a_few_a_turn() -> None:
    now_s = 0.0
    turnstile = Turnstile(lambda: now_s)
    order: list[int] = []
    lines = [Line(number, order) for number in range(2 * READ_A_TURN + 1)]
    for line in lines:
        turnstile.hold(line)
    assert all(line.is_paused for line in lines)
    assert (order, turnstile.is_turning) == ([], True)
    seen = []
    for _ in range(3):
        now_s += 0.5
        await asyncio.sleep(0)
        seen.append((len(order), turnstile.wait_s, turnstile.is_turning))
    assert seen == [(READ_A_TURN, 0.5, True), (2 * READ_A_TURN, 1.0, True), (2 * READ_A_TURN + 1, 0.0, False)]
    assert order == sorted(order)


async def test_a_turnstile_does_not_hold_who_leaves() -> None:
    turnstile = Turnstile(lambda: 0.0)
    line = Line(1, [])
    line.is_gone = True
    turnstile.hold(line)
    assert (line.is_paused, turnstile.is_turning) == (False, False)


LATE, ON_TIME, BETWEEN = 2 * LATE_S, ON_TIME_S / 2, (LATE_S + ON_TIME_S) / 2
TICKS: dict[str, tuple[list[float], bool]] = {
    "nothing": ([], False),
    "a long turn": ([50 * LATE_S], False),
    "long turns apart": ([LATE] * (LATE_TICKS - 1) + [ON_TIME, LATE], False),
    "turns that are not long enough": ([BETWEEN] * 50, False),
    "one long turn after another": ([LATE] * LATE_TICKS, True),
    "some better, none good": ([LATE] * LATE_TICKS + [BETWEEN] * 50, True),
    "good, but not for long": ([LATE] * LATE_TICKS + [ON_TIME, ON_TIME, LATE] * 5, True),
    "good again": ([LATE] * LATE_TICKS + [ON_TIME] * ON_TIME_TICKS, False),
    "good again, and one long turn": ([LATE] * LATE_TICKS + [ON_TIME] * ON_TIME_TICKS + [LATE], False),
}


@pytest.mark.parametrize("name", TICKS)
def test_a_loop_lags_where_it_is_late_again_and_again(name: str) -> None:
    ticks, is_lagging = TICKS[name]
    lag = LoopLag()
    for late_s in ticks:
        lag.observe(late_s)
    assert lag.is_lagging is is_lagging


class Crowded(socket.socket):
    """A listening socket of a system that has no room for one more connection, for a while."""

    is_crowded = False

    def accept(self) -> tuple[socket.socket, Any]:
        if self.is_crowded:
            raise OSError(errno.EMFILE, "Too many open files")
        return super().accept()


class Guests:
    """Counts who comes in through an entrance of its own."""

    def __init__(self) -> None:
        self.count = 0
        self.listener = Crowded()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(100)
        self.entrance = Entrance(self.listener, self._make_protocol, None, 1.0)
        self._sockets: list[socket.socket] = []

    def _make_protocol(self) -> asyncio.Protocol:
        self.count += 1
        return asyncio.Protocol()

    def come(self, count: int) -> None:
        for _ in range(count):
            self._sockets.append(socket.create_connection(self.listener.getsockname()))

    async def close(self) -> None:
        await self.entrance.close()
        for guest in self._sockets:
            guest.close()
        await turns(20)


async def turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


@asynccontextmanager
async def open_guests() -> AsyncIterator[Guests]:
    guests = Guests()
    try:
        yield guests
    finally:
        await guests.close()


@simulated
async def test_an_entrance_takes_a_few_a_turn_and_none_while_it_is_shut() -> None:
    async with open_guests() as guests:
        guests.come(5 * CONNECTIONS_A_TURN)
        await turns(5)
        assert guests.count == 0
        guests.entrance.open()
        guests.entrance.open()
        while guests.count < CONNECTIONS_A_TURN:
            before = guests.count
            await turns(1)
            assert guests.count - before <= CONNECTIONS_A_TURN
        guests.entrance.shut()
        await turns(20)
        assert guests.count < 5 * CONNECTIONS_A_TURN
        guests.entrance.open()
        await turns(20)
        assert guests.count == 5 * CONNECTIONS_A_TURN


@simulated
async def test_an_entrance_rests_while_the_system_has_no_room(caplog: pytest.LogCaptureFixture) -> None:
    async with open_guests() as guests:
        guests.listener.is_crowded = True
        guests.entrance.open()
        with caplog.at_level(logging.ERROR):
            guests.come(1)
            await turns(20)
            guests.entrance.open()  # as the watch over the loop does at each tick
            await turns(20)
        assert [record.getMessage() for record in caplog.records] == ["no connection can be taken: Too many open files"]
        assert not guests.entrance.is_open
        guests.listener.is_crowded = False
        await asyncio.sleep(PAUSE_S)  # of simulated time
        await turns(5)
        assert guests.count == 1


@simulated
async def test_an_entrance_that_is_closed_opens_no_more() -> None:
    async with open_guests() as guests:
        guests.entrance.open()
        await guests.entrance.close()
        guests.entrance.open()
        assert not guests.entrance.is_open


async def test_only_so_many_large_bodies_are_parsed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, may_end = threading.Semaphore(0), threading.Event()
    under_way: list[int] = []
    most: list[int] = []

    def parse(data: bytes, depth: int) -> Any:
        under_way.append(len(data))
        most.append(len(under_way))
        begun.release()
        assert may_end.wait(SAFETY_S)
        under_way.pop()
        return parse_object(data, depth)

    monkeypatch.setattr(handlers, "parse_object", parse)
    large = BODY[:-1] + b',"user":"%s"}' % (b"u" * LARGE_BODY_BYTES)
    async with open_house() as house:
        house.stub.may_answer.set()
        clients = [await house.send(post(large)) for _ in range(LARGE_BODIES_AT_ONCE + 2)]
        for _ in range(LARGE_BODIES_AT_ONCE):
            await asyncio.to_thread(begun.acquire)
        # A small one is parsed meanwhile, on the loop: what waits are the two large ones too many.
        monkeypatch.setattr(handlers, "parse_object", parse_object)
        assert (await (await house.send(post())).answer())[0] == 200
        monkeypatch.setattr(handlers, "parse_object", parse)
        may_end.set()
        assert [(await client.answer())[0] for client in clients] == [200] * len(clients)
        assert max(most) == LARGE_BODIES_AT_ONCE
