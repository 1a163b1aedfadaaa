"""The dialects by name: what a catalogue row or a configuration may say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from llmgateway_server.dialects.anthropic.codec import AnthropicCodec
from llmgateway_server.dialects.anthropic.quirks import Quirks as AnthropicQuirks
from llmgateway_server.dialects.bedrock.codec import BedrockCodec
from llmgateway_server.dialects.bedrock.families import base_model
from llmgateway_server.dialects.bedrock.quirks import Quirks as BedrockQuirks
from llmgateway_server.dialects.codec import Codec, Sibling
from llmgateway_server.dialects.cohere.codec import CohereCodec
from llmgateway_server.dialects.cohere.quirks import Quirks as CohereQuirks
from llmgateway_server.dialects.gemini.codec import GeminiCodec
from llmgateway_server.dialects.gemini.quirks import Quirks as GeminiQuirks
from llmgateway_server.dialects.ollama.codec import OllamaCodec
from llmgateway_server.dialects.ollama.quirks import Quirks as OllamaQuirks
from llmgateway_server.dialects.openai.codec import OpenAICodec
from llmgateway_server.dialects.openai.quirks import Quirks as OpenAIQuirks
from llmgateway_server.dialects.quirks import read_quirks

Values = Mapping[str, Any]  # Any: decoded TOML or YAML, which the dialect checks


def openai(provider: str, quirks: Values) -> Codec:
    return OpenAICodec(provider, read_quirks("openai", OpenAIQuirks, quirks))


def anthropic(provider: str, quirks: Values) -> Codec:
    return AnthropicCodec(provider, read_quirks("anthropic", AnthropicQuirks, quirks))


def bedrock(provider: str, quirks: Values) -> Codec:
    return BedrockCodec(provider, read_quirks("bedrock", BedrockQuirks, quirks))


def cohere(provider: str, quirks: Values) -> Codec:
    return CohereCodec(provider, read_quirks("cohere", CohereQuirks, quirks))


def gemini(provider: str, quirks: Values) -> Codec:
    return GeminiCodec(provider, read_quirks("gemini", GeminiQuirks, quirks))


def ollama(provider: str, quirks: Values) -> Codec:
    return OllamaCodec(provider, read_quirks("ollama", OllamaQuirks, quirks))


# Each makes the codec of a provider by its name, with its quirks. Raises `QuirksError`. The dialect `mock` has
# none: it is played, not sent.
CODECS: Mapping[str, Callable[[str, Values], Codec]] = {
    "anthropic": anthropic,
    "bedrock": bedrock,
    "cohere": cohere,
    "gemini": gemini,
    "ollama": ollama,
    "openai": openai,
}


def make_sibling(dialect: str, provider: str, quirks: Values) -> Sibling | None:
    """Return the codec of Claude where a provider of another dialect serves it. Raise `QuirksError`."""
    if dialect == "gemini" and (vertex := read_quirks("gemini", GeminiQuirks, quirks)).vertex:
        return Sibling(is_claude_on_vertex, claude(provider, vertex.claude, "vertex"))
    if dialect == "bedrock":
        known = read_quirks("bedrock", BedrockQuirks, quirks)
        if known.claude_api == "messages":
            return Sibling(
                lambda model: base_model(model, known).startswith("anthropic."),
                claude(provider, known.claude, "bedrock"),
            )
    return None


def is_claude_on_vertex(model: str) -> bool:
    """Whether a model of Vertex AI is Anthropic's."""
    return model.startswith("claude")


def claude(provider: str, quirks: Values, host: str) -> Codec:
    """Return the codec of Claude at a host."""
    return anthropic(provider, {**quirks, "host": host})


def make_codec(dialect: str, provider: str, quirks: Values) -> Codec:
    """Return the codec of a provider. Raise `QuirksError` where its quirks make no sense."""
    return CODECS[dialect](provider, quirks)
