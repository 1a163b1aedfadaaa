"""Why a candidate ended, in Ollama's words (`llm/server.go`, read 2026-11-25). `load` and `unload` wrote nothing."""

from __future__ import annotations

from llmgateway.v1 import generation_pb2

FINISH_REASONS = {
    "stop": generation_pb2.FINISH_REASON_STOP,
    "length": generation_pb2.FINISH_REASON_LENGTH,
}


def finish_reason(word: str, *, has_calls: bool) -> generation_pb2.FinishReason.ValueType:
    """Return the contract's reason for a provider's word: a stop after calls waits for their results.

    An unknown word is OTHER, and so is none at all: servers before 2024 end without one.
    """
    if has_calls and word in ("stop", "tool_calls", ""):
        return generation_pb2.FINISH_REASON_TOOL_CALLS
    return FINISH_REASONS.get(word, generation_pb2.FINISH_REASON_OTHER)
