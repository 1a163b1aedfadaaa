"""Embeddings by Titan and Cohere: what is sent, what is refused, what comes back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from llmgateway.v1 import embedding_pb2, generation_pb2, message_pb2
from llmgateway_server import errors

from tests.server.dialects.bedrock.asking import CODEC

Embed = embedding_pb2.EmbedRequest
Input = embedding_pb2.EmbedInput
INT8, UINT8 = embedding_pb2.EMBEDDING_ENCODING_INT8, embedding_pb2.EMBEDDING_ENCODING_UINT8
UBINARY, FLOAT32 = embedding_pb2.EMBEDDING_ENCODING_UBINARY, embedding_pb2.EMBEDDING_ENCODING_FLOAT32
TITAN_1, TITAN_2 = "amazon.titan-embed-text-v1", "amazon.titan-embed-text-v2:0"
TITAN_IMAGE = "amazon.titan-embed-image-v1"
COHERE_3, COHERE_4 = "cohere.embed-english-v3", "us.cohere.embed-v4:0"
IMAGE = Input(media=message_pb2.Media(data=b"\x00\xff", mime_type="image/png"))
URL = "data:image/png;base64,AP8="


def embed(*inputs: str | Input, **fields: Any) -> Embed:
    return Embed(inputs=[Input(text=item) if isinstance(item, str) else item for item in inputs], **fields)


ENCODED: list[tuple[str, Embed, dict[str, Any]]] = [
    (TITAN_1, embed("a"), {"inputText": "a"}),
    (TITAN_2, embed("a", encoding=FLOAT32), {"inputText": "a"}),
    (TITAN_2, embed("a", dimension_count=256), {"inputText": "a", "dimensions": 256}),
    (TITAN_2, embed("a", encoding=UBINARY), {"inputText": "a", "embeddingTypes": ["binary"]}),
    (
        TITAN_2,
        embed("a", provider_options_json={"bedrock": '{"normalize": false}'}),
        {"inputText": "a", "normalize": False},
    ),
    (TITAN_IMAGE, embed("a"), {"inputText": "a"}),
    (
        TITAN_IMAGE,
        embed(IMAGE, dimension_count=384),
        {"inputImage": "AP8=", "embeddingConfig": {"outputEmbeddingLength": 384}},
    ),
    (COHERE_3, embed("a", "b"), {"texts": ["a", "b"], "input_type": "search_document"}),
    (COHERE_3, embed("a", input_type="query"), {"texts": ["a"], "input_type": "search_query"}),
    (COHERE_3, embed("a", input_type="document"), {"texts": ["a"], "input_type": "search_document"}),
    (COHERE_3, embed("a", input_type="clustering"), {"texts": ["a"], "input_type": "clustering"}),
    (COHERE_3, embed("a", truncate=True), {"texts": ["a"], "input_type": "search_document", "truncate": "END"}),
    (COHERE_3, embed("a", truncate=False), {"texts": ["a"], "input_type": "search_document", "truncate": "NONE"}),
    (COHERE_4, embed("a", truncate=True), {"texts": ["a"], "input_type": "search_document", "truncate": "RIGHT"}),
    (
        COHERE_4,
        embed("a", encoding=INT8, dimension_count=512),
        {"texts": ["a"], "input_type": "search_document", "embedding_types": ["int8"], "output_dimension": 512},
    ),
    (COHERE_3, embed(IMAGE), {"images": [URL], "input_type": "image"}),
    (COHERE_4, embed(IMAGE), {"images": [URL], "input_type": "search_document"}),
    (
        COHERE_4,
        embed("a", IMAGE),
        {
            "inputs": [
                {"content": [{"type": "text", "text": "a"}]},
                {"content": [{"type": "image_url", "image_url": URL}]},
            ],
            "input_type": "search_document",
        },
    ),
]


@pytest.mark.parametrize(("model", "made", "expected"), ENCODED)
def test_each_field_has_its_place(model: str, made: Embed, expected: dict[str, Any]) -> None:
    encoded = CODEC.encode_embed(made, model)
    assert json.loads(encoded.body) == expected
    assert (encoded.method, encoded.path) == ("POST", f"/model/{model.replace(':', '%3A')}/invoke")


TOKENS = Input(token_ids=generation_pb2.TokenIds(ids=[1]))
AUDIO = Input(media=message_pb2.Media(data=b"x", mime_type="audio/wav"))
STORED = Input(media=message_pb2.Media(uri="s3://b/a", mime_type="image/png"))

REFUSED: list[tuple[str, Embed, str]] = [
    (TITAN_2, embed("a", "b"), "inputs"),
    (COHERE_3, embed(*["a"] * 97), "inputs"),
    (COHERE_3, embed("a", IMAGE), "inputs"),
    (TITAN_2, embed(TOKENS), "inputs[0].token_ids"),
    (COHERE_4, embed("a", TOKENS), "inputs[1].token_ids"),
    (TITAN_2, embed(IMAGE), "inputs[0].media"),
    (TITAN_IMAGE, embed(AUDIO), "inputs[0].media.mime_type"),
    (COHERE_4, embed(IMAGE, STORED), "inputs[1].media.uri"),
]


@pytest.mark.parametrize(("model", "made", "field"), REFUSED)
def test_inputs_that_a_model_does_not_take_are_named(model: str, made: Embed, field: str) -> None:
    with pytest.raises(errors.InvalidField) as caught:
        CODEC.encode_embed(made, model)
    assert [violation.field for violation in caught.value.violations] == [field]


MISSING: list[tuple[str, Embed, str]] = [
    (TITAN_1, embed("a", dimension_count=8), "dimension_count"),
    (TITAN_1, embed("a", encoding=UBINARY), "encoding"),
    (TITAN_2, embed("a", encoding=INT8), "encoding"),
    (TITAN_2, embed("a", input_type="query"), "input_type"),
    (TITAN_2, embed("a", truncate=False), "truncate"),
    (COHERE_3, embed("a", dimension_count=8), "dimension_count"),
    (COHERE_3, embed("a", end_user_id="ann"), "end_user_id"),
    ("amazon.nova-lite-v1:0", embed("a"), "embed"),
    ("cohere.command-r-v1:0", embed("a"), "embed"),
]


@pytest.mark.parametrize(("model", "made", "capability"), MISSING)
def test_what_a_model_lacks_is_named(model: str, made: Embed, capability: str) -> None:
    with pytest.raises(errors.CapabilityMissing) as caught:
        CODEC.encode_embed(made, model)
    assert caught.value.metadata["capability"] == capability
    assert model in caught.value.message or capability == "end_user_id"


@pytest.mark.parametrize("member", ["inputText", "inputImage", "texts", "images", "inputs"])
def test_inputs_are_no_option(member: str) -> None:
    with pytest.raises(errors.InvalidField, match=member):
        CODEC.encode_embed(embed("a", provider_options_json={"bedrock": json.dumps({member: "x"})}), TITAN_2)


def decode(made: Embed, raw: object) -> embedding_pb2.EmbedResponse:
    return CODEC.decode_embed(made, json.dumps(raw).encode())


def test_titans_vector_comes_with_its_tokens() -> None:
    raw = {"embedding": [0.5, -1], "inputTextTokenCount": 3, "embeddingsByType": {"float": [0.5, -1]}, "novelty": 1}
    response = decode(embed("a"), raw)
    assert [list(vector.values) for vector in response.embeddings] == [[0.5, -1.0]]
    assert (response.usage.input_token_count, response.usage.provider_json) == (3, '{"inputTextTokenCount":3}')
    assert (response.call.provider, response.call.provider_json) == ("aws", '{"novelty":1}')


def test_titans_bits_are_packed() -> None:
    raw = {"embeddingsByType": {"binary": [1, 0, 0, 0, 0, 0, 0, 1, 1, 1]}, "inputTextTokenCount": 3}
    assert decode(embed("a", encoding=UBINARY), raw).embeddings[0].quantized == b"\x81\xc0"


@pytest.mark.parametrize(
    ("encoding", "embeddings", "expected"),
    [
        (INT8, {"int8": [[-128, 127], [0, 1]]}, [b"\x80\x7f", b"\x00\x01"]),
        (UINT8, {"uint8": [[0, 255], [1, 2]]}, [b"\x00\xff", b"\x01\x02"]),
        (UBINARY, {"ubinary": [[128], [1]]}, [b"\x80", b"\x01"]),
    ],
)
def test_coheres_numbers_are_bytes(encoding: int, embeddings: dict[str, Any], expected: list[bytes]) -> None:
    raw = {"id": "e1", "response_type": "embeddings_by_type", "embeddings": embeddings, "texts": ["a", "b"]}
    response = decode(embed("a", "b", encoding=encoding), raw)
    assert [vector.quantized for vector in response.embeddings] == expected
    assert response.call.provider_response_id == "e1"
    assert not response.HasField("usage")


@pytest.mark.parametrize("embeddings", [[[1, 2], [3, 4]], {"float": [[1, 2], [3, 4]]}])
def test_coheres_floats_come_in_two_shapes(embeddings: object) -> None:
    response = decode(embed("a", "b"), {"embeddings": embeddings})
    assert [list(vector.values) for vector in response.embeddings] == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    ("made", "raw"),
    [
        (embed("a"), []),
        (embed("a"), {}),
        (embed("a"), {"embedding": None}),
        (embed("a"), {"embedding": "x"}),
        (embed("a"), {"embedding": ["x"]}),
        (embed("a"), {"embedding": {"a": 1}}),
        (embed("a"), {"message": "An image is needed."}),
        (embed("a", "b"), {"embeddings": [[1]]}),
        (embed("a", encoding=INT8), {"embeddings": {"int8": [[128]]}}),
        (embed("a", encoding=INT8), {"embeddings": {"float": [[1]]}}),
        (embed("a", encoding=UINT8), {"embeddings": {"uint8": [[-1]]}}),
    ],
)
def test_a_vector_that_is_none_is_a_bad_response(made: Embed, raw: object) -> None:
    with pytest.raises(errors.ProviderBadResponse):
        decode(made, raw)
