"""The mock's vectors."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from llmgateway.v1 import embedding_pb2
from llmgateway_server import errors
from llmgateway_server.dialects.mock.vectors import embed_inputs, make_vector


def embed(*texts: str, **fields: object) -> list[embedding_pb2.Embedding]:
    inputs = [embedding_pb2.EmbedInput(text=text) for text in texts]
    return embed_inputs(embedding_pb2.EmbedRequest(inputs=inputs, **fields))  # type: ignore[arg-type]  # fields by name


@given(st.binary(), st.integers(1, 64))
def test_a_vector_has_length_one(seed: bytes, dimension_count: int) -> None:
    vector = make_vector(seed, dimension_count)
    assert len(vector) == dimension_count
    assert math.isclose(math.hypot(*vector), 1)


def test_equal_texts_have_equal_vectors_and_others_do_not() -> None:
    one, same, other = embed("a", "a", "b")
    assert one == same
    assert one != other
    assert len(one.values) == 256


def test_the_vector_never_changes() -> None:
    # Callers may keep vectors: this is the contract between versions.
    assert list(embed("Hello", dimension_count=2)[0].values) == pytest.approx([-0.0909218, 0.9958580], abs=1e-6)


def test_tokens_and_media_are_embedded_too() -> None:
    tokens = embedding_pb2.EmbedInput()
    tokens.token_ids.ids.extend([1, 2])
    media = embedding_pb2.EmbedInput()
    media.media.uri = "https://example.com/a.png"
    one, other = embed_inputs(embedding_pb2.EmbedRequest(inputs=[tokens, media]))
    assert one != other


def test_encodings_are_of_the_same_vector() -> None:
    floats = list(embed("a", dimension_count=10)[0].values)
    int8 = embed("a", dimension_count=10, encoding="EMBEDDING_ENCODING_INT8")[0].quantized
    uint8 = embed("a", dimension_count=10, encoding="EMBEDDING_ENCODING_UINT8")[0].quantized
    bits = embed("a", dimension_count=10, encoding="EMBEDDING_ENCODING_UBINARY")[0].quantized
    signed = [byte - 256 if byte > 127 else byte for byte in int8]
    assert signed == [round(number * 127) for number in floats]
    assert list(uint8) == [round((number + 1) * 127.5) for number in floats]
    assert f"{int.from_bytes(bits, 'big'):016b}" == "".join("1" if number > 0 else "0" for number in floats) + "000000"


def test_too_many_dimensions_are_refused() -> None:
    with pytest.raises(errors.InvalidField, match="dimension_count: must be at most 8192"):
        embed("a", dimension_count=8193)
