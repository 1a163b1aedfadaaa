import fnmatch
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from llmgateway_server.auth.policy import matches, may_use
from llmgateway_server.call import Principal


@pytest.mark.parametrize(
    ("pattern", "model_id", "expected"),
    [
        ("*", "openai/gpt-4o", True),
        ("*", "", True),
        ("openai/*", "openai/gpt-4o", True),
        ("openai/*", "openai/a/b", True),
        ("openai/*", "openai/", True),
        ("openai/*", "openai", False),
        ("openai/*", "openai2/gpt", False),
        ("openai/*", "x/openai/gpt", False),
        ("openai/gpt-4o", "openai/gpt-4o", True),
        ("openai/gpt-4o", "openai/gpt-4o-mini", False),
        ("openai/gpt-4o", "OpenAI/gpt-4o", False),
        ("*/gpt-*", "azure/gpt-4o", True),
        ("*/gpt-*", "gpt-4o", False),
        ("a*a", "a", False),
        ("a*a", "aa", True),
        ("a*bc*c", "abc", False),
        ("a*bc*c", "abcc", True),
        ("**", "x", True),
        ("small", "small", True),
        ("m[12]?", "m[12]?", True),
        ("m[12]?", "m1x", False),
        ("", "x", False),
    ],
)
def test_a_pattern_covers_what_its_stars_stand_for(pattern: str, model_id: str, expected: bool) -> None:
    assert matches(pattern, model_id) is expected


@given(st.text(alphabet="ab*", max_size=8), st.text(alphabet="ab", max_size=10))
def test_stars_agree_with_shell_patterns(pattern: str, model_id: str) -> None:
    assert matches(pattern, model_id) == (re.fullmatch(fnmatch.translate(pattern), model_id) is not None)


def test_any_of_a_principals_patterns_is_enough_and_none_is_nothing() -> None:
    assert may_use(Principal("a", ("x/*", "small")), "small")
    assert not may_use(Principal("a", ("x/*", "small")), "large")
    assert not may_use(Principal("a", ()), "small")
