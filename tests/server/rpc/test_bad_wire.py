"""Bytes that are no good gRPC: each is refused in time with a status that says why, and the gateway goes on."""

from __future__ import annotations

import asyncio
import io
import struct
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import grpc
import h2.config
import h2.connection
import h2.events
import pytest
from llmgateway.errors import error_from_rpc
from llmgateway.v1 import error_reason_pb2, gateway_pb2_grpc, generation_pb2, message_pb2
from llmgateway_server.app import Gateway
from llmgateway_server.config.settings import LimitSettings, ProviderSettings, ServerSettings, Settings
from llmgateway_server.telemetry.logs import LineWriter

SAFETY_S = 20.0
LIMIT_BYTES = 300_000
Header = tuple[str, str]


def request(text: str = "Hello") -> generation_pb2.GenerateRequest:
    message = message_pb2.ChatMessage(role=message_pb2.ROLE_USER, parts=[message_pb2.Part(text=text)])
    return generation_pb2.GenerateRequest(model="mock/echo", messages=[message])


def framed(data: bytes, flag: int = 0, length: int | None = None) -> bytes:
    return struct.pack(">BI", flag, len(data) if length is None else length) + data


GOOD = framed(request().SerializeToString())
HEAD: Sequence[Header] = (
    (":method", "POST"),
    (":scheme", "http"),
    (":path", "/llmgateway.v1.LLMGateway/Generate"),
    (":authority", "127.0.0.1"),
    ("te", "trailers"),
    ("content-type", "application/grpc"),
)


@dataclass(slots=True)
class Answer:
    """What came back on one stream."""

    headers: dict[str, str] = field(default_factory=dict)
    was_reset: bool = False

    @property
    def status(self) -> str:
        return self.headers.get("grpc-status", "")


@pytest.fixture
async def address() -> AsyncIterator[str]:
    listen = "127.0.0.1:0"
    settings = Settings(
        server=ServerSettings(grpc_listen=listen, http_listen=listen, metrics_listen=listen, admin_listen=listen),
        providers={"mock": ProviderSettings()},
        limits=LimitSettings(request_bytes=LIMIT_BYTES),
    )
    writer = LineWriter(io.BytesIO())
    gateway = Gateway(settings, writer)
    await gateway.start()
    try:
        yield gateway.listening.grpc
    finally:
        await gateway.close()
        writer.close()


async def ask(address: str, head: Sequence[Header], data: bytes, *, end: bool = True) -> Answer:
    """Send one request of frames as they are; return what ends its stream."""
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    config = h2.config.H2Configuration(client_side=True, header_encoding="utf-8", validate_outbound_headers=False)
    connection = h2.connection.H2Connection(config)
    connection.initiate_connection()
    connection.send_headers(1, head)
    connection.send_data(1, data, end_stream=end)
    answer = Answer()
    try:
        async with asyncio.timeout(SAFETY_S):
            while True:
                writer.write(connection.data_to_send())
                for event in connection.receive_data(await reader.read(65536)):
                    if isinstance(event, h2.events.ResponseReceived | h2.events.TrailersReceived):
                        answer.headers.update(event.headers)
                    elif isinstance(event, h2.events.StreamEnded):
                        return answer
                    elif isinstance(event, h2.events.StreamReset):
                        answer.was_reset = True
                        return answer
    finally:
        writer.close()


async def drain(call: Any) -> None:  # Any: a call of either shape
    if isinstance(call, grpc.aio.UnaryStreamCall):
        async for _ in call:
            pass
    else:
        await call


async def assert_healthy(address: str) -> None:
    assert (await ask(address, HEAD, GOOD)).status == "0"


def with_header(name: str, value: str) -> Sequence[Header]:
    return (*HEAD, (name, value))


ROWS: list[tuple[str, Sequence[Header], bytes, grpc.StatusCode, str]] = [
    ("no time-out", with_header("grpc-timeout", "banana"), GOOD, grpc.StatusCode.INTERNAL, "grpc-timeout"),
    ("a negative time-out", with_header("grpc-timeout", "-1S"), GOOD, grpc.StatusCode.INTERNAL, "grpc-timeout"),
    ("no time at all", with_header("grpc-timeout", "0S"), GOOD, grpc.StatusCode.DEADLINE_EXCEEDED, "Deadline"),
    (
        "an unknown compression",
        with_header("grpc-encoding", "snappy"),
        framed(GOOD[5:], flag=1),
        grpc.StatusCode.INTERNAL,
        "grpc-encoding",
    ),
    ("compressed by nothing", HEAD, framed(GOOD[5:], flag=1), grpc.StatusCode.INTERNAL, "Compression"),
    ("2 GiB announced", HEAD, framed(b"a" * 100, length=2**31), grpc.StatusCode.RESOURCE_EXHAUSTED, str(LIMIT_BYTES)),
    ("no message", HEAD, framed(b"\xff" * 5), grpc.StatusCode.INVALID_ARGUMENT, "no llmgateway.v1.GenerateRequest"),
    ("much metadata", with_header("x-a", "|" * 8_192), GOOD, grpc.StatusCode.RESOURCE_EXHAUSTED, "limit of 8192"),
    (
        "many metadata",
        (*HEAD, *((f"x-{number}", "a") for number in range(3_000))),
        GOOD,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        "limit of 8192",
    ),
    (
        "an unknown method",
        tuple((name, value.replace("Generate", "Degenerate")) for name, value in HEAD),
        GOOD,
        grpc.StatusCode.UNIMPLEMENTED,
        "not found",
    ),
]


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
async def test_bad_frames_are_refused_with_a_reason(
    address: str, row: tuple[str, Sequence[Header], bytes, grpc.StatusCode, str]
) -> None:
    _, head, data, code, words = row
    answer = await ask(address, head, data)
    assert answer.status == str(code.value[0]), answer.headers
    assert words in answer.headers["grpc-message"]
    await assert_healthy(address)


async def test_a_length_beyond_the_limit_is_refused_before_its_bytes_come(address: str) -> None:
    answer = await ask(address, HEAD, framed(b"", length=2**31), end=False)
    assert answer.status == str(grpc.StatusCode.RESOURCE_EXHAUSTED.value[0])
    await assert_healthy(address)


async def test_a_time_beyond_any_clock_is_the_gateway_s_own(address: str) -> None:
    for much in ("99999999H", "999999999S"):
        assert (await ask(address, with_header("grpc-timeout", much), GOOD)).status == "0"


async def test_another_method_of_http_is_reset(address: str) -> None:
    assert (await ask(address, ((":method", "GET"), *HEAD[1:]), b"")).was_reset
    await assert_healthy(address)


@pytest.mark.parametrize("streams", [False, True])
async def test_what_is_refused_says_so_with_its_reason(address: str, streams: bool) -> None:
    async with grpc.aio.insecure_channel(address) as channel:
        stub = gateway_pb2_grpc.LLMGatewayStub(channel)
        metadata = (("x-a", "|" * 9_000),)
        call = stub.StreamGenerate if streams else stub.Generate
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await drain(call(request(), metadata=metadata))
    assert error_from_rpc(caught.value).reason == error_reason_pb2.ERROR_REASON_REQUEST_TOO_LARGE


async def test_a_message_over_the_limit_is_refused_by_its_size(address: str) -> None:
    async with grpc.aio.insecure_channel(address, options=[("grpc.max_send_message_length", -1)]) as channel:
        stub = gateway_pb2_grpc.LLMGatewayStub(channel)
        with pytest.raises(grpc.aio.AioRpcError, match=str(LIMIT_BYTES)) as caught:
            await stub.Generate(request("a" * 400_000))
        assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert error_from_rpc(caught.value).reason == error_reason_pb2.ERROR_REASON_REQUEST_TOO_LARGE
        assert (await stub.Generate(request("a" * 299_000))).candidates
