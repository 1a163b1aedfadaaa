"""The installed command takes a changed configuration into use while it serves, and no call is dropped for it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import grpc
import httpx2
import openai
import pytest
from llmgateway.v1 import gateway_pb2_grpc, generation_pb2, message_pb2

from tests.e2e.serving import FREE_PORTS, SAFETY_S, Served, read_banner, serving, spawn
from tests.fakes.answer import Answer
from tests.fakes.faults import never_answer
from tests.fakes.openai import FakeOpenAI
from tests.fakes.replies import stream_held
from tests.server.config.changing import CHANGES, Change, rename_over

pytestmark = pytest.mark.asyncio(loop_scope="session")

ANSWER = Answer("one two three four five")
KEYS = {"FIRST": "first-k3y-0123456789-abcdefghij", "SECOND": "second-k3y-0123456789-abcdefgh"}
CALLS_A_SECOND = 200
RELOAD_COUNT = 10
OVERLOADED = 429


class Gateway:
    """A gateway of its own, the file that it was started with, and two kinds of client."""

    def __init__(self, served: Served, path: Path, channel: grpc.aio.Channel, http: httpx2.AsyncClient) -> None:
        self.served = served
        self.path = path
        self.stub: gateway_pb2_grpc.LLMGatewayAsyncStub = gateway_pb2_grpc.LLMGatewayStub(channel)
        self.http = http

    def replace(self, text: str) -> None:
        """Put another file in the place of this one."""
        rename_over(self.path, text)

    async def metric(self, name: str) -> float:
        """Read one series, written as in the exposition, without `llmgateway_config_`."""
        text = (await self.http.get(self.served.metrics)).text
        found = re.search(rf"^llmgateway_config_{re.escape(name)} (\S+)$", text, re.MULTILINE)
        assert found is not None, name
        return float(found[1])

    async def until(self, holds: Callable[[], Awaitable[bool]]) -> None:
        """Ask the gateway again and again until something holds."""
        async with asyncio.timeout(SAFETY_S):
            while not await holds():
                pass

    async def until_metric(self, name: str, value: float) -> None:
        async def holds() -> bool:
            return await self.metric(name) == value

        await self.until(holds)

    async def until_revision(self, revision: int) -> None:
        await self.until_metric("revision", revision)

    async def reload(self, text: str) -> None:
        """Replace the file, and wait until the gateway serves by it."""
        revision = await self.metric("revision")
        self.replace(text)
        await self.until_revision(int(revision) + 1)

    async def until_logged(self, message: str) -> dict[str, Any]:
        """Wait for a line of the log; return it. Log lines are gathered for a while before they are written."""
        found: list[dict[str, Any]] = []

        async def holds() -> bool:
            await self.metric("revision")
            found[:] = [line for line in self.log() if message in line["message"]]
            return bool(found)

        await self.until(holds)
        return found[-1]

    def log(self) -> list[dict[str, Any]]:
        text = self.served.log.read_text()
        return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]

    async def ask(self, model: str, key: str = "") -> httpx2.Response:
        """Make a call over REST."""
        body = {"model": model, "messages": [{"role": "user", "content": "Hello"}]}
        headers = {"authorization": f"Bearer {key}"} if key else {}
        return await self.http.post(f"{self.served.rest}/v1/chat/completions", json=body, headers=headers)

    async def ask_rpc(self, model: str) -> str:
        """Make a call over gRPC; return the text."""
        response = await self.stub.Generate(request_for(model))
        return str(response.candidates[0].message.parts[0].text)


def request_for(model: str) -> generation_pb2.GenerateRequest:
    message = message_pb2.ChatMessage(role=message_pb2.ROLE_USER, parts=[message_pb2.Part(text="Hello")])
    return generation_pb2.GenerateRequest(model=model, messages=[message])


@contextlib.asynccontextmanager
async def clients_of(served: Served, path: Path) -> AsyncIterator[Gateway]:
    async with grpc.aio.insecure_channel(served.grpc) as channel, httpx2.AsyncClient(trust_env=False) as http:
        yield Gateway(served, path, channel, http)


@contextlib.asynccontextmanager
async def gateway_with(folder: Path, text: str = "") -> AsyncIterator[Gateway]:
    """Serve a configuration from a folder of its own, or the one that lies there; it ends in order."""
    path = folder / "config" / "gateway.yaml"
    if text:
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    async with serving(["serve", "--config", str(path)], folder / "log", KEYS) as served:
        async with clients_of(served, path) as gateway:
            yield gateway
        assert await served.stop() == 0


def configuration(provider: FakeOpenAI, route: str, **more: str) -> str:
    """Return a configuration whose route `small` leads to a model of the fake provider or of the mock."""
    sections = {"providers": providers(provider), "routes": f"{{small: {route}}}", **more}
    lines = [f"{name}: {value}" for name, value in sections.items()]
    return "\n".join([FREE_PORTS.rstrip(), "  lame_duck: 0s", *lines, ""])


def providers(provider: FakeOpenAI, key: str = "none") -> str:
    return f'{{mock: {{}}, fake: {{dialect: openai, base_url: "{provider.base_url}", api_keys: ["{key}"]}}}}'


def keys(*names: str) -> str:
    rows = [f'{{name: {name.lower()}, key: "${{{name}}}"}}' for name in names]
    return f"{{keys: [{', '.join(rows)}]}}"


@pytest.mark.parametrize("change", CHANGES)
async def test_a_changed_route_is_served_by_the_next_call(change: Change, tmp_path: Path) -> None:
    path = tmp_path / "config" / "gateway.yaml"
    path.parent.mkdir()
    async with FakeOpenAI() as provider:
        change(path, configuration(provider, "fake/before"))
        async with gateway_with(tmp_path) as gateway:
            await gateway.ask("small")
            for number, model in enumerate(("after", "last"), start=2):
                change(path, configuration(provider, f"fake/{model}"))
                await gateway.until_revision(number)
                assert (await gateway.ask("small")).status_code == 200
                await gateway.ask_rpc("small")
            line = await gateway.until_logged("configuration reloaded: revision 3")
        asked = [request.body["model"] for request in provider.calls]
        assert asked == ["before", "after", "after", "last", "last"]
        assert (line["level"], str(path) in line["message"]) == ("info", True)


async def test_sighup_reloads_what_the_file_refers_to(tmp_path: Path) -> None:
    async with FakeOpenAI() as provider:
        text = configuration(provider, "fake/a", providers=providers(provider, "${file:key}"))
        (tmp_path / "config").mkdir()
        (tmp_path / "config" / "key").write_text("first")
        async with gateway_with(tmp_path, text) as gateway:
            await gateway.ask("small")
            (tmp_path / "config" / "key").write_text("second")
            gateway.served.process.send_signal(signal.SIGHUP)
            await gateway.until_revision(2)
            await gateway.ask("small")
        sent = [request.headers["authorization"] for request in provider.calls]
        assert sent == ["Bearer first", "Bearer second"]


async def test_keys_are_let_in_and_shut_out_by_a_reload(tmp_path: Path) -> None:
    first, second = KEYS.values()
    async with FakeOpenAI() as provider:

        def text(*names: str) -> str:
            return configuration(provider, "mock/echo", auth=keys(*names))

        async def statuses() -> list[int]:
            return [(await gateway.ask("small", key)).status_code for key in (first, second)]

        async with gateway_with(tmp_path, text("FIRST")) as gateway:
            assert await statuses() == [200, 401]
            await gateway.reload(text("FIRST", "SECOND"))
            assert await statuses() == [200, 200]
            await gateway.reload(text("SECOND"))
            assert await statuses() == [401, 200]
            # Without any key everybody would be let in.
            gateway.replace(configuration(provider, "mock/echo"))
            await gateway.until_metric('reloads_total{outcome="refused"}', 1)
            assert await statuses() == [401, 200]


# Calls that run meanwhile.


AFTER = [
    pytest.param({}, id="another target"),
    pytest.param({"providers": "{mock: {}}"}, id="without its provider"),
    pytest.param({"auth": keys("SECOND")}, id="without its key"),
]


@pytest.mark.parametrize("change", AFTER)
async def test_a_stream_goes_on_to_its_end_on_the_configuration_that_it_began_with(
    change: dict[str, str], tmp_path: Path
) -> None:
    gate, both_keys = asyncio.Event(), {"auth": keys("FIRST", "SECOND")}
    first, second = KEYS.values()
    async with FakeOpenAI() as provider:
        provider.always(stream_held(ANSWER, gate))
        async with (
            gateway_with(tmp_path, configuration(provider, "fake/before", **both_keys)) as gateway,
            openai.AsyncOpenAI(base_url=f"{gateway.served.rest}/v1", api_key=first, max_retries=0) as client,
        ):
            rest = await client.chat.completions.create(
                model="small", messages=[{"role": "user", "content": "Hello"}], stream=True
            )
            text = (await anext(rest)).choices[0].delta.content or ""
            rpc = gateway.stub.StreamGenerate(request_for("small"), metadata=(("authorization", f"Bearer {first}"),))
            await provider.arrived(2)

            await gateway.reload(configuration(provider, "mock/echo", **{**both_keys, **change}))
            assert (await gateway.ask("small", second)).json()["choices"][0]["message"]["content"] == "Hello"
            assert (await gateway.ask("small", first)).status_code == (401 if "auth" in change else 200)
            if "providers" in change:
                assert (await gateway.ask("fake/before", second)).status_code == 404

            gate.set()
            async for chunk in rest:
                text += chunk.choices[0].delta.content or ""
            messages = [message async for message in rpc]
        assert text == ANSWER.text
        assert messages[-1].events[-1].WhichOneof("event") == "finished"
        assert len(provider.calls) == 2


async def test_no_call_fails_at_200_a_second_through_ten_reloads(tmp_path: Path) -> None:
    async with (
        FakeOpenAI() as provider,
        gateway_with(tmp_path, configuration(provider, "fake/0")) as gateway,
        asyncio.TaskGroup() as group,
    ):
        done = asyncio.Event()
        answers = group.create_task(call_until(done, gateway))
        for number in range(1, RELOAD_COUNT + 1):
            await gateway.reload(configuration(provider, f"fake/{number}"))
            assert await gateway.ask_rpc("small") == "Hello"
        done.set()
        assert set(await answers) == {"Hello"}
        assert await gateway.metric('reloads_total{outcome="ok"}') == RELOAD_COUNT
        asked = {request.body["model"] for request in provider.calls}
        assert asked >= {str(number) for number in range(1, RELOAD_COUNT + 1)}
        assert len(provider.calls) == len(answers.result()) + RELOAD_COUNT


async def call_until(done: asyncio.Event, gateway: Gateway) -> list[str]:
    """Begin calls at an even pace, over REST and gRPC in turn; return every answer."""

    async def ask() -> str:
        while (answer := await gateway.ask("small")).status_code == OVERLOADED:
            pass  # The machine is too busy for REST at this pace, which is no reload's doing.
        assert answer.status_code == 200, answer.text
        return str(answer.json()["choices"][0]["message"]["content"])

    calls: list[asyncio.Task[str]] = []
    while not done.is_set():
        calls.append(asyncio.create_task(ask() if len(calls) % 2 else gateway.ask_rpc("small")))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(done.wait(), 1 / CALLS_A_SECOND)
    return await asyncio.gather(*calls)


# What is wrong, and what cannot change.


async def test_a_bad_file_changes_nothing_is_told_once_and_a_good_one_heals(tmp_path: Path) -> None:
    async with FakeOpenAI() as provider:
        good = configuration(provider, "mock/echo")
        async with gateway_with(tmp_path, good) as gateway:
            gateway.replace(f"{good}log: {{level: loud}}\nrotues: {{}}\n")
            await gateway.until_metric("last_reload_ok", 0)
            assert await gateway.metric('reloads_total{outcome="refused"}') == 1
            assert await gateway.metric("revision") == 1
            assert await gateway.ask_rpc("small") == "Hello"
            line = await gateway.until_logged("configuration refused")
            place, number = gateway.path, good.count("\n") + 1
            assert line["level"] == "error"
            assert f"{place}:{number}: log.level: " in line["message"]
            assert f"{place}:{number + 1}: rotues: unknown key; did you mean routes?" in line["message"]
            await gateway.reload(configuration(provider, "mock/lorem"))
            assert await gateway.metric("last_reload_ok") == 1
            assert await gateway.ask_rpc("small") != "Hello"
            assert sum("configuration refused" in line["message"] for line in gateway.log()) == 1


async def test_what_only_a_restart_changes_is_named_and_stays(tmp_path: Path) -> None:
    async with FakeOpenAI() as provider:
        good = configuration(provider, "mock/echo")
        async with gateway_with(tmp_path, good) as gateway:
            changed = good.replace("http_listen: 127.0.0.1:0", "http_listen: 127.0.0.1:1")
            await gateway.reload(f"{changed}limits: {{request: 1KiB, message_count: 1}}\n")
            line = await gateway.until_logged("restart")
            assert line["level"] == "warning"
            assert line["message"].endswith(": server.http_listen, limits.request")
            body = {"model": "small", "messages": [{"role": "user", "content": "Hello" * 1000}]}
            url = f"{gateway.served.rest}/v1/chat/completions"
            assert (await gateway.http.post(url, json=body)).status_code == 200
            body["messages"] *= 2
            assert (await gateway.http.post(url, json=body)).status_code == 400


async def test_deadlines_and_the_level_of_the_log_follow_the_file(tmp_path: Path) -> None:
    async with FakeOpenAI() as provider:
        provider.always(never_answer)
        loud = configuration(provider, "fake/silent")
        async with gateway_with(tmp_path, loud) as gateway:
            await gateway.reload(f"{loud}timeouts: {{total: 50ms}}\nlog: {{level: error}}\n")
            assert (await gateway.ask("small")).status_code == 504
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await gateway.ask_rpc("small")
            assert caught.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
            await gateway.reload(loud)
            await gateway.until_logged("configuration reloaded: revision 3")
            assert not any("revision 2" in line["message"] for line in gateway.log())


async def test_a_gateway_that_stops_does_not_reload(tmp_path: Path) -> None:
    async with FakeOpenAI() as provider:
        text = configuration(provider, "mock/echo").replace("lame_duck: 0s", "lame_duck: 1h")
        path = tmp_path / "config" / "gateway.yaml"
        path.parent.mkdir()
        path.write_text(text)
        async with serving(["serve", "--config", str(path)], tmp_path / "log") as served:
            async with clients_of(served, path) as gateway:
                served.process.send_signal(signal.SIGTERM)

                async def is_stopping() -> bool:
                    url = served.metrics.replace("/metrics", "/readyz")
                    return (await gateway.http.get(url)).status_code == 503

                await gateway.until(is_stopping)
                gateway.replace(configuration(provider, "mock/lorem"))
                served.process.send_signal(signal.SIGHUP)
                await gateway.until_logged("the configuration is not reloaded")
                assert await gateway.ask_rpc("small") == "Hello"
                assert await gateway.metric("revision") == 1
            assert await served.stop(signal.SIGINT) == 1  # the second signal


# SIGHUP where there is nothing to reload.


async def test_without_a_file_sighup_is_survived_and_told(tmp_path: Path) -> None:
    listen = [
        "--grpc-listen",
        "127.0.0.1:0",
        "--http-listen",
        "127.0.0.1:0",
        "--metrics-listen",
        "127.0.0.1:0",
        "--admin-listen",
        "127.0.0.1:0",
    ]
    async with serving(["serve", *listen], tmp_path / "log") as served:
        async with clients_of(served, tmp_path) as gateway:
            served.process.send_signal(signal.SIGHUP)
            line = await gateway.until_logged("nothing to reload")
            assert line["level"] == "warning"
            assert await gateway.ask_rpc("mock/echo") == "Hello"
            assert await gateway.metric("revision") == 1
        assert await served.stop(signal.SIGINT) == 0


async def test_the_rest_shim_alone_survives_sighup(gateway: Served, tmp_path: Path) -> None:
    arguments = ["serve-http", "--target", gateway.grpc, "--http-listen", "127.0.0.1:0"]
    async with serving(arguments, tmp_path / "log", names=("REST",)) as served:
        served.process.send_signal(signal.SIGHUP)
        async with httpx2.AsyncClient(trust_env=False) as http:
            assert (await http.get(f"{served.rest}/v1/models")).status_code == 200
        assert await served.stop(signal.SIGINT) == 0


async def test_sighup_before_the_start_is_complete_is_survived(tmp_path: Path) -> None:
    """From the moment that the command itself runs; before that, Python has not read a line of ours."""
    async with FakeOpenAI() as provider:
        path = tmp_path / "gateway.yaml"
        path.write_text(configuration(provider, "mock/echo"))
        log = tmp_path / "log"
        process = await spawn(["serve", "--config", str(path)], log)
        try:
            async with asyncio.timeout(SAFETY_S):
                while not await asyncio.to_thread(survives_hangups, process.pid):
                    pass
            process.send_signal(signal.SIGHUP)
            await read_banner(process, log, ("gRPC", "REST", "metrics"))
            process.send_signal(signal.SIGINT)
            assert await asyncio.wait_for(process.wait(), SAFETY_S) == 0
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


def survives_hangups(process_id: int) -> bool:
    """Whether a process ignores or handles SIGHUP."""
    status = Path(f"/proc/{process_id}/status").read_text()
    masks = re.findall(r"^Sig(?:Ign|Cgt):\s*([0-9a-f]+)$", status, re.MULTILINE)
    return any(int(mask, 16) & 1 << (signal.SIGHUP - 1) for mask in masks)
