"""A gateway that stops lets administrators' calls finish, too."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path
from typing import Any

import asyncpg
import grpc
import pytest
from llmgateway.admin.v1 import key_service_pb2, key_service_pb2_grpc
from llmgateway_server.app import Gateway
from llmgateway_server.config.auth import AuthSettings, KeySettings
from llmgateway_server.config.quotas import StoreSettings
from llmgateway_server.config.settings import ProviderSettings, ServerSettings, Settings
from llmgateway_server.telemetry.logs import LineWriter

from tests.postgres import emptied, shared_server

KEY = "a-s3cret-of-this-test-0123456789"
METADATA = (("authorization", f"Bearer {KEY}"),)
FREE = dict.fromkeys(("grpc_listen", "http_listen", "metrics_listen", "admin_listen"), "127.0.0.1:0")
SAFETY_S = 30.0
WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'llmgateway.object'::regclass"


async def stop(gateway: Gateway) -> None:
    await gateway.drain(SAFETY_S)
    await gateway.close()


async def until_refused(address: str) -> None:
    """Return once nobody listens there any more."""
    host, _, port = address.rpartition(":")
    while True:
        try:
            _, writer = await asyncio.open_connection(host, int(port))
        except ConnectionRefusedError:
            return
        writer.close()


async def test_a_key_that_is_being_made_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    url = await emptied(shared_server())
    settings = Settings(
        server=ServerSettings(**FREE),
        auth=AuthSettings(keys=(KeySettings(name="boss", key=KEY, role="owner"),)),
        providers={"mock": ProviderSettings()},
        store=StoreSettings(url=url, timeout_s=SAFETY_S),
    )
    writer = LineWriter(io.BytesIO())
    gateway = Gateway(settings, writer)
    blocking, looking = await asyncpg.connect(url), await asyncpg.connect(url)
    await gateway.start()
    try:
        async with asyncio.timeout(SAFETY_S), grpc.aio.insecure_channel(gateway.listening.admin) as channel:
            keys: Any = key_service_pb2_grpc.KeyServiceStub(channel)  # Any: its types know no asyncio
            async with blocking.transaction():
                await blocking.execute("LOCK TABLE llmgateway.object IN ACCESS EXCLUSIVE MODE")
                made = asyncio.ensure_future(
                    keys.CreateKey(key_service_pb2.CreateKeyRequest(key_id="late"), metadata=METADATA)
                )
                while not await looking.fetchval(WAITING):
                    assert not made.done()
                stopping = asyncio.ensure_future(stop(gateway))
                await until_refused(gateway.listening.http)
                assert not made.done()
                assert not stopping.done()
            assert (await made).key.name == "keys/late"
            await stopping
    finally:
        await gateway.close()
        writer.close()
        await blocking.close()
        await looking.close()
