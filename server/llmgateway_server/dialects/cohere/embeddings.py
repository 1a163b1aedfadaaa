"""Embeddings, both ways (Cohere's API reference, "Embed", read 2026-11-25)."""

from __future__ import annotations

import array
from typing import Any

from llmgateway.v1 import embedding_pb2

from llmgateway_server.dialects.cohere import parts
from llmgateway_server.dialects.cohere.decode_chat import decode_object
from llmgateway_server.dialects.cohere.messages import data_url
from llmgateway_server.dialects.cohere.usage import read_usage
from llmgateway_server.dialects.failures import bad_response
from llmgateway_server.dialects.reading import Json, items, mapping, rest, text
from llmgateway_server.errors import FieldViolation, InvalidField

MAX_INPUTS = 96
INPUT_TYPES = {"query": "search_query", "document": "search_document"}
KNOWN_INPUT_TYPES = ("search_query", "search_document", "classification", "clustering", "image")
# Newer models refuse a request without a type: documents are what is embedded most.
DEFAULT_INPUT_TYPE = "search_document"
ENCODINGS = {
    embedding_pb2.EMBEDDING_ENCODING_UNSPECIFIED: "float",
    embedding_pb2.EMBEDDING_ENCODING_FLOAT32: "float",
    embedding_pb2.EMBEDDING_ENCODING_INT8: "int8",
    embedding_pb2.EMBEDDING_ENCODING_UINT8: "uint8",
    embedding_pb2.EMBEDDING_ENCODING_UBINARY: "ubinary",
}
# What an answer repeats of its request, and its frame.
ANSWER_MEMBERS = frozenset({"id", "embeddings", "texts", "images", "inputs", "meta", "response_type"})


def encode_embed(request: embedding_pb2.EmbedRequest, model: str) -> Json:
    """Return the body. Raise `InvalidField` for what is no text and no image."""
    check_inputs(request)
    body: Json = {"model": model}
    add_inputs(body, request)
    input_type = request.input_type or ("image" if "images" in body else DEFAULT_INPUT_TYPE)
    input_type = INPUT_TYPES.get(input_type, input_type)
    if input_type not in KNOWN_INPUT_TYPES:
        known = ", ".join((*INPUT_TYPES, *KNOWN_INPUT_TYPES))
        raise InvalidField([FieldViolation("input_type", f"must be one of {known} for the cohere dialect")])
    body["input_type"] = input_type
    body["embedding_types"] = [ENCODINGS[request.encoding]]
    if request.HasField("dimension_count"):
        body["output_dimension"] = request.dimension_count
    if request.HasField("truncate"):
        body["truncate"] = "END" if request.truncate else "NONE"
    return body


def check_inputs(request: embedding_pb2.EmbedRequest) -> None:
    """Raise `InvalidField` for inputs that Cohere does not take."""
    wrong = []
    if len(request.inputs) > MAX_INPUTS:
        description = f"must hold at most {MAX_INPUTS} for the cohere dialect, not {len(request.inputs)}"
        wrong.append(FieldViolation("inputs", description))
    for place, item in enumerate(request.inputs):
        kind = item.WhichOneof("input")
        if kind == "token_ids":
            wrong.append(FieldViolation(f"inputs[{place}].token_ids", "is not taken by the cohere dialect: send text"))
        elif kind == "media":
            source = item.media.WhichOneof("source") or "source"
            if source != "data":
                wrong.append(FieldViolation(f"inputs[{place}].media.{source}", "must be data: Cohere fetches nothing"))
            elif not item.media.mime_type.lower().startswith("image/"):
                description = "is none that the cohere dialect takes: send images"
                wrong.append(FieldViolation(f"inputs[{place}].media.mime_type", description))
    if wrong:
        raise InvalidField(wrong)


def add_inputs(body: Json, request: embedding_pb2.EmbedRequest) -> None:
    """Add texts or images as such, and a mixture, which only the newest models take, as contents."""
    kinds = {item.WhichOneof("input") for item in request.inputs}
    if kinds == {"media"}:
        body["images"] = [data_url(item.media) for item in request.inputs]
    elif "media" not in kinds:
        body["texts"] = [item.text for item in request.inputs]
    else:
        body["inputs"] = [
            {
                "content": [
                    {"type": "image_url", "image_url": {"url": data_url(item.media)}}
                    if item.HasField("media")
                    else {"type": "text", "text": item.text}
                ]
            }
            for item in request.inputs
        ]


def decode_embed(request: embedding_pb2.EmbedRequest, body: bytes, provider: str) -> embedding_pb2.EmbedResponse:
    """Return the vectors in the order of the inputs. Raise `ProviderBadResponse` where one is missing."""
    raw = decode_object(provider, body)
    encoding = ENCODINGS.get(request.encoding, "float")
    found = raw.get("embeddings")
    rows = items(found) or items(mapping(found).get(encoding))  # a bare list in older answers
    if len(rows) != len(request.inputs):
        raise bad_response(provider, f"it holds {len(rows)} {encoding} vectors for {len(request.inputs)} inputs")
    response = embedding_pb2.EmbedResponse()
    parts.describe(response.call, provider, text(raw.get("id")), rest(raw, ANSWER_MEMBERS))
    for row in rows:
        read_vector(row, encoding, response.embeddings.add(), provider)
    meta = mapping(raw.get("meta"))
    counts = {member: meta[member] for member in ("billed_units", "tokens", "cached_tokens") if member in meta}
    response.call.warnings.extend(read_usage(counts, response.usage))
    for said in items(meta.get("warnings")):
        response.call.warnings.add(field="", description=text(said))
    return response


def read_vector(row: Any, encoding: str, vector: embedding_pb2.Embedding, provider: str) -> None:
    """Fill in one vector."""
    if not isinstance(row, list):
        raise bad_response(provider, "a vector is no list")
    try:
        if encoding == "float":
            vector.values.extend(row)
        elif encoding == "int8":
            vector.quantized = array.array("b", row).tobytes()
        else:
            vector.quantized = bytes(row)
    except (ValueError, TypeError, OverflowError) as error:
        raise bad_response(provider, f"a vector holds what is no {encoding}") from error
