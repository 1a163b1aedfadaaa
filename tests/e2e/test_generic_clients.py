"""Clients that know nothing of the contract but what reflection tells them: grpcurl, and `buf curl`."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from google.rpc.error_details_pb2 import ErrorInfo

from tests import toolchains
from tests.e2e.serving import FREE_PORTS, SAFETY_S, Served, serving, write_config

pytestmark = pytest.mark.asyncio(loop_scope="session")

SERVICE = "llmgateway.v1.LLMGateway"
CHANNELZ = "grpc.channelz.v1.Channelz"
RPCS = {
    "Generate",
    "StreamGenerate",
    "Compare",
    "Embed",
    "Rerank",
    "CountTokens",
    "ExplainRoute",
    "GetModel",
    "ListModels",
}


def request(model: str, **more: object) -> str:
    """Return a request as JSON, one user text in it."""
    messages = [{"role": "ROLE_USER", "parts": [{"text": "Hello there"}]}]
    return json.dumps({"model": model, "messages": messages, **more})


async def run(command: Sequence[str | Path]) -> tuple[int, str, str]:
    """Run a command to its end; return its exit code, standard output and standard error."""
    process = await asyncio.create_subprocess_exec(
        *map(str, command),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(SAFETY_S):
        output, errors = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode(), errors.decode()


def objects(text: str) -> list[Any]:  # Any: decoded JSON.
    """Read JSON objects that follow one another."""
    decoder, found, position = json.JSONDecoder(), [], 0
    while position < len(text):
        value, position = decoder.raw_decode(text, position)
        found.append(value)
        position += len(text[position:]) - len(text[position:].lstrip())
    return found


def check_stream(messages: Sequence[Any]) -> None:  # Any: decoded JSON.
    """Check that a stream of `mock/echo` starts, says the text and finishes; grpcurl and buf spell fields apart."""
    events = [event for message in messages for event in message["events"]]
    deltas = [event.get("part_delta") or event.get("partDelta") for event in events]
    assert "started" in events[0]
    assert "".join(delta["text"] for delta in deltas if delta) == "Hello there"
    assert "finished" in events[-1]


class TestGrpcurl:
    """grpcurl, installed by Go."""

    async def grpcurl(self, *arguments: str) -> tuple[int, str, str]:
        path = await asyncio.to_thread(toolchains.grpcurl)
        return await run([path, "-plaintext", *arguments])

    async def test_it_lists_services_and_rpcs(self, gateway: Served) -> None:
        code, output, errors = await self.grpcurl(gateway.grpc, "list")
        assert code == 0, errors
        assert {SERVICE, "grpc.health.v1.Health"} <= set(output.split())
        code, output, errors = await self.grpcurl(gateway.grpc, "list", SERVICE)
        assert code == 0, errors
        assert set(output.split()) == {f"{SERVICE}.{name}" for name in RPCS}

    async def test_it_describes_the_contract(self, gateway: Served) -> None:
        code, output, errors = await self.grpcurl(gateway.grpc, "describe", SERVICE)
        assert code == 0, errors
        assert "rpc StreamGenerate ( .llmgateway.v1.GenerateRequest ) returns ( stream " in output
        code, output, errors = await self.grpcurl(gateway.grpc, "describe", "llmgateway.v1.GenerateRequest")
        assert code == 0, errors
        assert "repeated .llmgateway.v1.ChatMessage messages = 2;" in output

    @pytest.mark.parametrize("method", [*(f"{SERVICE}.{name}" for name in sorted(RPCS)), "grpc.health.v1.Health.Check"])
    async def test_it_describes_each_rpc(self, method: str, gateway: Served) -> None:
        code, output, errors = await self.grpcurl(gateway.grpc, "describe", method)
        assert code == 0, errors
        assert f"{method} is a method:\nrpc {method.rpartition('.')[2]} (" in output

    @pytest.mark.parametrize("name", [f"{SERVICE}.None", f"{SERVICE}.Generate.None", "llmgateway.v1.None", "None"])
    async def test_it_is_told_that_there_is_no_such_symbol(self, name: str, gateway: Served) -> None:
        code, _, errors = await self.grpcurl(gateway.grpc, "describe", name)
        assert code == 1
        assert f"Symbol not found: {name}" in errors

    async def test_it_generates(self, gateway: Served) -> None:
        code, output, errors = await self.grpcurl("-d", request("mock/echo"), gateway.grpc, f"{SERVICE}/Generate")
        assert code == 0, errors
        (response,) = objects(output)
        assert response["candidates"][0]["message"]["parts"][0]["text"] == "Hello there"
        assert response["candidates"][0]["finish_reason"] == "FINISH_REASON_STOP"
        assert response["call"]["provider"] == "mock"

    async def test_it_streams(self, gateway: Served) -> None:
        code, output, errors = await self.grpcurl("-d", request("mock/echo"), gateway.grpc, f"{SERVICE}/StreamGenerate")
        assert code == 0, errors
        check_stream(objects(output))

    async def test_it_shows_an_error_with_its_details(self, gateway: Served) -> None:
        code, _, errors = await self.grpcurl(
            "-format-error", "-d", request("mock/error-429"), gateway.grpc, f"{SERVICE}/Generate"
        )
        assert code == 64 + 8
        (status,) = objects(errors[errors.index("{") :])
        assert status["code"] == 8
        details = {detail["@type"].rpartition(".")[2]: detail for detail in status["details"]}
        assert details["ErrorInfo"]["reason"] == "ERROR_REASON_PROVIDER_RATE_LIMITED"
        assert details["ErrorInfo"]["domain"] == "llmgateway.dev"
        assert details["RetryInfo"]["retry_delay"] == "1s"

    async def test_it_is_told_which_field_is_wrong(self, gateway: Served) -> None:
        code, _, errors = await self.grpcurl(
            "-format-error", "-d", '{"model": "mock/echo"}', gateway.grpc, f"{SERVICE}/Generate"
        )
        assert code == 64 + 3
        (status,) = objects(errors[errors.index("{") :])
        details = {detail["@type"].rpartition(".")[2]: detail for detail in status["details"]}
        assert details["BadRequest"]["field_violations"][0]["field"] == "messages"

    @pytest.mark.parametrize("service", ["", SERVICE])
    async def test_it_checks_health(self, gateway: Served, service: str) -> None:
        code, output, errors = await self.grpcurl(
            "-d", json.dumps({"service": service}), gateway.grpc, "grpc.health.v1.Health/Check"
        )
        assert code == 0, errors
        assert objects(output) == [{"status": "SERVING"}]

    async def test_it_embeds_and_lists_models(self, gateway: Served) -> None:
        code, output, errors = await self.grpcurl("-d", "{}", gateway.grpc, f"{SERVICE}/ListModels")
        assert code == 0, errors
        assert "mock/echo" in [model["id"] for model in objects(output)[0]["models"]]
        body = json.dumps({"model": "mock/embed", "inputs": [{"text": "one"}], "dimensionCount": 4})
        code, output, errors = await self.grpcurl("-d", body, gateway.grpc, f"{SERVICE}/Embed")
        assert code == 0, errors
        assert objects(output)


KEY = "a-s3cret-of-this-test-0123456789"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def guarded(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    """A gateway that asks for a key, with channelz."""
    folder = tmp_path_factory.mktemp("guarded")
    keys = 'auth: {keys: [{name: ci, key: "${CI_KEY}"}]}'
    config = write_config(folder, f"{FREE_PORTS}\n  channelz: true\n{keys}\n")
    async with serving(["serve", "--config", str(config)], folder / "log", {"CI_KEY": KEY}) as served:
        yield served


class TestGrpcurlWithAKey:
    """grpcurl, which takes the key from a variable: it does not stand among its arguments."""

    async def grpcurl(self, *arguments: str, key: str = KEY) -> tuple[int, str, str]:
        path = await asyncio.to_thread(toolchains.grpcurl)
        header = ["-expand-headers", "-H", "authorization: Bearer ${LLMGATEWAY_KEY}"]
        return await run(["env", f"LLMGATEWAY_KEY={key}", path, "-plaintext", *header, *arguments])

    async def test_it_calls_with_the_key_and_is_refused_without(self, guarded: Served) -> None:
        code, output, errors = await self.grpcurl(guarded.grpc, f"{SERVICE}/ListModels")
        assert code == 0, errors
        assert objects(output)
        code, _, errors = await self.grpcurl(guarded.grpc, f"{SERVICE}/ListModels", key="another")
        assert code == 64 + 16
        assert "ERROR_REASON_API_KEY_INVALID" in errors

    async def test_verbosely_it_prints_the_key(self, guarded: Served) -> None:
        code, output, errors = await self.grpcurl("-v", guarded.grpc, f"{SERVICE}/ListModels")
        assert code == 0, errors
        assert f"authorization: Bearer {KEY}" in output

    async def test_reflection_and_health_ask_for_none(self, guarded: Served) -> None:
        code, output, errors = await self.grpcurl(guarded.grpc, "list", key="another")
        assert code == 0, errors
        assert SERVICE in output.split()
        code, output, errors = await self.grpcurl(guarded.grpc, "grpc.health.v1.Health/Check", key="another")
        assert code == 0, errors
        assert objects(output) == [{"status": "SERVING"}]

    async def test_channelz_tells_of_connections_to_who_has_a_key(self, guarded: Served) -> None:
        code, output, errors = await self.grpcurl(guarded.grpc, f"{CHANNELZ}/GetServers")
        assert code == 0, errors
        # That of calls, and that of the admin services.
        servers = objects(output)[0]["server"]
        assert len(servers) == 2
        (server,) = [one for one in servers if one.get("data", {}).get("calls_started")]
        body = json.dumps({"server_id": server["ref"]["server_id"]})
        code, output, errors = await self.grpcurl("-d", body, guarded.grpc, f"{CHANNELZ}/GetServerSockets")
        assert code == 0, errors
        sockets = objects(output)[0]["socket_ref"]
        assert sockets
        assert all("127.0.0.1" in socket["name"] for socket in sockets)
        code, output, errors = await self.grpcurl(guarded.grpc, f"{CHANNELZ}/GetServers", key="another")
        assert (code, output) == (64 + 16, "")
        assert "ERROR_REASON_API_KEY_INVALID" in errors

    async def test_channelz_is_listed_only_where_it_is_on(self, guarded: Served, gateway: Served) -> None:
        for served, is_on in ((guarded, True), (gateway, False)):
            code, output, errors = await self.grpcurl(served.grpc, "list")
            assert code == 0, errors
            assert (CHANNELZ in output.split()) is is_on


class TestBufCurl:
    """`buf curl`, which comes with the development tools: the generic client where Go is absent."""

    async def curl(self, gateway: Served, method: str, data: str) -> tuple[int, str, str]:
        url = f"http://{gateway.grpc}/{method}"
        options = ["--protocol", "grpc", "--http2-prior-knowledge"]
        return await run([toolchains.BUF, "curl", *options, "--data", data, url])

    async def test_it_lists_rpcs(self, gateway: Served) -> None:
        options = ["--protocol", "grpc", "--http2-prior-knowledge", "--list-methods"]
        code, output, errors = await run([toolchains.BUF, "curl", *options, f"http://{gateway.grpc}"])
        assert code == 0, errors
        assert {f"{SERVICE}/{name}" for name in RPCS} <= set(output.split())

    async def test_it_generates(self, gateway: Served) -> None:
        code, output, errors = await self.curl(gateway, f"{SERVICE}/Generate", request("mock/echo"))
        assert code == 0, errors
        assert objects(output)[0]["candidates"][0]["message"]["parts"][0]["text"] == "Hello there"

    async def test_it_streams(self, gateway: Served) -> None:
        code, output, errors = await self.curl(gateway, f"{SERVICE}/StreamGenerate", request("mock/echo"))
        assert code == 0, errors
        check_stream(objects(output))

    async def test_it_shows_an_error_with_its_details(self, gateway: Served) -> None:
        code, _, errors = await self.curl(gateway, f"{SERVICE}/Generate", request("mock/error-429"))
        assert code == 8 << 3
        (status,) = objects(errors[errors.index("{") :])
        assert status["code"] == "resource_exhausted"
        values = {detail["type"]: base64.b64decode(detail["value"] + "==") for detail in status["details"]}
        info = ErrorInfo.FromString(values["google.rpc.ErrorInfo"])
        assert (info.reason, info.domain) == ("ERROR_REASON_PROVIDER_RATE_LIMITED", "llmgateway.dev")

    async def test_it_checks_health(self, gateway: Served) -> None:
        code, output, errors = await self.curl(gateway, "grpc.health.v1.Health/Check", "{}")
        assert code == 0, errors
        assert objects(output) == [{"status": "SERVING"}]
