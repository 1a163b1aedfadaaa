"""Cost cannot be smuggled past the bound: each way in is refused, or its cost is reserved for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from llmgateway.v1 import embedding_pb2, generation_pb2, message_pb2, rerank_pb2, tool_pb2
from llmgateway_http.openai.chat_request import to_generate_request
from llmgateway_http.openai.errors import RestError
from llmgateway_server.catalog.vendors import load_vendors
from llmgateway_server.dialects.anthropic import options as anthropic
from llmgateway_server.dialects.bedrock import options as bedrock
from llmgateway_server.dialects.codec import Codec
from llmgateway_server.dialects.cohere import options as cohere
from llmgateway_server.dialects.gemini import options as gemini
from llmgateway_server.dialects.mock.options import member_names
from llmgateway_server.dialects.ollama import options as ollama
from llmgateway_server.dialects.openai import options as openai
from llmgateway_server.dialects.parameters import PROBES, asked
from llmgateway_server.dialects.registry import CODECS, make_codec
from llmgateway_server.errors import CallError, PriceUnknown
from llmgateway_server.quota.bound import Bound, Terms, bound_embedding, bound_generation, bound_rerank
from llmgateway_server.quota.free_options import (
    FREE_EMBED_OPTIONS,
    FREE_MESSAGE_MEMBERS,
    FREE_OPTIONS,
    FREE_PART_MEMBERS,
    FREE_RERANK_OPTIONS,
    FREE_TIERS,
    FREE_TOOL_MEMBERS,
    WITHOUT_TIERS,
)
from llmgateway_server.quota.option_rules import ANYTHING, Anything, Either, Matching, Members, OneOf, Plain, Rule

from tests.server.quota.bound_world import AUDIO, CLAUDE, NAMES, TEXT, chat, media, options, terms, text

Request = generation_pb2.GenerateRequest
Part = message_pb2.Part
ProviderPart = message_pb2.ProviderPart

OWN_MEMBERS: Mapping[str, frozenset[str]] = {
    "anthropic": anthropic.OWN_MEMBERS,
    "bedrock": bedrock.OWN_MEMBERS | bedrock.OWN_MODEL_FIELDS,
    "cohere": cohere.OWN_MEMBERS,
    "gemini": gemini.OWN_MEMBERS,
    "mock": frozenset(),
    "ollama": ollama.OWN_MEMBERS,
    "openai": openai.OWN_MEMBERS,
}
# What costs, or may: by whom it is known, with a value that asks for it.
COSTLY: Mapping[str, Mapping[str, Any]] = {
    "openai": {
        "service_tier": "priority",
        "web_search_options": {},
        "plugins": [{"id": "web", "max_results": 100}],
        "models": ["openai/gpt-6-cyber"],
        "route": "fallback",
        "provider": {"max_price": {"prompt": 1000}},
        "preset": "mine",
        "modalities": ["text", "audio"],
        "audio": {"voice": "alloy", "format": "wav"},
        "prediction": {"type": "content", "content": "x", "beam": 9},
        "n": 100,
        "best_of": 100,
        "max_tokens": 10**6,
        "max_completion_tokens": 10**6,
        "n_predict": 10**6,
        "tools": [{"type": "web_search"}],
        "functions": [],
        "store": True,
        "background": True,
        "search_parameters": {"mode": "on"},
        "search_settings": {},
        "compound_custom": {},
        "data_sources": [{"type": "azure_search"}],
        "documents": [{"text": "x"}],
        "safety_model": "Meta-Llama/Llama-Guard-7b",
        "moderation": {"model": "x"},
        "safe_prompt": True,
        "prompt_mode": "reasoning",
        "chat_template": "{% for i in range(10**9) %}x{% endfor %}",
        "chat_template_kwargs": {"thinking_budget": 10**6},
        "thinking_budget": 10**6,
        "thinking_token_budget": 10**6,
        "enable_thinking": True,
        "prompt_cache_options": {"ttl": "12h"},
        "reasoning": {"max_tokens": 10**6},
        "use_beam_search": True,
        "speculation": "x",
        "guardrails": [],
        "mm_processor_kwargs": {"max_pixels": 10**9},
        "extra_body": {"n": 9},
    },
    "anthropic": {
        "service_tier": "priority",
        "speed": "fast",
        "inference_geo": "us",
        "container": {"skills": [{"skill_id": "xlsx"}]},
        "mcp_servers": [{"type": "url", "url": "https://x"}],
        "context_management": {"edits": [{"type": "compact_20260112"}]},
        "betas": ["context-1m-2025-08-07"],
        "cache_control": {"type": "ephemeral", "ttl": "24h"},
        "output_config": {"effort": "max", "task_budget": {"total": 10**6}},
        "tools": [{"type": "web_search_20250305", "name": "web_search"}],
        "max_tokens": 10**6,
        "fallbacks": [{"model": "claude-opus-5"}],
        "fallback_credit_token": "x",
        "compaction": {},
        "thread": {"type": "continue", "previous_message_id": "msg_1"},
        "billing_policy": {"type": "billing_policy", "bill_to": "user_profile"},
        "thinking": {"type": "between_tools"},
    },
    "gemini": {
        "serviceTier": "priority",
        "service_tier": "priority",
        "cachedContent": "cachedContents/x",
        "cached_content": "cachedContents/x",
        "tools": [{"googleSearch": {}}],
        "generationConfig": {"responseModalities": ["IMAGE"]},
        "generation_config": {"candidateCount": 8},
        "enableEnhancedCivicAnswers": True,
        "toolConfig": {"retrievalConfig": {}},
        "modelArmorConfig": {},
    },
    "bedrock": {
        "serviceTier": {"type": "priority"},
        "performanceConfig": {"latency": "optimized"},
        "guardrailConfig": {"guardrailIdentifier": "g"},
        "promptVariables": {"x": {"text": "y"}},
        "additionalModelRequestFields": {"anthropic_beta": ["context-1m-2025-08-07"]},
        "toolConfig": {},
    },
    "cohere": {
        "connectors": [{"id": "web-search"}],
        "tools": [],
        "search_queries_only": False,
        "max_tokens": 10**6,
        "reasoning_effort": "high",
        "raw_prompting": True,
    },
    "ollama": {"system": "x", "raw": True, "web_search": True},
    "mock": {"usage": {"input_token_count": 10**9}, "events": []},
}
# What costs, or may, within a member that is free otherwise: by the path that refuses it.
COSTLY_WITHIN: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "openai": {
        "provider.only[0]": {"provider": {"only": ["openai/fast"]}},
        "provider.only": {"provider": {"only": "google-vertex/priority"}},
        "provider.order[1]": {"provider": {"order": ["openai", "anthropic/fast"]}},
        "provider.order[0]": {"provider": {"order": [5]}},
        "chat_template_kwargs.reasoning_effort": {"chat_template_kwargs": {"reasoning_effort": "x" * 1_000}},
        "chat_template_kwargs.documents": {"chat_template_kwargs": {"documents": []}},
    },
    "anthropic": {
        "thinking.display": {"thinking": {"type": "adaptive", "display": "updates"}},
        "betas[1]": {"betas": ["prompt-caching-2024-07-31", "compact-2026-09-04"]},
    },
    "gemini": {
        "generationConfig.enableEnhancedCivicAnswers": {"generationConfig": {"enableEnhancedCivicAnswers": True}},
        "generationConfig.responseFormat": {"generationConfig": {"responseFormat": []}},
    },
    "bedrock": {
        "additionalModelRequestFields.reasoningConfig.maxReasoningEffort": {
            "additionalModelRequestFields": {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "high"}}
        },
        "additionalModelRequestFields.thinking.type": {
            "additionalModelRequestFields": {"thinking": {"type": "between_tools"}}
        },
    },
}
# What may be sent over REST, with how much more is reserved for it in 1e-9 US dollars: 99 more answers of 100 tokens, and
# the price of words that are spoken.
RESERVED = {"n": 99 * 100 * 10_000, "modalities": 100 * 54_000, "audio": 100 * 54_000}
DIALECTS = sorted(FREE_OPTIONS)


def codec(at: Terms) -> Codec:
    """Return the codec of a vendor, with its own quirks."""
    provider = at.target_id.partition("/")[0]
    vendor = load_vendors().get(provider)
    return make_codec(at.dialect, provider, vendor.quirks if vendor is not None else {})


def outcome(request: Request, at: Terms) -> Bound | None:
    """Return the bound of what is sent; None where the bound or the codec refuses it."""
    try:
        bound = bound_generation(request, at)
        if at.dialect in CODECS:
            codec(at).encode_generate(request, at.target_id.partition("/")[2], stream=False)
    except CallError:
        return None
    return bound


def refusal(request: Request, at: Terms) -> str:
    """Return the path by which a request is refused."""
    with pytest.raises(PriceUnknown) as raised:
        bound_generation(request, at)
    return raised.value.metadata["field"]


@pytest.mark.parametrize(
    ("dialect", "member"), [(dialect, member) for dialect in DIALECTS for member in COSTLY[dialect]]
)
def test_what_costs_is_refused_in_the_options(dialect: str, member: str) -> None:
    request = options(dialect, json.dumps({member: COSTLY[dialect][member]}))
    assert refusal(request, terms(dialect)).startswith(f'provider_options_json["{dialect}"].{member}')
    # Beside what costs nothing, too, and not where another dialect is spoken.
    free = next(name for name in FREE_OPTIONS[dialect] if name != member)
    both = options(dialect, json.dumps({free: None, member: COSTLY[dialect][member]}))
    assert refusal(both, terms(dialect)).startswith(f'provider_options_json["{dialect}"]')
    assert bound_generation(request, terms("cohere" if dialect != "cohere" else "ollama"))


@pytest.mark.parametrize(("dialect", "path"), [(d, path) for d, paths in COSTLY_WITHIN.items() for path in paths])
def test_what_costs_is_refused_within_what_does_not(dialect: str, path: str) -> None:
    request = options(dialect, json.dumps(COSTLY_WITHIN[dialect][path]))
    assert refusal(request, terms(dialect)) == f'provider_options_json["{dialect}"].{path}'


@pytest.mark.parametrize("names", ["openai", ["openai", "google-vertex"], ["Google AI Studio"], [], None])
def test_providers_may_be_named(names: object) -> None:
    request = options("openai", json.dumps({"provider": {"order": names, "only": names}}))
    assert bound_generation(request, terms(target_id="openrouter/openai/gpt-4o"))


@pytest.mark.parametrize("provider", ["openai", "openrouter", "vllm", "azure", "mistral", "xai"])
@pytest.mark.parametrize("member", sorted(COSTLY["openai"]))
def test_what_costs_is_refused_or_reserved_for_in_a_body_over_rest(member: str, provider: str) -> None:
    at = terms(target_id=f"{provider}/gpt-4o", usd=AUDIO)
    body = {"model": "m", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 100}
    plain = bound_generation(to_generate_request(body)[0], at)
    assert plain.output_rate == 10 * 10**9
    if member == "max_completion_tokens":
        del body["max_tokens"]
    try:
        request, _ = to_generate_request({**body, member: COSTLY["openai"][member]})
    except RestError:
        return
    if member in ("max_tokens", "max_completion_tokens"):
        assert request.max_output_token_count == 10**6  # which is reserved for
        return
    if member in ("models", "provider", "route", "functions"):  # the gateway's own preferences, or nothing asked
        assert not request.provider_options_json or outcome(request, at) is None
        return
    bound = outcome(request, at)
    if bound is not None:
        assert member in RESERVED
        assert bound.usd_nanos(100) - plain.usd_nanos(100) >= RESERVED[member]


@pytest.mark.parametrize(
    "suffixed",
    [
        "openrouter/openai/gpt-4o:online",
        "openrouter/openai/gpt-4o:ONLINE",
        "openrouter/openai/gpt-4o:online:nitro",
        "openrouter/perplexity/sonar-pro",
        "perplexity/sonar",
        "openai/gpt-4o-search-preview-2025-03-11",
        "openai/gpt-5-search-api",
        "openai/o4-mini-deep-research",
        "groq/groq/compound",
        "groq/compound-beta-mini",
    ],
)
def test_a_model_that_searches_of_itself_is_refused(suffixed: str) -> None:
    assert refusal(chat(), terms(target_id=suffixed)) == "model"


@pytest.mark.parametrize(
    "name", ["openai/gpt-4o", "openrouter/openai/gpt-4o", "a/research", "a/compounded", "a/x:free"]
)
def test_other_models_are_not(name: str) -> None:
    assert bound_generation(chat(), terms(target_id=name))


@pytest.mark.parametrize("dialect", sorted(NAMES))
@pytest.mark.parametrize(
    "tier", ["priority", "scale", "reserved", "performance", "fast", "ultra", "PRIORITY", "on_demand"]
)
def test_a_dearer_tier_is_refused_or_not_sent(dialect: str, tier: str) -> None:
    request = chat(service_tier=tier, unsupported_policy=generation_pb2.UNSUPPORTED_POLICY_DROP)
    if dialect not in WITHOUT_TIERS:
        assert refusal(request, terms(dialect)) == "service_tier"
    elif dialect != "mock":
        at = terms(dialect)
        assert bound_generation(request, at)
        sent = codec(at).encode_generate(request, at.target_id.partition("/")[2], stream=False)
        assert tier.encode() not in sent.body
        assert tier not in str(sent.headers)


@pytest.mark.parametrize(("dialect", "tier"), [(d, tier) for d, tiers in FREE_TIERS.items() for tier in sorted(tiers)])
def test_other_tiers_pass(dialect: str, tier: str) -> None:
    assert bound_generation(chat(service_tier=tier), terms(dialect)).output_rate == 15 * 10**9


@pytest.mark.parametrize("dialect", sorted(NAMES))
@pytest.mark.parametrize(
    "tool", ["web_search", "web_search_20260318", "googleSearch", "systemTool", "file_search", "bash_1"]
)
def test_tools_of_the_provider_are_refused(dialect: str, tool: str) -> None:
    own = tool_pb2.Tool(provider_tool=tool_pb2.ProviderTool(dialect=dialect, type=tool))
    function = tool_pb2.Tool(function=tool_pb2.FunctionTool(name="f"))
    assert refusal(chat(tools=[function, own]), terms(dialect)) == "tools[1].provider_tool"


def test_a_tool_over_rest_is_one_of_the_provider_s() -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "x"}], "tools": [{"type": "web_search"}]}
    assert refusal(to_generate_request(body)[0], terms()) == "tools[0].provider_tool"


@pytest.mark.parametrize(
    ("dialect", "bag"),
    [
        ("anthropic", '{"type":"web_search_20250305","name":"web_search"}'),
        ("anthropic", '{"allowed_callers":["code_execution_20250825"]}'),
        ("anthropic", '{"cache_control":{"type":"ephemeral","ttl":"24h"}}'),
        ("openai", '{"type":"web_search"}'),
        ("openai", '{"cache_control":{"type":"ephemeral","ttl":"1h"}}'),
        ("gemini", '{"googleSearch":{}}'),
        ("bedrock", '{"x":1}'),
        ("cohere", '{"x":1}'),
    ],
)
def test_a_function_cannot_be_made_a_tool_of_the_provider_s_by_its_bag(dialect: str, bag: str) -> None:
    tool = tool_pb2.Tool(function=tool_pb2.FunctionTool(name="f"), provider_json={dialect: bag})
    assert refusal(chat(tools=[tool]), terms(dialect, CLAUDE)).startswith(f'tools[0].provider_json["{dialect}"]')
    tool = tool_pb2.Tool(function=tool_pb2.FunctionTool(name="f"), provider_json={"other": bag})
    assert bound_generation(chat(tools=[tool]), terms(dialect, CLAUDE))


@pytest.mark.parametrize(
    ("dialect", "bag"),
    [
        ("openai", '{"audio":{"id":"audio_1"}}'),
        ("openai", '{"image_url":{"url":"https://x/y.png"}}'),
        ("openai", '{"images":[{}]}'),
        ("openai", '{"annotations":[{"type":"file","file":{"hash":"h"}}]}'),
        ("openai", '{"annotations":[{"file":{"content":[{"image_url":{"url":"https://x/y.png"}}]}}]}'),
        ("openai", '{"reasoning_details":[{"type":"reasoning.text","image_url":{"url":"https://x/y.png"}}]}'),
        ("openai", '{"extra_content":{"google":{"cached_content":"cachedContents/x"}}}'),
        ("openai", '{"prompt_cache_breakpoint":{"mode":"explicit","ttl":"12h"}}'),
        ("gemini", '{"fileData":{"fileUri":"https://youtu.be/x"}}'),
        ("gemini", '{"videoMetadata":{"fps":60}}'),
        ("gemini", '{"mediaResolution":{"level":"MEDIA_RESOLUTION_LOW","numTokens":1000000}}'),
        ("anthropic", '{"type":"container_upload","file_id":"f"}'),
        ("anthropic", '{"source":{"type":"url","url":"https://x"}}'),
        ("anthropic", '{"citations":{"enabled":true}}'),
        ("bedrock", '{"citations":{"enabled":true}}'),
        ("bedrock", '{"guardContent":{}}'),
        ("cohere", '{"type":"image_url"}'),
        ("ollama", '{"images":["aGk="]}'),
    ],
)
def test_bags_of_messages_and_parts_hold_nothing_that_costs(dialect: str, bag: str) -> None:
    part = text()
    part.provider_json[dialect] = bag
    assert refusal(chat(part), terms(dialect)).startswith(f'messages[0].parts[0].provider_json["{dialect}"]')
    request = chat()
    request.messages[0].provider_json[dialect] = bag
    assert refusal(request, terms(dialect)).startswith(f'messages[0].provider_json["{dialect}"]')


@pytest.mark.parametrize(
    ("dialect", "block"),
    [
        ("openai", '{"type":"file","file":{"file_id":"f"}}'),
        ("openai", '{"type":"input_audio","input_audio":{}}'),
        ("openai", '{"type":"image_url","image_url":{"url":"https://x"}}'),
        ("anthropic", '{"type":"container_upload","file_id":"f"}'),
        ("anthropic", '{"type":"document","source":{"type":"file","file_id":"f"}}'),
        ("anthropic", '{"type":"search_result","source":{"type":"url"}}'),
        ("anthropic", '{"type":"search_result","content":[{"type":"image","source":{}}]}'),
        ("anthropic", '{"type":"search_result","citations":{"enabled":true}}'),
        ("anthropic", '{"type":["search_result"]}'),
        ("gemini", '{"fileData":{"fileUri":"https://youtu.be/x"}}'),
        ("bedrock", '{"video":{"source":{"s3Location":{}}}}'),
        ("bedrock", '{"cachePoint":{"type":"default"},"video":{}}'),
        ("bedrock", "{}"),
        ("cohere", '{"type":"image_url"}'),
        ("llmgateway", '{"type":"text"}'),
    ],
)
def test_blocks_of_the_provider_s_own_are_refused(dialect: str, block: str) -> None:
    # What a block says of itself outside does not count.
    part = Part(provider_part=ProviderPart(dialect=dialect, type="search_result", json=block))
    assert refusal(chat(part), terms(dialect)).startswith("messages[0].parts[0].provider_part")
    other = Part(provider_part=ProviderPart(dialect="another", json=block))
    assert dialect == "llmgateway" or bound_generation(chat(other), terms(dialect))


def test_texts_of_the_provider_s_own_are_counted() -> None:
    block = '{"type":"search_result","source":"s","title":"t","content":[{"type":"text","text":"%s"}]}' % ("x" * 1_000)
    part = Part(provider_part=ProviderPart(dialect="anthropic", json=block))
    plain, more = bound_generation(chat(), terms("anthropic")), bound_generation(chat(part), terms("anthropic"))
    assert more.fixed - plain.fixed >= 1_000 * 3 * 10**9


def test_another_gateway_is_sent_every_bag_and_so_each_is_looked_at() -> None:
    at = terms("llmgateway")
    assert refusal(options("openai", '{"web_search_options":{}}'), at).startswith('provider_options_json["openai"]')
    assert refusal(options("unheard-of", '{"x":1}'), at) == 'provider_options_json["unheard-of"].x'
    assert bound_generation(options("openai", '{"verbosity":"low"}'), at)
    assert refusal(chat(service_tier="flex"), at) == "service_tier"
    assert refusal(chat(Part(provider_part=ProviderPart(dialect="openai", json='{"type":"file"}'))), at)
    long = chat(Part(text="x" * 500))
    assert bound_generation(options("anthropic", '{"stop_sequences":["%s"]}' % ("x" * 500)), at).fixed > (
        bound_generation(long, at).fixed
    )


def sample(rule: Rule) -> Any:  # Any: JSON
    """Return a value that a rule allows."""
    if isinstance(rule, Either):
        return sample(rule.rules[0])
    if isinstance(rule, Members):
        return {name: sample(inner) for name, inner in rule.rules.items()}
    if isinstance(rule, OneOf):
        return next((value for value in sorted(rule.values, key=str) if value is not None), None)
    if isinstance(rule, Matching):
        return "openai"
    assert isinstance(rule, Plain | Anything)
    return 1


@pytest.mark.parametrize(("dialect", "member"), [(d, member) for d in DIALECTS for member in sorted(FREE_OPTIONS[d])])
def test_what_costs_nothing_passes(dialect: str, member: str) -> None:
    """And is not the gateway's own, which no caller could send at all."""
    rule = FREE_OPTIONS[dialect][member]
    assert bound_generation(options(dialect, json.dumps({member: sample(rule)})), terms(dialect, CLAUDE))
    assert member not in OWN_MEMBERS[dialect] or (dialect, member) == ("openai", "provider")


@pytest.mark.parametrize("dialect", sorted({*FREE_MESSAGE_MEMBERS, *FREE_PART_MEMBERS, *FREE_TOOL_MEMBERS}))
def test_what_costs_nothing_passes_with_messages_parts_and_tools(dialect: str) -> None:
    tool = tool_pb2.Tool(function=tool_pb2.FunctionTool(name="f"))
    request = chat(text(), tools=[tool])
    holders = (
        (request.messages[0], FREE_MESSAGE_MEMBERS),
        (request.messages[0].parts[0], FREE_PART_MEMBERS),
        (request.tools[0], FREE_TOOL_MEMBERS),
    )
    for holder, rules in holders:
        bag = {name: sample(rule) for name, rule in rules.get(dialect, {}).items()}
        holder.provider_json[dialect] = json.dumps(bag)
    assert bound_generation(request, terms(dialect, CLAUDE))


@pytest.mark.parametrize("dialect", DIALECTS)
def test_no_member_of_any_dialect_passes_in_another_by_chance(dialect: str) -> None:
    """Every name that the gateway knows of is refused unless it stands in the list of this very dialect."""
    names = {name for own in OWN_MEMBERS.values() for name in own} | set(member_names())
    names |= {name for rules in (FREE_OPTIONS, COSTLY) for members in rules.values() for name in members}
    names |= {path.rpartition(".")[2] for path in PROBES} | {"__proto__", "", " model", "Model", "thinkingConfig"}
    for name in sorted(names - FREE_OPTIONS[dialect].keys()):
        path = refusal(options(dialect, json.dumps({name: 1})), terms(dialect))
        assert path == f'provider_options_json["{dialect}"].{name}'


@given(st.sampled_from(DIALECTS), st.text(max_size=20), st.integers() | st.text(max_size=5) | st.none())
def test_no_unknown_member_passes(dialect: str, name: str, value: object) -> None:
    if name not in FREE_OPTIONS[dialect]:
        assert refusal(options(dialect, json.dumps({name: value})), terms(dialect))


@given(st.sampled_from(DIALECTS), st.data())
def test_no_unknown_member_passes_within_a_known_one(dialect: str, data: st.DataObject) -> None:
    nested = {name: rule for name, rule in FREE_OPTIONS[dialect].items() if rule != ANYTHING}
    if nested:
        name = data.draw(st.sampled_from(sorted(nested)))
        json_text = json.dumps({name: {"unheard_of": 1}})
        assert refusal(options(dialect, json_text), terms(dialect)).startswith(
            f'provider_options_json["{dialect}"].{name}'
        )


def test_each_dialect_has_its_lists() -> None:
    assert set(FREE_OPTIONS) == {*CODECS, "mock"} == set(OWN_MEMBERS) == set(COSTLY)
    assert set(FREE_OPTIONS["mock"]) | {"events"} == set(member_names())


@pytest.mark.parametrize("dialect", sorted(CODECS))
@pytest.mark.parametrize("path", sorted(PROBES))
def test_every_parameter_is_refused_or_bounded(dialect: str, path: str) -> None:
    """Each parameter that a codec sends is bounded, or has no price here; the table below says how."""
    for probe in PROBES[path]:
        bound = outcome(asked(probe), terms(dialect))
        if bound is not None:
            assert bound.choice_count == (2 if path == "candidate_count" else 1)
            assert not probe.output_modalities
            assert bound.fixed >= (asked(probe).ByteSize() + 80) * 3 * 10**9


# What the bound makes of each field of a request and of its parts. A field that is new has no row, and fails here.
COUNTED, UNSENT, PRICED, REFUSED, LIMIT = "its bytes", "not sent", "its price", "unless free", "the limit"
DECISIONS: Mapping[Any, Mapping[str, str]] = {  # Any: a message's class
    Request: {
        "model": REFUSED,  # by the target's name: models that search
        "messages": COUNTED,
        "raw_prompt": COUNTED,
        "tools": REFUSED,
        "tool_choice": COUNTED,
        "sampling": COUNTED,
        "max_output_token_count": LIMIT,
        "output_format": COUNTED,
        "reasoning": LIMIT,
        "candidate_count": PRICED,
        "top_logprob_count": COUNTED,
        "cache_policy": UNSENT,
        "labels": UNSENT,
        "end_user_id": COUNTED,
        "provider_options_json": REFUSED,
        "idempotency_key": UNSENT,
        "prompt_cache": PRICED,
        "service_tier": REFUSED,
        "output_modalities": PRICED,
        "audio": COUNTED,
        "routing": UNSENT,
        "unsupported_policy": UNSENT,
        "max_cost_usd_nanos": UNSENT,
        "heartbeat_interval": UNSENT,
    },
    message_pb2.ChatMessage: {"role": COUNTED, "parts": COUNTED, "name": COUNTED, "provider_json": REFUSED},
    Part: {
        "text": COUNTED,
        "media": PRICED,
        "reasoning": COUNTED,
        "tool_call": COUNTED,
        "tool_result": COUNTED,
        "refusal": COUNTED,
        "provider_part": REFUSED,
        "item_id": PRICED,
        "signature": COUNTED,
        "annotations": COUNTED,
        "logprobs": UNSENT,
        "cache_breakpoint": PRICED,
        "provider_json": REFUSED,
    },
    message_pb2.Media: {
        "mime_type": PRICED,
        "data": PRICED,
        "uri": PRICED,
        "file_id": PRICED,
        "file_name": COUNTED,
        "detail": PRICED,  # the bound of an image is that of its closest look
        "transcript": UNSENT,
        "expire_time": UNSENT,
    },
    tool_pb2.Tool: {
        "function": COUNTED,
        "custom": COUNTED,
        "provider_tool": REFUSED,
        "cache_breakpoint": PRICED,
        "provider_json": REFUSED,
    },
    generation_pb2.RawPrompt: {"text": COUNTED, "token_ids": COUNTED, "suffix": COUNTED, "echo": PRICED},
    generation_pb2.PromptCacheOptions: {"key": COUNTED, "ttl": PRICED},
    embedding_pb2.EmbedRequest: {
        "model": UNSENT,
        "inputs": COUNTED,
        "dimension_count": UNSENT,
        "input_type": COUNTED,
        "encoding": UNSENT,
        "truncate": UNSENT,
        "cache_policy": UNSENT,
        "labels": UNSENT,
        "end_user_id": UNSENT,
        "provider_options_json": REFUSED,
        "idempotency_key": UNSENT,
    },
    embedding_pb2.EmbedInput: {"text": COUNTED, "token_ids": COUNTED, "media": PRICED},
    rerank_pb2.RerankRequest: {
        "model": UNSENT,
        "query": COUNTED,
        "documents": COUNTED,
        "result_count": UNSENT,
        "max_document_token_count": LIMIT,
        "labels": UNSENT,
        "provider_options_json": REFUSED,
        "idempotency_key": UNSENT,
    },
}


@pytest.mark.parametrize("message", DECISIONS, ids=lambda message: message.DESCRIPTOR.name)
def test_every_field_is_decided_on(message: Any) -> None:  # Any: a message's class
    assert set(message.DESCRIPTOR.fields_by_name) == set(DECISIONS[message])


@pytest.mark.parametrize("dialect", sorted(FREE_EMBED_OPTIONS))
def test_options_of_an_embedding_are_refused_unless_free(dialect: str) -> None:
    def embed(bag: Mapping[str, Any]) -> int:
        inputs = [embedding_pb2.EmbedInput(text="x")]
        request = embedding_pb2.EmbedRequest(inputs=inputs, provider_options_json={dialect: json.dumps(bag)})
        return bound_embedding(request, terms(dialect))

    assert embed({name: sample(rule) for name, rule in FREE_EMBED_OPTIONS[dialect].items()}) > 0
    media = {"documentOcr", "audioTrackExtraction", "modality", "x"}
    for name in ({*OWN_MEMBERS[dialect], *COSTLY[dialect], *media}) - FREE_EMBED_OPTIONS[dialect].keys():
        with pytest.raises(PriceUnknown):
            embed({name: 1})


def test_options_of_a_ranking_are_refused_unless_free() -> None:
    for name in (*FREE_RERANK_OPTIONS["cohere"], "max_chunks_per_doc", "documents", "relevant_spans"):
        request = rerank_pb2.RerankRequest(
            query="q", documents=["x"], provider_options_json={"cohere": f'{{"{name}":1}}'}
        )
        if name in FREE_RERANK_OPTIONS["cohere"]:
            assert bound_rerank(request, terms("cohere", {"search_unit": 2_000})) > 0
        else:
            with pytest.raises(PriceUnknown):
                bound_rerank(request, terms("cohere", {"search_unit": 2_000}))


def test_audio_as_a_text_document_is_not_believed_where_it_is_fetched() -> None:
    part = media("text/plain", uri="https://x/film.mp4")
    assert (
        bound_generation(chat(part), terms("gemini", {**TEXT, "audio_input": 9}, context=100)).fixed == 100 * 9 * 10**9
    )
