"""Members of a caller's own JSON that cost nothing, by dialect: of options, and of what comes with messages and tools.

All else is refused where a cost quota applies. A row is added once its provider's documentation says that the member
has no price of its own and makes a call neither read what was not sent, nor write beyond its output limit. What is sent
by such a member is counted as input, byte by byte.

Every row was looked up on 2026-12-01: in the request types of the providers' own clients (openai 3.57.0, anthropic
2.14.0, google-genai 3.6.1, cohere 7.3.1, mistralai 3.7.0, ollama 0.6.3, botocore 1.44.8) and in stored copies of the
pages and files named below. Such a type says that a member is there and what it does; few pages say in so many words
that something is free. What was not found says so, and stays only where nothing known of it adds tokens beyond those
that are bounded, or chooses a price.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from llmgateway_server.quota.option_rules import ANYTHING, PLAIN, Either, Matching, Members, Rule, one_of, plain

# Tiers that are the standard price or below it. `auto` is what is served where nothing is asked, so the price that the
# operator knows.
#
# openai: `CompletionCreateParams.service_tier`; `fast` is the new name of `priority` ("Fast mode"). Groq, "Service
#   tiers" and "Flex processing": flex costs the same, `auto` may take capacity that is bought, not paid by the token.
#   OpenRouter, "Service tiers": flex is served at the standard price where there is none. Fireworks, "Serverless
#   modes": `priority` is dearer.
# anthropic: "Service tiers": `auto` uses what was bought beforehand, else the standard.
# bedrock: botocore, `ServiceTierType`; "Service tiers for optimizing performance and cost": priority is dearer, flex
#   cheaper. Of reserved it says nothing there: that it is bought by the month is from memory.
# gemini: google-genai, `ServiceTier`; "Gemini API optimization and inference": flex is half, priority 1.75 to 2 times
#   the standard.
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

# A provider's name without what may follow it: `openai/fast` and `google-vertex/priority` are dearer tiers, others are
# regions or faster variants (OpenRouter, "Service tiers", "Provider routing"). The `max_price` that the gateway sends
# bounds what tokens cost there, but says nothing of writing to a cache.
PROVIDER_NAMES = Matching(re.compile(r"[\w. -]+"))
# Sampling and OpenAI's own: openai, `CompletionCreateParams`. That a prompt kept for 24 hours costs no more: Azure,
#   "Prompt caching"; that writing it may: OpenAI, "Prompt caching", from GPT-5.6 on, asked or not. `in-memory` is how
#   the page once spelt it.
# `min_p`, `top_a`, `repetition_penalty`, `include_reasoning`, `reasoning`, `provider`: OpenRouter, "Parameters",
#   "Reasoning tokens", "Provider routing", its OpenAPI file. `usage`: "Usage accounting", without effect by now.
#   `transforms`, which drops parts of a prompt, became a plugin ("Message transforms") and is in none of its own pages
#   any more. Who may be chosen by all but a name is bounded by the gateway's own `max_price`.
# `stop_token_ids`, `length_penalty`, `min_tokens`, `ignore_eos`, `bad_words`, `cache_salt`, `skip_special_tokens` and
#   those after it, `chat_template_kwargs`: vLLM, chat_completion/protocol.py; `guided_*`: vLLM until 2025, by others'
#   copies of that file. `typical_p`, `mirostat*`, `cache_prompt`, `grammar`: llama.cpp, tools/server/README.md.
# `random_seed`: Mistral, `ChatCompletionRequest`. `reasoning_format`: Groq, "Reasoning". `reasoning_split`: MiniMax,
#   by what others write of it alone: it moves thoughts within an answer. `thinking`: DeepSeek, "Thinking mode".
#
# Not here, among others: `web_search_options`, `plugins`, `models` and `route` (another model's price),
# `search_parameters`, `data_sources`, `safety_model`, `moderation`, `chat_template` (writes a prompt of any length),
# `safe_prompt` and `prompt_mode` (write one of their own), `n_predict` and `thinking_budget` (write beyond the limit),
# `enable_thinking` (docs.siliconflow.cn, chat-completions-post: its `max_tokens` leaves out thoughts; what Alibaba
# takes for them was not found), `prompt_cache_options` (keeps a prompt for longer), `provider.max_price` (the gateway's
# own to set). Where a server's limit leaves out thoughts, as SiliconFlow's does, no member here makes the bound hold.
OPENAI: Mapping[str, Rule] = {
    **SAMPLING,
    **plain(
        "verbosity", "safety_identifier", "prompt_cache_key", "reasoning_effort", "parallel_tool_calls", "random_seed",
        "length_penalty", "min_tokens", "ignore_eos", "skip_special_tokens", "spaces_between_special_tokens",
        "include_stop_str_in_output", "bad_words", "cache_salt", "include_reasoning", "reasoning_format",
        "reasoning_split", "typical_p", "mirostat", "mirostat_tau", "mirostat_eta", "cache_prompt", "guided_regex",
        "guided_choice", "guided_grammar", "grammar",
    ),
    "logit_bias": ANYTHING,
    "prompt_cache_retention": one_of("in_memory", "in-memory", "24h", None),
    "service_tier": one_of(*FREE_TIERS["openai"], None),
    "modalities": one_of("text", None),
    "reasoning": Members(plain("effort", "exclude", "enabled", "summary")),
    "thinking": Members(plain("type")),
    # A template may write a word more than once, so only words that it knows.
    "chat_template_kwargs": Members(
        {
            **plain("enable_thinking", "thinking"),
            "reasoning_effort": one_of("none", "minimal", "low", "medium", "high", "xhigh", "max", None),
        }
    ),
    "prediction": Members(
        {
            "type": one_of("content"),
            "content": Either((PLAIN, Members({"type": one_of("text"), "text": PLAIN}))),
        }
    ),
    "provider": Members(
        {
            "order": PROVIDER_NAMES,
            "only": PROVIDER_NAMES,
            **plain(
                "ignore", "allow_fallbacks", "require_parameters", "data_collection", "zdr", "quantizations", "sort",
                "enforce_distillable_text",
            ),
        }
    ),
    "transforms": one_of("middle-out", None),
    "usage": Members(plain("include")),
}  # fmt: skip

CACHE_CONTROL = Members({"type": one_of("ephemeral"), "ttl": one_of("5m", "1h", None)})
SHORT_CACHE_CONTROL = Members({"type": one_of("ephemeral"), "ttl": one_of("5m", None)})
# Beta features that add no tokens and no price: anthropic, `AnthropicBetaParam`; "Context editing": what is cleared
# leaves a few words in its place; "Fine-grained tool streaming", which needs its name no more. Not here: longer
# contexts and outputs, thinking between calls beyond the limit, tools that run at the provider, compaction, other
# models, threads, updates on thinking.
FREE_BETAS = one_of(
    "context-management-2025-06-27", "extended-cache-ttl-2025-04-11", "fine-grained-tool-streaming-2025-05-14",
    "prompt-caching-2024-07-31", "structured-outputs-2025-11-13",
)  # fmt: skip
# anthropic, `BetaThinkingConfigParam`: thoughts of these types count towards `max_tokens`, and are paid for whether
# shown or not (OpenRouter, "Reasoning tokens", of Claude). Of `between_tools`, and of `display: updates`, no page was
# found.
THINKING = Members(
    {
        "type": one_of("enabled", "disabled", "adaptive", None),
        "budget_tokens": PLAIN,
        "display": one_of("summarized", "omitted", None),
    }
)
# anthropic, beta `MessageCreateParams` and what it refers to; "Pricing": `speed: fast` is up to 6 times,
# `inference_geo: us` 1.1 times as dear; compaction reads and writes anew; containers and MCP servers run tools;
# `fallbacks` choose another model, `billing_policy` who pays, `thread` what was said before.
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
# google-genai, `GenerateContentConfig`, `GenerationConfig`, `ThinkingConfig`, `SafetySetting`. That the output limit
# holds for thoughts, too, was seen by others (googleapis/python-genai, issue 2062), and found in no page of Google's.
# The bound of an image is that of the highest `mediaResolution` (`media_tokens.py`). Not here: `cachedContent` (of any
# size), `responseModalities` but text, `enableEnhancedCivicAnswers` (nothing says what it reads).
GEMINI: Mapping[str, Rule] = {
    "safetySettings": Members(plain("category", "threshold", "method")),
    "generationConfig": Members(
        {
            **plain(
                "temperature", "topP", "topK", "seed", "stopSequences", "presencePenalty", "frequencyPenalty",
                "responseLogprobs", "logprobs", "responseMimeType", "mediaResolution",
            ),
            "thinkingConfig": GEMINI_THINKING,
            "responseModalities": one_of("TEXT", None),
        }
    ),
    "serviceTier": one_of(*FREE_TIERS["gemini"], None),
}  # fmt: skip

# botocore, bedrock-runtime, `ConverseRequest` and what it refers to. Guardrails are charged by the text, the latency
# `optimized` is dearer (both from memory), `promptVariables` belong to prompts that lie at Amazon. The models' own
# fields: Anthropic's as above, `inferenceConfig.topK` ("Troubleshooting tool calls" of Nova), `reasoningConfig`
# ("Extended thinking in Amazon Nova 2"; "Reasoning capabilities": thoughts are charged). Its `high` is left out: it
# goes with no output limit at all (UKGovernmentBEIS/inspect_ai, issue 3767). `k` is Cohere's and the rest OpenAI's, as
# above; of what Bedrock itself says of these, no page was found.
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
            "reasoningConfig": Members({"type": PLAIN, "maxReasoningEffort": one_of("low", "medium", None)}),
            "inferenceConfig": Members(plain("topK")),
            "anthropic_beta": FREE_BETAS,
        }
    ),
}  # fmt: skip

# cohere, `V2Client.chat`, `CitationOptions`, `Thinking`: documents are input like any other; `priority` is a place in
# the queue, without a price; `safety_mode` chooses words that are sent in any case; thinking is on unless it is turned
# off. That `max_tokens` bounds thoughts, too, was found nowhere in so many words. Not here: `reasoning_effort`, which
# version 2 does not have, and `raw_prompting`, which is of version 1.
COHERE: Mapping[str, Rule] = {
    **plain(
        "temperature", "p", "k", "seed", "frequency_penalty", "presence_penalty", "stop_sequences", "logprobs",
        "safety_mode", "priority",
    ),
    "documents": ANYTHING,
    "citation_options": Members(plain("mode")),
    "thinking": Members(plain("type", "token_budget")),
}  # fmt: skip

# ollama, `ChatRequest`, `Options`; `truncate` and `shift` were not found for a chat. It runs on one's own machine, or
# by the month (from memory); the gateway keeps the limit to itself.
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

# Kinds of vectors have no price in any of these, and nothing is written.
#
# bedrock: "Amazon Titan Embeddings": `normalize`, `embeddingTypes`; the rest is Cohere's. cohere: `V2Client.embed`.
# gemini: google-genai, `EmbedContentConfig`; "TextEmbeddingPredictionParams" of Vertex AI. Not here: `documentOcr`,
#   `audioTrackExtraction`, which read more of a medium.
# ollama: `EmbedRequest`. openai: `EmbeddingCreateParams`; `output_dtype`: Mistral, `EmbeddingRequest`; `input_type`:
#   NVIDIA, "NeMo Retriever Embedding NIM" (Voyage writes a short prompt by it); `truncate_prompt_tokens`: vLLM.
# Ranking: cohere, `V2Client.rerank`; `return_documents` is of version 1. Not here: `relevant_spans`, of no known price.
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

# What an answer came with and goes back with: botocore, `Citation`. Not `enabled`: documents are then cut into pieces,
# each with a frame.
CITATIONS = Members({"title": PLAIN, "source": PLAIN, "sourceContent": ANYTHING, "location": ANYTHING})
# openai, `Annotation`. Not those of files: OpenRouter's ("PDF inputs") hold what was read of a document, and stand for
# it in place of reading it again; they may name pictures, too.
ANNOTATIONS = Members(
    {
        "type": one_of("url_citation"),
        "url_citation": Members(plain("url", "title", "content", "start_index", "end_index")),
    }
)
# OpenRouter, "Reasoning tokens", "Reasoning details": three types, of texts all.
REASONING_DETAILS = Members(plain("type", "id", "format", "index", "text", "summary", "data", "signature"))
# Google, "OpenAI compatibility", as clients of others send it back.
EXTRA_CONTENT = Members({"google": Members(plain("thought", "thought_signature"))})
# What may come with a message, with a part of one, and with a tool. These are merged under what the contract says
# itself, so that a text stays a text. `cache_control` marks what is to be cached, and is priced so.
#
# openai: `prefix`: Mistral, `AssistantMessage`; `reasoning`, `reasoning_content`: vLLM, OpenRouter; `cache_control`:
#   OpenRouter, "Prompt caching". Not `prompt_cache_breakpoint`, which can keep a prompt for 12 hours.
# anthropic: `BetaRequestDocumentBlockParam`, `BetaToolParam`, `BetaSearchResultBlockParam`. A tool that is put off is
#   read once a tool of the provider finds it, and those are refused.
# bedrock: botocore, `DocumentBlock`, `CachePointBlock`. cohere: `Document`. gemini: google-genai, `Part`,
#   `PartMediaResolution`; its `numTokens` would set how much is read.
FREE_MESSAGE_MEMBERS: Mapping[str, Mapping[str, Rule]] = {
    "openai": {
        **plain("prefix", "reasoning", "reasoning_content"),
        "annotations": ANNOTATIONS,
        "reasoning_details": REASONING_DETAILS,
    },
}
FREE_PART_MEMBERS: Mapping[str, Mapping[str, Rule]] = {
    "anthropic": {"cache_control": CACHE_CONTROL, **plain("title", "context")},
    "bedrock": {"citations": CITATIONS, "context": PLAIN},
    "cohere": {"type": one_of("thinking")},
    "gemini": {"partMetadata": ANYTHING, "mediaResolution": Members({"level": PLAIN}), "thought": PLAIN},
    "ollama": {"function": Members(plain("index"))},
    "openai": {"cache_control": SHORT_CACHE_CONTROL, "extra_content": EXTRA_CONTENT, "index": PLAIN},
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
