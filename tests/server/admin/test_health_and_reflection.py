"""Health and reflection on the admin port: whole gateways, which ask for keys, and callers that show none."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from google.protobuf import descriptor_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from llmgateway.admin.v1 import key_service_pb2, key_service_pb2_grpc
from llmgateway.v1 import gateway_pb2_grpc, model_pb2
from llmgateway_server.app import Gateway
from llmgateway_server.config.auth import AuthSettings, KeySettings
from llmgateway_server.config.settings import ProviderSettings, ServerSettings, Settings
from llmgateway_server.rpc.admin import ADMIN_SERVICES
from llmgateway_server.telemetry.logs import LineWriter

KEY = "a-s3cret-of-this-test-0123456789"
FREE = dict.fromkeys(("grpc_listen", "http_listen", "metrics_listen", "admin_listen"), "127.0.0.1:0")
HEALTH, REFLECTION = "grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection"
CALLS = "llmgateway.v1.LLMGateway"
# Longer than any healthy step takes on a busy machine.
SAFETY_S = 30.0
WHOLE = ("", *ADMIN_SERVICES)
Health = health_pb2.HealthCheckResponse
Ask = reflection_pb2.ServerReflectionRequest
Told = reflection_pb2.ServerReflectionResponse


@asynccontextmanager
async def gateway(**switches: bool) -> AsyncIterator[tuple[Gateway, grpc.aio.Channel]]:
    """Run a gateway that asks for a key; yield a channel to its admin port, which shows none."""
    settings = Settings(
        server=ServerSettings(**FREE, **switches),
        auth=AuthSettings(keys=(KeySettings(name="ci", key=KEY, role="owner"),)),
        providers={"mock": ProviderSettings()},
    )
    writer = LineWriter(io.BytesIO())
    made = Gateway(settings, writer)
    await made.start()
    try:
        async with grpc.aio.insecure_channel(made.listening.admin) as channel:
            yield made, channel
    finally:
        await made.close()
        writer.close()


def health_of(channel: grpc.aio.Channel) -> Any:  # Any: its types know no asyncio.
    return health_pb2_grpc.HealthStub(channel)


async def status_of(channel: grpc.aio.Channel, service: str) -> int:
    answer: health_pb2.HealthCheckResponse = await health_of(channel).Check(
        health_pb2.HealthCheckRequest(service=service)
    )
    return answer.status


async def reflect(channel: grpc.aio.Channel, *requests: Ask) -> Sequence[Told]:
    """Ask reflection one thing after the other; return its answers."""
    stub: Any = reflection_pb2_grpc.ServerReflectionStub(channel)  # Any: as above
    return [answer async for answer in stub.ServerReflectionInfo(iter(requests))]


def files_of(answer: Told) -> dict[str, descriptor_pb2.FileDescriptorProto]:
    """Return the files of an answer by their names."""
    raw = answer.file_descriptor_response.file_descriptor_proto
    files = [descriptor_pb2.FileDescriptorProto.FromString(one) for one in raw]
    return {file.name: file for file in files}


async def failure_of(call: Any) -> grpc.aio.AioRpcError:  # Any: as above
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value


# Health.


async def test_each_admin_service_and_the_whole_are_healthy_and_ask_for_no_key() -> None:
    async with gateway() as (_, channel):
        assert [await status_of(channel, name) for name in WHOLE] == [Health.SERVING] * len(WHOLE)


@pytest.mark.parametrize("service", ["llmgateway.admin.v2.KeyService", CALLS, "KeyService", "llmgateway.admin.v1"])
async def test_a_service_that_the_port_does_not_serve_is_unknown(service: str) -> None:
    async with gateway() as (_, channel):
        assert (await failure_of(status_of(channel, service))).code() is grpc.StatusCode.NOT_FOUND
        watch = health_of(channel).Watch(health_pb2.HealthCheckRequest(service=service))
        # Whoever watches may wait for it to appear.
        assert (await watch.read()).status == Health.SERVICE_UNKNOWN
        watch.cancel()


async def test_a_stop_is_told_to_who_watches_while_the_port_still_serves() -> None:
    async with gateway() as (made, channel):
        watches = [health_of(channel).Watch(health_pb2.HealthCheckRequest(service=name)) for name in WHOLE]
        assert {(await watch.read()).status for watch in watches} == {Health.SERVING}
        await made.announce_stop()
        async with asyncio.timeout(SAFETY_S):
            assert {(await watch.read()).status for watch in watches} == {Health.NOT_SERVING}
        assert {await status_of(channel, name) for name in WHOLE} == {Health.NOT_SERVING}
        keys = key_service_pb2_grpc.KeyServiceStub(channel)
        metadata = (("authorization", f"Bearer {KEY}"),)
        listed = await keys.ListKeys(key_service_pb2.ListKeysRequest(), metadata=metadata)
        assert [key.name for key in listed.keys] == ["keys/ci"]
        for watch in watches:
            watch.cancel()


async def test_who_watches_the_admin_port_holds_no_drain_up() -> None:
    async with gateway() as (made, channel):
        watch = health_of(channel).Watch(health_pb2.HealthCheckRequest())
        assert (await watch.read()).status == Health.SERVING
        async with asyncio.timeout(SAFETY_S):
            await made.drain(3600)
        assert (await watch.read()).status == Health.NOT_SERVING
        await made.close()
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await watch.read()
        assert caught.value.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)


# Reflection.


@pytest.mark.parametrize("switches", [{}, {"channelz": True}])
async def test_the_admin_services_health_and_reflection_are_listed_and_nothing_else(switches: dict[str, bool]) -> None:
    async with gateway(**switches) as (_, channel):
        (answer,) = await reflect(channel, Ask(list_services=""))
    listed = [service.name for service in answer.list_services_response.service]
    assert sorted(listed) == sorted([*ADMIN_SERVICES, HEALTH, REFLECTION])


@pytest.mark.parametrize("service", [*ADMIN_SERVICES, HEALTH, REFLECTION])
async def test_a_service_and_its_rpcs_are_found_by_symbol_and_by_file(service: str) -> None:
    async with gateway() as (_, channel):
        (by_symbol,) = await reflect(channel, Ask(file_containing_symbol=service))
        package, _, name = service.rpartition(".")
        (file,) = [one for one in files_of(by_symbol).values() if name in {found.name for found in one.service}]
        assert file.package == package
        (found,) = [one for one in file.service if one.name == name]
        rpcs = [Ask(file_containing_symbol=f"{service}.{method.name}") for method in found.method]
        by_file, *by_rpc = await reflect(channel, Ask(file_by_filename=file.name), *rpcs)
    assert files_of(by_file)[file.name] == file
    assert rpcs
    assert [files_of(answer)[file.name] for answer in by_rpc] == [file] * len(rpcs)


@pytest.mark.parametrize(
    "request_message",
    [
        Ask(file_containing_symbol="llmgateway.admin.v1.NoService"),
        Ask(file_containing_symbol="llmgateway.admin.v1.KeyService.NoRpc"),
        Ask(file_by_filename="llmgateway/admin/v1/nothing.proto"),
        # Files are names of the contract's, and no paths.
        Ask(file_by_filename="/etc/passwd"),
        Ask(file_by_filename="../gateway.yaml"),
    ],
)
async def test_what_is_not_in_the_contract_is_not_found(request_message: Ask) -> None:
    async with gateway() as (_, channel):
        (answer,) = await reflect(channel, request_message)
    assert answer.error_response.error_code == grpc.StatusCode.NOT_FOUND.value[0]


async def test_where_reflection_is_off_it_is_off_on_the_admin_port_too_and_health_answers() -> None:
    async with gateway(reflection=False) as (_, channel):
        error = await failure_of(reflect(channel, Ask(list_services="")))
        assert error.code() is grpc.StatusCode.UNIMPLEMENTED
        assert await status_of(channel, ADMIN_SERVICES[0]) == Health.SERVING


# Neither is a way past a key, nor from one port to the services of the other.


async def test_what_reflection_shows_is_not_called_without_a_key() -> None:
    async with gateway() as (_, channel):
        keys = key_service_pb2_grpc.KeyServiceStub(channel)
        error = await failure_of(keys.ListKeys(key_service_pb2.ListKeysRequest()))
        assert error.code() is grpc.StatusCode.UNAUTHENTICATED


async def test_a_port_serves_the_services_of_the_other_to_nobody() -> None:
    metadata = (("authorization", f"Bearer {KEY}"),)
    async with gateway() as (made, channel), grpc.aio.insecure_channel(made.listening.grpc) as other:
        calls = gateway_pb2_grpc.LLMGatewayStub(channel)
        keys = key_service_pb2_grpc.KeyServiceStub(other)
        for call in (
            calls.ListModels(model_pb2.ListModelsRequest(), metadata=metadata),
            keys.ListKeys(key_service_pb2.ListKeysRequest(), metadata=metadata),
        ):
            assert (await failure_of(call)).code() is grpc.StatusCode.UNIMPLEMENTED
