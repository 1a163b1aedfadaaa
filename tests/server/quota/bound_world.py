"""Targets and requests to bound."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from llmgateway.v1 import generation_pb2, message_pb2
from llmgateway_server.catalog.knowledge import OWN_SOURCE
from llmgateway_server.catalog.prices import USD_NANOS, Price
from llmgateway_server.quota.bound import Terms

DAY = date(2026, 12, 1)
TEXT = {"input": 3, "output": 15}
CLAUDE = {**TEXT, "cached_input": 0.3, "cache_write_input": 3.75, "long_cache_write_input": 6}
AUDIO = {"input": 2.5, "output": 10, "audio_input": 32, "audio_output": 64}
NAMES = {
    "anthropic": "anthropic/claude-sonnet-4-6",
    "bedrock": "bedrock/anthropic.claude-sonnet-4-6",
    "cohere": "cohere/command-a",
    "gemini": "gemini/gemini-2.5-flash",
    "llmgateway": "other/m",
    "mock": "mock/echo",
    "ollama": "ollama/qwen3",
    "openai": "openai/gpt-4o",
}


def prices(usd: Mapping[str, float], source: str = "list", above: int = 0) -> list[Price]:
    """Return prices by kind, in US dollars for a million tokens."""
    return [Price(kind, round(price * USD_NANOS), source, DAY, above) for kind, price in usd.items()]


def terms(
    dialect: str = "openai",
    usd: Mapping[str, float] | None = None,
    target_id: str = "",
    context: int = 200_000,
    max_output: int = 64_000,
    source: str = "list",
) -> Terms:
    """Return a target."""
    return Terms(
        target_id or NAMES[dialect], dialect, prices(TEXT if usd is None else usd, source), context, max_output
    )


def free(dialect: str = "openai") -> Terms:
    """Return a target that the configuration gives no price above zero."""
    return terms(dialect, {"input": 0, "output": 0}, source=OWN_SOURCE, context=0, max_output=0)


def user(*parts: message_pb2.Part) -> message_pb2.ChatMessage:
    """Return a turn of the user's."""
    return message_pb2.ChatMessage(role=message_pb2.ROLE_USER, parts=parts)


def text(said: str = "Hello") -> message_pb2.Part:
    return message_pb2.Part(text=said)


def chat(*parts: message_pb2.Part, **fields: Any) -> generation_pb2.GenerateRequest:  # Any: values of fields
    """Return a generation of one message."""
    return generation_pb2.GenerateRequest(model="m", messages=[user(*(parts or (text(),)))], **fields)


def media(mime_type: str, **source: Any) -> message_pb2.Part:  # Any: bytes or a text
    return message_pb2.Part(media=message_pb2.Media(mime_type=mime_type, **(source or {"data": b"x"})))


def options(dialect: str, json: str, **fields: Any) -> generation_pb2.GenerateRequest:  # Any: values of fields
    """Return a generation with options of its caller's."""
    return chat(provider_options_json={dialect: json}, **fields)
