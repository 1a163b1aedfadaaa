"""Reads the keywords of a JSON Schema by their type: what a stranger sends may be anything."""

from __future__ import annotations

from typing import TypeAlias

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"
Schema: TypeAlias = "dict[str, Json]"

MAX_STEPS = 20_000
TYPES = ("string", "integer", "number", "object", "array", "boolean", "null")


class UnfittableSchemaError(ValueError):
    """No value was found that fits, or the schema is none. The message ends a sentence about the schema."""


class Budget:
    """How much work one schema may cause: combinations of branches grow without bound otherwise."""

    def __init__(self, steps: int = MAX_STEPS) -> None:
        self._steps = steps

    def spend(self) -> None:
        """Count one step; raise `UnfittableSchemaError` when there were too many."""
        self._steps -= 1
        if self._steps < 0:
            raise UnfittableSchemaError("is too large or too intertwined for the mock")


def list_of(schema: Schema, keyword: str) -> list[Json]:
    """Return a keyword's list, empty if it is absent."""
    value = schema.get(keyword, [])
    if not isinstance(value, list):
        raise UnfittableSchemaError(f"has a {keyword} that is no list")
    return value


def object_of(schema: Schema, keyword: str) -> dict[str, Json]:
    """Return a keyword's object, empty if it is absent."""
    value = schema.get(keyword, {})
    if not isinstance(value, dict):
        raise UnfittableSchemaError(f"has a {keyword} that is no object")
    return value


def number_of(schema: Schema, keyword: str) -> int | float | None:
    """Return a keyword's number, None if it is absent."""
    value = schema.get(keyword)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UnfittableSchemaError(f"has a {keyword} that is no number")
    return value


def bound_of(schema: Schema, keyword: str, otherwise: float) -> float:
    """Return a keyword's number, or what holds in its absence."""
    value = number_of(schema, keyword)
    return otherwise if value is None else value


def types_of(schema: Schema) -> list[str] | None:
    """Return the types that `type` allows; None if it is absent."""
    if "type" not in schema:
        return None
    value = schema["type"]
    names = value if isinstance(value, list) else [value]
    for name in names:
        if name not in TYPES:
            raise UnfittableSchemaError(f"has the unknown type {name!r}")
    return [name for name in names if isinstance(name, str)]


def schema_of(value: Json) -> Schema | bool:
    """Return `value` as a schema."""
    if not isinstance(value, bool | dict):
        raise UnfittableSchemaError("has something else where a schema should stand")
    return value


def item_schema(schema: Schema, index: int) -> Json:
    """Return what the item at `index` must satisfy. A list of `items` is how drafts before 2020-12 wrote tuples."""
    items = schema.get("items", True)
    prefix = list_of(schema, "prefixItems")
    if isinstance(items, list):
        prefix, items = items, schema.get("additionalItems", True)
    return prefix[index] if index < len(prefix) else items


def resolve_reference(root: Json, reference: Json) -> Json:
    """Return the schema of `root` that a local `$ref` points to."""
    if not isinstance(reference, str) or not reference.startswith("#"):
        raise UnfittableSchemaError("has a $ref that points out of the schema, which the mock does not follow")
    found = root
    for step in reference[1:].split("/")[1:]:
        key = step.replace("~1", "/").replace("~0", "~")
        if isinstance(found, dict) and key in found:
            found = found[key]
        elif isinstance(found, list) and key.isdecimal() and int(key) < len(found):
            found = found[int(key)]
        else:
            raise UnfittableSchemaError(f"has a $ref to {reference[:100]!r}, which is not there")
    return found
