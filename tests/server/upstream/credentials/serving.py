"""A gateway with one provider, called over gRPC, and everything that comes out of it."""

from __future__ import annotations

import io
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
from llmgateway import Client, GatewayError
from llmgateway_server.app import Gateway
from llmgateway_server.config.settings import ProviderSettings, ServerSettings, Settings
from llmgateway_server.telemetry.logs import start_logging

LISTEN = "127.0.0.1:0"


@dataclass(slots=True)
class Served:
    """A running gateway. `out` holds all that it showed once it is stopped: its log, metrics and errors."""

    client: Client
    provider: str
    out: str = ""

    async def call(self) -> str:
        """Return the text of one answer."""
        response = await self.client.generate("Hi", model=f"{self.provider}/m")
        return response.candidates[0].message.parts[0].text

    async def fail(self, deadline_s: float = 30.0) -> GatewayError:
        """Return what a call fails with."""
        try:
            await self.client.generate("Hi", model=f"{self.provider}/m", timeout_s=deadline_s)
        except GatewayError as error:
            self.out += f"{error} {vars(error)}"
            return error
        raise AssertionError("the call went well")


@asynccontextmanager
async def serving(name: str, provider: ProviderSettings) -> AsyncGenerator[Served, None]:
    """Serve one provider."""
    out = io.BytesIO()
    writer, stop_logging = start_logging("debug", out)
    listen = ServerSettings(grpc_listen=LISTEN, http_listen=LISTEN, metrics_listen=LISTEN, admin_listen=LISTEN)
    gateway = Gateway(Settings(server=listen, providers={name: provider}), writer)
    try:
        await gateway.start()
        async with Client(gateway.listening.grpc) as client:
            served = Served(client, name)
            yield served
            async with (
                aiohttp.ClientSession() as session,
                session.get(f"http://{gateway.listening.metrics}/metrics") as answer,
            ):
                served.out += await answer.text()
    finally:
        await gateway.close()
        stop_logging()
    served.out += out.getvalue().decode()
