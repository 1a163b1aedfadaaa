"""Options, tools and the choice among them, as the contract's request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from google.protobuf import text_format
from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableBinding
from langchain_core.tools import BaseTool, Tool, tool
from llmgateway.v1 import generation_pb2, tool_pb2
from llmgateway_langchain import ChatLLMGateway
from llmgateway_langchain.encode_request import OPTIONS, encode_request
from llmgateway_langchain.encode_tools import describe_tool, encode_tool, encode_tool_choice
from pydantic import BaseModel, Field

Request = generation_pb2.GenerateRequest

SCHEMA = {"title": "Joke", "type": "object", "properties": {"setup": {"type": "string"}}, "required": ["setup"]}

ROWS: list[tuple[dict[str, Any], str]] = [
    ({"model": "mock/echo"}, 'model: "mock/echo"'),
    (
        {
            "temperature": 0,
            "top_p": 0.5,
            "top_k": 3,
            "min_p": 0.25,
            "frequency_penalty": -1,
            "presence_penalty": 1,
            "seed": 7,
            "stop": ["a", "b"],
            "logit_bias": {"42": -100},
        },
        "sampling { temperature: 0 top_p: 0.5 top_k: 3 min_p: 0.25 frequency_penalty: -1 presence_penalty: 1 seed: 7 "
        'stop_sequences: "a" stop_sequences: "b" logit_bias { key: 42 value: -100 } }',
    ),
    ({"max_tokens": 9, "n": 2}, "max_output_token_count: 9 candidate_count: 2"),
    ({"logprobs": True}, "top_logprob_count: 0"),
    ({"logprobs": False}, ""),
    ({"logprobs": True, "top_logprobs": 3}, "top_logprob_count: 3"),
    ({"reasoning_effort": "low", "reasoning_visibility": "auto"}, 'reasoning { effort: "low" visibility: "auto" }'),
    ({"reasoning_max_tokens": 0}, "reasoning { max_token_count: 0 }"),
    ({"labels": {"team": "a"}}, 'labels { key: "team" value: "a" }'),
    (
        {"provider_options_json": {"mock": {"text": "é"}, "openai": '{"x":1}'}},
        'provider_options_json { key: "mock" value: "{\\"text\\": \\"é\\"}" } '
        'provider_options_json { key: "openai" value: "{\\"x\\":1}" }',
    ),
    ({"response_format": {"type": "text"}}, ""),
    ({"response_format": {"type": "json_object"}}, "output_format { json_object {} }"),
    (
        {"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {}, "strict": True}}},
        'output_format { json_schema { name: "a" schema_json: "{}" strict: true } }',
    ),
    (
        {"request_fields": {"routing": {"sort": "price"}, "serviceTier": "flex"}, "model": "fast"},
        'model: "fast" routing { sort: "price" } service_tier: "flex"',
    ),
    ({"temperature": None, "tool_choice": None, "tools": None}, ""),
    ({"parallel_tool_calls": False}, "tool_choice { parallel: false }"),
]


@pytest.mark.parametrize(("options", "expected"), ROWS)
def test_options_set_fields(options: dict[str, Any], expected: str) -> None:
    assert encode_request([], options) == text_format.Parse(expected, Request())


def test_every_option_has_a_row() -> None:
    assert {name for options, _ in ROWS for name in options} >= OPTIONS.keys()


def test_an_option_stands_over_request_fields() -> None:
    fields = {"sampling": {"stopSequences": ["x"], "temperature": 1, "topK": 1}}
    request = encode_request([], {"request_fields": fields, "stop": ["y"], "temperature": 0})
    assert request == text_format.Parse('sampling { stop_sequences: "y" temperature: 0 top_k: 1 }', Request())


def test_an_unknown_option_is_refused() -> None:
    with pytest.raises(TypeError, match="top_q: no such option"):
        encode_request([], {"top_q": 1})


def test_request_fields_that_are_none_are_refused() -> None:
    with pytest.raises(ValueError, match="no GenerateRequest"):
        ChatLLMGateway(model="mock/echo", request_fields={"rooting": {}})


def test_a_schema_without_openai_s_frame_is_a_format() -> None:
    request = encode_request([], {"response_format": SCHEMA})
    assert request.output_format.json_schema.name == "Joke"
    assert '"setup"' in request.output_format.json_schema.schema_json


class Add(BaseModel):
    """Add two numbers."""

    a: int = Field(description="the first")
    b: int = 2


def add(a: int) -> int:
    """Add one."""
    return a + 1


@tool(extras={"cache_control": {"type": "ephemeral"}, "provider_json": {"openai": {"x": 1}}})
def cached(a: int) -> int:
    """Add one, remembered."""
    return a + 1


def shell() -> BaseTool:
    form = {"type": "grammar", "syntax": "lark", "definition": "start: /./"}
    return Tool("sh", str, "Run it.", metadata={"type": "custom_tool", "format": form})


TOOLS: list[tuple[Any, str]] = [
    (
        {"type": "function", "function": {"name": "f", "description": "d", "parameters": {"a": 1}, "strict": True}},
        'function { name: "f" description: "d" input_schema_json: "{\\"a\\": 1}" strict: true }',
    ),
    ({"type": "function", "name": "f", "parameters": {}}, 'function { name: "f" }'),
    ({"name": "f", "description": "d"}, 'function { name: "f" description: "d" }'),
    (
        {"name": "f", "input_schema": {"type": "object"}, "cache_control": {"type": "ephemeral", "ttl": "1h"}},
        'function { name: "f" input_schema_json: "{\\"type\\": \\"object\\"}" } cache_breakpoint { ttl: "1h" }',
    ),
    (
        add,
        'function { name: "add" description: "Add one." input_schema_json: "{\\"properties\\": {\\"a\\": '
        '{\\"type\\": \\"integer\\"}}, \\"required\\": [\\"a\\"], \\"type\\": \\"object\\"}" }',
    ),
    (
        cached,
        'function { name: "cached" description: "Add one, remembered." input_schema_json: "{\\"properties\\": {\\"a\\": '
        '{\\"type\\": \\"integer\\"}}, \\"required\\": [\\"a\\"], \\"type\\": \\"object\\"}" } cache_breakpoint {} '
        'provider_json { key: "openai" value: "{\\"x\\": 1}" }',
    ),
    (
        shell(),
        'custom { name: "sh" description: "Run it." grammar { syntax: "lark" definition: "start: /./" } }',
    ),
    ({"type": "custom", "custom": {"name": "sh"}}, 'custom { name: "sh" }'),
    (
        {"dialect": "gemini", "type": "google_search", "x": 1},
        'provider_tool { dialect: "gemini" type: "google_search" config_json: "{\\"x\\": 1}" }',
    ),
    ({"type": "web_search"}, 'provider_tool { dialect: "openai" type: "web_search" }'),
    (
        {"type": "web_search_20250305", "name": "web_search", "cache_control": {"type": "ephemeral"}},
        'provider_tool { dialect: "anthropic" type: "web_search_20250305" config_json: "{\\"name\\": \\"web_search\\"}" } '
        "cache_breakpoint {}",
    ),
]


@pytest.mark.parametrize(("given", "expected"), TOOLS)
def test_tools_in_every_form(given: Any, expected: str) -> None:
    assert encode_tool(describe_tool(given)) == text_format.Parse(expected, tool_pb2.Tool())


def test_a_strict_tool_has_a_closed_schema() -> None:
    encoded = encode_tool(describe_tool(Add, strict=True))
    assert encoded.function.strict
    assert '"additionalProperties": false' in encoded.function.input_schema_json


def test_a_tool_without_a_type_is_refused() -> None:
    with pytest.raises(ValueError, match="without a type"):
        encode_tool({"name": "f"})


NAMED = [encode_tool(describe_tool({"name": name})) for name in ("f", "g")]
CHOICES: list[tuple[Any, str]] = [
    ("auto", "mode: MODE_AUTO"),
    ("none", "mode: MODE_NONE"),
    ("any", "mode: MODE_REQUIRED"),
    ("required", "mode: MODE_REQUIRED"),
    (True, "mode: MODE_REQUIRED"),
    ("f", 'mode: MODE_REQUIRED allowed_tool_names: "f"'),
    ({"type": "any"}, "mode: MODE_REQUIRED"),
    ({"type": "tool", "name": "g"}, 'mode: MODE_REQUIRED allowed_tool_names: "g"'),
    ({"type": "function", "function": {"name": "g"}}, 'mode: MODE_REQUIRED allowed_tool_names: "g"'),
    (
        {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "f"}]},
        'mode: MODE_AUTO allowed_tool_names: "f"',
    ),
    (
        {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [{"function": {"name": "f"}}]}},
        'mode: MODE_REQUIRED allowed_tool_names: "f"',
    ),
]


@pytest.mark.parametrize(("choice", "expected"), CHOICES)
def test_choices_in_every_form(choice: Any, expected: str) -> None:
    assert encode_tool_choice(choice, NAMED) == text_format.Parse(expected, tool_pb2.ToolChoice())


@pytest.mark.parametrize("choice", [None, False])
def test_no_choice_asks_for_nothing(choice: bool | None) -> None:
    assert encode_tool_choice(choice, NAMED) is None


@pytest.mark.parametrize(
    ("choice", "says"), [("h", "tool_choice names h, and the tools are f, g"), ({"type": "x"}, "give auto")]
)
def test_a_wrong_choice_is_refused(choice: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        encode_tool_choice(choice, NAMED)


def bound(runnable: object) -> Mapping[str, Any]:
    assert isinstance(runnable, RunnableBinding)
    return runnable.kwargs


def test_bind_tools_asks_for_what_it_was_told() -> None:
    model = ChatLLMGateway(model="mock/echo", temperature=1)
    kwargs = bound(model.bind_tools([add], tool_choice="add", parallel_tool_calls=False, strict=True, seed=1))
    request = encode_request([HumanMessage("Hi")], {"model": model.model, **kwargs})
    assert request.tool_choice == text_format.Parse(
        'mode: MODE_REQUIRED allowed_tool_names: "add" parallel: false', tool_pb2.ToolChoice()
    )
    assert (request.tools[0].function.strict, request.sampling.seed) == (True, 1)


def test_an_unknown_method_of_structured_output_is_refused() -> None:
    with pytest.raises(ValueError, match="give one of json_schema, function_calling, json_mode"):
        ChatLLMGateway(model="mock/echo").with_structured_output(Add, method="magic")  # type: ignore[arg-type]
