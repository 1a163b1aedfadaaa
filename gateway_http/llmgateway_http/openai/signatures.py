"""Providers' proofs about thoughts, texts and calls, in OpenAI's shapes, both ways.

Thoughts and their signatures are `reasoning_details` of a message, as OpenRouter has them ("Reasoning tokens",
read 2026-11-25), with the provider's name beside each; a signature of a text or of a call is `extra_content` of the
message or of the call, as on Google's OpenAI-compatible surface ("OpenAI compatibility", read 2026-11-25), under the
provider's name. A client that sends its messages back as they came loses nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from llmgateway.v1 import message_pb2

Json = dict[str, Any]  # Any: decoded JSON
Part = message_pb2.Part
Reasoning = message_pb2.Reasoning

TEXT, SUMMARY, ENCRYPTED = "reasoning.text", "reasoning.summary", "reasoning.encrypted"


def to_detail(reasoning: Reasoning, signature: message_pb2.Signature, index: int) -> Json:
    """Return a thought with its signature."""
    if reasoning.kind == Reasoning.KIND_REDACTED:
        detail: Json = {"type": ENCRYPTED, "data": signature.value}
    elif reasoning.kind == Reasoning.KIND_SUMMARY:
        detail = {"type": SUMMARY, "summary": reasoning.text, "signature": signature.value}
    else:
        detail = {"type": TEXT, "text": reasoning.text, "signature": signature.value}
    return {**detail, "index": index, "provider": signature.provider}


def to_extra_content(signature: message_pb2.Signature) -> Json:
    """Return the signature of a text or of a call."""
    return {signature.provider: {"thought_signature": signature.value}}


def own_details(raw: object) -> Sequence[Mapping[str, Any]]:
    """Return the entries of `reasoning_details` that the gateway wrote: those that name a provider."""
    if not isinstance(raw, list):
        return ()
    return [entry for entry in raw if isinstance(entry, dict) and isinstance(entry.get("provider"), str)]


def add_details(turn: message_pb2.ChatMessage, details: Sequence[Mapping[str, Any]]) -> None:
    """Append the thoughts of an assistant's message."""
    for entry in details:
        part = turn.parts.add()
        kind = entry.get("type")
        if kind == ENCRYPTED:
            part.reasoning.kind = Reasoning.KIND_REDACTED
            value = entry.get("data")
        else:
            part.reasoning.kind = Reasoning.KIND_SUMMARY if kind == SUMMARY else Reasoning.KIND_TEXT
            said = entry.get("summary" if kind == SUMMARY else "text")
            part.reasoning.text = said if isinstance(said, str) else ""
            value = entry.get("signature")
        part.signature.provider = entry["provider"]
        part.signature.value = value if isinstance(value, str) else ""


def set_signature(part: Part, extra_content: object) -> bool:
    """Take the signature of a text or of a call from `extra_content`; say whether there was one."""
    if not isinstance(extra_content, dict):
        return False
    for provider, content in extra_content.items():
        value = content.get("thought_signature") if isinstance(content, dict) else None
        if isinstance(value, str) and value:
            part.signature.provider, part.signature.value = provider, value
            return True
    return False
