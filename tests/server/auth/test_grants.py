from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from llmgateway_server.auth.grants import CACHE_SCOPES, Grant, completed, excess
from llmgateway_server.auth.roles import Role
from llmgateway_server.patterns import matches

ADMIN = Grant(
    Role.ADMIN,
    models=("openai/*", "fast"),
    cache_scopes=("end_user", "key"),
    labels={"app": "a"},
    require={"region": "eu"},
    weight=5,
    expires_ns=1_000,
    networks=("10.0.0.0/8", "2001:db8::/32"),
)
OWNER = msgspec.structs.replace(ADMIN, role=Role.OWNER)


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("role", {"role": Role.OWNER}),
        ("models", {"models": ("*",)}),
        ("models", {"models": ("openai/gpt-4o", "anthropic/claude")}),
        ("models", {"models": ("open*",)}),
        ("cache_scopes", {"cache_scopes": ("team",)}),
        ("labels", {"labels": {}}),
        ("labels", {"labels": {"app": "b"}}),
        ("require", {"require": {"region": "us"}}),
        ("weight", {"weight": 6}),
        ("expire_time", {"expires_ns": None}),
        ("expire_time", {"expires_ns": 1_001}),
        ("ip_ranges", {"networks": ()}),
        ("ip_ranges", {"networks": ("10.1.0.0/16", "0.0.0.0/0")}),
        ("ip_ranges", {"networks": ("10.0.0.0/7",)}),
        ("ip_ranges", {"networks": ("::/0",)}),
    ],
)
def test_more_than_the_granter_has_is_told_by_its_field(field: str, changes: dict[str, Any]) -> None:
    asked = msgspec.structs.replace(ADMIN, **changes)
    assert excess(asked, ADMIN) == (field,)
    assert excess(asked, OWNER) == ()


@pytest.mark.parametrize(
    "changes",
    [
        {"role": Role.VIEWER},
        {"models": ("openai/gpt-*", "fast")},
        {"cache_scopes": ("key",)},
        {"labels": {"app": "a", "more": "b"}},
        {"require": {"region": "eu", "zero_retention": "true"}},
        {"weight": 1},
        {"expires_ns": 999},
        {"networks": ("10.0.0.0/8", "10.1.2.3/32", "2001:db8:1::/48")},
    ],
)
def test_as_much_or_less_passes(changes: dict[str, Any]) -> None:
    assert excess(msgspec.structs.replace(ADMIN, **changes), ADMIN) == ()


def test_what_is_left_out_is_as_the_granter_has_it() -> None:
    left_out = Grant(Role.MEMBER, models=(), cache_scopes=())
    assert completed(left_out, ADMIN) == msgspec.structs.replace(ADMIN, role=Role.MEMBER, weight=1)


def test_an_owner_hands_on_its_models_where_none_are_named_and_no_limits() -> None:
    filled = completed(Grant(Role.MEMBER, models=(), cache_scopes=()), OWNER)
    assert filled == Grant(Role.MEMBER, models=OWNER.models, cache_scopes=CACHE_SCOPES)


patterns = st.text("ab/*", min_size=1, max_size=6)
names = st.text("ab/", max_size=8)


@given(st.lists(patterns, min_size=1, max_size=3), st.lists(patterns, min_size=1, max_size=3), names)
def test_no_name_passes_a_pattern_that_the_granters_do_not_cover(
    asked: list[str], granted: list[str], name: str
) -> None:
    granter = Grant(Role.ADMIN, models=granted)
    if "models" not in excess(Grant(Role.ADMIN, models=asked), granter) and any(
        matches(pattern, name) for pattern in asked
    ):
        assert any(matches(pattern, name) for pattern in granted)


grants = st.builds(
    Grant,
    role=st.sampled_from(Role),
    models=st.lists(st.sampled_from(["*", "openai/*", "openai/gpt", "fast"]), max_size=2).map(tuple),
    cache_scopes=st.sets(st.sampled_from(CACHE_SCOPES)).map(tuple),
    labels=st.dictionaries(st.sampled_from("ab"), st.sampled_from("xy"), max_size=2),
    require=st.dictionaries(st.sampled_from("ab"), st.sampled_from("xy"), max_size=2),
    weight=st.integers(1, 3),
    expires_ns=st.none() | st.integers(1, 3),
    networks=st.lists(st.sampled_from(["10.0.0.0/8", "10.1.0.0/16", "::/0"]), max_size=2).map(tuple),
)


@given(grants, grants, grants)
def test_what_passes_twice_passes_at_once(first: Grant, second: Grant, third: Grant) -> None:
    """Handing on what was handed on gives no more than the first had."""
    if not excess(second, first) and not excess(third, second) and first.role is not Role.OWNER:
        assert not excess(third, first)
