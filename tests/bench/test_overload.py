"""The overload campaign: that its driver sees what becomes of calls, and that it runs. No figure fails it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import pytest

from tests.bench import open_load
from tests.bench.open_load import OpenLoadResult, RestFace, Tally
from tests.bench.overload import Row
from tests.bench.paced_upstream import PacedUpstream

PROJECT = Path(__file__).parents[2]
SAFETY_S = 20.0
GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
REFUSED = b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 2\r\n\r\n{}"
TOLD = REFUSED.replace(b"\r\n\r\n", b"\r\nRetry-After: 1\r\n\r\n")
CLOSING = TOLD.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
WRONG = GOOD.replace(b"200 OK", b"500 No")


class Answering(asyncio.Protocol):
    """A connection of a server that gives its answers in turn, and closes with an empty one. It keeps none back."""

    def __init__(self, answers: list[bytes], is_asked: asyncio.Event) -> None:
        self._answers = answers
        self._is_asked = is_asked
        self.gone = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, error: Exception | None) -> None:
        self.gone.set_result(None)

    def data_received(self, data: bytes) -> None:
        self._is_asked.set()
        if self._answers:
            answer = self._answers.pop(0)
            self._transport.write(answer)
            if not answer or b"close" in answer:
                self._transport.close()


@dataclass(frozen=True, slots=True)
class Scene:
    """The driver before a server. `asked` is set once the first request has come."""

    face: RestFace
    tally: Tally
    asked: asyncio.Event

    def call(self, count: int) -> None:
        for _ in range(count):
            self.tally.begin()
            self.face.call()


@asynccontextmanager
async def open_scene(answers: Sequence[bytes], connection_count: int) -> AsyncIterator[Scene]:
    left, asked, served = list(answers), asyncio.Event(), list[Answering]()

    def serve() -> Answering:
        served.append(Answering(left, asked))
        return served[-1]

    server = await asyncio.get_running_loop().create_server(serve, "127.0.0.1", 0)
    tally = Tally()
    face = RestFace(server.sockets[0].getsockname()[1], connection_count, tally)
    async with server, asyncio.timeout(SAFETY_S):
        yield Scene(face, tally, asked)
        await face.close()
        await asyncio.gather(*(connection.gone for connection in served))


@pytest.mark.parametrize("connection_count", [1, 3])
async def test_the_driver_tells_answers_from_refusals(connection_count: int) -> None:
    async with open_scene([GOOD, REFUSED, TOLD, WRONG, GOOD, TOLD], connection_count) as scene:
        scene.call(6)
    seen = scene.tally.result(1.0, 0.0, 0, 0)
    assert (seen.offered_count, seen.good_count, seen.refused_count, seen.told_count) == (6, 2, 3, 2)
    assert (seen.late_count, seen.broken_count, scene.tally.under_way_count) == (0, 1, 0)


async def test_the_driver_sees_connections_that_are_closed() -> None:
    async with open_scene([b"", CLOSING, GOOD], connection_count=3) as scene:
        scene.call(3)
    tally = scene.tally
    assert (len(tally.good_s), tally.told_count, tally.broken_count) == (1, 1, 1)


async def test_the_driver_gives_up_what_waits_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_scene([], connection_count=1) as scene:
        scene.call(2)  # one is asked, one waits for the connection
        await scene.asked.wait()
        scene.face.sweep()
        assert scene.tally.late_count == 0
        monkeypatch.setattr(open_load, "PATIENCE_S", 0.0)
        scene.face.sweep()
        assert (scene.tally.late_count, scene.tally.under_way_count) == (2, 0)


def test_answers_that_come_after_the_load_are_no_goodput() -> None:
    tally = Tally()
    for _ in range(2):
        tally.begin()
    tally.good(0.1)
    tally.is_over = True
    tally.good(0.1)
    assert tally.result(0.5, 0.0, 0, 0).goodput == 2.0
    assert tally.under_way_count == 0


async def test_the_upstream_takes_its_time_and_streams_all_it_has() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: PacedUpstream(0.0, 0.0), "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    async with server, asyncio.timeout(SAFETY_S):
        writer.write(b'POST / HTTP/1.1\r\nContent-Length: 15\r\n\r\n{"stream":true}')
        assert (await reader.readuntil(b"data: [DONE]\n\n")).count(b'"tok') == 100
        await reader.readuntil(b"0\r\n\r\n")
        writer.write(b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
        writer.close()


SEEN = OpenLoadResult(
    offered_count=300,
    good_count=90,
    refused_count=200,
    told_count=200,
    late_count=10,
    broken_count=0,
    seconds=1.0,
    busy=0.2,
    good_p50_ms=1.0,
    good_p99_ms=1.0,
    refused_p50_ms=1.0,
    refused_p99_ms=50.0,
    stream_count=10,
    whole_stream_count=10,
)
ROW = Row("upstream", "rest", peak=100.0, least=0.9, most_refusal_ms=50.0, seen=SEEN)
VERDICTS: dict[str, tuple[Row, bool]] = {
    "enough": (ROW, True),
    "too little": (replace(ROW, peak=101.0), False),
    "late refusals": (replace(ROW, most_refusal_ms=49.0), False),
    "late refusals where they may be": (replace(ROW, most_refusal_ms=None), True),
    "a refusal that does not say when": (replace(ROW, seen=msgspec.structs.replace(SEEN, told_count=199)), False),
    "a stream that was cut": (replace(ROW, seen=msgspec.structs.replace(SEEN, whole_stream_count=9)), False),
    "no peak": (replace(ROW, peak=0.0), False),
}


@pytest.mark.parametrize("name", VERDICTS)
def test_a_row_is_reached_with(name: str) -> None:
    row, is_reached = VERDICTS[name]
    assert row.is_reached is is_reached


def test_a_quick_run_serves_and_refuses_over_both_faces(tmp_path: Path) -> None:
    file = tmp_path / "overload.json"
    command = [sys.executable, "-m", "tests.bench.overload", "--quick", "--only", "upstream", "--json", str(file)]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:] + done.stdout[-2000:]
    rows = msgspec.json.decode(file.read_bytes())
    assert [(row["case"], row["face"]) for row in rows] == [("upstream", "rest"), ("upstream", "grpc")]
    for row in rows:
        seen = row["seen"]
        assert seen["good_count"] > 0
        assert seen["refused_count"] > 0
        assert seen["told_count"] == seen["refused_count"]
        assert seen["whole_stream_count"] == seen["stream_count"] == 2
    assert "upstream, grpc" in done.stdout
