"""What is sent: each field of the contract at its place, inside OpenAI's schema, or refused by its path."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from llmgateway.v1 import embedding_pb2, generation_pb2, message_pb2, tool_pb2
from llmgateway_server import errors
from llmgateway_server.dialects.openai.codec import OpenAICodec
from llmgateway_server.dialects.openai.quirks import Quirks
from llmgateway_server.dialects.quirks import QuirksError, read_quirks

from tests.specs import closed_validator, needs_specs

Request = generation_pb2.GenerateRequest
Part = message_pb2.Part
Message = message_pb2.ChatMessage
Call = message_pb2.ToolCall
Choice = tool_pb2.ToolChoice
USER = Message(role=message_pb2.ROLE_USER, parts=[Part(text="Hi")])
WEATHER = tool_pb2.Tool(
    function=tool_pb2.FunctionTool(
        name="weather", description="Looks out.", input_schema_json='{"type": "object"}', strict=True
    )
)
NOTE = tool_pb2.Tool(custom=tool_pb2.CustomTool(name="note", grammar=tool_pb2.Grammar(syntax="regex", definition="a+")))


def request(**fields: Any) -> Request:
    return Request(**{"messages": [USER], **fields})


def said(role: str, *parts: Part, **fields: Any) -> Message:
    return Message(role=message_pb2.Role.Value(f"ROLE_{role}"), parts=parts, **fields)


def sampling(**fields: Any) -> Request:
    return request(sampling=generation_pb2.Sampling(**fields))


def asks(*messages: Message) -> Request:
    return request(messages=messages)


def user_part(part: Part) -> Request:
    return asks(said("USER", part))


def schema_format(**fields: Any) -> Request:
    return request(output_format=generation_pb2.OutputFormat(json_schema=generation_pb2.JsonSchemaFormat(**fields)))


DATA = base64.b64encode(b"\x00\xff").decode()
CALLS = said(
    "ASSISTANT",
    Part(text="Wait."),
    Part(tool_call=Call(id="a", name="weather", arguments_json='{"city":"Oslo"}')),
    Part(tool_call=Call(id="b", name="note", text="aa")),
)
RESULTS = said(
    "TOOL",
    Part(tool_result=message_pb2.ToolResult(tool_call_id="a", output_json='{"c":1}')),
    Part(tool_result=message_pb2.ToolResult(tool_call_id="b", parts=[Part(text="ok")])),
)

# (request, the members that it adds to or changes in the body)
ENCODED: list[tuple[str, Request, dict[str, Any]]] = [
    ("plain", request(), {"messages": [{"role": "user", "content": "Hi"}]}),
    (
        "system",
        asks(said("SYSTEM", Part(text="Be kind.")), USER),
        {"messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hi"}]},
    ),
    (
        "developer",
        asks(said("DEVELOPER", Part(text="Be brief."))),
        {"messages": [{"role": "developer", "content": "Be brief."}]},
    ),
    (
        "name",
        asks(said("USER", Part(text="Hi"), name="ann")),
        {"messages": [{"role": "user", "content": "Hi", "name": "ann"}]},
    ),
    (
        "two texts",
        asks(said("USER", Part(text="a"), Part(text="b"))),
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}]},
    ),
    (
        "image url",
        user_part(Part(media=message_pb2.Media(uri="https://x.example/a.png", mime_type="image/png", detail="low"))),
        {
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"type": "image_url", "image_url": {"url": "https://x.example/a.png", "detail": "low"}}
                    ],
                }
            ]
        },
    ),
    (
        "image data",
        user_part(Part(media=message_pb2.Media(data=b"\x00\xff", mime_type="image/png"))),
        {
            "messages": [
                {
                    "role": "user",
                    "content": [{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{DATA}"}}],
                }
            ]
        },
    ),
    (
        "audio",
        user_part(Part(media=message_pb2.Media(data=b"\x00\xff", mime_type="audio/wav"))),
        {
            "messages": [
                {"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": DATA, "format": "wav"}}]}
            ]
        },
    ),
    (
        "file",
        user_part(Part(media=message_pb2.Media(data=b"\x00\xff", mime_type="application/pdf", file_name="a.pdf"))),
        {
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {
                            "type": "file",
                            "file": {"file_data": f"data:application/pdf;base64,{DATA}", "filename": "a.pdf"},
                        }
                    ],
                }
            ]
        },
    ),
    (
        "file id",
        user_part(Part(media=message_pb2.Media(file_id="file-1"))),
        {"messages": [{"role": "user", "content": [{"type": "file", "file": {"file_id": "file-1"}}]}]},
    ),
    (
        "assistant",
        asks(USER, said("ASSISTANT", Part(text="Hello"), Part(text="!"))),
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello!"}]},
    ),
    (
        "refusal",
        asks(said("ASSISTANT", Part(refusal="No."))),
        {"messages": [{"role": "assistant", "content": None, "refusal": "No."}]},
    ),
    (
        "spoken",
        asks(said("ASSISTANT", Part(item_id="audio_1", media=message_pb2.Media(data=b"x", mime_type="audio/wav")))),
        {"messages": [{"role": "assistant", "audio": {"id": "audio_1"}}]},
    ),
    (
        "thoughts are not sent back",
        asks(said("ASSISTANT", Part(reasoning=message_pb2.Reasoning(text="Hm.")), Part(text="Yes"))),
        {"messages": [{"role": "assistant", "content": "Yes"}]},
    ),
    (
        "calls and results",
        asks(USER, CALLS, RESULTS),
        {
            "messages": [
                {"role": "user", "content": "Hi"},
                {
                    "role": "assistant",
                    "content": "Wait.",
                    "tool_calls": [
                        {
                            "id": "a",
                            "type": "function",
                            "function": {"name": "weather", "arguments": '{"city":"Oslo"}'},
                        },
                        {"id": "b", "type": "custom", "custom": {"name": "note", "input": "aa"}},
                    ],
                },
                {"role": "tool", "tool_call_id": "a", "content": '{"c":1}'},
                {"role": "tool", "tool_call_id": "b", "content": "ok"},
            ]
        },
    ),
    (
        "tools",
        request(tools=[WEATHER, NOTE]),
        {
            "tools": [
                {
                    "type": "function",
                    "function": {
                        "name": "weather",
                        "description": "Looks out.",
                        "parameters": {"type": "object"},
                        "strict": True,
                    },
                },
                {
                    "type": "custom",
                    "custom": {
                        "name": "note",
                        "format": {"type": "grammar", "grammar": {"syntax": "regex", "definition": "a+"}},
                    },
                },
            ]
        },
    ),
    ("no tool", request(tools=[WEATHER], tool_choice=Choice(mode=Choice.MODE_NONE)), {"tool_choice": "none"}),
    (
        "any tool",
        request(tools=[WEATHER], tool_choice=Choice(mode=Choice.MODE_REQUIRED, parallel=False)),
        {"tool_choice": "required", "parallel_tool_calls": False},
    ),
    (
        "one tool",
        request(tools=[WEATHER], tool_choice=Choice(mode=Choice.MODE_REQUIRED, allowed_tool_names=["weather"])),
        {"tool_choice": {"type": "function", "function": {"name": "weather"}}},
    ),
    (
        "some tools",
        request(
            tools=[WEATHER, NOTE], tool_choice=Choice(mode=Choice.MODE_AUTO, allowed_tool_names=["weather", "note"])
        ),
        {
            "tool_choice": {
                "type": "allowed_tools",
                "allowed_tools": {
                    "mode": "auto",
                    "tools": [
                        {"type": "function", "function": {"name": "weather"}},
                        {"type": "custom", "custom": {"name": "note"}},
                    ],
                },
            }
        },
    ),
    ("temperature", sampling(temperature=0.7), {"temperature": 0.7}),
    ("top_p", sampling(top_p=0.9), {"top_p": 0.9}),
    (
        "penalties",
        sampling(frequency_penalty=0.5, presence_penalty=-0.5),
        {"frequency_penalty": 0.5, "presence_penalty": -0.5},
    ),
    ("seed", sampling(seed=7), {"seed": 7}),
    ("stop", sampling(stop_sequences=["a", "b"]), {"stop": ["a", "b"]}),
    ("logit bias", sampling(logit_bias={5: -100}), {"logit_bias": {"5": -100}}),
    ("output limit", request(max_output_token_count=9), {"max_completion_tokens": 9}),
    (
        "json object",
        request(output_format=generation_pb2.OutputFormat(json_object=generation_pb2.JsonObjectFormat())),
        {"response_format": {"type": "json_object"}},
    ),
    (
        "json schema",
        schema_format(name="a", description="b", schema_json='{"type": "object"}', strict=True),
        {
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "a", "description": "b", "schema": {"type": "object"}, "strict": True},
            }
        },
    ),
    (
        "unnamed schema",
        schema_format(schema_json="{}"),
        {"response_format": {"type": "json_schema", "json_schema": {"name": "output", "schema": {}}}},
    ),
    ("effort", request(reasoning=generation_pb2.ReasoningOptions(effort="low")), {"reasoning_effort": "low"}),
    ("candidates", request(candidate_count=2), {"n": 2}),
    ("one candidate", request(candidate_count=1), {}),
    ("logprobs", request(top_logprob_count=3), {"logprobs": True, "top_logprobs": 3}),
    ("logprobs alone", request(top_logprob_count=0), {"logprobs": True}),
    ("end user", request(end_user_id="u"), {"user": "u"}),
    ("service tier", request(service_tier="flex"), {"service_tier": "flex"}),
    (
        "prompt cache",
        request(prompt_cache=generation_pb2.PromptCacheOptions(key="k", ttl="24h")),
        {"prompt_cache_key": "k", "prompt_cache_retention": "24h"},
    ),
    (
        "audio out",
        request(output_modalities=["text", "audio"], audio=generation_pb2.AudioOptions(voice="alloy", format="wav")),
        {"modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "wav"}},
    ),
    (
        "options",
        request(provider_options_json={"openai": '{"verbosity": "low"}', "anthropic": '{"x": 1}'}),
        {"verbosity": "low"},
    ),
    ("labels stay here", request(labels={"a": "b"}), {}),
]


def body(codec: OpenAICodec, made: Request, *, stream: bool = False) -> dict[str, Any]:
    encoded = codec.encode_generate(made, "gpt-4o", stream=stream)
    assert (encoded.method, encoded.path) == ("POST", "/chat/completions")
    decoded: dict[str, Any] = json.loads(encoded.body)
    return decoded


@pytest.mark.parametrize(("made", "expected"), [row[1:] for row in ENCODED], ids=[row[0] for row in ENCODED])
def test_each_field_has_its_place(made: Request, expected: dict[str, Any]) -> None:
    plain = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hi"}]}
    got = body(OpenAICodec("openai", Quirks()), made)
    if "tools" not in expected:
        got.pop("tools", None)
    assert got == {**plain, **expected}


@needs_specs
def test_everything_sent_lies_within_openais_closed_schema() -> None:
    check = closed_validator("openai", "POST /chat/completions", "request")
    for name, made, _ in ENCODED:
        for stream in (False, True):
            assert check(body(OpenAICodec("openai", Quirks()), made, stream=stream)) == [], name


def test_a_stream_asks_for_its_usage() -> None:
    assert body(OpenAICodec("openai", Quirks()), request(), stream=True)["stream_options"] == {"include_usage": True}
    quiet = body(OpenAICodec("x", Quirks(stream_usage=False)), request(), stream=True)
    assert "stream_options" not in quiet


@pytest.mark.parametrize(
    ("quirks", "made", "expected"),
    [
        ({"max_tokens_field": "max_tokens"}, request(max_output_token_count=9), {"max_tokens": 9}),
        (
            {"developer_role": False},
            asks(said("DEVELOPER", Part(text="x"))),
            {"messages": [{"role": "system", "content": "x"}]},
        ),
        ({"seed_field": "random_seed"}, sampling(seed=7), {"random_seed": 7}),
        ({"extra_sampling": ["top_k", "min_p"]}, sampling(top_k=4, min_p=0.5), {"top_k": 4, "min_p": 0.5}),
        (
            {"reasoning_field": "reasoning_content"},
            asks(said("ASSISTANT", Part(reasoning=message_pb2.Reasoning(text="Hm.")), Part(text="Yes"))),
            {"messages": [{"role": "assistant", "content": "Yes", "reasoning_content": "Hm."}]},
        ),
    ],
)
def test_a_quirk_changes_what_is_sent(quirks: dict[str, Any], made: Request, expected: dict[str, Any]) -> None:
    got = body(OpenAICodec("x", read_quirks("openai", Quirks, quirks)), made)
    assert {member: got[member] for member in expected} == expected


@pytest.mark.parametrize("wrong", [{"no_such": True}, {"developer_role": "yes"}, {"max_tokens_field": "limit"}])
def test_an_unknown_quirk_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(QuirksError):
        read_quirks("openai", Quirks, wrong)


MISSING = [
    (sampling(top_k=4), "sampling.top_k"),
    (sampling(min_p=0.5), "sampling.min_p"),
    (request(reasoning=generation_pb2.ReasoningOptions(max_token_count=5)), "reasoning.max_token_count"),
    (request(reasoning=generation_pb2.ReasoningOptions(visibility="full")), "reasoning.visibility"),
    (
        request(output_format=generation_pb2.OutputFormat(grammar=tool_pb2.Grammar(syntax="lark", definition="x"))),
        "output_format.grammar",
    ),
]


@pytest.mark.parametrize(("made", "field"), MISSING, ids=[row[1] for row in MISSING])
def test_what_the_provider_lacks_is_refused_or_dropped_with_a_warning(made: Request, field: str) -> None:
    codec = OpenAICodec("openai", Quirks())
    with pytest.raises(errors.CapabilityMissing, match=field) as caught:
        codec.encode_generate(made, "m", stream=False)
    assert caught.value.metadata["capability"] == field
    dropping = Request()
    dropping.CopyFrom(made)
    dropping.unsupported_policy = generation_pb2.UNSUPPORTED_POLICY_DROP
    encoded = codec.encode_generate(dropping, "m", stream=False)
    assert [warning.field for warning in encoded.warnings] == [field]


@pytest.mark.parametrize(
    "member",
    ["model", "messages", "max_tokens", "n", "stream", "store", "user", "base_url", "api_key", "extra_headers"],
)
def test_a_member_that_the_gateway_sets_is_no_option(member: str) -> None:
    made = request(provider_options_json={"openai": json.dumps({member: 1})})
    with pytest.raises(errors.InvalidField) as caught:
        OpenAICodec("openai", Quirks()).encode_generate(made, "m", stream=False)
    assert caught.value.violations[0].field == f'provider_options_json["openai"].{member}'


@pytest.mark.parametrize(
    ("part", "field"),
    [
        (Part(media=message_pb2.Media(uri="https://x.example/a.pdf", mime_type="application/pdf")), "media.uri"),
        (Part(media=message_pb2.Media(data=b"x", mime_type="video/mp4")), "media.mime_type"),
        (Part(provider_part=message_pb2.ProviderPart(dialect="gemini", json="{}")), "provider_part.dialect"),
    ],
)
def test_a_part_that_the_dialect_cannot_carry_is_named(part: Part, field: str) -> None:
    with pytest.raises(errors.InvalidField) as caught:
        OpenAICodec("openai", Quirks()).encode_generate(user_part(part), "m", stream=False)
    assert caught.value.violations[0].field == f"messages[0].parts[0].{field}"


def test_a_raw_prompt_is_a_legacy_completion() -> None:
    made = Request(
        raw_prompt=generation_pb2.RawPrompt(text="Once", suffix="end", echo=True),
        max_output_token_count=5,
        top_logprob_count=2,
    )
    encoded = OpenAICodec("openai", Quirks()).encode_generate(made, "m", stream=True)
    assert encoded.path == "/completions"
    assert json.loads(encoded.body) == {
        "model": "m", "prompt": "Once", "suffix": "end", "echo": True, "stream": True,
        "stream_options": {"include_usage": True}, "max_tokens": 5, "logprobs": 2,
    }  # fmt: skip
    with pytest.raises(errors.InvalidField, match="tools"):
        OpenAICodec("openai", Quirks()).encode_generate(
            Request(raw_prompt=made.raw_prompt, tools=[WEATHER]), "m", stream=False
        )


def test_embeddings_are_asked_for_as_base64() -> None:
    inputs = [
        embedding_pb2.EmbedInput(text="a"),
        embedding_pb2.EmbedInput(token_ids=generation_pb2.TokenIds(ids=[1, 2])),
    ]
    encoded = OpenAICodec("openai", Quirks()).encode_embed(
        embedding_pb2.EmbedRequest(inputs=inputs, dimension_count=8, end_user_id="u"), "m"
    )
    assert (encoded.path, json.loads(encoded.body)) == (
        "/embeddings",
        {"model": "m", "input": ["a", [1, 2]], "encoding_format": "base64", "dimensions": 8, "user": "u"},
    )
