"""Channels: what is tried again and what never, several connections, TLS and mTLS."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import grpc
import pytest
import trustme
from llmgateway import (
    Client,
    DeadlineExceededError,
    GatewayError,
    RateLimitedError,
    StreamBrokenError,
    UnavailableError,
    open_channel,
    text_of,
)
from llmgateway.v1 import gateway_pb2_grpc, generation_pb2

from tests.clients.scripted import OPENED, STARTED, WAIT_S, Item, Scripted, fail, reason, serving, whole

UNAVAILABLE = grpc.StatusCode.UNAVAILABLE
RETRIED = (UNAVAILABLE, grpc.StatusCode.CANCELLED)


def pushed_back(wait_ms: int, code: grpc.StatusCode = UNAVAILABLE) -> list[Item]:
    return [fail(code, trailing=(("grpc-retry-pushback-ms", str(wait_ms)),))]


# Retries.


@pytest.mark.parametrize("code", RETRIED)
async def test_a_failure_before_the_first_message_is_tried_again(
    client: Client, gateway: Scripted, code: grpc.StatusCode
) -> None:
    gateway.script = [[fail(code)], whole("Hello")]
    assert text_of(await client.generate("Hi", model="m")) == "Hello"
    gateway.script = [[fail(code)], whole("Hello")]
    assert text_of(await client.stream("Hi", model="m").collect()) == "Hello"
    assert len(gateway.requests) == 4


async def test_a_call_is_tried_four_times_at_most(client: Client, gateway: Scripted) -> None:
    gateway.script = [pushed_back(1)]
    with pytest.raises(UnavailableError):
        await client.generate("Hi", model="m")
    assert len(gateway.requests) == 4


async def test_push_back_forbids_another_try(client: Client, gateway: Scripted) -> None:
    gateway.script = [pushed_back(-1), whole("Hello")]
    with pytest.raises(UnavailableError) as caught:
        await client.generate("Hi", model="m")
    assert caught.value.call_id == "call_1"
    assert len(gateway.requests) == 1


async def test_push_back_says_when_to_try_again(client: Client, gateway: Scripted) -> None:
    """The client's own back-off would try again after 0.1 s; the gateway's minute ends at the call's deadline."""
    gateway.script = [pushed_back(60_000), whole("Hello")]
    with pytest.raises(DeadlineExceededError):
        await client.generate("Hi", model="m", timeout_s=1)
    assert len(gateway.requests) == 1


@pytest.mark.parametrize("code", [code for code in grpc.StatusCode if code not in (grpc.StatusCode.OK, *RETRIED)])
async def test_nothing_else_is_tried_again(client: Client, gateway: Scripted, code: grpc.StatusCode) -> None:
    gateway.script = [pushed_back(1, code), whole("Hello")]
    with pytest.raises(GatewayError) as caught:
        await client.generate("Hi", model="m")
    assert caught.value.code is code
    assert len(gateway.requests) == 1


async def test_a_rate_limit_is_the_caller_s_to_wait_for(client: Client, gateway: Scripted) -> None:
    gateway.script = [[fail(grpc.StatusCode.RESOURCE_EXHAUSTED, reason("GATEWAY_OVERLOADED"))], whole("Hello")]
    with pytest.raises(RateLimitedError):
        await client.generate("Hi", model="m")
    assert len(gateway.requests) == 1


async def test_a_stream_is_not_tried_again_after_a_message(client: Client, gateway: Scripted) -> None:
    gateway.script = [[STARTED, OPENED, *pushed_back(1)], whole("Hello")]
    with pytest.raises(StreamBrokenError):
        await client.stream("Hi", model="m").collect()
    assert len(gateway.requests) == 1


async def test_a_large_request_is_tried_again_too(client: Client, gateway: Scripted) -> None:
    """The library's own buffer for retries holds 256 KiB."""
    gateway.script = [pushed_back(1), whole("Hello")]
    assert text_of(await client.generate("x" * 2_000_000, model="m")) == "Hello"
    assert len(gateway.requests) == 2


async def test_later_options_override_the_client_s(target: str, gateway: Scripted) -> None:
    gateway.script = [[fail(UNAVAILABLE)], whole("Hello")]
    async with open_channel(target, options=[("grpc.enable_retries", 0)]) as channel:
        stub = gateway_pb2_grpc.LLMGatewayStub(channel)
        with pytest.raises(grpc.aio.AioRpcError):
            await stub.Generate(generation_pb2.GenerateRequest())
    assert len(gateway.requests) == 1


# Several connections.


async def held(client: Client, gateway: Scripted, count: int) -> int:
    """Hold `count` calls at once; return over how many connections they came."""
    gateway.script = [[gateway.wait, *whole("Hello")]]
    calls = [asyncio.create_task(client.stream("Hi", model="m").collect()) for _ in range(count)]

    async def arrive() -> None:
        while len(gateway.peers) < count:
            gateway.arrived.clear()
            await gateway.arrived.wait()

    await asyncio.wait_for(arrive(), WAIT_S)
    gateway.released.set()
    await asyncio.gather(*calls)
    return len(set(gateway.peers))


@pytest.mark.parametrize(("channels", "calls", "connections"), [(1, 5, 1), (3, 2, 2), (3, 7, 3)])
async def test_calls_at_once_spread_over_connections(
    target: str, gateway: Scripted, channels: int, calls: int, connections: int
) -> None:
    async with Client(target, channels=channels) as client:
        assert await held(client, gateway, calls) == connections


async def test_calls_one_after_another_share_a_connection(client: Client, gateway: Scripted) -> None:
    for _ in range(3):
        await client.generate("Hi", model="m")
        await client.stream("Hi", model="m").collect()
    gateway.script = [[fail(grpc.StatusCode.INTERNAL)]]
    with pytest.raises(GatewayError, match="INTERNAL"):
        await client.generate("Hi", model="m")
    gateway.script = [whole("Hello")]
    await client.generate("Hi", model="m")
    assert len(set(gateway.peers)) == 1


async def test_a_channel_of_several_is_a_channel(target: str, gateway: Scripted) -> None:
    async with open_channel(target, channels=2) as channel:
        assert channel.get_state() is grpc.ChannelConnectivity.IDLE
        channel.get_state(try_to_connect=True)
        await asyncio.wait_for(channel.channel_ready(), WAIT_S)
        assert channel.get_state() is grpc.ChannelConnectivity.READY
    with pytest.raises(grpc.aio.UsageError):
        await gateway_pb2_grpc.LLMGatewayStub(channel).Generate(generation_pb2.GenerateRequest())
    assert gateway.requests == []


async def test_there_is_at_least_one_connection() -> None:
    with pytest.raises(ValueError, match="channels"):
        open_channel("127.0.0.1:1", channels=0)


# TLS.


@dataclass(frozen=True)
class Certificates:
    """A gateway's and a client's certificates, all of one authority."""

    roots: bytes
    server: grpc.ServerCredentials
    strict_server: grpc.ServerCredentials
    client_key: bytes
    client_certificate: bytes


@pytest.fixture(scope="module")
def certificates() -> Certificates:
    authority = trustme.CA()
    served, caller = authority.issue_cert("127.0.0.1"), authority.issue_cert("caller@example.org")
    roots = authority.cert_pem.bytes()
    pair = [(served.private_key_pem.bytes(), served.cert_chain_pems[0].bytes())]
    return Certificates(
        roots,
        grpc.ssl_server_credentials(pair),
        grpc.ssl_server_credentials(pair, roots, require_client_auth=True),
        caller.private_key_pem.bytes(),
        caller.cert_chain_pems[0].bytes(),
    )


@pytest.fixture
async def strict_target(gateway: Scripted, certificates: Certificates) -> AsyncIterator[str]:
    async with serving(gateway, certificates.strict_server) as address:
        yield address


async def test_tls_trusts_the_authorities_given(gateway: Scripted, certificates: Certificates) -> None:
    async with serving(gateway, certificates.server) as address:
        async with Client(address, root_certificates=certificates.roots) as client:
            assert text_of(await client.generate("Hi", model="m")) == "Hello"
        async with Client(address, tls=True, timeout_s=5) as client:
            with pytest.raises(UnavailableError):
                await client.generate("Hi", model="m")
    assert len(gateway.requests) == 1


async def test_mtls_shows_the_client_s_certificate(
    gateway: Scripted, certificates: Certificates, strict_target: str
) -> None:
    async with Client(
        strict_target,
        root_certificates=certificates.roots,
        client_key=certificates.client_key,
        client_certificate=certificates.client_certificate,
    ) as client:
        assert text_of(await client.generate("Hi", model="m")) == "Hello"
    async with Client(strict_target, root_certificates=certificates.roots, timeout_s=5) as client:
        with pytest.raises(UnavailableError):
            await client.generate("Hi", model="m")
    assert len(gateway.requests) == 1


@pytest.mark.parametrize("given", [{"client_key": b"k"}, {"client_certificate": b"c"}])
async def test_half_of_a_client_s_identity_is_refused(given: dict[str, bytes]) -> None:
    with pytest.raises(ValueError, match="client_key and client_certificate"):
        open_channel("127.0.0.1:1", tls=True, **given)  # type: ignore[arg-type]  # a table of keyword arguments
