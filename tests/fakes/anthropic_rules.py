"""What Anthropic refuses in a request, as far as it is cheap to tell: in which words, and in which order.

Two versions of the API are in use (platform.claude.com, "Versions", read 2026-11): 2023-06-01, which the gateway
speaks, and 2026-10-21, which the current SDKs speak and which refuses some of what was allowed before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tests.fakes.anthropic_wire import Json

AUTHENTICATION, INVALID = "authentication_error", "invalid_request_error"
MEDIA_TYPES = ("image/jpeg", "image/png", "image/gif", "image/webp")
LEAST_BUDGET = 1024
OLD, NEW = "2023-06-01", "2026-10-21"
REMOVED = ("temperature", "top_p", "top_k")


def complaint(headers: Mapping[str, str], body: Any, *, generates: bool) -> tuple[str, str] | None:
    """Return the type and the words of the error that a request deserves; None for a good one.

    `body` is decoded JSON (Any), None for a request without one; `generates` tells a message from a count of tokens.
    """
    if not headers.get("x-api-key") and not headers.get("authorization"):
        return AUTHENTICATION, "x-api-key header is required"
    version = headers.get("anthropic-version")
    if version not in (OLD, NEW):
        return INVALID, f"anthropic-version: {'is no version' if version else 'header is required'}"
    if body is None:
        return None
    wrong = next(wrong_members(body, generates=generates), None) or next(wrong_messages(body["messages"]), None)
    if wrong is None and version == NEW:
        wrong = next(removed(body), None)
    return None if wrong is None else (INVALID, wrong)


def wrong_members(body: Json, *, generates: bool) -> Iterator[str]:
    """Yield what is wrong with the members beside the messages."""
    for name in ("model", "messages", *(["max_tokens"] if generates else [])):
        if name not in body:
            yield f"{name}: Field required"
    if body.get("messages") == []:
        yield "messages: at least one message is required"
    thinking = body.get("thinking", {})
    if thinking.get("type") == "enabled":
        if thinking["budget_tokens"] < LEAST_BUDGET:
            yield "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024"
        if generates and body["max_tokens"] <= thinking["budget_tokens"]:
            yield "`max_tokens` must be greater than `thinking.budget_tokens`."


def removed(body: Json) -> Iterator[str]:
    """Yield what the new version no longer takes."""
    for name in REMOVED:
        if name in body:
            yield f"{name}: Extra inputs are not permitted"
    for number, message in enumerate(body["messages"]):
        for place, block in enumerate(message["content"] if isinstance(message["content"], list) else []):
            path = f"messages.{number}.content.{place}"
            if message["role"] == "assistant" and block["type"] == "document":
                yield f"{path}: a document has no place in a message of the assistant"
            if message["role"] == "user" and block.get("citations") and block["type"] == "text":
                yield f"{path}.citations: has no place in a message of the user"


def wrong_messages(messages: list[Json]) -> Iterator[str]:
    """Yield what is wrong with the messages: roles, pictures, calls without results and the reverse."""
    called: list[str] = []
    for number, message in enumerate(messages):
        blocks = message["content"] if isinstance(message["content"], list) else []
        if message["role"] not in ("user", "assistant"):
            yield f'messages: Unexpected role "{message["role"]}".'
        yield from wrong_results(f"messages.{number}", blocks, called)
        for place, block in enumerate(blocks):
            if block["type"] == "image" and block["source"].get("media_type", MEDIA_TYPES[0]) not in MEDIA_TYPES:
                yield f"messages.{number}.content.{place}.image.source.base64.media_type: Input should be one of its types"
        called = [block["id"] for block in blocks if block["type"] == "tool_use"]


def wrong_results(path: str, blocks: list[Json], called: list[str]) -> Iterator[str]:
    """Yield what is wrong with the results in one message; `called` are the calls of the message before."""
    answered = [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"]
    for identity in answered:
        if identity not in called:
            yield f"{path}: unexpected `tool_use_id` found in `tool_result` blocks: {identity}."
    missing = [identity for identity in called if identity not in answered]
    if missing:
        yield f"{path}: `tool_use` ids were found without `tool_result` blocks immediately after: {', '.join(missing)}."
