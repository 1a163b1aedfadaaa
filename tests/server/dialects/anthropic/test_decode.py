"""Whole messages, as Anthropic's documentation shows them, and what is made of them; models as well."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from google.protobuf.json_format import ParseDict
from llmgateway.v1 import generation_pb2, message_pb2, usage_pb2
from llmgateway_server import errors
from llmgateway_server.dialects.anthropic.usage import UsageReader
from llmgateway_server.dialects.codec import Frame

from tests.server.dialects.anthropic.reading import CODEC, REQUEST, decode_whole

USAGE = {"input_tokens": 10, "output_tokens": 5}
CITATION = {
    "type": "char_location", "cited_text": "Green.", "document_index": 0, "document_title": "Grass",
    "start_char_index": 0, "end_char_index": 6, "file_id": None,
}  # fmt: skip
FOUND = [{"type": "web_search_result", "url": "https://x.example", "title": "X", "encrypted_content": "e"}]
TOO_MANY = {"type": "web_search_tool_result_error", "error_code": "max_uses_exceeded"}
UPLOAD = {"type": "container_upload", "file_id": "file_1"}


def compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def message(*content: Any, stop: str | None = "end_turn", **more: Any) -> dict[str, Any]:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-x",
        "content": list(content),
        "stop_reason": stop,
        "stop_sequence": None,
        "usage": USAGE,
        **more,
    }


def bag(**members: Any) -> dict[str, str]:
    return {"anthropic": compact(members)}


# (what it is about, blocks, the parts in proto JSON)
BLOCKS: list[tuple[str, list[Any], list[dict[str, Any]]]] = [
    ("text", [{"type": "text", "text": "Hi"}], [{"text": "Hi"}]),
    ("no text", [{"type": "text", "text": ""}], [{"text": ""}]),
    ("nothing", [], []),
    ("two texts", [{"type": "text", "text": "a", "citations": None}, {"type": "text", "text": "b"}], [{"text": "a"}, {"text": "b"}]),
    ("a citation", [{"type": "text", "text": "Green.", "citations": [CITATION]}], [{"text": "Green.", "annotations": [{"title": "Grass", "citedText": "Green.", "providerJson": compact(CITATION)}]}]),
    ("a citation from the web", [{"type": "text", "text": "x", "citations": [{"type": "web_search_result_location", "url": "https://x.example", "title": "X", "cited_text": "y", "encrypted_index": "e"}]}], [{"text": "x", "annotations": [{"uri": "https://x.example", "title": "X", "citedText": "y", "providerJson": '{"type":"web_search_result_location","url":"https://x.example","title":"X","cited_text":"y","encrypted_index":"e"}'}]}]),
    ("a thought", [{"type": "thinking", "thinking": "Hm.", "signature": "sig"}], [{"reasoning": {"text": "Hm.", "kind": "KIND_TEXT"}, "signature": {"provider": "anthropic", "value": "sig"}}]),
    ("a thought not shown", [{"type": "thinking", "thinking": "", "signature": "sig"}], [{"reasoning": {"kind": "KIND_TEXT"}, "signature": {"provider": "anthropic", "value": "sig"}}]),
    ("a thought withheld", [{"type": "redacted_thinking", "data": "enc"}], [{"reasoning": {"kind": "KIND_REDACTED"}, "signature": {"provider": "anthropic", "value": "enc"}}]),
    ("a call", [{"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"a": [1, "é"]}}], [{"toolCall": {"id": "toolu_1", "name": "f", "argumentsJson": '{"a":[1,"é"]}', "executor": "EXECUTOR_CALLER"}}]),
    ("a call without arguments", [{"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}, "caller": {"type": "direct"}}], [{"toolCall": {"id": "toolu_1", "name": "f", "argumentsJson": "{}", "executor": "EXECUTOR_CALLER"}, "providerJson": bag(caller={"type": "direct"})}]),
    ("a search", [{"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "x"}}, {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": FOUND, "caller": {"type": "direct"}}], [{"toolCall": {"id": "srvtoolu_1", "name": "web_search", "argumentsJson": '{"query":"x"}', "executor": "EXECUTOR_PROVIDER"}, "providerJson": bag(type="server_tool_use")}, {"toolResult": {"toolCallId": "srvtoolu_1", "toolName": "web_search", "outputJson": compact(FOUND)}, "providerJson": bag(type="web_search_tool_result", caller={"type": "direct"})}]),
    ("a failed search", [{"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": TOO_MANY}], [{"toolResult": {"toolCallId": "srvtoolu_1", "outputJson": compact(TOO_MANY), "failed": True}, "providerJson": bag(type="web_search_tool_result")}]),
    ("MCP", [{"type": "mcp_tool_use", "id": "mcptoolu_1", "name": "f", "server_name": "s", "input": {}}, {"type": "mcp_tool_result", "tool_use_id": "mcptoolu_1", "is_error": True, "content": [{"type": "text", "text": "No."}]}], [{"toolCall": {"id": "mcptoolu_1", "name": "f", "argumentsJson": "{}", "executor": "EXECUTOR_PROVIDER"}, "providerJson": bag(type="mcp_tool_use", server_name="s")}, {"toolResult": {"toolCallId": "mcptoolu_1", "toolName": "f", "outputJson": '[{"type":"text","text":"No."}]', "failed": True}, "providerJson": bag(type="mcp_tool_result", is_error=True)}]),
    ("a block of its own", [UPLOAD], [{"providerPart": {"dialect": "anthropic", "type": "container_upload", "json": compact(UPLOAD)}}]),
    ("what is no block", ["x", None, {"type": "text", "text": "a"}], [{"text": "a"}]),
    ("a text with more to it", [{"type": "text", "text": "a", "mood": "blue"}], [{"text": "a", "providerJson": bag(mood="blue")}]),
]  # fmt: skip


@pytest.mark.parametrize(("blocks", "parts"), [row[1:] for row in BLOCKS], ids=[row[0] for row in BLOCKS])
def test_each_block_is_a_part(blocks: list[Any], parts: list[dict[str, Any]]) -> None:
    expected = ParseDict({"role": "ROLE_ASSISTANT", "parts": parts}, message_pb2.ChatMessage())
    assert decode_whole(message(*blocks)).candidates[0].message == expected


def test_a_message_says_who_answered_and_what_is_beyond_the_contract() -> None:
    response = decode_whole(
        message(
            {"type": "text", "text": "x"},
            stop="refusal",
            stop_details={"type": "refusal", "category": "cyber"},
            container={"id": "c", "expires_at": "2026-01-01T00:00:00Z"},
            context_management=None,
            usage={**USAGE, "service_tier": "priority"},
        )
    )
    call = response.call
    assert (call.provider, call.model, call.provider_response_id) == ("anthropic", "claude-x", "msg_1")
    assert call.service_tier == "priority"
    assert json.loads(call.provider_json) == {"container": {"id": "c", "expires_at": "2026-01-01T00:00:00Z"}}
    candidate = response.candidates[0]
    assert json.loads(candidate.provider_json) == {"stop_details": {"type": "refusal", "category": "cyber"}}


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("end_turn", "STOP"),
        ("stop_sequence", "STOP"),
        ("max_tokens", "LENGTH"),
        ("tool_use", "TOOL_CALLS"),
        ("pause_turn", "PAUSED"),
        ("compaction", "PAUSED"),
        ("refusal", "REFUSED"),
        ("model_context_window_exceeded", "CONTEXT_FULL"),
        ("brand_new", "OTHER"),
        (None, "OTHER"),
    ],
)
def test_a_stop_reason_keeps_the_providers_word(word: str | None, reason: str) -> None:
    candidate = decode_whole(message({"type": "text", "text": "x"}, stop=word)).candidates[0]
    assert generation_pb2.FinishReason.Name(candidate.finish_reason) == f"FINISH_REASON_{reason}"
    assert candidate.provider_finish_reason == (word or "")


def test_a_stop_sequence_is_told() -> None:
    assert decode_whole(message(stop="stop_sequence", stop_sequence="END")).candidates[0].stop_sequence == "END"


Counts = dict[str, int]
USAGES: list[tuple[dict[str, Any], Counts]] = [
    ({"input_tokens": 3, "output_tokens": 4}, {"input_token_count": 3, "output_token_count": 4}),
    (
        {
            "input_tokens": 2,
            "cache_creation_input_tokens": 44,
            "cache_read_input_tokens": 1650,
            "cache_creation": {"ephemeral_5m_input_tokens": 14, "ephemeral_1h_input_tokens": 30},
            "output_tokens": 7,
            "output_tokens_details": {"thinking_tokens": 5},
            "server_tool_use": {"web_search_requests": 2, "web_fetch_requests": 1},
        },
        {
            "input_token_count": 1696,
            "cached_input_token_count": 1650,
            "cache_write_input_token_count": 44,
            "long_cache_write_input_token_count": 30,
            "output_token_count": 7,
            "reasoning_token_count": 5,
            "search_unit_count": 2,
        },
    ),
    (
        {"input_tokens": 1, "cache_creation": {"ephemeral_5m_input_tokens": 2, "ephemeral_1h_input_tokens": 3}},
        {"input_token_count": 6, "cache_write_input_token_count": 5, "long_cache_write_input_token_count": 3},
    ),
    (
        {
            "input_tokens": 23,
            "output_tokens": 10,
            "iterations": [
                {"type": "compaction", "input_tokens": 180, "cache_read_input_tokens": 5, "output_tokens": 3},
                {"type": "message", "input_tokens": 23, "output_tokens": 10},
            ],
        },
        {"input_token_count": 208, "output_token_count": 13},
    ),
    ({"input_tokens": 1, "cache_read_input_tokens": None, "cache_creation": None}, {"input_token_count": 1}),
]


@pytest.mark.parametrize(("raw", "counts"), USAGES)
def test_usage_adds_up_to_all_that_was_read_and_written(raw: dict[str, Any], counts: Counts) -> None:
    expected = usage_pb2.Usage(source=usage_pb2.Usage.SOURCE_PROVIDER, provider_json=compact(raw), **counts)  # type: ignore[arg-type]  # rows vary by count
    assert decode_whole(message(usage=raw)).usage == expected


@pytest.mark.parametrize(
    ("raw", "expected", "warned"),
    [
        ({"input_tokens": -5, "output_tokens": 1}, (0, 1), True),
        ({"input_tokens": 10**12, "output_tokens": 1}, (2**31 - 1, 1), True),
        ({"input_tokens": 2**31 - 1, "cache_read_input_tokens": 5}, (2**31 - 1, 0), False),
        ({"input_tokens": float("nan"), "output_tokens": 2.0}, (0, 2), True),
        ({"input_tokens": "9", "output_tokens": True}, (0, 0), True),
        ({"input_tokens": 3, "output_tokens": 4, "iterations": "x"}, (3, 4), False),
    ],
)
def test_nonsense_in_usage_is_clamped_and_marked(raw: dict[str, Any], expected: tuple[int, int], warned: bool) -> None:
    reader, usage = UsageReader(), usage_pb2.Usage()
    reader.read(raw, usage)
    assert (usage.input_token_count, usage.output_token_count) == expected
    assert bool(reader.warnings) is warned


def test_an_answer_without_usage_has_none() -> None:
    assert not decode_whole(message(usage=None)).HasField("usage")


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"content":"Hi"}', b'{"type":"message"}'])
def test_what_holds_no_message_is_a_bad_response(body: bytes) -> None:
    with pytest.raises(errors.ProviderBadResponse):
        CODEC.decode_generate(REQUEST, body)


def test_what_nests_too_deep_is_read_or_is_a_bad_response() -> None:
    for depth in (*range(960, 1010), 100_000):  # the interpreter's limit lies among them
        deep = '{"a":' * depth + "1" + "}" * depth
        body = f'{{"content":[{{"type":"tool_use","id":"a","name":"f","input":{deep}}}]}}'
        with contextlib.suppress(errors.ProviderBadResponse):
            CODEC.decode_generate(REQUEST, body.encode())
        decoder = CODEC.stream_decoder(REQUEST)
        with contextlib.suppress(errors.ProviderBadResponse):
            start = f'{{"type":"content_block_start","content_block":{{"type":"novel","x":{deep}}}}}'
            decoder.decode(Frame("content_block_start", start.encode()))
            decoder.decode(Frame("message_stop", b'{"type":"message_stop"}'))
            decoder.finish()


def test_an_error_inside_a_200_is_its_leaf() -> None:
    body = b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}'
    with pytest.raises(errors.ProviderOverloaded):
        CODEC.decode_generate(REQUEST, body)


def test_models_are_listed_with_what_is_known_of_them() -> None:
    listed = {
        "data": [
            {"type": "model", "id": "claude-x", "display_name": "Claude X", "created_at": "2025-05-22T00:00:00Z", "max_input_tokens": 200000, "max_tokens": 64000},
            {"type": "model", "id": "claude-old", "display_name": "Old", "created_at": "1970-01-01T00:00:00Z", "max_input_tokens": None},
            {"type": "model", "id": "claude-odd", "created_at": "soon"},
            {"display_name": "nameless"},
            "x",
        ],
        "has_more": False,
    }  # fmt: skip
    models = CODEC.decode_list_models(json.dumps(listed).encode())
    assert [model.id for model in models] == ["claude-x", "claude-old", "claude-odd"]
    assert models[0].create_time.seconds == 1_747_872_000
    assert (models[0].context_token_count, models[0].max_output_token_count) == (200_000, 64_000)
    assert [model.HasField("create_time") for model in models] == [True, False, False]


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"data":{}}'])
def test_a_list_of_models_that_is_none_is_a_bad_response(body: bytes) -> None:
    with pytest.raises(errors.ProviderBadResponse):
        CODEC.decode_list_models(body)
