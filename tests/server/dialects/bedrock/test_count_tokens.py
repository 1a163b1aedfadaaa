"""Counts of tokens: asked of the models that Bedrock counts for, by their own names."""

from __future__ import annotations

import json

import pytest
from llmgateway.v1 import generation_pb2, message_pb2, tool_pb2
from llmgateway_server.dialects.bedrock.codec import BedrockCodec
from llmgateway_server.dialects.bedrock.quirks import Quirks
from llmgateway_server.errors import ProviderBadResponse

from tests.specs import FOLDER, closed_validator

PROFILE = "arn:aws:bedrock:eu-north-1:1:application-inference-profile/p"
CODEC = BedrockCodec("bedrock", Quirks(base_models={PROFILE: "anthropic.claude-sonnet-4-20250514-v1:0"}))
ASKED = generation_pb2.GenerateRequest(
    messages=[
        message_pb2.ChatMessage(role=message_pb2.ROLE_SYSTEM, parts=[message_pb2.Part(text="Be kind.")]),
        message_pb2.ChatMessage(role=message_pb2.ROLE_USER, parts=[message_pb2.Part(text="Hi")]),
    ],
    tools=[tool_pb2.Tool(function=tool_pb2.FunctionTool(name="f", description="F.", input_schema_json="{}"))],
    max_output_token_count=9,
    sampling=generation_pb2.Sampling(temperature=0.5),
    service_tier="flex",
)


@pytest.mark.parametrize(
    ("model", "named"),
    [
        ("anthropic.claude-sonnet-4-20250514-v1:0", "anthropic.claude-sonnet-4-20250514-v1%3A0"),
        ("eu.anthropic.claude-haiku-4-5-20251001-v1:0", "anthropic.claude-haiku-4-5-20251001-v1%3A0"),
        (PROFILE, "anthropic.claude-sonnet-4-20250514-v1%3A0"),
        ("anthropic.claude-3-haiku-20240307-v1:0", ""),
        ("amazon.nova-pro-v1:0", ""),
        ("us.meta.llama4-maverick-17b-instruct-v1:0", ""),
    ],
)
def test_which_models_are_counted_for_and_how_they_are_named(model: str, named: str) -> None:
    assert CODEC.counts(model) == bool(named)
    if named:
        assert CODEC.encode_count_tokens(ASKED, model).path == f"/model/{named}/count-tokens"


def test_only_what_the_count_depends_on_is_sent() -> None:
    body = json.loads(CODEC.encode_count_tokens(ASKED, PROFILE).body)
    assert body["input"]["converse"].keys() == {"messages", "system", "toolConfig"}
    if FOLDER.exists():
        assert closed_validator("bedrock", "POST /model/{modelId}/count-tokens", "request")(body) == []


def test_the_count_is_read() -> None:
    assert CODEC.decode_count_tokens(b'{"inputTokens": 7}') == 7


@pytest.mark.parametrize("body", [b"{}", b'{"inputTokens": -1}', b'{"inputTokens": "7"}', b"[]", b""])
def test_an_answer_without_a_count_is_none(body: bytes) -> None:
    with pytest.raises(ProviderBadResponse):
        CODEC.decode_count_tokens(body)
