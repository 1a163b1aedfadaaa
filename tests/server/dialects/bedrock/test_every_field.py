"""No field of a request is ignored in silence: each reaches Bedrock, is the gateway's own, or is refused by name.

The requests below set every field that the dialect sends. A field that can be taken away without a change to what is
sent would be one that is ignored; a field of the contract in none of the tables would be one that was forgotten.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
from llmgateway.v1 import embedding_pb2, generation_pb2, message_pb2, tool_pb2
from llmgateway_server.config.settings import LimitSettings
from llmgateway_server.errors import CallError
from llmgateway_server.validation.requests import validate_embed, validate_generate

from tests.server.dialects.bedrock.asking import (
    CLAUDE_4_6,
    CODEC,
    OSS,
    Call,
    Choice,
    Media,
    Part,
    Reasoning,
    Request,
    Result,
    said,
    signed,
)
from tests.server.dialects.every_field import EMBED_GATEWAY, GATEWAY, honoured_paths, leaves

LIMITS = LimitSettings()
BAG = {"bedrock": '{"x": 1}'}
CACHED = message_pb2.CacheBreakpoint(ttl="1h")

FULL = Request(
    model="ignored/by-the-codec",
    messages=[
        said("SYSTEM", Part(text="Be kind.", cache_breakpoint=CACHED)),
        said(
            "USER",
            Part(text="Look:", cache_breakpoint=message_pb2.CacheBreakpoint(ttl="5m")),
            Part(media=Media(mime_type="image/png", uri="s3://bucket/a.png"), provider_json=BAG),
            Part(media=Media(mime_type="application/pdf", data=b"%PDF", file_name="a.pdf")),
            Part(
                provider_part=message_pb2.ProviderPart(
                    dialect="bedrock", type="guardContent", json='{"guardContent": {}}'
                )
            ),
            provider_json=BAG,
        ),
        said(
            "ASSISTANT",
            signed("proof", text="Hm."),
            signed("sealed", kind=Reasoning.KIND_REDACTED),
            Part(text="I call."),
            Part(refusal="No."),
            Part(tool_call=Call(id="a", name="f", arguments_json='{"a": 1}'), provider_json=BAG),
            Part(tool_call=Call(id="b", name="g", text="ls")),
            Part(tool_call=Call(id="c", name="h", executor=Call.EXECUTOR_PROVIDER), provider_json=BAG),
        ),
        said(
            "TOOL",
            Part(tool_result=Result(tool_call_id="a", output_json="[1]", failed=True), provider_json=BAG),
            Part(tool_result=Result(tool_call_id="b", parts=[Part(text="ok")])),
        ),
    ],
    tools=[
        tool_pb2.Tool(
            function=tool_pb2.FunctionTool(
                name="f", description="F.", input_schema_json='{"type": "object"}', strict=True
            ),
            cache_breakpoint=CACHED,
            provider_json=BAG,
        ),
    ],
    tool_choice=Choice(mode=Choice.MODE_REQUIRED, allowed_tool_names=["f"]),
    sampling=generation_pb2.Sampling(temperature=0, top_k=1, stop_sequences=["x"]),
    max_output_token_count=1,
    output_format=generation_pb2.OutputFormat(
        json_schema=generation_pb2.JsonSchemaFormat(name="n", description="N.", schema_json='{"type": "object"}')
    ),
    reasoning=generation_pb2.ReasoningOptions(effort="low", visibility="none"),
    provider_options_json={"bedrock": '{"requestMetadata": {"a": "b"}}'},
    service_tier="flex",
)
BUDGET = Request(
    model="m",
    messages=[said("USER", Part(text="x"))],
    sampling=generation_pb2.Sampling(top_p=0.5),
    reasoning=generation_pb2.ReasoningOptions(max_token_count=2000),
)
SEEDED = Request(
    model="m",
    messages=[said("USER", Part(text="x"))],
    sampling=generation_pb2.Sampling(frequency_penalty=0.1, presence_penalty=0.2, seed=1),
)
DEFINED = Request(
    model="m",
    messages=[said("USER", Part(text="x"))],
    tools=[
        tool_pb2.Tool(
            provider_tool=tool_pb2.ProviderTool(dialect="bedrock", type="systemTool", config_json='{"name": "h"}')
        )
    ],
)
MODELS = [(DEFINED, CLAUDE_4_6), (FULL, CLAUDE_4_6), (BUDGET, CLAUDE_4_6), (SEEDED, OSS)]


# What the contract says is not sent to a provider that has no place for it, or not at all.
LEFT_OUT = {
    "messages.parts.media.transcript": "ignored in requests",
    "messages.parts.media.expire_time": "ignored in requests",
    "messages.parts.logprobs": "ignored in requests",
    "messages.parts.annotations": "they stand in the part's bag as Bedrock wrote them, or are another provider's",
    "messages.parts.item_id": "Bedrock has no items: they are another provider's",
    "messages.parts.tool_result.tool_name": "taken from the call",
    "messages.parts.provider_part.type": "it stands in the JSON as well",
    "output_format.json_schema.strict": "Bedrock's answers always satisfy the schema; false is refused",
    "tool_choice.parallel": "Converse lets a model make several calls; false is refused",
}


def ask_for_grammar(asked: Request) -> None:
    asked.output_format.grammar.syntax, asked.output_format.grammar.definition = "lark", "x"


def ask_for_a_prompt(asked: Request) -> None:
    del asked.messages[:]
    asked.raw_prompt.text = "Once"


def ask_for_a_custom_tool(asked: Request) -> None:
    asked.tools.add().custom.name = "note"


def ask_for_no_parallel_calls(asked: Request) -> None:
    asked.tools.add().function.name = "f"
    asked.tool_choice.parallel = False


# What is refused by name: the fields, what the refusal says, and how to ask for it.
REFUSED: list[tuple[set[str], str, Callable[[Request], object]]] = [
    ({"idempotency_key"}, "idempotency_key", lambda asked: setattr(asked, "idempotency_key", "k")),
    ({"max_cost_usd_nanos"}, "max_cost_usd_nanos", lambda asked: setattr(asked, "max_cost_usd_nanos", 1)),
    ({"candidate_count"}, "candidate_count", lambda asked: setattr(asked, "candidate_count", 2)),
    ({"top_logprob_count"}, "top_logprob_count", lambda asked: setattr(asked, "top_logprob_count", 0)),
    ({"end_user_id"}, "end_user_id", lambda asked: setattr(asked, "end_user_id", "ann")),
    ({"prompt_cache.key"}, "prompt_cache.key", lambda asked: setattr(asked.prompt_cache, "key", "k")),
    ({"prompt_cache.ttl"}, "prompt_cache.ttl", lambda asked: setattr(asked.prompt_cache, "ttl", "1h")),
    ({"output_modalities"}, "output_modalities", lambda asked: asked.output_modalities.append("audio")),
    ({"audio.voice", "audio.format"}, "audio", lambda asked: setattr(asked.audio, "voice", "alloy")),
    ({"sampling.min_p"}, "sampling.min_p", lambda asked: setattr(asked.sampling, "min_p", 0.5)),
    ({"sampling.logit_bias"}, "sampling.logit_bias", lambda asked: asked.sampling.logit_bias.update({1: 1})),
    ({"messages.name"}, "messages[0].name", lambda asked: setattr(asked.messages[0], "name", "ann")),
    (
        {"messages.parts.media.detail"},
        "messages[0].parts[1].media.detail",
        lambda asked: (
            asked.messages[0].parts.add().media.MergeFrom(Media(mime_type="image/png", data=b"x", detail="low"))
        ),
    ),
    (
        {"messages.parts.media.file_id"},
        "messages[0].parts[1].media.file_id",
        lambda asked: asked.messages[0].parts.add().media.MergeFrom(Media(file_id="f")),
    ),
    (
        {"output_format.json_object"},
        "output_format.json_object",
        lambda asked: asked.output_format.json_object.SetInParent(),
    ),
    (
        {"output_format.grammar.syntax", "output_format.grammar.definition"},
        "output_format.grammar",
        ask_for_grammar,
    ),
    (
        {
            "raw_prompt.text",
            "raw_prompt.token_ids.ids",
            "raw_prompt.suffix",
            "raw_prompt.echo",
        },
        "raw_prompt",
        ask_for_a_prompt,
    ),
    (
        {
            "tools.custom.name",
            "tools.custom.description",
            "tools.custom.grammar.syntax",
            "tools.custom.grammar.definition",
        },
        "tools[0].custom",
        ask_for_a_custom_tool,
    ),
    (set(), "tool_choice.parallel", ask_for_no_parallel_calls),
]


def encode(request: Request, model: str) -> bytes | str:
    """Return what is sent, or how it is refused."""
    wrong = validate_generate(request, LIMITS)
    if wrong:
        return wrong[0].field
    try:
        encoded = CODEC.encode_generate(request, model, stream=False)
    except CallError as error:
        return error.message
    return encoded.path.encode() + encoded.body


def honoured_by_models() -> set[str]:
    """Return the paths of the fields without which something else is sent, to one of the models at least."""
    return set().union(*(honoured_paths(partial(encode, model=model), [request]) for request, model in MODELS))


def test_every_field_of_a_generation_is_in_a_table_or_reaches_the_provider() -> None:
    refused = {path for paths, _, _ in REFUSED for path in paths}
    assert set(leaves(Request.DESCRIPTOR)) - honoured_by_models() == GATEWAY | set(LEFT_OUT) | refused


@pytest.mark.parametrize(("field", "ask"), [row[1:] for row in REFUSED], ids=[row[1] for row in REFUSED])
def test_what_is_not_honoured_is_refused_by_name(field: str, ask: Callable[[Request], object]) -> None:
    request = Request(model="m", messages=[said("USER", Part(text="x"))])
    ask(request)
    refusal = encode(request, CLAUDE_4_6)
    assert isinstance(refusal, str)
    assert field in refusal


Embed = embedding_pb2.EmbedRequest
Input = embedding_pb2.EmbedInput
COHERE = "cohere.embed-v4:0"

EMBED_REFUSED: list[tuple[str, Callable[[Embed], object]]] = [
    ("idempotency_key", lambda asked: setattr(asked, "idempotency_key", "k")),
    ("end_user_id", lambda asked: setattr(asked, "end_user_id", "ann")),
    ("inputs[1].token_ids", lambda asked: asked.inputs.add().token_ids.ids.append(1)),
]


def encode_embed(request: Embed) -> bytes | str:
    """Return what is sent, or how it is refused."""
    wrong = validate_embed(request, LIMITS)
    if wrong:
        return wrong[0].field
    try:
        return CODEC.encode_embed(request, COHERE).body
    except CallError as error:
        return error.message


def test_every_field_of_an_embedding_is_in_a_table_or_reaches_the_provider() -> None:
    full = Embed(
        model="m",
        inputs=[Input(text="x"), Input(media=Media(mime_type="image/png", data=b"x"))],
        dimension_count=256,
        input_type="query",
        encoding=embedding_pb2.EMBEDDING_ENCODING_INT8,
        truncate=True,
        provider_options_json={"bedrock": '{"max_tokens": 10}'},
    )
    honoured = honoured_paths(encode_embed, [full])
    left = {path for path in set(leaves(Embed.DESCRIPTOR)) - honoured if not path.startswith("inputs.media.")}
    refused = {"idempotency_key", "end_user_id", "inputs.token_ids.ids"}
    assert left == EMBED_GATEWAY | refused


@pytest.mark.parametrize(("path", "ask"), EMBED_REFUSED, ids=[row[0] for row in EMBED_REFUSED])
def test_what_an_embedding_cannot_have_is_refused_by_name(path: str, ask: Callable[[Embed], object]) -> None:
    request = Embed(model="m", inputs=[Input(text="x")])
    ask(request)
    assert path in str(encode_embed(request))
