"""Why a candidate ended, in Cohere's words. `ERROR` and `TIMEOUT` are no ends but errors: see `errors.py`."""

from __future__ import annotations

from llmgateway.v1 import generation_pb2

FINISH_REASONS = {
    "COMPLETE": generation_pb2.FINISH_REASON_STOP,
    "STOP_SEQUENCE": generation_pb2.FINISH_REASON_STOP,
    "MAX_TOKENS": generation_pb2.FINISH_REASON_LENGTH,
    "TOOL_CALL": generation_pb2.FINISH_REASON_TOOL_CALLS,
    "ERROR_TOXIC": generation_pb2.FINISH_REASON_CONTENT_FILTERED,
    "ERROR_LIMIT": generation_pb2.FINISH_REASON_CONTEXT_FULL,
}


def finish_reason(word: str) -> generation_pb2.FinishReason.ValueType:
    """Return the contract's reason for a provider's word; none at all is OTHER, too."""
    return FINISH_REASONS.get(word, generation_pb2.FINISH_REASON_OTHER)
