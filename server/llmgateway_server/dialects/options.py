"""Merges what the contract has no field for into the bodies that are sent: a caller's options, and bags of parts.

A bag holds a JSON object for each dialect; only the one of the target's own dialect is sent.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from llmgateway_server.dialects.reading import Json
from llmgateway_server.errors import FieldViolation, InvalidField


def merge_options(body: Json, options: Mapping[str, str], dialect: str, own_members: frozenset[str]) -> None:
    """Merge a caller's options into `body`, last. Raise `InvalidField` for a member that is the gateway's own."""
    if not options or dialect not in options:
        return
    chosen = decode_object(options[dialect])
    violations = [
        FieldViolation(f'provider_options_json["{dialect}"].{member}', "is set by the gateway: leave it out")
        for member in chosen
        if member in own_members
    ]
    if violations:
        raise InvalidField(violations)
    body.update(chosen)


def merge_bag(body: Json, bag: Mapping[str, str], dialect: str) -> None:
    """Merge what came with a message, part or tool of this dialect, under what the contract says itself."""
    if bag and dialect in bag:
        for member, value in decode_object(bag[dialect]).items():
            body.setdefault(member, value)


def other_models(options: Mapping[str, str], dialect: str) -> list[str]:
    """Return the models that options of a request name beside its own: OpenRouter's `models`, tried one after another.

    Raise `InvalidField` where they are no list of names.
    """
    if not options or "models" not in options.get(dialect, ""):
        return []
    named = decode_object(options[dialect]).get("models")
    if named is None:
        return []
    if not isinstance(named, list) or not all(isinstance(name, str) for name in named):
        raise InvalidField([FieldViolation(f'provider_options_json["{dialect}"].models', "must be a list of names")])
    return named


def decode_object(text: str) -> Json:
    """Return a JSON object that validation has already seen to be one."""
    value: Json = msgspec.json.decode(text)
    return value
