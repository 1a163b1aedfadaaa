"""How the command starts, refuses to start, and stops."""

from __future__ import annotations

import asyncio
import re
import shlex
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import httpx2
import openai
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from llmgateway.v1 import gateway_pb2_grpc, generation_pb2, message_pb2

from tests import toolchains
from tests.e2e.serving import FREE_PORTS, SAFETY_S, Served, environment, run_to_end, serving, write_config
from tests.fakes.answer import Answer
from tests.fakes.openai import FakeOpenAI
from tests.fakes.replies import stream_held

pytestmark = pytest.mark.asyncio(loop_scope="session")

LISTEN_ANYWHERE = [
    "--grpc-listen",
    "127.0.0.1:0",
    "--http-listen",
    "127.0.0.1:0",
    "--metrics-listen",
    "127.0.0.1:0",
    "--admin-listen",
    "127.0.0.1:0",
]
SIGNALS = [signal.SIGTERM, signal.SIGINT]
ANSWER = Answer("one two three four five")
Health = health_pb2.HealthCheckResponse


@asynccontextmanager
async def gateway_before(provider: FakeOpenAI, folder: Path, lame_duck: str = "0s") -> AsyncIterator[Served]:
    """Run a gateway of its own in front of a fake provider."""
    config = write_config(
        folder,
        f"""{FREE_PORTS}
  lame_duck: {lame_duck}
providers:
  mock: {{}}
  fake: {{dialect: openai, base_url: "{provider.base_url}"}}
""",
    )
    async with serving(["serve", "--config", str(config)], folder / "log") as served:
        yield served


@asynccontextmanager
async def rest_client(served: Served) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=f"{served.rest}/v1", api_key="none", max_retries=0, timeout=30) as client:
        yield client


@asynccontextmanager
async def stub(served: Served) -> AsyncIterator[tuple[gateway_pb2_grpc.LLMGatewayAsyncStub, grpc.aio.Channel]]:
    async with grpc.aio.insecure_channel(served.grpc) as channel:
        yield gateway_pb2_grpc.LLMGatewayStub(channel), channel


def hello(model: str) -> generation_pb2.GenerateRequest:
    message = message_pb2.ChatMessage(role=message_pb2.ROLE_USER, parts=[message_pb2.Part(text="Hello")])
    return generation_pb2.GenerateRequest(model=model, messages=[message])


async def open_rest_stream(client: openai.AsyncOpenAI) -> openai.AsyncStream[openai.types.chat.ChatCompletionChunk]:
    return await client.chat.completions.create(
        model="fake/gpt-4o-mini", messages=[{"role": "user", "content": "Hello"}], stream=True
    )


async def send_and_see(served: Served, channel: grpc.aio.Channel, number: signal.Signals) -> None:
    """Send a signal, and return once the health service says NOT_SERVING: the gateway has taken it."""
    health: Any = health_pb2_grpc.HealthStub(channel)  # Any: its types do not tell its methods.
    watch = health.Watch(health_pb2.HealthCheckRequest())
    try:
        async with asyncio.timeout(SAFETY_S):
            assert (await watch.read()).status == Health.SERVING
            served.process.send_signal(number)
            assert (await watch.read()).status == Health.NOT_SERVING
    finally:
        watch.cancel()


# SIGTERM waits the lame duck time out; SIGINT, a person at the keyboard, skips it: an hour would not end here.
DRAINS = [(signal.SIGTERM, "0s"), (signal.SIGTERM, "100ms"), (signal.SIGINT, "1h")]


@pytest.mark.parametrize(("number", "lame_duck"), DRAINS)
async def test_a_signal_lets_running_streams_finish_and_exits_with_0(
    number: signal.Signals, lame_duck: str, tmp_path: Path
) -> None:
    gate = asyncio.Event()
    async with FakeOpenAI() as provider, gateway_before(provider, tmp_path, lame_duck) as served:
        provider.always(stream_held(ANSWER, gate))
        async with rest_client(served) as client, stub(served) as (calls, channel):
            rest_stream = await open_rest_stream(client)
            rest_text = (await anext(rest_stream)).choices[0].delta.content or ""
            events = calls.StreamGenerate(hello("fake/gpt-4o-mini"))
            await provider.arrived(2)
            await send_and_see(served, channel, number)
            gate.set()
            async for chunk in rest_stream:
                rest_text += chunk.choices[0].delta.content or ""
            messages = [message async for message in events]
        assert rest_text == ANSWER.text
        assert messages[-1].events[-1].WhichOneof("event") == "finished"
        assert await served.exit_code() == 0


async def test_in_the_lame_duck_time_health_is_off_and_calls_are_served(tmp_path: Path) -> None:
    async with (
        FakeOpenAI() as provider,
        gateway_before(provider, tmp_path, lame_duck="1h") as served,
        stub(served) as (calls, channel),
        httpx2.AsyncClient(trust_env=False) as http,
    ):
        await send_and_see(served, channel, signal.SIGTERM)
        answer = await calls.Generate(hello("mock/echo"))
        assert answer.candidates[0].message.parts[0].text == "Hello"
        metrics = served.metrics.removesuffix("/metrics")
        codes = [(await http.get(f"{base}/readyz")).status_code for base in (metrics, served.rest)]
        assert codes == [503, 503]
        assert (await http.get(f"{metrics}/livez")).status_code == 200


async def test_a_client_that_watches_health_holds_no_drain_up(tmp_path: Path) -> None:
    async with (
        FakeOpenAI() as provider,
        gateway_before(provider, tmp_path) as served,
        stub(served) as (_, channel),
    ):
        health: Any = health_pb2_grpc.HealthStub(channel)  # Any: its types do not tell its methods.
        watch = health.Watch(health_pb2.HealthCheckRequest())
        assert (await watch.read()).status == Health.SERVING
        assert await served.stop() == 0
        watch.cancel()


@pytest.mark.parametrize("number", SIGNALS)
async def test_a_second_signal_ends_at_once(number: signal.Signals, tmp_path: Path) -> None:
    async with FakeOpenAI() as provider, gateway_before(provider, tmp_path) as served:
        provider.always(stream_held(ANSWER, asyncio.Event()))
        async with rest_client(served) as client, stub(served) as (_, channel):
            stream = await open_rest_stream(client)
            await anext(stream)
            await send_and_see(served, channel, number)
            served.process.send_signal(number)
            assert await served.exit_code() == 1
            with pytest.raises((openai.APIError, httpx2.TransportError)):
                await read_all(stream)
        await provider.closed()


async def read_all(stream: openai.AsyncStream[openai.types.chat.ChatCompletionChunk]) -> None:
    async for _ in stream:
        pass


async def test_the_shim_alone_drains_as_well(tmp_path: Path) -> None:
    gate = asyncio.Event()
    async with FakeOpenAI() as provider, gateway_before(provider, tmp_path) as served:
        arguments = ["serve-http", "--target", served.grpc, "--http-listen", "127.0.0.1:0"]
        provider.always(stream_held(ANSWER, gate))
        async with serving(arguments, tmp_path / "shim-log", names=("REST",)) as shim:
            async with rest_client(shim) as client:
                stream = await open_rest_stream(client)
                text = (await anext(stream)).choices[0].delta.content or ""
                shim.process.send_signal(signal.SIGINT)
                gate.set()
                async for chunk in stream:
                    text += chunk.choices[0].delta.content or ""
            assert text == ANSWER.text
            assert await shim.exit_code() == 0


async def test_after_kill_9_the_same_addresses_serve_again(tmp_path: Path) -> None:
    async with serving(["serve", *LISTEN_ANYWHERE], tmp_path / "log") as served:
        await served.stop(signal.SIGKILL)
        addresses = {
            "--grpc-listen": served.grpc,
            "--http-listen": served.rest.removeprefix("http://"),
            "--metrics-listen": served.metrics.removeprefix("http://").removesuffix("/metrics"),
        }
    arguments = [word for option in addresses.items() for word in option]
    async with serving(["serve", *arguments], tmp_path / "log") as again:
        async with rest_client(again) as client:
            assert "mock/echo" in [model.id async for model in client.models.list()]
        assert await again.stop(signal.SIGINT) == 0


# Without a configuration.


async def test_the_banner_says_where_it_listens_and_its_commands_work(tmp_path: Path) -> None:
    async with serving(["serve", *LISTEN_ANYWHERE], tmp_path / "log") as served:
        assert served.process.stdout is not None
        commands = await read_commands(served.process.stdout)
        assert [shlex.split(command)[0] for command in commands] == ["curl", "curl", "grpcurl", "python", "llmgateway"]
        grpcurl = await asyncio.to_thread(toolchains.grpcurl)
        path = f"{grpcurl.parent}:{Path(sys.executable).parent}:{environment()['PATH']}"
        for command in commands:
            output = await run_in_shell(command, environment(PATH=path))
            assert re.search(r"Hello|[Ll]orem", output), command
        assert await served.stop() == 0


async def read_commands(output: asyncio.StreamReader) -> list[str]:
    """Read the commands that the banner offers, up to the empty line after them."""
    async with asyncio.timeout(SAFETY_S):
        while (await output.readline()).strip() != b"Try it:":
            pass
        commands = []
        while line := (await output.readline()).decode().strip():
            commands.append(line)
    return commands


async def run_in_shell(command: str, variables: dict[str, str]) -> str:
    """Run a command as a user pastes it; return its standard output."""
    process = await asyncio.create_subprocess_shell(
        command,
        env=variables,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(SAFETY_S):
        output, errors = await process.communicate()
    assert process.returncode == 0, f"{command}\n{output.decode()}{errors.decode()}"
    return output.decode()


# Refusals: exit code 1 (2 for a wrong use of the command line), one clear sentence, no traceback.


@pytest.mark.parametrize("option", ["--grpc-listen", "--http-listen", "--metrics-listen"])
async def test_an_address_in_use_is_refused_in_a_sentence(option: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        # A later option wins.
        code, output, errors = await run_to_end(["serve", *LISTEN_ANYWHERE, option, address], tmp_path / "log")
    assert code == 1
    assert output == ""
    (sentence,) = errors.strip().splitlines()
    assert address in sentence
    assert "in use" in sentence


async def test_a_second_gateway_on_the_same_addresses_is_refused(gateway: Served, tmp_path: Path) -> None:
    code, _, errors = await run_to_end(["serve", *LISTEN_ANYWHERE, "--grpc-listen", gateway.grpc], tmp_path / "log")
    assert code == 1
    assert gateway.grpc in errors


@pytest.mark.parametrize("option", ["--grpc-listen", "--http-listen"])
async def test_listening_beyond_loopback_without_keys_is_refused(option: str, tmp_path: Path) -> None:
    code, output, errors = await run_to_end(["serve", *LISTEN_ANYWHERE, option, "0.0.0.0:0"], tmp_path / "log")
    assert code == 1
    assert output == ""
    assert "Traceback" not in errors
    assert "auth.keys" in errors


WEAK_KEYS = ["short", "changeme", "password", "a" * 40]


@pytest.mark.parametrize("key", WEAK_KEYS)
async def test_a_weak_key_is_refused_and_not_shown(key: str, tmp_path: Path) -> None:
    config = write_config(tmp_path, f'{FREE_PORTS}\nauth:\n  keys:\n    - {{name: ci, key: "${{CI_KEY}}"}}\n')
    code, output, errors = await run_to_end(["serve", "--config", str(config)], tmp_path / "log", {"CI_KEY": key})
    assert code == 1
    assert output == ""
    assert "Traceback" not in errors
    assert "auth.keys[0].key" in errors
    assert f"{config}:10:" in errors
    assert f'"{key}"' not in errors
    assert f"'{key}'" not in errors


async def test_an_unknown_key_names_its_line_and_the_nearest_one(tmp_path: Path) -> None:
    config = write_config(tmp_path, "server:\n  grpc_listen: 127.0.0.1:0\n  http_listn: 127.0.0.1:0\n")
    code, output, errors = await run_to_end(["serve", "--config", str(config)], tmp_path / "log")
    assert code == 1
    assert output == ""
    assert "Traceback" not in errors
    assert f"{config}:3:" in errors
    assert "http_listn" in errors
    assert "http_listen" in errors


async def test_a_configuration_that_is_absent_is_refused_in_a_sentence(tmp_path: Path) -> None:
    missing = tmp_path / "nowhere.yaml"
    code, _, errors = await run_to_end(["serve", "--config", str(missing)], tmp_path / "log")
    assert code == 1
    assert "Traceback" not in errors
    assert str(missing) in errors


async def test_a_key_of_enough_bits_starts_and_is_asked_for(tmp_path: Path) -> None:
    key = "k3y-of-this-test-0123456789-abcdefghij"
    config = write_config(tmp_path, f'{FREE_PORTS}\nauth:\n  keys:\n    - {{name: ci, key: "${{CI_KEY}}"}}\n')
    async with serving(["serve", "--config", str(config)], tmp_path / "log", {"CI_KEY": key}) as served:
        async with httpx2.AsyncClient(trust_env=False) as http:
            without = await http.get(f"{served.rest}/v1/models")
            given = await http.get(f"{served.rest}/v1/models", headers={"authorization": f"Bearer {key}"})
        assert (without.status_code, given.status_code) == (401, 200)
        assert await served.stop(signal.SIGINT) == 0
        assert key not in (tmp_path / "log").read_text()
