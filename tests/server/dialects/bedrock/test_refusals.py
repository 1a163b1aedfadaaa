"""What is not sent: refused by the path of its field, or dropped with a warning where the request allows that."""

from __future__ import annotations

import json
from typing import Any

import pytest
from llmgateway.v1 import generation_pb2, message_pb2, tool_pb2
from llmgateway_server import errors

from tests.server.dialects.bedrock.asking import (
    CLAUDE,
    CLAUDE_NEWEST,
    CODEC,
    LLAMA,
    NOVA,
    NOVA_2,
    OSS,
    USER,
    Call,
    Choice,
    Media,
    Message,
    Part,
    Request,
    Result,
    Tool,
    asks,
    dropping,
    function,
    request,
    said,
    sampling,
    schema_format,
    thinks,
    user_parts,
)

TIME = function("time")
CALL = said("ASSISTANT", Part(tool_call=Call(id="a", name="time")))
RESULT = said("TOOL", Part(tool_result=Result(tool_call_id="a", output_json="1")))
FORMAT = generation_pb2.OutputFormat
CACHED = message_pb2.CacheBreakpoint(ttl="24h")

# What a target lacks: (field, request, model). It may be dropped.
MISSING: list[tuple[str, Request, str]] = [
    ("sampling.top_k", sampling(top_k=4), LLAMA),
    ("sampling.top_k", sampling(top_k=4), CLAUDE_NEWEST),
    ("sampling.temperature", sampling(temperature=0.5), CLAUDE_NEWEST),
    ("sampling.top_p", sampling(top_p=0.5), CLAUDE_NEWEST),
    ("sampling.top_p", sampling(temperature=0.5, top_p=0.5), CLAUDE),
    ("sampling.min_p", sampling(min_p=0.5), CLAUDE),
    ("sampling.frequency_penalty", sampling(frequency_penalty=0.5), CLAUDE),
    ("sampling.presence_penalty", sampling(presence_penalty=0.5), CLAUDE),
    ("sampling.seed", sampling(seed=1), CLAUDE),
    ("sampling.logit_bias", sampling(logit_bias={1: 1}), OSS),
    ("output_format.json_object", request(output_format=FORMAT(json_object={})), CLAUDE),
    ("output_format.grammar", request(output_format=FORMAT(grammar=tool_pb2.Grammar(syntax="lark"))), CLAUDE),
    ("output_format.json_schema.strict", schema_format(schema_json="{}", strict=False), CLAUDE),
    ("candidate_count", request(candidate_count=2), CLAUDE),
    ("top_logprob_count", request(top_logprob_count=0), CLAUDE),
    ("end_user_id", request(end_user_id="ann"), CLAUDE),
    ("service_tier", request(service_tier="batch"), CLAUDE),
    ("prompt_cache.key", request(prompt_cache=generation_pb2.PromptCacheOptions(key="k")), CLAUDE),
    ("prompt_cache.ttl", request(prompt_cache=generation_pb2.PromptCacheOptions(ttl="1h")), CLAUDE),
    ("output_modalities", request(output_modalities=["text", "image"]), CLAUDE),
    ("audio", request(audio=generation_pb2.AudioOptions(voice="alloy")), CLAUDE),
    ("reasoning.effort", thinks(effort="low"), CLAUDE),
    ("reasoning.effort", thinks(effort="minimal"), CLAUDE_NEWEST),
    ("reasoning.effort", thinks(effort="low"), LLAMA),
    ("reasoning.effort", thinks(effort="max"), NOVA_2),
    ("reasoning.effort", thinks(effort="none"), OSS),
    ("reasoning.max_token_count", thinks(max_token_count=2000), CLAUDE_NEWEST),
    ("reasoning.max_token_count", thinks(max_token_count=2000), NOVA_2),
    ("reasoning.max_token_count", thinks(max_token_count=0), LLAMA),
    ("reasoning.max_token_count", thinks(max_token_count=0), OSS),
    ("reasoning.visibility", thinks(visibility="auto"), CLAUDE_NEWEST),
    ("reasoning.visibility", thinks(effort="low", visibility="full"), CLAUDE_NEWEST),
    ("reasoning.visibility", thinks(max_token_count=2000, visibility="auto"), CLAUDE),
    ("reasoning.visibility", thinks(visibility="auto"), LLAMA),
    ("reasoning.visibility", thinks(visibility="auto"), NOVA_2),
    ("reasoning.visibility", thinks(visibility="auto"), OSS),
    ("messages[0].name", asks(said("USER", Part(text="Hi"), name="ann")), CLAUDE),
    (
        "messages[0].parts[0].media.detail",
        user_parts(Part(media=Media(data=b"x", mime_type="image/png", detail="low"))),
        CLAUDE,
    ),
    ("messages[0].parts[0].cache_breakpoint.ttl", user_parts(Part(text="Hi", cache_breakpoint=CACHED)), CLAUDE),
    (
        "messages[2].parts[0].tool_result.parts[0].cache_breakpoint",
        asks(
            USER,
            CALL,
            said(
                "TOOL",
                Part(tool_result=Result(tool_call_id="a", parts=[Part(text="1", cache_breakpoint=CACHED)])),
            ),
            tools=[TIME],
        ),
        CLAUDE,
    ),
    (
        "messages[1].parts[0].media",
        asks(USER, said("ASSISTANT", Part(media=Media(data=b"x", mime_type="image/png")), Part(text="See"))),
        NOVA,
    ),
    (
        "tool_choice.mode",
        asks(USER, CALL, RESULT, tools=[TIME], tool_choice=Choice(mode=Choice.MODE_NONE)),
        CLAUDE,
    ),
    ("tool_choice.parallel", request(tools=[TIME], tool_choice=Choice(parallel=False)), CLAUDE),
    (
        "tool_choice.mode",
        request(
            tools=[Tool(provider_tool=tool_pb2.ProviderTool(dialect="bedrock", type="bash_20250124"))],
            tool_choice=Choice(mode=Choice.MODE_REQUIRED),
        ),
        CLAUDE,
    ),
    (
        "tools[0].cache_breakpoint",
        request(
            tools=[
                Tool(
                    provider_tool=tool_pb2.ProviderTool(dialect="bedrock", type="bash_20250124"),
                    cache_breakpoint=message_pb2.CacheBreakpoint(),
                )
            ]
        ),
        CLAUDE,
    ),
]


@pytest.mark.parametrize(("field", "made", "model"), MISSING, ids=[f"{row[0]}-{row[2]}" for row in MISSING])
def test_what_the_target_lacks_is_refused_or_dropped_with_a_warning(field: str, made: Request, model: str) -> None:
    with pytest.raises(errors.CapabilityMissing) as caught:
        CODEC.encode_generate(made, model, stream=False)
    assert caught.value.metadata["capability"] == field
    assert field in caught.value.message
    encoded = CODEC.encode_generate(dropping(made), model, stream=False)
    assert [warning.field for warning in encoded.warnings] == [field]


# What no policy drops: a tool or a prompt that the dialect has no place for.
IMPOSSIBLE: list[tuple[str, Request]] = [
    ("raw_prompt", Request(raw_prompt=generation_pb2.RawPrompt(text="Once"))),
    ("tools[0]", request(tools=[Tool(custom=tool_pb2.CustomTool(name="note"))])),
    ("tools[0]", request(tools=[Tool(provider_tool=tool_pb2.ProviderTool(dialect="openai", type="web_search"))])),
]


@pytest.mark.parametrize(("capability", "made"), IMPOSSIBLE)
def test_what_the_dialect_has_no_place_for_is_refused_whatever_the_policy(capability: str, made: Request) -> None:
    for asked in (made, dropping(made)):
        with pytest.raises(errors.CapabilityMissing) as caught:
            CODEC.encode_generate(asked, CLAUDE, stream=False)
        assert caught.value.metadata["capability"] == capability


def test_a_tool_that_a_model_does_not_define_is_refused() -> None:
    tool = Tool(provider_tool=tool_pb2.ProviderTool(dialect="bedrock", type="bash_20250124"))
    with pytest.raises(errors.CapabilityMissing, match=r"tools\[0\]"):
        CODEC.encode_generate(request(tools=[tool]), LLAMA, stream=False)


def media(mime_type: str = "image/png", **source: Any) -> Part:
    return Part(media=Media(mime_type=mime_type, **source))


# What is wrong: (field, request)
WRONG: list[tuple[str, Request]] = [
    ("sampling.temperature", sampling(temperature=1.5)),
    ("reasoning.max_token_count", thinks(max_token_count=100)),
    ("messages", asks(said("SYSTEM", Part(text="Be kind.")))),
    ("messages[0].role", asks(said("ASSISTANT", Part(text="Hello")), USER)),
    ("messages[1].parts", asks(USER, said("USER", Part(text=" ")))),
    ("messages[0].parts[0].media.uri", user_parts(media(uri="https://x.example/a.png"))),
    ("messages[0].parts[0].media.uri", user_parts(media(uri="gs://bucket/a.png"))),
    ("messages[0].parts[0].media.file_id", user_parts(media(file_id="file-1"))),
    ("messages[0].parts[0].media.mime_type", user_parts(media("image/tiff", data=b"x"))),
    ("messages[0].parts", user_parts(media("application/pdf", data=b"x"))),
    (
        "messages[0].parts[0].provider_part.dialect",
        user_parts(Part(provider_part=message_pb2.ProviderPart(dialect="gemini", json="{}"))),
    ),
    (
        "messages[0].parts[0].provider_part.dialect",
        asks(said("SYSTEM", Part(provider_part=message_pb2.ProviderPart(dialect="openai", json="{}"))), USER),
    ),
    ("messages[0].parts[0].provider_json", user_parts(Part(text="Hi", provider_json={"bedrock": '{"x": 1}'}))),
    (
        "messages[0].provider_json",
        asks(said("SYSTEM", Part(text="Be kind."), provider_json={"bedrock": '{"x": 1}'}), USER),
    ),
    ("messages[0].parts[0].reasoning", user_parts(Part(reasoning=message_pb2.Reasoning(text="Hm.")))),
    ("messages[1].parts[0].tool_call.id", asks(USER, CALL, said("USER", Part(text="Well?")), tools=[TIME])),
    (
        "messages[4].parts[0].tool_result.tool_call_id",
        asks(USER, CALL, RESULT, said("ASSISTANT", Part(text="One.")), RESULT, tools=[TIME]),
    ),
    (
        "messages[1].parts[0].tool_call.name",
        asks(USER, said("ASSISTANT", Part(tool_call=Call(id="a", name="a.b"))), tools=[TIME]),
    ),
    (
        "messages[1].parts[0].tool_call.arguments_json",
        asks(USER, said("ASSISTANT", Part(tool_call=Call(id="a", name="time", arguments_json="[1]"))), tools=[TIME]),
    ),
    (
        "messages[1].parts[0].tool_call.arguments_json",
        asks(USER, said("ASSISTANT", Part(tool_call=Call(id="a", name="time", arguments_json="{"))), tools=[TIME]),
    ),
    (
        "messages[2].parts[0].tool_result.parts[0].media.mime_type",
        asks(
            USER,
            CALL,
            said("TOOL", Part(tool_result=Result(tool_call_id="a", parts=[media("audio/wav", data=b"x")]))),
            tools=[TIME],
        ),
    ),
    ("tools", asks(USER, CALL, RESULT)),
    ("tools", asks(USER, CALL, RESULT, tool_choice=Choice(mode=Choice.MODE_NONE))),
    ("tools[0].function.name", request(tools=[function("a.b")])),
    ("tools[1].function.name", request(tools=[TIME, function("a" * 65)])),
]


@pytest.mark.parametrize(("field", "made"), WRONG, ids=[row[0] for row in WRONG])
def test_what_bedrock_would_refuse_is_named_before_it_is_sent(field: str, made: Request) -> None:
    for asked in (made, dropping(made)):
        with pytest.raises(errors.InvalidField) as caught:
            CODEC.encode_generate(asked, CLAUDE, stream=False)
        assert [violation.field for violation in caught.value.violations] == [field]


OWN = ["modelId", "messages", "system", "inferenceConfig", "toolConfig", "projectIdentifier"]
OWN_NESTED = ["max_tokens", "messages", "tools", "tool_choice", "stream", "n", "max_gen_len"]


@pytest.mark.parametrize(
    ("options", "field"),
    [({member: 1}, member) for member in OWN]
    + [
        ({"additionalModelRequestFields": {member: 1}}, f"additionalModelRequestFields.{member}")
        for member in OWN_NESTED
    ]
    + [
        (
            {"additionalModelRequestFields": {"inferenceConfig": {"maxTokens": 1}}},
            "additionalModelRequestFields.inferenceConfig.maxTokens",
        ),
        ({"additionalModelRequestFields": [1]}, "additionalModelRequestFields"),
    ],
)
def test_a_member_that_the_gateway_sets_is_no_option(options: dict[str, Any], field: str) -> None:
    made = request(provider_options_json={"bedrock": json.dumps(options)})
    with pytest.raises(errors.InvalidField) as caught:
        CODEC.encode_generate(made, CLAUDE, stream=False)
    assert caught.value.violations[0].field == f'provider_options_json["bedrock"].{field}'


def test_a_conversation_may_end_with_a_call_or_with_the_assistant() -> None:
    for last in (CALL, said("ASSISTANT", Part(text="The answer is"))):
        made: Message = asks(USER, last, tools=[TIME])
        assert b'"assistant"' in CODEC.encode_generate(made, CLAUDE, stream=False).body
