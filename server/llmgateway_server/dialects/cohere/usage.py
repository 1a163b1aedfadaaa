"""What an answer counts. `tokens` are what the model read and wrote; `billed_units` are what is charged for.

Cached tokens are a part of those read. Where an answer has no `tokens`, what was billed is all that is known.
"""

from __future__ import annotations

from typing import Any

from llmgateway.v1 import call_pb2, usage_pb2

from llmgateway_server.dialects.counts import doubt, read_count
from llmgateway_server.dialects.reading import INT32_MAX, compact, mapping


def read_usage(raw: Any, usage: usage_pb2.Usage) -> list[call_pb2.Warning]:
    """Fill `usage` where an answer counts anything. Return which counts made no sense."""
    warnings: list[call_pb2.Warning] = []
    whole = mapping(raw)
    if not whole:
        return warnings
    billed = mapping(whole.get("billed_units"))
    tokens = mapping(whole.get("tokens")) or billed
    if not tokens and "cached_tokens" not in whole:
        return warnings
    usage.source = usage_pb2.Usage.SOURCE_PROVIDER
    usage.input_token_count = read_count(tokens, "input_tokens", warnings)
    usage.output_token_count = read_count(tokens, "output_tokens", warnings)
    usage.reasoning_token_count = read_count(tokens, "reasoning_tokens", warnings)
    usage.cached_input_token_count = read_count(whole, "cached_tokens", warnings)
    usage.search_unit_count = read_count(billed, "search_units", warnings)
    if "image_tokens" in billed:
        usage.image_input_token_count = read_count(billed, "image_tokens", warnings)
        if tokens is billed:
            usage.input_token_count = min(usage.input_token_count + usage.image_input_token_count, INT32_MAX)
    if billed and tokens is not billed:
        if "input_tokens" in billed:
            usage.billed_input_token_count = read_count(billed, "input_tokens", warnings)
        if "output_tokens" in billed:
            usage.billed_output_token_count = read_count(billed, "output_tokens", warnings)
    usage.provider_json = compact(whole)
    doubt(usage, whole, (), warnings)
    return warnings
