"""Who is let in: every endpoint over REST and every RPC over gRPC, by one table of credentials."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import aiohttp
import grpc
import pytest
from llmgateway import error_from_rpc
from llmgateway.v1 import (
    compare_pb2,
    count_tokens_pb2,
    embedding_pb2,
    error_reason_pb2,
    explain_pb2,
    gateway_pb2,
    gateway_pb2_grpc,
    generation_pb2,
    message_pb2,
    model_pb2,
    rerank_pb2,
)
from llmgateway_http.app import create_app, start_server
from llmgateway_http.settings import ShimSettings
from llmgateway_server.app import Gateway
from llmgateway_server.config.auth import AuthSettings, KeySettings
from llmgateway_server.config.settings import ProviderSettings, ServerSettings, Settings
from llmgateway_server.telemetry.logs import LineWriter

Json = dict[str, Any]  # Any: decoded JSON

RIGHT, NARROW = "right-key-0123456789abcdef", "narrow-key-0123456789abcde"
MODEL, EMBEDDER = "mock/lorem", "mock/embed"
HELLO: list[Json] = [{"role": "user", "content": "Hello"}]

# (name, the header, whether its caller is known, whether it may use the models)
CREDENTIALS: list[tuple[str, str | None, bool, bool]] = [
    ("no key", None, False, False),
    ("empty", "", False, False),
    ("scheme alone", "Bearer", False, False),
    ("scheme and a space", "Bearer ", False, False),
    ("no scheme", RIGHT, False, False),
    ("another scheme", f"Basic {RIGHT}", False, False),
    ("wrong key", "Bearer wrong-key-0123456789abcdef", False, False),
    ("a longer key", f"Bearer {RIGHT}x", False, False),
    ("a shorter key", f"Bearer {RIGHT[:-1]}", False, False),
    ("another case", f"Bearer {RIGHT.upper()}", False, False),
    ("two keys", f"Bearer {RIGHT}, Bearer {RIGHT}", False, False),
    ("right key", f"Bearer {RIGHT}", True, True),
    ("small scheme", f"bearer {RIGHT}", True, True),
    ("a key for other models", f"Bearer {NARROW}", True, False),
]
NAMES = [row[0] for row in CREDENTIALS]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One thing to ask over REST; `names_model` says whether the key's models matter to it."""

    method: str
    path: str
    body: Json | None = None
    names_model: bool = True


CHAT: Json = {"model": MODEL, "messages": HELLO}
COMPLETION: Json = {"model": MODEL, "prompt": "Hello"}
ENDPOINTS = [
    Endpoint("POST", "/v1/chat/completions", CHAT),
    Endpoint("POST", "/v1/chat/completions", {**CHAT, "stream": True}),
    Endpoint("POST", "/v1/completions", COMPLETION),
    Endpoint("POST", "/v1/completions", {**COMPLETION, "stream": True}),
    Endpoint("POST", "/v1/embeddings", {"model": EMBEDDER, "input": "Hello"}),
    Endpoint("GET", f"/v1/models/{MODEL}"),
    Endpoint("GET", "/v1/models", names_model=False),
]
PUBLIC = {"/openapi.json", "/livez", "/readyz"}


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    listen = "127.0.0.1:0"
    keys = (KeySettings(name="all", key=RIGHT), KeySettings(name="narrow", key=NARROW, models=("mock/echo", "short")))
    settings = Settings(
        server=ServerSettings(grpc_listen=listen, http_listen=listen, metrics_listen=listen, admin_listen=listen),
        auth=AuthSettings(keys=keys),
        providers={"mock": ProviderSettings()},
        routes={"short": "mock/cut", "long": "mock/lorem"},
    )
    writer = LineWriter(io.BytesIO())
    made = Gateway(settings, writer)
    await made.start()
    try:
        yield made
    finally:
        await made.close()
        writer.close()


@pytest.fixture
async def stub(gateway: Gateway) -> AsyncIterator[gateway_pb2_grpc.LLMGatewayAsyncStub]:
    async with grpc.aio.insecure_channel(gateway.listening.grpc) as channel:
        yield gateway_pb2_grpc.LLMGatewayStub(channel)  # type: ignore[misc]


@pytest.fixture(params=["in process", "over a channel"])
async def rest(
    request: pytest.FixtureRequest, gateway: Gateway, stub: gateway_pb2_grpc.LLMGatewayAsyncStub
) -> AsyncIterator[str]:
    """The base URL of REST, in one binding and the other."""
    if request.param == "in process":
        yield f"http://{gateway.listening.http}"
        return
    settings = ShimSettings(loopback_only=False)
    app = create_app(stub, settings, is_ready=lambda: asyncio.sleep(0, True))
    server = await start_server(app, "127.0.0.1:0", None, settings)
    yield f"http://127.0.0.1:{server.port}"
    await server.close()


def generation() -> generation_pb2.GenerateRequest:
    message = {"role": message_pb2.ROLE_USER, "parts": [{"text": "Hello"}]}
    return generation_pb2.GenerateRequest(model=MODEL, messages=[message])  # type: ignore[list-item]


def comparison() -> compare_pb2.CompareRequest:
    asked = generation()
    asked.ClearField("model")
    return compare_pb2.CompareRequest(generation=asked, models=[MODEL, "mock/lorem"])


Ask = Callable[[Any, Any], Awaitable[Any]]


async def first_of(call: Any) -> Any:
    try:
        return await call.read()
    finally:
        call.cancel()


# By RPC: the call, and whether the key's models matter to it.
RPCS: dict[str, tuple[Ask, bool]] = {
    "Generate": (lambda stub, sent: stub.Generate(generation(), metadata=sent), True),
    "StreamGenerate": (lambda stub, sent: first_of(stub.StreamGenerate(generation(), metadata=sent)), True),
    # What befalls one of several models is told in the stream.
    "Compare": (lambda stub, sent: first_of(stub.Compare(comparison(), metadata=sent)), False),
    "ExplainRoute": (
        lambda stub, sent: stub.ExplainRoute(explain_pb2.ExplainRouteRequest(generation=generation()), metadata=sent),
        True,
    ),
    "Embed": (
        lambda stub, sent: stub.Embed(
            embedding_pb2.EmbedRequest(model=EMBEDDER, inputs=[{"text": "Hello"}]),  # type: ignore[list-item]
            metadata=sent,
        ),
        True,
    ),
    "Rerank": (
        lambda stub, sent: stub.Rerank(
            rerank_pb2.RerankRequest(model="mock/rerank", query="a", documents=["b"]), metadata=sent
        ),
        True,
    ),
    "CountTokens": (
        lambda stub, sent: stub.CountTokens(
            count_tokens_pb2.CountTokensRequest(generation=generation()), metadata=sent
        ),
        True,
    ),
    "GetModel": (lambda stub, sent: stub.GetModel(model_pb2.GetModelRequest(id=MODEL), metadata=sent), True),
    "ListModels": (lambda stub, sent: stub.ListModels(model_pb2.ListModelsRequest(), metadata=sent), False),
}


def test_the_tables_have_every_endpoint_and_every_rpc() -> None:
    service = gateway_pb2.DESCRIPTOR.services_by_name["LLMGateway"]
    assert set(RPCS) == {method.name for method in service.methods}
    app = create_app(None, ShimSettings(), is_ready=lambda: asyncio.sleep(0, True))
    asked = {endpoint.path for endpoint in ENDPOINTS} - {f"/v1/models/{MODEL}"}
    assert asked | PUBLIC == app.paths


@pytest.mark.parametrize("path", sorted(PUBLIC))
async def test_what_is_public_needs_no_key_and_holds_none(rest: str, path: str) -> None:
    async with aiohttp.ClientSession() as session, session.get(f"{rest}{path}") as answer:
        assert answer.status == 200
        assert RIGHT not in await answer.text()


@pytest.mark.parametrize(("_", "header", "is_known", "may_use"), CREDENTIALS, ids=NAMES)
async def test_every_endpoint_lets_in_the_same_callers(
    rest: str, _: str, header: str | None, is_known: bool, may_use: bool
) -> None:
    headers = {} if header is None else {"authorization": header}
    async with aiohttp.ClientSession(rest, headers=headers) as session:
        for endpoint in ENDPOINTS:
            async with session.request(endpoint.method, endpoint.path, json=endpoint.body) as answer:
                text = await answer.text()
                if not is_known:
                    wanted, code = 401, "invalid_api_key"
                elif endpoint.names_model and not may_use:
                    wanted, code = 403, "model_not_allowed"
                else:
                    wanted, code = 200, None
                assert answer.status == wanted, (endpoint, text)
                assert RIGHT not in text
                if code is None:
                    continue
                error = (await answer.json())["error"]
                assert (error["code"], error["type"]) == (code, "invalid_request_error"), endpoint
                assert answer.headers["x-should-retry"] == "false"
                assert answer.headers["x-request-id"]


@pytest.mark.parametrize(("_", "header", "is_known", "may_use"), CREDENTIALS, ids=NAMES)
async def test_every_rpc_lets_in_the_same_callers(
    stub: gateway_pb2_grpc.LLMGatewayAsyncStub, _: str, header: str | None, is_known: bool, may_use: bool
) -> None:
    sent = () if header is None else (("authorization", header),)
    for rpc, (ask, names_model) in RPCS.items():
        if not is_known:
            wanted = (grpc.StatusCode.UNAUTHENTICATED, "API_KEY_INVALID")
        elif names_model and not may_use:
            wanted = (grpc.StatusCode.PERMISSION_DENIED, "MODEL_NOT_ALLOWED")
        else:
            await ask(stub, sent)
            continue
        with pytest.raises(grpc.aio.AioRpcError) as refusal:
            await ask(stub, sent)
        error = error_from_rpc(refusal.value)
        reason = error_reason_pb2.ErrorReason.Name(error.reason).removeprefix("ERROR_REASON_")
        assert (refusal.value.code(), reason) == wanted, rpc
        assert RIGHT not in str(refusal.value)


@pytest.mark.parametrize("key", [RIGHT, NARROW])
async def test_a_list_holds_what_the_key_may_use_over_both_bindings(
    rest: str, stub: gateway_pb2_grpc.LLMGatewayAsyncStub, key: str
) -> None:
    header = {"authorization": f"Bearer {key}"}
    listed = await stub.ListModels(model_pb2.ListModelsRequest(page_size=1000), metadata=tuple(header.items()))
    url = f"{rest}/v1/models"
    async with aiohttp.ClientSession(headers=header) as session, session.get(url) as answer:
        shown = [model["id"] for model in (await answer.json())["data"]]
    assert shown == [model.id for model in listed.models]
    assert ("mock/lorem" in shown, "mock/echo" in shown) == (key == RIGHT, True)


# (key, model, status): a route may be called by its own name, or because its target may.
NAMED_MODELS = [
    (RIGHT, "nobody/x", 404),
    (RIGHT, "long", 200),
    (NARROW, "mock/echo", 200),
    (NARROW, "short", 200),
    (NARROW, "mock/cut", 403),
    (NARROW, "long", 403),
    (NARROW, "nobody/x", 404),
]


@pytest.mark.parametrize(("key", "model", "status"), NAMED_MODELS)
async def test_a_key_s_models_are_names_and_routes(rest: str, key: str, model: str, status: int) -> None:
    headers = {"authorization": f"Bearer {key}"}
    async with aiohttp.ClientSession(rest, headers=headers) as session, session.get(f"/v1/models/{model}") as answer:
        assert answer.status == status, await answer.text()


async def test_a_key_in_another_place_is_no_key(rest: str) -> None:
    async with aiohttp.ClientSession(rest) as session:
        for headers, query in (
            ({"x-api-key": RIGHT}, ""),
            ({"api-key": RIGHT}, ""),
            ({"cookie": f"authorization=Bearer {RIGHT}"}, ""),
            ({}, f"?authorization=Bearer%20{RIGHT}"),
            ({}, f"?key={RIGHT}"),
        ):
            async with session.post(f"/v1/chat/completions{query}", json=CHAT, headers=headers) as answer:
                assert answer.status == 401
                assert RIGHT not in await answer.text()


@pytest.mark.parametrize("header", ["Bearer ключ", "Bearer a\tb", "Bearer \x80"])
async def test_a_header_that_no_metadata_can_carry_is_refused(gateway: Gateway, header: str) -> None:
    async with aiohttp.ClientSession(f"http://{gateway.listening.http}") as session:
        async with session.post("/v1/chat/completions", json=CHAT, headers={"authorization": header}) as answer:
            assert answer.status in (400, 401)
            assert (await answer.json())["error"]["type"] == "invalid_request_error"
        async with session.post(
            "/v1/chat/completions", json=CHAT, headers={"authorization": f"Bearer {RIGHT}"}
        ) as answer:
            assert answer.status == 200


async def test_who_is_not_let_in_learns_nothing_of_models(gateway: Gateway) -> None:
    told = set()
    async with aiohttp.ClientSession(f"http://{gateway.listening.http}") as session:
        for model in (MODEL, "mock/none", "nobody/none", "x"):
            async with session.post("/v1/chat/completions", json={**CHAT, "model": model}) as answer:
                told.add((answer.status, (await answer.json())["error"]["message"]))
            async with session.get(f"/v1/models/{model}") as answer:
                told.add((answer.status, (await answer.json())["error"]["message"]))
    assert len(told) == 1
