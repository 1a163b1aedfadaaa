"""Counting tokens: the provider's own count where it has one, else an estimate that says so."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Callable, Mapping

import pytest
from llmgateway import Client, GatewayError
from llmgateway.v1 import generation_pb2
from llmgateway_server import errors
from llmgateway_server.app import Gateway
from llmgateway_server.config.resilience import TimeoutSettings
from llmgateway_server.config.settings import LimitSettings, ProviderSettings, ServerSettings, Settings
from llmgateway_server.dialects.codec import EncodedRequest
from llmgateway_server.dialects.openai.codec import OpenAICodec
from llmgateway_server.dialects.openai.quirks import Quirks
from llmgateway_server.telemetry.logs import LineWriter
from llmgateway_server.upstream.http_upstream import Endpoint, HttpUpstream
from llmgateway_server.upstream.upstream import AttemptState


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    listen = "127.0.0.1:0"
    settings = Settings(
        server=ServerSettings(grpc_listen=listen, http_listen=listen, metrics_listen=listen, admin_listen=listen),
        providers={
            "mock": ProviderSettings(),
            "local": ProviderSettings(dialect="openai", base_url="http://127.0.0.1:9"),
        },
    )
    writer = LineWriter(io.BytesIO())
    gateway = Gateway(settings, writer)
    await gateway.start()
    async with Client(gateway.listening.grpc) as made:
        yield made
    await gateway.close()
    writer.close()


async def test_the_mock_counts_as_it_bills(client: Client) -> None:
    counted = await client.count_tokens("Hello there", model="mock/echo")
    billed = await client.generate("Hello there", model="mock/echo")
    assert counted.exact
    assert counted.input_token_count == billed.usage.input_token_count
    assert [attempt.provider for attempt in counted.call.attempts] == ["mock"]


async def test_without_a_way_to_count_it_is_an_estimate(client: Client) -> None:
    counted = await client.count_tokens("x" * 400, model="local/m")
    assert not counted.exact
    assert 100 <= counted.input_token_count <= 110
    assert not counted.call.attempts


async def test_an_unknown_model_is_not_counted(client: Client) -> None:
    with pytest.raises(GatewayError):
        await client.count_tokens("x", model="mock/nobody")


class Counter(OpenAICodec):
    """A dialect that counts."""

    def counts(self, model: str) -> bool:
        return model == "m"

    def encode_count_tokens(self, request: generation_pb2.GenerateRequest, model: str) -> EncodedRequest:
        return EncodedRequest("POST", f"/count/{model}", b"{}")

    def decode_count_tokens(self, body: bytes) -> int:
        return len(body)


class Http:
    """Answers everything alike, and keeps what was asked."""

    def __init__(self) -> None:
        self.status = 200
        self.headers: Mapping[str, str] = {}
        self.asked: list[tuple[str, str]] = []

    async def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes,
        timeout_s: float,
        before_write: Callable[[], None],
    ) -> Http:
        before_write()
        self.asked.append((method, url))
        return self

    async def read(self, limit_bytes: int) -> bytes:
        return b"1234567"

    async def read_chunk(self) -> bytes:
        return b""

    def close(self) -> None:
        pass


async def test_a_dialect_that_counts_is_asked() -> None:
    http, clock = Http(), asyncio.get_running_loop().time
    codec = Counter("p", Quirks())
    endpoint = Endpoint("p", "http://p.example", [])
    upstream = HttpUpstream(endpoint, codec, http, TimeoutSettings(), LimitSettings(), clock)  # type: ignore[arg-type]
    state = AttemptState(clock() + 10)
    assert await upstream.count_tokens(generation_pb2.GenerateRequest(), "m", state) == 7
    assert await upstream.count_tokens(generation_pb2.GenerateRequest(), "another", state) is None
    assert http.asked == [("POST", "http://p.example/count/m")]
    assert state.http_status == 200
    http.status = 429
    with pytest.raises(errors.ProviderRateLimited):
        await upstream.count_tokens(generation_pb2.GenerateRequest(), "m", state)
