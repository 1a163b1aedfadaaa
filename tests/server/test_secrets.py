"""Keys planted in every place where a secret lives never come out again: not in logs, metrics, errors or answers."""

from __future__ import annotations

import io
import json

import aiohttp
import pytest
from llmgateway import Client, GatewayError
from llmgateway_server.app import Gateway
from llmgateway_server.config.settings import AuthSettings, KeySettings, ProviderSettings, ServerSettings, Settings
from llmgateway_server.telemetry.logs import start_logging

from tests.fakes import faults
from tests.fakes.openai import FakeOpenAI

CALLER = "canary-caller-0123456789abcdef"
PROVIDER = "sk-canary-provider-0123456789abcdef"


async def test_no_planted_secret_comes_out() -> None:
    listen, out, seen = "127.0.0.1:0", io.BytesIO(), []
    writer, stop_logging = start_logging("debug", out)
    async with FakeOpenAI() as fake:
        settings = Settings(
            server=ServerSettings(grpc_listen=listen, http_listen=listen, metrics_listen=listen, admin_listen=listen),
            auth=AuthSettings(keys=(KeySettings(name="ci", key=CALLER),), pepper="canary-pepper-0123456789"),
            providers={"fake": ProviderSettings(dialect="openai", base_url=fake.base_url, api_keys=(PROVIDER,))},
        )
        gateway = Gateway(settings, writer)
        try:
            await gateway.start()
            fake.script(*[faults.status(status) for status in (401, 401, 400, 500)])
            async with Client(gateway.listening.grpc, key=CALLER) as client:
                with pytest.raises(GatewayError) as caught:
                    await client.generate("Hello", model="fake/m")
                seen += [str(caught.value), caught.value.provider_message, str(vars(caught.value))]
            body = {"model": "fake/m", "messages": [{"role": "user", "content": "Hello"}]}
            async with aiohttp.ClientSession() as session:
                for _ in range(3):
                    headers = {"authorization": f"Bearer {CALLER}"}
                    async with session.post(
                        f"http://{gateway.listening.http}/v1/chat/completions", json=body, headers=headers
                    ) as answer:
                        seen += [await answer.text(), str(dict(answer.headers))]
                async with session.get(f"http://{gateway.listening.metrics}/metrics") as answer:
                    seen.append(await answer.text())
        finally:
            await gateway.close()
            stop_logging()
        assert fake.requests, "the fake was asked"
        assert PROVIDER in json.dumps([dict(request.headers) for request in fake.requests])  # it was really planted
    seen += [out.getvalue().decode(), repr(settings), str(settings.model_dump())]
    for text in seen:
        assert "canary" not in text
