"""Embeddings, both ways (docs.ollama.com, "Generate embeddings", read 2026-11-25)."""

from __future__ import annotations

from llmgateway.v1 import embedding_pb2

from llmgateway_server.dialects.failures import bad_response
from llmgateway_server.dialects.gaps import MODEL_HINT, missing
from llmgateway_server.dialects.ollama import parts
from llmgateway_server.dialects.ollama.decode_chat import decode_object
from llmgateway_server.dialects.ollama.usage import read_usage
from llmgateway_server.dialects.reading import Json, items, rest, text
from llmgateway_server.errors import FieldViolation, InvalidField

FLOATS = (embedding_pb2.EMBEDDING_ENCODING_UNSPECIFIED, embedding_pb2.EMBEDDING_ENCODING_FLOAT32)
ANSWER_MEMBERS = parts.ANSWER_MEMBERS | {"embeddings"}


def encode_embed(request: embedding_pb2.EmbedRequest, model: str, provider: str) -> Json:
    """Return the body. Raise `InvalidField` for inputs that are no text, `CapabilityMissing` for other choices."""
    wrong = [
        FieldViolation(f"inputs[{place}].{item.WhichOneof('input')}", "is not taken by the ollama dialect: send text")
        for place, item in enumerate(request.inputs)
        if item.WhichOneof("input") != "text"
    ]
    if wrong:
        raise InvalidField(wrong)
    if request.encoding not in FLOATS:
        raise missing(provider, model, "encoding", hint=MODEL_HINT)
    if request.input_type:
        raise missing(provider, model, "input_type", hint=MODEL_HINT)
    body: Json = {"model": model, "input": [item.text for item in request.inputs]}
    if request.HasField("dimension_count"):
        body["dimensions"] = request.dimension_count
    if request.HasField("truncate"):
        body["truncate"] = request.truncate
    return body


def decode_embed(request: embedding_pb2.EmbedRequest, body: bytes, provider: str) -> embedding_pb2.EmbedResponse:
    """Return the vectors in the order of the inputs. Raise `ProviderBadResponse` where one is missing."""
    raw = decode_object(provider, body)
    rows = items(raw.get("embeddings"))
    if len(rows) != len(request.inputs):
        raise bad_response(provider, f"it holds {len(rows)} vectors for {len(request.inputs)} inputs")
    response = embedding_pb2.EmbedResponse()
    parts.describe(response.call, provider, text(raw.get("model")), rest(raw, ANSWER_MEMBERS))
    for row in rows:
        if not isinstance(row, list):
            raise bad_response(provider, "a vector is no list")
        try:
            response.embeddings.add().values.extend(row)
        except (ValueError, TypeError, OverflowError) as error:
            raise bad_response(provider, "a vector holds what is no number") from error
    response.call.warnings.extend(read_usage(raw, response.usage))
    return response
