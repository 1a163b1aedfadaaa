"""The usage object (API reference, TokenUsage). What a cache gave or took is not in its `inputTokens`."""

from __future__ import annotations

import math
from typing import Any

from llmgateway.v1 import call_pb2, usage_pb2

from llmgateway_server.dialects.reading import INT32_MAX, Json, compact, items, mapping


def read_usage(raw: Json, usage: usage_pb2.Usage) -> list[call_pb2.Warning]:
    """Fill in what was read and written. Return which counts made no sense."""
    warnings: list[call_pb2.Warning] = []
    usage.source = usage_pb2.Usage.SOURCE_PROVIDER
    usage.provider_json = compact(raw)
    fresh = count(raw, "inputTokens", warnings)
    usage.output_token_count = count(raw, "outputTokens", warnings)
    cached = count(raw, "cacheReadInputTokens", warnings)
    written = count(raw, "cacheWriteInputTokens", warnings)
    usage.input_token_count = min(fresh + cached + written, INT32_MAX)
    if cached:
        usage.cached_input_token_count = cached
    if written:
        usage.cache_write_input_token_count = written
    if raw.get("cacheDetails"):
        long = [item for item in map(mapping, items(raw["cacheDetails"])) if item.get("ttl") == "1h"]
        usage.long_cache_write_input_token_count = min(
            sum(count(item, "inputTokens", warnings) for item in long), INT32_MAX
        )
    return warnings


def count(raw: Json, member: str, warnings: list[call_pb2.Warning]) -> int:
    """Return a count of at least 0 that fits the contract; say where that is not what came."""
    value: Any = raw.get(member)
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
        description, value = "is no number: it counts as 0", 0
    elif value < 0:
        description, value = "is negative: it counts as 0", 0
    elif value > INT32_MAX:
        description, value = f"is beyond any model: it counts as {INT32_MAX}", INT32_MAX
    else:
        return int(value)
    warnings.append(call_pb2.Warning(field="usage", description=f"The provider's {member} {description}."))
    return int(value)
