"""One gateway before one fake provider that plays every vendor, and what a test asks of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
from llmgateway import Client
from llmgateway.v1 import generation_pb2, message_pb2

from tests.fakes.canned import Canned
from tests.fakes.exchange import Exchange, Reply
from tests.fakes.openai import FakeOpenAI

Json = dict[str, Any]  # Any: JSON
KEY = "provider-key-0123456789abcdef"
NARROW_KEY = "narrow-key-0123456789abcde"
HELLO: list[Json] = [{"role": "user", "content": "Hi"}]


@dataclass(frozen=True, slots=True)
class Answered:
    """A whole answer over REST."""

    status: int
    body: Json
    headers: Mapping[str, str]

    @property
    def error(self) -> Json:
        found: Json = self.body["error"]
        return found

    @property
    def choice(self) -> Json:
        assert self.status == 200, self.body
        (choice,) = self.body["choices"]
        found: Json = choice
        return found

    @property
    def message(self) -> Json:
        found: Json = self.choice["message"]
        return found


@dataclass(frozen=True, slots=True)
class Streamed:
    """A stream over REST. `chunks` are its JSON events, `is_done` says whether `[DONE]` came last."""

    chunks: list[Json]
    is_done: bool

    @property
    def choices(self) -> list[Json]:
        return [choice for chunk in self.chunks for choice in chunk.get("choices", ())]

    @property
    def text(self) -> str:
        return "".join(choice["delta"].get("content") or "" for choice in self.choices)

    @property
    def thoughts(self) -> str:
        return "".join(choice["delta"].get("reasoning_content") or "" for choice in self.choices)

    @property
    def finish(self) -> str | None:
        words = [choice["finish_reason"] for choice in self.choices if choice["finish_reason"]]
        return words[-1] if words else None

    @property
    def calls(self) -> dict[int, Json]:
        """The tool calls by their index, put together as OpenAI's clients do."""
        calls: dict[int, Json] = {}
        for choice in self.choices:
            for piece in choice["delta"].get("tool_calls") or ():
                call = calls.setdefault(piece["index"], {"id": "", "name": "", "arguments": ""})
                call["id"] = call["id"] or piece.get("id", "")
                call["name"] += piece.get("function", {}).get("name") or ""
                call["arguments"] += piece.get("function", {}).get("arguments") or ""
        return calls


@dataclass(frozen=True, slots=True)
class Bench:
    """What a test drives: REST and gRPC in, and the provider behind."""

    fake: FakeOpenAI
    address: str
    rest: aiohttp.ClientSession
    grpc: Client

    def script(self, *answers: Canned | Reply) -> None:
        """Answer the next calls so."""
        self.fake.script(*(reply_of(answer) if isinstance(answer, Canned) else answer for answer in answers))

    @property
    def sent(self) -> Json:
        """The body of the only request that reached the provider."""
        (call,) = self.fake.calls
        body: Json = call.body
        return body

    async def chat(self, vendor: str, model: str = "m-1", **members: object) -> Answered:
        body = {"model": f"{vendor}/{model}", "messages": HELLO, **members}
        async with self.rest.post("/v1/chat/completions", json=body) as answer:
            return Answered(answer.status, await answer.json(), answer.headers)

    async def stream(self, vendor: str, model: str = "m-1", **members: object) -> Streamed:
        """Return a stream that began well."""
        body = {"model": f"{vendor}/{model}", "messages": HELLO, "stream": True, **members}
        async with self.rest.post("/v1/chat/completions", json=body) as answer:
            data = await answer.text()
            assert answer.status == 200, data
        return read_stream(data)


def read_stream(data: str) -> Streamed:
    """Read the gateway's own events: each is one line of `data`, and nothing else is."""
    *events, rest = data.split("\n\n")
    assert rest == ""
    frames = [frame.removeprefix("data: ") for frame in events]
    is_done = frames[-1] == "[DONE]"
    chunks = [json.loads(frame) for frame in (frames[:-1] if is_done else frames)]
    assert all("choices" in chunk or "error" in chunk for chunk in chunks), chunks
    return Streamed(chunks, is_done)


def reply_of(answer: Canned) -> Reply:
    """Return a reply that sends an answer whole."""

    async def reply(exchange: Exchange) -> None:
        headers = {"content-type": answer.content_type, **answer.headers}
        await exchange.answer(answer.status, answer.body, headers)

    return reply


def in_pieces(media_type: str, *pieces: bytes) -> Reply:
    """Return a reply that sends each piece by itself, as one chunk of HTTP."""

    async def reply(exchange: Exchange) -> None:
        await exchange.send_head(200, {"content-type": media_type})
        for piece in pieces:
            await exchange.send(piece)
        await exchange.end()

    return reply


def generation(vendor: str, *messages: message_pb2.ChatMessage, **fields: Any) -> generation_pb2.GenerateRequest:
    """Return a request of the contract. `fields` are the message's own, of many types."""
    said = messages or (message_pb2.ChatMessage(role=message_pb2.ROLE_USER, parts=[message_pb2.Part(text="Hi")]),)
    return generation_pb2.GenerateRequest(model=f"{vendor}/m-1", messages=said, **fields)
