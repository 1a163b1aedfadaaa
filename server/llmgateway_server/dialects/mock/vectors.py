"""Vectors of the mock: of length one, pseudo-random, the same for the same input."""

from __future__ import annotations

import array
import hashlib
import math
import sys

from llmgateway.v1 import embedding_pb2

from llmgateway_server import errors

DEFAULT_DIMENSION_COUNT = 256
MAX_DIMENSION_COUNT = 8_192

ENCODINGS = embedding_pb2.EmbeddingEncoding


def embed_inputs(request: embedding_pb2.EmbedRequest) -> list[embedding_pb2.Embedding]:
    """Return a vector for each input. Raise `InvalidField` for more than 8,192 dimensions."""
    dimension_count = DEFAULT_DIMENSION_COUNT
    if request.HasField("dimension_count"):
        dimension_count = request.dimension_count
    if dimension_count > MAX_DIMENSION_COUNT:
        description = f"must be at most {MAX_DIMENSION_COUNT} for the mock"
        raise errors.InvalidField([errors.FieldViolation("dimension_count", description)])
    return [
        encode_vector(make_vector(serialize_input(item), dimension_count), request.encoding) for item in request.inputs
    ]


def serialize_input(item: embedding_pb2.EmbedInput) -> bytes:
    """Return bytes that differ where inputs differ."""
    return item.SerializeToString(deterministic=True)


def make_vector(seed: bytes, dimension_count: int) -> list[float]:
    """Return `dimension_count` numbers whose squares add up to 1, determined by `seed`."""
    words = array.array("I", hashlib.shake_256(seed).digest(4 * dimension_count))
    if sys.byteorder == "big":
        words.byteswap()
    # Odd numbers, so that none is 0 and a vector of one dimension has a length, too.
    numbers = [2 * word + 1 - 2**32 for word in words]
    length = math.hypot(*numbers)
    return [number / length for number in numbers]


def encode_vector(vector: list[float], encoding: embedding_pb2.EmbeddingEncoding.ValueType) -> embedding_pb2.Embedding:
    """Write a vector in the numbers asked for; those of one byte cover -1 to 1."""
    if encoding == ENCODINGS.EMBEDDING_ENCODING_INT8:
        return embedding_pb2.Embedding(quantized=bytes(round(number * 127) & 0xFF for number in vector))
    if encoding == ENCODINGS.EMBEDDING_ENCODING_UINT8:
        return embedding_pb2.Embedding(quantized=bytes(round((number + 1) * 127.5) for number in vector))
    if encoding == ENCODINGS.EMBEDDING_ENCODING_UBINARY:
        bits = "".join("1" if number > 0 else "0" for number in vector)
        padded = bits + "0" * (-len(bits) % 8)
        return embedding_pb2.Embedding(quantized=int(padded, 2).to_bytes(len(padded) // 8, "big"))
    return embedding_pb2.Embedding(values=vector)
