"""A flood of names that no model has: each is refused, and nothing grows by it."""

from __future__ import annotations

import asyncio
import gc
import io
import time

import grpc
import pytest
from llmgateway.v1 import generation_pb2, message_pb2
from llmgateway_server.app import CallIds
from llmgateway_server.auth.keys import Keyring
from llmgateway_server.config.routes import RouteSettings
from llmgateway_server.config.settings import ProviderSettings, Settings
from llmgateway_server.rpc.local import LocalStub
from llmgateway_server.rpc.methods import methods_of
from llmgateway_server.rpc.rim import Clocks, Rim
from llmgateway_server.snapshot import Snapshot, make_shared
from llmgateway_server.telemetry.logs import LineWriter
from llmgateway_server.telemetry.metrics import Metrics
from llmgateway_server.telemetry.observer import CallObserver
from llmgateway_server.trouble import TroubleReporter
from llmgateway_server.upstream.http_pool import HttpPool
from prometheus_client import generate_latest

from tests.server.quota.desks import make_desk

NAME_COUNT = 100_000
WARM_UP_COUNT = 2_000
MESSAGES = [message_pb2.ChatMessage(role=message_pb2.ROLE_USER, parts=[message_pb2.Part(text="Hello")])]


async def test_unknown_names_are_refused_and_forgotten() -> None:
    settings = Settings(providers={"mock": ProviderSettings()}, routes={"small": RouteSettings(otherwise="mock/lorem")})
    clock = asyncio.get_running_loop().time
    pool, metrics, writer = HttpPool(clock), Metrics(), LineWriter(io.BytesIO())
    observer = CallObserver(metrics, writer, time.time, log_calls=False)
    shared = make_shared(settings, pool, clock, time.time, TroubleReporter(metrics), observer, make_desk())
    snapshot = Snapshot(settings, 1, shared)
    rim = Rim(Keyring.from_settings(settings.auth), observer, Clocks(clock, time.time_ns), CallIds(), 600.0, 1_000)
    stub = LocalStub(methods_of(snapshot.pipeline), rim, set())

    async def ask(number: int) -> grpc.StatusCode:
        # One name in two has no provider either.
        model = f"nobody/{number}" if number % 2 else f"unknown-{number}"
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.Generate(generation_pb2.GenerateRequest(model=model, messages=MESSAGES))
        return caught.value.code()

    def size() -> tuple[int, int]:
        gc.collect()
        return generate_latest(metrics.registry).count(b"\n"), len(gc.get_objects())

    for number in range(WARM_UP_COUNT):
        await ask(number)
    series, objects = size()
    codes = {await ask(number) for number in range(WARM_UP_COUNT, NAME_COUNT)}
    assert codes == {grpc.StatusCode.NOT_FOUND}
    assert size()[0] == series
    assert size()[1] < objects + 500
    await snapshot.close()
    await pool.close()
    writer.close()
