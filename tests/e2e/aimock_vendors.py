"""Vendors as aimock serves them: where, what it lacks of their documentation, and what it has no endpoint for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import SecretStr

KEY = "provider-key-0123456789abcdef"
BEARER = {"authorization": f"Bearer {KEY}"}


@dataclass(frozen=True, slots=True)
class Vendor:
    """One vendor. `base`, `chat`, `stream`, `embed` and `models` are paths; the last two are empty without an endpoint.

    `schema` names the vendor's description of `chat`, `embed_schema` that of `embed`. `settings` are the provider's
    beside its base URL. `sent_model` is what the vendor is told, where it is not `model`. `usage` names the counts in a
    fixture, none where aimock always sends zeros. `call_ends` is the finish reason that a fixture of tool calls has to
    name, since aimock's own is none of the vendor's.

    What aimock does not do as the vendor does: `tells_thoughts` is false where reasoning comes as text, or in a member
    that the vendor has not; `tells_errors` where an error's message does; `embeds` where vectors do; `counts_streams`
    where a stream's counts come only if asked for; `reads_schemas` where it leaves the schemas of tools unread.
    """

    model: str
    chat: str
    schema: tuple[str, str]
    base: str = ""
    stream: str = ""
    sent_model: str = ""
    key_header: Mapping[str, str] = field(default_factory=lambda: BEARER)
    settings: Mapping[str, Any] = field(default_factory=dict)
    usage: tuple[str, str] | None = ("prompt_tokens", "completion_tokens")
    counts_streams: bool = True
    call_ends: str | None = None
    tells_thoughts: bool = True
    tells_errors: bool = True
    embeds: bool = True
    reads_schemas: bool = True
    embed: str = ""
    embed_schema: tuple[str, str] | None = None
    models: str = ""

    @property
    def stream_path(self) -> str:
        return self.stream or self.chat


# By the provider's name, and after a colon which of its APIs.
VENDORS = {
    "openai": Vendor(
        model="gpt-5-mini",
        base="/v1",
        chat="/v1/chat/completions",
        schema=("openai", "POST /chat/completions"),
        embed="/v1/embeddings",
        embed_schema=("openai", "POST /embeddings"),
        models="/v1/models",
    ),
    "azure": Vendor(
        model="gpt-4o-mini",
        chat="/openai/deployments/mini/chat/completions?api-version=2024-10-21",
        schema=("openai", "POST /chat/completions"),
        key_header={"api-key": KEY},
        settings={
            "api_version": "2024-10-21",
            "deployments": {"gpt-4o-mini": "mini"},
        },
        sent_model="mini",
        embed="/openai/deployments/mini/embeddings?api-version=2024-10-21",
        embed_schema=("openai", "POST /embeddings"),
    ),
    "azure:v1": Vendor(
        model="gpt-4o-mini",
        chat="/openai/v1/chat/completions",
        schema=("openai", "POST /chat/completions"),
        settings={"access_token": SecretStr(KEY), "deployments": {"gpt-4o-mini": "mini"}},
        sent_model="mini",
        embed="/openai/v1/embeddings",
        embed_schema=("openai", "POST /embeddings"),
    ),
    "openrouter": Vendor(
        model="openai/gpt-4o-mini",
        base="/api/v1",
        chat="/api/v1/chat/completions",
        schema=("openrouter", "POST /chat/completions"),
        embed="/api/v1/embeddings",
        embed_schema=("openrouter", "POST /embeddings"),
        models="/api/v1/models",
    ),
    "mistral": Vendor(
        model="mistral-small-latest",
        base="/v1",
        chat="/v1/chat/completions",
        schema=("mistral", "POST /v1/chat/completions"),
        counts_streams=False,
        embed="/v1/embeddings",
        embed_schema=("mistral", "POST /v1/embeddings"),
        models="/v1/models",
    ),
    "anthropic": Vendor(
        model="claude-sonnet-4-5",
        chat="/v1/messages",
        schema=("anthropic", "POST /v1/messages"),
        key_header={"x-api-key": KEY, "anthropic-version": "2023-06-01"},
        usage=("input_tokens", "output_tokens"),
        models="/v1/models?limit=1000",
    ),
    "gemini": Vendor(
        model="gemini-2.5-flash",
        base="/v1beta",
        chat="/v1beta/models/gemini-2.5-flash:generateContent",
        stream="/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse",
        schema=("gemini", "POST /v1beta/models/{model}:generateContent"),
        key_header={"x-goog-api-key": KEY},
        usage=("promptTokenCount", "candidatesTokenCount"),
        call_ends="stop",
        reads_schemas=False,
    ),
    "vertex": Vendor(
        model="gemini-2.5-flash",
        base="/v1/projects/p-1/locations/europe-north1",
        chat="/v1/projects/p-1/locations/europe-north1/publishers/google/models/gemini-2.5-flash:generateContent",
        stream="/v1/projects/p-1/locations/europe-north1/publishers/google/models/gemini-2.5-flash"
        ":streamGenerateContent?alt=sse",
        schema=("vertex", "POST /v1/{model}:generateContent"),
        settings={"access_token": SecretStr(KEY), "project": "p-1", "location": "europe-north1"},
        usage=("promptTokenCount", "candidatesTokenCount"),
        call_ends="stop",
        reads_schemas=False,
    ),
    "bedrock": Vendor(
        model="us.anthropic.claude-sonnet-4-5-v1:0",
        chat="/model/us.anthropic.claude-sonnet-4-5-v1%3A0/converse",
        stream="/model/us.anthropic.claude-sonnet-4-5-v1%3A0/converse-stream",
        schema=("bedrock", "POST /model/{modelId}/converse"),
        settings={"region": "eu-north-1"},
        usage=("input_tokens", "output_tokens"),
        tells_errors=False,
    ),
    "cohere": Vendor(
        model="command-a-03-2025",
        chat="/v2/chat",
        schema=("cohere", "POST /v2/chat"),
        usage=("input_tokens", "output_tokens"),
        tells_thoughts=False,
        embed="/v2/embed",
        embed_schema=("cohere", "POST /v2/embed"),
    ),
    "ollama": Vendor(
        model="qwen3:0.6b",
        chat="/api/chat",
        schema=("ollama", "POST /api/chat"),
        usage=None,
        tells_thoughts=False,
        embeds=False,
        embed="/api/embed",
        embed_schema=("ollama", "POST /api/embed"),
        models="/api/tags",
    ),
}
