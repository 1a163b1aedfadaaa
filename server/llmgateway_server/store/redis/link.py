"""One connection to a Redis or Valkey, over which one script runs at a time.

It connects once: whatever goes wrong ends it, and another is opened in its place.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Coroutine, Mapping
from importlib.resources import files
from typing import TypeVar

from redis.asyncio import ConnectionPool
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError

from llmgateway_server.store.ledger import StoreAway, StoreRefused
from llmgateway_server.store.redis.batch import Batch

Result = TypeVar("Result")

# How much later than set a timer goes off where the loop is said to lag.
LAG_S = 0.005
# How long an answer is waited for, as parts of its time: again only where the loop lagged while it was.
PATIENCE = (1.0, 0.5, 0.5)


class Script:
    """A script of this folder, by its text and by the digest that a server knows it by once it is loaded."""

    def __init__(self, name: str) -> None:
        self.text = (files(__package__) / name).read_text()
        self.digest = hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()


class Link:
    """A connection.

    Its methods raise `StoreAway` where the server does not answer in time or answers with an error, `StoreRefused`
    where it lets the gateway do nothing.
    """

    def __init__(self, url: str) -> None:
        """Raise `StoreRefused` where the URL is none of Redis."""
        try:
            pool = ConnectionPool.from_url(
                url,
                protocol=2,
                retry=Retry(NoBackoff(), 0),
                socket_timeout=None,
                socket_connect_timeout=None,
                encoding_errors="surrogatepass",
            )
        except ValueError:
            # Its message may hold the URL, and that a password.
            raise StoreRefused(
                "The URL of Redis is none: write it as redis://host:6379/0, rediss:// for TLS, or unix:///path"
            ) from None
        self._connection: AbstractConnection = pool.make_connection()  # type: ignore[no-untyped-call]  # as redis has it
        self._exchange: asyncio.Task[object] | None = None
        self.take = Script("take.lua")
        self.beat = Script("beat.lua")
        self.name = name_of(pool.connection_kwargs)

    async def open(self, timeout_s: float) -> None:
        """Connect and load the scripts. Raise `StoreRefused` where the server cannot keep limits."""
        check_info(self.name, await self._bounded(self._introduce(), timeout_s))

    async def run(self, script: Script, batch: Batch, timeout_s: float) -> bytes:
        """Run a script, and return what it returns."""
        exchange = self._ask("EVALSHA", script.digest, len(batch.keys), *batch.keys, batch.argument)
        return await self._bounded(exchange, timeout_s)

    async def remove(self, key: str, member: str, timeout_s: float) -> None:
        """Remove a member of a sorted set, once an exchange that was given up has ended."""
        if self._exchange is not None and not self._exchange.done():
            await asyncio.wait({self._exchange}, timeout=timeout_s)
            if not self._exchange.done():
                raise StoreAway(f"The Redis at {self.name} still owes an answer")
        await self._bounded(self._tell("ZREM", key, member), timeout_s)

    async def close(self) -> None:
        """Close the connection, whatever runs over it."""
        if self._exchange is not None:
            self._exchange.cancel()
            # What comes of it no longer matters to anyone.
            await asyncio.gather(self._exchange, return_exceptions=True)
        await self._connection.disconnect(nowait=True)

    async def _introduce(self) -> bytes:
        await self._connection.connect()  # type: ignore[no-untyped-call]  # as redis has it
        for script in (self.take, self.beat):
            await self._tell("SCRIPT", "LOAD", script.text)
        return await self._ask("INFO")

    async def _ask(self, *command: str | int | bytes) -> bytes:
        reply = await self._tell(*command)
        if not isinstance(reply, bytes):
            raise StoreAway(f"The Redis at {self.name} gave an answer that is none")
        return reply

    async def _tell(self, *command: str | int | bytes) -> object:
        await self._connection.send_command(*command)
        reply: object = await self._connection.read_response(disable_decoding=True)
        return reply

    async def _bounded(self, exchange: Coroutine[object, object, Result], timeout_s: float) -> Result:
        """Await an exchange for so long. What the loop itself takes too long for is not the server's fault."""
        task = asyncio.ensure_future(exchange)
        self._exchange = task
        loop = asyncio.get_running_loop()
        for part in PATIENCE:
            patience_s = part * timeout_s
            since_s = loop.time()
            await asyncio.wait({task}, timeout=patience_s)
            if task.done() or loop.time() - since_s < patience_s + LAG_S:
                break
        if not task.done():
            raise StoreAway(f"The Redis at {self.name} did not answer within {timeout_s * 1000:.0f} ms")
        return self._result_of(task)

    def _result_of(self, task: asyncio.Task[Result]) -> Result:
        try:
            return task.result()
        except (AuthenticationError, NoPermissionError) as error:
            raise StoreRefused(
                f"The Redis at {self.name} refuses the gateway ({error}): give the right user and password in its URL, "
                "and let that user run EVALSHA, SCRIPT LOAD, INFO and the commands on keys, hashes and sorted sets"
            ) from error
        except (RedisError, OSError) as error:
            raise StoreAway(f"The Redis at {self.name} is away: {error}") from error


def name_of(options: Mapping[str, object]) -> str:
    """Return what to call a server in messages, without its password."""
    path = options.get("path")
    return str(path) if path else f"{options.get('host', 'localhost')}:{options.get('port', 6379)}"


def check_info(name: str, text: bytes) -> None:
    """Raise `StoreRefused` where a server, by its INFO, cannot keep limits. What it does not tell is trusted."""
    info = dict(line.split(":", 1) for line in text.decode(errors="replace").splitlines() if ":" in line)
    if info.get("cluster_enabled") == "1":
        raise StoreRefused(
            f"The Redis at {name} is a cluster, where no script may change keys of several nodes: "
            "use a single server, with a replica if need be"
        )
    if info.get("role") == "slave":
        raise StoreRefused(f"The Redis at {name} is a read-only replica: use the address of its primary")
    policy = info.get("maxmemory_policy", "noeviction")
    if info.get("maxmemory", "0") != "0" and policy != "noeviction":
        raise StoreRefused(
            f"The Redis at {name} evicts keys when its memory is full (maxmemory-policy {policy}), and limits with "
            "them: set maxmemory-policy to noeviction, or use a server that is no cache"
        )
