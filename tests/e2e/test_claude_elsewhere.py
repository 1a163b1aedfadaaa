"""Claude on Vertex AI and on Bedrock: the gateway asks for it as Anthropic's own clients do, and reads what comes."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Mapping
from typing import Any

import anthropic
import pytest
from llmgateway import Client, text_of
from llmgateway_server.app import Gateway
from llmgateway_server.config.settings import ProviderSettings, ServerSettings, Settings
from llmgateway_server.telemetry.logs import LineWriter
from pydantic import SecretStr

from tests.fakes.canned import Asked, Canned, CannedProvider, json_answer
from tests.fakes.framing import aws_message

KEY = "provider-key-0123456789abcdef"
LISTEN = "127.0.0.1:0"
WHOLE: Mapping[str, Any] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-x",
    "content": [{"type": "text", "text": "Hello"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 3, "output_tokens": 2},
}
EVENTS: list[dict[str, Any]] = [
    {"type": "message_start", "message": {**WHOLE, "content": [], "stop_reason": None}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hello"}},
    {"type": "content_block_stop", "index": 0},
    {
        "type": "message_delta",
        "delta": {"stop_reason": "end_turn", "stop_sequence": None},
        "usage": {"output_tokens": 2},
    },
    {"type": "message_stop"},
]


def google_stream() -> Canned:
    text = "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in EVENTS)
    return Canned(text.encode(), "text/event-stream")


def amazon_stream() -> Canned:
    chunks = [{"bytes": base64.b64encode(json.dumps(event).encode()).decode()} for event in EVENTS]
    return Canned(b"".join(aws_message("chunk", chunk) for chunk in chunks), "application/vnd.amazon.eventstream")


def google(base_url: str) -> tuple[anthropic.AsyncAnthropicVertex, str, ProviderSettings]:
    client = anthropic.AsyncAnthropicVertex(
        region="europe-north1", project_id="p-1", access_token=KEY, base_url=f"{base_url}/v1", max_retries=0
    )
    settings = ProviderSettings(
        base_url=f"{base_url}/v1/projects/p-1/locations/europe-north1", access_token=SecretStr(KEY)
    )
    return client, "vertex/claude-sonnet-4-5@20250929", settings


def amazon(base_url: str) -> tuple[anthropic.AsyncAnthropicBedrock, str, ProviderSettings]:
    client = anthropic.AsyncAnthropicBedrock(
        aws_access_key="AKID", aws_secret_key=KEY, aws_region="eu-north-1", base_url=base_url, max_retries=0
    )
    settings = ProviderSettings(
        base_url=base_url,
        region="eu-north-1",
        access_key_id=SecretStr("AKID"),
        secret_access_key=SecretStr(KEY),
        quirks={"claude_api": "messages"},
    )
    return client, "bedrock/eu.anthropic.claude-sonnet-4-5-20250929-v1:0", settings


def asked_for(asked: Asked) -> tuple[str, str, Any]:
    """Return what was asked, but for its version: the client's newest takes no sampling parameters, ours does."""
    body = dict(asked.body)
    assert body.pop("anthropic_version")
    return asked.method, asked.path.replace("%3A", ":"), body


@pytest.mark.parametrize(
    ("host", "stream"), [(google, google_stream), (amazon, amazon_stream)], ids=["vertex", "bedrock"]
)
async def test_it_is_asked_for_as_anthropic_s_own_client_does(host: Any, stream: Any) -> None:
    log = io.BytesIO()
    writer = LineWriter(log)
    async with CannedProvider() as provider:
        sdk, model, settings = host(provider.base_url)
        provider.script(json_answer(WHOLE), stream(), json_answer(WHOLE), stream())
        name = model.partition("/")[0]
        server = ServerSettings(grpc_listen=LISTEN, http_listen=LISTEN, metrics_listen=LISTEN, admin_listen=LISTEN)
        gateway = Gateway(Settings(server=server, providers={name: settings}), writer)
        await gateway.start()
        request: dict[str, Any] = {
            "model": model.partition("/")[2],
            "max_tokens": 32_000,
            "messages": [{"role": "user", "content": "Hi"}],
        }
        async with sdk, Client(gateway.listening.grpc) as client:
            told = await sdk.messages.create(**request, timeout=30)
            assert told.content[0].type == "text"
            async with sdk.messages.stream(**request) as streaming:
                assert await streaming.get_final_text() == "Hello"
            answer = await client.generate("Hi", model=model)
            async with client.stream("Hi", model=model) as events:
                async for _ in events:
                    pass
            assert text_of(answer) == text_of(events.response) == "Hello"
            assert events.response.usage.output_token_count == answer.usage.output_token_count == 2
            assert answer.call.provider_response_id == "msg_1"
        await gateway.close()
        theirs, ours = provider.asked[:2], provider.asked[2:]
        assert [asked_for(asked) for asked in ours] == [asked_for(asked) for asked in theirs]
        for asked in ours:
            assert asked.headers["authorization"].startswith(("Bearer ", "AWS4-HMAC-SHA256 "))
    writer.close()
    assert KEY.encode() not in log.getvalue()
