"""Embeddings, both ways (OpenAI's API reference, "Create embeddings", read 2026-11-25)."""

from __future__ import annotations

import array
import base64
import binascii
import sys
from typing import Any

from llmgateway.v1 import embedding_pb2

from llmgateway_server.dialects.failures import bad_response
from llmgateway_server.dialects.gaps import MODEL_HINT, missing
from llmgateway_server.dialects.openai.decode_chat import decode_object, describe
from llmgateway_server.dialects.openai.quirks import Quirks
from llmgateway_server.dialects.openai.usage import EMBEDDING, UsageReader
from llmgateway_server.dialects.reading import Json, index, items, mapping
from llmgateway_server.errors import FieldViolation, InvalidField


def encode_embed(request: embedding_pb2.EmbedRequest, model: str, provider: str, quirks: Quirks) -> Json:
    """Return the body. Vectors are asked for as base64: a third of the bytes, and no digits to parse."""
    inputs: list[Any] = []
    for place, item in enumerate(request.inputs):
        kind = item.WhichOneof("input")
        if kind == "media":
            raise InvalidField(
                [FieldViolation(f"inputs[{place}].media", "is not taken by the openai dialect: send text")]
            )
        if kind == "token_ids" and not quirks.token_inputs:
            raise missing(provider, model, f"inputs[{place}].token_ids", hint="Send text.")
        inputs.append(item.text if kind == "text" else list(item.token_ids.ids))
    if request.encoding not in (embedding_pb2.EMBEDDING_ENCODING_UNSPECIFIED, embedding_pb2.EMBEDDING_ENCODING_FLOAT32):
        raise missing(provider, model, "encoding", hint=MODEL_HINT)
    if request.input_type:
        raise missing(provider, model, "input_type", hint=MODEL_HINT)
    if request.HasField("truncate"):
        raise missing(provider, model, "truncate", hint=MODEL_HINT)
    body: Json = {"model": model, "input": inputs, "encoding_format": "base64"}
    if request.HasField("dimension_count"):
        body[quirks.dimensions_field] = request.dimension_count
    if request.end_user_id:
        if "user" in quirks.unsupported:
            raise missing(provider, model, "end_user_id", hint=MODEL_HINT)
        body["user"] = request.end_user_id
    return body


def decode_embed(
    request: embedding_pb2.EmbedRequest, body: bytes, provider: str, quirks: Quirks
) -> embedding_pb2.EmbedResponse:
    """Return the vectors in the order of the inputs. Raise `ProviderBadResponse` where one is missing."""
    raw = decode_object(provider, body)
    rows = [row for row in items(raw.get("data")) if isinstance(row, dict)]
    if len(rows) != len(request.inputs):
        raise bad_response(provider, f"it holds {len(rows)} vectors for {len(request.inputs)} inputs")
    response = embedding_pb2.EmbedResponse()
    describe(
        response.call, {member: value for member, value in raw.items() if member not in ("data", "object")}, provider
    )
    for row in sorted(rows, key=lambda row: index(row.get("index"), 0)):
        try:
            response.embeddings.add().values.extend(read_vector(row.get("embedding")))
        except (ValueError, TypeError, OverflowError) as error:
            raise bad_response(provider, "a vector is none") from error
    usage = mapping(raw.get("usage"))
    if usage:
        reader = UsageReader(quirks)
        reader.read(usage, response.usage, EMBEDDING)
        response.call.warnings.extend(reader.warnings)
    return response


def read_vector(value: Any) -> array.array[float] | list[float]:
    """Return a vector: numbers, or base64 of little-endian float32. Raise `ValueError` or `TypeError`."""
    if not isinstance(value, str):
        if not isinstance(value, list):
            raise TypeError("a vector is a list or base64")
        return value
    try:
        data = base64.b64decode(value, validate=True)
    except binascii.Error as error:
        raise ValueError("a vector is not base64") from error
    vector = array.array("f")
    vector.frombytes(data)
    if sys.byteorder == "big":
        vector.byteswap()
    return vector
