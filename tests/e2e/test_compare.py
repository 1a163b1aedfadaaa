"""Several models at once, and where a call would go: the installed command, the mock, and a provider behind it."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from llmgateway import (
    Client,
    DeadlineExceededError,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
    StreamBrokenError,
    text_of,
)
from llmgateway.v1 import error_reason_pb2, explain_pb2, generation_pb2
from llmgateway_server.app import Gateway
from llmgateway_server.config.auth import AuthSettings, KeySettings
from llmgateway_server.config.settings import (
    LogSettings,
    ProviderSettings,
    ServerSettings,
    Settings,
)
from llmgateway_server.telemetry.logs import LineWriter
from prometheus_client import CollectorRegistry, generate_latest
from pydantic import SecretStr

from tests.e2e.serving import Served, run_to_end
from tests.fakes import faults
from tests.fakes.answer import Answer
from tests.fakes.openai import FakeOpenAI
from tests.fakes.replies import chat, stream_held

pytestmark = pytest.mark.asyncio(loop_scope="session")

MODEL = "fake/gpt-4o-mini"
CANCEL_S = 5.0
KEY = "a-key-of-this-test-0123456789abcdef"


@pytest_asyncio.fixture(loop_scope="session")
async def client(gateway: Served) -> AsyncIterator[Client]:
    async with Client(gateway.grpc) as made:
        yield made


async def test_each_model_answers_with_its_own_call_usage_and_latency(client: Client, fake: FakeOpenAI) -> None:
    async with client.compare("Hello there", models=["mock/echo", MODEL, "mock/echo"]) as comparison:
        events = [(came.model.index, came.event) async for came in comparison]
    for index in range(3):
        own = [event for of, event in events if of == index and event is not None]
        assert [event.sequence_number for event in own] == list(range(1, len(own) + 1))
        assert own[-1].HasField("finished")
    answers = [model.result() for model in comparison.models]
    assert [text_of(answer) for answer in answers] == ["Hello there"] * 3
    assert [answer.call.provider for answer in answers] == ["mock", "fake", "mock"]
    assert len({answer.call.call_id for answer in answers}) == 3
    for answer in answers:
        assert answer.usage.output_token_count > 0
        assert len(answer.call.attempts) == 1
        assert answer.call.HasField("gateway_latency")
    assert [call.body["model"] for call in fake.calls] == ["gpt-4o-mini"]


async def test_a_model_that_waits_for_its_provider_delays_no_other(client: Client, fake: FakeOpenAI) -> None:
    gate = asyncio.Event()
    fake.script(stream_held(Answer("one two three"), gate, frame_count=2))
    ends = []
    async with client.compare("Hello", models=[MODEL, "mock/lorem"]) as comparison:
        async for model, _ in comparison:
            if model.is_finished:
                ends.append(model.name)
                gate.set()
    assert ends == ["mock/lorem", MODEL]
    assert text_of(comparison.models[0].result()) == "one two three"


async def test_each_model_fails_for_itself(client: Client, fake: FakeOpenAI) -> None:
    fake.script(faults.status(400))
    models = await client.compare("Hello", models=["nobody/m", "mock/echo", MODEL]).collect()
    unknown, good, refused = (model.error for model in models)
    assert isinstance(unknown, NotFoundError)
    assert good is None
    assert isinstance(refused, InvalidRequestError)
    assert refused.reason == error_reason_pb2.ERROR_REASON_PROVIDER_REJECTED_REQUEST
    assert [(attempt.provider, attempt.http_status) for attempt in refused.attempts] == [("fake", 400)]
    assert refused.call_id != unknown.call_id != ""


async def test_a_stream_that_breaks_off_says_what_it_had_cost(client: Client, fake: FakeOpenAI) -> None:
    fake.script(faults.stream_cut(4))
    broken, good = await client.compare("Hello", models=[MODEL, "mock/echo"]).collect()
    assert isinstance(broken.error, StreamBrokenError)
    assert broken.error.usage is not None
    assert broken.error.usage.output_token_count > 0
    assert text_of(broken.response)
    assert good.is_finished


@pytest.mark.parametrize(
    ("request_", "models", "field"),
    [
        (generation_pb2.GenerateRequest(), ["a", "b"], "generation.messages"),
        ("Hello", ["mock/echo"], "models"),
        ("Hello", ["mock/echo", ""], "models[1]"),
    ],
)
async def test_what_is_wrong_with_the_whole_is_refused_before_anything_is_sent(
    client: Client, fake: FakeOpenAI, request_: str | generation_pb2.GenerateRequest, models: list[str], field: str
) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        await client.compare(request_, models=models).collect()
    assert [wrong.field for wrong in caught.value.violations] == [field]


# Leaving.


async def all_closed(fake: FakeOpenAI, count: int) -> None:
    exchanges = [exchange for exchange in fake.exchanges if exchange.request.method == "POST"]
    assert len(exchanges) == count
    await asyncio.wait_for(asyncio.gather(*(exchange.closed.wait() for exchange in exchanges)), CANCEL_S)


async def test_leaving_closes_every_provider_s_stream(client: Client, fake: FakeOpenAI) -> None:
    fake.script(faults.stream_stalled(4), faults.never_answer, faults.head_then_silence)
    async with client.compare("Hello", models=[MODEL] * 3) as comparison:
        await anext(comparison)
        await fake.arrived(3)
    await all_closed(fake, 3)


async def test_cancelling_before_the_first_event_closes_every_provider_s_stream(
    client: Client, fake: FakeOpenAI
) -> None:
    fake.always(faults.never_answer)
    reading = asyncio.create_task(client.compare("Hello", models=[MODEL] * 3).collect())
    await fake.arrived(3)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    await all_closed(fake, 3)


async def test_a_deadline_closes_every_provider_s_stream(client: Client, fake: FakeOpenAI) -> None:
    fake.always(faults.stream_stalled(4))
    comparison = client.compare("Hello", models=[MODEL, MODEL], timeout_s=0.5)
    # The gateway tells of each model what the library tells of the whole, whichever comes first.
    with contextlib.suppress(DeadlineExceededError):
        await comparison.collect()
    assert all(isinstance(model.error, DeadlineExceededError) for model in comparison.models)
    await all_closed(fake, 2)


# Who is told.


async def test_every_model_s_call_has_a_log_line_metrics_and_the_rights_of_its_key() -> None:
    listen = "127.0.0.1:0"
    settings = Settings(
        server=ServerSettings(grpc_listen=listen, http_listen=listen, metrics_listen=listen, admin_listen=listen),
        auth=AuthSettings(keys=(KeySettings(name="ci", key=SecretStr(KEY), models=("mock/*",)),)),
        providers={"mock": ProviderSettings(), "openai": ProviderSettings(api_keys=(SecretStr("k"),))},
        log=LogSettings(level="warning"),
    )
    out = io.BytesIO()
    writer = LineWriter(out)
    gateway = Gateway(settings, writer)
    await gateway.start()
    try:
        async with Client(gateway.listening.grpc, key=KEY) as client:
            first, forbidden, last = await client.compare(
                "Hi", models=["mock/echo", "openai/m", "mock/lorem"]
            ).collect()
        await gateway.drain(CANCEL_S)
    finally:
        await gateway.close()
        writer.close()
    assert isinstance(forbidden.error, PermissionDeniedError)
    lines = {
        line["call_id"]: line for line in map(json.loads, out.getvalue().splitlines()) if line["message"] == "call"
    }
    assert Counter(line["method"] for line in lines.values()) == {"StreamGenerate": 3, "Compare": 1}
    assert {line["principal"] for line in lines.values()} == {"ci"}
    for model in (first, last):
        line, answer = lines[model.response.call.call_id], model.result()
        assert (line["code"], line["requested_model"], line["attempts"]) == ("OK", model.name, 1)
        assert line["output_tokens"] == answer.usage.output_token_count
    assert lines[forbidden.error.call_id]["code"] == "PERMISSION_DENIED"
    (whole,) = [line for line in lines.values() if line["method"] == "Compare"]
    assert (whole["code"], whole["requested_model"]) == ("OK", "mock/echo, openai/m, mock/lorem")
    assert all(call_id.startswith(whole["call_id"]) for call_id in lines)
    told = metrics_of(gateway)
    assert 'llmgateway_errors_total{method="StreamGenerate",reason="ERROR_REASON_MODEL_NOT_ALLOWED"} 1.0' in told
    assert 'llmgateway_calls_in_flight{method="StreamGenerate"} 0.0' in told
    assert 'llmgateway_calls_in_flight{method="Compare"} 0.0' in told


def metrics_of(gateway: Gateway) -> str:
    registry: CollectorRegistry = gateway._metrics.registry
    return generate_latest(registry).decode()


# Where a call would go.


async def test_a_route_is_explained_and_nothing_is_sent(client: Client, fake: FakeOpenAI) -> None:
    explained = await client.explain("Hello", model="small", max_output_token_count=10)
    (target,) = explained.targets
    assert (target.provider, target.model) == ("mock", "lorem")
    assert target.exclusion == explain_pb2.TargetOutcome.EXCLUSION_UNSPECIFIED
    assert explained.input_token_count > 0
    assert explained.config_revision >= 1
    with pytest.raises(NotFoundError):
        await client.explain("Hello", model="nobody/m")
    assert fake.calls == []


# From the command line.


async def test_the_command_compares(gateway: Served, fake: FakeOpenAI, tmp_path: Path) -> None:
    fake.script(chat("So says the fake."))
    arguments = ["compare", "-m", MODEL, "-m", "nobody/m", "-m", "mock/echo", "--target", gateway.grpc, "Hello there"]
    code, output, errors = await run_to_end(arguments, tmp_path / "log")
    assert (code, errors) == (0, "")
    first, second, third = output.split("\n\n")
    assert first.startswith(f"=== {MODEL} ===\nSo says the fake.\n[")
    assert second.startswith("=== nobody/m ===\n[model_not_found: ")
    assert third.startswith("=== mock/echo ===\nHello there\n[")


async def test_the_command_explains(gateway: Served, tmp_path: Path) -> None:
    arguments = ["explain", "-m", "small", "--label", "task=code", "--target", gateway.grpc, "Hello"]
    code, output, errors = await run_to_end(arguments, tmp_path / "log")
    assert (code, errors) == (0, "")
    assert "  1  mock/lorem" in output
