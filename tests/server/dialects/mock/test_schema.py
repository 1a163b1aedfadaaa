"""The mock's JSON fits: checked by the reference implementation, not by the mock's own checker."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from llmgateway_server.dialects.mock.keywords import UnfittableSchemaError
from llmgateway_server.dialects.mock.schema import write_value

Schema = dict[str, Any]  # any JSON Schema


def validate(value: object, schema: Schema) -> None:
    jsonschema.Draft202012Validator(schema).validate(value)


names = st.sampled_from(["a", "b", "c", "longer name"])


@st.composite
def number_schemas(draw: st.DrawFn) -> Schema:
    low = draw(st.integers(-1000, 1000))
    schema: Schema = {"type": draw(st.sampled_from(["integer", "number"]))}
    schema |= draw(st.sampled_from([{}, {"minimum": low}, {"exclusiveMinimum": low}]))
    schema |= draw(st.sampled_from([{}, {"maximum": low + 40}, {"exclusiveMaximum": low + 40}]))
    return schema | draw(st.sampled_from([{}, {"multipleOf": 7}, {"multipleOf": 0.5}, {"multipleOf": 0.1}]))


@st.composite
def text_schemas(draw: st.DrawFn) -> Schema:
    least = draw(st.integers(0, 30))
    lengths: Schema = {"minLength": least, "maxLength": least + draw(st.integers(0, 20))}
    patterns = ["^[a-z]+$", "^\\d{3}-\\d{4}$", "^(red|green)$", "^[A-Z][a-z]*(-[0-9]{2,})?$", "^\\S+@\\S+\\.\\w+$", "x"]
    pattern = st.fixed_dictionaries({"pattern": st.sampled_from(patterns)})
    formats = st.fixed_dictionaries({"format": st.sampled_from(["date-time", "email", "uuid", "unknown"])})
    return {"type": "string"} | draw(st.one_of(st.just({}), st.just(lengths), pattern, formats))


leaves = st.one_of(
    number_schemas(),
    text_schemas(),
    st.sampled_from([{"type": "boolean"}, {"type": "null"}, {"type": ["string", "null"]}, {}, True]),
    st.fixed_dictionaries({"enum": st.lists(st.one_of(st.integers(), st.text(), st.none()), min_size=1, max_size=4)}),
    st.fixed_dictionaries({"const": st.one_of(st.integers(), st.text(), st.booleans(), st.just({"deep": [1]}))}),
)


@st.composite
def object_schemas(draw: st.DrawFn, inner: st.SearchStrategy[Any]) -> Schema:
    properties = draw(st.dictionaries(names, inner, max_size=4))
    schema: Schema = {"type": "object", "properties": properties}
    if properties:
        schema["required"] = draw(st.lists(st.sampled_from(sorted(properties)), unique=True))
    schema |= draw(st.sampled_from([{}, {"additionalProperties": False}, {"minProperties": len(properties)}]))
    return schema


@st.composite
def list_schemas(draw: st.DrawFn, inner: st.SearchStrategy[Any]) -> Schema:
    least = draw(st.integers(0, 4))
    schema: Schema = {"type": "array", "items": draw(inner), "minItems": least}
    return schema | draw(st.sampled_from([{}, {"maxItems": least}, {"maxItems": least + 2}]))


def branch_schemas(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Schema]:
    branches = st.lists(inner, min_size=1, max_size=3)
    return st.one_of(
        st.fixed_dictionaries({"anyOf": branches}),
        st.fixed_dictionaries({"allOf": st.lists(inner, min_size=1, max_size=2)}),
        st.builds(lambda schema: {"$defs": {"inner": schema}, "allOf": [schema]}, inner),
    )


schemas = st.recursive(
    leaves, lambda inner: st.one_of(object_schemas(inner), list_schemas(inner), branch_schemas(inner)), max_leaves=8
)


@given(schemas)
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=200)
def test_what_is_written_fits(schema: Schema) -> None:
    try:
        value = write_value(schema)
    except UnfittableSchemaError:
        assume(False)  # `allOf` may ask for the impossible; the test below bounds how often that is said
    validate(value, schema)


@given(st.recursive(leaves, lambda inner: st.one_of(object_schemas(inner), list_schemas(inner)), max_leaves=8))
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=200)
def test_a_schema_without_branches_is_always_served(schema: Schema) -> None:
    validate(write_value(schema), schema)


NODE = {"type": "object", "properties": {"value": {"type": "integer"}, "next": {"$ref": "#/$defs/node"}}}

SERVED: dict[str, Schema] = {
    "an empty schema": {},
    "OpenAI's weather tool": {
        "type": "object",
        "properties": {"location": {"type": "string"}, "unit": {"type": "string", "enum": ["c", "f"]}},
        "required": ["location"],
        "additionalProperties": False,
    },
    "definitions": {
        "$defs": {"name": {"type": "string", "minLength": 40}},
        "properties": {"n": {"$ref": "#/$defs/name"}},
    },
    "draft 7's definitions": {"definitions": {"x y": {"const": 1}}, "$ref": "#/definitions/x y"},
    "a list that ends": {"$ref": "#/$defs/node", "$defs": {"node": NODE}},
    "a required list that ends in null": {
        "$ref": "#/$defs/node",
        "$defs": {
            "node": {
                "type": "object",
                "properties": {"value": {}, "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]}},
                "required": ["value", "next"],
            }
        },
    },
    "one of two that overlap": {"oneOf": [{"type": "integer"}, {"type": "number", "minimum": 5}], "maximum": 9},
    "not": {"type": "string", "not": {"const": "Lorem ipsum"}},
    "not a type": {"not": {"type": "string"}},
    "if then": {
        "properties": {"kind": {"enum": ["a", "b"]}},
        "required": ["kind"],
        "if": {"properties": {"kind": {"const": "a"}}},
        "then": {"required": ["size"], "properties": {"size": {"type": "number"}}},
    },
    "different items": {
        "type": "array",
        "items": {"type": "string", "maxLength": 5},
        "minItems": 9,
        "uniqueItems": True,
    },
    "different numbers": {"type": "array", "items": {"type": "integer"}, "minItems": 50, "uniqueItems": True},
    "a tuple": {
        "type": "array",
        "prefixItems": [{"type": "string"}, {"type": "boolean"}],
        "items": False,
        "minItems": 2,
    },
    "contains": {"type": "array", "items": {"type": "integer"}, "contains": {"minimum": 100}},
    "many properties": {"type": "object", "minProperties": 3, "additionalProperties": {"type": "boolean"}},
    "few properties": {"properties": {"a": {}, "b": {}, "c": {}}, "required": ["c"], "maxProperties": 1},
    "named by pattern": {"type": "object", "patternProperties": {"^x-": {"const": 1}}, "minProperties": 1},
    "dependent": {"properties": {"a": {}, "b": {}}, "required": ["a"], "dependentRequired": {"a": ["b", "zip"]}},
    "a pattern with a length": {"type": "string", "pattern": "^[a-z]*$", "minLength": 12},
    "cents": {"type": "number", "multipleOf": 0.01, "minimum": 0.065, "maximum": 0.08},
    "between two numbers": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
    "an integer that all agree on": {"allOf": [{"type": "number"}, {"type": "integer", "minimum": 3}, {"maximum": 3}]},
    "merged objects": {
        "allOf": [
            {"properties": {"a": {"type": "string"}}, "required": ["a"]},
            {"properties": {"a": {"minLength": 20}, "b": {"type": "null"}}, "required": ["b"]},
        ]
    },
    "an example": {"type": "string", "examples": [5, "Oslo"]},
}


@pytest.mark.parametrize("name", SERVED)
def test_keyword_is_served(name: str) -> None:
    validate(write_value(SERVED[name]), SERVED[name])


def test_every_property_is_written_and_an_example_is_taken() -> None:
    assert write_value(SERVED["OpenAI's weather tool"]) == {"location": "Lorem ipsum", "unit": "c"}
    assert write_value(SERVED["an example"]) == "Oslo"


def bomb(keyword: str) -> Schema:
    """A small schema that stands for 2^40 ways."""
    steps = {f"s{n}": {keyword: [{"$ref": f"#/$defs/s{n + 1}"}, {"$ref": f"#/$defs/s{n + 1}"}]} for n in range(40)}
    return {"$ref": "#/$defs/s0", "$defs": {**steps, "s40": {"type": "string", "maxLength": -1}}}


REFUSED: dict[str, tuple[Schema, str]] = {
    "a contradiction": ({"type": "string", "minLength": 5, "maxLength": 4}, "no value"),
    "false": ({"properties": {"a": False}, "required": ["a"], "type": "object"}, "no value"),
    "itself": ({"$ref": "#"}, "no value"),
    "endless": ({"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]}, "no value"),
    "another document": ({"$ref": "https://example.com/schema"}, "points out of the schema"),
    "nowhere": ({"$ref": "#/$defs/none"}, "which is not there"),
    "no type": ({"type": "text"}, "unknown type 'text'"),
    "no schema": ({"properties": {"a": 5}, "required": ["a"], "type": "object"}, "where a schema should stand"),
    "no list": ({"enum": 5}, "enum that is no list"),
    "no number": ({"type": "integer", "minimum": "1"}, "minimum that is no number"),
    "look-ahead": ({"type": "string", "pattern": "(?=a)a"}, "beyond the mock"),
    "huge repeats": ({"type": "string", "pattern": "(((a{1000}){1000}){1000}){1000}"}, "beyond the mock"),
    "huge lists": ({"type": "array", "minItems": 10**9}, "more than 1000 items"),
    "huge texts": ({"type": "string", "minLength": 10**9}, "more than 100000 characters"),
    "no step": ({"type": "number", "multipleOf": 0}, "not above 0"),
    "a bomb of any": (bomb("anyOf"), "too large or too intertwined"),
    "a bomb of all": (bomb("allOf"), "too large or too intertwined"),
    "a bomb of one": (bomb("oneOf"), "too large or too intertwined"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_served_is_refused(name: str) -> None:
    schema, message = REFUSED[name]
    with pytest.raises(UnfittableSchemaError, match=message):
        write_value(schema)
