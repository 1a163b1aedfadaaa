"""Why a message ended: Anthropic's stop reasons. An unknown word is OTHER, with the word kept.

Anthropic's documentation, "Handling stop reasons" (read 2026-11-25).
"""

from __future__ import annotations

from llmgateway.v1 import generation_pb2

FINISH_REASONS = {
    "end_turn": generation_pb2.FINISH_REASON_STOP,
    "stop_sequence": generation_pb2.FINISH_REASON_STOP,
    "max_tokens": generation_pb2.FINISH_REASON_LENGTH,
    "tool_use": generation_pb2.FINISH_REASON_TOOL_CALLS,
    "pause_turn": generation_pb2.FINISH_REASON_PAUSED,
    "compaction": generation_pb2.FINISH_REASON_PAUSED,
    "refusal": generation_pb2.FINISH_REASON_REFUSED,
    "model_context_window_exceeded": generation_pb2.FINISH_REASON_CONTEXT_FULL,
}


def finish_reason(word: str) -> generation_pb2.FinishReason.ValueType:
    """Return the contract's reason for Anthropic's word; none at all is OTHER, too."""
    return FINISH_REASONS.get(word, generation_pb2.FINISH_REASON_OTHER)
