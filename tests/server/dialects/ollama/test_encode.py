"""What is sent: each field of the contract at its place, inside Ollama's schema, or refused by its path."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from llmgateway.v1 import embedding_pb2, generation_pb2, message_pb2, tool_pb2
from llmgateway_server import errors
from llmgateway_server.dialects.ollama.codec import OllamaCodec
from llmgateway_server.dialects.ollama.quirks import Quirks
from llmgateway_server.dialects.quirks import QuirksError, read_quirks

from tests.specs import closed_validator, needs_specs

Request = generation_pb2.GenerateRequest
Part = message_pb2.Part
Message = message_pb2.ChatMessage
Call = message_pb2.ToolCall
Result = message_pb2.ToolResult
Choice = tool_pb2.ToolChoice
USER = Message(role=message_pb2.ROLE_USER, parts=[Part(text="Hi")])
WEATHER = tool_pb2.Tool(
    function=tool_pb2.FunctionTool(name="weather", description="Looks out.", input_schema_json='{"type": "object"}')
)
CLOCK = tool_pb2.Tool(function=tool_pb2.FunctionTool(name="clock"))
WEATHER_BODY = {
    "type": "function",
    "function": {"name": "weather", "description": "Looks out.", "parameters": {"type": "object"}},
}
CLOCK_BODY = {"type": "function", "function": {"name": "clock", "parameters": {"type": "object", "properties": {}}}}
CODEC = OllamaCodec("ollama", Quirks())
PNG = b"\x89PNG\r\n"
DATA = base64.b64encode(PNG).decode()
IMAGE = Part(media=message_pb2.Media(data=PNG, mime_type="image/png"))


def request(**fields: Any) -> Request:
    return Request(**{"messages": [USER], **fields})


def said(role: str, *parts: Part, **fields: Any) -> Message:
    return Message(role=message_pb2.Role.Value(f"ROLE_{role}"), parts=parts, **fields)


def asks(*messages: Message) -> Request:
    return request(messages=messages)


def sampling(**fields: Any) -> Request:
    return request(sampling=generation_pb2.Sampling(**fields))


def reasoning(**fields: Any) -> Request:
    return request(reasoning=generation_pb2.ReasoningOptions(**fields))


def schema_format(**fields: Any) -> Request:
    return request(output_format=generation_pb2.OutputFormat(json_schema=generation_pb2.JsonSchemaFormat(**fields)))


def choosing(mode: Choice.Mode.ValueType, **fields: Any) -> Request:
    return request(tools=[WEATHER, CLOCK], tool_choice=Choice(mode=mode, **fields))


def messages(*bodies: dict[str, Any]) -> dict[str, Any]:
    return {"messages": list(bodies)}


def options(**members: Any) -> dict[str, Any]:
    return {"options": {"num_ctx": 4096, **members}}


CALLS = said(
    "ASSISTANT",
    Part(text="Wait."),
    Part(tool_call=Call(id="a", name="weather", arguments_json='{"city":"Oslo"}')),
    Part(tool_call=Call(id="b", name="clock")),
)
RESULTS = said(
    "TOOL",
    Part(tool_result=Result(tool_call_id="a", output_json='{"c":1}')),
    Part(tool_result=Result(tool_call_id="b", parts=[Part(text="noon"), Part(text="sharp")])),
)
CALLS_BODY = {
    "role": "assistant",
    "content": "Wait.",
    "tool_calls": [
        {"function": {"name": "weather", "arguments": {"city": "Oslo"}}},
        {"function": {"name": "clock", "arguments": {}}},
    ],
}
HI = {"role": "user", "content": "Hi"}

# (request, the members that it adds to or changes in the body)
ENCODED: list[tuple[str, Request, dict[str, Any]]] = [
    ("plain", request(), {}),
    ("system", asks(said("SYSTEM", Part(text="Be kind.")), USER), messages({"role": "system", "content": "Be kind."}, HI)),
    ("developer", asks(said("DEVELOPER", Part(text="Be brief."))), messages({"role": "system", "content": "Be brief."})),
    ("two texts", asks(said("USER", Part(text="a"), Part(text="b"))), messages({"role": "user", "content": "a\nb"})),
    ("an image", asks(said("USER", IMAGE, Part(text="What?"))), messages({"role": "user", "content": "What?", "images": [DATA]})),
    ("two images", asks(said("USER", IMAGE, IMAGE)), messages({"role": "user", "content": "", "images": [DATA, DATA]})),
    ("assistant", asks(USER, said("ASSISTANT", Part(text="Hello"), Part(text="!"))), messages(HI, {"role": "assistant", "content": "Hello!"})),
    ("a silent assistant", asks(said("ASSISTANT"), USER), messages({"role": "assistant", "content": ""}, HI)),
    ("refusal", asks(said("ASSISTANT", Part(refusal="No."))), messages({"role": "assistant", "content": "No."})),
    ("an image drawn", asks(said("ASSISTANT", Part(text="Here."), IMAGE)), messages({"role": "assistant", "content": "Here.", "images": [DATA]})),
    ("calls and results", asks(USER, CALLS, RESULTS), messages(HI, CALLS_BODY, {"role": "tool", "tool_name": "weather", "content": '{"c":1}'}, {"role": "tool", "tool_name": "clock", "content": "noon\nsharp"})),
    ("a result names its tool", asks(CALLS, said("TOOL", Part(tool_result=Result(tool_call_id="a", tool_name="sky")))), messages(CALLS_BODY, {"role": "tool", "tool_name": "sky", "content": ""})),
    ("a result with an image", asks(CALLS, said("TOOL", Part(tool_result=Result(tool_call_id="a", parts=[Part(text="See"), IMAGE])))), messages(CALLS_BODY, {"role": "tool", "tool_name": "weather", "content": "See", "images": [DATA]})),
    ("the provider's own calls stay away", asks(said("ASSISTANT", Part(tool_call=Call(id="p", name="x", executor=Call.EXECUTOR_PROVIDER)), Part(tool_result=Result(tool_call_id="p")), Part(text="Found."))), messages({"role": "assistant", "content": "Found."})),
    ("tools", request(tools=[WEATHER, CLOCK]), {"tools": [WEATHER_BODY, CLOCK_BODY]}),
    ("a lax tool", request(tools=[tool_pb2.Tool(function=tool_pb2.FunctionTool(name="clock", strict=False))]), {"tools": [CLOCK_BODY]}),
    ("no tool", choosing(Choice.MODE_NONE), {}),
    ("any tool or none", choosing(Choice.MODE_AUTO, parallel=True), {"tools": [WEATHER_BODY, CLOCK_BODY]}),
    ("one tool of two", choosing(Choice.MODE_AUTO, allowed_tool_names=["clock"]), {"tools": [CLOCK_BODY]}),
    ("temperature", sampling(temperature=0.7), options(temperature=0.7)),
    ("temperature 0", sampling(temperature=0), options(temperature=0.0)),
    ("top_p", sampling(top_p=0.9), options(top_p=0.9)),
    ("top_k", sampling(top_k=40), options(top_k=40)),
    ("min_p", sampling(min_p=0.05), options(min_p=0.05)),
    ("frequency penalty", sampling(frequency_penalty=0.5), options(frequency_penalty=0.5)),
    ("presence penalty", sampling(presence_penalty=-0.5), options(presence_penalty=-0.5)),
    ("seed", sampling(seed=7), options(seed=7)),
    ("stop", sampling(stop_sequences=["a", "b"]), options(stop=["a", "b"])),
    ("output limit", request(max_output_token_count=9), options(num_predict=9)),
    ("a large output", request(max_output_token_count=5000), {"options": {"num_ctx": 8192, "num_predict": 5000}}),
    ("a large input", asks(said("USER", Part(text="word " * 4000))), {"messages": [{"role": "user", "content": "word " * 4000}], "options": {"num_ctx": 8192}}),
    ("json object", request(output_format=generation_pb2.OutputFormat(json_object=generation_pb2.JsonObjectFormat())), {"format": "json"}),
    ("json schema", schema_format(name="a", schema_json='{"type": "object"}', strict=True), {"format": {"type": "object"}}),
    ("a described schema", schema_format(description="A town.", schema_json='{"type": "object"}'), {"format": {"type": "object", "description": "A town."}}),
    ("a schema's own description", schema_format(description="A town.", schema_json='{"description": "B"}'), {"format": {"description": "B"}}),
    ("no thoughts", reasoning(effort="none"), {"think": False}),
    ("few thoughts", reasoning(effort="low"), {"think": "low"}),
    ("some thoughts", reasoning(effort="medium"), {"think": "medium"}),
    ("many thoughts", reasoning(effort="high"), {"think": "high"}),
    ("most thoughts", reasoning(effort="max"), {"think": "max"}),
    ("the fewest thoughts", reasoning(effort="minimal"), {"think": "low"}),
    ("more than many", reasoning(effort="xhigh"), {"think": "high"}),
    ("no tokens to think with", reasoning(max_token_count=0), {"think": False}),
    ("one candidate", request(candidate_count=1), {}),
    ("logprobs", request(top_logprob_count=3), {"logprobs": True, "top_logprobs": 3}),
    ("logprobs alone", request(top_logprob_count=0), {"logprobs": True}),
    ("text out", request(output_modalities=["text"]), {}),
    ("keep alive", request(provider_options_json={"ollama": '{"keep_alive": "10m"}', "openai": '{"x": 1}'}), {"keep_alive": "10m"}),
    ("options of its own", request(sampling=generation_pb2.Sampling(seed=1), provider_options_json={"ollama": '{"options": {"repeat_penalty": 1.1, "num_ctx": 512}}'}), {"options": {"num_ctx": 512, "seed": 1, "repeat_penalty": 1.1}}),
    ("labels and user stay here", request(labels={"a": "b"}, end_user_id="u"), {}),
]  # fmt: skip

# What Ollama's server reads and its published description leaves out.
UNDESCRIBED: list[tuple[str, Request, dict[str, Any]]] = [
    ("thoughts go back", asks(said("ASSISTANT", Part(reasoning=message_pb2.Reasoning(text="Hm.")), Part(text="Yes"))), messages({"role": "assistant", "content": "Yes", "thinking": "Hm."})),
    ("bags of messages, texts and calls", asks(said("USER", Part(text="Hi", provider_json={"ollama": '{"b": 2}'}), provider_json={"ollama": '{"a": 1}', "x": '{"c": 3}'}), said("ASSISTANT", Part(tool_call=Call(id="a", name="f"), provider_json={"ollama": '{"d": 4}'}))), messages({"role": "user", "content": "Hi", "a": 1, "b": 2}, {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "f", "arguments": {}}, "d": 4}]})),
    ("a bag of a tool", request(tools=[tool_pb2.Tool(function=tool_pb2.FunctionTool(name="clock"), provider_json={"ollama": '{"x": 1}'})]), {"tools": [{**CLOCK_BODY, "x": 1}]}),
]  # fmt: skip


def body(codec: OllamaCodec, made: Request, *, stream: bool = False) -> dict[str, Any]:
    encoded = codec.encode_generate(made, "llama3.2", stream=stream)
    assert (encoded.method, encoded.path) == ("POST", "/api/chat")
    decoded: dict[str, Any] = json.loads(encoded.body)
    return decoded


ROWS = ENCODED + UNDESCRIBED


@pytest.mark.parametrize(("made", "expected"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_each_field_has_its_place(made: Request, expected: dict[str, Any]) -> None:
    plain = {"model": "llama3.2", "messages": [HI], "stream": False, "options": {"num_ctx": 4096}}
    assert body(CODEC, made) == {**plain, **expected}
    assert body(CODEC, made, stream=True) == {**plain, **expected, "stream": True}


@needs_specs
def test_everything_sent_lies_within_ollamas_closed_schema() -> None:
    check = closed_validator("ollama", "POST /api/chat", "request")
    for name, made, _ in ENCODED:
        for stream in (False, True):
            assert check(body(CODEC, made, stream=stream)) == [], name


@pytest.mark.parametrize(
    ("quirks", "made", "expected"),
    [
        ({"num_ctx": 32768}, request(), {"options": {"num_ctx": 32768}}),
        ({"num_ctx": 0}, sampling(seed=1), {"options": {"seed": 1}}),
        ({"overflow_is_error": True}, request(), {"truncate": False, "shift": False}),
        ({"think_levels": False}, reasoning(effort="high"), {"think": True}),
        ({"think_levels": False}, reasoning(effort="none"), {"think": False}),
        (
            {"tool_call_ids": True},
            asks(CALLS, said("TOOL", Part(tool_result=Result(tool_call_id="a", output_json="1")))),
            {
                "messages": [
                    {
                        "role": "assistant",
                        "content": "Wait.",
                        "tool_calls": [
                            {"id": "a", "function": {"name": "weather", "arguments": {"city": "Oslo"}}},
                            {"id": "b", "function": {"name": "clock", "arguments": {}}},
                        ],
                    },
                    {"role": "tool", "tool_name": "weather", "tool_call_id": "a", "content": "1"},
                ]
            },
        ),
    ],
)
def test_a_quirk_changes_what_is_sent(quirks: dict[str, Any], made: Request, expected: dict[str, Any]) -> None:
    got = body(OllamaCodec("x", read_quirks("ollama", Quirks, quirks)), made)
    assert {member: got[member] for member in expected} == expected


@pytest.mark.parametrize(("output", "length"), [(None, 4096), (4091, 4096), (4092, 8192), (8187, 8192), (8188, 16384)])
def test_the_context_holds_input_and_output_and_is_a_power_of_two(output: int | None, length: int) -> None:
    made = request() if output is None else request(max_output_token_count=output)  # "Hi" counts 5
    assert body(CODEC, made)["options"]["num_ctx"] == length


def test_without_a_context_length_no_options_are_sent() -> None:
    assert "options" not in body(OllamaCodec("x", Quirks(num_ctx=0)), request())


@pytest.mark.parametrize("wrong", [{"no_such": True}, {"num_ctx": "big"}, {"think_levels": "yes"}])
def test_an_unknown_quirk_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(QuirksError):
        read_quirks("ollama", Quirks, wrong)


MISSING = [
    (sampling(logit_bias={5: -100}), "sampling.logit_bias"),
    (request(candidate_count=2), "candidate_count"),
    (choosing(Choice.MODE_REQUIRED), "tool_choice.mode"),
    (choosing(Choice.MODE_AUTO, parallel=False), "tool_choice.parallel"),
    (
        request(tools=[tool_pb2.Tool(function=tool_pb2.FunctionTool(name="f", strict=True))]),
        "tools[0].function.strict",
    ),
    (reasoning(max_token_count=5), "reasoning.max_token_count"),
    (reasoning(visibility="full"), "reasoning.visibility"),
    (request(service_tier="flex"), "service_tier"),
    (request(prompt_cache=generation_pb2.PromptCacheOptions(key="k")), "prompt_cache.key"),
    (request(prompt_cache=generation_pb2.PromptCacheOptions(ttl="24h")), "prompt_cache.ttl"),
    (request(output_modalities=["audio"]), "output_modalities"),
    (asks(said("USER", Part(text="Hi"), name="ann")), "messages[0].name"),
    (
        request(output_format=generation_pb2.OutputFormat(grammar=tool_pb2.Grammar(syntax="lark", definition="x"))),
        "output_format.grammar",
    ),
    (Request(raw_prompt=generation_pb2.RawPrompt(text="Once", echo=True)), "raw_prompt.echo"),
]


@pytest.mark.parametrize(("made", "field"), MISSING, ids=[row[1] for row in MISSING])
def test_what_the_provider_lacks_is_refused_or_dropped_with_a_warning(made: Request, field: str) -> None:
    with pytest.raises(errors.CapabilityMissing) as caught:
        CODEC.encode_generate(made, "m", stream=False)
    assert caught.value.metadata["capability"] == field
    assert field in caught.value.message
    dropping = Request()
    dropping.CopyFrom(made)
    dropping.unsupported_policy = generation_pb2.UNSUPPORTED_POLICY_DROP
    encoded = CODEC.encode_generate(dropping, "m", stream=False)
    assert [warning.field for warning in encoded.warnings] == [field]


@pytest.mark.parametrize(
    ("tool", "field"),
    [
        (tool_pb2.Tool(custom=tool_pb2.CustomTool(name="note")), "tools[0].custom"),
        (tool_pb2.Tool(provider_tool=tool_pb2.ProviderTool(dialect="ollama", type="x")), "tools[0].provider_tool"),
    ],
)
def test_a_tool_of_another_kind_is_refused_and_never_dropped(tool: tool_pb2.Tool, field: str) -> None:
    made = request(tools=[tool], unsupported_policy=generation_pb2.UNSUPPORTED_POLICY_DROP)
    with pytest.raises(errors.CapabilityMissing) as caught:
        CODEC.encode_generate(made, "m", stream=False)
    assert caught.value.metadata["capability"] == field


@pytest.mark.parametrize(("effort", "level"), [("minimal", "low"), ("xhigh", "high")])
def test_an_effort_without_a_level_of_its_own_is_the_nearest_and_said_so(effort: str, level: str) -> None:
    encoded = CODEC.encode_generate(reasoning(effort=effort), "m", stream=False)
    assert [(warning.field, level in warning.description) for warning in encoded.warnings] == [
        ("reasoning.effort", True)
    ]


WRONG = [
    (Part(media=message_pb2.Media(uri="https://x.example/a.png", mime_type="image/png")), "media.uri"),
    (Part(media=message_pb2.Media(file_id="file-1")), "media.file_id"),
    (Part(media=message_pb2.Media(data=b"x", mime_type="application/pdf")), "media.mime_type"),
    (Part(media=message_pb2.Media(data=b"x", mime_type="audio/wav")), "media.mime_type"),
    (Part(provider_part=message_pb2.ProviderPart(dialect="ollama", json="{}")), "provider_part"),
]
FOREIGN = Part(provider_part=message_pb2.ProviderPart(dialect="gemini", json="{}"))


@pytest.mark.parametrize(
    ("role", "part", "field"),
    [*((role, *row) for row in WRONG for role in ("USER", "ASSISTANT")), ("USER", FOREIGN, "provider_part")],
)
def test_a_part_that_the_dialect_cannot_carry_is_named(role: str, part: Part, field: str) -> None:
    with pytest.raises(errors.InvalidField) as caught:
        CODEC.encode_generate(asks(said(role, Part(text="x"), part)), "m", stream=False)
    assert caught.value.violations[0].field == f"messages[0].parts[1].{field}"


@pytest.mark.parametrize(
    ("made", "field"),
    [
        (reasoning(effort="huge"), "reasoning.effort"),
        (
            asks(said("ASSISTANT", Part(tool_call=Call(id="a", name="f", arguments_json="[1]")))),
            "messages[0].parts[0].tool_call.arguments_json",
        ),
        (
            asks(said("ASSISTANT", Part(tool_call=Call(id="a", name="f", arguments_json='{"a":')))),
            "messages[0].parts[0].tool_call.arguments_json",
        ),
        (
            asks(said("ASSISTANT", Part(tool_call=Call(id="a", name="f", text="ls")))),
            "messages[0].parts[0].tool_call.text",
        ),
        (
            asks(CALLS, said("TOOL", Part(tool_result=Result(tool_call_id="a", parts=[WRONG[0][0]])))),
            "messages[1].parts[0].tool_result.parts[0].media.uri",
        ),
        (Request(raw_prompt=generation_pb2.RawPrompt(text="")), "raw_prompt.text"),
        (
            Request(raw_prompt=generation_pb2.RawPrompt(token_ids=generation_pb2.TokenIds(ids=[1]))),
            "raw_prompt.token_ids",
        ),
        (Request(raw_prompt=generation_pb2.RawPrompt(text="x"), tools=[CLOCK]), "tools"),
        (
            Request(
                raw_prompt=generation_pb2.RawPrompt(text="x"), reasoning=generation_pb2.ReasoningOptions(effort="low")
            ),
            "reasoning",
        ),
        (request(provider_options_json={"ollama": '{"options": 1}'}), 'provider_options_json["ollama"].options'),
        (
            request(provider_options_json={"ollama": '{"options": {"num_predict": 9}}'}),
            'provider_options_json["ollama"].options.num_predict',
        ),
    ],
)
def test_what_has_the_wrong_shape_is_refused_by_its_path(made: Request, field: str) -> None:
    with pytest.raises(errors.InvalidField) as caught:
        CODEC.encode_generate(made, "m", stream=False)
    assert [violation.field for violation in caught.value.violations] == [field]


@pytest.mark.parametrize("member", ["model", "messages", "tools", "stream", "prompt", "system", "images", "raw"])
def test_a_member_that_the_gateway_sets_is_no_option(member: str) -> None:
    made = request(provider_options_json={"ollama": json.dumps({member: 1})})
    with pytest.raises(errors.InvalidField) as caught:
        CODEC.encode_generate(made, "m", stream=False)
    assert caught.value.violations[0].field == f'provider_options_json["ollama"].{member}'


def test_an_empty_part_of_an_assistant_is_left_out_with_a_warning() -> None:
    encoded = CODEC.encode_generate(asks(said("ASSISTANT", Part(), Part(text="x"))), "m", stream=False)
    assert json.loads(encoded.body)["messages"] == [{"role": "assistant", "content": "x"}]
    assert [warning.field for warning in encoded.warnings] == ["messages[0].parts[0]"]


def test_a_raw_prompt_goes_without_a_template() -> None:
    made = Request(
        raw_prompt=generation_pb2.RawPrompt(text="Once"),
        max_output_token_count=5,
        top_logprob_count=2,
        sampling=generation_pb2.Sampling(seed=1),
        output_format=generation_pb2.OutputFormat(json_object=generation_pb2.JsonObjectFormat()),
    )
    encoded = CODEC.encode_generate(made, "m", stream=True)
    assert encoded.path == "/api/generate"
    assert json.loads(encoded.body) == {
        "model": "m", "prompt": "Once", "raw": True, "stream": True, "logprobs": True, "top_logprobs": 2,
        "format": "json", "options": {"num_ctx": 4096, "num_predict": 5, "seed": 1},
    }  # fmt: skip


def test_a_gap_is_filled_in_by_the_models_template() -> None:
    made = Request(raw_prompt=generation_pb2.RawPrompt(text="def f(", suffix="return x"))
    got = json.loads(CODEC.encode_generate(made, "m", stream=False).body)
    assert (got["prompt"], got["suffix"], "raw" in got) == ("def f(", "return x", False)


def test_embeddings_are_asked_for() -> None:
    made = embedding_pb2.EmbedRequest(
        inputs=[embedding_pb2.EmbedInput(text="a"), embedding_pb2.EmbedInput(text="b")],
        dimension_count=8,
        truncate=False,
        provider_options_json={"ollama": '{"keep_alive": "5m", "options": {"num_ctx": 8192}}'},
    )
    encoded = CODEC.encode_embed(made, "m")
    assert (encoded.method, encoded.path, json.loads(encoded.body)) == (
        "POST",
        "/api/embed",
        {
            "model": "m",
            "input": ["a", "b"],
            "dimensions": 8,
            "truncate": False,
            "keep_alive": "5m",
            "options": {"num_ctx": 8192},
        },
    )


@needs_specs
def test_what_the_other_endpoints_are_sent_lies_within_their_closed_schemas() -> None:
    check = closed_validator("ollama", "POST /api/embed", "request")
    made = embedding_pb2.EmbedRequest(inputs=[embedding_pb2.EmbedInput(text="a")], dimension_count=8, truncate=True)
    assert check(json.loads(CODEC.encode_embed(made, "m").body)) == []
    check = closed_validator("ollama", "POST /api/generate", "request")
    raw = Request(raw_prompt=generation_pb2.RawPrompt(text="x", suffix="y"), top_logprob_count=1)
    assert check(json.loads(CODEC.encode_generate(raw, "m", stream=True).body)) == []


def test_models_are_listed_by_their_tags() -> None:
    encoded = CODEC.encode_list_models()
    assert (encoded.method, encoded.path, encoded.body) == ("GET", "/api/tags", b"")
