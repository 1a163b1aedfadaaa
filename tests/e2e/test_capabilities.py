"""What the catalogue knows of a model, from end to end: told, refused before it is sent, or left out and said so."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import grpc
import pytest
from llmgateway import Client
from llmgateway.v1 import error_reason_pb2, gateway_pb2_grpc, generation_pb2, message_pb2, model_pb2
from llmgateway_server.app import Gateway
from llmgateway_server.config.settings import ModelSettings, ProviderSettings, ServerSettings, Settings
from llmgateway_server.telemetry.logs import LineWriter

from tests.fakes.openai import FakeOpenAI

LISTEN = "127.0.0.1:0"
MESSAGES = [{"role": "user", "content": "Hi there"}]
SCHEMA = {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}}
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}


@dataclass(frozen=True, slots=True)
class Bench:
    fake: FakeOpenAI
    rest: aiohttp.ClientSession
    grpc: Client
    stub: gateway_pb2_grpc.LLMGatewayAsyncStub

    async def chat(self, model: str, **members: object) -> tuple[int, dict[str, Any], str]:
        body = {"model": model, "messages": MESSAGES, **members}
        async with self.rest.post("/v1/chat/completions", json=body) as answer:
            return answer.status, await answer.json(), answer.headers.get("x-llmgateway-warnings", "")

    async def model(self, name: str) -> model_pb2.Model:
        answer = await self.stub.GetModel(model_pb2.GetModelRequest(id=name))
        return answer.model


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    writer = LineWriter(io.BytesIO())
    async with FakeOpenAI() as fake:
        settings = Settings(
            server=ServerSettings(grpc_listen=LISTEN, http_listen=LISTEN, metrics_listen=LISTEN, admin_listen=LISTEN),
            providers={
                "openai": ProviderSettings(base_url=fake.base_url),
                "groq": ProviderSettings(base_url=fake.base_url, unsupported_policy="drop"),
                "local": ProviderSettings(dialect="openai", base_url=fake.base_url),
            },
            routes={"old": "openai/gpt-4", "new": "openai/gpt-4.1"},
            models={
                "openai/gpt-4.1": ModelSettings(capabilities={"image": False}, context_tokens=9, max_output_tokens=3),
                "groq/gpt-4o-mini": ModelSettings(capabilities={"json_schema": False, "tools": False}),
            },
        )
        gateway = Gateway(settings, writer)
        await gateway.start()
        async with (
            aiohttp.ClientSession(f"http://{gateway.listening.http}") as rest,
            Client(gateway.listening.grpc) as client,
            grpc.aio.insecure_channel(gateway.listening.grpc) as channel,
        ):
            yield Bench(fake, rest, client, gateway_pb2_grpc.LLMGatewayStub(channel))
        await gateway.close()
    writer.close()


async def test_what_is_missing_is_refused_before_it_is_sent(bench: Bench) -> None:
    for model in ("openai/gpt-4", "old"):
        for stream in (False, True):
            status, answer, _ = await bench.chat(model, response_format=SCHEMA, stream=stream)
            assert (status, answer["error"]["code"]) == (400, "unsupported_parameter"), answer
            assert answer["error"]["param"] == "response_format"
            assert "does not take response_format: by the catalogue it follows no schema" in answer["error"]["message"]
    content = [{"role": "user", "content": [{"type": "text", "text": "Look:"}, IMAGE]}]
    status, answer, _ = await bench.chat("openai/gpt-4.1", messages=content)
    assert (status, answer["error"]["code"]) == (400, "unsupported_parameter"), answer
    assert bench.fake.calls == []
    status, _, warnings = await bench.chat("openai/gpt-4o-mini", messages=content)
    assert (status, warnings) == (200, "")


async def test_grpc_names_the_capability(bench: Bench) -> None:
    request = generation_pb2.GenerateRequest(
        model="openai/gpt-4",
        messages=[message_pb2.ChatMessage(role=message_pb2.ROLE_USER, parts=[message_pb2.Part(text="Hi")])],
        reasoning=generation_pb2.ReasoningOptions(effort="high"),
    )
    with pytest.raises(Exception, match=r"does not take reasoning\.effort") as caught:
        await bench.grpc.generate(request)
    assert caught.value.reason == error_reason_pb2.ERROR_REASON_CAPABILITY_MISSING  # type: ignore[attr-defined]
    assert bench.fake.calls == []
    request.unsupported_policy = generation_pb2.UNSUPPORTED_POLICY_DROP
    answer = await bench.grpc.generate(request)
    assert [warning.field for warning in answer.call.warnings] == ["reasoning.effort"]
    streamed = [event async for message in bench.stub.StreamGenerate(request) for event in message.events]
    assert [warning.field for warning in streamed[0].started.call.warnings] == ["reasoning.effort"]
    assert [warning.field for warning in streamed[-1].finished.call.warnings] == ["reasoning.effort"]
    assert [call.body.get("reasoning_effort") for call in bench.fake.calls] == [None, None]


async def test_the_configuration_may_leave_out_what_is_missing(bench: Bench) -> None:
    status, _, warnings = await bench.chat("groq/gpt-4o-mini", response_format=SCHEMA)
    assert status == 200
    assert warnings == "output_format.json_schema: groq/gpt-4o-mini follows no schema: it was left out."
    assert "response_format" not in bench.fake.calls[0].body
    body = {"model": "groq/gpt-4o-mini", "messages": MESSAGES, "response_format": SCHEMA, "stream": True}
    async with bench.rest.post("/v1/chat/completions", json=body) as streamed:
        assert streamed.headers["x-llmgateway-warnings"] == warnings
        assert "[DONE]" in await streamed.text()
    tools = [{"type": "function", "function": {"name": "f"}}]
    status, answer, _ = await bench.chat("groq/gpt-4o-mini", tools=tools)
    assert (status, answer["error"]["code"]) == (400, "unsupported_parameter")


async def test_rest_callers_may_have_it_left_out(bench: Bench) -> None:
    status, answer, _ = await bench.chat("openai/gpt-4", response_format=SCHEMA, unsupported_policy="maybe")
    assert (status, answer["error"]["param"]) == (400, "unsupported_policy")
    status, _, warnings = await bench.chat("openai/gpt-4", response_format=SCHEMA, unsupported_policy="drop")
    assert (status, warnings) == (200, "output_format.json_schema: openai/gpt-4 follows no schema: it was left out.")
    assert "unsupported_policy" not in bench.fake.calls[0].body
    status, _, _ = await bench.chat("groq/gpt-4o-mini", response_format=SCHEMA, unsupported_policy="refuse")
    assert status == 400


async def test_an_unknown_model_is_tried_with_anything(bench: Bench) -> None:
    status, _, warnings = await bench.chat("local/gpt-4", response_format=SCHEMA, reasoning_effort="high")
    assert (status, warnings) == (200, "")
    assert bench.fake.calls[0].body["response_format"]["type"] == "json_schema"


async def test_models_say_what_is_known_of_them(bench: Bench) -> None:
    known = await bench.model("openai/gpt-4.1")
    assert model_pb2.Model.CAPABILITY_TOOLS in known.capabilities
    assert "image" not in known.input_modalities
    assert "image" in known.missing_capabilities
    assert (known.context_token_count, known.max_output_token_count) == (9, 3)
    assert {price.token_kind for price in known.prices} >= {"input", "output"}
    assert "sampling.temperature" in known.accepted_parameters
    assert "sampling.top_k" not in known.accepted_parameters
    assert known.billing.on_cancel == model_pb2.BillingTerms.CHARGE_PROCESSED
    assert known.billing.on_timeout == model_pb2.BillingTerms.CHARGE_UNSPECIFIED
    assert known.billing.source
    assert known.billing.HasField("read_time")
    route = await bench.model("new")
    assert (route.id, list(route.accepted_parameters)) == ("new", list(known.accepted_parameters))
    assert not (await bench.model("local/gpt-4.1")).HasField("billing")


async def test_a_list_says_it_of_each(bench: Bench) -> None:
    listed = {model.id: model for model in await bench.grpc.models()}
    assert "sampling.temperature" in listed["openai/gpt-4.1"].accepted_parameters
    assert listed["local/gpt-4.1"].accepted_parameters == listed["openai/gpt-4.1"].accepted_parameters
    assert listed["new"].missing_capabilities == listed["openai/gpt-4.1"].missing_capabilities
    assert not listed["local/gpt-4.1"].missing_capabilities
