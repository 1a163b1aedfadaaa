"""What the catalogue says of Claude's models reaches their encoder: one row a generation of models."""

from __future__ import annotations

import json

import pytest
from llmgateway.v1 import generation_pb2, message_pb2
from llmgateway_server.catalog.vendors import load_vendors
from llmgateway_server.dialects.codec import Codec
from llmgateway_server.dialects.registry import make_codec
from llmgateway_server.errors import CapabilityMissing

Sampling = generation_pb2.Sampling


@pytest.fixture
def codec() -> Codec:
    return make_codec("anthropic", "anthropic", load_vendors()["anthropic"].quirks)


def asks(**fields: object) -> generation_pb2.GenerateRequest:
    message = message_pb2.ChatMessage(role=message_pb2.ROLE_USER, parts=[message_pb2.Part(text="Hi")])
    return generation_pb2.GenerateRequest(messages=[message], **fields)  # type: ignore[arg-type]  # rows vary by field


@pytest.mark.parametrize(
    ("model", "takes"),
    [
        ("claude-3-haiku-20240307", "both"),
        ("claude-opus-4-1-20250805", "both"),
        ("claude-sonnet-4-20250514", "both"),
        ("claude-sonnet-4-5-20250929", "one"),
        ("claude-opus-4-6", "one"),
        ("claude-opus-4-7", "none"),
        ("claude-opus-5", "none"),
        ("claude-sonnet-5", "none"),
    ],
)
def test_sampling_is_sent_where_a_model_takes_it(codec: Codec, model: str, takes: str) -> None:
    one, both = asks(sampling=Sampling(temperature=0.5)), asks(sampling=Sampling(temperature=0.5, top_p=0.9))
    for request, is_taken in ((one, takes != "none"), (both, takes == "both")):
        if is_taken:
            assert json.loads(codec.encode_generate(request, model, stream=False).body)["temperature"] == 0.5
        else:
            with pytest.raises(CapabilityMissing, match=r"sampling\."):
                codec.encode_generate(request, model, stream=False)


@pytest.mark.parametrize(
    ("model", "most"),
    [("claude-3-haiku-20240307", 4096), ("claude-3-5-sonnet-20241022", 8192), ("claude-opus-5", 32_000)],
)
def test_without_a_limit_one_is_chosen_that_the_model_takes(codec: Codec, model: str, most: int) -> None:
    assert json.loads(codec.encode_generate(asks(), model, stream=False).body)["max_tokens"] == most


def test_an_effort_is_asked_for_as_each_model_has_it(codec: Codec) -> None:
    request = asks(reasoning=generation_pb2.ReasoningOptions(effort="low"))
    newest = json.loads(codec.encode_generate(request, "claude-opus-4-8", stream=False).body)
    assert (newest["thinking"], newest["output_config"]) == ({"type": "adaptive"}, {"effort": "low"})
    assert "thinking" not in json.loads(codec.encode_generate(request, "claude-opus-4-5", stream=False).body)
    with pytest.raises(CapabilityMissing, match=r"reasoning\.effort"):
        codec.encode_generate(request, "claude-sonnet-4-5", stream=False)
