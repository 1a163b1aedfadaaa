"""Every recorded generation, replayed: its provider's answer comes back through REST with the same words and counts.

The gateway knows nothing of the recordings; only the base URL differs. What an answer holds is read here once more, as
simply as can be, and compared with what an OpenAI client would see.
"""

from __future__ import annotations

import io
import json
import struct
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from llmgateway_server.app import Gateway
from llmgateway_server.config.settings import ProviderSettings, ServerSettings, Settings
from llmgateway_server.telemetry.logs import LineWriter
from pydantic import SecretStr

from tests.e2e.serving import ONE_TRY
from tests.fakes.canned import Canned, CannedProvider
from tests.specs import FOLDER, Exchange, exchanges, needs_specs, validator

pytestmark = needs_specs

Json = dict[str, Any]
LISTEN = "127.0.0.1:0"
CHAT: Json = {"model": "p/m", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 50}
KEPT_HEADERS = ("content-type", "retry-after", "retry-after-ms", "x-amzn-errortype")


@dataclass(slots=True)
class Seen:
    """What one answer holds: text, calls by their place, tokens written; or that it failed."""

    text: str = ""
    calls: list[tuple[str, Any]] = field(default_factory=list)
    output_tokens: int | None = None
    failed: bool = False


def events_of(body: bytes) -> list[Json]:
    """Return the objects of a stream of server-sent events."""
    lines = body.decode("utf-8", "replace").replace("\r\n", "\n").split("\n")
    data = [line.removeprefix("data:").strip() for line in lines if line.startswith("data:")]
    return [json.loads(one) for one in data if one.startswith("{")]


def arguments_of(text: str) -> Any:
    """Return arguments as JSON, or as they are where they are none."""
    try:
        return json.loads(text or "{}")
    except json.JSONDecodeError:
        return text


def read_openai(exchange: Exchange) -> Seen:
    seen = Seen()
    if not exchange.is_stream:
        raw = json.loads(exchange.body)
        if raw.get("error") or "choices" not in raw:
            return Seen(failed=True)
        message = raw["choices"][0].get("message") or {}
        content = message.get("content")
        seen.text = content if isinstance(content, str) else text_pieces(content)
        seen.calls = [
            (one["function"]["name"], arguments_of(one["function"]["arguments"]))
            for one in message.get("tool_calls") or ()
        ]
        legacy = message.get("function_call")
        seen.calls += [(legacy["name"], arguments_of(legacy["arguments"]))] if legacy else []
        seen.output_tokens = written(raw.get("usage"))
        return seen
    names: dict[int, str] = {}
    arguments: dict[int, str] = defaultdict(str)
    for chunk in events_of(exchange.body):
        if chunk.get("error"):
            seen.failed = True
        seen.output_tokens = written(chunk.get("usage")) if chunk.get("usage") else seen.output_tokens
        for choice in (chunk.get("choices") or ())[:1]:
            if choice.get("index"):
                continue
            delta = choice.get("delta") or {}
            content = delta.get("content")
            seen.text += content if isinstance(content, str) else text_pieces(content)
            for call in delta.get("tool_calls") or ():
                place, function = call.get("index", 0), call.get("function") or {}
                names[place] = names.get(place) or function.get("name") or ""
                arguments[place] += function.get("arguments") or ""
            legacy = delta.get("function_call")
            if legacy:
                names[0] = names.get(0) or legacy.get("name") or ""
                arguments[0] += legacy.get("arguments") or ""
    seen.calls = [(names[place], arguments_of(arguments[place])) for place in sorted(names)]
    return seen


def text_pieces(content: Any) -> str:
    """Return the text of a list of pieces, thoughts left out."""
    return "".join(piece.get("text", "") for piece in content or () if piece.get("type") == "text")


def written(usage: Json | None) -> int | None:
    return usage.get("completion_tokens") if usage else None


def read_anthropic(exchange: Exchange) -> Seen:
    seen = Seen()
    if not exchange.is_stream:
        raw = json.loads(exchange.body)
        for block in raw["content"]:
            seen.text += block["text"] if block["type"] == "text" else ""
            seen.calls += [(block["name"], block["input"])] if block["type"] == "tool_use" else []
        seen.output_tokens = raw["usage"]["output_tokens"]
        return seen
    inputs: dict[int, str] = defaultdict(str)
    names: dict[int, str] = {}
    for event in events_of(exchange.body):
        delta, block = event.get("delta") or {}, event.get("content_block") or {}
        seen.failed = seen.failed or event["type"] == "error"
        seen.text += delta.get("text", "") if delta.get("type") == "text_delta" else ""
        seen.text += block.get("text", "") if block.get("type") == "text" else ""
        if block.get("type") == "tool_use":
            names[event["index"]] = block["name"]
        if delta.get("type") == "input_json_delta" and event["index"] in names:
            inputs[event["index"]] += delta["partial_json"]
        if event["type"] == "message_delta":
            seen.output_tokens = event["usage"]["output_tokens"]
    seen.calls = [(names[place], arguments_of(inputs[place])) for place in sorted(names)]
    return seen


def read_gemini(exchange: Exchange) -> Seen:
    seen = Seen()
    body = exchange.body.lstrip()
    chunks = events_of(body) if exchange.is_stream else json.loads(body)
    for chunk in chunks if isinstance(chunks, list) else [chunks]:
        seen.failed = seen.failed or "error" in chunk
        usage = chunk.get("usageMetadata") or {}
        if usage:
            seen.output_tokens = usage.get("candidatesTokenCount", 0) + usage.get("thoughtsTokenCount", 0)
        for candidate in (chunk.get("candidates") or ())[:1]:
            for part in (candidate.get("content") or {}).get("parts") or ():
                seen.text += part.get("text", "") if not part.get("thought") else ""
                if "functionCall" in part:
                    seen.calls.append((part["functionCall"]["name"], part["functionCall"].get("args") or {}))
    return seen


def read_ollama(exchange: Exchange) -> Seen:
    seen = Seen()
    for row in exchange.body.decode().splitlines():
        line = json.loads(row)
        message = line.get("message") or {}
        seen.failed = seen.failed or "error" in line
        seen.text += message.get("content") or ""
        seen.calls += [
            (one["function"]["name"], one["function"]["arguments"]) for one in message.get("tool_calls") or ()
        ]
        seen.output_tokens = line.get("eval_count", seen.output_tokens)
    return seen


def read_cohere(exchange: Exchange) -> Seen:
    seen = Seen()
    if not exchange.is_stream:
        raw = json.loads(exchange.body)
        message = raw["message"]
        seen.failed = raw["finish_reason"] in ("ERROR", "TIMEOUT")
        seen.text = text_pieces(message.get("content"))
        seen.calls = [
            (one["function"]["name"], arguments_of(one["function"]["arguments"]))
            for one in message.get("tool_calls") or ()
        ]
        seen.output_tokens = cohere_tokens(raw)
        return seen
    names: dict[int, str] = {}
    arguments: dict[int, str] = defaultdict(str)
    for event in events_of(exchange.body):
        delta = event.get("delta") or {}
        message = delta.get("message") or {}
        if event["type"].startswith("content") and message:
            seen.text += message["content"].get("text") or ""
        elif event["type"].startswith("tool-call") and message:
            call = message["tool_calls"]
            names[event["index"]] = names.get(event["index"]) or call["function"]["name"]
            arguments[event["index"]] += call["function"].get("arguments") or ""
        elif event["type"] == "message-end":
            seen.failed = delta.get("finish_reason") in ("ERROR", "TIMEOUT")
            seen.output_tokens = cohere_tokens(delta)
    seen.calls = [(names[place], arguments_of(arguments[place])) for place in sorted(names)]
    return seen


def cohere_tokens(holder: Json) -> int | None:
    usage = holder.get("usage") or {}
    count = (usage.get("tokens") or {}).get("output_tokens")
    return int(count) if count is not None else None


def read_bedrock(exchange: Exchange) -> Seen:
    seen = Seen()
    if not is_streamed(exchange):
        raw = json.loads(exchange.body)
        for block in raw["output"]["message"]["content"]:
            seen.text += block.get("text", "")
            seen.calls += [(block["toolUse"]["name"], block["toolUse"]["input"])] if "toolUse" in block else []
        seen.output_tokens = raw["usage"]["outputTokens"]
        return seen
    names: dict[int, str] = {}
    inputs: dict[int, str] = defaultdict(str)
    at = 0
    while at < len(exchange.body):
        total, header_bytes = struct.unpack_from(">II", exchange.body, at)
        event = json.loads(exchange.body[at + 12 + header_bytes : at + total - 4] or b"{}")
        place = event.get("contentBlockIndex", 0)
        delta, start = event.get("delta") or {}, event.get("start") or {}
        seen.text += delta.get("text", "")
        if "toolUse" in start:
            names[place] = start["toolUse"]["name"]
        if "toolUse" in delta:
            inputs[place] += delta["toolUse"]["input"]
        seen.output_tokens = (event.get("usage") or {}).get("outputTokens", seen.output_tokens)
        at += total
    seen.calls = [(names[place], arguments_of(inputs[place])) for place in sorted(names)]
    return seen


def bedrock_fixtures() -> list[Exchange]:
    """Return the fixtures whose streams lie beside them as bytes; the corpus holds such streams decoded."""
    found = []
    for path in sorted((FOLDER / "fixtures" / "bedrock").glob("*.json")):
        about = json.loads(path.read_text())
        sent, answer = about["request"], about["response"]
        beside = path.with_suffix(".eventstream")
        body = beside.read_bytes() if beside.exists() else json.dumps(answer.get("body")).encode()
        headers = {name.lower(): str(value) for name, value in answer["headers"].items()}
        found.append(Exchange(path.stem, "bedrock", sent["path"], answer["status"], headers, sent.get("body"), body))
    return found


@dataclass(frozen=True, slots=True)
class Wire:
    """One provider's recordings: its dialect and quirks, which paths are generations, and how to read them."""

    providers: tuple[str, ...]
    dialect: str
    is_generation: Callable[[str], bool]
    read: Callable[[Exchange], Seen]
    quirks: Json = field(default_factory=dict)
    least: int = 1


def ends(*endings: str) -> Callable[[str], bool]:
    return lambda path: path.endswith(endings)


OPENAI_LIKE = ("openai", "azure", "groq", "deepseek", "mistral", "openrouter", "llamacpp")
WIRES = {
    **{name: Wire((name,), "openai", ends("/chat/completions"), read_openai) for name in OPENAI_LIKE},
    "anthropic": Wire(("anthropic",), "anthropic", ends("/messages"), read_anthropic, least=100),
    "gemini": Wire(
        ("gemini", "vertex"), "gemini", ends(":generateContent", ":streamGenerateContent"), read_gemini, least=60
    ),
    "bedrock": Wire(("bedrock",), "bedrock", ends("/converse", "/converse-stream"), read_bedrock, least=15),
    "cohere": Wire(("cohere",), "cohere", ends("/v2/chat"), read_cohere, least=50),
    "ollama": Wire(("ollama",), "ollama", ends("/api/chat"), read_ollama, least=6),
}


def recorded(wire: Wire) -> list[Exchange]:
    found = [*exchanges(), *bedrock_fixtures()]
    return [
        one
        for one in found
        if one.provider in wire.providers
        and wire.is_generation(one.path.partition("?")[0])
        and not ("eventstream" in one.headers.get("content-type", "") and one.body.startswith(b"{"))
    ]


def is_streamed(exchange: Exchange) -> bool:
    """Whether the recorded caller asked for a stream; Google answers one without server-sent events as an array."""
    kind = exchange.headers.get("content-type", "")
    return exchange.is_stream or "json" not in kind or "ndjson" in kind or ":streamGenerateContent" in exchange.path


def answer_of(exchange: Exchange) -> Canned:
    kept = {name: exchange.headers[name] for name in KEPT_HEADERS if name in exchange.headers}
    content_type = kept.pop("content-type", "application/json")
    return Canned(exchange.body, content_type, exchange.status, kept)


async def ask(rest: aiohttp.ClientSession, *, stream: bool) -> tuple[int, list[Json], bool]:
    """Return the status, the objects that came, and whether a stream ended as a success."""
    more = {"stream": True, "stream_options": {"include_usage": True}} if stream else {}
    async with rest.post("/v1/chat/completions", json={**CHAT, **more}) as answer:
        body = await answer.read()
        if answer.content_type == "application/json":
            return answer.status, [json.loads(body)], answer.status == 200
        return answer.status, events_of(body), body.rstrip().endswith(b"data: [DONE]")


def told(status: int, objects: list[Json], succeeded: bool) -> Seen:
    """Read the gateway's own answer."""
    if status != 200 or not succeeded:
        assert objects[-1]["error"]["message"]
        return Seen(failed=True)
    as_stream = objects[0]["object"] == "chat.completion.chunk"
    lines = [f"data: {json.dumps(one)}" for one in objects]
    body = "\n".join(lines) if as_stream else json.dumps(objects[0])
    return read_openai(Exchange("", "", "", 200, {}, None, body.encode()))


@pytest.mark.parametrize("name", WIRES)
async def test_a_recorded_answer_comes_back_whole(name: str) -> None:
    wire = WIRES[name]
    recordings = recorded(wire)
    assert len(recordings) >= wire.least
    check_whole = validator("openai", "POST /chat/completions", "response")
    check_chunk = validator("openai", "POST /chat/completions", "stream")
    wrong: list[str] = []
    async with CannedProvider() as provider:
        settings = Settings(
            resilience=ONE_TRY,
            server=ServerSettings(grpc_listen=LISTEN, http_listen=LISTEN, metrics_listen=LISTEN, admin_listen=LISTEN),
            providers={
                "p": ProviderSettings(
                    dialect=wire.dialect,
                    base_url=provider.base_url,
                    api_keys=(SecretStr("none"),),
                    quirks=wire.quirks,
                )
            },
        )
        writer = LineWriter(io.BytesIO())
        gateway = Gateway(settings, writer)
        await gateway.start()
        async with aiohttp.ClientSession(f"http://{gateway.listening.http}") as rest:
            for one in recordings:
                provider.script(answer_of(one))
                expected = Seen(failed=True) if one.status >= 400 else wire.read(one)
                status, objects, succeeded = await ask(rest, stream=is_streamed(one))
                got = told(status, objects, succeeded)
                if expected.failed:
                    expected = Seen(failed=True)
                elif expected.output_tokens is None:
                    got.output_tokens = None  # counted by the gateway
                if got != expected:
                    wrong.append(f"{one.provider} {one.name}: {got} is not {expected}: {objects[-1]}"[:900])
                    continue
                if not got.failed:
                    check = check_chunk if is_streamed(one) else check_whole
                    wrong += [f"{one.name}: {fault}" for shown in objects for fault in check(shown)][:3]
        await gateway.close()
        writer.close()
    assert not wrong, "\n".join([f"{len(wrong)} of {len(recordings)}", *wrong[:12]])
