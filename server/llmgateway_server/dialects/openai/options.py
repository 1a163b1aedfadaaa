"""Merges what the contract has no field for into the bodies that are sent: a caller's options, and bags of parts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from llmgateway_server.errors import FieldViolation, InvalidField

NAME = "openai"

# What the gateway itself sets: a caller could lift a limit, read another's answer or choose the upstream by it.
OWN_MEMBERS = frozenset(
    {
        "model", "messages", "prompt", "input", "tools", "tool_choice", "functions", "function_call", "max_tokens",
        "max_completion_tokens", "n", "best_of", "stream", "stream_options", "store", "user", "metadata", "api_base",
        "base_url", "api_key", "api_version", "organization", "extra_headers", "extra_query", "extra_body", "models",
        "provider", "route",
    }
)  # fmt: skip

Json = dict[str, Any]  # Any: whatever JSON holds


def merge_options(body: Json, options: Mapping[str, str]) -> None:
    """Merge a caller's options into `body`, last. Raise `InvalidField` for a member that is the gateway's own."""
    if not options or NAME not in options:
        return
    chosen = decode_object(options[NAME])
    violations = [
        FieldViolation(f'provider_options_json["{NAME}"].{member}', "is set by the gateway: leave it out")
        for member in chosen
        if member in OWN_MEMBERS
    ]
    if violations:
        raise InvalidField(violations)
    body.update(chosen)


def merge_bag(body: Json, bag: Mapping[str, str]) -> None:
    """Merge what came with a message, part or tool of this dialect, under what the contract says itself."""
    if bag and NAME in bag:
        for member, value in decode_object(bag[NAME]).items():
            body.setdefault(member, value)


def decode_object(text: str) -> Json:
    """Return a JSON object that validation has already seen to be one."""
    value: Json = msgspec.json.decode(text)
    return value
