"""One gateway in this process before a fake provider of each dialect, with short timers and small limits."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import aiohttp
from llmgateway import Client
from llmgateway_server.app import Gateway
from llmgateway_server.config.resilience import TimeoutSettings
from llmgateway_server.config.settings import LimitSettings, ProviderSettings, ServerSettings, Settings
from llmgateway_server.telemetry.logs import LineWriter
from pydantic import SecretStr

from tests.e2e.caller import Caller, Failure, Protocol, callers
from tests.e2e.serving import ONE_TRY
from tests.fakes.dialect import Dialect
from tests.fakes.dialects import DIALECTS
from tests.fakes.exchange import Reply
from tests.fakes.provider import FakeProvider

KEY = "provider-key-0123456789abcdef"
LISTEN = "127.0.0.1:0"
MIB = 1024 * 1024
# What a gateway may have read before a limit stops it: the limit, and what the sockets and the pool hold.
MOST_READ_BYTES = 24 * MIB

Outcomes = dict[Protocol, str | Failure]


@dataclass(frozen=True, slots=True)
class Bench:
    """The gateway, as the callers of one provider see it, and the provider."""

    dialect: Dialect
    fake: FakeProvider
    callers: Mapping[Protocol, Caller]
    rest: aiohttp.ClientSession
    grpc: Client

    @property
    def model(self) -> str:
        return f"{self.dialect.name}/m-1"

    async def outcomes(self, *, streams: bool) -> Outcomes:
        """Call over both protocols at once."""
        told = await asyncio.gather(*(caller.call(self.model, streams=streams) for caller in self.callers.values()))
        return dict(zip(self.callers, told, strict=True))

    async def failures(self, reply: Reply, *, streams: bool) -> dict[Protocol, Failure]:
        """Call over both protocols while the provider replies so: each asks it once, fails, tells no key, and leaves."""
        self.fake.always(reply)
        outcomes = await self.outcomes(streams=streams)
        failed = {protocol: told for protocol, told in outcomes.items() if isinstance(told, Failure)}
        assert failed == outcomes, "a fault looks like a success"
        assert len(self.fake.calls) == len(outcomes)
        assert all(KEY not in told.said for told in failed.values())
        for exchange in self.fake.exchanges:
            if not exchange.is_answered:
                await asyncio.wait_for(exchange.closed.wait(), 10)
            assert exchange.sent_bytes < MOST_READ_BYTES
        return failed

    async def check_it_serves(self) -> None:
        """The next calls are answered."""
        self.fake.reset()
        for streams in (False, True):
            outcomes = await self.outcomes(streams=streams)
            assert outcomes == {"rest": "Hello there", "grpc": "Hello there"}, outcomes
        self.fake.reset()


@asynccontextmanager
async def benches(dialects: Mapping[str, Dialect] = DIALECTS, **more: object) -> AsyncIterator[Mapping[str, Bench]]:
    """Start it all; at the end nothing may have gone wrong inside, and no key may be in the log.

    `more` are further settings of each provider.
    """
    log = io.BytesIO()
    async with AsyncExitStack() as opened:
        fakes = {name: await opened.enter_async_context(FakeProvider(dialect)) for name, dialect in dialects.items()}
        writer = LineWriter(log)
        opened.callback(writer.close)
        gateway = Gateway(settings_for(fakes, more), writer)
        await gateway.start()
        opened.push_async_callback(gateway.close)
        rest = f"http://{gateway.listening.http}"
        made = await opened.enter_async_context(callers(rest, gateway.listening.grpc))
        session = await opened.enter_async_context(aiohttp.ClientSession(rest))
        client = await opened.enter_async_context(Client(gateway.listening.grpc))
        yield {name: Bench(dialects[name], fake, made, session, client) for name, fake in fakes.items()}
    said = log.getvalue()
    assert KEY.encode() not in said
    assert b"Traceback" not in said


def settings_for(fakes: Mapping[str, FakeProvider], more: Mapping[str, object]) -> Settings:
    """Return a configuration that waits for little and reads little."""
    return Settings(
        server=ServerSettings(grpc_listen=LISTEN, http_listen=LISTEN, metrics_listen=LISTEN, admin_listen=LISTEN),
        resilience=ONE_TRY,
        timeouts=TimeoutSettings(connect_s=2, first_content_s=1, gap_s=1, total_s=2),
        limits=LimitSettings(response_bytes=MIB, stream_bytes=4 * MIB, event_bytes=MIB // 4),
        providers={
            name: ProviderSettings.model_validate({"base_url": fake.base_url, "api_keys": (SecretStr(KEY),), **more})
            for name, fake in fakes.items()
        },
    )
