"""Who is told of the gateway's connections by channelz, and what."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any, NoReturn

import grpc
import pytest
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from grpc_channelz.v1 import channelz_pb2, channelz_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from llmgateway_server import errors
from llmgateway_server.app import Gateway
from llmgateway_server.call import Principal
from llmgateway_server.config.auth import AuthSettings, KeySettings
from llmgateway_server.config.settings import ProviderSettings, ServerSettings, Settings
from llmgateway_server.rpc.channelz import CHANNELZ, guard, is_on_this_machine
from llmgateway_server.telemetry.logs import LineWriter

KEY = "a-s3cret-of-this-test-0123456789"
FREE = dict.fromkeys(("grpc_listen", "http_listen", "metrics_listen", "admin_listen"), "127.0.0.1:0")
GET_SERVERS = channelz_pb2.GetServersRequest()


@asynccontextmanager
async def serving(*, with_key: bool = False, **switches: bool) -> AsyncIterator[grpc.aio.Channel]:
    """Run a gateway; yield a channel to it."""
    keys = (KeySettings(name="ci", key=KEY),) if with_key else ()
    server = ServerSettings(**FREE, **switches)
    settings = Settings(server=server, auth=AuthSettings(keys=keys), providers={"mock": ProviderSettings()})
    writer = LineWriter(io.BytesIO())
    gateway = Gateway(settings, writer)
    await gateway.start()
    try:
        async with grpc.aio.insecure_channel(gateway.listening.grpc) as channel:
            yield channel
    finally:
        await gateway.close()
        writer.close()


def stub_of(channel: grpc.aio.Channel) -> Any:  # Any: its types know no asyncio.
    return channelz_pb2_grpc.ChannelzStub(channel)


async def failure_of(call: Any) -> grpc.aio.AioRpcError:  # Any: as above
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value


async def listed_services(channel: grpc.aio.Channel) -> set[str]:
    stub: Any = reflection_pb2_grpc.ServerReflectionStub(channel)  # Any: as above
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    async for response in stub.ServerReflectionInfo(iter([request])):
        return {service.name for service in response.list_services_response.service}
    raise AssertionError("reflection did not answer")


async def test_a_gateway_tells_of_itself_and_of_who_is_connected() -> None:
    async with serving(channelz=True) as channel:
        stub = stub_of(channel)
        # The process is the test's, too: there may be other servers in it, and the test's own channel is.
        servers = (await stub.GetServers(GET_SERVERS)).server
        assert sum(server.data.calls_started for server in servers) >= 1
        sockets = [socket async for socket in sockets_of(stub, servers)]
        assert bytes([127, 0, 0, 1]) in {socket.remote.tcpip_address.ip_address for socket in sockets}
        assert max(socket.data.streams_started for socket in sockets) >= 2
        channels = (await stub.GetTopChannels(channelz_pb2.GetTopChannelsRequest())).channel
        assert any("127.0.0.1" in found.data.target for found in channels)
        assert CHANNELZ in await listed_services(channel)


async def sockets_of(stub: Any, servers: Iterable[channelz_pb2.Server]) -> AsyncIterator[channelz_pb2.Socket]:
    """Yield the connections of servers."""
    for server in servers:
        asked = channelz_pb2.GetServerSocketsRequest(server_id=server.ref.server_id)
        for reference in (await stub.GetServerSockets(asked)).socket_ref:
            request = channelz_pb2.GetSocketRequest(socket_id=reference.socket_id)
            yield (await stub.GetSocket(request)).socket


@pytest.mark.parametrize(
    ("method", "request_message"),
    [
        ("GetServer", channelz_pb2.GetServerRequest(server_id=2**40)),
        ("GetServerSockets", channelz_pb2.GetServerSocketsRequest(server_id=2**40)),
        ("GetChannel", channelz_pb2.GetChannelRequest(channel_id=2**40)),
        ("GetSubchannel", channelz_pb2.GetSubchannelRequest(subchannel_id=2**40)),
        ("GetSocket", channelz_pb2.GetSocketRequest(socket_id=2**40)),
    ],
)
async def test_what_is_not_there_is_not_found(method: str, request_message: Message) -> None:
    async with serving(channelz=True) as channel:
        error = await failure_of(getattr(stub_of(channel), method)(request_message))
    assert error.code() == grpc.StatusCode.NOT_FOUND


async def test_it_is_off_unless_it_is_switched_on() -> None:
    async with serving() as channel:
        assert (await failure_of(stub_of(channel).GetServers(GET_SERVERS))).code() == grpc.StatusCode.UNIMPLEMENTED
        assert CHANNELZ not in await listed_services(channel)


async def test_without_reflection_it_answers_all_the_same() -> None:
    async with serving(channelz=True, reflection=False) as channel:
        assert (await stub_of(channel).GetServers(GET_SERVERS)).server


@pytest.mark.parametrize("metadata", [(), (("authorization", f"Bearer {KEY}x"),), (("authorization", KEY),)])
async def test_where_there_are_keys_it_answers_nobody_without_one(metadata: tuple[tuple[str, str], ...]) -> None:
    async with serving(channelz=True, with_key=True) as channel:
        for method in channelz_pb2.DESCRIPTOR.services_by_name["Channelz"].methods:
            empty = getattr(channelz_pb2, method.input_type.name)()
            error = await failure_of(getattr(stub_of(channel), method.name)(empty, metadata=metadata))
            assert error.code() == grpc.StatusCode.UNAUTHENTICATED, method.name
            assert error_info(error).reason == "ERROR_REASON_API_KEY_INVALID"
        given = (("authorization", f"Bearer {KEY}"),)
        assert (await stub_of(channel).GetServers(GET_SERVERS, metadata=given)).server


def error_info(error: grpc.aio.AioRpcError) -> error_details_pb2.ErrorInfo:
    """Read the reason from a failed call's details."""
    trailers = dict(error.trailing_metadata())
    info = error_details_pb2.ErrorInfo()
    assert status_pb2.Status.FromString(trailers["grpc-status-details-bin"]).details[0].Unpack(info)
    return info


class AbortError(Exception):
    """What ends a handler that aborts its call."""

    def __init__(self, code: grpc.StatusCode) -> None:
        super().__init__(code)
        self.code = code


class CallFrom:
    """The context of a call that comes from `peer`, with metadata."""

    def __init__(self, peer: str, *metadata: tuple[str, str]) -> None:
        self._peer = peer
        self._metadata = metadata

    def peer(self) -> str:
        return self._peer

    def invocation_metadata(self) -> tuple[tuple[str, str], ...]:
        return self._metadata

    async def abort(self, code: grpc.StatusCode, *_: object) -> NoReturn:
        raise AbortError(code)


class OneKey:
    """Lets in whoever says `right`."""

    def look_up(self, authorization: str | None) -> Principal:
        if authorization == "right":
            return Principal("somebody")
        raise errors.ApiKeyInvalid("wrong")


async def answer(_: Message, __: object) -> Message:
    return channelz_pb2.GetServersResponse(end=True)


HERE, ELSEWHERE = "ipv4:127.0.0.1:50000", "ipv4:192.0.2.7:50000"
RIGHT = ("authorization", "right")
REFUSALS = [
    (CallFrom(ELSEWHERE), grpc.StatusCode.PERMISSION_DENIED),
    (CallFrom(ELSEWHERE, RIGHT), grpc.StatusCode.PERMISSION_DENIED),
    (CallFrom(HERE), grpc.StatusCode.UNAUTHENTICATED),
]


@pytest.mark.parametrize(("call", "code"), REFUSALS)
async def test_a_caller_elsewhere_is_refused_with_a_key_or_without(call: Any, code: grpc.StatusCode) -> None:
    with pytest.raises(AbortError) as caught:
        await guard(answer, OneKey())(GET_SERVERS, call)
    assert caught.value.code == code


async def test_a_caller_here_with_a_key_is_answered() -> None:
    call: Any = CallFrom(HERE, RIGHT)
    assert await guard(answer, OneKey())(GET_SERVERS, call) == channelz_pb2.GetServersResponse(end=True)


@pytest.mark.parametrize(
    ("peer", "is_here"),
    [
        ("ipv4:127.0.0.1:50000", True),
        ("ipv4:127.9.9.9:50000", True),
        ("ipv6:%5B::1%5D:50000", True),
        ("ipv6:[::1]:50000", True),
        ("ipv4:192.0.2.7:50000", False),
        ("ipv4:0.0.0.0:50000", False),
        ("ipv6:%5B2001:db8::1%5D:50000", False),
        ("ipv6:%5Bfe80::1%25eth0%5D:50000", False),
        ("unix:", False),
        ("unix:localhost:1", False),
        ("localhost:50000", False),
        ("unknown", False),
        ("", False),
    ],
)
def test_this_machine_is_loopback_and_nothing_else(peer: str, is_here: bool) -> None:
    assert is_on_this_machine(peer) is is_here
