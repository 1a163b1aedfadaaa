"""The body of a chat completion becomes a GenerateRequest, member by member, and nothing of it gets lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from llmgateway.v1 import generation_pb2, message_pb2
from llmgateway_http.openai.chat_request import to_generate_request
from llmgateway_http.openai.chat_types import PASSED_ON, ChatRequest
from llmgateway_http.openai.errors import RestError
from llmgateway_http.openai.functions import MEMBERS as OLD_MEMBERS

from tests import specs

Json = dict[str, Any]  # Any: decoded JSON
Request = generation_pb2.GenerateRequest

SYSTEM, USER, ASSISTANT = message_pb2.ROLE_SYSTEM, message_pb2.ROLE_USER, message_pb2.ROLE_ASSISTANT
TOOL, DEVELOPER = message_pb2.ROLE_TOOL, message_pb2.ROLE_DEVELOPER
HELLO: Json = {"role": "user", "content": "Hello"}
WEATHER: Json = {"type": "function", "function": {"name": "weather"}}
SHELL: Json = {"type": "custom", "custom": {"name": "shell"}}
WEATHER_TOOL: Json = {"function": {"name": "weather"}}
SHELL_TOOL: Json = {"custom": {"name": "shell"}}
SCHEMA: Json = {"type": "object", "properties": {"city": {"type": "string"}}}
SCHEMA_JSON = '{"type":"object","properties":{"city":{"type":"string"}}}'
GRAMMAR: Json = {"syntax": "lark", "definition": "start: WORD"}

# (members of the body, fields of the request)
Row = tuple[Json, Json]
MEMBERS: list[Row] = [
    ({"temperature": 0.5}, {"sampling": {"temperature": 0.5}}),
    ({"temperature": 0}, {"sampling": {"temperature": 0.0}}),
    ({"top_p": 0.25}, {"sampling": {"top_p": 0.25}}),
    ({"frequency_penalty": -2}, {"sampling": {"frequency_penalty": -2.0}}),
    ({"presence_penalty": 2}, {"sampling": {"presence_penalty": 2.0}}),
    ({"seed": 2**63 - 1}, {"sampling": {"seed": 2**63 - 1}}),
    ({"seed": 0}, {"sampling": {"seed": 0}}),
    ({"stop": "END"}, {"sampling": {"stop_sequences": ["END"]}}),
    ({"stop": ["a", "b"]}, {"sampling": {"stop_sequences": ["a", "b"]}}),
    ({"stop": []}, {}),
    ({"logit_bias": {"50256": -100, "7": 1.5}}, {"sampling": {"logit_bias": {50256: -100.0, 7: 1.5}}}),
    ({"logit_bias": {}}, {}),
    ({"top_k": 40}, {"sampling": {"top_k": 40}}),
    ({"min_p": 0.05}, {"sampling": {"min_p": 0.05}}),
    ({"max_tokens": 5}, {"max_output_token_count": 5}),
    ({"max_completion_tokens": 5}, {"max_output_token_count": 5}),
    ({"n": 3}, {"candidate_count": 3}),
    ({"n": 1}, {"candidate_count": 1}),
    ({"logprobs": True}, {"top_logprob_count": 0}),
    ({"logprobs": True, "top_logprobs": 4}, {"top_logprob_count": 4}),
    ({"logprobs": False}, {}),
    ({"reasoning_effort": "high"}, {"reasoning": {"effort": "high"}}),
    ({"modalities": ["text", "audio"]}, {"output_modalities": ["text", "audio"]}),
    ({"audio": {"voice": "alloy", "format": "mp3"}}, {"audio": {"voice": "alloy", "format": "mp3"}}),
    ({"service_tier": "flex"}, {"service_tier": "flex"}),
    ({"prompt_cache_key": "k"}, {"prompt_cache": {"key": "k"}}),
    ({"prompt_cache_retention": "24h"}, {"prompt_cache": {"ttl": "24h"}}),
    ({"metadata": {"team": "red"}}, {"labels": {"team": "red"}}),
    ({"user": "u-1"}, {"end_user_id": "u-1"}),
    ({"unsupported_policy": "drop"}, {"unsupported_policy": "UNSUPPORTED_POLICY_DROP"}),
    ({"models": ["a/m", "b/m"]}, {"routing": {"fallback_models": ["a/m", "b/m"]}}),
    (
        {"provider": {"order": ["a"], "only": ["a", "b"], "ignore": ["c"], "sort": "price", "allow_fallbacks": False}},
        {
            "routing": {
                "provider_order": ["a"],
                "allowed_providers": ["a", "b"],
                "denied_providers": ["c"],
                "sort": "price",
                "allow_fallback": False,
            }
        },
    ),
    (
        {"provider": {"max_price": {"prompt": 0.15, "completion": 2}}},
        {
            "routing": {
                "max_price": {
                    "input_usd_nanos_per_million": 150_000_000,
                    "output_usd_nanos_per_million": 2_000_000_000,
                }
            }
        },
    ),
    ({"provider": {"require_parameters": True}}, {"routing": {}, "unsupported_policy": "UNSUPPORTED_POLICY_REFUSE"}),
    ({"provider": {"require_parameters": False}}, {"routing": {}, "unsupported_policy": "UNSUPPORTED_POLICY_DROP"}),
    ({"provider": {"zdr": True}}, {"routing": {"required_tags": {"zero_retention": "true"}}}),
    ({"store": False}, {}),
    ({"stream": True}, {}),
    ({"stream_options": {"include_usage": True}}, {}),
    ({"stream_options": {"include_obfuscation": False}}, {}),
    ({"response_format": {"type": "text"}}, {}),
    ({"response_format": {"type": "json_object"}}, {"output_format": {"json_object": {}}}),
    (
        {"response_format": {"type": "json_schema", "json_schema": {"name": "city", "schema": SCHEMA}}},
        {"output_format": {"json_schema": {"name": "city", "schema_json": SCHEMA_JSON}}},
    ),
    (
        {"response_format": {"type": "json_schema", "json_schema": {"name": "c", "description": "d", "strict": False}}},
        {"output_format": {"json_schema": {"name": "c", "description": "d", "schema_json": "{}", "strict": False}}},
    ),
    ({"tools": []}, {}),
    ({"tools": [WEATHER]}, {"tools": [WEATHER_TOOL]}),
    (
        {
            "tools": [
                {
                    "type": "function",
                    "function": {"name": "weather", "description": "d", "parameters": SCHEMA, "strict": True},
                }
            ]
        },
        {
            "tools": [
                {"function": {"name": "weather", "description": "d", "input_schema_json": SCHEMA_JSON, "strict": True}}
            ]
        },
    ),
    (
        {"tools": [{**WEATHER, "cache_control": {"type": "ephemeral"}}]},
        {"tools": [{**WEATHER_TOOL, "provider_json": {"openai": '{"cache_control":{"type":"ephemeral"}}'}}]},
    ),
    (
        {"tools": [{"type": "custom", "custom": {"name": "shell", "description": "d", "format": {"type": "text"}}}]},
        {"tools": [{"custom": {"name": "shell", "description": "d"}}]},
    ),
    (
        {"tools": [{"type": "custom", "custom": {"name": "sh", "format": {"type": "grammar", "grammar": GRAMMAR}}}]},
        {"tools": [{"custom": {"name": "sh", "grammar": GRAMMAR}}]},
    ),
    (
        {"tools": [{"type": "web_search", "depth": 2}]},
        {"tools": [{"provider_tool": {"dialect": "openai", "type": "web_search", "config_json": '{"depth":2}'}}]},
    ),
    ({"tools": [WEATHER], "tool_choice": "auto"}, {"tools": [WEATHER_TOOL], "tool_choice": {"mode": "MODE_AUTO"}}),
    ({"tools": [WEATHER], "tool_choice": "none"}, {"tools": [WEATHER_TOOL], "tool_choice": {"mode": "MODE_NONE"}}),
    (
        {"tools": [WEATHER], "tool_choice": "required"},
        {"tools": [WEATHER_TOOL], "tool_choice": {"mode": "MODE_REQUIRED"}},
    ),
    (
        {"tools": [WEATHER], "tool_choice": WEATHER},
        {"tools": [WEATHER_TOOL], "tool_choice": {"mode": "MODE_REQUIRED", "allowed_tool_names": ["weather"]}},
    ),
    (
        {"tools": [SHELL], "tool_choice": SHELL},
        {"tools": [SHELL_TOOL], "tool_choice": {"mode": "MODE_REQUIRED", "allowed_tool_names": ["shell"]}},
    ),
    (
        {
            "tools": [WEATHER, SHELL],
            "tool_choice": {
                "type": "allowed_tools",
                "allowed_tools": {"mode": "auto", "tools": [WEATHER, SHELL]},
            },
        },
        {
            "tools": [WEATHER_TOOL, SHELL_TOOL],
            "tool_choice": {"mode": "MODE_AUTO", "allowed_tool_names": ["weather", "shell"]},
        },
    ),
    ({"parallel_tool_calls": False}, {"tool_choice": {"parallel": False}}),
    # What the contract has no field for goes to providers of the dialect as it is.
    ({"verbosity": "low"}, {"provider_options_json": {"openai": '{"verbosity":"low"}'}}),
    ({"safety_identifier": "s"}, {"provider_options_json": {"openai": '{"safety_identifier":"s"}'}}),
    ({"prediction": {"type": "content"}}, {"provider_options_json": {"openai": '{"prediction":{"type":"content"}}'}}),
    ({"moderation": {"model": "x"}}, {"provider_options_json": {"openai": '{"moderation":{"model":"x"}}'}}),
    ({"web_search_options": {}}, {"provider_options_json": {"openai": '{"web_search_options":{}}'}}),
    (
        {"prompt_cache_options": {"mode": "x"}},
        {"provider_options_json": {"openai": '{"prompt_cache_options":{"mode":"x"}}'}},
    ),
    (
        {"response_format": {"type": "grammar", "grammar": "x"}},
        {"provider_options_json": {"openai": '{"response_format":{"type":"grammar","grammar":"x"}}'}},
    ),
    ({"brand_new": None}, {"provider_options_json": {"openai": '{"brand_new":null}'}}),
    (
        {"a": 1, "provider_options_json": {"openai": {"b": 2}, "mock": '{"c": [3]}'}},
        {"provider_options_json": {"openai": '{"a":1,"b":2}', "mock": '{"c":[3]}'}},
    ),
]  # fmt: skip

# (a message of the body, the turn that it becomes, less the role)
Turn = tuple[Json, int, Json]
TURNS: list[Turn] = [
    ({"role": "system", "content": "s"}, SYSTEM, {"parts": [{"text": "s"}]}),
    ({"role": "developer", "content": "d"}, DEVELOPER, {"parts": [{"text": "d"}]}),
    ({"role": "user", "content": "", "name": "Ann"}, USER, {"parts": [{"text": ""}], "name": "Ann"}),
    (
        {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
        USER,
        {"parts": [{"text": "a"}, {"text": "b"}]},
    ),
    (
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://e.org/i", "detail": "low"}}]},
        USER,
        {"parts": [{"media": {"mime_type": "image/*", "uri": "https://e.org/i", "detail": "low"}}]},
    ),
    (
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAH/"}}]},
        USER,
        {"parts": [{"media": {"mime_type": "image/png", "data": b"\x00\x01\xff"}}]},
    ),
    (
        {"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "AAH/", "format": "mp3"}}]},
        USER,
        {"parts": [{"media": {"mime_type": "audio/mpeg", "data": b"\x00\x01\xff"}}]},
    ),
    (
        {"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "", "format": "wav"}}]},
        USER,
        {"parts": [{"media": {"mime_type": "audio/wav", "data": b""}}]},
    ),
    (
        {"role": "user", "content": [{"type": "file", "file": {"file_id": "file-1"}}]},
        USER,
        {"parts": [{"media": {"file_id": "file-1"}}]},
    ),
    (
        {"role": "user", "content": [{"type": "file", "file": {"filename": "a.pdf", "file_data": "AAH/"}}]},
        USER,
        {"parts": [{"media": {"mime_type": "application/pdf", "file_name": "a.pdf", "data": b"\x00\x01\xff"}}]},
    ),
    (
        {"role": "user", "content": [{"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}]},
        USER,
        {"parts": [{"text": "a", "provider_json": {"openai": '{"cache_control":{"type":"ephemeral"}}'}}]},
    ),
    (
        {"role": "user", "content": [{"type": "video_url", "video_url": {"url": "https://e.org/v"}}]},
        USER,
        {
            "parts": [
                {
                    "provider_part": {
                        "dialect": "openai",
                        "type": "video_url",
                        "json": '{"type":"video_url","video_url":{"url":"https://e.org/v"}}',
                    }
                }
            ]
        },
    ),
    ({"role": "user", "content": "x", "odd": [1]}, USER, {"parts": [{"text": "x"}], "provider_json": {"openai": '{"odd":[1]}'}}),
    ({"role": "assistant", "content": "a"}, ASSISTANT, {"parts": [{"text": "a"}]}),
    ({"role": "assistant", "content": None}, ASSISTANT, {}),
    (
        {"role": "assistant", "content": "a", "reasoning_content": "t"},
        ASSISTANT,
        {"parts": [{"reasoning": {"text": "t"}}, {"text": "a"}]},
    ),
    ({"role": "assistant", "reasoning": "t"}, ASSISTANT, {"parts": [{"reasoning": {"text": "t"}}]}),
    ({"role": "assistant", "refusal": "no"}, ASSISTANT, {"parts": [{"refusal": "no"}]}),
    ({"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]}, ASSISTANT, {"parts": [{"refusal": "no"}]}),
    ({"role": "assistant", "audio": {"id": "audio-1"}}, ASSISTANT, {"parts": [{"media": {"file_id": "audio-1"}}]}),
    (
        {"role": "assistant", "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{"}}]},
        ASSISTANT,
        {"parts": [{"tool_call": {"id": "1", "name": "f", "arguments_json": "{"}}]},
    ),
    (
        {"role": "assistant", "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": ""}, "extra_content": 1}]},
        ASSISTANT,
        {
            "parts": [
                {
                    "tool_call": {"id": "1", "name": "f", "arguments_json": "{}"},
                    "provider_json": {"openai": '{"extra_content":1}'},
                }
            ]
        },
    ),
    (
        {"role": "assistant", "tool_calls": [{"id": "1", "type": "custom", "custom": {"name": "sh", "input": "ls"}}]},
        ASSISTANT,
        {"parts": [{"tool_call": {"id": "1", "name": "sh", "text": "ls"}}]},
    ),
    (
        {"role": "tool", "tool_call_id": "1", "content": "sun"},
        TOOL,
        {"parts": [{"tool_result": {"tool_call_id": "1", "parts": [{"text": "sun"}]}}]},
    ),
    (
        {"role": "tool", "tool_call_id": "1", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
        TOOL,
        {"parts": [{"tool_result": {"tool_call_id": "1", "parts": [{"text": "a"}, {"text": "b"}]}}]},
    ),
]  # fmt: skip

# (members of the body, the path that the refusal names)
WRONG: list[tuple[Json, str]] = [
    ({"models": "a/m"}, "models"),
    ({"models": ["a/m"] * 18}, "models"),
    ({"provider": {"sort": "cost"}}, "provider.sort"),
    ({"provider": {"quantizations": ["int4"]}}, "provider.quantizations"),
    ({"provider": {"order": "a"}}, "provider.order"),
    ({"provider": {"max_price": {"prompt": -1}}}, "provider.max_price.prompt"),
    ({"store": True}, "store"),
    ({"stream_options": {"include_obfuscation": True}}, "stream_options.include_obfuscation"),
    ({"stream_options": {"odd": 1}}, "stream_options.odd"),
    ({"max_tokens": 1, "max_completion_tokens": 1}, "max_tokens"),
    ({"top_logprobs": 1}, "top_logprobs"),
    ({"top_logprobs": 21, "logprobs": True}, "top_logprobs"),
    ({"top_k": 1.5}, "top_k"),
    ({"top_k": True}, "top_k"),
    ({"top_k": 2**31}, "top_k"),
    ({"min_p": "0"}, "min_p"),
    ({"logit_bias": {"-1": 1}}, "logit_bias.-1"),
    ({"logit_bias": {"²": 1}}, "logit_bias.²"),
    ({"tool_choice": "any"}, "tool_choice"),
    ({"tool_choice": {"type": "function"}}, "tool_choice.function"),
    ({"tool_choice": {"type": "odd"}}, "tool_choice.type"),
    (
        {"tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "none", "tools": []}}},
        "tool_choice.allowed_tools.mode",
    ),
    (
        {"tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [{"type": "custom"}]}}},
        "tool_choice.allowed_tools.tools[0].custom",
    ),
    ({"tools": [{"type": "function"}]}, "tools[0].function"),
    ({"tools": [{"type": "function", "function": {"name": "f", "odd": 1}}]}, "tools[0].function.odd"),
    (
        {"tools": [{"type": "custom", "custom": {"name": "f", "format": {"type": "grammar"}}}]},
        "tools[0].custom.format.grammar",
    ),
    ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
    ({"audio": {"voice": {"id": "v"}, "format": "mp3"}}, "audio.voice"),
    ({"metadata": {"a": 1}}, "metadata[...]"),
    ({"provider_options_json": {"openai": "["}}, "provider_options_json.openai"),
    ({"provider_options_json": {"openai": {"api_key": "x"}}}, "provider_options_json.openai.api_key"),
    ({"provider_options_json": {"mock": {"base_url": "x"}}}, "provider_options_json.mock.base_url"),
    ({"odd": 1, "provider_options_json": {"openai": {"odd": 2}}}, "provider_options_json.openai.odd"),
    ({"messages": [{**HELLO, "tool_calls": [{"id": "1", "function": {"name": "f"}}]}]}, "messages[0].tool_calls"),
    ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].tool_call_id"),
    ({"messages": [HELLO, {"role": "tool", "tool_call_id": "1"}]}, "messages[1].content"),
    (
        {"messages": [{"role": "assistant", "tool_calls": [{"id": "1", "type": "odd"}]}]},
        "messages[0].tool_calls[0].type",
    ),
    (
        {"messages": [{"role": "user", "content": [{"type": "video_url", "video_url": {"url": "file:///x"}}]}]},
        "messages[0].content[0].video_url",
    ),
    (
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,%"}}]}]},
        "messages[0].content[0].image_url.url",
    ),
    (
        {"messages": [{"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "?", "format": "wav"}}]}]},
        "messages[0].content[0].input_audio.data",
    ),
    (
        {"messages": [{"role": "user", "content": [{"type": "file", "file": {"file_id": "1", "file_data": "AAAA"}}]}]},
        "messages[0].content[0].file",
    ),
]  # fmt: skip

# Members that say how the shim answers, not what is asked of the model.
OF_THE_SHIM = frozenset({"stream", "stream_options", "store"})


def body(**members: Any) -> Json:
    return {"model": "openai/m", "messages": [HELLO], **members}


def hello(**fields: Any) -> Request:
    return Request(model="openai/m", messages=[{"role": USER, "parts": [{"text": "Hello"}]}], **fields)  # type: ignore[list-item]


def names_of(rows: list[Any]) -> list[str]:
    return [json.dumps(row[0], ensure_ascii=True)[:60] for row in rows]


@pytest.mark.parametrize(("members", "fields"), MEMBERS, ids=names_of(MEMBERS))
def test_a_member_becomes_its_field_and_nothing_else(members: Json, fields: Json) -> None:
    assert to_generate_request(body(**members))[0] == hello(**fields)


@pytest.mark.parametrize(("message", "role", "turn"), TURNS, ids=names_of(TURNS))
def test_a_message_becomes_its_turn(message: Json, role: int, turn: Json) -> None:
    request, _ = to_generate_request(body(messages=[message]))
    assert request == Request(model="openai/m", messages=[{"role": role, **turn}])  # type: ignore[list-item]


@pytest.mark.parametrize(("members", "param"), WRONG, ids=names_of(WRONG))
def test_what_cannot_be_honoured_is_refused_by_name(members: Json, param: str) -> None:
    with pytest.raises(RestError) as refusal:
        to_generate_request(body(**members))
    assert (refusal.value.row.status, refusal.value.param) == (400, param)
    assert param.partition("[")[0] in refusal.value.message


@pytest.mark.parametrize("member", sorted(set(ChatRequest.__struct_fields__) - {"model", "messages"}))
def test_a_null_member_is_an_absent_one(member: str) -> None:
    assert to_generate_request(body(**{member: None}))[0] == hello()


def test_all_members_at_once_do_not_disturb_each_other() -> None:
    members: Json = {"n": 2, "temperature": 1, "stop": "x", "top_k": 3, "user": "u", "odd": 1, "verbosity": "low"}
    request, typed = to_generate_request(body(**members, stream=True, stream_options={"include_usage": True}))
    assert request == hello(
        candidate_count=2,
        sampling={"temperature": 1.0, "stop_sequences": ["x"], "top_k": 3},
        end_user_id="u",
        provider_options_json={"openai": '{"odd":1,"verbosity":"low"}'},
    )
    assert typed.stream is True
    assert typed.stream_options is not None
    assert typed.stream_options.include_usage is True


def test_models_alone_name_the_first_and_those_after_it() -> None:
    members = {"models": ["a/m", "b/m", "c/m"], "messages": [HELLO]}
    request, _ = to_generate_request(members)
    assert (request.model, [*request.routing.fallback_models]) == ("a/m", ["b/m", "c/m"])
    with pytest.raises(RestError) as refusal:
        to_generate_request({"messages": [HELLO]})
    assert refusal.value.param == "model"


def test_preferences_beside_a_model_of_openrouter_are_its_own() -> None:
    preferences = {"quantizations": ["int4"], "order": ["anthropic"]}
    request, _ = to_generate_request(body(model="openrouter/a/m", provider=preferences, models=["b/m"]))
    assert not request.HasField("routing")
    assert json.loads(request.provider_options_json["openai"]) == {"provider": preferences, "models": ["b/m"]}


def test_every_known_member_has_a_row() -> None:
    """A member that is added to the types and to nothing else would be dropped without a word."""
    shown = {name for members, _ in MEMBERS for name in members}
    assert set(ChatRequest.__struct_fields__) - {"model", "messages"} - shown == set()
    moved = {name for members, fields in MEMBERS if fields for name in members}
    assert set(ChatRequest.__struct_fields__) - {"model", "messages"} - moved == OF_THE_SHIM


def properties(document: Json, schema: Json) -> Iterator[str]:
    """Yield the names that a schema declares, through references and compositions."""
    if "$ref" in schema:
        schema = document["$defs"][schema["$ref"].removeprefix("#/$defs/")]
    yield from schema.get("properties", {})
    for inner in schema.get("allOf", []):
        yield from properties(document, inner)


@specs.needs_specs
def test_every_property_that_openai_documents_has_a_place_here() -> None:
    document = json.loads((specs.FOLDER / "schemas" / "openai.chat.schema.json").read_text())
    documented = set(properties(document, {"$ref": "#/$defs/CreateChatCompletionRequest"}))
    assert {"model", "messages", "temperature", "metadata", "n", "functions"} <= documented  # the walk saw them all
    members = set(ChatRequest.__struct_fields__)
    assert {name for name in documented if name not in members | OLD_MEMBERS} == set()
    assert members >= PASSED_ON
    assert not members & OLD_MEMBERS
