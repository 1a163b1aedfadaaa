"""Whatever a provider reports within the limits, it is never booked at more than the bound; and the bound is not loose."""

from __future__ import annotations

from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st
from llmgateway.v1 import generation_pb2, message_pb2, tool_pb2, usage_pb2
from llmgateway_server.catalog.prices import TOKEN_KINDS, Price, Tariff
from llmgateway_server.quota.bound import MOST_TOKENS, Bound, Terms, bound_generation, most_input
from llmgateway_server.quota.input_tokens import Input

from tests.server.quota.bound_world import DAY, NAMES, media, terms, text, user

DIALECTS = ["anthropic", "bedrock", "cohere", "gemini", "mock", "ollama", "openai"]
KINDS = [kind for kind in TOKEN_KINDS if kind != "search_unit"]
RATES = st.integers(0, 10**11)
STEPS = [0, 300, 1_000, 50_000]
WRITTEN = ("audio", "image")


class World(NamedTuple):
    """A request, where it goes, and how much it may write and read."""

    request: generation_pb2.GenerateRequest
    at: Terms
    bound: Bound
    given: Input
    media_count: int
    input_count: int


@st.composite
def tariffs(draw: st.DrawFn) -> list[Price]:
    """Draw prices of text and of some other kinds, which may change with the length of the input, up or down."""
    kinds = {"input", "output", *draw(st.sets(st.sampled_from(KINDS)))}
    return [
        Price(kind, draw(RATES), "list", DAY, above)
        for kind in sorted(kinds)
        for above in {0, *draw(st.sets(st.sampled_from(STEPS), max_size=2))}
    ]


@st.composite
def parts(draw: st.DrawFn) -> message_pb2.Part:
    """Draw a text, perhaps marked to be cached, or a medium."""
    if draw(st.integers(0, 4)) == 0:
        return media(draw(st.sampled_from(["image/png", "audio/wav", "application/pdf", "text/plain"])))
    part = text(draw(st.text(max_size=200)))
    if draw(st.booleans()):
        part.cache_breakpoint.ttl = draw(st.sampled_from(["", "5m", "1h"]))
    return part


@st.composite
def requests(draw: st.DrawFn, at: Terms) -> generation_pb2.GenerateRequest:
    """Draw a request that a target can be asked."""
    turns = [user(*draw(st.lists(parts(), min_size=1, max_size=3))) for _ in range(draw(st.integers(1, 3)))]
    request = generation_pb2.GenerateRequest(model="m", messages=turns)
    if draw(st.booleans()):
        request.candidate_count = draw(st.integers(1, 5))
    if draw(st.booleans()):
        request.tools.append(tool_pb2.Tool(function=tool_pb2.FunctionTool(name="f", input_schema_json="{}")))
    if at.dialect == "openai" and draw(st.booleans()):
        request.provider_options_json["openai"] = '{"prediction":{"type":"content","content":"some words"}}'
    request.output_modalities.extend([w for w in WRITTEN if f"{w}_output" in at.kinds and draw(st.booleans())])
    return request


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Draw a bounded request."""
    dialect = draw(st.sampled_from(DIALECTS))
    context = draw(st.sampled_from([500, 5_000, 200_000]))
    at = Terms(NAMES[dialect], dialect, draw(tariffs()), context, 1_000)
    if "audio_input" not in at.kinds:  # or audio would be refused
        at = Terms(
            NAMES[dialect], dialect, [*at.prices, Price("audio_input", draw(RATES), "list", DAY)], context, 1_000
        )
    if "cache_write_input" in at.kinds and "long_cache_write_input" not in at.kinds:
        long = Price("long_cache_write_input", draw(RATES), "list", DAY)
        at = Terms(NAMES[dialect], dialect, [*at.prices, long], context, 1_000)
    request = draw(requests(at))
    seen = Input(request, at)
    media_count, input_count = most_input(seen, at)
    return World(request, at, bound_generation(request, at), seen, media_count, input_count)


@st.composite
def usages(draw: st.DrawFn, world: World, output_count: int) -> usage_pb2.Usage:
    """Draw what a provider may report that keeps to the limits: any kinds of tokens that the call can reach."""

    def upto(most: int) -> int:
        return draw(st.sampled_from([0, most]) | st.integers(0, most))

    request, dialect = world.request, world.at.dialect
    usage = usage_pb2.Usage(input_token_count=upto(world.input_count), output_token_count=upto(output_count))
    usage.cached_input_token_count = upto(usage.input_token_count)
    if dialect in ("mock", "openai") or (dialect in ("anthropic", "bedrock") and world.given.marks):
        usage.cache_write_input_token_count = upto(usage.input_token_count - usage.cached_input_token_count)
        if dialect in ("mock", "openai") or world.given.long_mark:
            usage.long_cache_write_input_token_count = upto(usage.cache_write_input_token_count)
    seen = min(world.media_count, usage.input_token_count)
    if world.given.audio_path:
        usage.audio_input_token_count = upto(seen)
    if world.given.has_images:
        usage.image_input_token_count = upto(seen - usage.audio_input_token_count)
    usage.reasoning_token_count = upto(usage.output_token_count)
    left = usage.output_token_count
    for word in WRITTEN:
        if dialect != "openai" or word in request.output_modalities:
            count = upto(left)
            setattr(usage, f"{word}_output_token_count", count)
            left -= count
    if dialect == "cohere" and draw(st.booleans()):
        usage.billed_input_token_count = upto(world.input_count)
        usage.billed_output_token_count = upto(output_count)
    return usage


@settings(deadline=None)
@given(st.data(), worlds(), st.integers(0, 2_000))
def test_nothing_within_the_limits_is_booked_above_the_bound(data: st.DataObject, world: World, limit: int) -> None:
    written = world.bound.choice_count * limit + world.bound.extra_output_token_count
    usage = data.draw(usages(world, written))
    assert Tariff(world.at.prices).cost_usd_nanos(usage) <= world.bound.usd_nanos(limit)


@settings(deadline=None)
@given(st.text(max_size=300), RATES, RATES, st.integers(0, 10_000))
def test_text_that_is_all_read_and_written_costs_the_bound_to_the_last_nano(
    said: str, input_rate: int, output_rate: int, limit: int
) -> None:
    prices = [Price("input", input_rate, "list", DAY), Price("output", output_rate, "list", DAY)]
    at = Terms("openai/gpt-4o", "openai", prices, 0, 0)
    request = generation_pb2.GenerateRequest(messages=[user(text(said))])
    usage = usage_pb2.Usage(input_token_count=request.ByteSize() + 16 + 64, output_token_count=limit)
    assert Tariff(prices).cost_usd_nanos(usage) == bound_generation(request, at).usd_nanos(limit)


@given(
    st.builds(
        Bound,
        fixed=st.integers(0, 10**18),
        output_rate=st.integers(0, 10**12),
        choice_count=st.integers(1, 128),
        extra_output_token_count=st.integers(0, 10**6),
        most_output_token_count=st.just(0),
    ),
    st.integers(0, 10**13) | st.integers(0, 10),
)
def test_the_largest_limit_within_an_amount_is_the_exact_inverse(bound: Bound, usd_nanos: int) -> None:
    limit = bound.output_token_count_within(usd_nanos)
    if limit < 0:
        assert limit == -1
        assert bound.usd_nanos(0) > usd_nanos
    else:
        assert bound.usd_nanos(limit) <= usd_nanos
        assert limit == MOST_TOKENS or bound.usd_nanos(limit + 1) > usd_nanos


@given(st.text(max_size=60), st.text(max_size=400))
def test_no_token_of_bytes_is_left_out(said: str, more: str) -> None:
    """Any split of the text is bounded: there are never more pieces than bytes."""
    request = generation_pb2.GenerateRequest(messages=[user(text(said), text(more))])
    assert Input(request, terms()).token_count >= len((said + more).encode("utf-8", "surrogatepass")) + 16 + 64
