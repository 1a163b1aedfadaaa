"""The list of models that a server holds (docs.ollama.com, "List models", read 2026-11-25)."""

from __future__ import annotations

from llmgateway.v1 import model_pb2

from llmgateway_server.dialects.failures import bad_response
from llmgateway_server.dialects.ollama.decode_chat import decode_object
from llmgateway_server.dialects.reading import mapping, text


def decode_list_models(body: bytes, provider: str) -> list[model_pb2.Model]:
    """Return the models. When one was last pulled is not when it was published: no time is told."""
    rows = decode_object(provider, body).get("models")
    if not isinstance(rows, list):
        raise bad_response(provider, "it holds no list of models")
    names = [text(mapping(row).get("model")) or text(mapping(row).get("name")) for row in rows]
    return [model_pb2.Model(id=name) for name in names if name]
