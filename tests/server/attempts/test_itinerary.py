"""What is tried after a failure, and what is not: the table of upstream faults, without any wire."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from llmgateway.v1 import call_pb2, generation_pb2
from llmgateway_server import errors
from llmgateway_server.routing.target import target_of

from tests.server.attempts.scripted import ANSWER, OPENED, STARTED, Scripted, Stage, Step, delta
from tests.server.routing.world import World, chat

Kind = call_pb2.Attempt.Kind
Fault = Callable[[], errors.CallError]

AB = {"r": {"targets": ["a/m", "b/m"]}}
ABC = {"r": {"targets": ["a/m", "b/m", "c/m"]}}


def server_error() -> errors.CallError:
    return errors.ProviderBadResponse("a answered 500.", http_status=500)


def overloaded() -> errors.CallError:
    return errors.ProviderOverloaded("a answered 503.", http_status=503)


def rate_limited(retry_after_s: float | None = None) -> errors.CallError:
    return errors.ProviderRateLimited("a answered 429.", http_status=429, retry_after_s=retry_after_s)


FAULTS: Mapping[str, Fault] = {
    "500": server_error,
    "503": overloaded,
    "503 with a time": lambda: errors.ProviderOverloaded("busy", http_status=503, retry_after_s=9),
    "429": rate_limited,
    "429 with a time": lambda: rate_limited(7.0),
    "unreachable": lambda: errors.ProviderUnreachable("gone"),
    "no sense": lambda: errors.ProviderBadResponse("no JSON", http_status=200),
    "connect": lambda: errors.ConnectTimeout("slow"),
    "first content": lambda: errors.FirstContentTimeout("slow"),
    "its own total": lambda: errors.TotalTimeout("slow"),
    "key refused": lambda: errors.ProviderKeyRejected("wrong key", http_status=401),
    "model unknown": lambda: errors.ModelNotFound("no such model", http_status=404),
}
FINAL: Mapping[str, Fault] = {
    "400": lambda: errors.ProviderRejectedRequest("bad", http_status=400),
    "filtered": lambda: errors.ContentFiltered("no", http_status=400),
    "too long": lambda: errors.ContextTooLong("long", http_status=400),
}


def make(world: World, **scripts: list[list[Step]]) -> tuple[Stage, dict[str, Scripted]]:
    providers = {name: Scripted(name, world, *scripts.get(name, [[]])) for name in "abcd"}
    return Stage(world, providers), providers


def words(attempts: list[call_pb2.Attempt]) -> list[tuple[str, str]]:
    """Return which provider each attempt was made at, and why."""
    return [(attempt.provider, Kind.Name(attempt.kind).removeprefix("KIND_").lower()) for attempt in attempts]


@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
async def test_another_target_answers_in_its_place(fault: Fault, streams: bool) -> None:
    stage, providers = make(World(AB), a=[[fault()]])
    call = stage.call()
    await (stage.stream if streams else stage.generate)("r", chat("Hi"), call)
    tries = words(call.outcome.attempts)
    again = fault().http_status in (500, 503) and fault().retry_after_s is None
    assert tries == [("a", "first"), *([("a", "retry")] if again else []), ("b", "fallback")]
    assert len(providers["b"].asked) == 1
    assert (call.outcome.provider, call.outcome.model) == ("b", "m")


@pytest.mark.parametrize("fault", FINAL.values(), ids=FINAL)
async def test_what_is_the_request_s_own_fault_is_final(fault: Fault) -> None:
    stage, providers = make(World(AB), a=[[fault()]])
    with pytest.raises(type(fault())) as caught:
        await stage.generate("r", chat("Hi"))
    assert words(caught.value.attempts) == [("a", "first")]
    assert providers["b"].asked == []


async def test_u3_one_500_is_tried_once_more_at_the_same_place_after_a_pause() -> None:
    stage, _ = make(World(AB), a=[[server_error()], []])
    call = stage.call()
    await stage.generate("r", chat("Hi"), call)
    assert words(call.outcome.attempts) == [("a", "first"), ("a", "retry")]
    (pause_s,) = stage.paused
    assert 0.1 <= pause_s <= 0.2


async def test_a_call_makes_three_attempts_over_all_its_targets() -> None:
    stage, _ = make(
        World({"r": {"targets": ["a/m", "b/m", "c/m", "d/m"]}}), **{name: [[server_error()]] for name in "abcd"}
    )
    with pytest.raises(errors.ProviderBadResponse) as caught:
        await stage.generate("r", chat("Hi"))
    assert words(caught.value.attempts) == [("a", "first"), ("a", "retry"), ("b", "fallback")]


@pytest.mark.parametrize("count", [1, 2, 5])
async def test_attempts_are_bounded_by_the_route(count: int) -> None:
    world = World(
        {
            "r": {
                "targets": ["a/m", "b/m"],
                "resilience": {"retry": {"attempts": count, "budget": 1}, "breaker": {"enabled": False}},
            }
        }
    )
    stage, _ = make(world, a=[[server_error()]], b=[[server_error()]])
    with pytest.raises(errors.ProviderBadResponse) as caught:
        await stage.generate("r", chat("Hi"))
    assert len(caught.value.attempts) == min(count, 6)


async def test_a_provider_s_attempts_bound_the_tries_at_one_of_its_targets() -> None:
    world = World(AB, provider_settings={"a": {"resilience": {"retry": {"attempts": 1}}}})
    stage, _ = make(world, a=[[server_error()]])
    call = stage.call()
    await stage.generate("r", chat("Hi"), call)
    assert words(call.outcome.attempts) == [("a", "first"), ("b", "fallback")]


async def test_a_single_target_is_tried_again_with_longer_and_longer_pauses() -> None:
    stage, _ = make(World(), a=[[overloaded()], [overloaded()], []])
    call = stage.call()
    await stage.generate("a/m", chat("Hi"), call)
    assert words(call.outcome.attempts) == [("a", "first"), ("a", "retry"), ("a", "retry")]
    assert 0.1 <= stage.paused[0] <= 0.2 <= stage.paused[1] <= 0.4


async def test_a_retry_waits_for_as_long_as_the_provider_asks_if_that_is_not_long() -> None:
    stage, _ = make(World(), a=[[rate_limited(2.0)], []])
    call = stage.call()
    await stage.generate("a/m", chat("Hi"), call)
    assert words(call.outcome.attempts) == [("a", "first"), ("a", "retry")]
    assert 2.0 <= stage.paused[0] < 2.2


async def test_a_long_rest_is_told_and_not_waited_for_and_kept_for_the_next_call() -> None:
    stage, providers = make(World(), a=[[rate_limited(7.0)], []])
    with pytest.raises(errors.ProviderRateLimited) as caught:
        await stage.generate("a/m", chat("Hi"))
    assert (caught.value.retry_after_s, stage.paused) == (7.0, [])
    stage.world.now_s += 2
    with pytest.raises(errors.ProviderRateLimited) as second:
        await stage.generate("a/m", chat("Hi"))
    assert (second.value.retry_after_s, second.value.attempts) == (pytest.approx(5.0), [])
    assert len(providers["a"].asked) == 1
    stage.world.now_s += 5
    await stage.generate("a/m", chat("Hi"))


async def test_nothing_is_started_that_cannot_be_done_before_the_deadline() -> None:
    stage, providers = make(World(), a=[[overloaded()]])
    with pytest.raises(errors.ProviderOverloaded):
        await stage.generate("a/m", chat("Hi"), stage.call(timeout_s=0.05))
    assert (len(providers["a"].asked), stage.paused) == (1, [])


async def test_a_fallback_is_not_started_once_the_deadline_has_passed() -> None:
    world = World(AB)
    providers = {"a": Scripted("a", world, [errors.TotalTimeout("slow")], takes_s=3.0), "b": Scripted("b", world)}
    with pytest.raises(errors.TotalTimeout):
        await Stage(world, providers).generate("r", chat("Hi"), Stage(world, providers).call(timeout_s=2.0))
    assert providers["b"].asked == []
    # The caller's deadline says nothing of the target.
    assert world.of("a/m").circuit.failure_count == 0


async def test_different_failures_are_told_together_and_alike_ones_as_themselves() -> None:
    stage, _ = make(World(AB), a=[[errors.ProviderUnreachable("gone")]], b=[[rate_limited(9.0)]])
    with pytest.raises(errors.AllTargetsFailed) as caught:
        await stage.generate("r", chat("Hi"))
    assert words(caught.value.attempts) == [("a", "first"), ("b", "fallback"), ("a", "retry")]
    assert caught.value.retry_after_s == 9.0
    stage, _ = make(World(AB), a=[[rate_limited(20.0)]], b=[[rate_limited(9.0)]])
    with pytest.raises(errors.ProviderRateLimited) as alike:
        await stage.generate("r", chat("Hi"))
    assert words(alike.value.attempts) == [("a", "first"), ("b", "fallback")]


# Context and filters have lists of their own.


async def test_a_request_that_is_too_long_falls_back_to_larger_windows_only() -> None:
    models = {"a/m": {"context_tokens": 8_000}, "b/m": {"context_tokens": 8_000}, "d/m": {"context_tokens": 200_000}}
    world = World({"r": {"targets": ["a/m", "b/m", "c/m", "d/m"]}}, models=models)
    stage, _ = make(world, a=[[errors.ContextTooLong("long", http_status=400)]])
    call = stage.call()
    await stage.generate("r", chat("Hi"), call)
    assert words(call.outcome.attempts) == [("a", "first"), ("d", "fallback")]


async def test_a_filtered_request_goes_where_the_route_says() -> None:
    world = World({"r": {"targets": ["a/m", "b/m"], "content_filter_fallback": ["c/m"]}})
    stage, _ = make(world, a=[[errors.ContentFiltered("no", http_status=400)]])
    call = stage.call()
    await stage.generate("r", chat("Hi"), call)
    assert words(call.outcome.attempts) == [("a", "first"), ("c", "fallback")]


# Streams.


async def test_a_stream_falls_back_before_content_and_says_what_failed() -> None:
    stage, providers = make(World(AB), a=[[[STARTED, OPENED], errors.FirstContentTimeout("slow")]])
    lists = await stage.stream("r", chat("Hi"))
    started = lists[0][0].started
    assert [attempt.provider for attempt in started.call.attempts] == ["a"]
    assert [event.WhichOneof("event") for event in lists[0]] == ["started", "part_started", "part_delta"]
    assert not providers["a"].is_open


async def test_a_stream_never_falls_back_after_content() -> None:
    stage, providers = make(World(AB), a=[[[STARTED, OPENED, delta("x")], overloaded()]])
    with pytest.raises(errors.StreamBroken):
        await stage.stream("r", chat("Hi"))
    assert providers["b"].asked == []
    assert stage.world.of("a/m").circuit.failure_count == 1


# Health.


async def test_a_dead_primary_is_left_alone_after_five_failures_and_probed_with_short_timers() -> None:
    stage, providers = make(World(AB), a=[[overloaded()]])
    for _ in range(20):
        await stage.generate("r", chat("Hi"))
    assert 5 <= len(providers["a"].asked) <= 6
    before = len(providers["a"].asked)
    stage.world.now_s += 31
    await stage.stream("r", chat("Hi"))
    await stage.stream("r", chat("Hi"))
    assert len(providers["a"].asked) == before + 1
    timeouts = providers["a"].states[-1].timeouts
    assert timeouts is not None
    assert (timeouts.connect_s, timeouts.first_content_s, timeouts.total_s) == (2.0, 5.0, 30.0)


async def test_a_single_dead_target_fails_fast_and_says_when_to_come_back() -> None:
    stage, providers = make(World(), a=[[errors.ProviderUnreachable("gone")]])
    for _ in range(2):
        with pytest.raises(errors.ProviderUnreachable):
            await stage.generate("a/m", chat("Hi"))
    with pytest.raises(errors.CircuitOpen) as caught:
        await stage.generate("a/m", chat("Hi"))
    assert len(providers["a"].asked) == 5
    assert caught.value.attempts == []
    assert caught.value.retry_after_s == pytest.approx(30.0, abs=1.0)
    stage.world.now_s += 31
    with pytest.raises(errors.ProviderUnreachable):
        await stage.generate("a/m", chat("Hi"))
    assert len(providers["a"].asked) == 6


async def test_a_probe_without_another_target_has_its_usual_timers() -> None:
    stage, providers = make(World(), a=[[]])
    stage.world.open("a/m")
    stage.world.now_s += 31
    await stage.generate("a/m", chat("Hi"))
    timeouts = providers["a"].states[-1].timeouts
    assert timeouts is not None
    assert (timeouts.connect_s, timeouts.total_s) == (5.0, 600.0)


async def test_a_probe_whose_caller_leaves_is_given_back() -> None:
    stage, _ = make(World(AB), a=[[[STARTED], *ANSWER]])
    stage.world.open("a/m")
    stage.world.now_s += 31
    asked = chat("Hi")
    call = stage.call()
    account = await stage.account(call, asked)
    stream = stage.attempts.stream(call, asked, stage.world.plan("r", asked), account)
    await anext(stream)
    await stream.aclose()
    # Content had come: it is well.
    assert stage.world.of("a/m").circuit.open_until_s is None


async def test_a_model_that_nobody_knows_is_no_sign_of_ill_health() -> None:
    stage, providers = make(World(), a=[[errors.ModelNotFound("none", http_status=404)]])
    for _ in range(10):
        with pytest.raises(errors.ModelNotFound):
            await stage.generate("a/m", chat("Hi"))
    assert len(providers["a"].asked) == 10


# Keys.


def with_keys(count: int, *script: list[Step]) -> tuple[Stage, Scripted]:
    world = World(key_counts={"a": count})
    provider = Scripted("a", world, *script)
    provider.key_count = count
    return Stage(world, {"a": provider}), provider


async def test_u11_a_refused_key_is_out_and_the_next_one_answers_at_once() -> None:
    stage, provider = with_keys(2, [errors.ProviderKeyRejected("wrong", http_status=401)], [])
    call = stage.call()
    await stage.generate("a/m", chat("Hi"), call)
    assert words(call.outcome.attempts) == [("a", "first"), ("a", "retry")]
    assert [key for _, key in provider.asked] == [0, 1]
    assert stage.paused == []
    for _ in range(4):
        await stage.generate("a/m", chat("Hi"))
    assert {key for _, key in provider.asked[2:]} == {1}
    assert stage.world.told == [("a api_keys[0]", stage.world.now_s + 30)]


async def test_u1_a_limited_key_rests_and_the_next_one_answers_at_once() -> None:
    stage, provider = with_keys(3, [rate_limited(7.0)], [])
    await stage.generate("a/m", chat("Hi"))
    for _ in range(4):
        await stage.generate("a/m", chat("Hi"))
    assert [key for _, key in provider.asked] == [0, 1, 2, 1, 2, 1]
    stage.world.now_s += 7.1
    for _ in range(3):
        await stage.generate("a/m", chat("Hi"))
    assert {key for _, key in provider.asked[-3:]} == {0, 1, 2}


async def test_a_conversation_stays_with_its_key() -> None:
    stage, provider = with_keys(3, [])
    texts = ["Hi"]
    for turn in range(5):
        await stage.generate("a/m", chat(*texts))
        await stage.generate("a/m", chat(f"something else {turn}"))
        texts += ["yes?", f"and {turn}"]
    assert len({key for _, key in provider.asked[::2]}) == 1


async def test_all_keys_refused_is_told_as_that() -> None:
    stage, provider = with_keys(2, [errors.ProviderKeyRejected("wrong", http_status=401)])
    with pytest.raises(errors.ProviderKeyRejected):
        await stage.generate("a/m", chat("Hi"))
    assert len(provider.asked) == 2
    with pytest.raises(errors.CircuitOpen, match="refused the gateway's keys"):
        await stage.generate("a/m", chat("Hi"))
    assert len(provider.asked) == 2


# What a target cannot do is no attempt.


async def test_a_target_whose_dialect_cannot_say_it_is_passed_over() -> None:
    refusal = errors.CapabilityMissing("a does not take top_k", metadata={"capability": "sampling.top_k"})
    stage, _ = make(World(AB), a=[[refusal]])
    call = stage.call()
    await stage.generate("r", chat("Hi"), call)
    assert words(call.outcome.attempts) == [("b", "first")]
    stage, _ = make(World(AB), a=[[refusal]], b=[[refusal]])
    with pytest.raises(errors.CapabilityMissing) as caught:
        await stage.generate("r", chat("Hi"))
    assert caught.value.attempts == []


# Room.


async def test_a_target_that_runs_as_many_calls_as_it_may_is_passed_over_but_not_for_good() -> None:
    stage, providers = make(World(AB, slots=1))
    room = stage.world.of("a/m").room
    assert room.try_enter()
    call = stage.call()
    await stage.generate("r", chat("Hi"), call)
    assert words(call.outcome.attempts) == [("b", "first")]
    room.leave()
    await stage.generate("r", chat("Hi"))
    assert len(providers["a"].asked) == 1


# Properties.

OUTCOMES = st.sampled_from(["answer", *FAULTS, *FINAL])


@given(
    st.lists(OUTCOMES, min_size=1, max_size=8),
    st.lists(OUTCOMES, min_size=1, max_size=8),
    st.integers(1, 6),
    st.booleans(),
)
async def test_whatever_fails_attempts_are_few_in_order_and_told(
    first: list[str], second: list[str], most: int, streams: bool
) -> None:
    def script(words_: list[str]) -> list[list[Step]]:
        return [[] if word == "answer" else [{**FAULTS, **FINAL}[word]()] for word in words_]

    world = World({"r": {"targets": ["a/m", "b/m"], "resilience": {"retry": {"attempts": most}}}})
    stage, providers = make(world, a=script(first), b=script(second))
    for _ in range(3):
        world.now_s += 1.0
        call = stage.call()
        asked = sum(len(provider.asked) for provider in providers.values())
        failure = None
        try:
            await (stage.stream if streams else stage.generate)("r", chat("Hi"), call)
        except errors.CallError as error:
            failure = error
        answered = failure is None
        assert failure is None or failure.attempts == call.outcome.attempts
        attempts = call.outcome.attempts
        assert len(attempts) <= most
        assert len(attempts) == sum(len(provider.asked) for provider in providers.values()) - asked
        assert [bool(attempt.error_reason) for attempt in attempts] == [True] * (len(attempts) - answered) + [
            False
        ] * answered
        assert all((attempt.kind == Kind.KIND_FIRST) == (place == 0) for place, attempt in enumerate(attempts))
        assert all(world.of(target).room.running == 0 for target in ("a/m", "b/m"))


async def test_at_full_failure_retries_add_a_tenth_and_a_fallback_is_never_refused() -> None:
    """A half-dead primary at 200 calls a second: each call is answered, whatever the budget says."""
    world = World(AB, resilience={"breaker": {"enabled": False}})
    stage, providers = make(world, a=[[server_error()]])
    calls = 2_000
    for _ in range(calls):
        world.now_s += 1 / 200
        start_s = world.now_s
        await stage.generate("r", chat("Hi"))
        world.now_s = start_s  # pauses of one call hold up no other
    assert len(providers["b"].asked) == calls
    assert len(providers["a"].asked) - calls <= 0.1 * calls + 3


def test_the_budget_is_of_the_target_and_not_of_the_route() -> None:
    world = World(AB)
    assert world.of("a/m").budget is not world.of("b/m").budget
    assert world.of("a/m") is world.health.of(target_of("a/m"))


async def test_what_was_rehearsed_is_neither_tried_again_nor_held_against_anybody() -> None:
    world = World(AB)
    provider = Scripted("a", world, [server_error()])

    class Rehearsing(Scripted):
        async def generate(self, request, model, state):  # type: ignore[no-untyped-def]
            state.is_rehearsed = True
            return await provider.generate(request, model, state)

    stage = Stage(world, {"a": Rehearsing("a", world), "b": Scripted("b", world)})
    for _ in range(8):
        await stage.generate("r", chat("Hi"))
    assert len(provider.asked) == 8
    assert world.of("a/m").circuit.failure_count == 0


async def test_timers_are_the_route_s_and_a_slow_thinker_may_be_silent() -> None:
    models = {"b/m": {"slow_first": True}}
    world = World({"r": {"targets": ["a/m"], "timeouts": {"first_content": "20s", "total": "300s"}}}, models=models)
    stage, providers = make(world)
    await stage.stream("r", chat("Hi"))
    await stage.stream("b/m", chat("Hi"))
    await stage.stream("b/m", chat("Hi", reasoning=generation_pb2.ReasoningOptions(effort="none")))
    await stage.stream("a/m", chat("Hi", reasoning=generation_pb2.ReasoningOptions(effort="high")))
    first, second = providers["a"].states
    assert first.timeouts is not None
    assert (first.timeouts.first_content_s, first.deadline_s) == (20.0, world.now_s + 300)
    assert [state.waits_long for state in (first, second)] == [False, True]
    assert [state.waits_long for state in providers["b"].states] == [True, False]


@pytest.mark.parametrize("strategy", ["priority", "weighted", "cheapest", "least_busy", "fastest"])
async def test_u17_twenty_calls_over_a_minute_cost_a_dead_target_little_and_callers_nothing(strategy: str) -> None:
    """One of four targets is dead: five failures open its circuit, then one probe each half minute."""
    world = World({"r": {"strategy": strategy, "targets": ["a/m", "b/m", "c/m", "d/m"]}})
    stage, providers = make(world, a=[[errors.ProviderUnreachable("gone")]])
    opened_s: float | None = None
    asked_after: list[float] = []
    for _ in range(20):
        world.now_s += 3.0
        before = len(providers["a"].asked)
        await stage.generate("r", chat("Hi"))
        if opened_s is not None and len(providers["a"].asked) > before:
            asked_after.append(world.now_s)
        if opened_s is None and world.of("a/m").circuit.open_until_s is not None:
            opened_s = world.now_s
    answered = sum(len(provider.asked) for name, provider in providers.items() if name != "a")
    assert answered == 20
    assert len(providers["a"].asked) <= 5 + 2
    assert all(
        later - earlier >= 30 for earlier, later in zip([opened_s or 0.0, *asked_after], asked_after, strict=False)
    )
