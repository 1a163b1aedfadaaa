"""Vendors that speak OpenAI's dialect in their own way, from end to end: what is theirs, healthy and in trouble.

What all dialects share is in test_dialect_calls and test_dialect_faults, where Mistral is; Azure OpenAI and OpenRouter
differ from OpenAI by what is here.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
import pytest_asyncio
from llmgateway import GatewayError
from llmgateway.fold import fold

from tests.e2e.caller import grpc_request
from tests.e2e.dialect_bench import KEY, Bench, benches
from tests.fakes import faults
from tests.fakes.answer import Answer, Counts, ToolCall
from tests.fakes.azure import AZURE, FILTERED
from tests.fakes.dialect import after_content, before_terminal, opened
from tests.fakes.exchange import Reply
from tests.fakes.mistral import MISTRAL
from tests.fakes.openrouter import COST_USD, OPENROUTER, OWN_TROUBLES, error_body
from tests.fakes.replies import chat, chat_in_pieces
from tests.specs import FOLDER, closed_validator

pytestmark = pytest.mark.asyncio(loop_scope="session")

# By variant: where it is asked for an answer, with which header, and the schema that this must lie within.
EXPECTED: Mapping[str, tuple[str, Mapping[str, str], tuple[str, str]]] = {
    "azure": ("/openai/v1/chat/completions", {"api-key": KEY}, ("openai", "POST /chat/completions")),
    "azure dated": (
        "/openai/deployments/my%20gpt/chat/completions?api-version=2024-10-21",
        {"api-key": KEY},
        ("openai", "POST /chat/completions"),
    ),
    "openrouter": (
        "/api/v1/chat/completions", {"authorization": f"Bearer {KEY}"}, ("openrouter", "POST /chat/completions"),
    ),
    "mistral": ("/v1/chat/completions", {"authorization": f"Bearer {KEY}"}, ("mistral", "POST /v1/chat/completions")),
}  # fmt: skip
OPENAI_LIKE = ["azure", "azure dated", "openrouter"]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def started() -> AsyncIterator[Mapping[str, Bench]]:
    dated = {"api_version": "2024-10-21", "deployments": {"m-1": "my gpt"}}
    async with (
        benches({"azure": AZURE, "openrouter": OPENROUTER, "mistral": MISTRAL}) as made,
        benches({"azure": AZURE}, **dated) as older,
    ):
        yield {**made, "azure dated": older["azure"]}


@pytest_asyncio.fixture(params=OPENAI_LIKE, loop_scope="session")
async def bench(request: pytest.FixtureRequest, started: Mapping[str, Bench]) -> AsyncIterator[Bench]:
    """A provider in good health; afterwards its requests are looked at, and the gateway must still serve."""
    made = started[request.param]
    made.fake.reset()
    yield made
    path, headers, schema = EXPECTED[request.param]
    asked = [request for request in made.fake.calls if made.dialect.is_generation(request)]
    assert {request.path for request in asked} <= {path}
    for request_made in made.fake.requests:
        assert {name: request_made.headers.get(name) for name in headers} == headers
    if FOLDER.exists():
        assert [closed_validator(*schema, "request")(request.body) for request in asked] == [[]] * len(asked)
    await made.check_it_serves()


CALLS = [ToolCall("call_a", "weather", '{"city":"Oslo"}'), ToolCall("call_b", "clock", "{}")]
ANSWERS = {
    "a text": Answer("one two three"),
    "calls": Answer("Let me see.", CALLS),
    "thoughts and a call": Answer(tool_calls=CALLS[:1], reasoning="I look."),
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
async def test_a_stream_adds_up_to_the_whole_answer(bench: Bench, answer: Answer) -> None:
    bench.fake.always(chat(answer, usage=Counts(10, 7, 4)))
    request = grpc_request(bench.model)
    for call in answer.tool_calls:
        request.tools.add().function.name = call.name
    whole = await bench.grpc.generate(request)
    streamed = fold([event async for event in bench.grpc.stream(request)])
    told, streamed_told = ([*response.candidates[0].message.parts] for response in (whole, streamed))
    assert told == streamed_told
    assert streamed.candidates[0].finish_reason == whole.candidates[0].finish_reason
    assert "".join(part.text for part in told) == (answer.text or "")
    assert "".join(part.reasoning.text for part in told) == (answer.reasoning or "")
    assert [part.tool_call.name for part in told if part.HasField("tool_call")] == [c.name for c in answer.tool_calls]
    for usage in (whole.usage, streamed.usage):
        counts = (usage.input_token_count, usage.output_token_count, usage.cached_input_token_count)
        assert counts == (10, 7, 4)


OWN_CODES = {402: "provider_key_rejected", 413: "provider_rejected_request"}
REFUSALS: Mapping[str, tuple[Reply, str, list[str]]] = {
    "the content is filtered": (faults.refusal("content_filtered"), "content_filter", OPENAI_LIKE),
    "the context is too long": (faults.refusal("context_too_long"), "context_length_exceeded", OPENAI_LIKE),
    "an unknown model": (faults.refusal("model_unknown"), "model_not_found", OPENAI_LIKE),
    "a key": (faults.refusal("key_rejected"), "provider_key_rejected", OPENAI_LIKE),
    "a key without a right": (faults.refusal("key_forbidden"), "provider_key_rejected", OPENAI_LIKE),
    "an overload": (faults.refusal("overloaded"), "provider_overloaded", ["openrouter"]),
    "an error in a 200": (faults.error_in_200(), "provider_bad_response", OPENAI_LIKE),
    **{
        what: (
            faults.error(status, error_body(status, said)),
            OWN_CODES.get(status, "provider_bad_response"),
            ["openrouter"],
        )
        for what, (status, said) in OWN_TROUBLES.items()
    },
}


@pytest.mark.parametrize(
    ("bench", "reply", "code"),
    [
        pytest.param(name, reply, code, id=f"{name}-{what}")
        for what, (reply, code, names) in REFUSALS.items()
        for name in names
    ],
    indirect=["bench"],
)
async def test_a_refusal_is_typed(bench: Bench, reply: Reply, code: str) -> None:
    for streams in (False, True):
        bench.fake.reset()
        failures = await bench.failures(reply, streams=streams)
        assert {protocol: failure.code for protocol, failure in failures.items()} == {"rest": code, "grpc": code}


async def test_a_rate_limit_is_told_with_its_time(bench: Bench) -> None:
    failures = await bench.failures(faults.refusal("rate_limited", retry_after="7"), streams=False)
    expected = ("rate_limit_exceeded", 7.0)
    assert [(failure.code, failure.retry_after_s) for failure in failures.values()] == [expected, expected]


BROKEN: Mapping[str, tuple[Reply, str]] = {
    "ended before content": (faults.stream_ended(opened), "provider_bad_response"),
    "an error before content": (faults.refusal_in_stream(opened, "rate_limited"), "rate_limit_exceeded"),
    "filtered before content": (faults.refusal_in_stream(opened, "content_filtered"), "content_filter"),
    "an error after content": (faults.refusal_in_stream(after_content(3), "server"), "stream_broken"),
    "cut": (faults.stream_cut(after_content(3)), "stream_broken"),
    "ended without terminal": (faults.stream_ended(before_terminal), "stream_broken"),
}


@pytest.mark.parametrize(("reply", "code"), BROKEN.values(), ids=BROKEN)
async def test_a_stream_in_trouble_is_typed(bench: Bench, reply: Reply, code: str) -> None:
    for failure in (await bench.failures(reply, streams=True)).values():
        assert (failure.code, failure.content != "") == (code, code == "stream_broken")


async def test_a_stream_arrives_however_it_is_cut(bench: Bench) -> None:
    for piece_bytes in (1, 7):
        bench.fake.always(chat_in_pieces(Answer("Grüße, 你好"), piece_bytes))
        assert await bench.outcomes(streams=True) == {"rest": "Grüße, 你好", "grpc": "Grüße, 你好"}


async def test_vectors_and_models_arrive(bench: Bench) -> None:
    vectors = await bench.grpc.embed(["one", "two"], model=bench.model)
    assert len({tuple(embedding.values) for embedding in vectors.embeddings}) == 2
    listed = [model.id for model in await bench.grpc.models() if model.id.startswith(f"{bench.dialect.name}/")]
    assert listed == sorted(f"{bench.dialect.name}/{name}" for name in bench.dialect.models)


@pytest.mark.parametrize("bench", ["azure", "azure dated"], indirect=True)
async def test_azure_s_verdicts_are_kept_and_are_no_content(bench: Bench) -> None:
    request = grpc_request(bench.model)
    events = [event async for event in bench.grpc.stream(request)]
    for response in (await bench.grpc.generate(request), fold(events)):
        assert "jailbreak" in response.call.provider_json
        assert "content_filter_results" in response.candidates[0].provider_json
    bench.fake.reset()
    failures = await bench.failures(faults.stream_stalled(opened), streams=True)
    assert {failure.code for failure in failures.values()} == {"first_content_timeout"}


@pytest.mark.parametrize("bench", ["azure"], indirect=True)
async def test_azure_s_filter_says_what_it_said(bench: Bench) -> None:
    failures = await bench.failures(faults.refusal("content_filtered"), streams=False)
    assert all(FILTERED["message"] in failure.said for failure in failures.values())


@pytest.mark.parametrize("bench", ["openrouter"], indirect=True)
async def test_openrouter_s_own_cost_is_the_cost(bench: Bench) -> None:
    request = grpc_request(bench.model)
    events = [event async for event in bench.grpc.stream(request)]
    for response in (await bench.grpc.generate(request), fold(events)):
        assert response.usage.cost_usd_nanos == round(COST_USD * 10**9)
        assert json.loads(response.call.provider_json)["provider"] == "Anthropic"


@pytest.mark.parametrize("bench", ["openrouter"], indirect=True)
async def test_openrouter_s_quotation_of_the_provider_behind_it_reaches_the_caller(bench: Bench) -> None:
    failures = await bench.failures(faults.refusal("rate_limited"), streams=False)
    assert all("slow down" in failure.said for failure in failures.values())


@pytest.mark.parametrize("bench", ["mistral"], indirect=True)
async def test_a_conversation_from_elsewhere_goes_on_at_mistral(bench: Bench) -> None:
    calls: list[dict[str, Any]] = [
        {"id": f"call_{name}", "type": "function", "function": {"name": name, "arguments": "{}"}}
        for name in ("weather", "clock")
    ]
    messages = [
        {"role": "developer", "content": "Be kind."},
        {"role": "user", "content": "Hi there"},
        {"role": "assistant", "content": None, "reasoning_content": "I look.", "tool_calls": calls},
        *({"role": "tool", "tool_call_id": call["id"], "content": "Rain."} for call in calls),
    ]
    tools = [{"type": "function", "function": {"name": name}} for name in ("weather", "clock")]
    body = {
        "model": bench.model, "messages": messages, "tools": tools, "seed": 7, "max_completion_tokens": 50, "stop": "x",
    }  # fmt: skip
    async with bench.rest.post("/v1/chat/completions", json=body) as answer:
        told = await answer.json()
        assert answer.status == 200, told
    assert told["choices"][0]["message"]["content"] == "Rain."
    sent = bench.fake.calls[0].body
    assert (sent["random_seed"], sent["max_tokens"], sent["stop"]) == (7, 50, ["x"])


@pytest.mark.parametrize("bench", ["mistral"], indirect=True)
async def test_mistral_s_refusal_of_a_member_is_told_with_its_name(bench: Bench) -> None:
    request = grpc_request(bench.model)
    request.provider_options_json["openai"] = '{"top_secret": 1}'
    with pytest.raises(GatewayError, match=r"body\.top_secret: Extra inputs are not permitted"):
        await bench.grpc.generate(request)
    assert bench.fake.calls[0].body.pop("top_secret") == 1  # The schema is looked at without it.


@pytest.mark.parametrize("bench", ["mistral"], indirect=True)
async def test_mistral_s_vectors_have_the_length_asked_for(bench: Bench) -> None:
    async with bench.rest.post(
        "/v1/embeddings", json={"model": bench.model, "input": "x", "dimensions": 5, "encoding_format": "float"}
    ) as answer:
        told = await answer.json()
        assert answer.status == 200, told
    assert len(told["data"][0]["embedding"]) == 5
