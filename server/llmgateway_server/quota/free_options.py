"""Members of a caller's own JSON that cost nothing, by dialect: of options, and of what comes with messages and tools.

All else is refused where a cost quota applies. A row is added once its provider's documentation says that the member
has no price of its own and makes a call neither read what was not sent, nor write beyond its output limit. What is sent
by such a member is counted as input, byte by byte.

Of the pages named, Anthropic's on prices and data residency and OpenRouter's on web search were read as stored copies
on 2026-12-01. The other rows are what is commonly known of the APIs, without a date: they were not looked up again.
"""

from __future__ import annotations

from collections.abc import Mapping

from llmgateway_server.quota.option_rules import ANYTHING, PLAIN, Either, Members, Rule, one_of, plain

# Tiers that are the standard price or below it.
#
# openai: "Flex processing", "Priority processing": flex is below, priority above the standard; `auto` is what is served
#   where nothing is asked, so the price that the operator knows. anthropic: "Service tiers": `auto` uses what was
#   bought beforehand, else the standard. bedrock: "Service tiers for optimizing performance and cost": priority is
#   dearer, reserved is bought by the month. gemini: "Flex inference", "Priority inference".
FREE_TIERS: Mapping[str, frozenset[str]] = {
    "anthropic": frozenset({"auto", "standard_only"}),
    "bedrock": frozenset({"default", "flex"}),
    "gemini": frozenset({"flex", "standard"}),
    "openai": frozenset({"auto", "default", "flex"}),
}
# These are sent no tier.
WITHOUT_TIERS = frozenset({"cohere", "mock", "ollama"})

SAMPLING = plain(
    "temperature", "top_p", "top_k", "min_p", "top_a", "frequency_penalty", "presence_penalty", "repetition_penalty",
    "seed", "stop", "stop_token_ids", "logit_bias", "logprobs", "top_logprobs",
)  # fmt: skip

# "Create chat completion", and what servers of the same format add to it: vLLM, "OpenAI-compatible server"; llama.cpp's
# server; OpenRouter, "Parameters", "Provider routing", "Reasoning tokens". Not here, among others:
# `web_search_options`, `plugins`, `models` and `route` (another model's price), `search_parameters`, `data_sources`,
# `safety_model`, `chat_template` (writes a prompt of any length), `safe_prompt` and `prompt_mode` (write one of their
# own), `n_predict` and `thinking_budget` (write beyond the limit), `provider.max_price` (the gateway's own to set).
OPENAI: Mapping[str, Rule] = {
    **SAMPLING,
    **plain(
        "verbosity", "safety_identifier", "prompt_cache_key", "reasoning_effort", "parallel_tool_calls", "random_seed",
        "length_penalty", "min_tokens", "ignore_eos", "skip_special_tokens", "spaces_between_special_tokens",
        "include_stop_str_in_output", "bad_words", "cache_salt", "include_reasoning", "reasoning_format",
        "reasoning_split", "enable_thinking", "typical_p", "tfs_z", "mirostat", "mirostat_tau", "mirostat_eta",
        "cache_prompt", "guided_regex", "guided_choice", "guided_grammar", "grammar",
    ),
    "logit_bias": ANYTHING,
    "prompt_cache_retention": one_of("in_memory", "in-memory", "24h", None),
    "service_tier": one_of(*FREE_TIERS["openai"], None),
    "modalities": one_of("text", None),
    "reasoning": Members(plain("effort", "exclude", "enabled", "summary")),
    "thinking": Members(plain("type")),
    "chat_template_kwargs": Members(plain("enable_thinking", "thinking", "reasoning_effort")),
    "prediction": Members(
        {
            "type": one_of("content"),
            "content": Either((PLAIN, Members({"type": one_of("text"), "text": PLAIN}))),
        }
    ),
    "provider": Members(
        plain(
            "order", "only", "ignore", "allow_fallbacks", "require_parameters", "data_collection", "zdr",
            "quantizations", "sort", "enforce_distillable_text",
        )
    ),
    "transforms": one_of("middle-out", None),
    "usage": Members(plain("include")),
}  # fmt: skip

CACHE_CONTROL = Members({"type": one_of("ephemeral"), "ttl": one_of("5m", "1h", None)})
SHORT_CACHE_CONTROL = Members({"type": one_of("ephemeral"), "ttl": one_of("5m", None)})
# Beta features that add no tokens and no price. Not here: longer contexts and outputs, thinking between calls beyond
# the limit, tools that run at the provider.
FREE_BETAS = one_of(
    "context-management-2025-06-27", "extended-cache-ttl-2025-04-11", "fine-grained-tool-streaming-2025-05-14",
    "prompt-caching-2024-07-31", "structured-outputs-2025-11-13",
)  # fmt: skip
THINKING = Members(plain("type", "budget_tokens", "display"))
# "Create a Message", "Pricing": `speed: fast` is 6 times, `inference_geo: us` 1.1 times as dear; compaction reads and
# writes anew; containers and MCP servers run tools.
ANTHROPIC: Mapping[str, Rule] = {
    **plain("temperature", "top_p", "top_k", "stop_sequences"),
    "thinking": THINKING,
    "output_config": Members(plain("effort")),
    "service_tier": one_of(*FREE_TIERS["anthropic"], None),
    "inference_geo": one_of("global", None),
    "speed": one_of("standard", None),
    "cache_control": CACHE_CONTROL,
    "betas": FREE_BETAS,
    "context_management": Members(
        {
            "edits": Members(
                {
                    "type": one_of("clear_tool_uses_20250919", "clear_thinking_20251015"),
                    "trigger": ANYTHING,
                    "keep": ANYTHING,
                    "clear_at_least": ANYTHING,
                    **plain("exclude_tools", "clear_tool_inputs"),
                }
            )
        }
    ),
}  # fmt: skip

GEMINI_THINKING = Members(plain("thinkingBudget", "thinkingLevel", "includeThoughts"))
# "GenerateContentRequest", "GenerationConfig". Not here: `cachedContent` (of any size), `responseModalities` but text.
GEMINI: Mapping[str, Rule] = {
    "safetySettings": Members(plain("category", "threshold", "method")),
    "generationConfig": Members(
        {
            **plain(
                "temperature", "topP", "topK", "seed", "stopSequences", "presencePenalty", "frequencyPenalty",
                "responseLogprobs", "logprobs", "responseMimeType", "enableEnhancedCivicAnswers", "mediaResolution",
            ),
            "thinkingConfig": GEMINI_THINKING,
            "responseModalities": one_of("TEXT", None),
        }
    ),
    "serviceTier": one_of(*FREE_TIERS["gemini"], None),
}  # fmt: skip

# "Converse". Guardrails are charged by the text, the latency `optimized` is dearer, `promptVariables` belong to prompts
# that lie at Amazon.
BEDROCK: Mapping[str, Rule] = {
    "additionalModelResponseFieldPaths": PLAIN,
    "requestMetadata": ANYTHING,
    "performanceConfig": Members({"latency": one_of("standard")}),
    "serviceTier": Members({"type": one_of(*FREE_TIERS["bedrock"])}),
    "outputConfig": Members(plain("effort")),
    "additionalModelRequestFields": Members(
        {
            **plain(
                "top_k", "k", "temperature", "top_p", "min_p", "frequency_penalty", "presence_penalty", "seed",
                "reasoning_effort",
            ),
            "thinking": THINKING,
            "reasoningConfig": Members(plain("type", "maxReasoningEffort")),
            "inferenceConfig": Members(plain("topK")),
            "anthropic_beta": FREE_BETAS,
        }
    ),
}  # fmt: skip

# "Chat": documents are input like any other.
COHERE: Mapping[str, Rule] = {
    **plain(
        "temperature", "p", "k", "seed", "frequency_penalty", "presence_penalty", "stop_sequences", "logprobs",
        "safety_mode", "priority", "reasoning_effort", "raw_prompting",
    ),
    "documents": ANYTHING,
    "citation_options": Members(plain("mode")),
    "thinking": Members(plain("type", "token_budget")),
}  # fmt: skip

# "Generate a chat message": it runs on one's own machine, or by the month; the gateway keeps the limit to itself.
OLLAMA: Mapping[str, Rule] = {
    **plain("keep_alive", "think", "truncate", "shift", "logprobs", "top_logprobs"),
    "format": ANYTHING,
    "options": ANYTHING,
}

# The script of a pretended answer. `usage` and `events` are not here: they say what is charged.
MOCK: Mapping[str, Rule] = dict.fromkeys(
    (
        "text", "text_token_count", "reasoning", "refusal", "tool_calls", "json", "latency", "tokens_per_second", "gap",
        "error", "cut_after_token_count", "finish_reason",
    ),
    ANYTHING,
)  # fmt: skip

FREE_OPTIONS: Mapping[str, Mapping[str, Rule]] = {
    "anthropic": ANTHROPIC,
    "bedrock": BEDROCK,
    "cohere": COHERE,
    "gemini": GEMINI,
    "mock": {**MOCK, "usage": one_of(None)},
    "ollama": OLLAMA,
    "openai": OPENAI,
}

# "Embed", "Create embeddings" and the like; and "Rerank". Kinds of vectors cost nothing, and nothing is written.
FREE_EMBED_OPTIONS: Mapping[str, Mapping[str, Rule]] = {
    "bedrock": plain("normalize", "embeddingTypes", "embedding_types", "input_type", "truncate", "output_dimension"),
    "cohere": plain("embedding_types", "output_dimension", "truncate", "max_tokens", "priority"),
    "gemini": {
        **plain("taskType", "title", "outputDimensionality", "autoTruncate"),
        "parameters": Members(plain("outputDimensionality", "autoTruncate")),
    },
    "mock": dict.fromkeys(("latency", "error"), ANYTHING),
    "ollama": {**plain("keep_alive", "truncate", "dimensions"), "options": ANYTHING},
    "openai": plain("dimensions", "encoding_format", "truncate_prompt_tokens", "output_dtype", "input_type"),
}
FREE_RERANK_OPTIONS: Mapping[str, Mapping[str, Rule]] = {"cohere": plain("priority", "return_documents")}

# What an answer came with and goes back with. Not `enabled`: documents are then cut into pieces, each with a frame.
CITATIONS = Members({"title": PLAIN, "source": PLAIN, "sourceContent": ANYTHING, "location": ANYTHING})
# What may come with a message, with a part of one, and with a tool. These are merged under what the contract says
# itself, so that a text stays a text. `cache_control` marks what is to be cached, and is priced so.
FREE_MESSAGE_MEMBERS: Mapping[str, Mapping[str, Rule]] = {
    "openai": {
        **plain("prefix", "reasoning", "reasoning_content"),
        "annotations": ANYTHING,
        "reasoning_details": ANYTHING,
    },
}
FREE_PART_MEMBERS: Mapping[str, Mapping[str, Rule]] = {
    "anthropic": {"cache_control": CACHE_CONTROL, **plain("title", "context")},
    "bedrock": {"citations": CITATIONS, "context": PLAIN},
    "cohere": {"type": one_of("thinking")},
    "gemini": {"partMetadata": ANYTHING, "mediaResolution": ANYTHING, "thought": PLAIN},
    "ollama": {"function": Members(plain("index"))},
    "openai": {"cache_control": SHORT_CACHE_CONTROL, "extra_content": ANYTHING, "index": PLAIN},
}
FREE_TOOL_MEMBERS: Mapping[str, Mapping[str, Rule]] = {
    "anthropic": {
        "cache_control": CACHE_CONTROL,
        **plain("defer_loading", "eager_input_streaming", "strict"),
        "input_examples": ANYTHING,
    },
    "openai": {"cache_control": SHORT_CACHE_CONTROL},
}
# Blocks of a provider's own that hold texts alone: by `type`, or by the one member that the block is.
FREE_BLOCKS: Mapping[str, Mapping[str, Mapping[str, Rule]]] = {
    "anthropic": {
        "search_result": {
            **plain("type", "source", "title"),
            "content": Members({"type": one_of("text"), "text": PLAIN}),
            "cache_control": CACHE_CONTROL,
        },
    },
    "bedrock": {"cachePoint": {"cachePoint": Members({"type": PLAIN, "ttl": one_of("5m", "1h", None)})}},
    "cohere": {"document": {"type": PLAIN, "document": ANYTHING}},
}
