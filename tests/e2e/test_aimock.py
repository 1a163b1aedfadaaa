"""Every dialect against a mock that nobody here wrote: aimock answers, and its journal tells what it understood of us.

It knows the APIs of nine vendors; Mistral's it serves as OpenAI's. What left the gateway is checked on the wire, too.
"""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import aiohttp
import pytest
import pytest_asyncio
from llmgateway import Client, RateLimitedError, StreamBrokenError, UnavailableError, text_of
from llmgateway.v1 import generation_pb2, message_pb2, tool_pb2, usage_pb2
from llmgateway_server.app import Gateway
from llmgateway_server.config.settings import ProviderSettings, ServerSettings, Settings
from llmgateway_server.telemetry.logs import LineWriter
from pydantic import SecretStr

from tests.e2e.aimock import Aimock, Sent, Tap, aimock
from tests.e2e.aimock_vendors import KEY, VENDORS, Vendor
from tests.e2e.serving import ONE_TRY
from tests.specs import FOLDER, closed_validator

pytestmark = pytest.mark.asyncio(loop_scope="module")

LISTEN = "127.0.0.1:0"
TEXT = "It rains in Oslo."
THOUGHT = "Oslo is wet."
VECTOR = [0.25, -0.5, 1.0]
Json = dict[str, Any]  # Any: decoded JSON.

WEATHER: Json = {
    "name": "weather",
    "description": "Looks out.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
CALL = {"id": "call12345", "name": "weather", "arguments": '{"city":"Oslo"}'}
OTHER_CALL = {"id": "call67890", "name": "weather", "arguments": '{"city":"Rome"}'}
SYSTEM = {"role": "system", "content": "Be kind."}
USER = {"role": "user", "content": "Hi"}


@dataclass(frozen=True, slots=True)
class Bench:
    """A gateway with one provider, the wire behind it, and aimock at its end."""

    name: str
    vendor: Vendor
    aimock: Aimock
    wire: Tap
    rest: aiohttp.ClientSession
    grpc: Client

    @property
    def model(self) -> str:
        return f"{self.name}/{self.vendor.model}"

    def told(self, **response: object) -> Json:
        """Return a fixture's response, with the counts 10 and 7 under the vendor's names."""
        if self.vendor.usage:
            response["usage"] = dict(zip(self.vendor.usage, (10, 7), strict=True))
        if self.vendor.call_ends and "toolCalls" in response:
            response["finishReason"] = self.vendor.call_ends
        return response

    @property
    def counts(self) -> tuple[int, int]:
        return (10, 7) if self.vendor.usage else (0, 0)

    def body(self, **members: object) -> Json:
        return {"model": self.model, "messages": [SYSTEM, USER], "max_tokens": 50, **members}

    async def chat(self, **members: object) -> tuple[int, Json, Mapping[str, str]]:
        async with self.rest.post("/v1/chat/completions", json=self.body(**members)) as answer:
            return answer.status, await answer.json(), answer.headers

    async def chunks(self, **members: object) -> list[Json]:
        """Return the stream's chunks, an error as the last if there is one; else `[DONE]` must have ended it."""
        members = {"stream": True, "stream_options": {"include_usage": True}, **members}
        async with self.rest.post("/v1/chat/completions", json=self.body(**members)) as answer:
            assert answer.status == 200, await answer.text()
            frames = [line.removeprefix("data: ") for line in (await answer.text()).splitlines() if line]
        is_whole = frames[-1] == "[DONE]"
        chunks: list[Json] = [json.loads(frame) for frame in frames[: len(frames) - is_whole]]
        assert is_whole or "error" in chunks[-1]
        return chunks

    async def streamed(self, request: generation_pb2.GenerateRequest) -> generation_pb2.GenerateResponse:
        """Return what the events of a stream over gRPC add up to."""
        async with self.grpc.stream(request) as stream:
            async for _ in stream:
                pass
        assert stream.is_finished
        return stream.response

    def request(self, *, with_tool: bool = False) -> generation_pb2.GenerateRequest:
        """Return over gRPC's contract what `body` says over REST."""
        roles = (message_pb2.ROLE_SYSTEM, SYSTEM), (message_pb2.ROLE_USER, USER)
        parts = [(role, message_pb2.Part(text=said["content"])) for role, said in roles]
        messages = [message_pb2.ChatMessage(role=role, parts=[part]) for role, part in parts]
        request = generation_pb2.GenerateRequest(model=self.model, messages=messages, max_output_token_count=50)
        if with_tool:
            schema = json.dumps(WEATHER["parameters"], separators=(",", ":"))
            function = tool_pb2.FunctionTool(
                name=WEATHER["name"], description=WEATHER["description"], input_schema_json=schema
            )
            request.tools.append(tool_pb2.Tool(function=function))
        return request

    def check_wire(self, *paths: str, schema: tuple[str, str] | None = None) -> Sequence[Sent]:
        """What was sent went to these paths, with the key where the vendor wants it, within the closed schema."""
        sent = self.wire.sent
        assert [request.path for request in sent] == list(paths)
        check = closed_validator(*(schema or self.vendor.schema), "request") if FOLDER.exists() else None
        for request in sent:
            assert {name: request.headers.get(name) for name in self.vendor.key_header} == self.vendor.key_header
            assert request.headers["content-type"] == "application/json"
            assert check is None or check(request.body) == [], request.body
        return sent


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mock() -> AsyncIterator[Aimock]:
    """The one aimock of all tests here."""
    async with aimock(KEY) as running:
        yield running


@contextlib.asynccontextmanager
async def gateway_before(mock: Aimock, row: str, key: str = KEY) -> AsyncIterator[Bench]:
    """A gateway with one vendor, which it shows `key`. No line of its log may hold it."""
    name, vendor = row.partition(":")[0], VENDORS[row]
    log = io.BytesIO()
    writer = LineWriter(log)
    async with Tap(mock.url) as wire:
        given = {**({} if "access_token" in vendor.settings else {"api_keys": (SecretStr(key),)}), **vendor.settings}
        settings = Settings(
            resilience=ONE_TRY,
            server=ServerSettings(grpc_listen=LISTEN, http_listen=LISTEN, metrics_listen=LISTEN, admin_listen=LISTEN),
            providers={name: ProviderSettings(base_url=wire.url + vendor.base, **given)},
        )
        gateway = Gateway(settings, writer)
        await gateway.start()
        async with (
            aiohttp.ClientSession(f"http://{gateway.listening.http}") as rest,
            Client(gateway.listening.grpc) as grpc,
        ):
            yield Bench(name, vendor, mock, wire, rest, grpc)
        await gateway.close()
    writer.close()
    assert log.getvalue()
    assert key.encode() not in log.getvalue()


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=VENDORS)
async def served(request: pytest.FixtureRequest, mock: Aimock) -> AsyncIterator[Bench]:
    """A gateway for one vendor after another."""
    async with gateway_before(mock, request.param) as bench:
        yield bench


@pytest_asyncio.fixture(loop_scope="module")
async def bench(served: Bench) -> Bench:
    """The gateway before an aimock that was told and asked nothing yet."""
    await served.aimock.reset()
    served.wire.sent.clear()
    return served


def text_in(chunks: Sequence[Json], member: str = "content") -> str:
    return "".join(choice["delta"].get(member) or "" for chunk in chunks for choice in chunk["choices"])


async def test_a_whole_answer_over_both_faces(bench: Bench) -> None:
    await bench.aimock.answer({"match": {"userMessage": "Hi"}, "response": bench.told(content=TEXT)})
    status, answer, headers = await bench.chat()
    assert status == 200, answer
    assert answer["choices"][0]["message"]["content"] == TEXT
    assert answer["choices"][0]["finish_reason"] == "stop"
    assert (answer["usage"]["prompt_tokens"], answer["usage"]["completion_tokens"]) == bench.counts
    assert headers["x-llmgateway-provider"] == bench.name

    response = await bench.grpc.generate(bench.request())
    assert text_of(response) == TEXT
    assert response.candidates[0].finish_reason == generation_pb2.FINISH_REASON_STOP

    over_rest, over_grpc = bench.check_wire(bench.vendor.chat, bench.vendor.chat)
    assert over_rest.body == over_grpc.body


async def test_the_journal_has_what_was_asked(bench: Bench) -> None:
    await bench.aimock.answer({"match": {}, "response": bench.told(content=TEXT)})
    status, answer, _ = await bench.chat(temperature=0.5)
    assert status == 200, answer
    (entry,) = await bench.aimock.journal()
    assert (entry["method"], entry["path"], entry["response"]["status"]) == ("POST", bench.vendor.chat, 200)
    for name in bench.vendor.key_header:
        assert entry["headers"][name] in ("[REDACTED]", bench.vendor.key_header[name])
    understood = entry["body"]
    assert unquote(understood["model"]) == (bench.vendor.sent_model or bench.vendor.model)
    assert understood["messages"] == [SYSTEM, USER]
    assert understood["temperature"] == 0.5
    assert understood.get("max_tokens", understood.get("max_completion_tokens")) == 50


async def test_a_stream_over_both_faces(bench: Bench) -> None:
    await bench.aimock.answer({"match": {}, "response": bench.told(content=TEXT)})
    chunks = await bench.chunks()
    assert text_in(chunks) == TEXT
    assert chunks[-2]["choices"][0]["finish_reason"] == "stop"
    usage = chunks[-1]["usage"]

    response = await bench.streamed(bench.request())
    assert text_of(response) == TEXT
    assert response.candidates[0].finish_reason == generation_pb2.FINISH_REASON_STOP
    assert usage["completion_tokens"] == response.usage.output_token_count
    if bench.vendor.counts_streams:
        assert (usage["prompt_tokens"], usage["completion_tokens"]) == bench.counts
        assert response.usage.source == usage_pb2.Usage.SOURCE_PROVIDER
    else:
        assert response.usage.source == usage_pb2.Usage.SOURCE_COUNTED

    over_rest, over_grpc = bench.check_wire(bench.vendor.stream_path, bench.vendor.stream_path)
    assert over_rest.body == over_grpc.body


async def test_two_calls_of_a_tool_go_round(bench: Bench) -> None:
    await bench.aimock.answer(
        {"match": {"hasToolResult": False}, "response": bench.told(toolCalls=[CALL, OTHER_CALL])},
        {"match": {"toolResultContains": "Sun."}, "response": bench.told(content=TEXT)},
    )
    tools = [{"type": "function", "function": WEATHER}]
    status, answer, _ = await bench.chat(tools=tools)
    assert status == 200, answer
    assert answer["choices"][0]["finish_reason"] == "tool_calls"
    message = answer["choices"][0]["message"]
    assert read_calls(message) == [("weather", {"city": "Oslo"}), ("weather", {"city": "Rome"})]
    ids = [call["id"] for call in message["tool_calls"]]
    results = [
        {"role": "tool", "tool_call_id": call_id, "content": content}
        for call_id, content in zip(ids, ("Rain.", "Sun."), strict=True)
    ]
    status, answer, _ = await bench.chat(tools=tools, messages=[SYSTEM, USER, message, *results])
    assert status == 200, answer
    assert answer["choices"][0]["message"]["content"] == TEXT

    bench.check_wire(bench.vendor.chat, bench.vendor.chat)
    asked, told = [entry["body"] for entry in await bench.aimock.journal()]
    read = ("name", "description", "parameters") if bench.vendor.reads_schemas else ("name", "description")
    assert {name: asked["tools"][0]["function"].get(name) for name in read} == {name: WEATHER[name] for name in read}
    *_, understood, rain, sun = told["messages"]
    assert read_calls(understood) == read_calls(message)
    assert ("Rain." in rain["content"], "Sun." in sun["content"]) == (True, True)
    if bench.name != "ollama":  # whose calls have no ids in what aimock reads
        assert [rain["tool_call_id"], sun["tool_call_id"]] == [call["id"] for call in understood["tool_calls"]]


def read_calls(message: Json) -> list[tuple[str, Json]]:
    """Return the names and arguments of a message's calls."""
    functions = [call["function"] for call in message["tool_calls"]]
    return [(function["name"], json.loads(function["arguments"])) for function in functions]


async def test_a_tool_call_streams(bench: Bench) -> None:
    await bench.aimock.answer({"match": {}, "response": bench.told(toolCalls=[CALL])})
    request = bench.request(with_tool=True)
    response = await bench.streamed(request)
    (part,) = [part for part in response.candidates[0].message.parts if part.HasField("tool_call")]
    assert (part.tool_call.name, json.loads(part.tool_call.arguments_json)) == ("weather", {"city": "Oslo"})
    assert response.candidates[0].finish_reason == generation_pb2.FINISH_REASON_TOOL_CALLS
    bench.check_wire(bench.vendor.stream_path)


async def test_reasoning_is_told_from_the_answer(bench: Bench) -> None:
    await bench.aimock.answer({"match": {}, "response": bench.told(content=TEXT, reasoning=THOUGHT)})
    response = await bench.grpc.generate(bench.request())
    chunks = await bench.chunks()
    thoughts = [part.reasoning.text for part in response.candidates[0].message.parts if part.HasField("reasoning")]
    if bench.vendor.tells_thoughts:
        assert (thoughts, text_of(response)) == ([THOUGHT], TEXT)
        assert (text_in(chunks, "reasoning_content"), text_in(chunks)) == (THOUGHT, TEXT)
    else:
        assert thoughts == []
        assert text_of(response).endswith(TEXT)
        assert text_in(chunks).endswith(TEXT)


@pytest.mark.parametrize("served", [name for name, vendor in VENDORS.items() if vendor.embed], indirect=True)
async def test_texts_become_vectors(bench: Bench) -> None:
    await bench.aimock.answer({"match": {"inputText": "Rain"}, "response": {"embedding": VECTOR}})
    async with bench.rest.post("/v1/embeddings", json={"model": bench.model, "input": "Rain"}) as answer:
        status, over_rest = answer.status, await answer.json()
    assert status == (200 if bench.vendor.embeds else 502), over_rest
    if bench.vendor.embeds:
        assert over_rest["data"][0]["embedding"] == VECTOR
        response = await bench.grpc.embed("Rain", model=bench.model)
        assert [list(vector.values) for vector in response.embeddings] == [VECTOR]
    else:
        assert over_rest["error"]["code"] == "provider_bad_response"
        with pytest.raises(UnavailableError, match="0 vectors for 1 inputs"):
            await bench.grpc.embed("Rain", model=bench.model)
    bench.check_wire(bench.vendor.embed, bench.vendor.embed, schema=bench.vendor.embed_schema)
    assert [entry["body"]["embeddingInput"] for entry in await bench.aimock.journal()] == ["Rain", "Rain"]


async def test_a_refusal_is_typed(bench: Bench) -> None:
    refused = {"error": {"message": "Slow down.", "type": "rate_limit_error"}, "status": 429, "retryAfter": 7}
    await bench.aimock.answer({"match": {}, "response": refused})
    status, answer, headers = await bench.chat()
    assert (status, answer["error"]["code"], headers["retry-after"]) == (429, "rate_limit_exceeded", "7"), answer
    assert ("Slow down." in answer["error"]["message"]) == bench.vendor.tells_errors
    with pytest.raises(RateLimitedError):
        await bench.grpc.generate(bench.request())
    async with bench.rest.post("/v1/chat/completions", json=bench.body(stream=True)) as streamed:
        assert streamed.status == 429


async def test_a_stream_that_breaks_off_is_no_success(bench: Bench) -> None:
    # The wait between chunks lets those before the cut leave aimock.
    broken = {"match": {}, "response": bench.told(content=TEXT), "truncateAfterChunks": 4, "latency": 10}
    await bench.aimock.answer(broken)
    chunks = await bench.chunks()
    assert chunks[-1]["error"]["code"] == "stream_broken"
    with pytest.raises(StreamBrokenError):
        await bench.streamed(bench.request())


async def test_a_key_that_the_provider_refuses_is_no_fault_of_the_caller(mock: Aimock) -> None:
    await mock.reset()
    async with gateway_before(mock, "openai", "another-key-0123456789abcdef") as bench:
        status, answer, _ = await bench.chat()
        assert (status, answer["error"]["code"]) == (502, "provider_key_rejected")
        assert len(bench.wire.sent) == 1
    assert await mock.journal() == []


@pytest.mark.parametrize("served", [name for name, vendor in VENDORS.items() if vendor.models], indirect=True)
async def test_models_are_listed(bench: Bench) -> None:
    await bench.aimock.answer({"match": {"model": bench.vendor.model}, "response": {"content": TEXT}})
    assert [model.id for model in await bench.grpc.models()] == [bench.model]
    (sent,) = bench.wire.sent
    assert (sent.method, sent.path) == ("GET", bench.vendor.models)
    assert {name: sent.headers.get(name) for name in bench.vendor.key_header} == bench.vendor.key_header


@pytest.mark.parametrize("served", ["cohere"], indirect=True)
async def test_documents_are_sorted(bench: Bench) -> None:
    response = await bench.grpc.rerank("Rain?", ["Sun.", "Rain."], model="cohere/rerank-v3.5")
    assert [(result.index, result.score) for result in response.results] == [(1, 0.9), (0, 0.25)]
    (sent,) = bench.check_wire("/v2/rerank", schema=("cohere", "POST /v2/rerank"))
    assert (sent.body["query"], sent.body["documents"]) == ("Rain?", ["Sun.", "Rain."])
