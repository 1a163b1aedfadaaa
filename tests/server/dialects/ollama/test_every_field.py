"""No field of a request is ignored in silence: each reaches the server, is the gateway's own, or is refused by name.

The request below sets every field that the dialect sends. A field that can be taken away without a change to what is
sent would be one that is ignored; a field of the contract in none of the tables would be one that was forgotten.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from llmgateway.v1 import embedding_pb2, generation_pb2, message_pb2, tool_pb2
from llmgateway_server.config.settings import LimitSettings
from llmgateway_server.dialects.ollama.codec import OllamaCodec
from llmgateway_server.dialects.ollama.quirks import Quirks
from llmgateway_server.errors import CallError
from llmgateway_server.validation.requests import validate_embed, validate_generate

from tests.server.dialects.every_field import EMBED_GATEWAY, GATEWAY, honoured_paths, leaves, message

Request = generation_pb2.GenerateRequest
Embed = embedding_pb2.EmbedRequest
Part = message_pb2.Part
Choice = tool_pb2.ToolChoice
LIMITS = LimitSettings()
CODEC = OllamaCodec("p", Quirks(num_ctx=0, tool_call_ids=True))
BAG = {"ollama": '{"x": 1}'}
BAG_2 = {"ollama": '{"y": 1}'}
IMAGE = Part(media=message_pb2.Media(mime_type="image/png", data=b"x"))

FULL = Request(
    model="ignored/by-the-codec",
    messages=[
        message("SYSTEM", Part(text="Be kind.", provider_json=BAG_2), provider_json=BAG),
        message("USER", Part(text="Look:"), IMAGE),
        message(
            "ASSISTANT",
            Part(reasoning=message_pb2.Reasoning(text="Hm.")),
            Part(text="I call."),
            Part(refusal="No."),
            Part(tool_call=message_pb2.ToolCall(id="a", name="f", arguments_json='{"a": 1}'), provider_json=BAG),
            Part(tool_call=message_pb2.ToolCall(id="b", name="g")),
            Part(tool_call=message_pb2.ToolCall(id="c", name="h", executor=message_pb2.ToolCall.EXECUTOR_PROVIDER)),
        ),
        message(
            "TOOL",
            Part(tool_result=message_pb2.ToolResult(tool_call_id="a", output_json="[1]"), provider_json=BAG),
            Part(tool_result=message_pb2.ToolResult(tool_call_id="b", tool_name="s", parts=[Part(text="ok"), IMAGE])),
        ),
    ],
    tools=[
        tool_pb2.Tool(
            function=tool_pb2.FunctionTool(name="f", description="F.", input_schema_json='{"type": "object"}'),
            provider_json=BAG,
        ),
        tool_pb2.Tool(function=tool_pb2.FunctionTool(name="g")),
    ],
    tool_choice=Choice(allowed_tool_names=["f"]),
    sampling=generation_pb2.Sampling(
        temperature=0,
        top_p=0.5,
        top_k=1,
        min_p=0.1,
        frequency_penalty=0.1,
        presence_penalty=0.2,
        seed=1,
        stop_sequences=["x"],
    ),
    max_output_token_count=1,
    output_format=generation_pb2.OutputFormat(
        json_schema=generation_pb2.JsonSchemaFormat(description="N.", schema_json='{"type": "object"}')
    ),
    reasoning=generation_pb2.ReasoningOptions(effort="low"),
    top_logprob_count=3,
    provider_options_json={"ollama": '{"keep_alive": "5m"}'},
)
SILENT = Request(
    model="m",
    messages=[message("USER", Part(text="x"))],
    tools=[tool_pb2.Tool(function=tool_pb2.FunctionTool(name="f"))],
    tool_choice=Choice(mode=Choice.MODE_NONE),
    reasoning=generation_pb2.ReasoningOptions(max_token_count=0),
    output_format=generation_pb2.OutputFormat(json_object=generation_pb2.JsonObjectFormat()),
)
RAW = Request(model="m", raw_prompt=generation_pb2.RawPrompt(text="Once", suffix="end"))

ASKED = (FULL, SILENT, RAW)

# What the contract says is not sent to a provider that has no place for it, or not at all.
LEFT_OUT = {
    "messages.parts.media.transcript": "ignored in requests",
    "messages.parts.media.expire_time": "ignored in requests",
    "messages.parts.media.file_name": "read with documents, which the dialect refuses",
    "messages.parts.media.detail": "images are looked at in one way",
    "messages.parts.item_id": "the dialect's answers have no items",
    "messages.parts.logprobs": "ignored in requests",
    "messages.parts.annotations": "the dialect has no place for them in a request",
    "messages.parts.signature.provider": "the dialect's answers have none: they are another provider's",
    "messages.parts.signature.value": "the dialect's answers have none: they are another provider's",
    "messages.parts.reasoning.kind": "the dialect's answers have one kind",
    "messages.parts.cache_breakpoint.ttl": "the server keeps what it read last",
    "tools.cache_breakpoint.ttl": "the server keeps what it read last",
    "messages.parts.tool_result.failed": "the result says why",
    "output_format.json_schema.name": "a label that the dialect has no place for",
    "output_format.json_schema.strict": "the answer always satisfies the schema",
    "end_user_id": "passed on to providers that ask for one",
    "audio.voice": "has a meaning only if audio is asked for, which is refused",
    "audio.format": "has a meaning only if audio is asked for, which is refused",
}


def custom(asked: Request) -> None:
    asked.tools.add().custom.MergeFrom(
        tool_pb2.CustomTool(name="c", description="C.", grammar=tool_pb2.Grammar(syntax="lark", definition="x"))
    )


def provider_tool(asked: Request) -> None:
    asked.tools.add().provider_tool.MergeFrom(tool_pb2.ProviderTool(dialect="ollama", type="x", config_json="{}"))


def strict_tool(asked: Request) -> None:
    asked.tools.add().function.MergeFrom(tool_pb2.FunctionTool(name="f", strict=True))


def choose(asked: Request, **fields: object) -> None:
    asked.tools.add().function.name = "f"
    asked.tool_choice.MergeFrom(Choice(**fields))  # type: ignore[arg-type]  # rows vary by field


def attach(asked: Request, part: Part) -> None:
    asked.messages[0].parts.append(part)


def raw(asked: Request, **fields: object) -> None:
    asked.ClearField("messages")
    asked.raw_prompt.MergeFrom(generation_pb2.RawPrompt(**fields))  # type: ignore[arg-type]  # rows vary by field


def text_call(asked: Request) -> None:
    asked.messages.append(message("ASSISTANT", Part(tool_call=message_pb2.ToolCall(id="a", name="f", text="ls"))))


# What is refused by name: the field, how the refusal names it, and how to ask for it. Of what is refused whole, its
# fields are covered.
REFUSED: list[tuple[str, str, Callable[[Request], object]]] = [
    ("idempotency_key", "", lambda asked: setattr(asked, "idempotency_key", "k")),
    ("max_cost_usd_nanos", "", lambda asked: setattr(asked, "max_cost_usd_nanos", 1)),
    ("reasoning.visibility", "", lambda asked: setattr(asked.reasoning, "visibility", "full")),
    ("sampling.logit_bias", "", lambda asked: asked.sampling.logit_bias.update({1: 2})),
    ("candidate_count", "", lambda asked: setattr(asked, "candidate_count", 2)),
    ("service_tier", "", lambda asked: setattr(asked, "service_tier", "flex")),
    ("prompt_cache.key", "", lambda asked: setattr(asked.prompt_cache, "key", "k")),
    ("prompt_cache.ttl", "", lambda asked: setattr(asked.prompt_cache, "ttl", "1h")),
    ("output_modalities", "", lambda asked: asked.output_modalities.append("audio")),
    ("messages.name", "messages[0].name", lambda asked: setattr(asked.messages[0], "name", "ann")),
    ("messages.parts.media.uri", "messages[0].parts[1].media.uri", lambda asked: attach(asked, Part(media=message_pb2.Media(uri="https://x.example/a", mime_type="image/png")))),
    ("messages.parts.media.mime_type", "messages[0].parts[1].media.mime_type", lambda asked: attach(asked, Part(media=message_pb2.Media(data=b"x", mime_type="audio/wav")))),
    ("messages.parts.media.file_id", "messages[0].parts[1].media.file_id", lambda asked: attach(asked, Part(media=message_pb2.Media(file_id="f")))),
    ("messages.parts.provider_part", "messages[0].parts[1].provider_part", lambda asked: attach(asked, Part(provider_part=message_pb2.ProviderPart(dialect="ollama", json="{}")))),
    ("messages.parts.tool_call.text", "messages[1].parts[0].tool_call.text", text_call),
    ("tools.custom", "tools[0].custom", custom),
    ("tools.provider_tool", "tools[0].provider_tool", provider_tool),
    ("tools.function.strict", "tools[0].function.strict", strict_tool),
    ("tool_choice.mode", "", lambda asked: choose(asked, mode=Choice.MODE_REQUIRED)),
    ("tool_choice.parallel", "", lambda asked: choose(asked, parallel=False)),
    ("output_format.grammar", "", lambda asked: asked.output_format.grammar.MergeFrom(tool_pb2.Grammar(syntax="lark", definition="x"))),
    ("raw_prompt.echo", "", lambda asked: raw(asked, text="x", echo=True)),
    ("raw_prompt.token_ids", "", lambda asked: raw(asked, token_ids=generation_pb2.TokenIds(ids=[1]))),
]  # fmt: skip


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
    refused = tuple(path for path, _, _ in REFUSED)
    rest = set(leaves(Request.DESCRIPTOR)) - honoured_paths(encode, ASKED) - GATEWAY - set(LEFT_OUT)
    assert [
        path for path in sorted(rest) if not any(path == one or path.startswith(f"{one}.") for one in refused)
    ] == []


def test_no_table_holds_what_reaches_the_provider_or_what_there_is_not() -> None:
    assert set(LEFT_OUT) <= set(leaves(Request.DESCRIPTOR)) - honoured_paths(encode, ASKED)


@pytest.mark.parametrize(("path", "named", "ask"), REFUSED, ids=[row[0] for row in REFUSED])
def test_what_is_not_honoured_is_refused_by_name(path: str, named: str, ask: Callable[[Request], object]) -> None:
    request = Request(model="m", messages=[message("USER", Part(text="x"))])
    ask(request)
    assert (named or path) in str(encode(request))


EMBED_REFUSED: list[tuple[str, Callable[[Embed], object]]] = [
    ("idempotency_key", lambda asked: setattr(asked, "idempotency_key", "k")),
    ("input_type", lambda asked: setattr(asked, "input_type", "query")),
    ("encoding", lambda asked: setattr(asked, "encoding", embedding_pb2.EMBEDDING_ENCODING_INT8)),
    ("inputs[1].media", lambda asked: asked.inputs.add().media.MergeFrom(message_pb2.Media(file_id="f"))),
    ("inputs[1].token_ids", lambda asked: asked.inputs.add().token_ids.ids.append(1)),
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
        truncate=True,
        provider_options_json={"ollama": '{"keep_alive": "5m"}'},
    )
    honoured = honoured_paths(encode_embed, [full])
    left = {path for path in set(leaves(Embed.DESCRIPTOR)) - honoured if not path.startswith("inputs.")}
    assert left == EMBED_GATEWAY | {"end_user_id", "idempotency_key", "input_type", "encoding"}


@pytest.mark.parametrize(("path", "ask"), EMBED_REFUSED, ids=[row[0] for row in EMBED_REFUSED])
def test_what_an_embedding_cannot_have_is_refused_by_name(path: str, ask: Callable[[Embed], object]) -> None:
    request = Embed(model="m", inputs=[embedding_pb2.EmbedInput(text="x")])
    ask(request)
    assert path in str(encode_embed(request))
