"""What Google alone does, from end to end: prompts that it blocks, calls without ids, signatures that it insists on,
many candidates, and the same API under a project of Vertex AI.
"""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
from llmgateway import Client
from llmgateway.fold import fold
from llmgateway.v1 import generation_pb2
from llmgateway_server.app import Gateway
from llmgateway_server.config.settings import ProviderSettings, ServerSettings, Settings
from llmgateway_server.telemetry.logs import LineWriter
from pydantic import SecretStr

from tests.e2e.caller import MESSAGES, TEXT, grpc_request
from tests.fakes.answer import PROMPT_TOKEN_COUNT, Answer, ToolCall
from tests.fakes.gemini import GEMINI, VERTEX
from tests.fakes.provider import FakeProvider
from tests.fakes.replies import chat
from tests.specs import FOLDER, closed_validator

KEY = "provider-key-0123456789abcdef"
LISTEN = "127.0.0.1:0"
TOOLS = [
    {"type": "function", "function": {"name": name, "parameters": {"type": "object", "properties": {}}}}
    for name in ("weather", "clock")
]
STAND_IN = "skip_thought_signature_validator"
SETTINGS: dict[str, dict[str, Any]] = {
    "gemini": {"api_keys": (SecretStr(KEY),)},
    "vertex": {"access_token": SecretStr(KEY), "project": "p-1", "location": "global"},
}
EXPECTED = {
    "gemini": ("x-goog-api-key", KEY, "POST /v1beta/models/{model}:generateContent"),
    "vertex": ("authorization", f"Bearer {KEY}", "POST /v1/{model}:generateContent"),
}


@dataclass(frozen=True, slots=True)
class Bench:
    """A gateway before one of Google's two APIs."""

    fake: FakeProvider
    rest: aiohttp.ClientSession
    grpc: Client

    @property
    def name(self) -> str:
        return self.fake.dialect.name

    async def chat(self, model: str = "gemini-3-pro-preview", **members: object) -> dict[str, Any]:
        """Return the only choice of an answer over REST."""
        body = {"model": f"{self.name}/{model}", "messages": MESSAGES, **members}
        async with self.rest.post("/v1/chat/completions", json=body) as answer:
            told = await answer.json()
            assert answer.status == 200, told
        (choice,) = told["choices"]
        return dict(choice)

    async def both_ways(self, request: generation_pb2.GenerateRequest) -> generation_pb2.GenerateResponse:
        """Return an answer as gRPC tells it, which is the same whole and folded."""
        whole = await self.grpc.generate(request)
        streamed = fold([event async for event in self.grpc.stream(request)])
        assert streamed.candidates == whole.candidates
        return whole

    def check(self) -> None:
        """Every request bears the key where it belongs, every generation lies within Google's closed schema."""
        self.fake.check()
        header, value, endpoint = EXPECTED[self.name]
        assert {asked.headers.get(header) for asked in self.fake.requests} == {value}
        if FOLDER.exists():
            check = closed_validator(self.name, endpoint, "request")
            wrong = [check(asked.body) for asked in self.fake.calls if self.fake.dialect.is_generation(asked)]
            assert wrong == [[] for _ in wrong]


@pytest.fixture(params=[GEMINI, VERTEX], ids=["gemini", "vertex"])
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    async with FakeProvider(request.param) as fake:
        name = fake.dialect.name
        settings = Settings(
            server=ServerSettings(grpc_listen=LISTEN, http_listen=LISTEN, metrics_listen=LISTEN, admin_listen=LISTEN),
            providers={name: ProviderSettings(base_url=fake.base_url, **SETTINGS[name])},
        )
        writer = LineWriter(io.BytesIO())
        gateway = Gateway(settings, writer)
        await gateway.start()
        async with (
            aiohttp.ClientSession(f"http://{gateway.listening.http}") as rest,
            Client(gateway.listening.grpc) as grpc,
        ):
            made = Bench(fake, rest, grpc)
            yield made
            made.check()
        await gateway.close()
        writer.close()


async def test_a_blocked_prompt_is_an_answer_without_content_that_says_so(bench: Bench) -> None:
    bench.fake.always(chat(Answer(refusal="No.")))
    choice = await bench.chat()
    assert (choice["finish_reason"], choice["message"]["content"]) == ("content_filter", "")
    (candidate,) = (await bench.both_ways(grpc_request(f"{bench.name}/gemini-2.5-flash"))).candidates
    assert candidate.finish_reason == generation_pb2.FINISH_REASON_CONTENT_FILTERED
    assert (candidate.provider_finish_reason, len(candidate.message.parts)) == ("PROHIBITED_CONTENT", 0)


async def test_many_candidates_are_kept_apart(bench: Bench) -> None:
    bench.fake.always(chat("one two", Answer("three", reasoning="hm"), Answer(finish_reason="SAFETY")))
    request = grpc_request(f"{bench.name}/gemini-2.5-flash")
    request.candidate_count = 3
    first, second, third = (await bench.both_ways(request)).candidates
    assert [candidate.index for candidate in (first, second, third)] == [0, 1, 2]
    assert first.message.parts[0].text == "one two"
    assert (second.message.parts[0].reasoning.text, second.message.parts[1].text) == ("hm", "three")
    assert third.finish_reason == generation_pb2.FINISH_REASON_CONTENT_FILTERED


async def test_calls_without_ids_get_some_by_which_results_find_them(bench: Bench) -> None:
    bench.fake.script(chat(Answer(tool_calls=[ToolCall("", "weather"), ToolCall("", "clock")])))
    message = (await bench.chat(tools=TOOLS))["message"]
    ids = [call["id"] for call in message["tool_calls"]]
    assert len({*ids, ""}) == 3
    results = [{"role": "tool", "tool_call_id": identity, "content": identity} for identity in reversed(ids)]
    closing = await bench.chat(tools=TOOLS, messages=[*MESSAGES, message, *results])
    assert closing["message"]["content"] == " ".join(reversed(ids))
    sent = [part["functionResponse"] for part in bench.fake.calls[-1].body["contents"][-1]["parts"]]
    assert [(result["name"], result["response"]["output"]) for result in sent] == [
        ("clock", ids[1]),
        ("weather", ids[0]),
    ]


async def test_a_call_of_another_provider_goes_with_the_documented_stand_in(bench: Bench) -> None:
    call = {"id": "toolu_1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
    turns = [
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "toolu_1", "content": "Rain."},
    ]
    closing = await bench.chat(tools=TOOLS[:1], messages=[*MESSAGES, *turns])
    assert closing["message"]["content"] == "Rain."
    assert bench.fake.calls[0].body["contents"][1]["parts"][0]["thoughtSignature"] == STAND_IN
    assert (await bench.chat("gemini-2.5-flash", messages=[*MESSAGES, *turns]))["finish_reason"] == "stop"
    assert "thoughtSignature" not in bench.fake.calls[1].body["contents"][1]["parts"][0]


async def test_it_answers_counts_and_embeds(bench: Bench) -> None:
    (candidate,) = (await bench.both_ways(grpc_request(f"{bench.name}/gemini-2.5-flash"))).candidates
    assert candidate.message.parts[0].text == TEXT
    counted = await bench.grpc.count_tokens(TEXT, model=f"{bench.name}/gemini-2.5-flash")
    assert (counted.exact, counted.input_token_count) == (True, PROMPT_TOKEN_COUNT)
    embedded = await bench.grpc.embed(["one", "two"], model=f"{bench.name}/gemini-embedding-001")
    assert len({tuple(embedding.values) for embedding in embedded.embeddings}) == 2
    (alone,) = (await bench.grpc.embed(["one"], model=f"{bench.name}/gemini-embedding-2")).embeddings
    assert sum(value * value for value in alone.values) == pytest.approx(1)
