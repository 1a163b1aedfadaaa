"""Writes a value that fits a JSON Schema, always the same one: what the mock's tools and JSON answers are made of.

Served: type, enum, const, examples, properties, required, additionalProperties, patternProperties, minProperties,
maxProperties, dependentRequired, items, prefixItems, minItems, maxItems, uniqueItems, contains, anyOf, oneOf, allOf,
not, if/then/else, local $ref, minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf, minLength, maxLength,
pattern (see `pattern.py`), format. What is written has been checked (`schema_check.py`): a schema that the mock
cannot serve is an error, never a wrong value.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmgateway_server.dialects.mock.keywords import (
    TYPES,
    Budget,
    Json,
    Schema,
    UnfittableSchemaError,
    bound_of,
    item_schema,
    list_of,
    object_of,
    resolve_reference,
    schema_of,
    types_of,
)
from llmgateway_server.dialects.mock.merging import merge
from llmgateway_server.dialects.mock.scalars import numbers, texts
from llmgateway_server.dialects.mock.schema_check import (
    SchemaChecker,
    property_schema,
    same,
    write_matches,
)

# The shallowest value wins: recursive schemas would otherwise unfold as deep as allowed.
DEPTHS = (3, 6, 12, 24)
MAX_ITEMS = 1_000
BRANCHING = frozenset({"$ref", "allOf", "anyOf", "oneOf", "not", "if", "then", "else"})
HINTS = {
    "object": ("properties", "required", "additionalProperties", "patternProperties", "minProperties"),
    "array": ("items", "prefixItems", "minItems", "contains"),
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    "string": ("pattern", "format", "minLength", "maxLength"),
}


def write_value(schema: Json) -> Json:
    """Return a value that satisfies `schema`; raise `UnfittableSchemaError` if none was found."""
    for depth in DEPTHS:
        try:
            for value in SchemaWriter(schema, Budget()).values(schema, depth):
                return value
        except (OverflowError, RecursionError) as error:
            raise UnfittableSchemaError("is too deep, or has numbers too large, for the mock") from error
    raise UnfittableSchemaError("has no value that fits it, or none that the mock can find")


class SchemaWriter:
    """Writes values for schemas of one document."""

    def __init__(self, root: Json, budget: Budget) -> None:
        self._root = root
        self._budget = budget
        self._checker = SchemaChecker(root, budget)

    def values(self, schema: Json, depth: int) -> Iterator[Json]:
        """Yield values that fit `schema` and nest at most `depth` levels, simplest first."""
        if depth < 0:
            return
        for plain in self._alternatives(schema, frozenset()):
            for candidate in self._candidates(plain, depth):
                if self._checker.fits(candidate, schema):
                    yield candidate

    def _alternatives(self, schema: Json, followed: frozenset[str]) -> Iterator[Schema]:
        """Yield what `schema` comes down to without references and branches, one for each way through them."""
        self._budget.spend()
        schema = schema_of(schema)
        if isinstance(schema, bool):
            if schema:
                yield {}
            return
        choices: list[list[Json]] = [[branch] for branch in list_of(schema, "allOf")]
        if "$ref" in schema:
            reference = str(schema["$ref"])
            if reference in followed:
                return  # It is defined by itself.
            followed |= {reference}
            choices.append([resolve_reference(self._root, schema["$ref"])])
        choices += [list_of(schema, keyword) for keyword in ("anyOf", "oneOf") if keyword in schema]
        if "if" in schema:
            choices.append([{"allOf": [schema["if"], schema.get("then", True)]}, schema.get("else", True)])
        plain = {keyword: value for keyword, value in schema.items() if keyword not in BRANCHING}
        yield from self._combine(plain, choices, followed)

    def _combine(self, plain: Schema, choices: list[list[Json]], followed: frozenset[str]) -> Iterator[Schema]:
        if not choices:
            yield plain
            return
        for branch in choices[0]:
            for alternative in self._alternatives(branch, followed):
                yield from self._combine(merge(plain, alternative), choices[1:], followed)

    def _candidates(self, plain: Schema, depth: int) -> Iterator[Json]:
        """Yield values that are likely to fit; the caller checks."""
        if "const" in plain:
            yield plain["const"]
            return
        if "enum" in plain:
            yield from list_of(plain, "enum")
            return
        yield from list_of(plain, "examples")
        for name in types_of(plain) or guess_types(plain):
            if name == "object":
                yield from self._objects(plain, depth)
            elif name == "array":
                yield from self._lists(plain, depth)
            elif name == "string":
                pattern = plain.get("pattern")
                least = int(bound_of(plain, "minLength", 0))
                yield from write_matches(pattern, least) if isinstance(pattern, str) else texts(plain)
            elif name in ("integer", "number"):
                yield from numbers(plain, whole=name == "integer")
            elif name == "boolean":
                yield from (True, False)
            else:
                yield None

    def _objects(self, plain: Schema, depth: int) -> Iterator[Json]:
        """Yield the object with every property that can be had, then the one with the required ones only."""
        required = [name for name in list_of(plain, "required") if isinstance(name, str)]
        optional = [name for name in object_of(plain, "properties") if name not in required]
        names = [*required, *optional]
        for written in (names[: max(len(required), int(min(bound_of(plain, "maxProperties", 1e6), 1e6)))], required):
            value: dict[str, Json] = {}
            for name in written:
                for inner in self.values(property_schema(plain, name), depth - 1):
                    value[name] = inner
                    break
                else:
                    if name in required:
                        return
            yield from self._widen(value, plain, depth)

    def _widen(self, value: dict[str, Json], plain: Schema, depth: int) -> Iterator[Json]:
        """Yield `value` with made-up properties up to `minProperties`, and what `dependentRequired` asks for."""
        missing = [
            other
            for name, needed in object_of(plain, "dependentRequired").items()
            if name in value and isinstance(needed, list)
            for other in needed
            if isinstance(other, str) and other not in value
        ]
        patterned = [text for pattern in object_of(plain, "patternProperties") for text in write_matches(pattern, 0)]
        spare = (
            name for name in (*patterned, *(f"key{number}" for number in range(1, MAX_ITEMS))) if name not in value
        )
        least = bound_of(plain, "minProperties", 0)
        while missing or len(value) < least:
            name = missing.pop() if missing else next(spare, None)
            inner = next(self.values(property_schema(plain, name), depth - 1), NOTHING) if name is not None else NOTHING
            if name is None or isinstance(inner, Nothing):
                return
            value[name] = inner
        yield value

    def _lists(self, plain: Schema, depth: int) -> Iterator[Json]:
        """Yield a list with something in it, then the shortest one allowed."""
        least = bound_of(plain, "minItems", 1 if "contains" in plain else 0)
        if least > MAX_ITEMS:
            raise UnfittableSchemaError(f"wants lists of more than {MAX_ITEMS} items")
        prefix_count = len(list_of(plain, "prefixItems")) or (
            len(list_of(plain, "items")) if isinstance(plain.get("items"), list) else 0
        )
        for length in dict.fromkeys((max(int(least), prefix_count, 1), int(least))):
            items = self._items(plain, length, depth)
            if len(items) == length:
                yield items

    def _items(self, plain: Schema, length: int, depth: int) -> list[Json]:
        """Return up to `length` items, all different where they must be."""
        unique = plain.get("uniqueItems") is True
        items: list[Json] = []
        for index in range(length):
            wanted = item_schema(plain, index)
            if index == 0 and "contains" in plain:
                wanted = {"allOf": [wanted, plain["contains"]]}
            for value in self.values(wanted, depth - 1):
                if not unique or not any(same(value, item) for item in items):
                    items.append(value)
                    break
            else:
                break
        return items


class Nothing:
    """Tells that there is no value from the value `null`."""


NOTHING = Nothing()


def guess_types(plain: Schema) -> list[str]:
    """Return the types in the order to try where the schema names none: first those that its keywords are about."""
    hinted = [name for name, keywords in HINTS.items() if any(keyword in plain for keyword in keywords)]
    return [*hinted, *(name for name in TYPES if name not in hinted)]
