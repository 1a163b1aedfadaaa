"""Embeddings, both ways (OpenAI's API reference, "Create embeddings", 2026-11)."""

from __future__ import annotations

import array
import base64
import sys
from typing import Any

from llmgateway.v1 import embedding_pb2
from msgspec import Struct

from llmgateway_http.openai.chat_response import Json, put_back
from llmgateway_http.openai.chat_types import PositiveInt32, TokenId
from llmgateway_http.openai.errors import invalid
from llmgateway_http.openai.json_body import convert
from llmgateway_http.openai.provider_options import set_provider_options


class EmbeddingRequest(Struct):
    """The body: one input or several, each a text or its tokens."""

    model: str
    input: str | list[str | TokenId | list[TokenId]]
    dimensions: PositiveInt32 | None = None
    encoding_format: str | None = None
    metadata: dict[str, str] | None = None
    provider_options_json: dict[str, Any] | None = None
    user: str | None = None


MEMBERS = frozenset(EmbeddingRequest.__struct_fields__)


def to_embed_request(raw: dict[str, Any]) -> tuple[embedding_pb2.EmbedRequest, EmbeddingRequest]:
    """Return the request, and the typed body for what only the shim needs. Raises `RestError` (400)."""
    body = convert(raw, EmbeddingRequest)
    if body.encoding_format not in (None, "float", "base64"):
        raise invalid("encoding_format", "must be float or base64")
    request = embedding_pb2.EmbedRequest(model=body.model)
    for index, item in enumerate(inputs_of(body.input)):
        if isinstance(item, str):
            request.inputs.add(text=item)
        elif isinstance(item, list):
            request.inputs.add().token_ids.ids.extend(item)
        else:
            raise invalid(f"input[{index}]", "must not mix texts and tokens")
    if body.dimensions is not None:
        request.dimension_count = body.dimensions
    if body.metadata:
        request.labels.update(body.metadata)
    if body.user is not None:
        request.end_user_id = body.user
    set_provider_options(request.provider_options_json, raw, MEMBERS, frozenset())
    return request, body


def inputs_of(value: str | list[Any]) -> list[Any]:
    """Return the inputs as a list; a list of numbers is one input."""
    if isinstance(value, str):
        return [value]
    if value and all(isinstance(item, int) for item in value):
        return [value]
    return value


def to_embedding_list(response: embedding_pb2.EmbedResponse, model: str, *, as_base64: bool) -> Json:
    """Return the body of the answer."""
    usage = response.usage
    body: Json = {
        "object": "list",
        "data": [
            {"object": "embedding", "index": index, "embedding": to_vector(embedding, as_base64=as_base64)}
            for index, embedding in enumerate(response.embeddings)
        ],
        "model": model,
        "usage": {"prompt_tokens": usage.input_token_count, "total_tokens": usage.input_token_count},
    }
    put_back(body, response.call.provider_json)
    return body


def to_vector(embedding: embedding_pb2.Embedding, *, as_base64: bool) -> str | list[float]:
    """Return the numbers, or base64 of little-endian float32."""
    if not as_base64:
        return list(embedding.values)
    values = array.array("f", embedding.values)
    if sys.byteorder == "big":
        values.byteswap()
    return base64.b64encode(values.tobytes()).decode("ascii")
