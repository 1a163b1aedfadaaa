"""Which targets a call may go to, in which order, and why not to others."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from llmgateway.v1 import explain_pb2, generation_pb2
from llmgateway_server import errors
from llmgateway_server.call import Principal
from llmgateway_server.routing.plan import Plan
from llmgateway_server.routing.target import target_of

from tests.server.routing.world import World, chat, preferring

Outcome = explain_pb2.TargetOutcome

FOUR = {"targets": ["a/m", "b/m", "c/m", "d/m"]}
PRICED = {
    "a/m": {"price": {"input": 3, "output": 9}},
    "b/m": {"price": {"input": 1, "output": 3}},
    "c/m": {"price": {"input": 1, "output": 3}},
}


def left_out(plan: Plan) -> dict[str, str]:
    """Return who is left out, and by which word."""
    return {
        one.choice.target.id: Outcome.Exclusion.Name(one.exclusion).removeprefix("EXCLUSION_").lower()
        for one in (*plan.left_alone, *plan.left_out)
    }


def test_a_route_s_targets_are_tried_as_written_and_then_its_fallbacks() -> None:
    world = World({"fast": {**FOUR, "fallback": ["a/other", "b/other"]}})
    assert world.order("fast") == ["a/m", "b/m", "c/m", "d/m", "a/other", "b/other"]
    assert [choice.is_fallback for choice in world.plan("fast").choices] == [False] * 4 + [True] * 2


def test_a_name_alone_leads_to_a_model_or_to_another_route() -> None:
    world = World({"fast": {"targets": ["a/m"]}, "small": "fast", "tiny": "small", "one": "b/x"})
    assert (world.order("tiny"), world.order("one"), world.order("c/anything")) == (["a/m"], ["b/x"], ["c/anything"])
    assert world.plan("tiny").route.name == "fast"


def test_a_route_as_fallback_brings_its_own_targets_and_fallbacks() -> None:
    world = World(
        {
            "first": {"targets": ["a/m"], "fallback": ["second", "d/m"]},
            "second": {"targets": ["b/m", "a/m"], "fallback": ["c/m"]},
        }
    )
    assert world.order("first") == ["a/m", "b/m", "c/m", "d/m"]


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("smal", "small"), ("aa/gpt-4o", "a/"), ("mock", ""), ("zzz", "")],
)
def test_an_unknown_name_is_refused_with_the_nearest_one(name: str, nearest: str) -> None:
    with pytest.raises(errors.ModelNotFound) as caught:
        World({"small": "a/m"}).plan(name)
    assert caught.value.metadata == {"model": name, "nearest": nearest}


def test_an_unknown_name_is_shown_shortened() -> None:
    with pytest.raises(errors.ModelNotFound) as caught:
        World().plan("x" * 100_000)
    assert len(caught.value.message) < 500


# Who may use what.


def test_a_key_that_may_use_the_route_may_use_all_that_stands_on_it() -> None:
    world = World({"fast": FOUR})
    assert len(world.order("fast", may_use=lambda name: name == "fast")) == 4


def test_a_key_that_may_use_some_targets_gets_those_and_does_not_hear_of_others() -> None:
    world = World({"fast": {**FOUR, "fallback": ["a/other"]}})
    plan = world.plan("fast", may_use=lambda name: name in ("b/m", "a/other"))
    assert [choice.target.id for choice in plan.choices] == ["b/m", "a/other"]
    assert left_out(plan) == {}


def test_a_key_that_may_use_none_of_it_is_refused() -> None:
    with pytest.raises(errors.ModelNotAllowed, match="may not use 'fast'"):
        World({"fast": FOUR}).plan("fast", may_use=lambda name: name == "a/else")


def test_a_fallback_that_the_request_names_must_be_allowed_too() -> None:
    world = World({"fast": {"targets": ["a/m"]}})
    asked = preferring(fallback_models=["b/m"])
    with pytest.raises(errors.ModelNotAllowed, match="b/m"):
        world.plan("fast", asked, may_use=lambda name: name == "fast")
    assert world.order("fast", asked, may_use=lambda name: name in ("fast", "b/*", "b/m")) == ["a/m", "b/m"]


def test_a_fallback_that_may_be_used_by_its_own_name_is_served_though_the_first_name_is_not_granted() -> None:
    world = World({"fast": {"targets": ["a/m", "d/m"]}, "mine": {"targets": ["b/m", "c/m"]}})
    allowed = {"a/m", "mine"}
    order = world.order("fast", preferring(fallback_models=["mine"]), may_use=allowed.__contains__)
    assert order == ["a/m", "b/m", "c/m"]


# What the request prefers.

PREFERENCES: list[tuple[dict[str, object], list[str]]] = [
    ({"provider_order": ["c", "nobody", "b"]}, ["c/m", "b/m", "a/m", "d/m"]),
    ({"allowed_providers": ["b", "d"]}, ["b/m", "d/m"]),
    ({"denied_providers": ["a"], "allowed_providers": ["a", "b"]}, ["b/m"]),
    ({"allow_fallback": False}, ["a/m"]),
    ({"allow_fallback": False, "provider_order": ["d"]}, ["d/m"]),
    ({"fallback_models": ["a/x", "b/m", "d/y"]}, ["a/m", "b/m", "c/m", "d/m", "a/x", "d/y"]),
    ({"sort": "price"}, ["b/m", "c/m", "a/m", "d/m"]),
    ({"max_price": generation_pb2.MaxPrice(input_usd_nanos_per_million=10**9)}, ["b/m", "c/m"]),
    ({"max_price": generation_pb2.MaxPrice(output_usd_nanos_per_million=9 * 10**9)}, ["a/m", "b/m", "c/m"]),
]


@pytest.mark.parametrize(("preferences", "order"), PREFERENCES)
def test_preferences_narrow_and_order(preferences: dict[str, object], order: list[str]) -> None:
    world = World({"fast": FOUR}, models=PRICED)
    assert world.order("fast", preferring(**preferences)) == order


@pytest.mark.parametrize(
    ("preferences", "said"),
    [
        ({"allowed_providers": ["b"]}, "routing.allowed_providers leaves it out"),
        ({"denied_providers": ["a"]}, "routing.denied_providers names it"),
        ({"required_tags": {"region": "eu"}}, "lacks the tag region=eu"),
        ({"max_price": generation_pb2.MaxPrice(input_usd_nanos_per_million=1)}, "is unknown"),
    ],
)
def test_a_preference_that_leaves_nothing_is_named(preferences: dict[str, object], said: str) -> None:
    with pytest.raises(errors.CapabilityMissing, match=said) as caught:
        World().plan("a/m", preferring(**preferences))
    assert caught.value.metadata == {"model": "a/m", "capability": "routing"}


# Data policy.

TAGGED = {"a/m": {"tags": {"region": "us"}}, "b/m": {"tags": {"region": "eu", "zero_retention": True}}}


@pytest.mark.parametrize(
    ("route", "key", "request_tags"),
    [
        ({"region": "eu"}, {}, {}),
        ({}, {"region": "eu"}, {}),
        ({}, {}, {"region": "eu"}),
        ({"zero_retention": True}, {"region": "eu"}, {}),
    ],
)
def test_what_lacks_a_required_tag_is_never_chosen(
    route: dict[str, object], key: dict[str, str], request_tags: dict[str, str]
) -> None:
    world = World({"safe": {**FOUR, "require": route, "fallback": ["b/other"]}}, models=TAGGED)
    plan = world.plan("safe", preferring(required_tags=request_tags), principal=Principal("k", require=key))
    assert [choice.target.id for choice in plan.choices] == ["b/m"]
    assert set(left_out(plan).values()) == {"tag"}


def test_a_provider_s_tags_are_its_models_and_theirs_stand_above() -> None:
    world = World(
        {"safe": {"targets": ["a/x", "a/m"], "require": {"region": "eu"}}},
        models=TAGGED,
        provider_settings={"a": {"tags": {"region": "eu"}}},
    )
    assert world.order("safe") == ["a/x"]


def test_a_policy_holds_on_every_route_on_the_way() -> None:
    world = World(
        {"outer": {"otherwise": "inner", "require": {"region": "eu"}}, "inner": {"targets": ["a/m", "b/m"]}},
        models=TAGGED,
    )
    assert world.order("outer") == ["b/m"]
    assert world.order("inner") == ["a/m", "b/m"]


@pytest.mark.parametrize(
    ("key", "route", "asked"),
    [
        ({"region": "eu"}, {"region": "us"}, {}),
        ({"region": "eu"}, {}, {"region": "us"}),
        ({}, {"region": "eu"}, {"region": "us"}),
        ({"zero_retention": "true"}, {}, {"zero_retention": "false"}),
    ],
)
def test_nobody_overrides_what_another_requires(
    key: dict[str, str], route: dict[str, str], asked: dict[str, str]
) -> None:
    world = World({"safe": {**FOUR, "require": route}}, models=TAGGED)
    with pytest.raises(errors.CapabilityMissing, match="lacks the tag"):
        world.plan("safe", preferring(required_tags=asked), principal=Principal("k", require=key))


# What a target can do.


def test_a_target_that_lacks_what_is_asked_is_left_out() -> None:
    world = World({"fast": FOUR}, models={"a/m": {"capabilities": {"json_schema": False}}})
    schema = generation_pb2.OutputFormat(json_schema=generation_pb2.JsonSchemaFormat(schema_json="{}"))
    plan = world.plan("fast", chat("Hi", output_format=schema))
    assert [choice.target.id for choice in plan.choices] == ["b/m", "c/m", "d/m"]
    assert left_out(plan) == {"a/m": "capability"}
    dropping = chat("Hi", output_format=schema, unsupported_policy=generation_pb2.UNSUPPORTED_POLICY_DROP)
    assert len(world.order("fast", dropping)) == 4


def test_a_route_s_policy_stands_between_the_request_s_and_the_provider_s() -> None:
    models = {"a/m": {"capabilities": {"reasoning": False}}}
    asked = {"reasoning": generation_pb2.ReasoningOptions(effort="low")}
    world = World(
        {
            "drops": {"targets": ["a/m"], "unsupported_policy": "drop"},
            "refuses": {"targets": ["a/m"], "unsupported_policy": "refuse"},
        },
        models=models,
        provider_settings={"a": {"unsupported_policy": "drop"}},
    )
    assert world.order("drops", chat("Hi", **asked)) == ["a/m"]
    assert world.order("a/m", chat("Hi", **asked)) == ["a/m"]
    with pytest.raises(errors.CapabilityMissing, match="reasoning"):
        world.plan("refuses", chat("Hi", **asked))
    refusing = chat("Hi", unsupported_policy=generation_pb2.UNSUPPORTED_POLICY_REFUSE, **asked)
    with pytest.raises(errors.CapabilityMissing, match="reasoning"):
        world.plan("drops", refusing)


def test_a_target_that_is_surely_too_small_is_left_out_unless_all_are() -> None:
    world = World({"fast": {"targets": ["a/m", "b/m"]}}, models={"a/m": {"context_tokens": 100}})
    plan = world.plan("fast", chat("word " * 2_000))
    assert [choice.target.id for choice in plan.choices] == ["b/m"]
    assert left_out(plan) == {"a/m": "context"}
    assert World(models={"a/m": {"context_tokens": 100}}).order("a/m", chat("word " * 2_000)) == ["a/m"]


# Strategies.


def weighted(*weights: int) -> dict[str, object]:
    return {
        "strategy": "weighted",
        "targets": [{"model": f"{name}/m", "weight": weight} for name, weight in zip("abcd", weights, strict=False)],
    }


@given(st.lists(st.integers(1, 9), min_size=2, max_size=4), st.integers(0, 99))
def test_weights_converge(weights: list[int], seed: int) -> None:
    world = World({"fast": weighted(*weights)}, seed=seed)
    draws = 1_200
    first = Counter(world.order("fast")[0] for _ in range(draws))
    for name, weight in zip("abcd", weights, strict=False):
        share = weight / sum(weights)
        # Five standard deviations.
        assert abs(first[f"{name}/m"] / draws - share) < 5 * (share * (1 - share) / draws) ** 0.5


def test_the_cheapest_for_this_request_comes_first_and_the_unknown_last() -> None:
    models = {
        "a/m": {"price": {"input": 1, "output": 100}},
        "b/m": {"price": {"input": 20, "output": 10}},
        "c/m": {"price": {"input": 2, "output": 101}},
    }
    world = World({"fast": {**FOUR, "strategy": "cheapest"}}, models=models)
    assert world.order("fast", chat("Hi", max_output_token_count=400)) == ["b/m", "a/m", "c/m", "d/m"]
    assert world.order("fast", chat("word " * 4_000, max_output_token_count=1)) == ["a/m", "c/m", "b/m", "d/m"]


def test_the_least_busy_comes_first() -> None:
    world = World({"fast": {**FOUR, "strategy": "least_busy"}})
    for target, running in {"a/m": 2, "b/m": 0, "c/m": 3, "d/m": 1}.items():
        for _ in range(running):
            assert world.of(target).room.try_enter()
    assert world.order("fast") == ["b/m", "d/m", "a/m", "c/m"]


def test_the_fastest_comes_first_and_a_slow_one_is_tried_again_after_a_while() -> None:
    world = World({"fast": {"targets": ["a/m", "b/m", "c/m"], "strategy": "fastest"}})
    for target, latency_s in {"a/m": 0.9, "b/m": 0.1, "c/m": 0.4}.items():
        world.of(target).first_content.add(latency_s, world.now_s)
    assert world.order("fast") == ["b/m", "c/m", "a/m"]
    world.now_s += 60
    world.of("b/m").first_content.add(0.1, world.now_s)
    world.of("c/m").first_content.add(0.4, world.now_s)
    world.now_s += 200
    for target in ("b/m", "c/m"):
        world.of(target).first_content.add(0.4, world.now_s)
    assert world.order("fast")[0] == "a/m"


def test_one_of_which_nothing_is_known_is_tried_before_it_is_judged() -> None:
    world = World({"fast": {"targets": ["a/m", "b/m"], "strategy": "fastest"}})
    world.of("a/m").first_content.add(0.1, world.now_s)
    assert world.order("fast") == ["b/m", "a/m"]


# The sticky target.


def answered(world: World, plan: Plan, target: str) -> None:
    """Note that a plan's call was answered by a target."""
    assert plan.thread is not None
    world.sticky.remember(plan.thread, target_of(target), 0, 300.0)


@pytest.mark.parametrize("strategy", ["weighted", "cheapest", "least_busy", "fastest"])
def test_the_next_turn_of_a_conversation_goes_where_the_last_one_went(strategy: str) -> None:
    world = World({"fast": {**FOUR, "strategy": strategy}}, seed=3)
    for target in ("a/m", "b/m", "c/m", "d/m"):
        answered(world, world.plan("fast", chat("Hi")), target)
        for _ in range(20):
            assert world.order("fast", chat("Hi", "Hello!", "How are you?"))[0] == target


def test_first_turns_spread_however_equal() -> None:
    world = World({"fast": weighted(1, 1)})
    for _ in range(20):
        answered(world, world.plan("fast", chat("Hi")), "a/m")
    assert {world.order("fast", chat("Hi"))[0] for _ in range(50)} == {"a/m", "b/m"}


def test_a_key_of_the_caller_always_leads_to_one_target_and_keys_spread() -> None:
    world = World({"fast": weighted(1, 1, 2)})

    def first(key: str) -> str:
        return world.order("fast", chat("Hi", prompt_cache=generation_pb2.PromptCacheOptions(key=key)))[0]

    assert all(len({first(f"k{number}") for _ in range(5)}) == 1 for number in range(20))
    spread = Counter(first(f"k{number}") for number in range(800))
    assert spread["c/m"] == pytest.approx(400, abs=70)


def test_a_conversation_is_forgotten_once_its_provider_has() -> None:
    world = World({"fast": weighted(1, 1)})
    answered(world, world.plan("fast", chat("Hi")), "a/m")
    world.now_s += 301
    assert {world.order("fast", chat("Hi", "Hello!", "?"))[0] for _ in range(50)} == {"a/m", "b/m"}


def test_nobody_steers_another_caller_s_conversations() -> None:
    world = World({"fast": weighted(1, 1)})
    answered(world, world.plan("fast", chat("Hi"), principal=Principal("other")), "a/m")
    assert {world.order("fast", chat("Hi", "Hello!", "?"))[0] for _ in range(50)} == {"a/m", "b/m"}


def test_a_cheaper_target_is_no_tie() -> None:
    world = World({"fast": {"targets": ["a/m", "b/m", "c/m"], "strategy": "cheapest"}}, models=PRICED)
    answered(world, world.plan("fast", chat("Hi")), "a/m")
    assert world.order("fast", chat("Hi", "Hello!", "?"))[0] == "b/m"
    answered(world, world.plan("fast", chat("Hi")), "c/m")
    assert world.order("fast", chat("Hi", "Hello!", "?")) == ["c/m", "b/m", "a/m"]


# Health.


def test_what_kept_failing_is_left_alone_and_tried_once_a_probe_is_due() -> None:
    world = World({"fast": FOUR})
    world.open("a/m")
    plan = world.plan("fast")
    assert [choice.target.id for choice in plan.choices] == ["b/m", "c/m", "d/m"]
    assert left_out(plan) == {"a/m": "unhealthy"}
    assert plan.left_alone[0].until_s == world.now_s + 30
    world.now_s += 30
    assert world.order("fast") == ["a/m", "b/m", "c/m", "d/m"]


def test_at_most_half_are_left_alone() -> None:
    world = World({"fast": FOUR})
    for place, target in enumerate(["a/m", "b/m", "c/m"]):
        world.now_s = 1_000.0 + place
        world.open(target)
    # The third that failed would be too many; the one that comes back first is the one to go on with.
    assert world.order("fast") == ["a/m", "d/m"]


@pytest.mark.parametrize(("count", "tried"), [(2, 1), (3, 1), (4, 1)])
def test_with_all_open_the_soonest_to_close_is_tried(count: int, tried: int) -> None:
    names = [f"{name}/m" for name in "dcba"[-count:]]
    world = World({"fast": {"targets": names}})
    for place, target in enumerate(reversed(names)):
        world.now_s = 1_000.0 + place
        world.open(target)
    assert world.order("fast") == [names[-1]] * tried


def test_a_single_target_fails_fast() -> None:
    world = World()
    world.open("a/m")
    plan = world.plan("a/m")
    assert plan.choices == []
    assert [one.until_s for one in plan.left_alone] == [world.now_s + 30]


def test_a_breaker_that_is_off_leaves_nobody_alone() -> None:
    world = World(resilience={"breaker": {"enabled": False}})
    world.open("a/m")
    assert world.order("a/m") == ["a/m"]


def test_a_rest_that_the_provider_asked_for_is_kept_and_one_that_is_guessed_comes_last() -> None:
    world = World({"fast": FOUR})
    world.health.note_rest(target_of("a/m"), 0, 7.0, world.now_s)
    world.health.note_rest(target_of("b/m"), 0, None, world.now_s)
    assert world.order("fast") == ["c/m", "d/m", "b/m"]
    world.health.note_rest(target_of("a/m"), 0, 3.0, world.now_s)  # a shorter one takes nothing back
    world.now_s += 6.9
    assert "a/m" not in world.order("fast")
    world.now_s += 0.2
    assert world.order("fast")[:2] == ["a/m", "b/m"]


def test_a_target_that_comes_back_gets_its_share_little_by_little() -> None:
    world = World({"fast": FOUR})
    world.open("a/m")
    world.now_s += 30
    world.health.note_success(target_of("a/m"), 0, world.now_s)
    world.now_s += 9
    first = Counter(world.order("fast")[0] for _ in range(1_000))
    assert first["a/m"] == pytest.approx(300, abs=80)
    world.now_s += 30
    assert {world.order("fast")[0] for _ in range(50)} == {"a/m"}


# Several keys of one provider.


def test_keys_take_turns_and_those_at_rest_or_refused_are_passed_over() -> None:
    world = World(key_counts={"a": 3})
    target, breaker = target_of("a/m"), world.settings.resilience.breaker

    def use() -> int | None:
        standing = world.health.standing(target, 3, breaker, world.now_s)
        if standing.key_index is not None:
            world.health.begin(target, standing.key_index, breaker, world.now_s)
        return standing.key_index

    assert [use() for _ in range(4)] == [0, 1, 2, 0]
    world.health.note_rest(target_of("a/m"), 1, 5.0, world.now_s)
    assert [use() for _ in range(3)] == [2, 0, 2]
    world.health.note_key_refused(target, 2, 3, breaker, world.now_s)
    assert [use() for _ in range(3)] == [0, 0, 0]
    world.health.note_rest(target_of("a/m"), 0, 4.0, world.now_s)
    standing = world.health.standing(target, 3, breaker, world.now_s)
    assert (standing.key_index, standing.is_told, standing.until_s) == (None, True, world.now_s + 4)
    world.now_s += 30
    assert sorted({use() for _ in range(6)}, key=str) == [0, 1]
    world.health.note_success(target, 2, world.now_s)
    assert {use() for _ in range(6)} == {0, 1, 2}


def test_a_refused_key_concerns_all_models_of_its_provider() -> None:
    world = World(key_counts={"a": 2})
    world.health.note_key_refused(target_of("a/m"), 0, 2, world.settings.resilience.breaker, world.now_s)
    standing = world.health.standing(target_of("a/other"), 2, world.settings.resilience.breaker, world.now_s)
    assert standing.key_index == 1


def test_other_keys_of_a_provider_get_a_new_chance_and_the_same_ones_do_not() -> None:
    world = World(key_counts={"a": 2, "b": 2})
    breaker = world.settings.resilience.breaker
    world.health.follow_keys({"a": ("k1", "k2"), "b": ("k1", "k2")})
    for name in ("a/m", "b/m"):
        world.health.note_key_refused(target_of(name), 0, 2, breaker, world.now_s)
        world.health.note_rest(target_of(name), 1, 60.0, world.now_s)
    world.health.follow_keys({"a": ("k3", "k2"), "b": ("k1", "k2")})
    assert world.health.standing(target_of("a/m"), 2, breaker, world.now_s).key_index is not None
    assert world.health.standing(target_of("b/m"), 2, breaker, world.now_s).key_index is None
    assert ("a api_keys[0]", None) in world.told


# Suffixes are tested where they are read: test_suffix.py. Properties over all of it:

NAMES = st.sampled_from([f"{name}/m" for name in "abcd"])
TAGS = st.fixed_dictionaries({}, optional={"region": st.sampled_from(["eu", "us"]), "zero_retention": st.booleans()})


@given(
    st.lists(NAMES, min_size=1, max_size=4, unique=True),
    st.sampled_from(["priority", "weighted", "cheapest", "least_busy", "fastest"]),
    st.dictionaries(NAMES, TAGS),
    TAGS,
    st.sets(NAMES),
    st.sets(NAMES),
    st.sets(st.sampled_from("abcd")),
    st.lists(st.sampled_from("abcd"), max_size=3),
    st.integers(0, 9),
)
def test_every_target_that_is_tried_is_allowed_capable_and_tagged(
    names: list[str],
    strategy: str,
    tags: dict[str, dict[str, object]],
    require: dict[str, object],
    allowed: set[str],
    incapable: set[str],
    denied: set[str],
    order: list[str],
    seed: int,
) -> None:
    models = {
        f"{name}/m": {"tags": tags.get(f"{name}/m", {}), "capabilities": {"reasoning": f"{name}/m" not in incapable}}
        for name in "abcd"
    }
    world = World({"r": {"targets": names, "strategy": strategy, "require": require}}, models=models, seed=seed)
    world.open(*incapable)
    asked = preferring(denied_providers=sorted(denied), provider_order=order)
    asked.reasoning.effort = "low"
    plan = world.planner.sift(world.ask("r", asked, may_use=lambda name: name in allowed or name == "r"))
    for choice in (*plan.choices, *(one.choice for one in plan.left_alone)):
        target = choice.target
        wanted = {name: str(value).lower() if isinstance(value, bool) else value for name, value in require.items()}
        assert target.id in names
        assert target.id not in incapable
        assert target.provider not in denied
        assert wanted.items() <= choice.profile.tags.items()
    tried = [choice.target for choice in plan.choices]
    assert len(tried) == len(set(tried))
    accounted = {*tried, *(one.choice.target for one in (*plan.left_alone, *plan.left_out))}
    assert accounted == {target_of(name) for name in names}


# Rules. How they are matched is told in test_rules.py and test_expressions.py.

BROKEN = "request.turn_count / (request.message_count - request.message_count) > 1"  # it divides by zero


def ruled(*rules: dict[str, object], **more: object) -> dict[str, object]:
    return {
        "auto": {"rules": list(rules), "otherwise": "rest", **more},
        "rest": {"targets": ["a/m"]},
        "strong": {"targets": ["b/m"]},
        "safe": {"targets": ["b/m", "c/m"], "require": {"region": "eu"}},
    }


def test_the_first_rule_that_holds_decides_and_those_after_it_are_not_looked_at() -> None:
    world = World(
        ruled(
            {"when": {"turn_count": ">5"}, "route": "safe"},
            {"when": {"label": {"task": "code"}}, "route": "strong"},
            {"when": {"label": {"task": "code"}}, "route": "d/m"},
        )
    )
    plan = world.plan("auto", chat("Hi", labels={"task": "code"}))
    assert [choice.target.id for choice in plan.choices] == ["b/m"]
    assert [(rule.target, rule.matched) for rule in plan.rules] == [("safe", False), ("strong", True)]
    assert world.order("auto") == ["a/m"]


def test_a_rule_may_lead_to_a_model_and_through_other_routes() -> None:
    routes = ruled({"when": {"turn_count": ">0"}, "route": "outer"})
    world = World({**routes, "outer": {"rules": [{"when": {"has": ["tools"]}, "route": "safe"}], "otherwise": "d/m"}})
    assert world.order("auto") == ["d/m"]
    assert [rule.route for rule in world.plan("auto").rules] == ["auto", "outer"]


def test_a_rule_that_fails_is_skipped_told_and_counted_once_a_call() -> None:
    world = World(ruled({"when": BROKEN, "route": "strong"}))
    assert world.order("auto") == ["a/m"]
    ((route, condition, what),) = world.told
    assert (route, condition) == ("auto", BROKEN)
    (outcome,) = world.plan("auto").rules
    assert (outcome.matched, outcome.error) == (False, what)


@pytest.mark.parametrize(
    "routes",
    [
        ruled({"when": BROKEN, "route": "strong"}, require={"region": "eu"}),
        ruled({"when": BROKEN, "route": "strong", "require": {"region": "eu"}}),
        ruled({"when": BROKEN, "route": "safe"}),
    ],
    ids=["its route's", "its own", "where it leads"],
)
def test_a_rule_that_fails_refuses_the_call_where_a_data_policy_hangs_on_it(routes: dict[str, object]) -> None:
    with pytest.raises(errors.CapabilityMissing, match="carries a data policy"):
        World(routes).plan("auto")


def test_what_a_rule_requires_holds_where_it_leads() -> None:
    world = World(
        ruled({"when": {"turn_count": ">0"}, "route": "strong", "require": {"region": "eu"}}),
        models={"b/m": {"tags": {"region": "us"}}},
    )
    with pytest.raises(errors.CapabilityMissing, match="region=eu"):
        world.plan("auto")
