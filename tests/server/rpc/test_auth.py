"""One table of who may call what, over both bindings: a gRPC channel, and REST in process."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import grpc
import pytest
from llmgateway import Client, GatewayError
from llmgateway.v1 import error_reason_pb2, gateway_pb2, gateway_pb2_grpc, generation_pb2
from llmgateway_server.app import Gateway
from llmgateway_server.config.settings import AuthSettings, KeySettings, ProviderSettings, ServerSettings, Settings
from llmgateway_server.telemetry.logs import LineWriter

RIGHT, NARROW = "right-key-0123456789abcdef", "narrow-key-0123456789abcde"
HELLO = [{"role": "user", "content": "Hello"}]

# (authorization, model) → the reason of the refusal, "" for none
TABLE: list[tuple[str | None, str, str]] = [
    (None, "mock/echo", "API_KEY_INVALID"),
    ("", "mock/echo", "API_KEY_INVALID"),
    ("Bearer", "mock/echo", "API_KEY_INVALID"),
    ("Bearer wrong", "mock/echo", "API_KEY_INVALID"),
    (f"Basic {RIGHT}", "mock/echo", "API_KEY_INVALID"),
    (RIGHT, "mock/echo", "API_KEY_INVALID"),
    (f"Bearer {RIGHT}x", "mock/echo", "API_KEY_INVALID"),
    (f"Bearer {RIGHT}", "mock/echo", ""),
    (f"bearer {RIGHT}", "mock/echo", ""),
    (f"Bearer {RIGHT}", "nobody/x", "MODEL_NOT_FOUND"),
    (f"Bearer {NARROW}", "mock/lorem", ""),
    (f"Bearer {NARROW}", "short", ""),
    (f"Bearer {NARROW}", "mock/echo", "MODEL_NOT_ALLOWED"),
    (f"Bearer {NARROW}", "mock/embed", "MODEL_NOT_ALLOWED"),
]
HTTP_STATUS = {"": 200, "API_KEY_INVALID": 401, "MODEL_NOT_ALLOWED": 403, "MODEL_NOT_FOUND": 404}


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    listen = "127.0.0.1:0"
    keys = (KeySettings(name="all", key=RIGHT), KeySettings(name="narrow", key=NARROW, models=("mock/lorem", "short")))
    settings = Settings(
        server=ServerSettings(grpc_listen=listen, http_listen=listen, metrics_listen=listen),
        auth=AuthSettings(keys=keys),
        providers={"mock": ProviderSettings()},
        routes={"short": "mock/lorem"},
    )
    writer = LineWriter(io.BytesIO())
    made = Gateway(settings, writer)
    await made.start()
    try:
        yield made
    finally:
        await made.close()
        writer.close()


def reason_of(error: GatewayError) -> str:
    return error_reason_pb2.ErrorReason.Name(error.reason).removeprefix("ERROR_REASON_")


@pytest.mark.parametrize(("authorization", "model", "reason"), TABLE)
async def test_over_grpc_and_rest_the_same_callers_are_let_in(
    gateway: Gateway, authorization: str | None, model: str, reason: str
) -> None:
    headers = {} if authorization is None else {"authorization": authorization}
    request = generation_pb2.GenerateRequest(model=model)
    request.messages.add(role=2).parts.add(text="Hello")  # type: ignore[arg-type]  # ROLE_USER
    async with grpc.aio.insecure_channel(gateway.listening.grpc) as channel:
        stub = gateway_pb2_grpc.LLMGatewayStub(channel)
        metadata = tuple(headers.items())
        assert await outcome(stub.Generate(request, metadata=metadata)) == reason
        stream = stub.StreamGenerate(request, metadata=metadata)
        assert await outcome(stream.read()) == reason
        stream.cancel()
    body = {"model": model, "messages": HELLO}
    async with aiohttp.ClientSession(f"http://{gateway.listening.http}", headers=headers) as session:
        for sent in (body, {**body, "stream": True}):
            async with session.post("/v1/chat/completions", json=sent) as answer:
                assert answer.status == HTTP_STATUS[reason], await answer.text()
        async with session.get(f"/v1/models/{model}") as answer:
            assert answer.status == HTTP_STATUS[reason]


async def outcome(call: Any) -> str:
    from llmgateway import error_from_rpc

    try:
        await call
    except grpc.aio.AioRpcError as error:
        return reason_of(error_from_rpc(error))
    return ""


async def test_no_rpc_is_served_without_a_key(gateway: Gateway) -> None:
    service = gateway_pb2.DESCRIPTOR.services_by_name["LLMGateway"]
    async with grpc.aio.insecure_channel(gateway.listening.grpc) as channel:
        stub = gateway_pb2_grpc.LLMGatewayStub(channel)
        for method in service.methods:
            request = method.input_type._concrete_class()
            call = getattr(stub, method.name)(request)
            assert await outcome(call.read() if method.server_streaming else call) == "API_KEY_INVALID", method.name


async def test_a_key_sees_only_what_it_may_use(gateway: Gateway) -> None:
    async with Client(gateway.listening.grpc, key=NARROW) as client:
        assert [model.id for model in await client.models()] == ["mock/lorem", "short"]


async def test_probes_and_metrics_need_no_key_and_hold_none(gateway: Gateway) -> None:
    async with aiohttp.ClientSession() as session:
        for url in (f"http://{gateway.listening.http}/readyz", f"http://{gateway.listening.metrics}/metrics"):
            async with session.get(url) as answer:
                assert answer.status == 200
                assert RIGHT not in await answer.text()
