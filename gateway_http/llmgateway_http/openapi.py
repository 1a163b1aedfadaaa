"""The description of the REST face, made from the types that read its bodies."""

from __future__ import annotations

from typing import Any

import msgspec
from aiohttp import web

from llmgateway_http.openai.chat_types import ChatRequest
from llmgateway_http.openai.completions import CompletionRequest
from llmgateway_http.openai.embeddings import EmbeddingRequest

ERROR = {"description": "An error in OpenAI's shape: `{error: {message, type, param, code}}`."}
BODIES = {
    "/v1/chat/completions": ("Create a chat completion, whole or as server-sent events.", ChatRequest),
    "/v1/completions": ("Continue a prompt.", CompletionRequest),
    "/v1/embeddings": ("Turn texts into vectors.", EmbeddingRequest),
}
READS = {
    "/v1/models": "List the models and routes that the key may use.",
    "/v1/models/{id}": "Get one model or route.",
    "/livez": "Whether the process lives.",
    "/readyz": "Whether it takes calls.",
}


def describe() -> dict[str, Any]:  # Any: JSON Schema
    """Return the OpenAPI 3.1 document."""
    types = [row[1] for row in BODIES.values()]
    schemas, components = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
    paths: dict[str, Any] = {}
    for (path, (summary, _)), schema in zip(BODIES.items(), schemas, strict=True):
        body = {"required": True, "content": {"application/json": {"schema": schema}}}
        responses = {"200": {"description": "As OpenAI's."}, "default": ERROR}
        paths[path] = {"post": {"summary": summary, "requestBody": body, "responses": responses}}
    for path, summary in READS.items():
        operation: dict[str, Any] = {"summary": summary, "responses": {"200": {"description": "As it says."}}}
        if "{id}" in path:
            schema = {"type": "string"}
            operation["parameters"] = [{"name": "id", "in": "path", "required": True, "schema": schema}]
        paths[path] = {"get": operation}
    security = {"key": {"type": "http", "scheme": "bearer"}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "llmgateway", "version": "1", "description": "The OpenAI-compatible REST face."},
        "security": [{"key": []}],
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": security},
    }


def openapi_handler() -> Any:  # a handler
    """Return a handler of the document, made once at its first request."""
    made: list[bytes] = []

    async def handle(_: web.BaseRequest) -> web.StreamResponse:
        if not made:
            made.append(msgspec.json.encode(describe()))
        return web.Response(body=made[0], headers={"content-type": "application/json"})

    return handle
