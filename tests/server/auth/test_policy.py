import fnmatch
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from llmgateway_server import errors
from llmgateway_server.auth.keys import invalid_key
from llmgateway_server.auth.policy import check_bounds, is_within, matches, may_use
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


@pytest.mark.parametrize(
    ("address", "networks", "expected"),
    [
        ("10.1.2.3", ("10.0.0.0/8",), True),
        ("11.1.2.3", ("10.0.0.0/8",), False),
        ("11.1.2.3", ("10.0.0.0/8", "11.1.2.3/32"), True),
        ("::ffff:10.1.2.3", ("10.0.0.0/8",), True),
        ("::1", ("::1/128",), True),
        ("fe80::1%eth0", ("fe80::/10",), True),
        ("::1", ("127.0.0.0/8",), False),
        ("", ("0.0.0.0/0", "::/0"), False),
        ("localhost", ("127.0.0.0/8",), False),
    ],
)
def test_an_address_lies_within_networks(address: str, networks: tuple[str, ...], expected: bool) -> None:
    assert is_within(address, networks) is expected


@pytest.mark.parametrize(
    ("principal", "is_let_in"),
    [
        (Principal("a"), True),
        (Principal("a", expires_s=100.1), True),
        (Principal("a", expires_s=100.0), False),
        (Principal("a", networks=("10.0.0.0/8",)), True),
        (Principal("a", networks=("11.0.0.0/8",)), False),
        (Principal("a", networks=("10.0.0.0/8",), expires_s=99.0), False),
    ],
)
def test_a_key_is_refused_once_it_has_expired_and_from_elsewhere(principal: Principal, is_let_in: bool) -> None:
    if is_let_in:
        check_bounds(principal, 100.0, "10.0.0.1")
        return
    with pytest.raises(errors.ApiKeyInvalid) as refused:
        check_bounds(principal, 100.0, "10.0.0.1")
    assert refused.value.message == invalid_key().message
