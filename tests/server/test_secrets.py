"""Keys planted in every place where a secret lives never come out again: not in logs, metrics, errors or answers."""

from __future__ import annotations

import io
import json
import traceback
from typing import Any

import aiohttp
import grpc
import pytest
from llmgateway import Client, GatewayError
from llmgateway.admin.v1 import key_service_pb2, key_service_pb2_grpc
from llmgateway_server.app import Gateway
from llmgateway_server.config.auth import AuthSettings, KeySettings
from llmgateway_server.config.quotas import RedisSettings, StoreSettings
from llmgateway_server.config.settings import ProviderSettings, ServerSettings, Settings
from llmgateway_server.store.ledger import StoreAway
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
            auth=AuthSettings(
                keys=(KeySettings(name="ci", key=CALLER, role="owner"),), pepper="canary-pepper-0123456789"
            ),
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
                made = await make_key(gateway)
                body["stream"] = True
                headers = {"authorization": f"Bearer {made}x"}
                url = f"http://{gateway.listening.http}/v1/chat/completions"
                async with session.post(url, json=body, headers=headers) as answer:
                    assert answer.status == 401
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
        assert made not in text


async def make_key(gateway: Gateway) -> str:
    """Make a key over the admin services, and look at it again; return its secret."""
    metadata = (("authorization", f"Bearer {CALLER}"),)
    async with grpc.aio.insecure_channel(gateway.listening.admin) as channel:
        keys: Any = key_service_pb2_grpc.KeyServiceStub(
            channel
        )  # Any: the generated class is for both kinds of channel
        created = await keys.CreateKey(key_service_pb2.CreateKeyRequest(key_id="made"), metadata=metadata)
        again = await keys.GetKey(key_service_pb2.GetKeyRequest(name="keys/made"), metadata=metadata)
        listed = await keys.ListKeys(key_service_pb2.ListKeysRequest(), metadata=metadata)
    secret: str = created.secret
    assert secret.startswith("llmgw_")
    for told in (again, listed):
        assert secret not in str(told)
        assert "hmac" not in str(told)
    return secret


@pytest.mark.parametrize(
    "store",
    [
        StoreSettings(url="postgresql://gateway:canary-database@127.0.0.1:9/llm"),
        StoreSettings(url="memory:", redis=RedisSettings(url="redis://:canary-redis@127.0.0.1:9/0")),
    ],
    ids=["postgresql", "redis"],
)
async def test_no_database_s_password_comes_out(store: StoreSettings, capfd: pytest.CaptureFixture[str]) -> None:
    listen, out = "127.0.0.1:0", io.BytesIO()
    writer, stop_logging = start_logging("debug", out)
    server = ServerSettings(grpc_listen=listen, http_listen=listen, metrics_listen=listen, admin_listen=listen)
    settings = Settings(server=server, providers={"mock": ProviderSettings()}, store=store)
    gateway = Gateway(settings, writer)
    told = ""
    try:
        await gateway.start()
    except StoreAway as away:
        told = "".join(traceback.format_exception(away))
    finally:
        await gateway.close()
        stop_logging()
    seen = (told, out.getvalue().decode(), repr(settings), str(settings.model_dump()), *capfd.readouterr())
    assert told or "Redis" in seen[1]
    for text in seen:
        assert "canary" not in text
