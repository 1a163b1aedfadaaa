"""Gateway processes before a provider that keeps a bill, and callers of both protocols.

async with stand(folder, quotas=[budget(1.0)]) as it:
    outcome = await it.ask("usual", GRPC_STREAM, "alice", write=300, limit=400)
    assert it.books().covers(it.provider.bill)
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, TypeVar

import aiohttp
import msgspec
from llmgateway import Client, GatewayError
from llmgateway.v1 import generation_pb2, message_pb2

from tests.bench.processes import free_port
from tests.e2e import canaries
from tests.e2e.budgets.books import Books, read_books
from tests.e2e.serving import SAFETY_S, Served, environment, watched
from tests.fakes.billing import BEHAVIOURS, EXCEEDING, PRICES, BillingProvider

Seen = TypeVar("Seen")

POLL_S = 0.02
CHANNELS = 12
STOPPING = "openai"
PROGRAM = (sys.executable, "-m", "llmgateway_server")
KILLABLE = (sys.executable, "-m", "tests.e2e.budgets.killable")


class Way(NamedTuple):
    """How a call is made."""

    protocol: str
    streams: bool


GRPC, GRPC_STREAM, REST, REST_STREAM = Way("grpc", False), Way("grpc", True), Way("rest", False), Way("rest", True)
WAYS = (GRPC, GRPC_STREAM, REST, REST_STREAM)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a call ended. `code` is empty for a success, and `lost` where the gateway was gone."""

    code: str = ""
    retry_after_s: float | None = None
    status: int = 200
    said: str = ""


@dataclass(slots=True)
class Stand:
    """A provider and one gateway. `file` is the gateway's ledger."""

    provider: BillingProvider
    served: Served
    client: Client
    http: aiohttp.ClientSession
    file: Path
    config: Path
    users: itertools.count[int] = field(default_factory=itertools.count)

    def new_user(self) -> str:
        """Return a name for one call, by which its row and its line are found."""
        return f"user-{next(self.users)}"

    async def ask(
        self,
        model: str,
        way: Way,
        user: str = "",
        *,
        write: int = 6,
        limit: int | None = None,
        timeout_s: float | None = None,
    ) -> Outcome:
        """Make a call and read its answer to the end."""
        ask = ask_rest if way.protocol == "rest" else ask_grpc
        try:
            async with asyncio.timeout(timeout_s):
                return await ask(self, qualified(model), way.streams, user or self.new_user(), write, limit)
        except TimeoutError:
            return Outcome("left")

    def books(self) -> Books:
        """Read the ledger as it is now."""
        return read_books(self.file)

    async def settled(self) -> Books:
        """Return the books once nothing is held any more."""
        return await eventually(self.books, lambda books: not books.open_rows)

    async def stop(self) -> Books:
        """Stop the gateway in order, and return its books."""
        assert await self.served.stop() == 0, self.served.log.read_text()[-3000:]
        return self.books()

    async def kill(self) -> None:
        """End the gateway as a crash does."""
        with contextlib.suppress(ProcessLookupError):
            self.served.process.send_signal(signal.SIGKILL)
        await self.served.exit_code()


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Ask until something holds of another process, which tells nobody when it does."""
    async with asyncio.timeout(SAFETY_S):
        while not await holds():  # noqa: ASYNC110
            await asyncio.sleep(POLL_S)


async def eventually(look: Callable[[], Seen], holds: Callable[[Seen], object]) -> Seen:
    """Look until something holds; return what was seen then."""
    seen = look()

    async def look_again() -> bool:
        nonlocal seen
        seen = look()
        return bool(holds(seen))

    await until(look_again)
    return seen


def qualified(model: str) -> str:
    return model if "/" in model else f"fake/{model}"


async def ask_rest(it: Stand, model: str, streams: bool, user: str, write: int, limit: int | None) -> Outcome:
    messages = [{"role": "user", "content": f"write {write}"}]
    body: dict[str, object] = {"model": model, "messages": messages, "user": user, "stream": streams}
    if limit is not None:
        body["max_completion_tokens"] = limit
    try:
        async with it.http.post("/v1/chat/completions", json=body) as response:
            read = await response.read()
            headers, status = response.headers, response.status
            canaries.check("an answer over REST", f"{headers}\n".encode() + read)
    except aiohttp.ClientError as error:
        return Outcome("lost", said=str(error))
    if status != 200:
        told = headers.get("retry-after-ms")
        wait_s = None if told is None else int(told) / 1000
        return Outcome(msgspec.json.decode(read)["error"]["code"], wait_s, status, read.decode())
    if streams and not read.endswith(b"data: [DONE]\n\n"):
        events = [line[6:] for line in read.split(b"\n") if line.startswith(b"data: {")]
        failed = next((event["error"] for event in map(msgspec.json.decode, events) if "error" in event), None)
        return Outcome("cut" if failed is None else failed["code"], said=read.decode())
    return Outcome()


async def ask_grpc(it: Stand, model: str, streams: bool, user: str, write: int, limit: int | None) -> Outcome:
    request = request_of(model, user, write, limit)
    try:
        if streams:
            async with it.client.stream(request) as stream:
                await stream.collect()
        else:
            await it.client.generate(request)
    except GatewayError as error:
        canaries.check("an error over gRPC", f"{error} {vars(error)}")
        code = error.reason_name.removeprefix("ERROR_REASON_").lower()
        is_lost = code == "unspecified" or (error.code.name == "UNAVAILABLE" and not error.call_id)
        return Outcome("lost" if is_lost else code, error.retry_after_s, 0, str(error))
    return Outcome()


def request_of(model: str, user: str, write: int, limit: int | None) -> generation_pb2.GenerateRequest:
    message = message_pb2.ChatMessage(role=message_pb2.ROLE_USER, parts=[message_pb2.Part(text=f"write {write}")])
    request = generation_pb2.GenerateRequest(model=model, messages=[message], end_user_id=user)
    if limit is not None:
        request.max_output_token_count = limit
    return request


def budget(usd: float | str, scope: str = "organization", window: str = "total", **more: object) -> dict[str, object]:
    """Return a quota of cost."""
    return {"scope": scope, "metric": "cost", "window": window, "limit": usd, **more}


def document(
    base_url: str, store_url: str, quotas: Sequence[Mapping[str, object]], prices: Mapping[str, str], **more: object
) -> dict[str, object]:
    """Return a configuration. Nothing is tried twice, so that a call is an attempt."""
    listen = ("grpc_listen", "http_listen", "metrics_listen", "admin_listen")
    # A target that charged too much is asked no more: for each way there is one of its own.
    copies = [f"fake/{name}@{way.protocol}-{way.streams}" for name in EXCEEDING for way in WAYS]
    models = [f"fake/{name}" for name in BEHAVIOURS] + ["gone/usual", *copies]
    return {
        "server": {**dict.fromkeys(listen, "127.0.0.1:0"), "lame_duck": "0s"},
        "resilience": {"retry": {"attempts": 1}, "breaker": {"enabled": False}},
        "store": {"url": store_url},
        "providers": {
            "fake": {"dialect": "openai", "base_url": base_url, "api_keys": ["none"]},
            # Of this one the catalogue knows that it stops, and charges no more, when its caller leaves.
            STOPPING: {"dialect": "openai", "base_url": base_url, "api_keys": ["none"]},
            "gone": {"dialect": "openai", "base_url": f"http://127.0.0.1:{free_port()}/v1", "api_keys": ["none"]},
        },
        "models": {
            **{name: {"price": prices, "max_output_tokens": 128_000} for name in models},
            **{
                f"{STOPPING}/{name}": {"price": prices, "capabilities": {"reasoning": thinks}}
                for name, thinks in (("held-middle", False), ("held-middle@thinking", True))
            },
        },
        "quotas": list(quotas),
        **more,
    }


def write_document(path: Path, value: object) -> None:
    """Write a configuration at one stroke, as whoever replaces a file should, and with canaries in it."""
    beside = path.with_suffix(".new")
    beside.write_text(canaries.planted(json.dumps(value)))  # JSON is YAML
    beside.replace(path)


@asynccontextmanager
async def gateway(
    config: Path, log: Path, program: Sequence[str] = PROGRAM, prefix: Sequence[str] = ()
) -> AsyncIterator[Served]:
    """Run a gateway until the block is left; whatever still runs then is killed. `prefix` is what starts it."""
    process = await start(config, log, program, prefix)
    async with watched(process, log) as served:
        yield served


async def start(
    config: Path, log: Path, program: Sequence[str] = PROGRAM, prefix: Sequence[str] = ()
) -> asyncio.subprocess.Process:
    """Start a gateway, which may never be ready."""
    with log.open("ab") as errors:
        return await asyncio.create_subprocess_exec(
            *prefix,
            *program,
            "serve",
            "--config",
            str(config),
            env=environment(XDG_DATA_HOME=str(log.with_suffix(".data"))),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
        )


@asynccontextmanager
async def callers(
    served: Served, provider: BillingProvider, file: Path, config: Path, users: itertools.count[int] | None = None
) -> AsyncIterator[Stand]:
    """Open clients of a gateway."""
    no_bound = aiohttp.TCPConnector(limit=0)
    async with (
        Client(served.grpc, channels=CHANNELS, timeout_s=None) as client,
        aiohttp.ClientSession(served.rest, connector=no_bound, timeout=aiohttp.ClientTimeout(total=None)) as http,
    ):
        yield Stand(provider, served, client, http, file, config, users or itertools.count())


@asynccontextmanager
async def stand(
    folder: Path,
    quotas: Sequence[Mapping[str, object]],
    prices: Mapping[str, str] = PRICES,
    *,
    file: Path | None = None,
    prefix: Sequence[str] = (),
    **more: object,
) -> AsyncIterator[Stand]:
    """Start it all: one gateway on a file of SQLite. `more` are further sections of the configuration."""
    file = file or folder / "ledger.db"
    config = folder / "gateway.json"
    async with AsyncExitStack() as opened:
        provider = await opened.enter_async_context(BillingProvider(prices))
        write_document(config, document(provider.base_url, f"sqlite:///{file}", quotas, prices, **more))
        served = await opened.enter_async_context(gateway(config, folder / "log", prefix=prefix))
        yield await opened.enter_async_context(callers(served, provider, file, config))
