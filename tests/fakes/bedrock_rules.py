"""What Bedrock refuses in a request, as far as it is cheap to tell.

The Amazon Bedrock API reference ("Converse", "Message", "ContentBlock", "ToolResultBlock") and what users report of
its refusals (read 2026-11).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tests.fakes.bedrock_wire import Json

NO_TOKEN, INVALID = "MissingAuthenticationTokenException", "ValidationException"
SCHEMES = ("Bearer ", "AWS4-HMAC-SHA256 Credential=")


def complaint(headers: Mapping[str, str], body: Any, *, generates: bool) -> tuple[str, str] | None:
    """Return the exception and the words that a request deserves; None for a good one.

    `body` is decoded JSON (Any), None for a request without one; `generates` tells a conversation from other bodies.
    """
    if not headers.get("authorization", "").startswith(SCHEMES):
        return NO_TOKEN, "Missing Authentication Token"
    wrong = next(wrong_conversation(body), None) if generates else None
    return None if wrong is None else (INVALID, wrong)


def wrong_conversation(body: Json) -> Iterator[str]:
    """Yield what is wrong with a conversation."""
    messages: list[Json] = body["messages"]
    if not messages or messages[0]["role"] != "user":
        yield "A conversation must start with a user message."
    called: list[str] = []
    for number, message in enumerate(messages):
        path = f"messages.{number}.content"
        if number and message["role"] == messages[number - 1]["role"]:
            yield "A conversation must alternate between user and assistant roles."
        if not message["content"]:
            yield f"The content field at {path} is empty."
        yield from wrong_blocks(path, message["content"])
        yield from wrong_results(path, message["content"], called)
        called = [block["toolUse"]["toolUseId"] for block in message["content"] if "toolUse" in block]
    kinds = {kind for message in messages for block in message["content"] for kind in block}
    if kinds & {"toolUse", "toolResult"} and "toolConfig" not in body:
        yield "The toolConfig field must be defined when using toolUse and toolResult content blocks."
    temperature = body.get("inferenceConfig", {}).get("temperature", 0)
    if not 0 <= temperature <= 1:
        yield "Value at 'inferenceConfig.temperature' must be less than or equal to 1"


def wrong_blocks(path: str, blocks: list[Json]) -> Iterator[str]:
    """Yield what is wrong with blocks by themselves."""
    for place, block in enumerate(blocks):
        if not block.get("text", "x").strip():
            yield f"The text field in the ContentBlock object at {path}.{place} is blank."
        if "document" in block and not any("text" in other for other in blocks):
            yield f"{path} holds a document, and no text beside it."


def wrong_results(path: str, blocks: list[Json], called: list[str]) -> Iterator[str]:
    """Yield what is wrong with the results in one message; `called` are the calls of the message before."""
    answered = [block["toolResult"]["toolUseId"] for block in blocks if "toolResult" in block]
    missing = [identity for identity in called if identity not in answered]
    if missing:
        yield f"Expected toolResult blocks at {path} for the following Ids: {', '.join(missing)}"
    if len(answered) > len(called):
        yield f"The number of toolResult blocks at {path} exceeds the number of toolUse blocks of previous turn."
