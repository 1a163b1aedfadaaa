"""The counts and durations that end an answer. A prompt that was cached whole has no `prompt_eval_count`."""

from __future__ import annotations

from llmgateway.v1 import call_pb2, usage_pb2

from llmgateway_server.dialects.counts import doubt, read_count
from llmgateway_server.dialects.reading import Json, compact

# Durations are in nanoseconds.
USAGE_MEMBERS = (
    "prompt_eval_count", "prompt_eval_duration", "eval_count", "eval_duration", "total_duration", "load_duration",
)  # fmt: skip


def read_usage(raw: Json, usage: usage_pb2.Usage) -> list[call_pb2.Warning]:
    """Fill `usage` where an answer tells any count. Return which counts made no sense."""
    warnings: list[call_pb2.Warning] = []
    if raw.get("eval_count") is None and raw.get("prompt_eval_count") is None:
        return warnings
    usage.source = usage_pb2.Usage.SOURCE_PROVIDER
    usage.input_token_count = read_count(raw, "prompt_eval_count", warnings)
    usage.output_token_count = read_count(raw, "eval_count", warnings)
    doubt(usage, raw, (), warnings)
    usage.provider_json = compact({member: raw[member] for member in USAGE_MEMBERS if member in raw})
    return warnings
