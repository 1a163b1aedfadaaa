"""The admin services over gRPC, through the rim."""

from __future__ import annotations

from collections.abc import AsyncIterator

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2
from llmgateway.admin.v1 import (
    key_service_pb2,
    key_service_pb2_grpc,
    quota_service_pb2,
    team_service_pb2,
    usage_service_pb2,
    usage_service_pb2_grpc,
)
from llmgateway_server import errors
from llmgateway_server.call import Call, Principal
from llmgateway_server.config.settings import LimitSettings
from llmgateway_server.rpc.admin import ADMIN_SERVICES, admin_handlers, admin_methods_of
from llmgateway_server.rpc.methods import StreamMethod
from llmgateway_server.rpc.rim import Clocks, Rim

from tests.server.admin.office import NOON_S, Office, make_company

DESCRIPTORS = {
    service.full_name: service
    for file in (key_service_pb2, team_service_pb2, quota_service_pb2, usage_service_pb2)
    for service in file.DESCRIPTOR.services_by_name.values()
}


class Door:
    """Knows each key by its name, and is told of calls."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.ended: list[tuple[str, str]] = []

    def look_up(self, authorization: str | None) -> Principal:
        found = self.office.principals().get((authorization or "").removeprefix("Bearer "))
        if found is None:
            raise errors.ApiKeyInvalid("The API key is not valid.")
        return found

    def begin(self, method: str) -> None: ...

    def end(
        self, method: str, call_id: str, call: Call | None, elapsed_s: float, error: errors.CallError | None
    ) -> None:
        self.ended.append((method, error.reason_word if error is not None else "ok"))


@pytest.fixture
async def door() -> Door:
    return Door(await make_company())


@pytest.fixture
async def channel(door: Door) -> AsyncIterator[grpc.aio.Channel]:
    limits = LimitSettings()
    rim = Rim(door, door, Clocks(lambda: 1.0, lambda: NOON_S * 10**9), lambda: "call_1", 60.0, 100)
    server = grpc.aio.server()
    server.add_generic_rpc_handlers(tuple(admin_handlers(door.office.services, rim, limits)))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as opened:
        yield opened
    await server.stop(0)


def as_(key: str) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer {key}"),)


async def test_each_rpc_has_a_row(door: Door) -> None:
    table = admin_methods_of(door.office.services)
    assert set(table) == set(DESCRIPTORS) == set(ADMIN_SERVICES)
    for name, rows in table.items():
        assert {row.name for row in rows} == {rpc.name for rpc in DESCRIPTORS[name].methods}
        for row in rows:
            rpc = DESCRIPTORS[name].methods_by_name[row.name]
            assert rpc.input_type is row.request_type.DESCRIPTOR
            assert rpc.server_streaming == isinstance(row, StreamMethod)


async def test_a_key_is_made_and_usage_exported(door: Door, channel: grpc.aio.Channel) -> None:
    keys = key_service_pb2_grpc.KeyServiceStub(channel)
    made = await keys.CreateKey(key_service_pb2.CreateKeyRequest(key_id="new"), metadata=as_("ada"))
    assert (made.key.name, made.key.team) == ("keys/new", "teams/acme")
    usage = usage_service_pb2_grpc.UsageServiceStub(channel)
    request = usage_service_pb2.ExportUsageRequest(start_time={"seconds": 0})
    chunks = [answer.chunk async for answer in usage.ExportUsage(request, metadata=as_("ada"))]
    assert chunks[0].startswith(b"attempt_id,")
    assert door.ended == [("CreateKey", "ok"), ("ExportUsage", "ok")]


@pytest.mark.parametrize(
    ("key", "name", "code", "reason"),
    [
        ("nobody", "keys/kim", grpc.StatusCode.UNAUTHENTICATED, "ERROR_REASON_API_KEY_INVALID"),
        ("max", "keys/kim", grpc.StatusCode.PERMISSION_DENIED, "ERROR_REASON_PERMISSION_MISSING"),
        ("ada", "keys/roy", grpc.StatusCode.NOT_FOUND, "ERROR_REASON_RESOURCE_NOT_FOUND"),
        ("ada", "keys/gone", grpc.StatusCode.NOT_FOUND, "ERROR_REASON_RESOURCE_NOT_FOUND"),
        ("ada", "keys/fixed", grpc.StatusCode.FAILED_PRECONDITION, "ERROR_REASON_RESOURCE_READ_ONLY"),
        ("ada", "kim", grpc.StatusCode.INVALID_ARGUMENT, "ERROR_REASON_INVALID_FIELD"),
    ],
)
async def test_a_refusal_has_its_code_and_reason(
    channel: grpc.aio.Channel, key: str, name: str, code: grpc.StatusCode, reason: str
) -> None:
    keys = key_service_pb2_grpc.KeyServiceStub(channel)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await keys.RotateKey(key_service_pb2.RotateKeyRequest(name=name), metadata=as_(key))
    assert caught.value.code() is code
    status = status_pb2.Status.FromString(dict(caught.value.trailing_metadata() or ())["grpc-status-details-bin"])
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    assert info.reason == reason


async def test_a_stale_etag_is_aborted_and_a_taken_name_already_exists(channel: grpc.aio.Channel) -> None:
    keys = key_service_pb2_grpc.KeyServiceStub(channel)
    with pytest.raises(grpc.aio.AioRpcError) as stale:
        await keys.RevokeKey(key_service_pb2.RevokeKeyRequest(name="keys/kim", etag="0"), metadata=as_("ada"))
    assert stale.value.code() is grpc.StatusCode.ABORTED
    with pytest.raises(grpc.aio.AioRpcError) as taken:
        await keys.CreateKey(key_service_pb2.CreateKeyRequest(key_id="kim"), metadata=as_("ada"))
    assert taken.value.code() is grpc.StatusCode.ALREADY_EXISTS


async def test_bytes_that_are_no_request_are_refused(channel: grpc.aio.Channel) -> None:
    get = channel.unary_unary("/llmgateway.admin.v1.KeyService/GetKey")
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await get(b"\xff\xff", metadata=as_("ada"))
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
