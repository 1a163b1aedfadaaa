"""No field of a request is ignored in silence: each reaches the provider, is the gateway's own, is left out for a
reason that is stated here, or is refused by name.

As in the other dialects: a field that can be taken away without a change to what is sent would be one that is ignored;
a field of the contract in none of the tables would be one that was forgotten.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from llmgateway.v1 import generation_pb2, message_pb2, tool_pb2
from llmgateway_server.config.settings import LimitSettings
from llmgateway_server.dialects.anthropic.codec import AnthropicCodec
from llmgateway_server.dialects.anthropic.quirks import Quirks
from llmgateway_server.errors import CallError
from llmgateway_server.validation.requests import validate_generate

from tests.server.dialects.every_field import GATEWAY, honoured_paths, leaves, message

Request = generation_pb2.GenerateRequest
Part = message_pb2.Part
Call = message_pb2.ToolCall
LIMITS = LimitSettings()
CODEC = AnthropicCodec("p", Quirks())
BAG = {"anthropic": '{"x": 1}'}
CALL_BAG = {"anthropic": '{"type": "server_tool_use"}'}
RESULT_BAG = {"anthropic": '{"type": "web_search_tool_result"}'}
MARK = message_pb2.CacheBreakpoint(ttl="1h")
SIGNED = message_pb2.Signature(provider="p", value="sig")

HI = message("USER", Part(text="Hi"))
FULL = Request(
    model="ignored/by-the-codec",
    messages=[
        message("SYSTEM", Part(text="Be kind.", provider_json=BAG, cache_breakpoint=MARK)),
        message(
            "USER",
            Part(text="Look:"),
            Part(media=message_pb2.Media(mime_type="image/png", uri="https://example.com/a.png")),
            Part(media=message_pb2.Media(mime_type="application/pdf", data=b"%PDF", file_name="a.pdf")),
            Part(media=message_pb2.Media(mime_type="image/png", file_id="file-1")),
            Part(provider_part=message_pb2.ProviderPart(dialect="anthropic", type="x", json='{"type": "x"}')),
            provider_json=BAG,
        ),
        message(
            "ASSISTANT",
            Part(reasoning=message_pb2.Reasoning(text="Hm."), signature=SIGNED),
            Part(reasoning=message_pb2.Reasoning(kind=message_pb2.Reasoning.KIND_REDACTED), signature=SIGNED),
            Part(
                text="I call.",
                annotations=[message_pb2.Annotation(provider_json='{"type": "char_location", "cited_text": "x"}')],
            ),
            Part(refusal="No."),
            Part(tool_call=Call(id="s", name="w", executor=Call.EXECUTOR_PROVIDER), provider_json=CALL_BAG),
            Part(tool_result=message_pb2.ToolResult(tool_call_id="s", output_json="[]"), provider_json=RESULT_BAG),
            Part(tool_call=Call(id="a", name="f", arguments_json='{"a": 1}'), provider_json=BAG),
            Part(tool_call=Call(id="b", name="g", text="ls")),
            provider_json=BAG,
        ),
        message(
            "TOOL",
            Part(tool_result=message_pb2.ToolResult(tool_call_id="a", output_json="[1]"), provider_json=BAG),
            Part(tool_result=message_pb2.ToolResult(tool_call_id="b", parts=[Part(text="ok")], failed=True)),
            provider_json=BAG,
        ),
    ],
    tools=[
        tool_pb2.Tool(
            function=tool_pb2.FunctionTool(
                name="f", description="F.", input_schema_json='{"type": "object", "properties": {}}', strict=True
            ),
            cache_breakpoint=MARK,
            provider_json={"anthropic": '{"defer_loading": true}'},
        ),
        tool_pb2.Tool(function=tool_pb2.FunctionTool(name="g", input_schema_json='{"type": "object"}')),
        tool_pb2.Tool(
            provider_tool=tool_pb2.ProviderTool(
                dialect="anthropic", type="web_search_20250305", config_json='{"name": "f"}'
            )
        ),
    ],
    tool_choice=tool_pb2.ToolChoice(mode=tool_pb2.ToolChoice.MODE_REQUIRED, allowed_tool_names=["f"], parallel=False),
    sampling=generation_pb2.Sampling(temperature=0, top_p=0.5, top_k=1, stop_sequences=["x"]),
    max_output_token_count=5_000,
    output_format=generation_pb2.OutputFormat(
        json_schema=generation_pb2.JsonSchemaFormat(
            name="n", description="N.", schema_json='{"type": "object"}', strict=True
        )
    ),
    end_user_id="ann",
    provider_options_json={"anthropic": '{"inference_geo": "eu"}'},
    prompt_cache=generation_pb2.PromptCacheOptions(ttl="1h"),
    service_tier="auto",
    reasoning=generation_pb2.ReasoningOptions(max_token_count=0),
)
EFFORT = Request(
    model="m", messages=[HI], reasoning=generation_pb2.ReasoningOptions(effort="low", visibility="detailed")
)
BUDGET = Request(model="m", messages=[HI], reasoning=generation_pb2.ReasoningOptions(max_token_count=2_000))

ASKED = (FULL, EFFORT, BUDGET)

# What the contract says is not sent to a provider that has no place for it, or not at all.
LEFT_OUT = {
    "messages.parts.media.transcript": "ignored in requests",
    "messages.parts.media.expire_time": "ignored in requests",
    "messages.parts.logprobs": "ignored in requests",
    "messages.parts.item_id": "the dialect's answers have no items",
    "messages.parts.tool_result.tool_name": "taken from the call",
    "messages.parts.provider_part.type": "it stands in the JSON as well",
    "output_format.json_schema.name": "a schema has no name there, and a name has no meaning for the answer",
    "output_format.json_schema.strict": "every schema is followed to the letter",
}

# What is refused by name: the field, and how to ask for it.
REFUSED: list[tuple[str, Callable[[Request], object]]] = [
    ("idempotency_key", lambda asked: setattr(asked, "idempotency_key", "k")),
    ("max_cost_usd_nanos", lambda asked: setattr(asked, "max_cost_usd_nanos", 1)),
    ("messages.name", lambda asked: setattr(asked.messages[0], "name", "ann")),
    ("messages.parts.media.detail", lambda asked: asked.messages[0].parts.add().media.MergeFrom(DETAILED)),
    ("raw_prompt.text", lambda asked: ask_raw(asked, text="Once")),
    ("raw_prompt.token_ids.ids", lambda asked: ask_raw(asked, token_ids=generation_pb2.TokenIds(ids=[1]))),
    ("raw_prompt.suffix", lambda asked: ask_raw(asked, text="Once", suffix="end")),
    ("raw_prompt.echo", lambda asked: ask_raw(asked, text="Once", echo=True)),
    ("tools.custom.name", lambda asked: asked.tools.add().MergeFrom(CUSTOM)),
    ("tools.custom.description", lambda asked: asked.tools.add().MergeFrom(CUSTOM)),
    ("tools.custom.grammar.syntax", lambda asked: asked.tools.add().MergeFrom(CUSTOM)),
    ("tools.custom.grammar.definition", lambda asked: asked.tools.add().MergeFrom(CUSTOM)),
    ("sampling.min_p", lambda asked: setattr(asked.sampling, "min_p", 0.5)),
    ("sampling.frequency_penalty", lambda asked: setattr(asked.sampling, "frequency_penalty", 1)),
    ("sampling.presence_penalty", lambda asked: setattr(asked.sampling, "presence_penalty", 1)),
    ("sampling.seed", lambda asked: setattr(asked.sampling, "seed", 1)),
    ("sampling.logit_bias", lambda asked: asked.sampling.logit_bias.update({1: 2.0})),
    ("output_format.json_object", lambda asked: asked.output_format.json_object.SetInParent()),
    ("output_format.grammar.syntax", lambda asked: asked.output_format.grammar.MergeFrom(GRAMMAR)),
    ("output_format.grammar.definition", lambda asked: asked.output_format.grammar.MergeFrom(GRAMMAR)),
    ("candidate_count", lambda asked: setattr(asked, "candidate_count", 2)),
    ("top_logprob_count", lambda asked: setattr(asked, "top_logprob_count", 3)),
    ("prompt_cache.key", lambda asked: setattr(asked.prompt_cache, "key", "k")),
    ("output_modalities", lambda asked: asked.output_modalities.append("audio")),
    ("audio.voice", lambda asked: setattr(asked.audio, "voice", "alloy")),
    ("audio.format", lambda asked: setattr(asked.audio, "format", "wav")),
]
DETAILED = message_pb2.Media(mime_type="image/png", data=b"x", detail="low")
GRAMMAR = tool_pb2.Grammar(syntax="lark", definition="start: /a/")
CUSTOM = tool_pb2.Tool(custom=tool_pb2.CustomTool(name="c", description="C.", grammar=GRAMMAR))


def ask_raw(asked: Request, **fields: object) -> None:
    asked.ClearField("messages")
    asked.raw_prompt.MergeFrom(generation_pb2.RawPrompt(**fields))  # type: ignore[arg-type]  # rows vary by field


def encode(request: Request) -> bytes | str:
    """Return what is sent, headers and warnings included, or how it is refused."""
    wrong = validate_generate(request, LIMITS)
    if wrong:
        return wrong[0].field
    try:
        encoded = CODEC.encode_generate(request, "m", stream=False)
    except CallError as error:
        return error.metadata.get("capability") or error.message
    return repr((encoded.path, encoded.headers, encoded.warnings)).encode() + encoded.body


def test_every_field_of_a_generation_is_in_a_table_or_reaches_the_provider() -> None:
    refused = {path for path, _ in REFUSED}
    assert set(leaves(Request.DESCRIPTOR)) - honoured_paths(encode, ASKED) == GATEWAY | set(LEFT_OUT) | refused


@pytest.mark.parametrize(("path", "ask"), REFUSED, ids=[row[0] for row in REFUSED])
def test_what_is_not_honoured_is_refused_by_name(path: str, ask: Callable[[Request], object]) -> None:
    request = Request(model="m", messages=[HI])
    ask(request)
    refused = encode(request)
    assert isinstance(refused, str)
    named = re.sub(r"\[\d+\]", "", refused.partition(":")[0])
    assert path == named or path.startswith(f"{named}.")  # a part is refused as a whole
