"""Tells content from the rest: what, once sent to the caller, commits the call to its target."""

from __future__ import annotations

from llmgateway.v1 import message_pb2, stream_pb2


def bears_content(event: stream_pb2.GenerationEvent) -> bool:
    """Whether an event carries text, refusal, reasoning, a tool call, media or provider progress, or ends it all."""
    kind = event.WhichOneof("event")
    if kind == "part_delta":
        return True
    if kind == "part_started":
        return part_bears_content(event.part_started.part)
    return kind in ("finished", "provider_event")


def part_bears_content(part: message_pb2.Part) -> bool:
    """Whether a part, as it is opened, says anything yet."""
    kind = part.WhichOneof("content")
    if kind == "text":
        return bool(part.text)
    if kind == "refusal":
        return bool(part.refusal)
    if kind == "reasoning":
        return bool(part.reasoning.text) or part.HasField("signature")
    return kind is not None
