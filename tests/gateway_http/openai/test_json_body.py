"""Bodies are read the same by the fast parser and by the one that looks at every key and number."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from llmgateway_http.openai.errors import RestError
from llmgateway_http.openai.json_body import has_one_reading, parse_object, parse_strictly

DEPTH = 8

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.sampled_from(
    [":", "a", '":"', "\\u003a", "é"]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4), max_leaves=12
)
PIECES = st.sampled_from(
    ["{", "}", "[", "]", ",", ":", " ", "\n", "\x00", '"a"', '"b"', '"a":', '":"', '"\\u003A"', '"\\ud800"']
) | st.sampled_from(["1", "-0", "1e999", "NaN", "true", "null", "9" * 320])


def whole(value: Any, *, ensure_ascii: bool, indent: int | None) -> bytes:  # Any: JSON
    return json.dumps({"value": value}, ensure_ascii=ensure_ascii, indent=indent).encode()


@given(value=VALUES, ensure_ascii=st.booleans(), indent=st.sampled_from([None, 1]))
def test_what_python_writes_is_read_as_it_was(value: Any, ensure_ascii: bool, indent: int | None) -> None:
    body = whole(value, ensure_ascii=ensure_ascii, indent=indent)
    assert parse_object(body, 100) == {"value": value} == parse_strictly(body, 100)


@given(pieces=st.lists(PIECES, max_size=12))
@example(pieces=["{", '"a":', "1", ",", '"a":', "1", "}"])
@example(pieces=["{", '"a":', '":"', ",", '"a":', "1", "}"])
@example(pieces=["{", '"a":', "1", ",", '"b":', '"\\u003A"', "}"])
@example(pieces=["{", '"a":', "9" * 320, "}"])
def test_any_text_is_taken_or_refused_alike(pieces: list[str]) -> None:
    body = ("{" + "".join(pieces) + "}").encode()
    outcomes: list[object] = []
    for parse in (parse_object, parse_strictly):
        try:
            outcomes.append(parse(body, DEPTH))
        except RestError as error:
            outcomes.append((error.row.code, error.message, error.param))
    by_both, strictly = outcomes
    if isinstance(strictly, dict | tuple):
        assert by_both == strictly or "nests deeper" in str(by_both)


@pytest.mark.parametrize(
    ("body", "is_one"),
    [
        (b'{"a": ":", "b:c": [{"d": "::"}]}', True),
        (b'{"a": "\\u00e9\\u003c"}', True),
        (b'{"a": "\\u003a"}', False),
        (b'{"a": 1, "a": 1}', False),
        (b'{"a": {"b": 1, "b": ":"}}', False),
        (b"[" + b"9" * 309 + b"]", False),
        (b"[" + b"9" * 308 + b"]", True),
    ],
)
def test_whether_a_text_has_one_reading(body: bytes, is_one: bool) -> None:
    assert has_one_reading(json.loads(body), body) == is_one
