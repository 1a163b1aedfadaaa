"""What a model lacks is refused before it is sent, or left out where that is allowed."""

from __future__ import annotations

import pytest
from llmgateway.v1 import error_reason_pb2, generation_pb2, message_pb2, tool_pb2
from llmgateway_server.routing.capabilities import LACKING, find_missing, fit, needs_of
from llmgateway_server.routing.target import Target

Request = generation_pb2.GenerateRequest
Part = message_pb2.Part
TARGET = Target("openai", "gpt-4")


def user(*parts: Part) -> list[message_pb2.ChatMessage]:
    return [
        message_pb2.ChatMessage(role=message_pb2.ROLE_USER, parts=[Part(text="Hi")]),
        message_pb2.ChatMessage(role=message_pb2.ROLE_USER, parts=[Part(text="Look:"), *parts]),
    ]


def media(mime_type: str) -> Part:
    return Part(media=message_pb2.Media(mime_type=mime_type, data=b"x"))


SCHEMA = generation_pb2.OutputFormat(json_schema=generation_pb2.JsonSchemaFormat(schema_json="{}"))
SHOWN = Part(tool_result=message_pb2.ToolResult(tool_call_id="c", parts=[Part(text="here"), media("image/png")]))

NEEDS: list[tuple[Request, str, str]] = [
    (Request(messages=user()), "generate", "model"),
    (Request(tools=[tool_pb2.Tool(function=tool_pb2.FunctionTool(name="f"))]), "tools", "tools"),
    (Request(messages=user(media("image/png"))), "image", "messages[1].parts[1].media"),
    (Request(messages=user(SHOWN)), "image", "messages[1].parts[1].tool_result.parts[1].media"),
    (Request(messages=user(media("audio/wav"))), "audio", "messages[1].parts[1].media"),
    (Request(messages=user(media("video/mp4"))), "video", "messages[1].parts[1].media"),
    (Request(output_format=SCHEMA), "json_schema", "output_format.json_schema"),
    (Request(reasoning=generation_pb2.ReasoningOptions(effort="low")), "reasoning", "reasoning.effort"),
    (Request(reasoning=generation_pb2.ReasoningOptions(max_token_count=9)), "reasoning", "reasoning.max_token_count"),
]


@pytest.mark.parametrize(("request_", "ability", "field"), NEEDS, ids=[f"{row[1]}:{row[2]}" for row in NEEDS])
def test_what_is_missing_is_refused_by_name(request_: Request, ability: str, field: str) -> None:
    before = Request()
    before.CopyFrom(request_)
    error = find_missing(request_, TARGET, {ability}, drops=False)
    assert error is not None
    assert error.reason == error_reason_pb2.ERROR_REASON_CAPABILITY_MISSING
    assert error.metadata == {"model": "openai/gpt-4", "capability": field}
    assert field in error.message
    assert LACKING[ability] in error.message
    assert f"models.openai/gpt-4.capabilities.{ability}" in error.message
    assert request_ == before
    assert find_missing(request_, TARGET, set(LACKING) - {ability, "generate"}, drops=False) is None


@pytest.mark.parametrize(("request_", "ability", "field"), NEEDS, ids=[f"{row[1]}:{row[2]}" for row in NEEDS])
def test_only_what_keeps_its_meaning_is_left_out(request_: Request, ability: str, field: str) -> None:
    before = request_.SerializeToString(deterministic=True)
    refusal = find_missing(request_, TARGET, {ability}, drops=True)
    if ability not in ("json_schema", "reasoning"):
        assert refusal is not None
        assert "name another model." in refusal.message or "Leave it out or name" in refusal.message
        return
    assert refusal is None
    asked = request_
    fitted, warnings = fit(asked, TARGET, {ability})
    assert not fitted.HasField("output_format")
    assert not fitted.HasField("reasoning")
    assert [(warning.field, warning.description) for warning in warnings] == [
        (field, f"openai/gpt-4 {LACKING[ability]}: it was left out.")
    ]
    assert asked.SerializeToString(deterministic=True) == before


@pytest.mark.parametrize(
    "request_",
    [
        Request(messages=user(media("application/pdf"))),
        Request(reasoning=generation_pb2.ReasoningOptions(effort="none")),
        Request(reasoning=generation_pb2.ReasoningOptions(max_token_count=0)),
        Request(output_format=generation_pb2.OutputFormat(json_object=generation_pb2.JsonObjectFormat())),
    ],
)
def test_what_asks_for_nothing_is_let_through(request_: Request) -> None:
    assert [need.ability for need in needs_of(request_)] == ["generate"]
