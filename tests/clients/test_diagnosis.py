"""Why no gateway answers: what a look at the address tells, whatever the library said."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import grpc
import pytest
from llmgateway import Client, GatewayError, UnavailableError
from llmgateway.diagnosis import Address, Finding, Lookout, address_of, is_library_s, look, read_greeting

from tests.clients.scripted import Scripted, fail, serving

SETTINGS = bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])


@pytest.mark.parametrize(
    ("target", "address"),
    [
        ("gateway:50051", Address("gateway", 50051)),
        ("127.0.0.1:1", Address("127.0.0.1", 1)),
        ("[::1]:50051", Address("::1", 50051)),
        ("dns:///gateway:50051", Address("gateway", 50051)),
        ("dns:gateway:50051", Address("gateway", 50051)),
        ("dns://8.8.8.8/gateway:50051", Address("gateway", 50051)),
        ("gateway", Address("gateway", 443)),
        ("dns:///gateway", Address("gateway", 443)),
        ("unix:/run/gateway", None),
        ("unix:///run/gateway", None),
        ("ipv4:10.0.0.1:1,10.0.0.2:1", None),
        ("xds:///gateway", None),
        ("dns:///", None),
    ],
)
def test_it_looks_where_a_target_leads(target: str, address: Address | None) -> None:
    assert address_of(target) == address


def test_an_address_is_shown_as_people_write_it() -> None:
    assert (Address("h", 1).shown, Address("::1", 2).shown) == ("h:1", "[::1]:2")


@pytest.mark.parametrize(
    ("first", "tls", "finding"),
    [
        (b"HTTP/1.1 ", False, Finding.HTTP_1),
        (b"HTTP/1.0 ", True, Finding.HTTP_1),
        (SETTINGS, False, Finding.NOTHING_WRONG),
        (SETTINGS, True, Finding.SPEAKS_PLAIN),
        (b"\x15\x03\x01\x00\x02\x02\x46", False, Finding.WANTS_TLS),
        (b"\x15\x03\x01\x00\x02\x02\x46", True, Finding.HANDSHAKE_FAILED),
        (b"", False, Finding.WANTS_TLS),
        (b"", True, Finding.HANDSHAKE_FAILED),
        (b"SSH-2.0-x", False, Finding.NOTHING_WRONG),
        (b"SSH-2.0-x", True, Finding.NOTHING_WRONG),
        (None, False, Finding.NOTHING_WRONG),
        (None, True, Finding.NOTHING_WRONG),
    ],
)
def test_the_first_bytes_tell_who_is_there(first: bytes | None, tls: bool, finding: Finding) -> None:
    assert read_greeting(first, tls=tls) is finding


Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], object]


class Stranger:
    """A server that is no gateway: it counts its callers, says something and hangs up."""

    def __init__(self, says: bytes | None) -> None:
        self.says = says
        self.caller_count = 0

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.caller_count += 1
        await reader.read(1)
        if self.says:
            writer.write(self.says)
        writer.close()


@asynccontextmanager
async def strange(stranger: Stranger) -> AsyncIterator[int]:
    server = await asyncio.start_server(stranger.accept, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


@pytest.mark.parametrize(
    ("says", "finding"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", Finding.HTTP_1),
        (b"", Finding.WANTS_TLS),
        (SETTINGS, Finding.NOTHING_WRONG),
    ],
)
async def test_a_look_reads_what_is_there(says: bytes, finding: Finding) -> None:
    async with strange(Stranger(says)) as port:
        assert await look(Address("127.0.0.1", port), tls=False) is finding


async def test_calls_that_fail_at_once_share_one_look() -> None:
    stranger = Stranger(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    now_s = 0.0
    async with strange(stranger) as port:
        lookout = Lookout(f"127.0.0.1:{port}", tls=False, clock=lambda: now_s)
        error = UnavailableError("It failed.", code=grpc.StatusCode.UNAVAILABLE)
        explained = await asyncio.gather(*(lookout.explain(error) for _ in range(20)))
        assert {one.message for one in explained} == {Finding.HTTP_1.value.format(shown=f"127.0.0.1:{port}")}
        now_s = 0.9
        await lookout.explain(error)
        assert stranger.caller_count == 1
        now_s = 2.1
        await lookout.explain(error)
        assert stranger.caller_count == 2
        await lookout.close()


async def test_one_caller_that_leaves_does_not_end_the_look_of_the_others() -> None:
    async with strange(Stranger(b"HTTP/1.1 ")) as port:
        lookout = Lookout(f"127.0.0.1:{port}", tls=False)
        error = UnavailableError("It failed.", code=grpc.StatusCode.UNAVAILABLE)
        leaving, staying = (asyncio.create_task(lookout.explain(error)) for _ in range(2))
        await asyncio.sleep(0)
        leaving.cancel()
        assert "HTTP/1.1" in (await staying).message
        await lookout.close()


@pytest.mark.parametrize(
    ("error", "is_bare"),
    [
        (GatewayError("x", code=grpc.StatusCode.UNAVAILABLE), True),
        (GatewayError("x", code=grpc.StatusCode.UNKNOWN), True),
        (GatewayError("x", code=grpc.StatusCode.INTERNAL), True),
        (GatewayError("x", code=grpc.StatusCode.DEADLINE_EXCEEDED), False),
        (GatewayError("x", code=grpc.StatusCode.UNAVAILABLE, call_id="call_1"), False),
        (GatewayError("x", code=grpc.StatusCode.UNAVAILABLE, reason_name="ERROR_REASON_CIRCUIT_OPEN"), False),
        (GatewayError("x", code=grpc.StatusCode.UNAVAILABLE, started=True), False),
    ],
)
def test_only_what_the_library_said_is_looked_into(error: GatewayError, is_bare: bool) -> None:
    assert is_library_s(error) is is_bare


async def test_what_the_gateway_said_stands(client: Client, gateway: Scripted) -> None:
    gateway.script = [[fail(grpc.StatusCode.UNAVAILABLE, trailing=(("grpc-retry-pushback-ms", "-1"),))]]
    with pytest.raises(UnavailableError, match=r"^It failed\."):
        await client.generate("Hi", model="m")


async def test_a_comparison_is_explained_too() -> None:
    async with Client("127.0.0.1:9", timeout_s=20) as client:
        comparison = client.compare("Hi", models=["a", "b"])
        with pytest.raises(UnavailableError, match=r"Nothing answers at 127\.0\.0\.1:9"):
            await comparison.collect()
        assert "Nothing answers" in str(comparison.models[0].error)


async def test_a_healthy_address_leaves_the_library_s_words() -> None:
    async with serving(Scripted()) as address:
        lookout = Lookout(address, tls=False)
        error = UnavailableError("The library's words.", code=grpc.StatusCode.UNAVAILABLE)
        assert await lookout.explain(error) is error
        await lookout.close()
