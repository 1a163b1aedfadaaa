"""Each rule of the bound, in numbers."""

from __future__ import annotations

import pytest
import yaml
from llmgateway.v1 import embedding_pb2, generation_pb2, message_pb2, rerank_pb2, tool_pb2
from llmgateway_server.catalog.knowledge import OWN_SOURCE, load_knowledge
from llmgateway_server.config.settings import Settings
from llmgateway_server.errors import PriceUnknown
from llmgateway_server.quota.bound import (
    MOST_TOKENS,
    Bound,
    Terms,
    bound_embedding,
    bound_generation,
    bound_rerank,
)

from tests.server.quota.bound_world import (
    AUDIO,
    CLAUDE,
    TEXT,
    chat,
    free,
    media,
    options,
    prices,
    terms,
    text,
    user,
)

USD = 10**9
Part = message_pb2.Part
Breakpoint = message_pb2.CacheBreakpoint


def input_tokens(request: generation_pb2.GenerateRequest, at: Terms) -> float:
    """Return for how many input tokens of the plain price a request is reserved."""
    plain = next(p.usd_nanos_per_million for p in at.prices if p.token_kind == "input")
    return bound_generation(request, at).fixed / plain


def refused(request: generation_pb2.GenerateRequest, at: Terms) -> PriceUnknown:
    with pytest.raises(PriceUnknown) as raised:
        bound_generation(request, at)
    assert raised.value.metadata["field"] in raised.value.message or raised.value.metadata["field"] == "model"
    return raised.value


def test_text_is_bounded_by_its_bytes() -> None:
    request = chat(text("ü" * 100))
    assert input_tokens(request, terms()) == request.ByteSize() + 16 + 64
    assert request.ByteSize() > 200


def test_what_is_not_sent_is_not_counted() -> None:
    plain = input_tokens(chat(), terms())
    labelled = chat(labels={"k" * 60: "v" * 500})
    assert input_tokens(labelled, terms()) < plain + 20
    assert input_tokens(options("anthropic", '{"x":"%s"}' % ("y" * 500)), terms()) < plain + 40
    answer = Part(text="Hi", logprobs=[message_pb2.TokenLogprob(token="Hi", logprob=-1.0)] * 100)
    assert input_tokens(chat(answer), terms()) < plain + 220


def test_token_ids_count_one_each() -> None:
    request = generation_pb2.GenerateRequest(model="m")
    request.raw_prompt.token_ids.ids.extend([100_000] * 1_000)
    assert 1_064 <= input_tokens(request, terms()) < 1_080


def test_no_input_is_longer_than_the_context() -> None:
    assert input_tokens(chat(text("x" * 10_000)), terms(context=8_000)) == 8_000


def test_tools_bring_words_of_the_provider_s() -> None:
    tool = tool_pb2.Tool(function=tool_pb2.FunctionTool(name="f", input_schema_json="{}"))
    extra = input_tokens(chat(tools=[tool]), terms()) - input_tokens(chat(), terms())
    assert 1_024 + 32 < extra < 1_024 + 32 + 20


def test_lines_that_a_schema_may_be_shown_on_are_counted() -> None:
    def asked(schema: str) -> generation_pb2.GenerateRequest:
        return chat(tools=[tool_pb2.Tool(function=tool_pb2.FunctionTool(name="f", input_schema_json=schema))])

    numbers = asked('{"enum":[' + ",".join(["1"] * 1_000) + "]}")
    assert input_tokens(numbers, terms()) - input_tokens(asked("{}"), terms()) > 2_000 + 2_000


def test_control_characters_are_counted_as_a_model_may_be_shown_them() -> None:
    result = message_pb2.ToolResult(tool_call_id="1", parts=[text("\x01" * 1_000)], output_json="")
    assert input_tokens(chat(Part(tool_result=result)), terms()) > 6_000
    assert input_tokens(chat(Part(tool_call=message_pb2.ToolCall(text="\x01" * 1_000))), terms()) > 6_000


@pytest.mark.parametrize("name", ["openrouter/openai/gpt-4o", "mistral/mistral-large-latest", "x/openai/gpt-5"])
def test_a_document_may_have_a_price_of_its_own_where_others_read_it(name: str) -> None:
    failure = refused(chat(media("application/pdf")), terms(target_id=name))
    assert failure.metadata["field"] == "messages[0].parts[0].media"


def test_each_argument_of_a_call_has_a_frame() -> None:
    call = Part(tool_call=message_pb2.ToolCall(id="1", name="f", arguments_json='{"a":1,"b":2}'))
    request = chat()
    request.messages.append(message_pb2.ChatMessage(role=message_pb2.ROLE_ASSISTANT, parts=[call]))
    escaped = 2 + 4  # quotes around it, and before each of its own
    assert input_tokens(request, terms()) == request.ByteSize() + 2 * 16 + 64 + 64 + 2 * 12 + escaped


def test_references_of_a_schema_are_written_out() -> None:
    twice = '{"$defs":{"a":{"type":"string"},"b":[{"$ref":"#/$defs/a"},{"$ref":"#/$defs/a"}]},"$ref":"#/$defs/b"}'
    circle = '{"$defs":{"a":{"items":{"$ref":"#/$defs/a"}}},"$ref":"#/$defs/a"}'

    def asked(schema: str) -> generation_pb2.GenerateRequest:
        tool = tool_pb2.Tool(function=tool_pb2.FunctionTool(name="f", input_schema_json=schema))
        return chat(tools=[tool])

    plain = asked("{}")
    assert input_tokens(asked(twice), terms()) > input_tokens(plain, terms()) + len(twice) + 2 * 17
    assert input_tokens(asked(circle), terms(context=50_000)) == 50_000
    assert refused(asked(circle), terms(context=0)).metadata["field"] == "tools[0].function.input_schema_json"


@pytest.mark.parametrize(
    ("dialect", "name", "part", "tokens"),
    [
        ("anthropic", "anthropic/claude-sonnet-4-6", media("image/png"), 1_664),
        ("anthropic", "anthropic/claude-opus-4-7", media("image/png", uri="https://x/y.png"), 4_784),
        ("openai", "openrouter/anthropic/claude-opus-4.7", media("image/png"), 4_784),
        ("bedrock", "bedrock/us.anthropic.claude-3-haiku-20240307-v1:0", media("image/png"), 1_664),
        ("openai", "openai/gpt-4o", media("image/jpeg"), 3_779),
        ("openai", "openai/gpt-4o-mini", media("image/jpeg; x=y"), 48_169),
        ("openai", "azure/gpt-5.4-mini", media("IMAGE/WEBP"), 12_000),
        ("gemini", "gemini/gemini-2.5-flash", media("image/png"), 6_192),
        ("gemini", "vertex/gemini-3.1-pro", media("image/png"), 2_240),
        ("mock", "mock/echo", media("audio/wav"), 1_000),
        ("anthropic", "anthropic/claude-sonnet-4-6", media("text/plain", data=b"x" * 700), 700),
    ],
)
def test_media_are_bounded_by_what_is_documented(dialect: str, name: str, part: Part, tokens: int) -> None:
    at = terms(dialect, target_id=name)
    request = chat(part)
    bytes_beside = request.ByteSize() - len(part.media.data)
    assert input_tokens(request, at) == bytes_beside + 16 + 64 + tokens
    assert bound_generation(request, terms(dialect, target_id=name, context=0)).fixed


@pytest.mark.parametrize(
    ("dialect", "name", "part"),
    [
        ("openai", "openai/gpt-6-sol", media("image/png")),
        ("openai", "vllm/qwen3-vl", media("image/png")),
        ("openai", "openai/gpt-4o", media("image/svg+xml")),
        ("openai", "openai/gpt-4o", media("application/pdf")),
        ("openai", "openai/gpt-4o", media("application/pdf", file_id="f")),
        ("anthropic", "anthropic/claude-sonnet-4-6", media("application/pdf", uri="https://x/y.pdf")),
        ("anthropic", "anthropic/claude-sonnet-4-6", media("image/png", file_id="f")),
        ("gemini", "gemini/gemini-2.5-flash", media("video/mp4")),
        ("gemini", "gemini/gemini-2.5-flash", media("audio/mp3")),
        ("gemini", "gemini/gemini-2.5-flash", media("image/png", uri="https://youtu.be/x")),
        ("gemini", "gemini/gemini-2.5-flash", media("text/plain")),
    ],
)
def test_other_media_are_bounded_by_the_context_alone(dialect: str, name: str, part: Part) -> None:
    at = terms(dialect, target_id=name, context=90_000)
    assert input_tokens(chat(part), at) == 90_000
    failure = refused(chat(text(), part), terms(dialect, target_id=name, context=0))
    assert failure.metadata["field"] == "messages[0].parts[1].media"
    assert f"models: {{{name}: {{context_tokens: 128000}}}}" in failure.message


def test_media_within_the_result_of_a_tool_are_found() -> None:
    result = Part(tool_result=message_pb2.ToolResult(tool_call_id="1", parts=[media("application/pdf")]))
    assert (
        refused(chat(result), terms(context=0)).metadata["field"] == "messages[0].parts[0].tool_result.parts[0].media"
    )


def test_speech_that_goes_back_by_its_id_is_audio_whatever_it_is_called() -> None:
    part = media("image/png")
    part.item_id = "audio_1"
    request = chat()
    request.messages.append(message_pb2.ChatMessage(role=message_pb2.ROLE_ASSISTANT, parts=[part]))
    assert bound_generation(request, terms(usd=AUDIO, context=1_000)).fixed == 1_000 * 32 * USD
    assert refused(request, terms()).metadata["field"] == "messages[1].parts[0].media"


def test_audio_costs_its_own_price() -> None:
    sound = media("audio/wav")
    assert bound_generation(chat(sound), terms(usd=AUDIO, context=1_000)).fixed == 1_000 * 32 * USD
    failure = refused(chat(sound), terms())
    assert failure.metadata["field"] == "messages[0].parts[0].media"
    assert "audio_input" in failure.message
    # Google tells a price of audio only where it differs from that of text.
    assert bound_generation(chat(sound), terms("gemini", context=1_000)).fixed == 1_000 * 3 * USD


def test_cached_audio_is_reserved_for_as_it_would_be_booked() -> None:
    usd = {**AUDIO, "cached_input": 1}
    assert bound_generation(chat(media("audio/wav")), terms(usd=usd, context=1_000)).fixed == 1_000 * 33 * USD


@pytest.mark.parametrize(
    ("dialect", "request_", "price"),
    [
        ("anthropic", chat(), 3),
        ("anthropic", chat(Part(text="Hello", cache_breakpoint=Breakpoint())), 3.75),
        ("anthropic", chat(Part(text="Hello", cache_breakpoint=Breakpoint(ttl="5m"))), 3.75),
        ("anthropic", chat(Part(text="Hello", cache_breakpoint=Breakpoint(ttl="1h"))), 6),
        ("anthropic", chat(prompt_cache=generation_pb2.PromptCacheOptions(ttl="1h")), 6),
        ("anthropic", chat(prompt_cache=generation_pb2.PromptCacheOptions()), 3.75),
        ("anthropic", chat(tools=[tool_pb2.Tool(cache_breakpoint=Breakpoint())]), 3.75),
        ("anthropic", options("anthropic", '{"cache_control":{"type":"ephemeral"}}'), 3.75),
        ("anthropic", options("anthropic", '{"cache_control":{"type":"ephemeral","ttl":"1h"}}'), 6),
        ("anthropic", chat(Part(text="H", provider_json={"anthropic": '{"cache_control":{"ttl":"1h"}}'})), 6),
        ("anthropic", chat(Part(text="H", provider_json={"anthropic": '{"title":"T"}'})), 3),
        ("anthropic", chat(tools=[tool_pb2.Tool(provider_json={"anthropic": '{"cache_control":{}}'})]), 3),
        ("bedrock", chat(), 3),
        ("bedrock", chat(Part(text="Hello", cache_breakpoint=Breakpoint(ttl="1h"))), 6),
        (
            "bedrock",
            chat(
                Part(
                    provider_part=message_pb2.ProviderPart(dialect="bedrock", json='{"cachePoint":{"type":"default"}}')
                )
            ),
            3.75,
        ),
        ("openai", chat(), 6),  # such providers may cache of themselves
        ("gemini", chat(), 3),  # nothing is written there unless by another call
    ],
)
def test_writing_to_the_prompt_cache_is_reserved_for_where_it_can_happen(
    dialect: str, request_: generation_pb2.GenerateRequest, price: float
) -> None:
    at = terms(dialect, CLAUDE)
    dearest = terms(dialect, {"input": price, "output": 15})
    assert bound_generation(request_, at).fixed == bound_generation(request_, dearest).fixed


def test_keeping_a_prompt_long_needs_a_price() -> None:
    usd = {key: price for key, price in CLAUDE.items() if key != "long_cache_write_input"}
    long = chat(Part(text="Hello", cache_breakpoint=Breakpoint(ttl="1h")))
    assert refused(long, terms("anthropic", usd)).metadata["field"] == "messages[0].parts[0].cache_breakpoint.ttl"


def test_the_dearest_step_that_can_be_reached_counts() -> None:
    steps = [*prices(TEXT), *prices({"input": 6, "output": 22.5}, above=1_000), *prices({"input": 1}, above=2_000)]
    at = Terms("a/m", "cohere", steps, 0, 0)
    short, long = chat(text("x" * 100)), chat(text("x" * 5_000))
    assert bound_generation(short, at).output_rate == 15 * USD
    assert input_tokens(short, at) == short.ByteSize() + 80
    assert bound_generation(long, at).output_rate == 22.5 * USD
    assert bound_generation(long, at).fixed == (long.ByteSize() + 80) * 6 * USD


@pytest.mark.parametrize(
    ("dialect", "usd", "modalities", "rate"),
    [
        ("openai", AUDIO, [], 10),
        ("openai", AUDIO, ["text"], 10),
        ("openai", AUDIO, ["text", "audio"], 64),
        ("openai", {**TEXT, "reasoning": 20}, [], 20),
        ("openai", {**TEXT, "reasoning": 1}, [], 15),
        ("gemini", {**TEXT, "image_output": 30}, [], 30),  # a model that draws does so unasked
        ("gemini", {**TEXT, "image_output": 30}, ["text"], 30),
    ],
)
def test_a_token_written_costs_its_dearest_kind(
    dialect: str, usd: dict[str, float], modalities: list[str], rate: float
) -> None:
    bound = bound_generation(chat(output_modalities=modalities), terms(dialect, usd))
    assert bound.output_rate == rate * USD


@pytest.mark.parametrize("word", ["audio", "image", "video", "input", ""])
def test_a_modality_without_a_price_is_refused(word: str) -> None:
    assert refused(chat(output_modalities=["text", word]), terms()).metadata["field"] == "output_modalities[1]"


def test_candidates_and_predictions_are_written_tokens() -> None:
    assert bound_generation(chat(candidate_count=3), terms()).choice_count == 3
    foretold = options("openai", '{"prediction":{"type":"content","content":"%s"}}' % ("x" * 100), candidate_count=2)
    assert bound_generation(foretold, terms()).extra_output_token_count == 2 * len(
        '{"type":"content","content":"%s"}' % ("x" * 100)
    )
    echo = generation_pb2.GenerateRequest(model="m")
    echo.raw_prompt.text, echo.raw_prompt.echo = "Hello", True
    bound = bound_generation(echo, terms())
    assert bound.extra_output_token_count * 3 * USD == bound.fixed


@pytest.mark.parametrize(
    ("max_output", "context", "most"),
    [(64_000, 200_000, 64_000), (64_000, 8_000, 8_000), (0, 8_000, 8_000), (64_000, 0, 64_000), (0, 0, MOST_TOKENS)],
)
def test_what_may_be_written_without_a_limit(max_output: int, context: int, most: int) -> None:
    assert bound_generation(chat(), terms(max_output=max_output, context=context)).most_output_token_count == most


def test_a_sum_is_rounded_up_once() -> None:
    bound = Bound(fixed=1, output_rate=1, choice_count=2, extra_output_token_count=3, most_output_token_count=0)
    assert bound.usd_nanos(0) == 1
    assert bound.usd_nanos(500_000 - 2) == 1
    assert bound.usd_nanos(500_000 - 1) == 2


def test_what_the_configuration_makes_free_is_asked_no_question() -> None:
    request = options("openai", '{"web_search_options":{}}', service_tier="priority")
    request.tools.add().provider_tool.dialect = "openai"
    assert bound_generation(request, free()) == Bound(0, 0, 1, 0, MOST_TOKENS)
    assert bound_generation(request, free()).output_token_count_within(0) == MOST_TOKENS
    assert refused(request, terms(usd={"input": 0, "output": 0}))  # a price list's zero is of tokens alone
    assert refused(chat(), terms(usd={"input": 0}, source=OWN_SOURCE)).metadata["field"] == "model"
    embed = embedding_pb2.EmbedRequest(inputs=[embedding_pb2.EmbedInput(media=message_pb2.Media(mime_type="a/b"))])
    assert bound_embedding(embed, free()) == bound_rerank(rerank_pb2.RerankRequest(documents=["x"]), free()) == 0


@pytest.mark.parametrize("usd", [{}, {"input": 1}, {"output": 1}, {"search_unit": 1}])
@pytest.mark.parametrize("name", ["local/gpt-4o-mini", "openrouter/meta/llama:free", "a/{odd}: name", "a/ends:"])
def test_a_model_without_a_price_is_refused_with_the_line_that_gives_it_one(usd: dict[str, float], name: str) -> None:
    message = refused(chat(), terms(usd=usd, target_id=name)).message
    line = message[message.index("models: ") :]
    settings = Settings.model_validate(yaml.safe_load(line))
    prices_given = load_knowledge(settings).prices.find(*name.split("/", 1))
    assert bound_generation(chat(), Terms(name, "openai", prices_given, 0, 0)).output_rate == 0.6 * USD


def test_embeddings_cost_their_input() -> None:
    inputs = [
        embedding_pb2.EmbedInput(text="ü" * 50),
        embedding_pb2.EmbedInput(token_ids=generation_pb2.TokenIds(ids=[100_000] * 10)),
    ]
    request = embedding_pb2.EmbedRequest(model="m", inputs=inputs)
    tokens = 64 + 2 * 16 + 100 + 10
    assert bound_embedding(request, terms(usd={"input": 0.02})) == -(-tokens * 20_000_000 // 10**6)
    with pytest.raises(PriceUnknown, match=r"models: \{openai/gpt-4o: \{price: \{input: 0.02\}\}\}"):
        bound_embedding(request, terms(usd={}))


def test_media_to_embed_need_prices_of_their_own_and_a_context() -> None:
    request = embedding_pb2.EmbedRequest(
        model="m", inputs=[embedding_pb2.EmbedInput(media=message_pb2.Media(mime_type="image/png", data=b"x"))] * 2
    )
    dear = {"input": 0.12, "image_input": 0.47}
    assert bound_embedding(request, terms("cohere", dear, context=8_000)) == (64 + 2 * 8_000) * 470
    with pytest.raises(PriceUnknown, match="image_input"):
        bound_embedding(request, terms("cohere", {"input": 0.12}))
    with pytest.raises(PriceUnknown, match=r"inputs\[0\].media.*context_tokens"):
        bound_embedding(request, terms("cohere", dear, context=0))
    request.inputs[1].media.mime_type = "audio/wav"
    with pytest.raises(PriceUnknown, match="audio_input"):
        bound_embedding(request, terms("gemini", dear))


def test_options_of_an_embedding_come_with_each_input() -> None:
    inputs = [embedding_pb2.EmbedInput(text="x")] * 10
    plain = embedding_pb2.EmbedRequest(model="m", inputs=inputs)
    titled = embedding_pb2.EmbedRequest(
        model="m", inputs=inputs, provider_options_json={"gemini": '{"title":"%s"}' % ("t" * 100)}
    )
    at = terms("gemini", {"input": 1000})
    assert bound_embedding(titled, at) >= bound_embedding(plain, at) + 10 * 100 * 10**6


@pytest.mark.parametrize(
    ("documents", "query", "asked", "units"),
    [
        (["x"] * 100, "q", None, 1),
        (["x"] * 101, "q", None, 2),
        (["x" * 499] * 100, "q", None, 1),
        (["x" * 500] * 51, "q", None, 2),
        (["x" * 1_000] * 100, "q" * 256, None, 5),  # pieces of 244 beside the query
        (["x" * 1_000] * 100, "q" * 9_999, None, 5),
        (["x" * 10**6], "q" * 256, None, 1),  # 17 pieces: no more than 4,096 tokens are read
        (["x" * 10**6] * 100, "q" * 256, 200, 1),
    ],
)
def test_documents_are_ranked_by_the_search(documents: list[str], query: str, asked: int | None, units: int) -> None:
    request = rerank_pb2.RerankRequest(model="m", query=query, documents=documents, max_document_token_count=asked)
    assert bound_rerank(request, terms("cohere", {"search_unit": 2_000})) == units * 2_000_000


def test_documents_may_be_ranked_by_the_token() -> None:
    request = rerank_pb2.RerankRequest(model="m", query="qq", documents=["x" * 10, "y"])
    assert bound_rerank(request, terms("cohere", {"input": 1})) == (64 + 2 * (16 + 2) + 11) * 1_000
    with pytest.raises(PriceUnknown, match=r"\{price: \{search_unit: 2000\}\}"):
        bound_rerank(request, terms("cohere", {"output": 1}))


def test_grok_reads_words_before_those_that_are_sent() -> None:
    assert input_tokens(chat(), terms(target_id="xai/grok-4")) == input_tokens(chat(), terms()) + 1_024 - 64


def test_a_turn_without_parts_is_bounded() -> None:
    assert bound_generation(generation_pb2.GenerateRequest(messages=[user()]), terms()).fixed > 0
