"""The usage object (API reference, TokenUsage). What a cache gave or took is not in its `inputTokens`."""

from __future__ import annotations

from llmgateway.v1 import call_pb2, usage_pb2

from llmgateway_server.dialects.counts import doubt, read_count
from llmgateway_server.dialects.reading import INT32_MAX, Json, compact, items, mapping


def read_usage(raw: Json, usage: usage_pb2.Usage) -> list[call_pb2.Warning]:
    """Fill in what was read and written. Return which counts made no sense."""
    warnings: list[call_pb2.Warning] = []
    usage.source = usage_pb2.Usage.SOURCE_PROVIDER
    usage.provider_json = compact(raw)
    fresh = read_count(raw, "inputTokens", warnings)
    usage.output_token_count = read_count(raw, "outputTokens", warnings)
    cached = read_count(raw, "cacheReadInputTokens", warnings)
    written = read_count(raw, "cacheWriteInputTokens", warnings)
    usage.input_token_count = min(fresh + cached + written, INT32_MAX)
    if cached:
        usage.cached_input_token_count = cached
    if written:
        usage.cache_write_input_token_count = written
    if raw.get("cacheDetails"):
        long = [item for item in map(mapping, items(raw["cacheDetails"])) if item.get("ttl") == "1h"]
        usage.long_cache_write_input_token_count = min(
            sum(read_count(item, "inputTokens", warnings) for item in long), INT32_MAX
        )
    doubt(usage, raw, ("inputTokens", "outputTokens"), warnings)
    return warnings
