"""Checks a value against the part of JSON Schema that the mock writes by (2020-12, core and validation).

Patterns are not run against the value: a hostile one would stall the event loop. A text counts as matching if
it is one that `pattern.py` writes for it.
"""

from __future__ import annotations

import math

from llmgateway_server.dialects.mock.keywords import (
    Budget,
    Json,
    Schema,
    UnfittableSchemaError,
    bound_of,
    item_schema,
    list_of,
    number_of,
    object_of,
    resolve_reference,
    schema_of,
    types_of,
)
from llmgateway_server.dialects.mock.pattern import UnwritablePatternError, write_match


class SchemaChecker:
    """Checks values against schemas of one document, `root`, which `$ref` points into."""

    def __init__(self, root: Json, budget: Budget) -> None:
        self._root = root
        self._budget = budget

    def fits(self, value: Json, schema: Json) -> bool:
        """Whether `value` satisfies `schema`."""
        self._budget.spend()
        schema = schema_of(schema)
        if isinstance(schema, bool):
            return schema
        return (
            fits_value(value, schema)
            and fits_number(value, schema)
            and fits_text(value, schema)
            and self._fits_branches(value, schema)
            and self._fits_list(value, schema)
            and self._fits_object(value, schema)
        )

    def _fits_branches(self, value: Json, schema: Schema) -> bool:
        if "$ref" in schema and not self.fits(value, resolve_reference(self._root, schema["$ref"])):
            return False
        if not all(self.fits(value, branch) for branch in list_of(schema, "allOf")):
            return False
        if "anyOf" in schema and not any(self.fits(value, branch) for branch in list_of(schema, "anyOf")):
            return False
        if "oneOf" in schema and sum(self.fits(value, branch) for branch in list_of(schema, "oneOf")) != 1:
            return False
        if "not" in schema and self.fits(value, schema["not"]):
            return False
        if "if" in schema:
            return self.fits(value, schema.get("then" if self.fits(value, schema["if"]) else "else", True))
        return True

    def _fits_list(self, value: Json, schema: Schema) -> bool:
        if not isinstance(value, list):
            return True
        if not bound_of(schema, "minItems", 0) <= len(value) <= bound_of(schema, "maxItems", math.inf):
            return False
        if schema.get("uniqueItems") is True and has_twins(value):
            return False
        if "contains" in schema and not any(self.fits(item, schema["contains"]) for item in value):
            return False
        return all(self.fits(item, item_schema(schema, index)) for index, item in enumerate(value))

    def _fits_object(self, value: Json, schema: Schema) -> bool:
        if not isinstance(value, dict):
            return True
        if not bound_of(schema, "minProperties", 0) <= len(value) <= bound_of(schema, "maxProperties", math.inf):
            return False
        if not all(name in value for name in list_of(schema, "required")):
            return False
        for name, needed in object_of(schema, "dependentRequired").items():
            if name in value and isinstance(needed, list) and not all(other in value for other in needed):
                return False
        if "propertyNames" in schema and not all(self.fits(name, schema["propertyNames"]) for name in value):
            return False
        return all(self.fits(inner, property_schema(schema, name)) for name, inner in value.items())


def property_schema(schema: Schema, name: str) -> Json:
    """Return what the property called `name` must satisfy."""
    named = [inner for key, inner in object_of(schema, "properties").items() if key == name]
    patterns = object_of(schema, "patternProperties")
    named += [inner for pattern, inner in patterns.items() if is_written_by(name, pattern, 0)]
    if not named:
        return schema.get("additionalProperties", True)
    return named[0] if len(named) == 1 else {"allOf": named}


def fits_value(value: Json, schema: Schema) -> bool:
    """Whether a value is of an allowed type and, where they are listed, one of the allowed values."""
    types = types_of(schema)
    if types is not None and not any(has_type(value, name) for name in types):
        return False
    if "const" in schema and not same(value, schema["const"]):
        return False
    return "enum" not in schema or any(same(value, choice) for choice in list_of(schema, "enum"))


def fits_number(value: Json, schema: Schema) -> bool:
    """Whether a number is within its bounds; anything else is."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return True
    if not bound_of(schema, "minimum", -math.inf) <= value <= bound_of(schema, "maximum", math.inf):
        return False
    low, high = number_of(schema, "exclusiveMinimum"), number_of(schema, "exclusiveMaximum")
    if (low is not None and value <= low) or (high is not None and value >= high):
        return False
    step = number_of(schema, "multipleOf")
    if step is None:
        return True
    if step <= 0:
        raise UnfittableSchemaError("has a multipleOf that is not above 0")
    if isinstance(step, int) and isinstance(value, int):
        return value % step == 0
    quotient = value / step
    return math.isfinite(quotient) and quotient == int(quotient)


def fits_text(value: Json, schema: Schema) -> bool:
    """Whether a text is long enough, short enough and written by its pattern; anything else is."""
    if not isinstance(value, str):
        return True
    least = bound_of(schema, "minLength", 0)
    if not least <= len(value) <= bound_of(schema, "maxLength", math.inf):
        return False
    pattern = schema.get("pattern")
    if pattern is None or "enum" in schema or "const" in schema:
        return True  # Whoever lists the texts knows that they match.
    return isinstance(pattern, str) and is_written_by(value, pattern, int(least))


def is_written_by(text: str, pattern: str, length: int) -> bool:
    """Whether `text` is one of those that the mock writes for `pattern`."""
    return text in write_matches(pattern, length)


def write_matches(pattern: str, length: int) -> list[str]:
    """Return texts that match `pattern`, one with repeats enough for `length` characters."""
    try:
        return [write_match(pattern, repeats) for repeats in dict.fromkeys((1, 0, length))]
    except UnwritablePatternError as error:
        raise UnfittableSchemaError(f"has the pattern {pattern[:100]!r}, which is beyond the mock: {error}") from error


def has_twins(items: list[Json]) -> bool:
    """Whether two items are equal."""
    return any(same(item, other) for index, item in enumerate(items) for other in items[:index])


def same(one: Json, other: Json) -> bool:
    """Whether two values are equal as JSON: `1` is `1.0`, `true` is not `1`."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    return one == other


def has_type(value: Json, name: str) -> bool:
    """Whether a value is of the JSON Schema type called `name`; `1.0` is an integer there."""
    if isinstance(value, bool):
        return name == "boolean"
    if isinstance(value, int | float):
        return name == "number" or (name == "integer" and (isinstance(value, int) or value.is_integer()))
    kinds: dict[str, type] = {"string": str, "object": dict, "array": list, "null": type(None)}
    return name in kinds and isinstance(value, kinds[name])
