"""What each provider means by its counts, and what that costs: one table, of the examples in the vendors' documentation.

Prices are US dollars for a million tokens, as the vendors' lists had them beside the example; a cost is in 1e-9 dollars,
summed first and rounded up once.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

import pytest
from llmgateway.v1 import generation_pb2
from llmgateway_server.catalog.prices import Price, Tariff
from llmgateway_server.catalog.vendors import load_vendors
from llmgateway_server.dialects.registry import make_codec

Json = dict[str, Any]


def openai(usage: Json) -> Json:
    message = {"role": "assistant", "content": "Hi"}
    return {"id": "c", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}], "usage": usage}


def anthropic(usage: Json) -> Json:
    content = [{"type": "text", "text": "Hi"}]
    return {
        "id": "m",
        "type": "message",
        "role": "assistant",
        "content": content,
        "stop_reason": "end_turn",
        "usage": usage,
    }


def gemini(usage: Json) -> Json:
    content = {"role": "model", "parts": [{"text": "Hi"}]}
    return {"candidates": [{"content": content, "finishReason": "STOP"}], "usageMetadata": usage}


def bedrock(usage: Json) -> Json:
    message = {"role": "assistant", "content": [{"text": "Hi"}]}
    return {"output": {"message": message}, "stopReason": "end_turn", "usage": usage}


def cohere(usage: Json) -> Json:
    message = {"role": "assistant", "content": [{"type": "text", "text": "Hi"}]}
    return {"id": "c", "finish_reason": "COMPLETE", "message": message, "usage": usage}


def ollama(usage: Json) -> Json:
    return {"message": {"role": "assistant", "content": "Hi"}, "done": True, "done_reason": "stop", **usage}


ENVELOPES: Mapping[str, Callable[[Json], Json]] = {
    "openai": openai,
    "anthropic": anthropic,
    "gemini": gemini,
    "bedrock": bedrock,
    "cohere": cohere,
    "ollama": ollama,
}


class Row(NamedTuple):
    """One example. `counts` are input, cached input, cache writes, those for an hour, output, reasoning."""

    vendor: str
    usage: Json
    counts: tuple[int, int, int, int, int, int]
    prices: Mapping[str, str]
    cost_usd_nanos: int


GPT_4O = {"input": "2.50", "cached_input": "1.25", "output": "10"}
O1 = {"input": "15", "output": "60"}
SONNET = {
    "input": "3",
    "cached_input": "0.30",
    "cache_write_input": "3.75",
    "long_cache_write_input": "6",
    "output": "15",
}
GEMINI = {"input": "1.25", "cached_input": "0.125", "output": "10"}
NOVA = {"input": "0.80", "cached_input": "0.20", "cache_write_input": "0", "output": "3.20"}

ROWS: Mapping[str, Row] = {
    # OpenAI, "Prompt caching": the cached ones are part of the prompt.
    "openai, cached": Row(
        "openai",
        {
            "prompt_tokens": 2006,
            "completion_tokens": 300,
            "total_tokens": 2306,
            "prompt_tokens_details": {"cached_tokens": 1920},
            "completion_tokens_details": {"reasoning_tokens": 0},
        },
        (2006, 1920, 0, 0, 300, 0),
        GPT_4O,
        86 * 2_500 + 1920 * 1_250 + 300 * 10_000,
    ),
    # OpenAI, "Reasoning models": reasoning is part of the completion.
    "openai, reasoning": Row(
        "openai",
        {
            "prompt_tokens": 75,
            "completion_tokens": 1186,
            "total_tokens": 1261,
            "completion_tokens_details": {"reasoning_tokens": 1024},
        },
        (75, 0, 0, 0, 1186, 1024),
        O1,
        75 * 15_000 + 1186 * 60_000,
    ),
    "azure": Row(
        "azure",
        {"prompt_tokens": 19, "completion_tokens": 10, "total_tokens": 29},
        (19, 0, 0, 0, 10, 0),
        GPT_4O,
        19 * 2_500 + 10 * 10_000,
    ),
    # Anthropic, "Prompt caching": what is read and written comes on top of `input_tokens`.
    "anthropic, written": Row(
        "anthropic",
        {
            "cache_creation_input_tokens": 188_086,
            "cache_read_input_tokens": 0,
            "input_tokens": 21,
            "output_tokens": 393,
        },
        (188_107, 0, 188_086, 0, 393, 0),
        SONNET,
        21 * 3_000 + 188_086 * 3_750 + 393 * 15_000,
    ),
    "anthropic, read": Row(
        "anthropic",
        {
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 188_086,
            "input_tokens": 21,
            "output_tokens": 393,
        },
        (188_107, 188_086, 0, 0, 393, 0),
        SONNET,
        21 * 3_000 + 188_086 * 300 + 393 * 15_000,
    ),
    # The same, "1-hour cache duration": writes for an hour are part of the writes.
    "anthropic, for an hour": Row(
        "anthropic",
        {
            "input_tokens": 2048,
            "cache_read_input_tokens": 1800,
            "cache_creation_input_tokens": 556,
            "output_tokens": 503,
            "cache_creation": {"ephemeral_5m_input_tokens": 456, "ephemeral_1h_input_tokens": 100},
        },
        (4404, 1800, 556, 100, 503, 0),
        SONNET,
        2048 * 3_000 + 1800 * 300 + 456 * 3_750 + 100 * 6_000 + 503 * 15_000,
    ),
    # Google, "Context caching": the cached ones are part of the prompt.
    "gemini, cached": Row(
        "gemini",
        {
            "promptTokenCount": 696_219,
            "cachedContentTokenCount": 696_190,
            "candidatesTokenCount": 214,
            "totalTokenCount": 696_433,
        },
        (696_219, 696_190, 0, 0, 214, 0),
        GEMINI,
        29 * 1_250 + 696_190 * 125 + 214 * 10_000,
    ),
    # Google, "Thinking": thoughts come on top of the candidates, and are billed as output.
    "gemini, thoughts": Row(
        "gemini",
        {"promptTokenCount": 10, "candidatesTokenCount": 20, "thoughtsTokenCount": 30, "totalTokenCount": 60},
        (10, 0, 0, 0, 50, 30),
        GEMINI,
        10 * 1_250 + 50 * 10_000,
    ),
    "vertex": Row(
        "vertex",
        {"promptTokenCount": 8, "candidatesTokenCount": 5, "totalTokenCount": 13, "trafficType": "ON_DEMAND"},
        (8, 0, 0, 0, 5, 0),
        GEMINI,
        8 * 1_250 + 5 * 10_000,
    ),
    # AWS, "Prompt caching for faster model inference": reads and writes come on top of `inputTokens`.
    "bedrock": Row(
        "bedrock",
        {
            "inputTokens": 4,
            "outputTokens": 101,
            "totalTokens": 1610,
            "cacheReadInputTokens": 1000,
            "cacheWriteInputTokens": 505,
        },
        (1509, 1000, 505, 0, 101, 0),
        NOVA,
        4 * 800 + 1000 * 200 + 505 * 0 + 101 * 3_200,
    ),
    # Cohere, "Chat API v2": `tokens` is what was read, `billed_units` what is charged.
    "cohere": Row(
        "cohere",
        {
            "billed_units": {"input_tokens": 17, "output_tokens": 12},
            "tokens": {"input_tokens": 215, "output_tokens": 12},
        },
        (215, 0, 0, 0, 12, 0),
        {"input": "2.50", "output": "10"},
        17 * 2_500 + 12 * 10_000,
    ),
    "mistral": Row(
        "mistral",
        {"prompt_tokens": 16, "completion_tokens": 34, "total_tokens": 50},
        (16, 0, 0, 0, 34, 0),
        {"input": "2", "output": "6"},
        16 * 2_000 + 34 * 6_000,
    ),
    # DeepSeek, "Context caching": hits and misses together are the prompt.
    "deepseek": Row(
        "deepseek",
        {
            "prompt_tokens": 110,
            "completion_tokens": 20,
            "total_tokens": 130,
            "prompt_cache_hit_tokens": 64,
            "prompt_cache_miss_tokens": 46,
        },
        (110, 64, 0, 0, 20, 0),
        {"input": "0.27", "cached_input": "0.07", "output": "1.10"},
        46 * 270 + 64 * 70 + 20 * 1_100,
    ),
    # xAI, "Reasoning": reasoning is not in the completion.
    "xai": Row(
        "xai",
        {
            "prompt_tokens": 32,
            "completion_tokens": 9,
            "total_tokens": 135,
            "prompt_tokens_details": {"cached_tokens": 6},
            "completion_tokens_details": {"reasoning_tokens": 94},
        },
        (32, 6, 0, 0, 103, 94),
        {"input": "3", "cached_input": "0.75", "output": "15"},
        26 * 3_000 + 6 * 750 + 103 * 15_000,
    ),
    "groq": Row(
        "groq",
        {"queue_time": 0.037, "prompt_tokens": 18, "completion_tokens": 556, "total_tokens": 574, "total_time": 0.46},
        (18, 0, 0, 0, 556, 0),
        {"input": "0.59", "output": "0.79"},
        18 * 590 + 556 * 790,
    ),
    # Ollama, "Generate a chat completion": counts of its own names, and nothing to pay.
    "ollama": Row(
        "ollama",
        {"prompt_eval_count": 26, "eval_count": 298, "total_duration": 4_883_583_458},
        (26, 0, 0, 0, 298, 0),
        {},
        0,
    ),
}


def read(row: Row) -> generation_pb2.GenerateResponse:
    vendor = load_vendors()[row.vendor]
    codec = make_codec(vendor.dialect, row.vendor, vendor.quirks)
    request = generation_pb2.GenerateRequest()
    return codec.decode_generate(request, json.dumps(ENVELOPES[vendor.dialect](row.usage)).encode())


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_counts_mean_what_the_provider_means_and_cost_what_it_charges(row: Row) -> None:
    usage = read(row).usage
    assert (
        usage.input_token_count,
        usage.cached_input_token_count,
        usage.cache_write_input_token_count,
        usage.long_cache_write_input_token_count,
        usage.output_token_count,
        usage.reasoning_token_count,
    ) == row.counts
    prices = [
        Price(kind, int(Decimal(usd) * 10**9), "the vendor's list", date(2026, 11, 25))
        for kind, usd in row.prices.items()
    ]
    assert Tariff(prices).cost_usd_nanos(usage) == row.cost_usd_nanos
    assert (
        json.loads(usage.provider_json).items() >= {k: v for k, v in row.usage.items() if k != "total_duration"}.items()
    )


def test_what_openrouter_charged_stands_as_it_says() -> None:
    """OpenRouter, "Usage accounting": `cost` is what the account was charged, in dollars."""
    usage = {"prompt_tokens": 194, "completion_tokens": 2, "total_tokens": 196, "cost": 0.00014}
    assert read(Row("openrouter", usage, (194, 0, 0, 0, 2, 0), {}, 0)).usage.cost_usd_nanos == 140_000


def test_halves_of_a_nano_dollar_are_rounded_up_once() -> None:
    usage = read(ROWS["mistral"]).usage
    day = date(2026, 11, 25)
    prices = [Price("input", 500_000, "", day), Price("output", 500_000, "", day)]  # half a nano-dollar a token
    assert Tariff(prices).cost_usd_nanos(usage) == (16 + 34) // 2
    prices[1] = Price("output", 500_001, "", day)
    assert Tariff(prices).cost_usd_nanos(usage) == 26
