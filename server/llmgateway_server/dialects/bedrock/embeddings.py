"""Embeddings through InvokeModel, both ways: Amazon Titan and Cohere, by the name of the model.

Amazon Bedrock User Guide, "Amazon Titan Embeddings Text", "Amazon Titan Multimodal Embeddings G1", "Cohere Embed v3"
and "Cohere Embed v4" (read 2026-11-25).
"""

from __future__ import annotations

import array
import base64
from collections.abc import Iterable
from typing import Any

from llmgateway.v1 import embedding_pb2, usage_pb2

from llmgateway_server.dialects.bedrock.decode_converse import decode_object
from llmgateway_server.dialects.bedrock.errors import message_of, stream_error
from llmgateway_server.dialects.counts import read_count
from llmgateway_server.dialects.failures import bad_response
from llmgateway_server.dialects.gaps import invalid
from llmgateway_server.dialects.reading import Json, compact, items, mapping, rest, text
from llmgateway_server.errors import CapabilityMissing

Embed = embedding_pb2.EmbedRequest
FLOAT32 = embedding_pb2.EMBEDDING_ENCODING_FLOAT32
UNSPECIFIED = embedding_pb2.EMBEDDING_ENCODING_UNSPECIFIED
UBINARY = embedding_pb2.EMBEDDING_ENCODING_UBINARY
# The names of encodings, Cohere's and Titan's.
ENCODINGS = {
    FLOAT32: "float",
    embedding_pb2.EMBEDDING_ENCODING_INT8: "int8",
    embedding_pb2.EMBEDDING_ENCODING_UINT8: "uint8",
    UBINARY: "ubinary",
}
INPUT_TYPES = {"": "search_document", "query": "search_query", "document": "search_document"}
MAX_COHERE_INPUTS = 96
TITAN_MEMBERS = frozenset({"embedding", "embeddingsByType", "inputTextTokenCount", "message"})
COHERE_MEMBERS = frozenset({"embeddings", "texts", "images", "inputs", "response_type", "id"})


class EmbedEncoder:
    """Encodes one request for one model. `base` is the model's name without geography and ARN."""

    def __init__(self, request: Embed, base: str, model: str, provider: str) -> None:
        self._request = request
        self._base = base
        self._model = model
        self._provider = provider

    def body(self) -> Json:
        """Return the body. Raise `CapabilityMissing` for a model that is neither Titan's nor Cohere's."""
        if self._request.end_user_id:
            raise self._missing("end_user_id")
        if self._base.startswith("amazon.titan-embed-"):
            return self._titan()
        if self._base.startswith("cohere.embed-"):
            return self._cohere()
        raise CapabilityMissing(
            f"{self._model[:200]} is no embedding model that the bedrock dialect speaks to: name one of"
            " amazon.titan-embed-* or cohere.embed-*.",
            metadata={"model": f"{self._provider}/{self._model}"[:200], "capability": "embed"},
        )

    def _titan(self) -> Json:
        request = self._request
        if len(request.inputs) != 1:
            raise invalid("inputs", f"must hold one input, not {len(request.inputs)}: Titan takes one a call")
        takes_images = self._base.startswith("amazon.titan-embed-image")
        is_v2 = self._base.startswith("amazon.titan-embed-text-v2")
        item = request.inputs[0]
        if item.HasField("media") and takes_images:
            body: Json = {"inputImage": image_data(item)}
        else:
            body = {"inputText": text_of(0, item)}
        for name in ("input_type", "truncate"):
            if getattr(request, name) or (name == "truncate" and request.HasField("truncate")):
                raise self._missing(name)
        if request.HasField("dimension_count"):
            if takes_images:
                body["embeddingConfig"] = {"outputEmbeddingLength": request.dimension_count}
            elif is_v2:
                body["dimensions"] = request.dimension_count
            else:
                raise self._missing("dimension_count")
        if request.encoding == UBINARY and is_v2:
            body["embeddingTypes"] = ["binary"]
        elif request.encoding not in (UNSPECIFIED, FLOAT32):
            raise self._missing("encoding")
        return body

    def _cohere(self) -> Json:
        request = self._request
        is_v3 = "-v3" in self._base
        if len(request.inputs) > MAX_COHERE_INPUTS:
            raise invalid("inputs", f"must hold at most {MAX_COHERE_INPUTS}, not {len(request.inputs)}, for Cohere")
        body = self._cohere_inputs(is_v3=is_v3)
        default = "image" if is_v3 and "images" in body else "search_document"
        body["input_type"] = INPUT_TYPES.get(request.input_type, request.input_type) if request.input_type else default
        if request.encoding:
            body["embedding_types"] = [ENCODINGS[request.encoding]]
        if request.HasField("truncate"):
            body["truncate"] = ("END" if is_v3 else "RIGHT") if request.truncate else "NONE"
        if request.HasField("dimension_count"):
            if is_v3:
                raise self._missing("dimension_count")
            body["output_dimension"] = request.dimension_count
        return body

    def _cohere_inputs(self, *, is_v3: bool) -> Json:
        """Return the inputs: all texts, all images, or (v4) each as content of its own."""
        inputs = self._request.inputs
        with_media = sum(item.HasField("media") for item in inputs)
        if not with_media:
            return {"texts": [text_of(place, item) for place, item in enumerate(inputs)]}
        if with_media == len(inputs):
            return {"images": [data_url(place, item) for place, item in enumerate(inputs)]}
        if is_v3:
            raise invalid("inputs", "must be all texts or all images for Cohere Embed v3")
        return {"inputs": [{"content": [content_of(place, item)]} for place, item in enumerate(inputs)]}

    def _missing(self, field: str) -> CapabilityMissing:
        return CapabilityMissing(
            f"{self._provider} does not take {field} with {self._model[:200]}."
            " Leave it out, or name a model that has it.",
            metadata={"model": f"{self._provider}/{self._model}"[:200], "capability": field},
        )


def text_of(place: int, item: embedding_pb2.EmbedInput) -> str:
    """Return an input that is a text; refuse any other."""
    kind = item.WhichOneof("input")
    if kind != "text":
        raise invalid(f"inputs[{place}].{kind}", "is not taken by this model: send text")
    return item.text


def image_data(item: embedding_pb2.EmbedInput, place: int = 0) -> str:
    """Return an image as base64; refuse what is none, or not sent along."""
    media = item.media
    if not media.mime_type.lower().startswith("image/"):
        raise invalid(f"inputs[{place}].media.mime_type", "must be an image's")
    if media.WhichOneof("source") != "data":
        raise invalid(f"inputs[{place}].media.{media.WhichOneof('source')}", "must be data here: Bedrock fetches none")
    return base64.b64encode(media.data).decode("ascii")


def data_url(place: int, item: embedding_pb2.EmbedInput) -> str:
    """Return an image as a data URL."""
    return f"data:{item.media.mime_type.lower()};base64,{image_data(item, place)}"


def content_of(place: int, item: embedding_pb2.EmbedInput) -> Json:
    """Return an input as Cohere's content: an image or a text."""
    if item.HasField("media"):
        return {"type": "image_url", "image_url": data_url(place, item)}
    return {"type": "text", "text": text_of(place, item)}


def decode_embed(request: Embed, body: bytes, provider: str) -> embedding_pb2.EmbedResponse:
    """Return the vectors in the order of the inputs. Raise `ProviderBadResponse` where one is missing."""
    raw = decode_object(provider, body)
    if message_of(raw) and not (raw.get("embedding") or raw.get("embeddings") or raw.get("embeddingsByType")):
        raise stream_error(provider, "", raw)
    response = embedding_pb2.EmbedResponse()
    response.call.provider = provider
    response.call.provider_response_id = text(raw.get("id"))
    is_titan = "embedding" in raw or "embeddingsByType" in raw
    vectors = titan_vectors(raw, request.encoding) if is_titan else cohere_vectors(raw, request.encoding)
    if len(vectors) != len(request.inputs):
        raise bad_response(provider, f"it holds {len(vectors)} vectors for {len(request.inputs)} inputs")
    for vector in vectors:
        try:
            write_vector(vector, request.encoding, response.embeddings.add(), is_titan=is_titan)
        except (ValueError, TypeError, OverflowError) as error:
            raise bad_response(provider, "a vector is none") from error
    unknown = rest(raw, TITAN_MEMBERS if is_titan else COHERE_MEMBERS)
    if unknown:
        response.call.provider_json = compact(unknown)
    if "inputTextTokenCount" in raw:
        response.usage.source = usage_pb2.Usage.SOURCE_PROVIDER
        warnings = response.call.warnings
        found: list[Any] = []
        response.usage.input_token_count = read_count(raw, "inputTextTokenCount", found)
        warnings.extend(found)
        response.usage.provider_json = compact({"inputTextTokenCount": raw["inputTextTokenCount"]})
    return response


def titan_vectors(raw: Json, encoding: int) -> list[Any]:
    """Return Titan's one vector."""
    by_type = mapping(raw.get("embeddingsByType"))
    vector = by_type.get("binary") if encoding == UBINARY else raw.get("embedding") or by_type.get("float")
    return [] if vector is None else [vector]


def cohere_vectors(raw: Json, encoding: int) -> list[Any]:
    """Return Cohere's vectors: a bare list of floats, or a list for each encoding."""
    given = raw.get("embeddings")
    if isinstance(given, dict):
        return items(given.get(ENCODINGS.get(encoding, "float")))  # type: ignore[call-overload]  # any number may come
    return items(given)


def write_vector(vector: Any, encoding: int, into: embedding_pb2.Embedding, *, is_titan: bool) -> None:
    """Write a vector as the request's encoding has it. Raise `ValueError`, `TypeError` or `OverflowError`."""
    if not isinstance(vector, list):
        raise TypeError("a vector is a list")
    if encoding in (UNSPECIFIED, FLOAT32):
        into.values.extend(vector)
    elif encoding == embedding_pb2.EMBEDDING_ENCODING_INT8:
        into.quantized = array.array("b", vector).tobytes()
    elif encoding == UBINARY and is_titan:
        into.quantized = pack_bits(vector)
    else:
        into.quantized = bytes(vector)


def pack_bits(bits: Iterable[Any]) -> bytes:
    """Return bits eight to a byte, most significant first: Titan writes each as a number of its own."""
    digits = "".join(["1" if bit else "0" for bit in bits])
    padded = digits + "0" * (-len(digits) % 8)
    return int(padded or "0", 2).to_bytes(len(padded) // 8, "big")
