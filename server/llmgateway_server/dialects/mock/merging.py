"""Makes one JSON Schema of two: what `allOf` and the branches of `anyOf` come down to."""

from __future__ import annotations

import math
from fractions import Fraction

from llmgateway_server.dialects.mock.keywords import Json, Schema, bound_of, list_of, object_of, types_of
from llmgateway_server.dialects.mock.schema_check import same


def merge(one: Schema, other: Schema) -> Schema:
    """Return a schema whose values are likely to satisfy both; the caller checks."""
    merged = {**one, **other}
    for keyword in one.keys() & other.keys():
        mine, theirs = one[keyword], other[keyword]
        if mine != theirs:
            merged[keyword] = merge_keyword(keyword, one, other)
    return merged


def merge_keyword(keyword: str, one: Schema, other: Schema) -> Json:
    """Return what a keyword that two schemas give comes down to."""
    if keyword.startswith(("min", "exclusiveMin")):
        return max(bound_of(one, keyword, 0), bound_of(other, keyword, 0))
    if keyword.startswith(("max", "exclusiveMax")):
        return min(bound_of(one, keyword, 0), bound_of(other, keyword, 0))
    if keyword == "required":
        return [
            *list_of(one, keyword),
            *(name for name in list_of(other, keyword) if name not in list_of(one, keyword)),
        ]
    if keyword == "enum":
        return [
            value for value in list_of(one, keyword) if any(same(value, choice) for choice in list_of(other, keyword))
        ]
    if keyword == "type":
        return common_types(types_of(one) or [], types_of(other) or [])
    if keyword in ("properties", "patternProperties"):
        mine, theirs = object_of(one, keyword), object_of(other, keyword)
        shared = {name: both(mine[name], theirs[name]) for name in mine.keys() & theirs.keys()}
        return {**mine, **theirs, **shared}
    if keyword in ("items", "additionalProperties", "contains", "propertyNames"):
        return both(one[keyword], other[keyword])
    if keyword == "multipleOf":
        return common_multiple(bound_of(one, keyword, 1), bound_of(other, keyword, 1))
    return other[keyword]


def both(one: Json, other: Json) -> Json:
    """Return a schema that asks for both."""
    return {"allOf": [one, other]}


def common_types(some: list[str], others: list[str]) -> list[Json]:
    """Return the types that both allow: an integer is a number, too."""
    shared = [name for name in some if name in others]
    if "integer" in (set(some) ^ set(others)) and "number" in (set(some) ^ set(others)):
        shared.append("integer")
    return [*shared]


def common_multiple(one: float, other: float) -> float:
    """Return the least number that is a multiple of both."""
    first, second = Fraction(str(one)), Fraction(str(other))
    multiple = Fraction(math.lcm(first.numerator * second.denominator, second.numerator * first.denominator))
    return float(multiple / (first.denominator * second.denominator))
