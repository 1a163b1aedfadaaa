"""A gateway in this process, with every vendor at one fake provider."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from llmgateway import Client
from llmgateway_server.app import Gateway
from llmgateway_server.config.auth import AuthSettings
from llmgateway_server.config.settings import LimitSettings, ProviderSettings, ServerSettings, Settings
from llmgateway_server.telemetry.logs import LineWriter
from pydantic import SecretStr

from tests.e2e.serving import ONE_TRY
from tests.fakes.openai import FakeOpenAI
from tests.fidelity.bench import KEY, Bench

LISTEN = "127.0.0.1:0"
VENDORS = (
    "anthropic", "azure", "bedrock", "cohere", "deepseek", "gemini", "groq", "llamacpp", "mistral", "ollama", "openai",
    "openrouter", "vertex", "vllm", "xai",
)  # fmt: skip
DATED = {"api_version": "2024-10-21", "deployments": {"m-1": "my gpt"}}


@asynccontextmanager
async def serving(auth: AuthSettings, limits: LimitSettings | None = None) -> AsyncIterator[Bench]:
    """Run a gateway with every vendor at one fake provider."""
    async with FakeOpenAI() as fake:
        origin = f"http://127.0.0.1:{fake.port}"
        keys = (SecretStr(KEY),)
        providers = {
            vendor: ProviderSettings(base_url=origin, api_keys=keys) for vendor in VENDORS if vendor != "vertex"
        }
        providers["vertex"] = ProviderSettings(base_url=origin, access_token=SecretStr(KEY))
        providers["azure-dated"] = ProviderSettings(
            dialect="openai", base_url=origin, api_keys=keys, quirks={"azure": True, **DATED}
        )
        listening = ServerSettings(grpc_listen=LISTEN, http_listen=LISTEN, metrics_listen=LISTEN, admin_listen=LISTEN)
        log = io.BytesIO()
        writer = LineWriter(log)
        gateway = Gateway(
            Settings(
                resilience=ONE_TRY, server=listening, auth=auth, limits=limits or LimitSettings(), providers=providers
            ),
            writer,
        )
        await gateway.start()
        address = f"http://{gateway.listening.http}"
        async with (
            aiohttp.ClientSession(address) as rest,
            Client(gateway.listening.grpc) as grpc,
        ):
            yield Bench(fake, address, rest, grpc)
        await gateway.close()
        writer.close()
        assert KEY.encode() not in log.getvalue()
