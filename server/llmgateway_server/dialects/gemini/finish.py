"""Why a candidate ended: Google's words (`Candidate.FinishReason`, both APIs, read 2026-11-25). An unknown word is
OTHER, with the word kept."""

from __future__ import annotations

from llmgateway.v1 import generation_pb2

FILTERED = generation_pb2.FINISH_REASON_CONTENT_FILTERED
FINISH_REASONS = {
    "STOP": generation_pb2.FINISH_REASON_STOP,
    "MAX_TOKENS": generation_pb2.FINISH_REASON_LENGTH,
    "SAFETY": FILTERED,
    "RECITATION": FILTERED,
    "BLOCKLIST": FILTERED,
    "PROHIBITED_CONTENT": FILTERED,
    "SPII": FILTERED,
    "MODEL_ARMOR": FILTERED,
    "IMAGE_SAFETY": FILTERED,
    "IMAGE_PROHIBITED_CONTENT": FILTERED,
    "IMAGE_RECITATION": FILTERED,
    "MALFORMED_FUNCTION_CALL": generation_pb2.FINISH_REASON_MALFORMED_TOOL_CALL,
}


def finish_reason(word: str, *, has_calls: bool) -> generation_pb2.FinishReason.ValueType:
    """Return the contract's reason. Google says STOP after calls, too."""
    if has_calls and word == "STOP":
        return generation_pb2.FINISH_REASON_TOOL_CALLS
    return FINISH_REASONS.get(word, generation_pb2.FINISH_REASON_OTHER)
