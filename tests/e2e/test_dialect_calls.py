"""Every dialect from end to end in good health: REST and gRPC in, the provider's own wire format out, and back.

What the gateway sends must carry the key where the vendor wants it, and lie within the vendor's closed schema.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from llmgateway import GatewayError
from llmgateway.fold import fold
from llmgateway.v1 import message_pb2

from tests.e2e.caller import grpc_request
from tests.e2e.dialect_bench import KEY, Bench, benches
from tests.fakes.answer import PROMPT_TOKEN_COUNT, Answer, Counts, ToolCall
from tests.fakes.dialect import Feature
from tests.fakes.dialects import DIALECTS, dialects_with
from tests.fakes.replies import chat
from tests.specs import FOLDER, closed_validator

pytestmark = pytest.mark.asyncio(loop_scope="session")

Json = dict[str, Any]  # Any: JSON values of every shape.


@dataclass(frozen=True, slots=True)
class Expected:
    """What the gateway must send: the headers of its key, and the vendor's description of a generation."""

    headers: Mapping[str, str]
    schema: tuple[str, str]


EXPECTED: Mapping[str, Expected] = {
    "anthropic": Expected(
        {"x-api-key": KEY, "anthropic-version": "2023-06-01"}, ("anthropic-beta", "POST /v1/messages?beta=true")
    ),
    "gemini": Expected({"x-goog-api-key": KEY}, ("gemini", "POST /v1beta/models/{model}:generateContent")),
    "ollama": Expected({"authorization": f"Bearer {KEY}"}, ("ollama", "POST /api/chat")),
    "bedrock": Expected({"authorization": f"Bearer {KEY}"}, ("bedrock", "POST /model/{modelId}/converse")),
    "cohere": Expected({"authorization": f"Bearer {KEY}"}, ("cohere", "POST /v2/chat")),
    "mistral": Expected({"authorization": f"Bearer {KEY}"}, ("mistral", "POST /v1/chat/completions")),
    "openai": Expected({"authorization": f"Bearer {KEY}"}, ("openai", "POST /chat/completions")),
}
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII="
TOOLS = [
    {"type": "function", "function": {"name": name, "parameters": {"type": "object", "properties": {}}}}
    for name in ("weather", "clock")
]
MESSAGES: list[Json] = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hi there"}]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def started() -> AsyncIterator[Mapping[str, Bench]]:
    async with benches() as made:
        yield made


@pytest_asyncio.fixture(params=DIALECTS, loop_scope="session")
async def bench(request: pytest.FixtureRequest, started: Mapping[str, Bench]) -> AsyncIterator[Bench]:
    """A provider in good health; afterwards its requests are looked at."""
    made = started[request.param]
    made.fake.reset()
    yield made
    made.fake.check()
    expected = EXPECTED[request.param]
    for asked in made.fake.requests:
        assert {name: asked.headers.get(name) for name in expected.headers} == expected.headers
    if FOLDER.exists():
        check = closed_validator(*expected.schema, "request")
        wrong = [check(asked.body) for asked in made.fake.calls if made.dialect.is_generation(asked)]
        assert wrong == [[] for _ in wrong]


async def ask(bench: Bench, **members: object) -> Json:
    """Return the message of an answer over REST."""
    body = {"model": bench.model, "messages": MESSAGES, "max_tokens": 50, **members}
    async with bench.rest.post("/v1/chat/completions", json=body) as answer:
        told = await answer.json()
        assert answer.status == 200, told
        assert answer.headers["x-llmgateway-provider"] == bench.dialect.name
    choice: Json = told["choices"][0]
    return {**choice["message"], "finish_reason": choice["finish_reason"], "usage": told["usage"]}


async def read(bench: Bench, **members: object) -> list[Json]:
    """Return the chunks of a stream over REST, which must end well."""
    body = {"model": bench.model, "messages": MESSAGES, "stream": True, **members}
    async with bench.rest.post("/v1/chat/completions", json=body) as answer:
        assert answer.status == 200, await answer.text()
        frames = [line.removeprefix("data: ") for line in (await answer.text()).splitlines() if line]
    assert frames[-1] == "[DONE]"
    return [json.loads(frame) for frame in frames[:-1]]


def counts_of(usage: Json) -> Counts:
    return Counts(usage["prompt_tokens"], usage["completion_tokens"], usage["prompt_tokens_details"]["cached_tokens"])


async def test_a_whole_answer_and_its_usage(bench: Bench) -> None:
    counts = Counts(10, 7, 0 if "cached_usage" in bench.dialect.lacks else 4)
    bench.fake.script(chat("Hello you", usage=counts))
    answer = await ask(bench)
    assert (answer["content"], answer["finish_reason"]) == ("Hello you", "stop")
    assert counts_of(answer["usage"]) == counts
    assert (answer["usage"]["total_tokens"], len(bench.fake.requests)) == (17, 1)


async def test_a_stream_and_its_usage(bench: Bench) -> None:
    counts = Counts(10, 7, 0 if "cached_usage" in bench.dialect.lacks else 4)
    bench.fake.script(chat("Hello you", usage=counts))
    chunks = await read(bench, stream_options={"include_usage": True})
    choices = [chunk["choices"][0] for chunk in chunks if chunk["choices"]]
    assert "".join(choice["delta"].get("content") or "" for choice in choices) == "Hello you"
    assert choices[-1]["finish_reason"] == "stop"
    assert counts_of(chunks[-1]["usage"]) == counts


CALLS = [ToolCall("call_a", "weather", '{"city":"Oslo"}'), ToolCall("call_b", "clock", "{}")]
ANSWERS: Mapping[str, tuple[Answer, Sequence[Feature]]] = {
    "a text": (Answer("one two three"), ()),
    "a call": (Answer("Let me see.", CALLS[:1]), ()),
    "parallel calls": (Answer(tool_calls=CALLS), ("parallel_tools",)),
    "thoughts": (Answer("42", reasoning="It must be so."), ("reasoning",)),
    "thoughts and calls": (Answer(tool_calls=CALLS[:1], reasoning="I look."), ("reasoning",)),
}


@pytest.mark.parametrize(
    ("bench", "answer"),
    [
        pytest.param(name, answer, id=f"{name}-{case}")
        for case, (answer, needed) in ANSWERS.items()
        for name in dialects_with(*needed)
    ],
    indirect=["bench"],
)
async def test_a_stream_adds_up_to_the_whole_answer(bench: Bench, answer: Answer) -> None:
    bench.fake.script(chat(answer), chat(answer))
    request = grpc_request(bench.model)
    for call in answer.tool_calls:
        request.tools.add().function.name = call.name
    whole = await bench.grpc.generate(request)
    streamed = fold([event async for event in bench.grpc.stream(request)])
    assert streamed.candidates == whole.candidates
    assert list(whole.call.warnings) == []
    parts = whole.candidates[0].message.parts
    calls = [part.tool_call for part in parts if part.HasField("tool_call")]
    assert [(call.name, json.loads(call.arguments_json)) for call in calls] == [
        (call.name, json.loads(call.arguments)) for call in answer.tool_calls
    ]
    assert "".join(part.text for part in parts) == (answer.text or "")
    assert "".join(part.reasoning.text for part in parts) == (answer.reasoning or "")


@pytest.mark.parametrize("count", [1, pytest.param(2, id="parallel")])
@pytest.mark.parametrize("bench", dialects_with("parallel_tools"), indirect=True)
async def test_tools_go_round(bench: Bench, count: int) -> None:
    tools = TOOLS[:count]
    message = await ask(bench, tools=tools)
    assert message["finish_reason"] == "tool_calls"
    assert [call["function"]["name"] for call in message["tool_calls"]] == ["weather", "clock"][:count]
    assert len({call["id"] for call in message["tool_calls"]}) == count
    turn = {"role": "assistant", "content": message["content"], "tool_calls": message["tool_calls"]}
    results = [
        {"role": "tool", "tool_call_id": call["id"], "content": f"It is {call['function']['name']}."}
        for call in message["tool_calls"]
    ]
    closing = await ask(bench, tools=tools, messages=[*MESSAGES, turn, *results])
    assert closing["finish_reason"] == "stop"
    sent = json.dumps(bench.fake.calls[-1].body)
    assert all(result["content"] in sent for result in results)
    assert closing["content"].endswith(results[-1]["content"])


@pytest.mark.parametrize("bench", dialects_with("images"), indirect=True)
async def test_a_picture_arrives(bench: Bench) -> None:
    picture = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}
    content = [{"type": "text", "text": "What is it?"}, picture]
    assert (await ask(bench, messages=[{"role": "user", "content": content}]))["content"] == "What is it?"
    assert PIXEL in json.dumps(bench.fake.calls[0].body)


@pytest.mark.parametrize("bench", dialects_with("reasoning"), indirect=True)
async def test_thoughts_arrive_as_such_over_rest(bench: Bench) -> None:
    bench.fake.script(chat(Answer("42", reasoning="It must be so.")), chat(Answer("42", reasoning="It must be so.")))
    message = await ask(bench)
    assert (message["content"], message["reasoning_content"]) == ("42", "It must be so.")
    deltas = [chunk["choices"][0]["delta"] for chunk in await read(bench) if chunk["choices"]]
    assert "".join(delta.get("reasoning_content") or "" for delta in deltas) == "It must be so."
    assert "".join(delta.get("content") or "" for delta in deltas) == "42"


@pytest.mark.parametrize("bench", dialects_with("signed_reasoning"), indirect=True)
async def test_a_signed_thought_goes_back_with_its_signature(bench: Bench) -> None:
    bench.fake.script(chat(Answer(tool_calls=CALLS[:1], reasoning="I look.", signature="c2lnbmVk")))
    request = grpc_request(bench.model)
    request.tools.add().function.name = "weather"
    answer = await bench.grpc.generate(request)
    request.messages.append(answer.candidates[0].message)
    result = request.messages.add(role=message_pb2.ROLE_TOOL).parts.add().tool_result
    called = next(part.tool_call for part in answer.candidates[0].message.parts if part.HasField("tool_call"))
    result.tool_call_id, result.tool_name = called.id, called.name
    result.parts.add().text = "Rain."
    await bench.grpc.generate(request)
    assert "c2lnbmVk" in json.dumps(bench.fake.calls[-1].body)


@pytest.mark.parametrize("bench", dialects_with("embeddings"), indirect=True)
async def test_vectors_arrive(bench: Bench) -> None:
    answer = await bench.grpc.embed(["one", "two"], model=bench.model)
    vectors = [tuple(embedding.values) for embedding in answer.embeddings]
    assert len(set(vectors)) == 2
    assert all(abs(sum(value * value for value in vector) - 1) < 1e-5 for vector in vectors)


async def test_tokens_are_counted_where_the_provider_counts(bench: Bench) -> None:
    counts = "count_tokens" not in bench.dialect.lacks
    counted = await bench.grpc.count_tokens("Hi there", model=bench.model)
    assert counted.exact == counts
    assert not counts or counted.input_token_count == PROMPT_TOKEN_COUNT
    assert len(bench.fake.calls) == counts


async def test_models_are_listed_by_the_provider_s_names(bench: Bench) -> None:
    listed = [model.id for model in await bench.grpc.models() if model.id.startswith(f"{bench.dialect.name}/")]
    assert listed == sorted(f"{bench.dialect.name}/{name}" for name in bench.dialect.models)


@pytest.mark.parametrize("bench", ["ollama"], indirect=True)
async def test_a_model_without_its_tag_is_found(bench: Bench) -> None:
    assert (await bench.grpc.model("ollama/gemma4")).id == "ollama/gemma4"
    async with bench.rest.get("/v1/models/ollama/gemma4") as found, bench.rest.get("/v1/models/ollama/gone") as gone:
        assert (found.status, (await found.json())["id"], gone.status) == (200, "ollama/gemma4", 404)


@pytest.mark.parametrize("bench", sorted({*DIALECTS} - {*dialects_with("logit_bias")}), indirect=True)
async def test_what_the_provider_cannot_do_is_refused_before_it_is_asked(bench: Bench) -> None:
    request = grpc_request(bench.model)
    request.sampling.logit_bias[1] = 2.0
    with pytest.raises(GatewayError, match="logit_bias"):
        await bench.grpc.generate(request)
    assert bench.fake.calls == []
