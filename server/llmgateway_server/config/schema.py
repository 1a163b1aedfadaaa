"""What a place in the configuration may hold, read off the settings' own types; and their errors in plain words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, get_args, get_origin

from pydantic_core import ErrorDetails

from llmgateway_server.config.document import Value
from llmgateway_server.config.problems import Path, suggest
from llmgateway_server.config.section import Section
from llmgateway_server.config.settings import Settings

# How pydantic lists the words of a `Literal`.
_WORD = re.compile(r"'([^']*)'")
_KINDS = {
    "tuple_type": "a list is needed here, such as [a, b]",
    "dict_type": "keys with values are needed here",
    "model_type": "keys with values are needed here",
    "missing": "this key is required",
    "too_short": "at least one entry is needed here",
    "string_unicode": "this text is not valid Unicode",
}


def known_keys(path: Path) -> list[str]:
    """Return the keys that may stand in the section at `path`; none where any may."""
    section: type[Section] = Settings
    steps = list(path)
    while steps:
        fields = {field.alias or name: field for name, field in section.model_fields.items()}
        field = fields.get(str(steps.pop(0)))
        inner = find_section(field.annotation) if field else None
        if field is None or inner is None:
            return []
        section = inner
        if steps and is_container(field.annotation):
            steps.pop(0)
    return [field.alias or name for name, field in section.model_fields.items()]


def find_section(annotation: Any) -> type[Section] | None:  # Any: annotations have no common type.
    """Return the section that an annotation holds, alone or in a list or mapping."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation
    return next((found for inner in get_args(annotation) if (found := find_section(inner))), None)


def is_container(annotation: Any) -> bool:  # Any: annotations have no common type.
    """Whether an annotation is a list or a mapping, optional or not."""
    return get_origin(annotation) in (tuple, Mapping) or any(is_container(inner) for inner in get_args(annotation))


def describe_error(error: ErrorDetails, value: Value) -> str:
    """Say in plain words what is wrong with `value`, without showing it."""
    kind, path = error["type"], error["loc"]
    if kind == "extra_forbidden":
        return f"unknown key{suggest(str(path[-1]), known_keys(path[:-1]))}"
    if kind == "value_error":
        return str(error["ctx"]["error"])
    if kind == "literal_error":
        return describe_word(error, value)
    if kind in _KINDS:
        return _KINDS[kind]
    if value is None:
        return "this key has no value: give one, or leave the key out"
    if kind == "string_type":
        return f"a text is needed here{describe_trap(value)}"
    if kind == "bool_type":
        return "true or false is needed here"
    if kind in ("int_type", "int_from_float"):
        return "a whole number is needed here"
    message = error["msg"]
    return message.replace("Input should", "this should", 1).replace("String should", "this should", 1)


def describe_word(error: ErrorDetails, value: Value) -> str:
    """Say which words may stand where only some may; a word by reference is never shown."""
    words = _WORD.findall(error["ctx"]["expected"])
    if isinstance(value, str):
        return f"unknown word{suggest(value, words)}"
    return f"one of these words is needed here: {', '.join(words)}{describe_trap(value)}"


def describe_trap(value: Value) -> str:
    """Say how YAML reads an unquoted text that was meant as text."""
    if isinstance(value, bool):
        return ", and YAML reads this one as true or false: put it in quotes"
    if isinstance(value, int | float):
        return ", and YAML reads this one as a number: put it in quotes"
    return ""
