"""No field of a request is ignored in silence: each reaches the provider, is the gateway's own, or is refused by name.

The request below sets every field that the dialect sends. A field that can be taken away without a change to what is
sent would be one that is ignored; a field of the contract in none of the tables would be one that was forgotten.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from google.protobuf.duration_pb2 import Duration
from llmgateway.v1 import embedding_pb2, generation_pb2, message_pb2, tool_pb2
from llmgateway_server.config.settings import LimitSettings
from llmgateway_server.dialects.openai.codec import OpenAICodec
from llmgateway_server.dialects.openai.quirks import Quirks
from llmgateway_server.errors import CallError
from llmgateway_server.validation.requests import validate_embed, validate_generate

from tests.server.dialects.every_field import EMBED_GATEWAY, GATEWAY, honoured_paths, leaves, message

Request = generation_pb2.GenerateRequest
Part = message_pb2.Part
LIMITS = LimitSettings()
QUIRKS = Quirks(extra_sampling=frozenset({"top_k", "min_p"}), grammar=True, reasoning_field="reasoning_content")
CODEC = OpenAICodec("p", QUIRKS)
BAG = {"openai": '{"x": 1}'}


FULL = Request(
    model="ignored/by-the-codec",
    messages=[
        message("SYSTEM", Part(text="Be kind.", provider_json=BAG), name="Ann", provider_json=BAG),
        message(
            "USER",
            Part(text="Look:"),
            Part(media=message_pb2.Media(mime_type="image/png", uri="https://example.com/a.png", detail="low")),
            Part(media=message_pb2.Media(mime_type="application/pdf", data=b"%PDF", file_name="a.pdf")),
            Part(media=message_pb2.Media(file_id="file-1")),
            Part(provider_part=message_pb2.ProviderPart(dialect="openai", type="x", json='{"type": "x"}')),
        ),
        message(
            "ASSISTANT",
            Part(reasoning=message_pb2.Reasoning(text="Hm.")),
            Part(text="I call."),
            Part(refusal="No."),
            Part(tool_call=message_pb2.ToolCall(id="a", name="f", arguments_json='{"a": 1}'), provider_json=BAG),
            Part(tool_call=message_pb2.ToolCall(id="b", name="g", text="ls")),
            Part(tool_call=message_pb2.ToolCall(id="c", name="h", executor=message_pb2.ToolCall.EXECUTOR_PROVIDER)),
        ),
        message(
            "TOOL",
            Part(tool_result=message_pb2.ToolResult(tool_call_id="a", output_json="[1]"), provider_json=BAG),
            Part(tool_result=message_pb2.ToolResult(tool_call_id="b", parts=[Part(text="ok")])),
        ),
        message("ASSISTANT", Part(media=message_pb2.Media(mime_type="audio/wav", file_id="audio_1"), item_id="i")),
        message("ASSISTANT", Part(media=message_pb2.Media(mime_type="audio/wav", data=b"x"), item_id="audio_2")),
    ],
    tools=[
        tool_pb2.Tool(
            function=tool_pb2.FunctionTool(
                name="f", description="F.", input_schema_json='{"type": "object"}', strict=True
            ),
            provider_json=BAG,
        ),
        tool_pb2.Tool(
            custom=tool_pb2.CustomTool(
                name="g", description="G.", grammar=tool_pb2.Grammar(syntax="lark", definition="start: /a/")
            )
        ),
        tool_pb2.Tool(
            provider_tool=tool_pb2.ProviderTool(dialect="openai", type="web_search", config_json='{"size": 1}')
        ),
    ],
    tool_choice=tool_pb2.ToolChoice(mode=tool_pb2.ToolChoice.MODE_REQUIRED, allowed_tool_names=["g"], parallel=False),
    sampling=generation_pb2.Sampling(
        temperature=0,
        top_p=0.5,
        top_k=1,
        min_p=0.1,
        frequency_penalty=0.1,
        presence_penalty=0.2,
        seed=1,
        stop_sequences=["x"],
        logit_bias={1: 2},
    ),
    max_output_token_count=1,
    output_format=generation_pb2.OutputFormat(
        json_schema=generation_pb2.JsonSchemaFormat(
            name="n", description="N.", schema_json='{"type": "object"}', strict=True
        )
    ),
    reasoning=generation_pb2.ReasoningOptions(effort="low"),
    candidate_count=2,
    top_logprob_count=3,
    end_user_id="ann",
    provider_options_json={"openai": '{"verbosity": "low"}'},
    prompt_cache=generation_pb2.PromptCacheOptions(key="k", ttl="24h"),
    service_tier="flex",
    output_modalities=["text", "audio"],
    audio=generation_pb2.AudioOptions(voice="alloy", format="wav"),
)
RAW = Request(model="m", raw_prompt=generation_pb2.RawPrompt(text="Once", suffix="end", echo=True))
RAW_TOKENS = Request(
    model="m", raw_prompt=generation_pb2.RawPrompt(token_ids=generation_pb2.TokenIds(ids=[1, 2]), suffix="end")
)
PLAIN_JSON = Request(
    model="m",
    messages=[message("USER", Part(text="x"))],
    output_format=generation_pb2.OutputFormat(json_object=generation_pb2.JsonObjectFormat()),
)
GRAMMAR = Request(
    model="m",
    messages=[message("USER", Part(text="x"))],
    output_format=generation_pb2.OutputFormat(grammar=tool_pb2.Grammar(syntax="ebnf", definition="root ::= 'a'")),
)


ASKED = (FULL, RAW, RAW_TOKENS, PLAIN_JSON, GRAMMAR)

# What the contract says is not sent to a provider that has no place for it, or not at all.
LEFT_OUT = {
    "messages.parts.media.transcript": "ignored in requests",
    "messages.parts.media.expire_time": "ignored in requests",
    "messages.parts.logprobs": "ignored in requests",
    "messages.parts.annotations": "the dialect has no place for them in a request",
    "messages.parts.signature.provider": "the dialect's answers have none: they are another provider's",
    "messages.parts.signature.value": "the dialect's answers have none: they are another provider's",
    "messages.parts.reasoning.kind": "the dialect's answers have one kind",
    "messages.parts.cache_breakpoint.ttl": "the dialect's providers choose the places themselves",
    "tools.cache_breakpoint.ttl": "the dialect's providers choose the places themselves",
    "messages.parts.tool_result.tool_name": "taken from the call",
    "messages.parts.tool_result.failed": "the result says why",
    "messages.parts.provider_part.type": "it stands in the JSON as well",
}

# What is refused by name: the field, and how to ask for it.
REFUSED: list[tuple[str, Callable[[Request], object]]] = [
    ("idempotency_key", lambda asked: setattr(asked, "idempotency_key", "k")),
    ("max_cost_usd_nanos", lambda asked: setattr(asked, "max_cost_usd_nanos", 1)),
    ("reasoning.max_token_count", lambda asked: setattr(asked.reasoning, "max_token_count", 1)),
    ("reasoning.visibility", lambda asked: setattr(asked.reasoning, "visibility", "full")),
]


def encode(request: Request) -> bytes | str:
    """Return what is sent, or how it is refused."""
    wrong = validate_generate(request, LIMITS)
    if wrong:
        return wrong[0].field
    try:
        encoded = CODEC.encode_generate(request, "m", stream=False)
    except CallError as error:
        return error.message
    return encoded.path.encode() + encoded.body


def test_every_field_of_a_generation_is_in_a_table_or_reaches_the_provider() -> None:
    refused = {path for path, _ in REFUSED}
    assert set(leaves(Request.DESCRIPTOR)) - honoured_paths(encode, ASKED) == GATEWAY | set(LEFT_OUT) | refused


@pytest.mark.parametrize(("path", "ask"), REFUSED, ids=[row[0] for row in REFUSED])
def test_what_is_not_honoured_is_refused_by_name(path: str, ask: Callable[[Request], object]) -> None:
    request = Request(model="m", messages=[message("USER", Part(text="x"))])
    ask(request)
    assert path in str(encode(request))


def test_a_heartbeat_of_any_length_is_checked() -> None:
    request = Request(model="m", messages=[message("USER", Part(text="x"))])
    request.heartbeat_interval.CopyFrom(Duration(seconds=300_000_000_000))
    assert [violation.field for violation in validate_generate(request, LIMITS)] == ["heartbeat_interval"]


Embed = embedding_pb2.EmbedRequest

EMBED_REFUSED: list[tuple[str, Callable[[Embed], object]]] = [
    ("idempotency_key", lambda asked: setattr(asked, "idempotency_key", "k")),
    ("input_type", lambda asked: setattr(asked, "input_type", "query")),
    ("encoding", lambda asked: setattr(asked, "encoding", embedding_pb2.EMBEDDING_ENCODING_INT8)),
    ("truncate", lambda asked: setattr(asked, "truncate", True)),
    ("inputs[1].media", lambda asked: asked.inputs.add().media.MergeFrom(message_pb2.Media(file_id="f"))),
]


def encode_embed(request: Embed) -> bytes | str:
    """Return what is sent, or how it is refused."""
    wrong = validate_embed(request, LIMITS)
    if wrong:
        return wrong[0].field
    try:
        return CODEC.encode_embed(request, "m").body
    except CallError as error:
        return error.message


def test_every_field_of_an_embedding_is_in_a_table_or_reaches_the_provider() -> None:
    full = Embed(
        model="m",
        inputs=[embedding_pb2.EmbedInput(text="x")],
        dimension_count=3,
        end_user_id="ann",
        provider_options_json={"openai": '{"x": 1}'},
    )
    tokens = Embed(model="m", inputs=[embedding_pb2.EmbedInput(token_ids=generation_pb2.TokenIds(ids=[1]))])
    honoured = honoured_paths(encode_embed, (full, tokens))
    refused = {path.replace("[1]", "") for path, _ in EMBED_REFUSED}
    left = {path for path in set(leaves(Embed.DESCRIPTOR)) - honoured if not path.startswith("inputs.media.")}
    assert left == EMBED_GATEWAY | refused - {"inputs.media"}


@pytest.mark.parametrize(("path", "ask"), EMBED_REFUSED, ids=[row[0] for row in EMBED_REFUSED])
def test_what_an_embedding_cannot_have_is_refused_by_name(path: str, ask: Callable[[Embed], object]) -> None:
    request = Embed(model="m", inputs=[embedding_pb2.EmbedInput(text="x")])
    ask(request)
    assert path in str(encode_embed(request))
