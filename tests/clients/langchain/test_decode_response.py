"""What LangChain is told of an answer: content, calls, usage and metadata."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf import text_format
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatResult
from llmgateway.v1 import generation_pb2
from llmgateway_langchain.content import register
from llmgateway_langchain.decode_response import decode_response

register()


def decoded(text: str) -> ChatResult:
    return decode_response(text_format.Parse(text, generation_pb2.GenerateResponse()))


def message_of(parts: str) -> AIMessage:
    (generation,) = decoded(f"candidates {{ message {{ role: ROLE_ASSISTANT {parts} }} }}").generations
    assert isinstance(generation.message, AIMessage)
    return generation.message


CONTENTS: list[tuple[str, Any, list[dict[str, Any]]]] = [
    ("", "", []),
    ('parts { text: "Hi" }', "Hi", [{"type": "text", "text": "Hi"}]),
    (
        'parts { text: "Hi" } parts { tool_call { id: "c" name: "f" arguments_json: "{\\"a\\": 1}" } }',
        "Hi",
        [{"type": "text", "text": "Hi"}, {"type": "tool_call", "id": "c", "name": "f", "args": {"a": 1}}],
    ),
    (
        'parts { tool_call { id: "c" name: "f" arguments_json: "{}" } signature { provider: "gemini" value: "s" } }',
        "",
        [
            {
                "type": "tool_call",
                "id": "c",
                "name": "f",
                "args": {},
                "extras": {"signature": {"provider": "gemini", "value": "s"}},
            }
        ],
    ),
    (
        'parts { reasoning { text: "Hm." kind: KIND_SUMMARY } item_id: "rs_1" signature { provider: "openai" value: "s" } }'
        'parts { text: "Hi" annotations { uri: "https://x.test" title: "X" cited_text: "x" start_index: 0 end_index: 2 } }',
        [
            {
                "type": "reasoning",
                "reasoning": "Hm.",
                "extras": {
                    "kind": "summary",
                    "item_id": "rs_1",
                    "signature": {"provider": "openai", "value": "s"},
                },
            },
            {
                "type": "text",
                "text": "Hi",
                "annotations": [
                    {
                        "type": "citation",
                        "url": "https://x.test",
                        "title": "X",
                        "cited_text": "x",
                        "start_index": 0,
                        "end_index": 2,
                    }
                ],
            },
        ],
        [],
    ),
    (
        'parts { media { mime_type: "audio/wav" data: "wav" transcript: "Hi" } }',
        [{"type": "audio", "mime_type": "audio/wav", "base64": "d2F2", "extras": {"transcript": "Hi"}}],
        [],
    ),
    ('parts { refusal: "No." }', [{"type": "refusal", "refusal": "No."}], []),
    (
        'parts { tool_call { id: "s" name: "search" arguments_json: "{}" executor: EXECUTOR_PROVIDER } }'
        'parts { tool_result { tool_call_id: "s" tool_name: "search" output_json: "[1]" } }',
        [
            {"type": "server_tool_call", "id": "s", "name": "search", "args": {}},
            {
                "type": "server_tool_result",
                "tool_call_id": "s",
                "status": "success",
                "output": [1],
                "extras": {"tool_name": "search", "output_json": "[1]"},
            },
        ],
        [],
    ),
    (
        'parts { provider_part { dialect: "anthropic" type: "x" json: "{}" } }',
        [
            {
                "type": "non_standard",
                "value": {
                    "type": "llmgateway_provider_part",
                    "dialect": "anthropic",
                    "provider_type": "x",
                    "json": "{}",
                },
            }
        ],
        [],
    ),
]


@pytest.mark.parametrize(("parts", "content", "blocks"), CONTENTS)
def test_parts_become_content(parts: str, content: Any, blocks: list[dict[str, Any]]) -> None:
    message = message_of(parts)
    assert message.content == content
    assert message.content_blocks == (blocks or content or [])


def test_arguments_that_are_none_are_an_invalid_call() -> None:
    message = message_of('parts { tool_call { id: "c" name: "f" arguments_json: "[1]" } }')
    assert message.tool_calls == []
    assert message.invalid_tool_calls == [
        {
            "type": "invalid_tool_call",
            "id": "c",
            "name": "f",
            "args": "[1]",
            "error": "The arguments are no JSON object.",
        }
    ]


def test_free_text_for_a_tool_is_its_only_argument() -> None:
    message = message_of('parts { tool_call { id: "c" name: "sh" text: "ls" } }')
    assert message.tool_calls == [{"type": "tool_call", "id": "c", "name": "sh", "args": {"__arg1": "ls"}}]


WHOLE = """
call { call_id: "call_1" provider: "openai" model: "gpt" provider_response_id: "resp_1" service_tier: "flex"
       cache { status: CACHE_STATUS_SEMANTIC_HIT } provider_json: "{}"
       warnings { field: "sampling.top_k" description: "Left out." } }
usage { input_token_count: 9 cached_input_token_count: 4 cache_write_input_token_count: 2 audio_input_token_count: 1
        image_input_token_count: 1 output_token_count: 5 reasoning_token_count: 3 audio_output_token_count: 1
        cost_usd_nanos: 0 }
candidates { message { parts { text: "Hi" logprobs { token: "Hi" utf8: "Hi" logprob: -0.5 top_logprobs { token: "Ho" logprob: -inf } } } }
             finish_reason: FINISH_REASON_LENGTH provider_finish_reason: "max_tokens" stop_sequence: "x" provider_json: "{}" }
candidates { index: 1 message { parts { refusal: "No." logprobs { token: "No." logprob: 0 } } } finish_reason: FINISH_REASON_REFUSED }
"""


def test_metadata_says_all_that_is_known() -> None:
    first, second = decoded(WHOLE).generations
    of_call = {
        "model_provider": "llmgateway",
        "model_name": "openai/gpt",
        "call_id": "call_1",
        "provider_response_id": "resp_1",
        "service_tier": "flex",
        "cache_status": "semantic_hit",
        "provider_json": "{}",
        "cost_usd_nanos": 0,
        "warnings": [{"field": "sampling.top_k", "description": "Left out."}],
    }
    token = {
        "token": "Hi",
        "bytes": [72, 105],
        "logprob": -0.5,
        "top_logprobs": [{"token": "Ho", "bytes": None, "logprob": -1.7976931348623157e308}],
    }
    assert first.message.response_metadata == {
        **of_call,
        "finish_reason": "length",
        "provider_finish_reason": "max_tokens",
        "stop_sequence": "x",
        "candidate_provider_json": "{}",
        "logprobs": {"content": [token]},
    }
    assert second.message.response_metadata == {
        **of_call,
        "finish_reason": "refused",
        "logprobs": {"refusal": [{"token": "No.", "bytes": None, "logprob": 0.0}]},
    }
    assert first.generation_info == {"finish_reason": "length"}


def test_usage_is_counted_once() -> None:
    first, second = (generation.message for generation in decoded(WHOLE).generations)
    assert isinstance(first, AIMessage)
    assert isinstance(second, AIMessage)
    assert first.usage_metadata == {
        "input_tokens": 9,
        "output_tokens": 5,
        "total_tokens": 14,
        "input_token_details": {"audio": 1, "cache_creation": 2, "cache_read": 4, "image": 1},
        "output_token_details": {"audio": 1, "reasoning": 3},
    }
    assert second.usage_metadata is None


def test_usage_that_is_unknown_is_none() -> None:
    assert message_of('parts { text: "Hi" }').usage_metadata is None


@pytest.mark.parametrize(
    ("number", "word"),
    [("FINISH_REASON_STOP", "stop"), ("FINISH_REASON_CONTENT_FILTERED", "content_filtered"), ("99", "other")],
)
def test_finish_reasons_are_the_contract_s_words(number: str, word: str) -> None:
    (generation,) = decoded(f"candidates {{ finish_reason: {number} }}").generations
    assert generation.message.response_metadata["finish_reason"] == word


def test_a_refusal_without_words_is_one_for_langchain() -> None:
    """Anthropic tells it by the finish reason alone. It is not sent back: it was no part."""
    (generation,) = decoded(
        'candidates { message { parts { text: "I" } } finish_reason: FINISH_REASON_REFUSED }'
    ).generations
    assert generation.message.content_blocks == [{"type": "text", "text": "I"}, {"type": "refusal", "refusal": ""}]
