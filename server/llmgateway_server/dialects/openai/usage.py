"""The usage object. Cached and reasoning tokens are parts of their wholes here, as in the contract."""

from __future__ import annotations

import math
from collections.abc import Sequence

from llmgateway.v1 import call_pb2, usage_pb2

from llmgateway_server.dialects.counts import doubt, read_count
from llmgateway_server.dialects.openai.quirks import Quirks
from llmgateway_server.dialects.reading import Json, compact, mapping

USD_NANOS = 1_000_000_000
GENERATION = ("prompt_tokens", "completion_tokens")
EMBEDDING = ("prompt_tokens",)


class UsageReader:
    """Reads one usage object into `usage`; `warnings` say which counts made no sense."""

    def __init__(self, quirks: Quirks) -> None:
        self._quirks = quirks
        self.warnings: list[call_pb2.Warning] = []

    def read(self, raw: Json, usage: usage_pb2.Usage, required: Sequence[str] = GENERATION) -> None:
        """Fill `usage`, replacing what it held. `required` are the counts that are always told."""
        self.warnings = []
        usage.Clear()
        usage.source = usage_pb2.Usage.SOURCE_PROVIDER
        usage.input_token_count = self._count(raw, "prompt_tokens")
        usage.output_token_count = self._count(raw, "completion_tokens")
        prompt, completion = mapping(raw.get("prompt_tokens_details")), mapping(raw.get("completion_tokens_details"))
        if prompt:
            usage.cached_input_token_count = self._count(prompt, "cached_tokens")
            usage.cache_write_input_token_count = self._count(prompt, "cache_write_tokens")
            usage.audio_input_token_count = self._count(prompt, "audio_tokens")
            usage.image_input_token_count = self._count(prompt, "image_tokens")
        elif "prompt_cache_hit_tokens" in raw:  # DeepSeek
            usage.cached_input_token_count = self._count(raw, "prompt_cache_hit_tokens")
        if completion:
            usage.reasoning_token_count = self._count(completion, "reasoning_tokens")
            usage.audio_output_token_count = self._count(completion, "audio_tokens")
            usage.accepted_prediction_token_count = self._count(completion, "accepted_prediction_tokens")
            usage.rejected_prediction_token_count = self._count(completion, "rejected_prediction_tokens")
        if self._quirks.output_excludes_reasoning and "total_tokens" in raw:
            whole = self._count(raw, "total_tokens") - usage.input_token_count
            usage.output_token_count = max(whole, usage.output_token_count)
        cost = raw.get("cost")
        if (
            isinstance(cost, int | float) and not isinstance(cost, bool) and 0 <= cost < 1e9
        ):  # OpenRouter, in US dollars
            usage.cost_usd_nanos = math.ceil(cost * USD_NANOS - 1e-6)
        usage.provider_json = compact(raw)
        doubt(usage, raw, required, self.warnings)

    def _count(self, raw: Json, member: str) -> int:
        return read_count(raw, member, self.warnings)
