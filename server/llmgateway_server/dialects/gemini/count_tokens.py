"""Counting the tokens of a request: `countTokens` (https://ai.google.dev/api/tokens, read 2026-11-25)."""

from __future__ import annotations

from llmgateway_server.dialects.failures import bad_response
from llmgateway_server.dialects.gemini.errors import decode_object
from llmgateway_server.dialects.gemini.models import resource
from llmgateway_server.dialects.gemini.quirks import Quirks
from llmgateway_server.dialects.reading import INT32_MAX, Json

# What Vertex AI counts; AI Studio takes a request whole.
COUNTED = ("contents", "systemInstruction", "tools", "generationConfig")


def encode_count(body: Json, model: str, quirks: Quirks) -> Json:
    """Return the body that asks for the count of a generation's body."""
    if quirks.vertex:
        return {member: body[member] for member in COUNTED if member in body}
    return {"generateContentRequest": {"model": resource(model, quirks), **body}}


def decode_count(body: bytes, provider: str) -> int:
    """Return the count. An answer without one counted nothing: Google leaves zeros out."""
    count = decode_object(provider, body).get("totalTokens", 0)
    if not isinstance(count, int) or not 0 <= count <= INT32_MAX:
        raise bad_response(provider, "it holds no count of tokens")
    return count
