"""What is sent: each field of the contract at its place, inside Bedrock's own closed schema."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import pytest
from llmgateway.v1 import message_pb2, tool_pb2
from llmgateway_server.dialects.bedrock.codec import BedrockCodec
from llmgateway_server.dialects.bedrock.families import base_model, family_of
from llmgateway_server.dialects.bedrock.quirks import Quirks
from llmgateway_server.dialects.quirks import QuirksError, read_quirks

from tests.server.dialects.bedrock.asking import (
    CLAUDE,
    CLAUDE_4_6,
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
    Part,
    Reasoning,
    Request,
    Result,
    Tool,
    asks,
    body,
    dropping,
    function,
    own_block,
    request,
    said,
    sampling,
    schema_format,
    signed,
    thinks,
    user_parts,
)
from tests.specs import closed_validator, needs_specs

HI = {"role": "user", "content": [{"text": "Hi"}]}
DATA = base64.b64encode(b"\x00\xff").decode()
CACHED = message_pb2.CacheBreakpoint()
CACHED_LONG = message_pb2.CacheBreakpoint(ttl="1h")
LONG_ID = "call_" + "x" * 80
SHORT_ID = "tooluse_" + hashlib.sha256(LONG_ID.encode()).hexdigest()[:32]

CALLS = said(
    "ASSISTANT",
    Part(text="Wait."),
    Part(tool_call=Call(id="a", name="weather", arguments_json='{"city": "Oslo"}')),
    Part(tool_call=Call(id="b", name="time")),
)
RESULTS = said(
    "TOOL",
    Part(tool_result=Result(tool_call_id="a", output_json='{"c": 1}')),
    Part(tool_result=Result(tool_call_id="b", parts=[Part(text="noon")], failed=True)),
)
WEATHER = function("weather", '{"type": "object"}', description="Looks out.", strict=True)
TIME = function("time")
WEATHER_SENT = {
    "toolSpec": {
        "name": "weather",
        "description": "Looks out.",
        "inputSchema": {"json": {"type": "object"}},
        "strict": True,
    }
}
TIME_SENT = {"toolSpec": {"name": "time", "inputSchema": {"json": {"type": "object", "properties": {}}}}}
CALLS_SENT = {
    "role": "assistant",
    "content": [
        {"text": "Wait."},
        {"toolUse": {"toolUseId": "a", "name": "weather", "input": {"city": "Oslo"}}},
        {"toolUse": {"toolUseId": "b", "name": "time", "input": {}}},
    ],
}
RESULTS_SENT = [
    {"toolResult": {"toolUseId": "a", "content": [{"json": {"c": 1}}]}},
    {"toolResult": {"toolUseId": "b", "content": [{"text": "noon"}], "status": "error"}},
]


def user(*content: dict[str, Any]) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": list(content)}]}


def media(mime_type: str, **fields: Any) -> Part:
    return Part(media=Media(**{"data": b"\x00\xff", "mime_type": mime_type, **fields}))


def result(**fields: Any) -> Request:
    called = said("ASSISTANT", Part(tool_call=Call(id="a", name="time")))
    answered = said("TOOL", Part(tool_result=Result(tool_call_id="a", **fields)))
    return asks(USER, called, answered, tools=[TIME])


def result_sent(*content: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "messages": [
            HI,
            {"role": "assistant", "content": [{"toolUse": {"toolUseId": "a", "name": "time", "input": {}}}]},
            {"role": "user", "content": [{"toolResult": {"toolUseId": "a", "content": list(content), **more}}]},
        ],
        "toolConfig": {"tools": [TIME_SENT]},
    }


# (name, request, model, the members that it adds to or changes in the body)
ENCODED: list[tuple[str, Request, str, dict[str, Any]]] = [
    ("plain", request(), CLAUDE, {}),
    (
        "instructions stand apart",
        asks(said("SYSTEM", Part(text="Be kind.")), said("DEVELOPER", Part(text="Be brief.")), USER),
        CLAUDE,
        {"system": [{"text": "Be kind."}, {"text": "Be brief."}]},
    ),
    (
        "instructions with a cache point",
        asks(said("SYSTEM", Part(text="Be kind.", cache_breakpoint=CACHED_LONG)), USER),
        CLAUDE,
        {"system": [{"text": "Be kind."}, {"cachePoint": {"type": "default", "ttl": "1h"}}]},
    ),
    (
        "a guarded instruction",
        asks(said("SYSTEM", own_block({"guardContent": {"text": {"text": "x"}}})), USER),
        CLAUDE,
        {"system": [{"guardContent": {"text": {"text": "x"}}}]},
    ),
    (
        "blank texts are left out",
        user_parts(Part(text=" \n"), Part(text="a"), Part(text="")),
        CLAUDE,
        user({"text": "a"}),
    ),
    ("blank instructions", asks(said("SYSTEM", Part(text=" ")), USER), CLAUDE, {}),
    (
        "neighbours of one role are one turn",
        asks(USER, said("USER", Part(text="there"))),
        CLAUDE,
        user({"text": "Hi"}, {"text": "there"}),
    ),
    (
        "an empty answer lets its neighbours meet",
        asks(USER, said("ASSISTANT"), said("USER", Part(text="there"))),
        CLAUDE,
        user({"text": "Hi"}, {"text": "there"}),
    ),
    (
        "a conversation",
        asks(USER, said("ASSISTANT", Part(text="Hello"), Part(refusal="No.")), said("USER", Part(text="Why?"))),
        CLAUDE,
        {
            "messages": [
                HI,
                {"role": "assistant", "content": [{"text": "Hello"}, {"text": "No."}]},
                {"role": "user", "content": [{"text": "Why?"}]},
            ]
        },
    ),
    ("png", user_parts(media("image/png")), NOVA, user({"image": {"format": "png", "source": {"bytes": DATA}}})),
    ("jpeg", user_parts(media("image/JPEG")), NOVA, user({"image": {"format": "jpeg", "source": {"bytes": DATA}}})),
    (
        "image in s3",
        user_parts(Part(media=Media(uri="s3://bucket/a.webp", mime_type="image/webp"))),
        NOVA,
        user({"image": {"format": "webp", "source": {"s3Location": {"uri": "s3://bucket/a.webp"}}}}),
    ),
    (
        "documents have names, no two alike",
        user_parts(
            Part(text="Read:"),
            media("application/pdf", file_name="My  report_1.pdf"),
            media("text/csv; charset=utf-8", file_name="My report-1.pdf"),
            media("text/plain", file_name="My report 1 pdf"),
            media("text/markdown"),
        ),
        NOVA,
        user(
            {"text": "Read:"},
            {"document": {"format": "pdf", "source": {"bytes": DATA}, "name": "My report 1 pdf"}},
            {"document": {"format": "csv", "source": {"bytes": DATA}, "name": "My report-1 pdf"}},
            {"document": {"format": "txt", "source": {"bytes": DATA}, "name": "My report 1 pdf (2)"}},
            {"document": {"format": "md", "source": {"bytes": DATA}, "name": "document"}},
        ),
    ),
    (
        "a document that may be cited",
        user_parts(
            Part(text="Read:"),
            Part(
                media=Media(data=b"\x00\xff", mime_type="application/pdf", file_name="a"),
                provider_json={"bedrock": '{"citations": {"enabled": true}}', "openai": '{"x": 1}'},
            ),
        ),
        CLAUDE,
        user(
            {"text": "Read:"},
            {
                "document": {
                    "format": "pdf",
                    "source": {"bytes": DATA},
                    "name": "a",
                    "citations": {"enabled": True},
                }
            },
        ),
    ),
    (
        "video",
        user_parts(media("video/3gpp")),
        NOVA,
        user({"video": {"format": "three_gp", "source": {"bytes": DATA}}}),
    ),
    ("audio", user_parts(media("audio/mpeg")), NOVA_2, user({"audio": {"format": "mp3", "source": {"bytes": DATA}}})),
    (
        "a block of Bedrock's own",
        user_parts(own_block({"guardContent": {"text": {"text": "Hi", "qualifiers": ["query"]}}})),
        CLAUDE,
        user({"guardContent": {"text": {"text": "Hi", "qualifiers": ["query"]}}}),
    ),
    (
        "a cache point",
        user_parts(Part(text="Long", cache_breakpoint=CACHED), Part(text="short")),
        CLAUDE,
        user({"text": "Long"}, {"cachePoint": {"type": "default"}}, {"text": "short"}),
    ),
    (
        "calls and their results",
        asks(USER, CALLS, RESULTS, tools=[WEATHER, TIME]),
        CLAUDE,
        {
            "messages": [HI, CALLS_SENT, {"role": "user", "content": RESULTS_SENT}],
            "toolConfig": {"tools": [WEATHER_SENT, TIME_SENT]},
        },
    ),
    (
        "all results of a turn are one message, before the text",
        asks(
            USER,
            CALLS,
            said("USER", Part(text="Well?", cache_breakpoint=CACHED)),
            said("TOOL", RESULTS.parts[0]),
            said("TOOL", RESULTS.parts[1]),
            tools=[WEATHER, TIME],
        ),
        CLAUDE,
        {
            "messages": [
                HI,
                CALLS_SENT,
                {"role": "user", "content": [*RESULTS_SENT, {"text": "Well?"}, {"cachePoint": {"type": "default"}}]},
            ],
            "toolConfig": {"tools": [WEATHER_SENT, TIME_SENT]},
        },
    ),
    ("a result that is nothing", result(), CLAUDE, result_sent({"text": "(no output)"})),
    ("a result that is blank", result(parts=[Part(text=" ")]), CLAUDE, result_sent({"text": "(no output)"})),
    ("a result that is a list", result(output_json="[1, 2]"), CLAUDE, result_sent({"text": "[1, 2]"})),
    (
        "a result with an image and a block of Bedrock's own",
        result(parts=[media("image/gif"), own_block({"searchResult": {"source": "s", "title": "t", "content": []}})]),
        CLAUDE,
        result_sent(
            {"image": {"format": "gif", "source": {"bytes": DATA}}},
            {"searchResult": {"source": "s", "title": "t", "content": []}},
        ),
    ),
    ("a failure", result(output_json='"gone"', failed=True), NOVA, result_sent({"text": '"gone"'}, status="error")),
    ("a failure for a model without statuses", result(failed=True), LLAMA, result_sent({"text": "(no output)"})),
    (
        "an id that Bedrock would refuse",
        asks(
            USER,
            said("ASSISTANT", Part(tool_call=Call(id=LONG_ID, name="time", text="now"))),
            said("TOOL", Part(tool_result=Result(tool_call_id=LONG_ID, output_json="1"))),
            tools=[TIME],
        ),
        CLAUDE,
        {
            "messages": [
                HI,
                {
                    "role": "assistant",
                    "content": [{"toolUse": {"toolUseId": SHORT_ID, "name": "time", "input": {"input": "now"}}}],
                },
                {"role": "user", "content": [{"toolResult": {"toolUseId": SHORT_ID, "content": [{"text": "1"}]}}]},
            ],
            "toolConfig": {"tools": [TIME_SENT]},
        },
    ),
    (
        "a call that Bedrock ran itself, and its result",
        asks(
            USER,
            said(
                "ASSISTANT",
                Part(
                    tool_call=Call(id="s", name="nova_grounding", executor=Call.EXECUTOR_PROVIDER),
                    provider_json={"bedrock": '{"type": "server_tool_use"}'},
                ),
                Part(
                    tool_result=Result(tool_call_id="s", parts=[Part(text="found")]),
                    provider_json={"bedrock": '{"type": "nova_grounding_result"}'},
                ),
                Part(text="Here."),
            ),
            tools=[
                Tool(
                    provider_tool=tool_pb2.ProviderTool(
                        dialect="bedrock", type="systemTool", config_json='{"name": "nova_grounding"}'
                    )
                )
            ],
        ),
        NOVA_2,
        {
            "messages": [
                HI,
                {
                    "role": "assistant",
                    "content": [
                        {
                            "toolUse": {
                                "toolUseId": "s",
                                "name": "nova_grounding",
                                "input": {},
                                "type": "server_tool_use",
                            }
                        },
                        {
                            "toolResult": {
                                "toolUseId": "s",
                                "content": [{"text": "found"}],
                                "type": "nova_grounding_result",
                            }
                        },
                        {"text": "Here."},
                    ],
                },
            ],
            "toolConfig": {"tools": [{"systemTool": {"name": "nova_grounding"}}]},
        },
    ),
    (
        "thoughts go back with their proof, others stay here",
        asks(
            USER,
            said(
                "ASSISTANT",
                signed("c2ln", text="Hm."),
                signed("cmVk", kind=Reasoning.KIND_REDACTED),
                signed("x", "other", text="Not Bedrock's."),
                signed("x", "other", kind=Reasoning.KIND_REDACTED),
                Part(reasoning=Reasoning(text="No proof.")),
                signed("bm9uZQ=="),
                Part(text="Yes"),
            ),
        ),
        CLAUDE,
        {
            "messages": [
                HI,
                {
                    "role": "assistant",
                    "content": [
                        {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "c2ln"}}},
                        {"reasoningContent": {"redactedContent": "cmVk"}},
                        {"reasoningContent": {"reasoningText": {"text": "", "signature": "bm9uZQ=="}}},
                        {"text": "Yes"},
                    ],
                },
            ]
        },
    ),
    (
        "thoughts of a model that signs none",
        asks(USER, said("ASSISTANT", Part(reasoning=Reasoning(text="Hm.")), Part(text="Yes"))),
        OSS,
        {
            "messages": [
                HI,
                {
                    "role": "assistant",
                    "content": [{"reasoningContent": {"reasoningText": {"text": "Hm."}}}, {"text": "Yes"}],
                },
            ]
        },
    ),
    (
        "a text goes back with its citations",
        asks(
            USER,
            said(
                "ASSISTANT",
                Part(text="Green.", provider_json={"bedrock": '{"citations": [{"title": "Grass"}]}'}),
                Part(text=" ", provider_json={"bedrock": '{"citations": [{"title": "Blank"}]}'}),
            ),
        ),
        CLAUDE,
        {
            "messages": [
                HI,
                {
                    "role": "assistant",
                    "content": [
                        {"citationsContent": {"content": [{"text": "Green."}], "citations": [{"title": "Grass"}]}}
                    ],
                },
            ]
        },
    ),
    ("tools", request(tools=[WEATHER, TIME]), CLAUDE, {"toolConfig": {"tools": [WEATHER_SENT, TIME_SENT]}}),
    (
        "a tool with a cache point and more",
        request(tools=[function("time", cache_breakpoint=CACHED, provider_json={"bedrock": '{"strict": false}'})]),
        CLAUDE,
        {
            "toolConfig": {
                "tools": [
                    {"toolSpec": {**TIME_SENT["toolSpec"], "strict": False}},
                    {"cachePoint": {"type": "default"}},
                ]
            }
        },
    ),
    (
        "a tool that Claude defines",
        request(
            tools=[
                TIME,
                Tool(
                    provider_tool=tool_pb2.ProviderTool(
                        dialect="bedrock", type="bash_20250124", config_json='{"name": "bash"}'
                    )
                ),
            ]
        ),
        CLAUDE,
        {
            "toolConfig": {"tools": [TIME_SENT]},
            "additionalModelRequestFields": {"tools": [{"type": "bash_20250124", "name": "bash"}]},
        },
    ),
    ("no call", request(tools=[TIME], tool_choice=Choice(mode=Choice.MODE_NONE)), CLAUDE, {}),
    (
        "any call",
        request(tools=[TIME], tool_choice=Choice(mode=Choice.MODE_REQUIRED, parallel=True)),
        CLAUDE,
        {"toolConfig": {"tools": [TIME_SENT], "toolChoice": {"any": {}}}},
    ),
    (
        "a call if it likes",
        request(tools=[TIME], tool_choice=Choice(mode=Choice.MODE_AUTO)),
        CLAUDE,
        {"toolConfig": {"tools": [TIME_SENT], "toolChoice": {"auto": {}}}},
    ),
    (
        "one tool",
        request(tools=[WEATHER, TIME], tool_choice=Choice(mode=Choice.MODE_REQUIRED, allowed_tool_names=["time"])),
        CLAUDE,
        {"toolConfig": {"tools": [TIME_SENT], "toolChoice": {"tool": {"name": "time"}}}},
    ),
    (
        "some tools",
        request(tools=[WEATHER, TIME], tool_choice=Choice(allowed_tool_names=["time"])),
        CLAUDE,
        {"toolConfig": {"tools": [TIME_SENT]}},
    ),
    (
        "some tools, and none that Bedrock runs",
        request(
            tools=[TIME, Tool(provider_tool=tool_pb2.ProviderTool(dialect="bedrock", type="systemTool"))],
            tool_choice=Choice(allowed_tool_names=["time"]),
        ),
        NOVA_2,
        {"toolConfig": {"tools": [TIME_SENT]}},
    ),
    ("temperature", sampling(temperature=0.5), CLAUDE, {"inferenceConfig": {"temperature": 0.5}}),
    ("top_p", sampling(top_p=0.9), CLAUDE, {"inferenceConfig": {"topP": 0.9}}),
    ("both", sampling(temperature=0, top_p=1), NOVA, {"inferenceConfig": {"temperature": 0, "topP": 1}}),
    ("stop", sampling(stop_sequences=["a", "b"]), CLAUDE, {"inferenceConfig": {"stopSequences": ["a", "b"]}}),
    ("limit", request(max_output_token_count=9), CLAUDE, {"inferenceConfig": {"maxTokens": 9}}),
    ("Claude's top_k", sampling(top_k=5), CLAUDE, {"additionalModelRequestFields": {"top_k": 5}}),
    ("Nova's top_k", sampling(top_k=5), NOVA, {"additionalModelRequestFields": {"inferenceConfig": {"topK": 5}}}),
    ("Cohere's top_k", sampling(top_k=5), "cohere.command-r-v1:0", {"additionalModelRequestFields": {"k": 5}}),
    (
        "penalties",
        sampling(frequency_penalty=0.5, presence_penalty=-0.5, seed=7),
        OSS,
        {"additionalModelRequestFields": {"frequency_penalty": 0.5, "presence_penalty": -0.5, "seed": 7}},
    ),
    (
        "json schema",
        schema_format(name="a", description="b", schema_json='{"type": "object"}', strict=True),
        CLAUDE,
        {
            "outputConfig": {
                "textFormat": {
                    "type": "json_schema",
                    "structure": {"jsonSchema": {"name": "a", "description": "b", "schema": '{"type": "object"}'}},
                }
            }
        },
    ),
    (
        "unnamed schema",
        schema_format(schema_json="{}"),
        CLAUDE,
        {
            "outputConfig": {
                "textFormat": {"type": "json_schema", "structure": {"jsonSchema": {"name": "output", "schema": "{}"}}}
            }
        },
    ),
    (
        "a budget for thoughts",
        thinks(max_token_count=2000),
        CLAUDE,
        {"additionalModelRequestFields": {"thinking": {"type": "enabled", "budget_tokens": 2000}}},
    ),
    (
        "no thoughts",
        thinks(max_token_count=0, visibility="none"),
        CLAUDE,
        {"additionalModelRequestFields": {"thinking": {"type": "disabled"}}},
    ),
    (
        "no thoughts by effort",
        thinks(effort="none"),
        CLAUDE_NEWEST,
        {"additionalModelRequestFields": {"thinking": {"type": "disabled"}}},
    ),
    (
        "an effort",
        thinks(effort="high"),
        CLAUDE_4_6,
        {
            "additionalModelRequestFields": {"thinking": {"type": "adaptive"}},
            "outputConfig": {"effort": "high"},
        },
    ),
    (
        "an effort, and what to show of it",
        thinks(effort="xhigh", visibility="auto"),
        CLAUDE_NEWEST,
        {
            "additionalModelRequestFields": {"thinking": {"type": "adaptive", "display": "summarized"}},
            "outputConfig": {"effort": "xhigh"},
        },
    ),
    (
        "Nova's effort",
        thinks(effort="low"),
        NOVA_2,
        {"additionalModelRequestFields": {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "low"}}},
    ),
    (
        "Nova without",
        thinks(max_token_count=0),
        NOVA_2,
        {"additionalModelRequestFields": {"reasoningConfig": {"type": "disabled"}}},
    ),
    ("gpt-oss", thinks(effort="medium"), OSS, {"additionalModelRequestFields": {"reasoning_effort": "medium"}}),
    ("service tier", request(service_tier="flex"), CLAUDE, {"serviceTier": {"type": "flex"}}),
    ("one candidate of text", request(candidate_count=1, output_modalities=["text"]), CLAUDE, {}),
    ("labels stay here", request(labels={"a": "b"}), CLAUDE, {}),
    (
        "options",
        request(
            provider_options_json={
                "bedrock": json.dumps(
                    {
                        "guardrailConfig": {"guardrailIdentifier": "g", "guardrailVersion": "1", "trace": "enabled"},
                        "performanceConfig": {"latency": "optimized"},
                        "requestMetadata": {"team": "a"},
                        "additionalModelResponseFieldPaths": ["/stop_sequence"],
                    }
                ),
                "openai": '{"x": 1}',
            }
        ),
        CLAUDE,
        {
            "guardrailConfig": {"guardrailIdentifier": "g", "guardrailVersion": "1", "trace": "enabled"},
            "performanceConfig": {"latency": "optimized"},
            "requestMetadata": {"team": "a"},
            "additionalModelResponseFieldPaths": ["/stop_sequence"],
        },
    ),
    (
        "options join the gateway's own",
        Request(
            messages=[USER],
            sampling=sampling(top_k=5).sampling,
            output_format=schema_format(schema_json="{}").output_format,
            provider_options_json={
                "bedrock": '{"additionalModelRequestFields": {"anthropic_beta": ["x"]}, "outputConfig": {"effort": "low"}}'
            },
        ),
        CLAUDE,
        {
            "additionalModelRequestFields": {"top_k": 5, "anthropic_beta": ["x"]},
            "outputConfig": {
                "textFormat": {"type": "json_schema", "structure": {"jsonSchema": {"name": "output", "schema": "{}"}}},
                "effort": "low",
            },
        },
    ),
]


@pytest.mark.parametrize(("made", "model", "expected"), [row[1:] for row in ENCODED], ids=[row[0] for row in ENCODED])
def test_each_field_has_its_place(made: Request, model: str, expected: dict[str, Any]) -> None:
    assert body(made, model) == {"messages": [HI], **expected}
    assert body(made, model, stream=True) == body(made, model)


@needs_specs
def test_everything_sent_lies_within_bedrocks_closed_schema() -> None:
    for stream, operation in ((False, "converse"), (True, "converse-stream")):
        check = closed_validator("bedrock", f"POST /model/{{modelId}}/{operation}", "request")
        for name, made, model, _ in ENCODED:
            assert check(body(made, model, stream=stream)) == [], name


@pytest.mark.parametrize(
    ("model", "stream", "path"),
    [
        (CLAUDE, False, "/model/anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse"),
        (CLAUDE, True, "/model/anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse-stream"),
        (
            "arn:aws:bedrock:us-east-1:012345678901:inference-profile/us.anthropic.claude-3-7-sonnet-20250219-v1:0",
            False,
            "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A012345678901%3Ainference-profile%2F"
            "us.anthropic.claude-3-7-sonnet-20250219-v1%3A0/converse",
        ),
    ],
)
def test_a_model_is_one_segment_of_the_path_encoded_once(model: str, stream: bool, path: str) -> None:
    encoded = CODEC.encode_generate(request(), model, stream=stream)
    assert (encoded.method, encoded.path, encoded.headers) == ("POST", path, None)


def test_any_character_of_a_model_is_encoded() -> None:
    assert "/model/a%20b%25%3F%C3%A9%2Fc/" in CODEC.encode_generate(request(), "a b%?é/c", stream=False).path


def test_models_are_listed_by_the_control_plane() -> None:
    assert CODEC.encode_list_models().path == "/foundation-models"


def test_numbers_of_a_call_go_back_as_they_were_written() -> None:
    big = '{"n": 123456789012345678901234567890, "f": 1.10}'
    made = asks(
        USER,
        said("ASSISTANT", Part(tool_call=Call(id="a", name="time", arguments_json=big))),
        said("TOOL", Part(tool_result=Result(tool_call_id="a", output_json=big))),
        tools=[TIME],
    )
    sent = CODEC.encode_generate(made, CLAUDE, stream=False).body
    assert sent.count(b"123456789012345678901234567890") == 2


@pytest.mark.parametrize(
    ("model", "base"),
    [
        ("us.anthropic.claude-opus-4-6-v1", "anthropic.claude-opus-4-6-v1"),
        ("apac.amazon.nova-lite-v1:0", "amazon.nova-lite-v1:0"),
        ("us-gov.anthropic.claude-3-haiku-20240307-v1:0", "anthropic.claude-3-haiku-20240307-v1:0"),
        ("global.cohere.embed-v4:0", "cohere.embed-v4:0"),
        ("deepseek.v3.2", "deepseek.v3.2"),
        ("arn:aws:bedrock:eu-west-1::foundation-model/amazon.nova-pro-v1:0", "amazon.nova-pro-v1:0"),
        ("arn:aws:bedrock:eu-west-1:0123:application-inference-profile/abc", "abc"),
    ],
)
def test_a_base_model_is_named_without_geography_and_arn(model: str, base: str) -> None:
    assert base_model(model, Quirks()) == base


@pytest.mark.parametrize(
    ("model", "reasoning", "samples"),
    [
        ("anthropic.claude-3-5-haiku-20241022-v1:0", "", True),
        ("anthropic.claude-3-7-sonnet-20250219-v1:0", "budget", True),
        ("anthropic.claude-opus-4-20250514-v1:0", "budget", True),
        ("anthropic.claude-sonnet-4-20250514-v1:0", "budget", True),
        ("anthropic.claude-sonnet-4-6", "budget or adaptive", True),
        ("us.anthropic.claude-opus-4-7", "adaptive", False),
        ("global.anthropic.claude-opus-5", "adaptive", False),
        ("amazon.nova-2-lite-v1:0", "nova", True),
        ("meta.llama3-2-1b-instruct-v1:0", "", True),
    ],
)
def test_a_family_says_how_its_models_think(model: str, reasoning: str, samples: bool) -> None:
    family = family_of(model, Quirks())
    assert (family.reasoning, family.samples) == (reasoning, samples)


def test_a_quirk_names_the_model_behind_a_profile() -> None:
    profile = "arn:aws:bedrock:eu-west-1:0123:application-inference-profile/abc"
    quirks = read_quirks("bedrock", Quirks, {"base_models": {profile: "anthropic.claude-sonnet-4-5"}})
    encoded = BedrockCodec("aws", quirks).encode_generate(sampling(top_k=5), profile, stream=False)
    assert json.loads(encoded.body)["additionalModelRequestFields"] == {"top_k": 5}
    assert "abc/converse" in encoded.path
    with pytest.raises(QuirksError):
        read_quirks("bedrock", Quirks, {"no_such": True})


def test_late_instructions_are_moved_with_a_warning() -> None:
    encoded = CODEC.encode_generate(asks(USER, said("SYSTEM", Part(text="Be brief."))), CLAUDE, stream=False)
    assert json.loads(encoded.body) == {"messages": [HI], "system": [{"text": "Be brief."}]}
    assert [warning.field for warning in encoded.warnings] == ["messages[1]"]


def test_what_another_provider_ran_itself_is_left_out_with_a_warning() -> None:
    made = asks(
        USER,
        said(
            "ASSISTANT",
            Part(tool_call=Call(id="s", name="web_search", executor=Call.EXECUTOR_PROVIDER)),
            Part(tool_result=Result(tool_call_id="s", output_json="[]")),
            Part(),
            Part(text="Here."),
        ),
    )
    encoded = CODEC.encode_generate(made, CLAUDE, stream=False)
    assert json.loads(encoded.body)["messages"][1]["content"] == [{"text": "Here."}]
    assert [warning.field for warning in encoded.warnings] == [f"messages[1].parts[{place}]" for place in range(3)]


def test_forbidden_calls_are_offered_all_the_same_where_the_history_holds_some_and_dropping_is_allowed() -> None:
    made = asks(USER, CALLS, RESULTS, tools=[WEATHER, TIME], tool_choice=Choice(mode=Choice.MODE_NONE))
    encoded = CODEC.encode_generate(dropping(made), CLAUDE, stream=False)
    assert json.loads(encoded.body)["toolConfig"] == {"tools": [WEATHER_SENT, TIME_SENT]}
    assert [warning.field for warning in encoded.warnings] == ["tool_choice.mode"]
