"""Whole answers, decoded: every block at its place in the contract, nothing lost, nothing invented."""

from __future__ import annotations

import json
from typing import Any

import pytest
from llmgateway.v1 import generation_pb2, message_pb2, model_pb2, usage_pb2
from llmgateway_server import errors

from tests.server.dialects.bedrock.answers import ANSWERS, REQUEST, decoded_whole, whole
from tests.server.dialects.bedrock.asking import CODEC, USER, Message, Part, asks, body, function
from tests.specs import needs_specs, validator

Finish = generation_pb2.FinishReason
BY_NAME = {name: raw for name, raw, _ in ANSWERS}


def parts(name: str) -> list[Part]:
    return list(decoded_whole(BY_NAME[name]).candidates[0].message.parts)


def test_a_text_is_a_part() -> None:
    response = decoded_whole(BY_NAME["text"])
    assert response.call.provider == "aws"
    assert response.call.provider_json == '{"metrics":{"latencyMs":7}}'
    candidate = response.candidates[0]
    assert candidate.message == Message(role=message_pb2.ROLE_ASSISTANT, parts=[Part(text="Héllo, world")])
    assert (candidate.finish_reason, candidate.provider_finish_reason) == (Finish.FINISH_REASON_STOP, "end_turn")
    assert response.usage == usage_pb2.Usage(
        input_token_count=3,
        output_token_count=5,
        source=usage_pb2.Usage.SOURCE_PROVIDER,
        provider_json='{"inputTokens":3,"outputTokens":5,"totalTokens":8}',
    )


@pytest.mark.parametrize("name", ["nothing", "an empty text"])
def test_an_answer_may_be_empty(name: str) -> None:
    assert parts(name) == []


def test_calls_have_their_arguments_as_text() -> None:
    calls = [part.tool_call for part in parts("calls, one without arguments")[1:]]
    assert [(call.id, call.name, call.arguments_json) for call in calls] == [
        ("t1", "weather", '{"city":"Oslo"}'),
        ("t2", "time", "{}"),
    ]
    assert {call.executor for call in calls} == {message_pb2.ToolCall.EXECUTOR_CALLER}


def test_thoughts_keep_their_proof() -> None:
    shown, withheld, omitted, plain, _ = parts("thoughts, shown and withheld")
    assert (shown.reasoning.text, shown.signature.provider, shown.signature.value) == ("Hm, well.", "aws", "c2ln")
    assert withheld.reasoning.kind == message_pb2.Reasoning.KIND_REDACTED
    assert (withheld.reasoning.text, withheld.signature.value) == ("", "cmVk")
    assert (omitted.reasoning.text, omitted.signature.value) == ("", "ZW1wdHk=")
    assert plain.reasoning.text == "Plain."
    assert not plain.HasField("signature")


def test_citations_are_annotations() -> None:
    (part,) = parts("citations")
    assert part.text == "Green."
    first, second = part.annotations
    assert (first.title, first.cited_text, first.uri) == ("Grass", "The grass is green.", "")
    assert not first.HasField("start_index")
    assert (second.title, second.uri) == ("Web", "https://x.example")
    assert json.loads(first.provider_json)["location"] == {"documentChar": {"documentIndex": 0, "start": 0, "end": 19}}


def test_what_bedrock_ran_itself_is_not_the_callers_to_run() -> None:
    call, result, failed = parts("a tool that Bedrock runs itself")
    assert call.tool_call.executor == message_pb2.ToolCall.EXECUTOR_PROVIDER
    assert (result.tool_result.tool_call_id, result.tool_result.output_json) == ("s", '{"stdOut":"1"}')
    assert json.loads(result.provider_json["bedrock"]) == {"type": "nova_code_interpreter_result"}
    assert failed.tool_result.failed
    assert [part.text for part in failed.tool_result.parts] == ["It failed."]


def test_images_are_media() -> None:
    data, stored, withheld = parts("an image")
    assert (data.media.mime_type, data.media.data) == ("image/png", b"\x00\xff")
    assert (stored.media.mime_type, stored.media.uri) == ("image/webp", "s3://b/a")
    assert json.loads(withheld.provider_json["bedrock"]) == {"error": {"message": "withheld"}}


def test_a_block_that_nobody_knows_is_kept_whole() -> None:
    unknown = parts("a block that nobody knows")[0].provider_part
    assert (unknown.dialect, unknown.type) == ("bedrock", "hologram")
    assert json.loads(unknown.json) == {"hologram": {"shape": "cube", "note": "ab"}}


def test_all_that_is_told_of_a_call_is_kept() -> None:
    response = decoded_whole(BY_NAME["all that is told of a call"])
    assert (response.call.model, response.call.service_tier) == ("arn:x", "flex")
    assert response.candidates[0].stop_sequence == "|"
    kept = json.loads(response.call.provider_json)
    assert sorted(kept) == ["additionalModelResponseFields", "metrics", "novelty", "performanceConfig", "trace"]


def test_unknown_members_of_a_message_are_kept() -> None:
    raw = whole({"text": "Hi"})
    raw["output"]["message"]["mood"] = "good"
    assert decoded_whole(raw).candidates[0].provider_json == '{"message":{"mood":"good"}}'


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("end_turn", Finish.FINISH_REASON_STOP),
        ("stop_sequence", Finish.FINISH_REASON_STOP),
        ("tool_use", Finish.FINISH_REASON_TOOL_CALLS),
        ("max_tokens", Finish.FINISH_REASON_LENGTH),
        ("guardrail_intervened", Finish.FINISH_REASON_CONTENT_FILTERED),
        ("content_filtered", Finish.FINISH_REASON_CONTENT_FILTERED),
        ("model_context_window_exceeded", Finish.FINISH_REASON_CONTEXT_FULL),
        ("malformed_tool_use", Finish.FINISH_REASON_MALFORMED_TOOL_CALL),
        ("malformed_model_output", Finish.FINISH_REASON_OTHER),
        ("bored", Finish.FINISH_REASON_OTHER),
    ],
)
def test_a_finish_reason_keeps_its_word(word: str, reason: int) -> None:
    candidate = decoded_whole(whole({"text": "Hi"}, reason=word)).candidates[0]
    assert (candidate.finish_reason, candidate.provider_finish_reason) == (reason, word)


@pytest.mark.parametrize(
    ("raw", "expected", "warned"),
    [
        (
            {"inputTokens": 1, "outputTokens": 2, "cacheReadInputTokens": 10, "cacheWriteInputTokens": 100},
            (111, 2, 10, 100, 0),
            0,
        ),
        (
            {
                "inputTokens": 1,
                "outputTokens": 2,
                "cacheWriteInputTokens": 30,
                "cacheDetails": [{"ttl": "1h", "inputTokens": 20}, {"ttl": "5m", "inputTokens": 10}],
            },
            (31, 2, 0, 30, 20),
            0,
        ),
        ({"inputTokens": -1, "outputTokens": "x"}, (0, 0, 0, 0, 0), 2),
        ({"inputTokens": 2**40, "outputTokens": 1, "cacheReadInputTokens": 5}, (2**31 - 1, 1, 5, 0, 0), 1),
        ({"inputTokens": 4.0, "serverToolUsage": {"x": 1}}, (4, 0, 0, 0, 0), 0),
    ],
)
def test_cached_tokens_are_input_too(raw: dict[str, Any], expected: tuple[int, ...], warned: int) -> None:
    response = decoded_whole({**whole({"text": "Hi"}), "usage": raw})
    usage = response.usage
    assert (
        usage.input_token_count,
        usage.output_token_count,
        usage.cached_input_token_count,
        usage.cache_write_input_token_count,
        usage.long_cache_write_input_token_count,
    ) == expected
    assert len(response.call.warnings) == warned
    assert json.loads(usage.provider_json) == raw


@pytest.mark.parametrize(
    "raw", [b"", b"[]", b"{", b"{}", b'{"output": {}}', b'{"output": {"message": []}}', b"\xff", b"[" * 100_000]
)
def test_what_is_no_answer_is_a_bad_response(raw: bytes) -> None:
    with pytest.raises(errors.ProviderBadResponse) as caught:
        CODEC.decode_generate(REQUEST, raw)
    assert caught.value.http_status in (200, 500)


def test_an_error_in_a_200_is_its_leaf() -> None:
    raw = {"__type": "com.amazon.coral.availability#ThrottlingException", "message": "Slow down"}
    with pytest.raises(errors.ProviderRateLimited):
        decoded_whole(raw)
    with pytest.raises(errors.ProviderBadResponse):
        decoded_whole({"Output": {"__type": "com.amazon.coral.service#UnknownOperationException"}, "Version": "1.0"})


@pytest.mark.parametrize("name", [row[0] for row in ANSWERS if row[0] not in ("an image", "a block that nobody knows")])
def test_an_answer_goes_back_as_it_came(name: str) -> None:
    message = decoded_whole(BY_NAME[name]).candidates[0].message
    tools = [function("weather"), function("time"), function("nova_code_interpreter")]
    messages = body(asks(USER, message, tools=tools))["messages"]
    expected = []
    for block in json.loads(json.dumps(BY_NAME[name]["output"]["message"]["content"])):
        if block.get("toolResult", {}).get("status") == "success":
            del block["toolResult"]["status"]  # the default is not said
        if block not in ({"text": ""}, {"reasoningContent": {"reasoningText": {"text": "Plain."}}}):
            expected.append(block)
    assert (messages[1]["content"] if len(messages) > 1 else []) == expected


def test_models_are_those_of_the_control_plane() -> None:
    body = {
        "modelSummaries": [
            {
                "modelArn": "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0",
                "modelId": "amazon.nova-lite-v1:0",
                "inputModalities": ["TEXT", "IMAGE", "VIDEO"],
                "outputModalities": ["TEXT"],
                "modelLifecycle": {"status": "ACTIVE"},
            },
            {"modelId": "cohere.embed-v4:0", "inputModalities": ["TEXT"], "outputModalities": ["EMBEDDING"]},
            {"modelName": "nameless"},
            7,
        ]
    }
    nova, embed = CODEC.decode_list_models(json.dumps(body).encode())
    assert nova == model_pb2.Model(
        id="amazon.nova-lite-v1:0",
        input_modalities=["text", "image", "video"],
        output_modalities=["text"],
        capabilities=[model_pb2.Model.CAPABILITY_GENERATE],
    )
    assert (embed.id, list(embed.capabilities)) == ("cohere.embed-v4:0", [model_pb2.Model.CAPABILITY_EMBED])
    with pytest.raises(errors.ProviderBadResponse):
        CODEC.decode_list_models(b"{}")


@needs_specs
def test_the_golden_answers_are_bedrocks_own_shape() -> None:
    check = validator("bedrock", "POST /model/{modelId}/converse", "response")
    for name, raw, _ in ANSWERS:
        if name not in ("an image", "a block that nobody knows"):  # an error instead of a source; what is not known
            assert check(raw) == [], name
