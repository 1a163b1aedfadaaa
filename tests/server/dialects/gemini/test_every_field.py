"""No field of a request is ignored in silence: each reaches Google, is the gateway's own, or is refused by name.

The request below sets every field that the dialect sends. A field that can be taken away without a change to what is
sent would be one that is ignored; a field of the contract in none of the tables would be one that was forgotten.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
from llmgateway.v1 import embedding_pb2, generation_pb2, message_pb2, tool_pb2
from llmgateway_server.config.settings import LimitSettings
from llmgateway_server.dialects.codec import EncodedRequest
from llmgateway_server.dialects.gemini.codec import GeminiCodec
from llmgateway_server.dialects.gemini.quirks import Quirks
from llmgateway_server.errors import CallError
from llmgateway_server.validation.requests import validate_embed, validate_generate

from tests.server.dialects.every_field import EMBED_GATEWAY, GATEWAY, honoured_paths, leaves
from tests.server.dialects.gemini.requests import (
    Call,
    Choice,
    Media,
    Part,
    Request,
    asks,
    call,
    own_tool,
    request,
    result,
    said,
    signed,
)

LIMITS = LimitSettings()
CODEC = GeminiCodec("p", Quirks())
VERTEX = GeminiCodec("p", Quirks(vertex=True))
BAG = {"gemini": '{"x": 1}'}


FULL = asks(
    said("SYSTEM", Part(text="Be kind.", provider_json=BAG), provider_json=BAG),
    said(
        "USER",
        Part(text="Look:"),
        Part(media=Media(mime_type="image/png", uri="https://example.com/a.png", detail="low")),
        Part(media=Media(mime_type="application/pdf", data=b"%PDF")),
        Part(media=Media(file_id="files/1")),
        Part(provider_part=message_pb2.ProviderPart(dialect="gemini", type="x", json='{"text": "x"}')),
    ),
    said(
        "ASSISTANT",
        Part(reasoning=message_pb2.Reasoning(text="Hm."), signature=signed("S", "p")),
        Part(text="I call."),
        Part(refusal="No."),
        Part(
            tool_call=Call(id="a", name="f", arguments_json='{"a": 1}'), signature=signed("S", "p"), provider_json=BAG
        ),
        call("b", "g", "{}"),
        Part(
            tool_call=Call(
                id="c", name="code_execution", arguments_json='{"code": "1"}', executor=Call.EXECUTOR_PROVIDER
            )
        ),
        Part(tool_result=message_pb2.ToolResult(tool_call_id="c", tool_name="code_execution", failed=True)),
    ),
    said(
        "TOOL",
        Part(tool_result=message_pb2.ToolResult(tool_call_id="a", output_json="[1]"), provider_json=BAG),
        result("b", Part(text="ok"), failed=True),
    ),
    model="ignored/by-the-codec",
    tools=[
        tool_pb2.Tool(
            function=tool_pb2.FunctionTool(
                name="f", description="F.", input_schema_json='{"type": "object"}', strict=True
            ),
            provider_json=BAG,
        ),
        own_tool("googleSearch", '{"x": 1}'),
    ],
    sampling=generation_pb2.Sampling(
        temperature=0.5,
        top_p=0.9,
        top_k=4,
        frequency_penalty=0.1,
        presence_penalty=0.2,
        seed=1,
        stop_sequences=["x"],
    ),
    max_output_token_count=1,
    output_format=generation_pb2.OutputFormat(
        json_schema=generation_pb2.JsonSchemaFormat(description="N.", schema_json='{"type": "object"}')
    ),
    reasoning=generation_pb2.ReasoningOptions(effort="low", visibility="auto"),
    candidate_count=2,
    top_logprob_count=3,
    provider_options_json={"gemini": '{"cachedContent": "c"}'},
    service_tier="flex",
    output_modalities=["text", "audio"],
    audio=generation_pb2.AudioOptions(voice="Kore"),
)
BUDGET = request(model="m", reasoning=generation_pb2.ReasoningOptions(max_token_count=5))
PLAIN_JSON = request(
    model="m", output_format=generation_pb2.OutputFormat(json_object=generation_pb2.JsonObjectFormat())
)
CHOICE = request(
    model="m",
    tools=[tool_pb2.Tool(function=tool_pb2.FunctionTool(name="f"))],
    tool_choice=Choice(mode=Choice.MODE_REQUIRED, allowed_tool_names=["f"]),
)


ASKED = (FULL, BUDGET, PLAIN_JSON, CHOICE)

# What the contract says is not sent to a provider that has no place for it, or not at all.
LEFT_OUT = {
    "end_user_id": "passed on to providers that ask for one, and Google does not",
    "messages.parts.media.file_name": "left out with a warning: there is no place for it",
    "messages.parts.media.transcript": "ignored in requests",
    "messages.parts.media.expire_time": "ignored in requests",
    "messages.parts.logprobs": "ignored in requests",
    "messages.parts.annotations": "the dialect has no place for them in a request",
    "messages.parts.item_id": "the dialect's answers have none: they are another provider's",
    "messages.parts.reasoning.kind": "the dialect's answers have one kind",
    "messages.parts.cache_breakpoint.ttl": "the provider chooses the places itself",
    "tools.cache_breakpoint.ttl": "the provider chooses the places itself",
    "messages.parts.provider_part.type": "it stands in the JSON as well",
    "output_format.json_schema.name": "a label, which the dialect has no place for",
    "output_format.json_schema.strict": "a schema is always followed to the letter",
    "audio.format": "spoken answers are pcm16, and any other name is refused",
}

# What is refused by name: the field, and how to ask for it.
REFUSED: list[tuple[str, Callable[[Request], object]]] = [
    ("idempotency_key", lambda asked: setattr(asked, "idempotency_key", "k")),
    ("max_cost_usd_nanos", lambda asked: setattr(asked, "max_cost_usd_nanos", 1)),
    ("messages[0].name", lambda asked: setattr(asked.messages[0], "name", "ann")),
    ("sampling.min_p", lambda asked: setattr(asked.sampling, "min_p", 0.5)),
    ("sampling.logit_bias", lambda asked: asked.sampling.logit_bias.update({1: 1})),
    ("tool_choice.parallel", lambda asked: setattr(asked.tool_choice, "parallel", False)),
    ("prompt_cache.key", lambda asked: setattr(asked.prompt_cache, "key", "k")),
    ("prompt_cache.ttl", lambda asked: setattr(asked.prompt_cache, "ttl", "1h")),
    (
        "output_format.grammar",
        lambda asked: asked.output_format.grammar.MergeFrom(tool_pb2.Grammar(syntax="lark", definition="x")),
    ),
    (
        "tools[0].custom",
        lambda asked: asked.tools.add().custom.MergeFrom(
            tool_pb2.CustomTool(name="g", description="G.", grammar=tool_pb2.Grammar(syntax="lark", definition="x"))
        ),
    ),
    ("messages[1].parts[0].tool_call.text", lambda asked: asked.messages.append(custom_call())),
    ("raw_prompt", lambda asked: (asked.ClearField("messages"), asked.raw_prompt.MergeFrom(raw_prompt()))),
]
# The fields of the contract that those refusals are about, by what they are about.
REFUSED_PATHS = {
    "messages.name",
    "messages.parts.tool_call.text",
    "idempotency_key",
    "max_cost_usd_nanos",
    "sampling.min_p",
    "sampling.logit_bias",
    "tool_choice.parallel",
    "prompt_cache.key",
    "prompt_cache.ttl",
    "output_format.grammar.syntax",
    "output_format.grammar.definition",
    "tools.custom.name",
    "tools.custom.description",
    "tools.custom.grammar.syntax",
    "tools.custom.grammar.definition",
    "raw_prompt.text",
    "raw_prompt.token_ids.ids",
    "raw_prompt.suffix",
    "raw_prompt.echo",
}


def custom_call() -> message_pb2.ChatMessage:
    return said("ASSISTANT", Part(tool_call=Call(id="a", name="g", text="ls")))


def raw_prompt() -> generation_pb2.RawPrompt:
    return generation_pb2.RawPrompt(text="Once", suffix="end", echo=True)


def shown(encoded: EncodedRequest) -> bytes:
    """Return all of what is sent."""
    return encoded.path.encode() + str(encoded.headers).encode() + encoded.body


def encode(asked: Request, codec: GeminiCodec = CODEC) -> bytes | str:
    """Return what is sent, or how it is refused."""
    wrong = validate_generate(asked, LIMITS)
    if wrong:
        return wrong[0].field
    try:
        return shown(codec.encode_generate(asked, "gemini-3.5-flash", stream=False))
    except CallError as error:
        return error.message


def test_every_field_of_a_generation_is_in_a_table_or_reaches_google() -> None:
    assert set(leaves(Request.DESCRIPTOR)) - honoured_paths(encode, ASKED) == GATEWAY | set(LEFT_OUT) | REFUSED_PATHS


@pytest.mark.parametrize(("path", "ask"), REFUSED, ids=[row[0] for row in REFUSED])
def test_what_is_not_honoured_is_refused_by_name(path: str, ask: Callable[[Request], object]) -> None:
    asked = request(model="m")
    ask(asked)
    assert path in str(encode(asked))


def test_an_audio_format_of_another_name_is_refused() -> None:
    asked = request(model="m", output_modalities=["audio"], audio=generation_pb2.AudioOptions(format="mp3"))
    assert "audio.format" in str(encode(asked))


def test_vertex_ai_takes_what_ai_studio_takes_and_names_of_files() -> None:
    asked = Request()
    asked.CopyFrom(FULL)
    del asked.messages[1].parts[3]  # a file of AI Studio's
    whole = encode(asked, VERTEX)
    assert isinstance(whole, bytes), whole
    asked.service_tier = ""
    assert encode(asked, VERTEX) != whole
    assert "file_id" in str(encode(FULL, VERTEX))


Embed = embedding_pb2.EmbedRequest

EMBED_REFUSED: list[tuple[str, Callable[[Embed], object]]] = [
    ("idempotency_key", lambda asked: setattr(asked, "idempotency_key", "k")),
    ("encoding", lambda asked: setattr(asked, "encoding", embedding_pb2.EMBEDDING_ENCODING_INT8)),
    ("truncate", lambda asked: setattr(asked, "truncate", True)),
    ("inputs[1].token_ids", lambda asked: asked.inputs.add().token_ids.ids.append(1)),
]


def encode_embed(asked: Embed, codec: GeminiCodec = CODEC) -> bytes | str:
    """Return what is sent, or how it is refused."""
    wrong = validate_embed(asked, LIMITS)
    if wrong:
        return wrong[0].field
    try:
        return shown(codec.encode_embed(asked, "m"))
    except CallError as error:
        return error.message


def test_every_field_of_an_embedding_is_in_a_table_or_reaches_google() -> None:
    asked = Embed(
        model="m",
        inputs=[
            embedding_pb2.EmbedInput(text="x"),
            embedding_pb2.EmbedInput(media=Media(mime_type="image/png", data=b"x", detail="low")),
            embedding_pb2.EmbedInput(media=Media(mime_type="image/png", uri="gs://b/a")),
            embedding_pb2.EmbedInput(media=Media(file_id="files/1")),
        ],
        dimension_count=3,
        input_type="query",
        provider_options_json={"gemini": '{"title": "T"}'},
    )
    left = set(leaves(Embed.DESCRIPTOR)) - honoured_paths(encode_embed, [asked])
    ignored = {"inputs.media.transcript", "inputs.media.expire_time", "end_user_id", "inputs.media.file_name"}
    refused = {"idempotency_key", "encoding", "truncate", "inputs.token_ids.ids"}
    assert left == ignored | EMBED_GATEWAY | refused


def test_vertex_ai_may_cut_what_is_too_long() -> None:
    asked = Embed(model="m", inputs=[embedding_pb2.EmbedInput(text="x")], truncate=True, dimension_count=3)
    assert {"truncate", "dimension_count", "inputs.text"} <= honoured_paths(
        partial(encode_embed, codec=VERTEX), [asked]
    )


@pytest.mark.parametrize(("path", "ask"), EMBED_REFUSED, ids=[row[0] for row in EMBED_REFUSED])
def test_what_an_embedding_cannot_have_is_refused_by_name(path: str, ask: Callable[[Embed], object]) -> None:
    asked = Embed(model="m", inputs=[embedding_pb2.EmbedInput(text="x")])
    ask(asked)
    assert path in str(encode_embed(asked))
