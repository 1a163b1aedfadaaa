"""The usage object. Cache reads and writes are not in `input_tokens` here; in the contract they are parts of the input.

Anthropic's documentation, "Prompt caching" and "Compaction" (read 2026-11-25).
"""

from __future__ import annotations

from llmgateway.v1 import call_pb2, usage_pb2

from llmgateway_server.dialects.counts import doubt, read_count
from llmgateway_server.dialects.reading import INT32_MAX, Json, compact, items, mapping

INPUT_MEMBERS = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")


class UsageReader:
    """Reads one usage object into `usage`; `warnings` say which counts made no sense."""

    def __init__(self) -> None:
        self.warnings: list[call_pb2.Warning] = []

    def read(self, raw: Json, usage: usage_pb2.Usage) -> None:
        """Fill `usage`, which is empty."""
        count = self._count
        cached = count(raw, "cache_read_input_tokens")
        written = count(raw, "cache_creation_input_tokens")
        creation = raw.get("cache_creation")
        if creation and isinstance(creation, dict):
            usage.long_cache_write_input_token_count = count(creation, "ephemeral_1h_input_tokens")
            if raw.get("cache_creation_input_tokens") is None:
                written = usage.long_cache_write_input_token_count + count(creation, "ephemeral_5m_input_tokens")
        read, output = count(raw, "input_tokens") + cached + written, count(raw, "output_tokens")
        for iteration in items(raw.get("iterations")):
            if mapping(iteration).get("type") == "compaction":  # what compaction used is not in the totals
                read += sum(count(iteration, member) for member in INPUT_MEMBERS)
                output += count(iteration, "output_tokens")
        usage.input_token_count = min(read, INT32_MAX)
        usage.output_token_count = min(output, INT32_MAX)
        usage.cached_input_token_count = cached
        usage.cache_write_input_token_count = min(written, INT32_MAX)
        details, tools = raw.get("output_tokens_details"), raw.get("server_tool_use")
        if details and isinstance(details, dict):
            usage.reasoning_token_count = count(details, "thinking_tokens")
        if tools and isinstance(tools, dict):
            usage.search_unit_count = count(tools, "web_search_requests")
        usage.source = usage_pb2.Usage.SOURCE_PROVIDER
        usage.provider_json = compact(raw)
        doubt(usage, raw, (), self.warnings)

    def _count(self, raw: Json, member: str) -> int:
        return read_count(raw, member, self.warnings)
