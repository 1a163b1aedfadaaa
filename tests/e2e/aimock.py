"""aimock, a third party's mock of many providers' APIs, in a process of its own, and a tap on the wire before it.

Its journal tells how somebody else read what the gateway sent: the path, the headers with credentials blacked out, and
the conversation, of whatever provider, in the words of OpenAI's chat API. The tap keeps what was on the wire.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import httptools

from tests import toolchains

START_TIMEOUT_S = 60
Json = dict[str, Any]  # Any: decoded JSON.


class Aimock:
    """A running aimock that takes one key, and answers nothing that it was not told to."""

    def __init__(self, url: str, control: aiohttp.ClientSession) -> None:
        self.url = url
        self._control = control

    async def reset(self) -> None:
        """Forget all fixtures and the journal."""
        await self._ask("POST", "/reset")

    async def answer(self, *fixtures: Json) -> None:
        """Answer by these; the first whose `match` fits a request serves it, as often as it is asked."""
        await self._ask("POST", "/fixtures", {"fixtures": fixtures})

    async def journal(self) -> list[Json]:
        """Return what it was asked since the last reset, in order: `method`, `path`, `headers`, `body`, `response`."""
        entries: list[Json] = await self._ask("GET", "/journal")
        return entries

    async def _ask(self, method: str, path: str, body: Json | None = None) -> Any:  # Any: decoded JSON.
        async with self._control.request(method, f"/__aimock{path}", json=body) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()


@contextlib.asynccontextmanager
async def aimock(key: str) -> AsyncIterator[Aimock]:
    """Run aimock until the block is left. Skip the test where Node is absent."""
    node = await asyncio.to_thread(toolchains.node)
    project = await asyncio.to_thread(toolchains.node_project)
    pipe = asyncio.subprocess.PIPE
    script = str(project / "aimock.mjs")
    process = await asyncio.create_subprocess_exec(node, script, key, stdin=pipe, stdout=pipe)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        async with asyncio.timeout(START_TIMEOUT_S):
            url = (await process.stdout.readline()).decode().strip()
        assert url, "aimock ended before it listened; its words are above"
        async with aiohttp.ClientSession(url, headers={"authorization": f"Bearer {key}"}) as control:
            yield Aimock(url, control)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@dataclass(frozen=True, slots=True)
class Sent:
    """One request as it was on the wire. `headers` have lower-case names, `body` is decoded JSON, None without one."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: Any  # Any: decoded JSON.


@dataclass(slots=True)
class RequestReader:
    """Hears from httptools what is in one connection's bytes, and tells `heard` each whole request."""

    heard: Callable[[Sent], None]
    path: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    parser: Any = None  # Any: httptools has no types.

    def __post_init__(self) -> None:
        self.parser = httptools.HttpRequestParser(self)

    def on_url(self, url: bytes) -> None:
        self.path += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        body = json.loads(self.body) if self.body else None
        self.heard(Sent(self.parser.get_method().decode(), self.path.decode("latin-1"), self.headers, body))
        self.path, self.headers, self.body = b"", {}, b""


class Tap:
    """Listens before a server on loopback, hands every byte on unchanged, both ways, and keeps the requests."""

    def __init__(self, url: str) -> None:
        self.sent: list[Sent] = []
        self.url = ""
        self._target = urlsplit(url)
        self._ends: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Tap:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.close()
        for end in self._ends:
            end.close()
        await asyncio.gather(*self._tasks)

    async def _serve(self, caller: asyncio.StreamReader, to_caller: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        server, to_server = await asyncio.open_connection(self._target.hostname, self._target.port)
        self._ends |= {to_caller, to_server}
        requests = RequestReader(self.sent.append)
        async with asyncio.TaskGroup() as group:
            group.create_task(pump(caller, to_server, requests.parser.feed_data))
            group.create_task(pump(server, to_caller, lambda data: None))
        self._ends -= {to_caller, to_server}


async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter, look: Callable[[bytes], None]) -> None:
    """Copy bytes until their source ends, then close the other side: an end on one side is an end on both."""
    with contextlib.suppress(ConnectionError):  # A side that broke off is what the other is to see as its end.
        while data := await source.read(65536):
            look(data)
            sink.write(data)
            await sink.drain()
    sink.close()
