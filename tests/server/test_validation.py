"""What is refused before anything is sent: one row a rule."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration
from llmgateway.v1 import embedding_pb2, generation_pb2, message_pb2, tool_pb2
from llmgateway_server.config.settings import LimitSettings
from llmgateway_server.validation.checks import nests_deeper
from llmgateway_server.validation.requests import validate_embed, validate_generate

LIMITS = LimitSettings()
Request = generation_pb2.GenerateRequest
Part = message_pb2.Part
Media = message_pb2.Media


def message(role: str, *parts: Part) -> message_pb2.ChatMessage:
    return message_pb2.ChatMessage(role=message_pb2.Role.Value(f"ROLE_{role}"), parts=parts)


def user(*parts: Part) -> message_pb2.ChatMessage:
    return message("USER", *(parts or (Part(text="hi"),)))


def function(name: str, schema: str = "") -> tool_pb2.Tool:
    return tool_pb2.Tool(function=tool_pb2.FunctionTool(name=name, input_schema_json=schema))


def request(**fields: object) -> Request:
    return Request(**{"model": "mock/echo", "messages": [user()], **fields})  # type: ignore[arg-type]  # rows vary by field


def preferring(**preferences: Any) -> Request:  # Any: fields of the preferences
    return request(routing=generation_pb2.RoutingPreferences(**preferences))


def sampling(**fields: object) -> Request:
    return request(sampling=generation_pb2.Sampling(**fields))  # type: ignore[arg-type]


def call(id_: str) -> Part:
    return Part(tool_call=message_pb2.ToolCall(id=id_, name="f", arguments_json="{}"))


def result(id_: str, **fields: object) -> Part:
    return Part(tool_result=message_pb2.ToolResult(tool_call_id=id_, **fields))  # type: ignore[arg-type]


DEEP = "[" * 100 + "]" * 100
NAN = float("nan")

REFUSED: list[tuple[Request, str]] = [
    (
        request(messages=[message("ASSISTANT", call("a")), message("TOOL", result("a", parts=[Part()]))]),
        "messages[1].parts[0].tool_result.parts[0]",
    ),
    (
        request(messages=[message("ASSISTANT", call("a")), message("TOOL", result("a", parts=[call("b")]))]),
        "messages[1].parts[0].tool_result.parts[0].tool_call",
    ),
    (
        request(
            messages=[
                message("ASSISTANT", call("a")),
                message("TOOL", result("a", parts=[Part(text="x", provider_json={"openai": "["})])),
            ]
        ),
        'messages[1].parts[0].tool_result.parts[0].provider_json["openai"]',
    ),
    (
        request(
            messages=[
                message("ASSISTANT", call("a")),
                message(
                    "TOOL",
                    result("a", parts=[Part(provider_part=message_pb2.ProviderPart(dialect="openai", json="["))]),
                ),
            ]
        ),
        "messages[1].parts[0].tool_result.parts[0].provider_part.json",
    ),
    (request(model=""), "model"),
    (request(model="x" * 513), "model"),
    (request(messages=[]), "messages"),
    (request(messages=[user()] * 10_001), "messages"),
    (request(messages=[message_pb2.ChatMessage(parts=[Part(text="hi")])]), "messages[0].role"),
    (request(messages=[message_pb2.ChatMessage(role=99, parts=[Part(text="hi")])]), "messages[0].role"),  # type: ignore[arg-type]
    (request(messages=[message("USER")]), "messages[0].parts"),
    (request(messages=[user(Part())]), "messages[0].parts[0]"),
    (request(messages=[user(Part(refusal="no"))]), "messages[0].parts[0].refusal"),
    (
        request(messages=[message("SYSTEM", Part(media=Media(data=b"x", mime_type="image/png")))]),
        "messages[0].parts[0].media",
    ),
    (request(messages=[user(Part(media=Media(mime_type="image/png")))]), "messages[0].parts[0].media.source"),
    (request(messages=[user(Part(media=Media(data=b"x")))]), "messages[0].parts[0].media.mime_type"),
    (
        request(messages=[user(Part(text="x", provider_json={"openai": "[]"}))]),
        'messages[0].parts[0].provider_json["openai"]',
    ),
    (request(messages=[message("TOOL", result("x"))]), "messages[0].parts[0].tool_result.tool_call_id"),
    (
        request(messages=[message("ASSISTANT", call("a")), message("TOOL", result(""))]),
        "messages[1].parts[0].tool_result.tool_call_id",
    ),
    (
        request(messages=[message("ASSISTANT", Part(tool_call=message_pb2.ToolCall(id="a")))]),
        "messages[0].parts[0].tool_call.name",
    ),
    (
        request(messages=[message("ASSISTANT", call("a")), message("TOOL", result("a", output_json="{"))]),
        "messages[1].parts[0].tool_result.output_json",
    ),
    (
        request(
            messages=[
                message("ASSISTANT", call("a")),
                message("TOOL", result("a", output_json="{}", parts=[Part(text="x")])),
            ]
        ),
        "messages[1].parts[0].tool_result.output_json",
    ),
    (request(raw_prompt=generation_pb2.RawPrompt(text="x")), "raw_prompt"),
    (Request(model="m/x", raw_prompt=generation_pb2.RawPrompt()), "raw_prompt.prompt"),
    (
        Request(model="m/x", raw_prompt=generation_pb2.RawPrompt(token_ids=generation_pb2.TokenIds(ids=[-1]))),
        "raw_prompt.token_ids.ids",
    ),
    (request(tools=[tool_pb2.Tool()]), "tools[0]"),
    (request(tools=[function("")]), "tools[0].function.name"),
    (request(tools=[function("a b")]), "tools[0].function.name"),
    (request(tools=[function("f"), function("f")]), "tools[1].function.name"),
    (request(tools=[function("f", "[]")]), "tools[0].function.input_schema_json"),
    (request(tools=[function("f", '{"a":' * 70 + "1" + "}" * 70)]), "tools[0].function.input_schema_json"),
    (request(tools=[function(f"f{index}") for index in range(1_025)]), "tools"),
    (request(tools=[tool_pb2.Tool(provider_tool=tool_pb2.ProviderTool(type="t"))]), "tools[0].provider_tool.dialect"),
    (request(tool_choice=tool_pb2.ToolChoice(mode=tool_pb2.ToolChoice.MODE_REQUIRED)), "tool_choice.mode"),
    (
        request(tools=[function("f")], tool_choice=tool_pb2.ToolChoice(allowed_tool_names=["g"])),
        "tool_choice.allowed_tool_names[0]",
    ),
    (request(tools=[function("f")], tool_choice=tool_pb2.ToolChoice(mode=9)), "tool_choice.mode"),  # type: ignore[arg-type]
    (sampling(temperature=-0.1), "sampling.temperature"),
    (sampling(temperature=2.1), "sampling.temperature"),
    (sampling(temperature=NAN), "sampling.temperature"),
    (sampling(top_p=0), "sampling.top_p"),
    (sampling(top_p=NAN), "sampling.top_p"),
    (sampling(top_k=0), "sampling.top_k"),
    (sampling(min_p=1.1), "sampling.min_p"),
    (sampling(frequency_penalty=-2.1), "sampling.frequency_penalty"),
    (sampling(presence_penalty=float("inf")), "sampling.presence_penalty"),
    (sampling(stop_sequences=["x"] * 1_000), "sampling.stop_sequences"),
    (sampling(stop_sequences=[""]), "sampling.stop_sequences"),
    (sampling(logit_bias={1: 101}), "sampling.logit_bias[1]"),
    (request(max_output_token_count=0), "max_output_token_count"),
    (request(max_output_token_count=-1), "max_output_token_count"),
    (request(output_format=generation_pb2.OutputFormat()), "output_format.format"),
    (
        request(
            output_format=generation_pb2.OutputFormat(json_schema=generation_pb2.JsonSchemaFormat(schema_json="nope"))
        ),
        "output_format.json_schema.schema_json",
    ),
    (
        request(
            output_format=generation_pb2.OutputFormat(
                json_schema=generation_pb2.JsonSchemaFormat(name="a b", schema_json="{}")
            )
        ),
        "output_format.json_schema.name",
    ),
    (request(reasoning=generation_pb2.ReasoningOptions(effort="low", max_token_count=1)), "reasoning.max_token_count"),
    (request(candidate_count=0), "candidate_count"),
    (request(candidate_count=-1), "candidate_count"),
    (request(candidate_count=1_000_000_000), "candidate_count"),
    (request(top_logprob_count=21), "top_logprob_count"),
    (request(heartbeat_interval=Duration(seconds=1)), "heartbeat_interval"),
    (request(unsupported_policy=9), "unsupported_policy"),
    (request(max_cost_usd_nanos=1), "max_cost_usd_nanos"),
    (request(idempotency_key="k"), "idempotency_key"),
    (preferring(fallback_models=["mock/echo"] * 17), "routing.fallback_models"),
    (preferring(fallback_models=["mock/echo", ""]), "routing.fallback_models[1]"),
    (preferring(fallback_models=["x" * 513]), "routing.fallback_models[0]"),
    (preferring(sort="cost"), "routing.sort"),
    (
        preferring(max_price=generation_pb2.MaxPrice(output_usd_nanos_per_million=-1)),
        "routing.max_price.output_usd_nanos_per_million",
    ),
    (preferring(required_tags={"region": ""}), "routing.required_tags"),
    (request(labels={str(index): "x" for index in range(17)}), "labels"),
    (request(labels={"k": "x" * 513}), "labels[k]"),
    (request(end_user_id="x" * 513), "end_user_id"),
    (request(provider_options_json={"openai": DEEP}), 'provider_options_json["openai"]'),
    (request(provider_options_json={"openai": '{"a": NaN}'}), 'provider_options_json["openai"]'),
]


@pytest.mark.parametrize(
    ("refused", "field"), REFUSED, ids=[f"{index}-{field}" for index, (_, field) in enumerate(REFUSED)]
)
def test_a_wrong_field_is_named(refused: Request, field: str) -> None:
    assert [violation.field for violation in validate_generate(refused, LIMITS)] == [field]


@pytest.mark.parametrize(
    "scheme", ["http://example.com/a.png", "file:///etc/passwd", "data:image/png;base64,AA", "ftp://x/y", "//x"]
)
def test_only_what_a_provider_can_fetch_is_taken_as_a_uri(scheme: str) -> None:
    violations = validate_generate(
        request(messages=[user(Part(media=Media(uri=scheme, mime_type="image/png")))]), LIMITS
    )
    assert [violation.field for violation in violations] == ["messages[0].parts[0].media.uri"]


def test_a_full_request_passes() -> None:
    full = request(
        messages=[
            message("SYSTEM", Part(text="Be kind.")),
            message("DEVELOPER", Part(text="Be brief.")),
            user(Part(text="Look:"), Part(media=Media(uri="https://example.com/a.png", mime_type="image/png"))),
            message(
                "ASSISTANT", Part(reasoning=message_pb2.Reasoning(text="Hm.")), Part(text=""), call("a"), call("b")
            ),
            message("TOOL", result("a", output_json="[1]"), result("b", parts=[Part(text="ok")])),
            message("ASSISTANT"),
            user(),
        ],
        tools=[function("f", '{"type": "object"}'), tool_pb2.Tool(custom=tool_pb2.CustomTool(name="g"))],
        tool_choice=tool_pb2.ToolChoice(mode=tool_pb2.ToolChoice.MODE_REQUIRED, allowed_tool_names=["g"]),
        sampling=generation_pb2.Sampling(
            temperature=2, top_p=1, top_k=1, seed=-1, stop_sequences=["x"], logit_bias={1: -100}
        ),
        max_output_token_count=1,
        output_format=generation_pb2.OutputFormat(
            json_schema=generation_pb2.JsonSchemaFormat(schema_json='{"type": "object"}')
        ),
        candidate_count=128,
        top_logprob_count=0,
        heartbeat_interval=Duration(seconds=5),
        labels={"task": "code"},
        provider_options_json={"openai": '{"verbosity": "low"}'},
    )
    assert validate_generate(full, LIMITS) == []


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda wrong: wrong.ClearField("inputs"), "inputs"),
        (lambda wrong: wrong.inputs.extend([embedding_pb2.EmbedInput(text="x")] * 2_048), "inputs"),
        (lambda wrong: wrong.inputs.add(), "inputs[1]"),
        (lambda wrong: wrong.inputs.add(text=""), "inputs[1].text"),
        (lambda wrong: wrong.inputs.add(token_ids=generation_pb2.TokenIds()), "inputs[1].token_ids.ids"),
        (lambda wrong: setattr(wrong, "dimension_count", 0), "dimension_count"),
        (lambda wrong: setattr(wrong, "encoding", 99), "encoding"),
        (lambda wrong: setattr(wrong, "idempotency_key", "k"), "idempotency_key"),
    ],
)
def test_a_wrong_field_of_an_embedding_is_named(
    change: Callable[[embedding_pb2.EmbedRequest], None], field: str
) -> None:
    wrong = embedding_pb2.EmbedRequest(model="mock/embed", inputs=[embedding_pb2.EmbedInput(text="x")])
    assert validate_embed(wrong, LIMITS) == []
    change(wrong)
    assert [violation.field for violation in validate_embed(wrong, LIMITS)] == [field]


@pytest.mark.parametrize("depth", [1, 2, 63, 64, 65, 200])
def test_depth_counts_levels_of_objects_and_arrays(depth: int) -> None:
    value = json.loads("[" * depth + "]" * depth)
    assert nests_deeper(value, 64) == (depth > 64)
