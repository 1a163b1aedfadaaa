"""Vendors that speak the dialect in their own way: Mistral, OpenRouter, Azure OpenAI."""

from __future__ import annotations

import json
from typing import Any

import pytest
from llmgateway.v1 import embedding_pb2, generation_pb2, message_pb2, stream_pb2, tool_pb2
from llmgateway_server.catalog.vendors import load_vendors
from llmgateway_server.dialects.codec import Codec, Delta, DeltaKey, Frame
from llmgateway_server.dialects.registry import make_codec
from llmgateway_server.errors import (
    CallError,
    CapabilityMissing,
    InvalidField,
    ProviderBadResponse,
    ProviderOverloaded,
    ProviderRateLimited,
)

from tests.server.dialects.openai.test_encode import ENCODED
from tests.specs import closed_validator, needs_specs

Part = message_pb2.Part
Media = message_pb2.Media
Request = generation_pb2.GenerateRequest


def codec(vendor: str, **quirks: object) -> Codec:
    return make_codec("openai", vendor, {**load_vendors()[vendor].quirks, **quirks})


def body(made: Request, vendor: str) -> dict[str, Any]:
    decoded: dict[str, Any] = json.loads(codec(vendor).encode_generate(made, "m", stream=False).body)
    return decoded


def said(role: str, *parts: Part) -> message_pb2.ChatMessage:
    return message_pb2.ChatMessage(role=message_pb2.Role.Value(f"ROLE_{role}"), parts=parts)


def asks(*messages: message_pb2.ChatMessage, **fields: object) -> Request:
    return Request(model="m", messages=messages, **fields)  # type: ignore[arg-type]  # rows vary by field


def user(*parts: Part) -> message_pb2.ChatMessage:
    return said("USER", *(parts or (Part(text="Hi"),)))


@needs_specs
@pytest.mark.parametrize(
    ("vendor", "endpoint", "refused"),
    [("mistral", "POST /v1/chat/completions", 12), ("openrouter", "POST /chat/completions", 6)],
)
def test_whatever_is_sent_lies_within_the_vendor_s_closed_schema(vendor: str, endpoint: str, refused: int) -> None:
    check = closed_validator(vendor, endpoint, "request")
    count = 0
    for name, made, _ in ENCODED:
        if name == "options":
            continue  # a caller's own members are the caller's
        for stream in (False, True):
            try:
                sent = codec(vendor).encode_generate(made, "m", stream=stream).body
            except (CapabilityMissing, InvalidField):
                count += stream
                continue
            assert check(json.loads(sent)) == [], name
    assert count == refused


@pytest.mark.parametrize(
    ("given", "sent"),
    [("abcDEF123", "abcDEF123"), ("call_1", None), ("abcdefghij", None), ("a-b_c-d_e", None), ("é", None)],
)
def test_mistral_gets_nine_characters_the_same_for_call_and_result(given: str, sent: str | None) -> None:
    call = Part(tool_call=message_pb2.ToolCall(id=given, name="f", arguments_json="{}"))
    result = Part(tool_result=message_pb2.ToolResult(tool_call_id=given, output_json="1"))
    made = body(asks(user(), said("ASSISTANT", call), said("TOOL", result)), "mistral")
    called, answered = made["messages"][1]["tool_calls"][0]["id"], made["messages"][2]["tool_call_id"]
    assert called == answered
    assert len(called) == 9
    assert called.isascii()
    assert called.isalnum()
    assert sent in (None, called)


def test_ids_that_differ_stay_different() -> None:
    calls = [Part(tool_call=message_pb2.ToolCall(id=f"call_{number}", name="f")) for number in range(500)]
    made = body(asks(user(), said("ASSISTANT", *calls)), "mistral")
    assert len({call["id"] for call in made["messages"][1]["tool_calls"]}) == 500


MISTRAL_CONTENT: list[tuple[Part, dict[str, Any]]] = [
    (Part(media=Media(mime_type="audio/wav", data=b"\0\xff")), {"type": "input_audio", "input_audio": "AP8="}),
    (
        Part(media=Media(mime_type="application/pdf", uri="https://x.example/a.pdf", file_name="a.pdf")),
        {"type": "document_url", "document_url": "https://x.example/a.pdf", "document_name": "a.pdf"},
    ),
    (
        Part(media=Media(mime_type="application/pdf", data=b"\0\xff")),
        {"type": "document_url", "document_url": "data:application/pdf;base64,AP8="},
    ),
    (Part(media=Media(file_id="f-1")), {"type": "file", "file_id": "f-1"}),
    (
        Part(media=Media(mime_type="image/png", uri="https://x.example/a.png")),
        {"type": "image_url", "image_url": {"url": "https://x.example/a.png"}},
    ),
]


@pytest.mark.parametrize(("part", "expected"), MISTRAL_CONTENT)
def test_media_go_to_mistral_as_it_has_them(part: Part, expected: dict[str, Any]) -> None:
    assert body(asks(user(Part(text="Look:"), part)), "mistral")["messages"][0]["content"][1] == expected


def test_thoughts_go_back_to_mistral_in_their_place() -> None:
    answer = said("ASSISTANT", Part(reasoning=message_pb2.Reasoning(text="Hm.")), Part(text="Yes."))
    assert body(asks(user(), answer), "mistral")["messages"][1]["content"] == [
        {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]},
        {"type": "text", "text": "Yes."},
    ]


def test_mistral_gets_parameters_also_of_a_function_that_has_none() -> None:
    tools = [tool_pb2.Tool(function=tool_pb2.FunctionTool(name="clock"))]
    nothing = {"type": "object", "properties": {}}
    assert body(asks(user(), tools=tools), "mistral")["tools"][0]["function"]["parameters"] == nothing
    assert "parameters" not in body(asks(user(), tools=tools), "openai")["tools"][0]["function"]


def test_mistral_has_its_own_member_for_dimensions_and_none_for_users() -> None:
    made = embedding_pb2.EmbedRequest(inputs=[embedding_pb2.EmbedInput(text="x")], dimension_count=5)
    sent = json.loads(codec("mistral").encode_embed(made, "m").body)
    assert sent == {"model": "m", "input": ["x"], "encoding_format": "base64", "output_dimension": 5}
    made.end_user_id = "u"
    with pytest.raises(CapabilityMissing, match="end_user_id"):
        codec("mistral").encode_embed(made, "m")
    assert json.loads(codec("openai").encode_embed(made, "m").body)["user"] == "u"
    tokens = embedding_pb2.EmbedInput(token_ids=generation_pb2.TokenIds(ids=[1, 2]))
    with pytest.raises(CapabilityMissing, match=r"inputs\[0\]\.token_ids"):
        codec("mistral").encode_embed(embedding_pb2.EmbedRequest(inputs=[tokens]), "m")


EXTRA = {"type": "extra_forbidden", "loc": ["body", "messages", 0, "x"], "msg": "Extra inputs are not permitted"}
MISTRAL_ERRORS: dict[str, tuple[int, dict[str, Any], str, str]] = {
    "a model, whose code is a number": (
        400, {"object": "error", "message": "Invalid model: m", "type": "invalid_model", "code": "1500"},
        "ModelNotFound", "Invalid model: m",
    ),
    "an extra member": (
        422, {"detail": [EXTRA]}, "ProviderRejectedRequest", "body.messages.0.x: Extra inputs are not permitted",
    ),
    "an extra member, within a message": (
        422, {"object": "error", "message": {"detail": [EXTRA]}, "type": "invalid_request_error", "code": None},
        "ProviderRejectedRequest", "body.messages.0.x: Extra inputs are not permitted",
    ),
    "a key": (401, {"detail": "Invalid API Key"}, "ProviderKeyRejected", "Invalid API Key"),
}  # fmt: skip


@pytest.mark.parametrize(("status", "told", "leaf", "said"), MISTRAL_ERRORS.values(), ids=MISTRAL_ERRORS)
def test_mistral_s_errors_are_read_in_every_shape(status: int, told: dict[str, Any], leaf: str, said: str) -> None:
    error = codec("mistral").decode_error(status, {}, json.dumps(told).encode())
    assert (type(error).__name__, error.provider_message) == (leaf, said)


def test_an_error_in_mistral_s_stream_has_its_status_under_a_name_of_its_own() -> None:
    told = {"object": "error", "message": "Busy.", "type": "x", "code": "3505", "raw_status_code": 503}
    with pytest.raises(ProviderOverloaded, match="Busy"):
        codec("mistral").stream_decoder(Request()).decode(Frame("", json.dumps(told).encode()))


def test_an_answer_that_ended_in_an_error_is_one() -> None:
    whole = {"choices": [{"index": 0, "message": {"content": "x"}, "finish_reason": "error"}]}
    with pytest.raises(ProviderBadResponse, match="ended in an error"):
        codec("mistral").decode_generate(Request(), json.dumps(whole).encode())
    chunk = {"choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "error"}]}
    with pytest.raises(ProviderBadResponse, match="ended in an error"):
        codec("mistral").stream_decoder(Request()).decode(Frame("", json.dumps(chunk).encode()))


def test_padding_is_nobody_s_business() -> None:
    chunk = {
        "id": "1",
        "model": "m",
        "choices": [{"index": 0, "delta": {"content": "x"}, "finish_reason": None}],
        "p": "ab",
    }
    decoder = codec("mistral").stream_decoder(Request())
    first, second = (decoder.decode(Frame("", json.dumps(chunk).encode())) for _ in range(2))
    assert isinstance(first[0], stream_pb2.GenerationEvent)
    assert first[0].started.call.provider_json == ""
    assert second == [Delta(DeltaKey(0, 0, "text"), "x")]


def test_a_call_with_free_text_goes_on_where_there_is_none() -> None:
    call = Part(tool_call=message_pb2.ToolCall(id="a", name="shell", text="ls"))
    made = body(asks(user(), said("ASSISTANT", call)), "openrouter")
    assert made["messages"][1]["tool_calls"][0]["function"] == {"name": "shell", "arguments": '{"input":"ls"}'}


def test_several_allowed_tools_are_the_only_ones_sent_where_they_cannot_be_named() -> None:
    tools = [tool_pb2.Tool(function=tool_pb2.FunctionTool(name=name)) for name in ("a", "b", "c")]
    choice = tool_pb2.ToolChoice(mode=tool_pb2.ToolChoice.MODE_REQUIRED, allowed_tool_names=["a", "c"])
    made = body(asks(user(), tools=tools, tool_choice=choice), "mistral")
    assert [tool["function"]["name"] for tool in made["tools"]] == ["a", "c"]
    assert made["tool_choice"] == "required"


def test_an_effort_that_a_vendor_lacks_is_refused_with_those_it_has() -> None:
    with pytest.raises(CapabilityMissing, match="none, high"):
        body(asks(user(), reasoning=generation_pb2.ReasoningOptions(effort="low")), "mistral")


def test_openrouter_s_preferences_and_further_models_are_passed_on() -> None:
    options = '{"provider": {"order": ["x"]}, "models": ["a/b"], "route": "fallback"}'
    made = body(asks(user(), provider_options_json={"openai": options}), "openrouter")
    assert (made["provider"], made["models"], made["route"]) == ({"order": ["x"]}, ["a/b"], "fallback")
    with pytest.raises(InvalidField, match="models"):
        body(asks(user(), provider_options_json={"openai": '{"models": ["a/b"]}'}), "groq")


@pytest.mark.parametrize(
    ("quirks", "chat", "embeddings", "models", "model"),
    [
        ({}, "/openai/v1/chat/completions", "/openai/v1/embeddings", "/openai/v1/models", "gpt-4o"),
        (
            {"api_version": "2024-10-21", "deployments": {"gpt-4o": "my gpt"}},
            "/openai/deployments/my%20gpt/chat/completions?api-version=2024-10-21",
            "/openai/deployments/my%20gpt/embeddings?api-version=2024-10-21",
            "/openai/models?api-version=2024-10-21",
            "my gpt",
        ),
        (
            {"api_version": "2024-10-21"},
            "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21",
            "/openai/deployments/gpt-4o/embeddings?api-version=2024-10-21",
            "/openai/models?api-version=2024-10-21",
            "gpt-4o",
        ),
    ],
)
def test_azure_has_deployments_and_versions_in_its_paths(
    quirks: dict[str, Any], chat: str, embeddings: str, models: str, model: str
) -> None:
    azure = codec("azure", **quirks)
    sent = azure.encode_generate(asks(user()), "gpt-4o", stream=False)
    assert sent.path == chat
    assert json.loads(sent.body)["model"] == model
    inputs = [embedding_pb2.EmbedInput(text="x")]
    assert azure.encode_embed(embedding_pb2.EmbedRequest(inputs=inputs), "gpt-4o").path == embeddings
    assert azure.encode_list_models().path == models


OPENROUTER_ERRORS: dict[str, tuple[int, dict[str, Any], str]] = {
    "an input that its moderation flagged": (
        403, {"message": "flagged", "metadata": {"reasons": ["hate"], "flagged_input": "x"}}, "ContentFiltered",
    ),
    "a key without a right": (403, {"message": "no"}, "ProviderKeyRejected"),
    "no such model": (400, {"message": "a/b is not a valid model ID"}, "ModelNotFound"),
    "a model that nobody serves": (404, {"message": "No endpoints found for a/b:free."}, "ModelNotFound"),
    "a wish that nobody fulfils": (404, {"message": "No endpoints found that support tool use."}, "ProviderRejectedRequest"),
    "what the provider behind it said": (
        400,
        {"message": "Provider returned error", "metadata": {"raw": '{"message": "prompt is too long"}'}},
        "ContextTooLong",
    ),
    "a type beside the status": (
        400, {"message": "x", "metadata": {"error_type": "context_length_exceeded"}}, "ContextTooLong",
    ),
    "a network's time-out": (524, {"message": "x"}, "ProviderBadResponse"),
    "a time-out": (408, {"message": "x"}, "ProviderBadResponse"),
    "too large": (413, {"message": "x"}, "ProviderRejectedRequest"),
}  # fmt: skip


@pytest.mark.parametrize(("status", "told", "leaf"), OPENROUTER_ERRORS.values(), ids=OPENROUTER_ERRORS)
def test_openrouter_s_errors_are_read_by_what_stands_beside_their_status(
    status: int, told: dict[str, Any], leaf: str
) -> None:
    error = codec("openrouter").decode_error(status, {}, json.dumps({"error": {"code": status, **told}}).encode())
    assert type(error).__name__ == leaf


def test_no_milliseconds_are_no_time_where_azure_tells_seconds_beside() -> None:
    error = codec("azure").decode_error(429, {"retry-after": "1", "retry-after-ms": "0"}, b"{}")
    assert isinstance(error, ProviderRateLimited)
    assert error.retry_after_s == 1.0


def test_azure_s_filter_is_an_error_of_its_own_and_its_verdicts_are_kept() -> None:
    refused = {
        "error": {"code": "content_filter", "message": "no", "innererror": {"code": "ResponsibleAIPolicyViolation"}}
    }
    error = codec("azure").decode_error(400, {}, json.dumps(refused).encode())
    assert isinstance(error, CallError)
    assert type(error).__name__ == "ContentFiltered"
    choice = {
        "message": {"content": "x"},
        "finish_reason": "stop",
        "content_filter_results": {"hate": {"filtered": False}},
    }
    answer = {"choices": [choice], "prompt_filter_results": [{"prompt_index": 0}]}
    response = codec("azure").decode_generate(Request(), json.dumps(answer).encode())
    assert "prompt_filter_results" in response.call.provider_json
    assert "content_filter_results" in response.candidates[0].provider_json
