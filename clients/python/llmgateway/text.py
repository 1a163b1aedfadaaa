"""The text of an answer, for callers who want no more than that."""

from __future__ import annotations

from llmgateway.v1 import generation_pb2


def text_of(response: generation_pb2.GenerateResponse, candidate_index: int = 0) -> str:
    """Return the text parts of one candidate, joined; empty where it has none. Reasoning is no text."""
    return "".join(
        part.text
        for candidate in response.candidates
        if candidate.index == candidate_index
        for part in candidate.message.parts
        if part.HasField("text")
    )
