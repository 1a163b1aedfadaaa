"""Why a candidate ended: OpenAI's words and those of its like. An unknown word is OTHER, with the word kept."""

from __future__ import annotations

from llmgateway.v1 import generation_pb2

FINISH_REASONS = {
    "stop": generation_pb2.FINISH_REASON_STOP,
    "eos": generation_pb2.FINISH_REASON_STOP,  # Together
    "end_turn": generation_pb2.FINISH_REASON_STOP,
    "stop_sequence": generation_pb2.FINISH_REASON_STOP,
    "length": generation_pb2.FINISH_REASON_LENGTH,
    "max_tokens": generation_pb2.FINISH_REASON_LENGTH,
    "model_length": generation_pb2.FINISH_REASON_CONTEXT_FULL,  # Mistral
    "tool_calls": generation_pb2.FINISH_REASON_TOOL_CALLS,
    "function_call": generation_pb2.FINISH_REASON_TOOL_CALLS,
    "content_filter": generation_pb2.FINISH_REASON_CONTENT_FILTERED,
    "refusal": generation_pb2.FINISH_REASON_REFUSED,
}


def finish_reason(word: str) -> generation_pb2.FinishReason.ValueType:
    """Return the contract's reason for a provider's word; none at all is OTHER, too."""
    return FINISH_REASONS.get(word, generation_pb2.FINISH_REASON_OTHER)
