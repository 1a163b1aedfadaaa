"""Dialects without a fake provider from end to end: REST and gRPC in, the provider's own wire format out.

The answers are written by hand after the providers' documentation; each says "Hello" with the same counts.
"""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from llmgateway import Client, GatewayError
from llmgateway.v1 import generation_pb2, message_pb2
from llmgateway_server.app import Gateway
from llmgateway_server.config.settings import ProviderSettings, ServerSettings, Settings
from llmgateway_server.telemetry.logs import LineWriter
from pydantic import SecretStr

from tests.fakes.canned import Canned, CannedProvider, json_answer, ndjson, sse
from tests.specs import FOLDER, closed_validator

KEY = "provider-key-0123456789abcdef"
LISTEN = "127.0.0.1:0"
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Dialect:
    """One provider: what it answers, and what the gateway must ask of it. `schema` is its description's name."""

    whole: Canned
    stream: Canned
    cut: Canned
    path: str
    stream_path: str
    key_header: Mapping[str, str]
    schema: tuple[str, str]
    called: Canned
    refused: Canned
    count: tuple[str, Canned] | None = None
    models: Mapping[str, Canned] = field(default_factory=dict)


def gemini() -> Dialect:
    usage = {
        "promptTokenCount": 10,
        "cachedContentTokenCount": 4,
        "candidatesTokenCount": 4,
        "thoughtsTokenCount": 3,
        "totalTokenCount": 17,
    }

    def answer(*parts: Json, finish: str | None = None, **more: object) -> Json:
        candidate: Json = {"index": 0, "content": {"role": "model", "parts": list(parts)}}
        return {"candidates": [candidate | ({"finishReason": finish} if finish else {})], "modelVersion": "m-1", **more}

    call = {"functionCall": {"name": "weather", "args": {"city": "Oslo"}}, "thoughtSignature": "c2ln"}
    retry = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "7s"}
    return Dialect(
        whole=json_answer(answer({"text": "Hello"}, finish="STOP", usageMetadata=usage)),
        stream=sse(
            answer({"text": "Hel"}, usageMetadata={**usage, "candidatesTokenCount": 1}),
            answer({"text": "lo"}, finish="STOP", usageMetadata=usage),
            line_end="\r\n",
        ),
        cut=sse(answer({"text": "Hel"}), answer({"text": "lo"}), line_end="\r\n"),
        path="/models/m-1:generateContent",
        stream_path="/models/m-1:streamGenerateContent?alt=sse",
        key_header={"x-goog-api-key": KEY},
        schema=("gemini", "POST /v1beta/models/{model}:generateContent"),
        called=json_answer(answer(call, finish="STOP", usageMetadata=usage)),
        refused=json_answer(
            {"error": {"code": 429, "message": "slow down", "status": "RESOURCE_EXHAUSTED", "details": [retry]}}, 429
        ),
        count=("/models/m-1:countTokens", json_answer({"totalTokens": 42})),
        models={"/models": json_answer({"models": [{"name": "models/m-1"}]})},
    )


def ollama() -> Dialect:
    counts = {"prompt_eval_count": 10, "eval_count": 7, "total_duration": 5}

    def line(content: str, *, done: bool = False, **more: object) -> Json:
        ended: Json = {"done_reason": "stop", **counts} if done else {}
        return {"model": "m-1", "message": {"role": "assistant", "content": content, **more}, "done": done, **ended}

    call = {"function": {"name": "weather", "arguments": {"city": "Oslo"}}}
    return Dialect(
        whole=json_answer(line("Hello", done=True)),
        stream=ndjson(line("Hel"), line("lo"), line("", done=True)),
        cut=ndjson(line("Hel"), line("lo"), {"error": "the runner stopped"}),
        path="/api/chat",
        stream_path="/api/chat",
        key_header={},
        schema=("ollama", "POST /api/chat"),
        called=json_answer(line("", done=True, tool_calls=[call])),
        refused=json_answer({"error": "server busy"}, 503),
        models={"/api/tags": json_answer({"models": [{"name": "m-1", "model": "m-1"}]})},
    )


DIALECTS = {"gemini": gemini(), "ollama": ollama()}
CACHED = {"gemini": 4, "ollama": 0}
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "weather",
            "description": "Looks out.",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
        },
    }
]
MESSAGES: list[Json] = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hi"}]


@dataclass(frozen=True, slots=True)
class Bench:
    """A gateway before one provider."""

    name: str
    dialect: Dialect
    provider: CannedProvider
    rest: aiohttp.ClientSession
    grpc: Client

    @property
    def model(self) -> str:
        return f"{self.name}/m-1"

    async def chat(self, **members: object) -> tuple[int, Json, Mapping[str, str]]:
        body = {"model": self.model, "messages": MESSAGES, "max_tokens": 50, **members}
        async with self.rest.post("/v1/chat/completions", json=body) as answer:
            return answer.status, await answer.json(), answer.headers

    async def chunks(self, **members: object) -> list[Json | str]:
        body = {"model": self.model, "messages": MESSAGES, "stream": True, **members}
        async with self.rest.post("/v1/chat/completions", json=body) as answer:
            assert answer.status == 200, await answer.text()
            frames = [line.removeprefix("data: ") for line in (await answer.text()).splitlines() if line]
        return [frame if frame == "[DONE]" else json.loads(frame) for frame in frames]


@pytest.fixture(params=DIALECTS)
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    name = request.param
    async with CannedProvider() as provider:
        provider.gets.update(DIALECTS[name].models)
        keys = (SecretStr(KEY),) if DIALECTS[name].key_header else None
        settings = Settings(
            server=ServerSettings(grpc_listen=LISTEN, http_listen=LISTEN, metrics_listen=LISTEN),
            providers={name: ProviderSettings(base_url=provider.base_url, api_keys=keys)},
        )
        log = io.BytesIO()
        writer = LineWriter(log)
        gateway = Gateway(settings, writer)
        await gateway.start()
        async with (
            aiohttp.ClientSession(f"http://{gateway.listening.http}") as rest,
            Client(gateway.listening.grpc) as grpc,
        ):
            yield Bench(name, DIALECTS[name], provider, rest, grpc)
        await gateway.close()
        writer.close()
        assert KEY.encode() not in log.getvalue()
        check_requests(DIALECTS[name], provider)


def check_requests(dialect: Dialect, provider: CannedProvider) -> None:
    """What the gateway sent has the key in its place, and lies within the provider's closed schema."""
    for asked in provider.asked:
        assert {name: asked.headers.get(name) for name in dialect.key_header} == dialect.key_header
    if FOLDER.exists():
        check = closed_validator(*dialect.schema, "request")
        for asked in provider.asked:
            if asked.path in (dialect.path, dialect.stream_path):
                assert check(asked.body) == [], asked.body


async def test_a_whole_answer(bench: Bench) -> None:
    bench.provider.script(bench.dialect.whole)
    status, answer, headers = await bench.chat()
    assert status == 200, answer
    assert answer["choices"][0]["message"]["content"] == "Hello"
    assert answer["choices"][0]["finish_reason"] == "stop"
    usage = answer["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]) == (10, 7, 17)
    assert usage["prompt_tokens_details"]["cached_tokens"] == CACHED[bench.name]
    assert headers["x-llmgateway-provider"] == bench.name
    assert [(asked.method, asked.path) for asked in bench.provider.asked] == [("POST", bench.dialect.path)]


async def test_a_stream(bench: Bench) -> None:
    bench.provider.script(bench.dialect.stream)
    *chunks, done = await bench.chunks(stream_options={"include_usage": True})
    assert done == "[DONE]"
    assert "".join(c["choices"][0]["delta"].get("content") or "" for c in chunks if c["choices"]) == "Hello"  # type: ignore[index]
    assert chunks[-2]["choices"][0]["finish_reason"] == "stop"  # type: ignore[index]
    assert chunks[-1]["usage"]["total_tokens"] == 17  # type: ignore[index]
    assert bench.provider.asked[0].path == bench.dialect.stream_path


async def test_a_stream_that_breaks_is_no_success(bench: Bench) -> None:
    bench.provider.script(bench.dialect.cut)
    chunks = await bench.chunks()
    assert "[DONE]" not in chunks
    assert chunks[-1]["error"]["code"] == "stream_broken"  # type: ignore[index]


async def test_a_tool_goes_round(bench: Bench) -> None:
    bench.provider.script(bench.dialect.called, bench.dialect.whole)
    status, answer, _ = await bench.chat(tools=TOOLS)
    assert status == 200, answer
    message = answer["choices"][0]["message"]
    assert answer["choices"][0]["finish_reason"] == "tool_calls"
    (call,) = message["tool_calls"]
    assert call["function"]["name"] == "weather"
    assert json.loads(call["function"]["arguments"]) == {"city": "Oslo"}
    result = {"role": "tool", "tool_call_id": call["id"], "content": "Rain."}
    status, answer, _ = await bench.chat(tools=TOOLS, messages=[*MESSAGES, message, result])
    assert status == 200, answer
    assert "Rain." in json.dumps(bench.provider.asked[1].body)
    if bench.name == "gemini":  # which refuses a call that comes back without its signature
        assert "c2ln" in json.dumps(bench.provider.asked[1].body)


async def test_a_refusal_is_typed_with_its_time(bench: Bench) -> None:
    bench.provider.script(bench.dialect.refused)
    status, answer, headers = await bench.chat()
    if bench.name == "ollama":
        assert (status, answer["error"]["code"]) == (503, "provider_overloaded")
    else:
        assert (status, answer["error"]["code"], headers["retry-after"]) == (429, "rate_limit_exceeded", "7")


async def test_tokens_are_counted_where_the_provider_counts(bench: Bench) -> None:
    counting = bench.dialect.count
    if counting is not None:
        bench.provider.script(counting[1])
    counted = await bench.grpc.count_tokens("Hi there", model=bench.model)
    assert counted.exact == (counting is not None)
    assert counted.input_token_count == (42 if counting is not None else counted.input_token_count)
    assert [asked.path for asked in bench.provider.asked] == ([counting[0]] if counting is not None else [])


async def test_models_are_listed_by_the_provider_s_names(bench: Bench) -> None:
    listed = [model.id for model in await bench.grpc.models()]
    assert listed == ([bench.model] if bench.dialect.models else [])


async def test_what_the_provider_cannot_do_is_refused_before_it_is_asked(bench: Bench) -> None:
    message = message_pb2.ChatMessage(role=message_pb2.ROLE_USER, parts=[message_pb2.Part(text="Hi")])
    request = generation_pb2.GenerateRequest(model=bench.model, messages=[message])
    request.sampling.logit_bias[1] = 2.0
    with pytest.raises(GatewayError, match="logit_bias"):
        await bench.grpc.generate(request)
    assert bench.provider.asked == []
