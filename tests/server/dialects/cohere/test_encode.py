"""What is sent: each field of the contract at its place, inside Cohere's schema, or refused by its path."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from llmgateway.v1 import embedding_pb2, generation_pb2, message_pb2, tool_pb2
from llmgateway_server import errors
from llmgateway_server.dialects.cohere.codec import CohereCodec
from llmgateway_server.dialects.cohere.quirks import Quirks
from llmgateway_server.dialects.quirks import QuirksError, read_quirks

from tests.specs import closed_validator, needs_specs

Request = generation_pb2.GenerateRequest
Part = message_pb2.Part
Media = message_pb2.Media
Message = message_pb2.ChatMessage
Call = message_pb2.ToolCall
Result = message_pb2.ToolResult
Reasoning = message_pb2.Reasoning
Choice = tool_pb2.ToolChoice
USER = Message(role=message_pb2.ROLE_USER, parts=[Part(text="Hi")])
WEATHER = tool_pb2.Tool(
    function=tool_pb2.FunctionTool(name="weather", description="Looks out.", input_schema_json='{"type": "object"}')
)
CLOCK = tool_pb2.Tool(function=tool_pb2.FunctionTool(name="clock"))
STRICT = tool_pb2.Tool(function=tool_pb2.FunctionTool(name="clock", strict=True))
WEATHER_BODY = {
    "type": "function",
    "function": {"name": "weather", "description": "Looks out.", "parameters": {"type": "object"}},
}
CLOCK_BODY = {"type": "function", "function": {"name": "clock", "parameters": {"type": "object", "properties": {}}}}
CODEC = CohereCodec("cohere", Quirks())
DATA = base64.b64encode(b"\x00\xff").decode()
IMAGE = Part(media=Media(data=b"\x00\xff", mime_type="image/png"))
DOCUMENT = {"type": "document", "document": {"id": "d1", "data": {"text": "Oslo is cold."}}}


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


def options(**members: Any) -> Request:
    return request(provider_options_json={"cohere": json.dumps(members), "openai": '{"x": 1}'})


def messages(*bodies: dict[str, Any]) -> dict[str, Any]:
    return {"messages": list(bodies)}


def call(call_id: str, name: str, arguments: str) -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


CALL = Part(tool_call=Call(id="a", name="weather", arguments_json='{"city":"Oslo"}'))
CALL_BODY = call("a", "weather", '{"city":"Oslo"}')
ASKED = {"role": "assistant", "tool_calls": [CALL_BODY]}
HI = {"role": "user", "content": "Hi"}


def result(**fields: Any) -> Request:
    return asks(said("ASSISTANT", CALL), said("TOOL", Part(tool_result=Result(tool_call_id="a", **fields))))


def answered(content: Any) -> dict[str, Any]:
    return messages(ASKED, {"role": "tool", "tool_call_id": "a", "content": content})


# (request, the members that it adds to or changes in the body)
ENCODED: list[tuple[str, Request, dict[str, Any]]] = [
    ("plain", request(), {}),
    ("system", asks(said("SYSTEM", Part(text="Be kind.")), USER), messages({"role": "system", "content": "Be kind."}, HI)),
    ("developer", asks(said("DEVELOPER", Part(text="Be brief."))), messages({"role": "system", "content": "Be brief."})),
    ("two texts", asks(said("USER", Part(text="a"), Part(text="b"))), messages({"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]})),
    ("image url", asks(said("USER", Part(text="What?"), Part(media=Media(uri="https://x.example/a.png", mime_type="image/png", detail="low")))), messages({"role": "user", "content": [{"type": "text", "text": "What?"}, {"type": "image_url", "image_url": {"url": "https://x.example/a.png", "detail": "low"}}]})),
    ("image data", asks(said("USER", IMAGE)), messages({"role": "user", "content": [{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{DATA}"}}]})),
    ("assistant", asks(USER, said("ASSISTANT", Part(text="Hello"), Part(text="!"))), messages(HI, {"role": "assistant", "content": "Hello!"})),
    ("a silent assistant", asks(said("ASSISTANT"), USER), messages({"role": "assistant", "content": ""}, HI)),
    ("refusal", asks(said("ASSISTANT", Part(refusal="No."))), messages({"role": "assistant", "content": "No."})),
    ("thoughts go back", asks(said("ASSISTANT", Part(reasoning=Reasoning(text="Hm.")), Part(text="Yes"))), messages({"role": "assistant", "content": [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "Yes"}]})),
    ("withheld thoughts stay away", asks(said("ASSISTANT", Part(reasoning=Reasoning(kind=Reasoning.KIND_REDACTED)), Part(text="Yes"))), messages({"role": "assistant", "content": "Yes"})),
    ("a plan and calls", asks(said("ASSISTANT", Part(reasoning=Reasoning(text="I will look")), Part(reasoning=Reasoning(text=" out.")), CALL, Part(tool_call=Call(id="b", name="clock")))), messages({"role": "assistant", "tool_plan": "I will look out.", "tool_calls": [CALL_BODY, call("b", "clock", "{}")]})),
    ("a thought, a plan, a text and a call", asks(said("ASSISTANT", Part(reasoning=Reasoning(text="Hm."), provider_json={"cohere": '{"type":"thinking"}'}), Part(reasoning=Reasoning(text="I look.")), Part(text="Wait."), CALL)), messages({"role": "assistant", "content": [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "Wait."}], "tool_plan": "I look.", "tool_calls": [CALL_BODY]})),
    ("the provider's own calls stay away", asks(said("ASSISTANT", Part(tool_call=Call(id="p", name="x", executor=Call.EXECUTOR_PROVIDER)), Part(tool_result=Result(tool_call_id="p")), Part(text="Found."))), messages({"role": "assistant", "content": "Found."})),
    ("a result of text", result(parts=[Part(text="cold")]), answered("cold")),
    ("a result of texts", result(parts=[Part(text="cold"), Part(text="wet")]), answered([{"type": "text", "text": "cold"}, {"type": "text", "text": "wet"}])),
    ("a result of data", result(output_json='{"c": 1}'), answered([{"type": "document", "document": {"data": {"c": 1}}}])),
    ("a result of a list", result(output_json="[1]"), answered("[1]")),
    ("a result of a document", result(parts=[Part(provider_part=message_pb2.ProviderPart(dialect="cohere", json=json.dumps(DOCUMENT)))]), answered([DOCUMENT])),
    ("an empty result", result(), answered("")),
    ("tools", request(tools=[WEATHER, CLOCK]), {"tools": [WEATHER_BODY, CLOCK_BODY]}),
    ("strict tools", request(tools=[WEATHER, STRICT]), {"tools": [WEATHER_BODY, CLOCK_BODY], "strict_tools": True}),
    ("no tool", choosing(Choice.MODE_NONE), {"tools": [WEATHER_BODY, CLOCK_BODY], "tool_choice": "NONE"}),
    ("any tool or none", choosing(Choice.MODE_AUTO, parallel=True), {"tools": [WEATHER_BODY, CLOCK_BODY]}),
    ("any tool", choosing(Choice.MODE_REQUIRED), {"tools": [WEATHER_BODY, CLOCK_BODY], "tool_choice": "REQUIRED"}),
    ("one tool", choosing(Choice.MODE_REQUIRED, allowed_tool_names=["clock"]), {"tools": [CLOCK_BODY], "tool_choice": "REQUIRED"}),
    ("one tool or none", choosing(Choice.MODE_AUTO, allowed_tool_names=["weather"]), {"tools": [WEATHER_BODY]}),
    ("a choice of nothing", request(tool_choice=Choice(mode=Choice.MODE_NONE)), {}),
    ("temperature", sampling(temperature=0.7), {"temperature": 0.7}),
    ("temperature 0", sampling(temperature=0), {"temperature": 0.0}),
    ("top_p", sampling(top_p=0.9), {"p": 0.9}),
    ("all of top_p", sampling(top_p=1), {"p": 0.99}),
    ("nearly none of top_p", sampling(top_p=0.001), {"p": 0.01}),
    ("top_k", sampling(top_k=40), {"k": 40}),
    ("frequency penalty", sampling(frequency_penalty=0.5), {"frequency_penalty": 0.5}),
    ("presence penalty", sampling(presence_penalty=0.5), {"presence_penalty": 0.5}),
    ("seed", sampling(seed=7), {"seed": 7}),
    ("stop", sampling(stop_sequences=["a", "b", "c", "d", "e"]), {"stop_sequences": ["a", "b", "c", "d", "e"]}),
    ("output limit", request(max_output_token_count=9), {"max_tokens": 9}),
    ("json object", request(output_format=generation_pb2.OutputFormat(json_object=generation_pb2.JsonObjectFormat())), {"response_format": {"type": "json_object"}}),
    ("json schema", schema_format(name="a", schema_json='{"type": "object"}', strict=True), {"response_format": {"type": "json_object", "json_schema": {"type": "object"}}}),
    ("a described schema", schema_format(description="A town.", schema_json='{"type": "object"}'), {"response_format": {"type": "json_object", "json_schema": {"type": "object", "description": "A town."}}}),
    ("no thoughts", reasoning(effort="none"), {"thinking": {"type": "disabled"}}),
    ("thoughts", reasoning(effort="high"), {"thinking": {"type": "enabled"}}),
    ("bounded thoughts", reasoning(max_token_count=500), {"thinking": {"type": "enabled", "token_budget": 500}}),
    ("no tokens to think with", reasoning(max_token_count=0), {"thinking": {"type": "disabled"}}),
    ("one candidate", request(candidate_count=1), {}),
    ("logprobs", request(top_logprob_count=0), {"logprobs": True}),
    ("text out", request(output_modalities=["text"]), {}),
    ("documents", options(documents=[{"id": "d", "data": {"text": "x"}}], citation_options={"mode": "FAST"}), {"documents": [{"id": "d", "data": {"text": "x"}}], "citation_options": {"mode": "FAST"}}),
    ("safety and priority", options(safety_mode="STRICT", priority=1), {"safety_mode": "STRICT", "priority": 1}),
    ("labels and user stay here", request(labels={"a": "b"}, end_user_id="u"), {}),
]  # fmt: skip

# What a caller adds on its own: it may lie outside the schema.
BAGS: list[tuple[str, Request, dict[str, Any]]] = [
    ("bags of messages, texts and calls", asks(said("USER", Part(text="Hi", provider_json={"cohere": '{"b": 2}'}), provider_json={"cohere": '{"a": 1}', "x": '{"c": 3}'}), said("ASSISTANT", Part(tool_call=Call(id="a", name="f"), provider_json={"cohere": '{"d": 4}'}))), messages({"role": "user", "content": [{"type": "text", "text": "Hi", "b": 2}], "a": 1}, {"role": "assistant", "tool_calls": [{**call("a", "f", "{}"), "d": 4}]})),
    ("a bag of a tool", request(tools=[tool_pb2.Tool(function=tool_pb2.FunctionTool(name="clock"), provider_json={"cohere": '{"x": 1}'})]), {"tools": [{**CLOCK_BODY, "x": 1}]}),
    ("a piece of its own", asks(said("USER", Part(provider_part=message_pb2.ProviderPart(dialect="cohere", json='{"type": "new"}')))), messages({"role": "user", "content": [{"type": "new"}]})),
]  # fmt: skip
ROWS = ENCODED + BAGS


def body(made: Request, *, stream: bool = False) -> dict[str, Any]:
    encoded = CODEC.encode_generate(made, "command-a-03-2025", stream=stream)
    assert (encoded.method, encoded.path) == ("POST", "/v2/chat")
    decoded: dict[str, Any] = json.loads(encoded.body)
    return decoded


@pytest.mark.parametrize(("made", "expected"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_each_field_has_its_place(made: Request, expected: dict[str, Any]) -> None:
    plain = {"model": "command-a-03-2025", "messages": [HI], "stream": False}
    assert body(made) == {**plain, **expected}
    assert body(made, stream=True) == {**plain, **expected, "stream": True}


@needs_specs
def test_everything_sent_lies_within_coheres_closed_schema() -> None:
    check = closed_validator("cohere", "POST /v2/chat", "request")
    for name, made, _ in ENCODED:
        for stream in (False, True):
            assert check(body(made, stream=stream)) == [], name


def test_an_unknown_quirk_is_refused() -> None:
    with pytest.raises(QuirksError):
        read_quirks("cohere", Quirks, {"no_such": True})


MISSING = [
    (sampling(min_p=0.5), "sampling.min_p"),
    (sampling(logit_bias={5: -100}), "sampling.logit_bias"),
    (sampling(temperature=1.5), "sampling.temperature"),
    (sampling(top_k=501), "sampling.top_k"),
    (sampling(frequency_penalty=-0.5), "sampling.frequency_penalty"),
    (sampling(presence_penalty=1.5), "sampling.presence_penalty"),
    (sampling(seed=-1), "sampling.seed"),
    (sampling(stop_sequences=list("abcdef")), "sampling.stop_sequences"),
    (request(candidate_count=2), "candidate_count"),
    (request(top_logprob_count=3), "top_logprob_count"),
    (choosing(Choice.MODE_AUTO, parallel=False), "tool_choice.parallel"),
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
    ("made", "field"),
    [
        (request(tools=[tool_pb2.Tool(custom=tool_pb2.CustomTool(name="note"))]), "tools[0].custom"),
        (
            request(tools=[tool_pb2.Tool(provider_tool=tool_pb2.ProviderTool(dialect="cohere", type="x"))]),
            "tools[0].provider_tool",
        ),
        (Request(raw_prompt=generation_pb2.RawPrompt(text="Once")), "raw_prompt"),
    ],
)
def test_what_cannot_be_left_out_is_refused_and_never_dropped(made: Request, field: str) -> None:
    dropping = Request()
    dropping.CopyFrom(made)
    dropping.unsupported_policy = generation_pb2.UNSUPPORTED_POLICY_DROP
    with pytest.raises(errors.CapabilityMissing) as caught:
        CODEC.encode_generate(dropping, "m", stream=False)
    assert caught.value.metadata["capability"] == field


@pytest.mark.parametrize(
    ("made", "field"),
    [
        (sampling(top_p=1), "sampling.top_p"),
        (sampling(top_p=0.001), "sampling.top_p"),
        (reasoning(effort="low"), "reasoning.effort"),
        (asks(said("ASSISTANT", Part(), Part(text="x"))), "messages[0].parts[0]"),
    ],
)
def test_what_is_sent_otherwise_than_asked_is_said(made: Request, field: str) -> None:
    encoded = CODEC.encode_generate(made, "m", stream=False)
    assert [warning.field for warning in encoded.warnings] == [field]


PIECES = [
    (Part(media=Media(uri="https://x.example/a.pdf", mime_type="application/pdf")), "media.mime_type"),
    (Part(media=Media(data=b"x", mime_type="audio/wav")), "media.mime_type"),
    (Part(media=Media(uri="gs://bucket/a.png", mime_type="image/png")), "media.uri"),
    (Part(media=Media(file_id="file-1")), "media.file_id"),
    (Part(media=Media(data=b"x", mime_type="image/png", detail="deep")), "media.detail"),
    (Part(provider_part=message_pb2.ProviderPart(dialect="gemini", json="{}")), "provider_part.dialect"),
]


@pytest.mark.parametrize(("part", "field"), PIECES)
def test_a_part_that_the_dialect_cannot_carry_is_named(part: Part, field: str) -> None:
    with pytest.raises(errors.InvalidField) as caught:
        CODEC.encode_generate(asks(said("USER", Part(text="x"), part)), "m", stream=False)
    assert caught.value.violations[0].field == f"messages[0].parts[1].{field}"


@pytest.mark.parametrize(
    ("made", "field"),
    [
        (
            asks(said("ASSISTANT", Part(tool_call=Call(id="a", name="f", text="ls")))),
            "messages[0].parts[0].tool_call.text",
        ),
        (result(parts=[Part(text="x"), IMAGE]), "messages[1].parts[0].tool_result.parts[1].media"),
    ],
)
def test_what_has_no_place_is_refused_by_its_path(made: Request, field: str) -> None:
    with pytest.raises(errors.InvalidField) as caught:
        CODEC.encode_generate(made, "m", stream=False)
    assert [violation.field for violation in caught.value.violations] == [field]


@pytest.mark.parametrize("member", ["model", "messages", "tools", "tool_choice", "max_tokens", "stream"])
def test_a_member_that_the_gateway_sets_is_no_option(member: str) -> None:
    with pytest.raises(errors.InvalidField) as caught:
        CODEC.encode_generate(options(**{member: 1}), "m", stream=False)
    assert caught.value.violations[0].field == f'provider_options_json["cohere"].{member}'


def embed(*inputs: embedding_pb2.EmbedInput, **fields: Any) -> dict[str, Any]:
    encoded = CODEC.encode_embed(embedding_pb2.EmbedRequest(inputs=inputs, **fields), "embed-v4.0")
    assert (encoded.method, encoded.path) == ("POST", "/v2/embed")
    decoded: dict[str, Any] = json.loads(encoded.body)
    return decoded


TEXT = embedding_pb2.EmbedInput(text="a")
PICTURE = embedding_pb2.EmbedInput(media=IMAGE.media)
URL = f"data:image/png;base64,{DATA}"
EMBEDDED: list[tuple[list[embedding_pb2.EmbedInput], dict[str, Any], dict[str, Any]]] = [
    ([TEXT], {}, {"texts": ["a"]}),
    ([TEXT], {"input_type": "query"}, {"texts": ["a"], "input_type": "search_query"}),
    ([TEXT], {"input_type": "document"}, {"texts": ["a"]}),
    ([TEXT], {"input_type": "classification"}, {"texts": ["a"], "input_type": "classification"}),
    ([TEXT], {"input_type": "clustering"}, {"texts": ["a"], "input_type": "clustering"}),
    ([TEXT], {"input_type": "search_query"}, {"texts": ["a"], "input_type": "search_query"}),
    ([TEXT], {"encoding": embedding_pb2.EMBEDDING_ENCODING_FLOAT32}, {"texts": ["a"]}),
    ([TEXT], {"encoding": embedding_pb2.EMBEDDING_ENCODING_INT8}, {"texts": ["a"], "embedding_types": ["int8"]}),
    ([TEXT], {"encoding": embedding_pb2.EMBEDDING_ENCODING_UINT8}, {"texts": ["a"], "embedding_types": ["uint8"]}),
    (
        [TEXT],
        {"encoding": embedding_pb2.EMBEDDING_ENCODING_UBINARY},
        {"texts": ["a"], "embedding_types": ["ubinary"]},
    ),
    ([TEXT], {"dimension_count": 256}, {"texts": ["a"], "output_dimension": 256}),
    ([TEXT], {"truncate": True}, {"texts": ["a"], "truncate": "END"}),
    ([TEXT], {"truncate": False}, {"texts": ["a"], "truncate": "NONE"}),
    ([TEXT], {"provider_options_json": {"cohere": '{"priority": 1}'}}, {"texts": ["a"], "priority": 1}),
    ([PICTURE], {}, {"images": [URL], "input_type": "image"}),
    ([PICTURE], {"input_type": "query"}, {"images": [URL], "input_type": "search_query"}),
    (
        [TEXT, PICTURE],
        {},
        {
            "inputs": [
                {"content": [{"type": "text", "text": "a"}]},
                {"content": [{"type": "image_url", "image_url": {"url": URL}}]},
            ]
        },
    ),
]


@pytest.mark.parametrize(("inputs", "fields", "expected"), EMBEDDED)
def test_embeddings_are_asked_for(
    inputs: list[embedding_pb2.EmbedInput], fields: dict[str, Any], expected: dict[str, Any]
) -> None:
    plain = {"model": "embed-v4.0", "input_type": "search_document", "embedding_types": ["float"]}
    assert embed(*inputs, **fields) == {**plain, **expected}


@needs_specs
def test_every_request_for_vectors_lies_within_coheres_closed_schema() -> None:
    check = closed_validator("cohere", "POST /v2/embed", "request")
    for inputs, fields, _ in EMBEDDED:
        assert check(embed(*inputs, **fields)) == []


@pytest.mark.parametrize(
    ("inputs", "fields", "field"),
    [
        (
            [TEXT, embedding_pb2.EmbedInput(token_ids=generation_pb2.TokenIds(ids=[1]))],
            {},
            "inputs[1].token_ids",
        ),
        ([embedding_pb2.EmbedInput(media=Media(data=b"x", mime_type="audio/wav"))], {}, "inputs[0].media.mime_type"),
        (
            [embedding_pb2.EmbedInput(media=Media(uri="https://x.example/a.png", mime_type="image/png"))],
            {},
            "inputs[0].media.uri",
        ),
        ([TEXT] * 97, {}, "inputs"),
        ([TEXT], {"input_type": "poem"}, "input_type"),
        ([TEXT], {"provider_options_json": {"cohere": '{"texts": []}'}}, 'provider_options_json["cohere"].texts'),
    ],
)
def test_what_cannot_be_embedded_is_refused_by_its_path(
    inputs: list[embedding_pb2.EmbedInput], fields: dict[str, Any], field: str
) -> None:
    with pytest.raises(errors.InvalidField) as caught:
        embed(*inputs, **fields)
    assert [violation.field for violation in caught.value.violations] == [field]


def test_models_are_listed_on_one_page() -> None:
    encoded = CODEC.encode_list_models()
    assert (encoded.method, encoded.path, encoded.body) == ("GET", "/v1/models?page_size=1000", b"")
