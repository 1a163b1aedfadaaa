"""What Ollama refuses in a request, as far as it is cheap to tell: `ChatHandler` of its `server/routes.go`, and what Go
says of JSON of another type than `api/types.go` has (read 2026-11).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from typing import Any

from tests.fakes.ollama_wire import Json

LEVELS = ("high", "medium", "low", "max")
MOST_TOP_LOGPROBS = 20


def complaint(body: Any) -> str | None:
    """Return the words of the 400 that a request deserves; None for a good one. `body` is decoded JSON (Any)."""
    return next(wrong_members(body), None) or next(wrong_messages(body.get("messages") or []), None)


def wrong_members(body: Json) -> Iterator[str]:
    """Yield what is wrong with the members beside the messages."""
    if not body.get("model"):
        yield "model is required"
    if not 0 <= body.get("top_logprobs", 0) <= MOST_TOP_LOGPROBS:
        yield "top_logprobs must be between 0 and 20"
    think = body.get("think")
    if isinstance(think, str) and think not in LEVELS:
        yield f'invalid think value: "{think}" (must be "high", "medium", "low", "max", true, or false)'


def wrong_messages(messages: list[Json]) -> Iterator[str]:
    """Yield what is wrong with the messages: texts that are lists of parts, pictures, arguments."""
    for message in messages:
        if not isinstance(message.get("content", ""), str):
            yield "json: cannot unmarshal array into Go struct field ChatRequest.messages.content of type string"
        for picture in message.get("images", []):
            try:
                base64.b64decode(picture, validate=True)
            except binascii.Error:
                yield "illegal base64 data at input byte 4"
        for call in message.get("tool_calls", []):
            if not isinstance(call["function"].get("arguments", {}), dict):
                member = "ChatRequest.messages.tool_calls.function.arguments"
                yield f"json: cannot unmarshal string into Go struct field {member} of type map[string]interface {{}}"
