"""A gateway behind a gateway, over gRPC: what the second one's mock can be asked for comes through the first unchanged."""

from __future__ import annotations

import asyncio
import contextlib
import io
from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiohttp
import grpc
import pytest
from llmgateway import Client, GatewayError
from llmgateway.fold import fold
from llmgateway.v1 import error_reason_pb2, gateway_pb2_grpc, generation_pb2, message_pb2, model_pb2, tool_pb2
from llmgateway_server.app import Gateway
from llmgateway_server.config.auth import AuthSettings, KeySettings
from llmgateway_server.config.resilience import TimeoutSettings
from llmgateway_server.config.settings import ProviderSettings, ServerSettings, Settings
from llmgateway_server.telemetry.logs import LineWriter
from pydantic import SecretStr

from tests.e2e.serving import ONE_TRY

KEY = "key-of-the-gateway-behind-0123456789"
SERVER = ServerSettings(
    grpc_listen="127.0.0.1:0",
    http_listen="127.0.0.1:0",
    metrics_listen="127.0.0.1:0",
    admin_listen="127.0.0.1:0",
    lame_duck_s=0,
)
Reason = error_reason_pb2.ErrorReason


@contextlib.asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[tuple[Gateway, io.BytesIO]]:
    log = io.BytesIO()
    writer = LineWriter(log)
    gateway = Gateway(settings, writer)
    await gateway.start()
    try:
        yield gateway, log
    finally:
        await gateway.close()
        writer.close()


@dataclass(frozen=True, slots=True)
class Bench:
    client: Client
    rest: aiohttp.ClientSession
    stub: gateway_pb2_grpc.LLMGatewayAsyncStub
    behind: Gateway
    log_behind: io.BytesIO


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    keys = (KeySettings(name="front", key=SecretStr(KEY), models=("mock/*", "fast")),)
    second = Settings(
        resilience=ONE_TRY,
        server=SERVER,
        auth=AuthSettings(keys=keys),
        providers={"mock": ProviderSettings()},
        routes={"fast": "mock/echo"},
    )
    async with serving(second) as (behind, log_behind):
        url = f"http://{behind.listening.grpc}"
        timeouts = TimeoutSettings(first_content_s=0.5, gap_s=0.5)
        first = Settings(
            resilience=ONE_TRY,
            server=SERVER,
            timeouts=timeouts,
            providers={
                "llmgateway": ProviderSettings(base_url=url, api_keys=(SecretStr(KEY),)),
                "keyless": ProviderSettings(dialect="llmgateway", base_url=url),
                "dead": ProviderSettings(dialect="llmgateway", base_url="http://127.0.0.1:1"),
            },
        )
        async with (
            serving(first) as (front, _),
            Client(front.listening.grpc) as client,
            aiohttp.ClientSession(f"http://{front.listening.http}") as rest,
            grpc.aio.insecure_channel(front.listening.grpc) as channel,
        ):
            yield Bench(client, rest, gateway_pb2_grpc.LLMGatewayStub(channel), behind, log_behind)


def asked(
    text: str = "Hello there", model: str = "llmgateway/mock/echo", **script: str
) -> generation_pb2.GenerateRequest:
    message = message_pb2.ChatMessage(role=message_pb2.ROLE_USER, parts=[message_pb2.Part(text=text)])
    request = generation_pb2.GenerateRequest(model=model, messages=[message])
    if script:
        request.provider_options_json["mock"] = script["script"]
    return request


async def test_a_whole_answer_with_its_cost_and_one_view_of_the_call(bench: Bench) -> None:
    answer = await bench.client.generate(asked())
    assert answer.candidates[0].message.parts[0].text == "Hello there"
    assert answer.usage.cost_usd_nanos > 0
    call = answer.call
    assert (call.provider, call.model) == ("llmgateway", "echo")
    assert [(attempt.provider, attempt.model) for attempt in call.attempts] == [("llmgateway", "mock/echo")]
    assert call.provider_response_id
    assert call.provider_response_id != call.call_id
    assert list(call.warnings) == []


async def test_a_stream_with_thoughts_and_calls_adds_up_to_the_whole(bench: Bench) -> None:
    script = '{"reasoning": "Hm.", "text": "Let me see.", "tool_calls": [{"name": "f", "arguments": {"a": 1}}]}'
    request = asked(script=script)
    request.tools.append(tool_pb2.Tool(function=tool_pb2.FunctionTool(name="f")))
    whole = await bench.client.generate(request)
    events = [event async for message in bench.stub.StreamGenerate(request) for event in message.events]
    assert [event.sequence_number for event in events] == list(range(1, len(events) + 1))
    streamed = fold(events)
    assert [part.WhichOneof("content") for part in streamed.candidates[0].message.parts] == [
        "reasoning",
        "text",
        "tool_call",
    ]
    assert streamed.candidates == whole.candidates
    assert streamed.usage.output_token_count == whole.usage.output_token_count
    assert (streamed.call.provider, len(streamed.call.attempts)) == ("llmgateway", 1)


async def test_rest_reaches_the_second_gateway_s_routes(bench: Bench) -> None:
    body = {"model": "llmgateway/fast", "messages": [{"role": "user", "content": "Hi"}]}
    async with bench.rest.post("/v1/chat/completions", json=body) as answer:
        told = await answer.json()
        assert (answer.status, told["choices"][0]["message"]["content"]) == (200, "Hi"), told


async def test_vectors_documents_counts_and_models(bench: Bench) -> None:
    embedded = await bench.client.embed(["a", "b"], model="llmgateway/mock/embed")
    assert len(embedded.embeddings) == 2
    sorted_ = await bench.client.rerank("rain", ["sun", "rain"], model="llmgateway/mock/rerank")
    assert [result.index for result in sorted_.results] == [1, 0]
    counted = await bench.client.count_tokens("Hi there", model="llmgateway/mock/echo")
    assert (counted.exact, counted.input_token_count > 0) == (True, True)
    models = {model.id: model for model in await bench.client.models()}
    assert "llmgateway/fast" in models
    echo = models["llmgateway/mock/echo"]
    assert model_pb2.Model.CAPABILITY_TOOLS in echo.capabilities
    assert "sampling.temperature" in echo.accepted_parameters
    assert len(set(echo.accepted_parameters)) == len(echo.accepted_parameters)
    assert not any(name.startswith(("keyless/", "dead/")) for name in models)


FAILURES = [
    ("llmgateway/mock/error-429", Reason.ERROR_REASON_PROVIDER_RATE_LIMITED),
    ("llmgateway/mock/error-500", Reason.ERROR_REASON_PROVIDER_BAD_RESPONSE),
    ("llmgateway/mock/none", Reason.ERROR_REASON_MODEL_NOT_FOUND),
    ("llmgateway/other/m", Reason.ERROR_REASON_MODEL_NOT_FOUND),
    ("keyless/mock/echo", Reason.ERROR_REASON_PROVIDER_KEY_REJECTED),
    ("dead/mock/echo", Reason.ERROR_REASON_PROVIDER_UNREACHABLE),
]


@pytest.mark.parametrize(("model", "reason"), FAILURES)
async def test_a_failure_keeps_its_meaning(bench: Bench, model: str, reason: int) -> None:
    with pytest.raises(GatewayError) as whole:
        await bench.client.generate(asked(model=model))
    assert whole.value.reason == reason
    assert [attempt.provider for attempt in whole.value.attempts] == [model.partition("/")[0]]
    if model.endswith("429"):
        assert whole.value.retry_after_s is not None
    with pytest.raises(GatewayError) as streamed:
        await read_to_end(bench, asked(model=model))
    assert streamed.value.reason == reason


async def read_to_end(bench: Bench, request: generation_pb2.GenerateRequest) -> None:
    async with bench.client.stream(request) as stream:
        async for _ in stream:
            pass


async def test_a_stream_that_breaks_behind_breaks_here(bench: Bench) -> None:
    with pytest.raises(GatewayError) as caught:
        await read_to_end(bench, asked(model="llmgateway/mock/cut"))
    assert caught.value.reason == Reason.ERROR_REASON_STREAM_BROKEN
    assert caught.value.started
    assert caught.value.usage is not None
    assert caught.value.usage.output_token_count > 0


async def test_silence_behind_runs_into_this_gateway_s_timer(bench: Bench) -> None:
    with pytest.raises(GatewayError) as caught:
        await read_to_end(bench, asked(model="llmgateway/mock/slow"))
    assert caught.value.reason == Reason.ERROR_REASON_FIRST_CONTENT_TIMEOUT


async def test_a_wrong_field_is_named_as_the_caller_knows_it(bench: Bench) -> None:
    request = asked(script='{"text": 5}')
    with pytest.raises(GatewayError) as caught:
        await bench.client.generate(request)
    assert caught.value.reason == Reason.ERROR_REASON_INVALID_FIELD
    assert caught.value.violations[0].field.startswith('provider_options_json["mock"]')


async def ask(bench: Bench, request: generation_pb2.GenerateRequest) -> None:
    await bench.client.generate(request)


@pytest.mark.parametrize("streams", [False, True])
async def test_a_caller_who_leaves_is_gone_behind_too(bench: Bench, streams: bool) -> None:
    request = asked(model="llmgateway/mock/slow")
    request.reasoning.effort = "low"  # so that no timer of this gateway ends the silence
    call = asyncio.create_task(read_to_end(bench, request) if streams else ask(bench, request))
    await until_running(bench, 1)
    call.cancel()
    await until_running(bench, 0)


async def until_running(bench: Bench, count: int) -> None:
    """Wait until so many calls run at the gateway behind, as its metrics tell."""
    name = "llmgateway_calls_in_flight"
    async with asyncio.timeout(10), aiohttp.ClientSession(f"http://{bench.behind.listening.metrics}") as metrics:
        while True:
            async with metrics.get("/metrics") as answer:
                lines = (await answer.text()).splitlines()
            running = sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))
            if running == count:
                return
