from __future__ import annotations

import pytest
from llmgateway.v1 import generation_pb2
from llmgateway_server import errors
from llmgateway_server.routing.plan import RouteTable, Target, check_preferences, target_of

TABLE = RouteTable(["openai", "mock"], {"small": Target("openai", "gpt-4o-mini")})


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("small", Target("openai", "gpt-4o-mini")),
        ("openai/gpt-4o", Target("openai", "gpt-4o")),
        ("openai/ft:gpt/x/y", Target("openai", "ft:gpt/x/y")),
    ],
)
def test_a_name_is_a_route_or_a_providers_model(name: str, target: Target) -> None:
    assert TABLE.resolve(name) == target


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("smal", "small"), ("opnai/gpt-4o", "openai/"), ("mock", "mock/"), ("", ""), ("openai/", "openai/"), ("zzz", "")],
)
def test_an_unknown_name_is_refused_with_the_nearest_one(name: str, nearest: str) -> None:
    with pytest.raises(errors.ModelNotFound) as caught:
        TABLE.resolve(name)
    assert caught.value.metadata == {"model": name, "nearest": nearest}


def test_an_unknown_name_is_shown_shortened() -> None:
    with pytest.raises(errors.ModelNotFound) as caught:
        TABLE.resolve("x" * 100_000)
    assert len(caught.value.message) < 500


@pytest.mark.parametrize(
    ("preferences", "excluded_by"),
    [
        (generation_pb2.RoutingPreferences(allowed_providers=["mock"]), "allowed_providers"),
        (generation_pb2.RoutingPreferences(denied_providers=["openai"]), "denied_providers"),
        (generation_pb2.RoutingPreferences(required_tags={"region": "eu"}), "required_tags"),
    ],
)
def test_a_preference_that_excludes_the_only_target_is_named(
    preferences: generation_pb2.RoutingPreferences, excluded_by: str
) -> None:
    with pytest.raises(errors.CapabilityMissing, match=excluded_by):
        check_preferences(target_of("openai/gpt-4o"), generation_pb2.GenerateRequest(routing=preferences))


def test_preferences_that_allow_the_target_change_nothing() -> None:
    preferences = generation_pb2.RoutingPreferences(
        allowed_providers=["openai"],
        denied_providers=["mock"],
        provider_order=["mock"],
        sort="price",
        allow_fallback=False,
    )
    check_preferences(target_of("openai/gpt-4o"), generation_pb2.GenerateRequest(routing=preferences))
