"""Loads the gateway at a rate of its own, whatever comes back, beside a few streams that have begun before.

    python -m tests.bench.open_load PORT rest|grpc PID --rate 3000 --seconds 4 --streams 10

A caller that waits for its answer before it asks again slows down with the server; callers in an outage do not. Whoever
waits for longer than `PATIENCE_S`, for a connection or then for an answer, leaves, as with clients' libraries. PID is
the gateway's, whose CPU time is read meanwhile.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from typing import Protocol, cast

import grpc
import msgspec
import uvloop

from tests.bench import grpc_load, http_load
from tests.bench.load import percentile
from tests.bench.payload import generate_request
from tests.bench.processes import cost_of

TICK_S = 0.002
SWEEP_S = 0.05
PATIENCE_S = 2.0
# So much earlier than the load the streams begin.
HEAD_START_S = 0.2
RETRY_INFO = b"google.rpc.RetryInfo"


class OpenLoadResult(msgspec.Struct, frozen=True):
    """What a driver saw.

    `good_count` answers were whole, and came while the load lasted; `refused_count` calls were refused, `told_count` of
    them with the time to try again; `late_count` had no answer in time; `broken_count` failed in another way. `busy` is
    the CPU time that the gateway took, as a share of the load's.
    """

    offered_count: int
    good_count: int
    refused_count: int
    told_count: int
    late_count: int
    broken_count: int
    seconds: float
    busy: float
    good_p50_ms: float
    good_p99_ms: float
    refused_p50_ms: float
    refused_p99_ms: float
    stream_count: int
    whole_stream_count: int

    @property
    def goodput(self) -> float:
        """Good answers a second."""
        return self.good_count / self.seconds


class Tally:
    """What has become of the calls of a run."""

    def __init__(self) -> None:
        self.offered_count = 0
        self.under_way_count = 0
        self.is_over = False
        self.good_s: list[float] = []
        self.refused_s: list[float] = []
        self.told_count = 0
        self.late_count = 0
        self.broken_count = 0

    def begin(self) -> None:
        """Count one more call."""
        self.offered_count += 1
        self.under_way_count += 1

    def good(self, elapsed_s: float) -> None:
        self.under_way_count -= 1
        if not self.is_over:
            self.good_s.append(elapsed_s)

    def refused(self, elapsed_s: float, *, is_told: bool) -> None:
        self.under_way_count -= 1
        self.refused_s.append(elapsed_s)
        self.told_count += is_told

    def late(self) -> None:
        self.under_way_count -= 1
        self.late_count += 1

    def broken(self) -> None:
        self.under_way_count -= 1
        self.broken_count += 1

    def result(self, seconds: float, busy: float, stream_count: int, whole_stream_count: int) -> OpenLoadResult:
        """Return the result of a run."""
        good, refused = sorted(self.good_s), sorted(self.refused_s)
        return OpenLoadResult(
            offered_count=self.offered_count,
            good_count=len(good),
            refused_count=len(refused),
            told_count=self.told_count,
            late_count=self.late_count,
            broken_count=self.broken_count,
            seconds=seconds,
            busy=busy,
            good_p50_ms=1000 * percentile(good, 0.50),
            good_p99_ms=1000 * percentile(good, 0.99),
            refused_p50_ms=1000 * percentile(refused, 0.50),
            refused_p99_ms=1000 * percentile(refused, 0.99),
            stream_count=stream_count,
            whole_stream_count=whole_stream_count,
        )


class Face(Protocol):
    """One way to reach the gateway."""

    def call(self) -> None:
        """Make one call, beside all others; what becomes of it is counted."""

    def sweep(self) -> None:
        """Give up calls that have waited too long, where nothing else does."""

    async def stream(self) -> bool:
        """Read one stream to its end; return whether it was whole."""

    async def close(self) -> None:
        """Wait for the calls under way, and close."""


class RestConnection(http_load.Connection):
    """A kept connection, used by one call at a time. `asked_s` is when its call began, None without one."""

    def __init__(self, face: RestFace) -> None:
        super().__init__(http_load.Run(face.request, 0.0))
        self._face = face
        self.asked_s: float | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._face.take_back(self)

    def ask(self, asked_s: float) -> None:
        """Send a call's request."""
        self.asked_s = asked_s
        self._send()

    def connection_lost(self, error: Exception | None) -> None:
        if self.asked_s is not None:
            self._face.tally.broken()
        self._face.forget(self)

    def is_waiting_since(self, since_s: float) -> bool:
        """Whether its call was sent so long ago, and has no answer yet."""
        return self.asked_s is not None and self._sent_s < since_s

    def close(self) -> None:
        """Leave, without a call."""
        self._transport.close()

    def abandon(self) -> None:
        """Leave without an answer."""
        self.asked_s = None
        self._face.tally.late()
        self._transport.abort()

    def _finish(self, *, is_good: bool) -> None:
        if self.asked_s is None:
            return
        elapsed_s, self.asked_s = time.perf_counter() - self.asked_s, None
        if is_good and self._head.startswith(b"http/1.1 200"):
            self._face.tally.good(elapsed_s)
        elif is_good and self._head.startswith(b"http/1.1 429"):
            self._face.tally.refused(elapsed_s, is_told=b"\r\nretry-after:" in self._head)
        else:
            self._face.tally.broken()
        if b"\r\nconnection: close" in self._head:
            self._transport.close()
        else:
            self._face.take_back(self)


class RestFace:
    """Calls over REST, by a pool of kept connections: where all are busy, calls wait for one."""

    def __init__(self, port: int, connection_count: int, tally: Tally) -> None:
        self._port = port
        self._connection_count = connection_count
        self.tally = tally
        self.request = http_load.make_request(port, "chat")
        self._waiting: deque[float] = deque()
        self._idle: list[RestConnection] = []
        self._open: set[RestConnection] = set()
        self._connecting: set[asyncio.Task[None]] = set()

    def call(self) -> None:
        asked_s = time.perf_counter()
        if self._idle:
            self._idle.pop().ask(asked_s)
            return
        self._waiting.append(asked_s)
        if len(self._open) + len(self._connecting) < self._connection_count:
            task = asyncio.get_running_loop().create_task(self._connect())
            self._connecting.add(task)
            task.add_done_callback(self._connecting.discard)

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(PATIENCE_S):
                await loop.create_connection(lambda: RestConnection(self), "127.0.0.1", self._port)

    def take_back(self, connection: RestConnection) -> None:
        """A connection has nothing to do: give it the call that has waited longest."""
        self._open.add(connection)
        if self._waiting:
            connection.ask(self._waiting.popleft())
        else:
            self._idle.append(connection)

    def forget(self, connection: RestConnection) -> None:
        """A connection is gone."""
        self._open.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)

    def sweep(self) -> None:
        since_s = time.perf_counter() - PATIENCE_S
        while self._waiting and self._waiting[0] < since_s:
            self._waiting.popleft()
            self.tally.late()
        for connection in [one for one in self._open if one.is_waiting_since(since_s)]:
            connection.abandon()

    async def stream(self) -> bool:
        run = http_load.Run(http_load.make_request(self._port, "stream"), 0.0)
        _, connection = await asyncio.get_running_loop().create_connection(
            lambda: http_load.Connection(run), "127.0.0.1", self._port
        )
        await connection.done
        return run.failed_count == 0

    async def close(self) -> None:
        while self.tally.under_way_count:
            await asyncio.sleep(SWEEP_S)
            self.sweep()
        for connection in self._idle:
            connection.close()
        await asyncio.gather(*self._connecting)


class GrpcFace:
    """Calls over gRPC, dealt round several connections."""

    def __init__(self, port: int, channel_count: int, tally: Tally) -> None:
        self._tally = tally
        self._request = generate_request().SerializeToString()
        options = [("grpc.use_local_subchannel_pool", 1)]
        self._channels = [grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=options) for _ in range(channel_count)]
        generate = f"{grpc_load.SERVICE}/Generate"
        self._methods = [channel.unary_unary(generate, None, None) for channel in self._channels]
        self._calls: set[asyncio.Task[None]] = set()

    def call(self) -> None:
        method = self._methods[self._tally.offered_count % len(self._methods)]
        task = asyncio.get_running_loop().create_task(self._call(method))
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)

    async def _call(self, method: Callable[..., Awaitable[bytes]]) -> None:
        asked_s = time.perf_counter()
        try:
            await method(self._request, timeout=PATIENCE_S)
        except grpc.aio.AioRpcError as error:
            self._count_failure(error, time.perf_counter() - asked_s)
        else:
            self._tally.good(time.perf_counter() - asked_s)

    def _count_failure(self, error: grpc.aio.AioRpcError, elapsed_s: float) -> None:
        if error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED:
            # The published types know another class of metadata than the library gives.
            metadata = cast(Iterable[tuple[str, str | bytes]], error.trailing_metadata())
            is_told = any(isinstance(value, bytes) and RETRY_INFO in value for _, value in metadata)
            self._tally.refused(elapsed_s, is_told=is_told)
        elif error.code() == grpc.StatusCode.DEADLINE_EXCEEDED:
            self._tally.late()
        else:
            self._tally.broken()

    def sweep(self) -> None:
        pass  # The library gives calls up by itself.

    async def stream(self) -> bool:
        last = await grpc_load.call_once(self._channels[0], "stream")()
        return grpc_load.is_whole("stream", last)

    async def close(self) -> None:
        if self._calls:
            await asyncio.wait(self._calls)
        await asyncio.gather(*(channel.close(None) for channel in self._channels))


FACES: dict[str, Callable[[int, int, Tally], Face]] = {"rest": RestFace, "grpc": GrpcFace}


async def send_at(rate: float, seconds: float, face: Face, tally: Tally) -> None:
    """Make calls at a rate, whatever becomes of them."""
    started_s, sweep_s = time.perf_counter(), 0.0
    while (elapsed_s := time.perf_counter() - started_s) < seconds:
        for _ in range(int(rate * elapsed_s) - tally.offered_count):
            tally.begin()
            face.call()
        if elapsed_s >= sweep_s:
            face.sweep()
            sweep_s += SWEEP_S
        await asyncio.sleep(TICK_S)


async def load(face: Face, tally: Tally, pid: int, rate: float, seconds: float, stream_count: int) -> bytes:
    """Begin the streams, drive the load, wait for what is under way; return the result as JSON."""
    streams = [asyncio.ensure_future(face.stream()) for _ in range(stream_count)]
    await asyncio.sleep(HEAD_START_S if streams else 0.0)
    before = cost_of(pid)
    await send_at(rate, seconds, face, tally)
    tally.is_over = True
    busy = (cost_of(pid).cpu_s - before.cpu_s) / seconds
    wholes = await asyncio.gather(*streams, return_exceptions=True)
    await face.close()
    return msgspec.json.encode(tally.result(seconds, busy, stream_count, sum(whole is True for whole in wholes)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("port", type=int)
    parser.add_argument("face", choices=FACES)
    parser.add_argument("pid", type=int)
    parser.add_argument("--rate", type=float, default=1000.0)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--streams", type=int, default=0)
    parser.add_argument("--connections", type=int, default=1000)
    arguments = parser.parse_args()
    tally = Tally()

    async def run() -> bytes:
        face = FACES[arguments.face](arguments.port, arguments.connections, tally)
        return await load(face, tally, arguments.pid, arguments.rate, arguments.seconds, arguments.streams)

    sys.stdout.buffer.write(uvloop.run(run()))


if __name__ == "__main__":
    main()
