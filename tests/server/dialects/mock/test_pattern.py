"""Texts for patterns: checked by `re`."""

from __future__ import annotations

import re

import pytest
from llmgateway_server.dialects.mock.pattern import UnwritablePatternError, write_match

WRITABLE = [
    "",
    "abc",
    "^abc$",
    "a|b",
    "(?:red|green) [a-z]+",
    "(?P<year>[0-9]{4})-(?<month>\\d{2})",
    "[^a-z]",
    "[^\\d\\s]x",
    "[]a]",
    "[a-]",
    "\\w+@\\w+\\.com",
    "\\D\\W\\S",
    "\\x41\\u0042",
    "a{2,3}b{0,}c{2}",
    "a*?b+?c??",
    "\\bword\\b",
    "\\n\\t\\.",
    ".",
    "((a|b)c){3}",
    "^[A-Z]{2}\\d{2}[ ]?(\\d{4}[ ]?){3}$",
]


@pytest.mark.parametrize("repeats", [0, 1, 5])
@pytest.mark.parametrize("pattern", WRITABLE)
def test_what_is_written_matches(pattern: str, repeats: int) -> None:
    python_pattern = pattern.replace("(?<month>", "(?P<month>")
    assert re.fullmatch(python_pattern, write_match(pattern, repeats), re.DOTALL)


UNWRITABLE = [
    "(?=a)",
    "(?!a)",
    "(?<=a)b",
    "(a)\\1",
    "\\p{L}",
    "(a",
    "a)",
    "*a",
    "[a",
    "a\\",
    "\\xzz",
    "a{1001}",
    "[^\\d\\D]",
]


@pytest.mark.parametrize("pattern", UNWRITABLE)
def test_what_is_beyond_it_is_refused(pattern: str) -> None:
    with pytest.raises(UnwritablePatternError):
        write_match(pattern)


def test_nesting_is_bounded() -> None:
    with pytest.raises(UnwritablePatternError, match="nests too deep"):
        write_match("(" * 100_000)


def test_length_is_bounded() -> None:
    with pytest.raises(UnwritablePatternError, match="10000 characters"):
        write_match("((a{1000}){1000}){1000}")
