"""Why an answer ended (API reference, "Converse", stopReason, read 2026-11-25). An unknown word is OTHER, kept."""

from __future__ import annotations

from llmgateway.v1 import generation_pb2

FINISH_REASONS = {
    "end_turn": generation_pb2.FINISH_REASON_STOP,
    "stop_sequence": generation_pb2.FINISH_REASON_STOP,
    "tool_use": generation_pb2.FINISH_REASON_TOOL_CALLS,
    "max_tokens": generation_pb2.FINISH_REASON_LENGTH,
    "guardrail_intervened": generation_pb2.FINISH_REASON_CONTENT_FILTERED,
    "content_filtered": generation_pb2.FINISH_REASON_CONTENT_FILTERED,
    "model_context_window_exceeded": generation_pb2.FINISH_REASON_CONTEXT_FULL,
    "malformed_tool_use": generation_pb2.FINISH_REASON_MALFORMED_TOOL_CALL,
    "malformed_model_output": generation_pb2.FINISH_REASON_OTHER,
    # Anthropic's own words, which Converse does not list.
    "refusal": generation_pb2.FINISH_REASON_REFUSED,
    "pause_turn": generation_pb2.FINISH_REASON_PAUSED,
}


def finish_reason(word: str) -> generation_pb2.FinishReason.ValueType:
    """Return the contract's reason for a provider's word; none at all is OTHER, too."""
    return FINISH_REASONS.get(word, generation_pb2.FINISH_REASON_OTHER)
