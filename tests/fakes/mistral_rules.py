"""What Mistral refuses in a request, as far as it is cheap to tell, and in which words.

The members are those of its API reference and its client (docs.mistral.ai/api and mistralai 3.7, read 2026-11); anything
else is refused. The order of messages and the form of ids are what its answers say.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from tests.fakes.mistral_wire import Json

CHAT_MEMBERS = frozenset(
    {
        "model", "messages", "temperature", "top_p", "max_tokens", "stream", "stop", "random_seed", "metadata",
        "response_format", "tools", "tool_choice", "presence_penalty", "frequency_penalty", "n", "prediction",
        "parallel_tool_calls", "prompt_mode", "reasoning_effort", "guardrails", "prompt_cache_key", "service_tier",
        "safe_prompt",
    }
)  # fmt: skip
EMBEDDING_MEMBERS = frozenset({"model", "input", "metadata", "output_dimension", "output_dtype", "encoding_format"})
MESSAGE_MEMBERS = {
    "system": frozenset({"role", "content"}),
    "user": frozenset({"role", "content"}),
    "assistant": frozenset({"role", "content", "tool_calls", "prefix"}),
    "tool": frozenset({"role", "content", "tool_call_id", "name"}),
}
# The pieces that a content may be a list of, by type.
PIECE_MEMBERS = {
    "text": frozenset({"text"}),
    "image_url": frozenset({"image_url"}),
    "document_url": frozenset({"document_url", "document_name"}),
    "file": frozenset({"file_id"}),
    "input_audio": frozenset({"input_audio"}),
    "reference": frozenset({"reference_ids"}),
    "thinking": frozenset({"thinking", "signature", "closed"}),
}
NINE = re.compile("[a-zA-Z0-9]{9}")
ORDER, CALL = ("invalid_request_message_order", "3230"), ("invalid_function_call", "3280")


def undeclared(body: Json, *, generates: bool) -> list[Json]:
    """Return what is said of members that a request lacks or may not have, as its check of shapes reports it."""
    members, needed = (CHAT_MEMBERS, ("model", "messages")) if generates else (EMBEDDING_MEMBERS, ("model", "input"))
    found = [lacking(["body", name], body) for name in needed if name not in body]
    found += [extra(["body", name], body[name]) for name in body if name not in members]
    if generates:
        found += [
            lacking(["body", "tools", place, "function", "parameters"], tool["function"])
            for place, tool in enumerate(body.get("tools") or [])
            if tool["type"] == "function" and "parameters" not in tool["function"]
        ]
        found += undeclared_in_messages(body.get("messages", []))
    return found


def undeclared_in_messages(messages: list[Json]) -> Iterator[Json]:
    """Yield what is said of roles, and of the members of messages and of their pieces."""
    for place, message in enumerate(messages):
        role = message["role"]
        path: list[Any] = ["body", "messages", place, role]
        if role not in MESSAGE_MEMBERS:
            said = f"Input tag '{role}' found using 'role' does not match any of the expected tags"
            yield {"type": "union_tag_invalid", "loc": path[:-1], "msg": said, "input": message}
            continue
        yield from (extra([*path, name], message[name]) for name in message if name not in MESSAGE_MEMBERS[role])
        yield from undeclared_pieces(path, message.get("content"))


def undeclared_pieces(path: list[Any], content: Any) -> Iterator[Json]:  # Any: decoded JSON, and places in it.
    """Yield what is said of the pieces of a content."""
    for place, piece in enumerate(content if isinstance(content, list) else []):
        known = {"type", *PIECE_MEMBERS.get(piece["type"], ())}
        yield from (extra([*path, "content", place, name], piece[name]) for name in piece if name not in known)


def lacking(path: list[Any], value: object) -> Json:  # Any: names and places.
    return {"type": "missing", "loc": path, "msg": "Field required", "input": value}


def extra(path: list[Any], value: object) -> Json:  # Any: names and places.
    return {"type": "extra_forbidden", "loc": path, "msg": "Extra inputs are not permitted", "input": value}


def complaint(messages: list[Json]) -> tuple[str, tuple[str, str]] | None:
    """Return what is wrong with the messages, with its type and code; None for good ones."""
    return next(wrong_messages(messages), None)


def wrong_messages(messages: list[Json]) -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield what is wrong with ids and the order of roles, calls and results."""
    waiting = 0
    before = ""
    for message in messages:
        role = message["role"]
        calls = message.get("tool_calls") or []
        for given in [call["id"] for call in calls] + ([message["tool_call_id"]] if role == "tool" else []):
            if not NINE.fullmatch(given):
                yield f"Tool call id was {given} but must be a-z, A-Z, 0-9, with a length of 9.", CALL
        if role == "tool" and before not in ("assistant", "tool"):
            yield f"Unexpected role 'tool' after role '{before}'", ORDER
        if waiting != 0 and (role != "tool" or waiting < 0):
            yield "Not the same number of function calls and responses", ORDER
        waiting = waiting - 1 if role == "tool" else len(calls)
        before = role
    if before == "assistant" and not messages[-1].get("prefix"):
        yield "Expected last role User or Tool (or Assistant with prefix True) for serving but got assistant", ORDER
    if waiting:
        yield "Not the same number of function calls and responses", ORDER
