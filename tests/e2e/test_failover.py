"""Outages as callers see them: a second provider answers, or a typed failure comes, over REST and gRPC, whole and
streamed. Each test asserts the outcome, the attempts that are told, and what the providers saw.

U-numbers are those of the design's table of upstream faults. What a fault looks like in each dialect where there is no
other target is told in test_dialect_faults.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from tests.e2e.caller import TEXT
from tests.e2e.failover import STREAMS, WAYS, WHOLES, Way, stand
from tests.fakes import faults
from tests.fakes.answer import Counts
from tests.fakes.canary import Canary
from tests.fakes.dialect import after_content, before_terminal, opened
from tests.fakes.exchange import Reply
from tests.fakes.replies import chat

ROUTE = {"r": {"targets": ["a/m-1", "b/m-1"]}}
UNREACHABLE, BAD, OVERLOADED = "provider_unreachable", "provider_bad_response", "provider_overloaded"
LIMITED, KEY_REJECTED = "provider_rate_limited", "provider_key_rejected"

ways = pytest.mark.parametrize("way", WAYS, ids=lambda way: f"{way.protocol}-{'stream' if way.streams else 'whole'}")


# What goes wrong at the first target, in which ways of calling, and what is told of its attempts.
BEFORE_CONTENT: Mapping[str, tuple[Reply, Sequence[Way], list[str]]] = {
    "U1 a 429 with a time": (faults.refusal("rate_limited", retry_after="7"), WAYS, [LIMITED]),
    "U2 a 429 without": (faults.refusal("rate_limited"), WAYS, [LIMITED]),
    "U3 a 500": (faults.refusal("server"), WAYS, [BAD, BAD]),
    "U3 a 503": (faults.refusal("unavailable"), WAYS, [OVERLOADED, OVERLOADED]),
    "U4 reset": (faults.reset, WAYS, [UNREACHABLE]),
    "U4 closed before an answer": (faults.hang_up, WAYS, [UNREACHABLE]),
    "U5 never answers": (faults.never_answer, STREAMS, ["first_content_timeout"]),
    "U5 never answers, whole": (faults.never_answer, WHOLES, ["total_timeout"]),
    "U5 head, then silence": (faults.head_then_silence, STREAMS, ["first_content_timeout"]),
    "U6 no content in time": (faults.stream_stalled(opened), STREAMS, ["first_content_timeout"]),
    "U7 cut whole": (faults.whole_cut, WHOLES, [BAD]),
    "U7 cut before content": (faults.stream_cut(opened), STREAMS, [BAD]),
    "U7 ended before content": (faults.stream_ended(opened), STREAMS, [BAD]),
    "U7 malformed at once": (faults.stream_malformed(0), STREAMS, [BAD]),
    "U7 no JSON": (faults.body(b'{"choices": ['), WHOLES, [BAD]),
    "U8 an error in a 200": (faults.error_in_200(), WAYS, [BAD, BAD]),
    "U8 an error event before content": (faults.stream_error_event(opened), STREAMS, [BAD, BAD]),
    "U11 a 401": (faults.refusal("key_rejected"), WAYS, [KEY_REJECTED]),
    "U12 a web page": (faults.html, WAYS, [BAD]),
    "U12 a web page of a balancer": (faults.html_error, WAYS, [BAD, BAD]),
    "an unknown model": (faults.refusal("model_unknown"), WAYS, ["model_not_found"]),
}


@pytest.mark.parametrize(
    ("way", "reply", "reasons"),
    [
        pytest.param(way, reply, reasons, id=f"{case}-{way.protocol}-{'stream' if way.streams else 'whole'}")
        for case, (reply, possible, reasons) in BEFORE_CONTENT.items()
        for way in possible
    ],
)
async def test_another_target_answers_before_content(way: Way, reply: Reply, reasons: list[str]) -> None:
    async with stand(ROUTE) as rig:
        rig.fakes["a"].always(reply)
        outcome = await rig.call("r", way)
        assert (outcome.code, outcome.text) == ("", TEXT)
        assert list(outcome.tried) == [*(f"a {reason}" for reason in reasons), "b"]
        assert rig.asked() == {"a": len(reasons), "b": 1}
        for exchange in rig.fakes["a"].exchanges:
            if not exchange.is_answered:
                await asyncio.wait_for(exchange.closed.wait(), 10)


AFTER_CONTENT: Mapping[str, tuple[Reply, str]] = {
    "U6 a stall": (faults.stream_stalled(after_content(3)), "event_gap_timeout"),
    "U7 cut early": (faults.stream_cut(after_content(1)), "stream_broken"),
    "U7 cut late": (faults.stream_cut(after_content(9)), "stream_broken"),
    "U7 reset": (faults.stream_reset(after_content(3)), "stream_broken"),
    "U7 without its terminal": (faults.stream_ended(before_terminal), "stream_broken"),
    "U7 one malformed chunk": (faults.stream_malformed(after_content(3)), "stream_broken"),
    "U8 an error event": (faults.stream_error_event(after_content(3)), "stream_broken"),
}


@pytest.mark.parametrize(("reply", "code"), AFTER_CONTENT.values(), ids=AFTER_CONTENT)
@pytest.mark.parametrize("way", STREAMS, ids=lambda way: way.protocol)
async def test_no_other_target_answers_after_content(way: Way, reply: Reply, code: str) -> None:
    async with stand(ROUTE) as rig:
        rig.fakes["a"].always(reply)
        outcome = await rig.call("r", way)
        assert outcome.code == code
        assert outcome.text
        assert [one.partition(" ")[0] for one in outcome.tried] == ["a"]
        assert rig.asked() == {"a": 1, "b": 0}


@ways
async def test_u3_one_500_is_tried_once_more_where_it_was(way: Way) -> None:
    async with stand(ROUTE) as rig:
        rig.fakes["a"].script(faults.refusal("server"))
        outcome = await rig.call("r", way)
        assert (outcome.text, list(outcome.tried)) == (TEXT, [f"a {BAD}", "a"])
        assert rig.asked() == {"a": 2, "b": 0}


@ways
async def test_u3_a_dead_primary_is_left_alone_and_the_others_serve_without_waiting(way: Way) -> None:
    async with stand(ROUTE) as rig:
        rig.fakes["a"].always(faults.refusal("unavailable"))
        outcomes = [await rig.call("r", way) for _ in range(12)]
        assert {outcome.text for outcome in outcomes} == {TEXT}
        assert rig.asked()["a"] in (5, 6)
        assert [list(outcome.tried) for outcome in outcomes[-6:]] == [["b"]] * 6
        metrics = await rig.metrics()
        assert 'llmgateway_circuit_opened_total{provider="a",what="target"} 1.0' in metrics
        assert 'llmgateway_circuits_open{provider="a"} 1.0' in metrics


@ways
async def test_u4_what_cannot_be_reached_is_passed_over(way: Way) -> None:
    routes = {name: {"targets": [f"{name}/m", "b/m-1"]} for name in ("dead", "wrong-tls")}
    async with stand(
        routes,
        provider_settings={
            "dead": {"base_url": "http://127.0.0.1:1/v1"},
            "wrong-tls": {"base_url": "https://127.0.0.1:1/v1"},
        },
        names=("b", "dead", "wrong-tls"),
    ) as rig:
        for name in routes:
            outcome = await rig.call(name, way)
            assert (outcome.text, list(outcome.tried)) == (TEXT, [f"{name} {UNREACHABLE}", "b"])


@ways
async def test_u9_a_request_that_is_too_long_goes_to_a_larger_window_only(way: Way) -> None:
    models = {
        "a/m-1": {"context_tokens": 8_000},
        "b/m-1": {"context_tokens": 8_000},
        "c/m-1": {"context_tokens": 64_000},
    }
    async with stand({"r": {"targets": ["a/m-1", "b/m-1", "c/m-1"]}}, names=("a", "b", "c"), models=models) as rig:
        rig.fakes["a"].always(faults.refusal("context_too_long"))
        outcome = await rig.call("r", way)
        assert (outcome.text, list(outcome.tried)) == (TEXT, ["a context_too_long", "c"])
        assert rig.asked() == {"a": 1, "b": 0, "c": 1}


@ways
async def test_u9_without_a_larger_window_it_is_told_as_it_is(way: Way) -> None:
    async with stand(ROUTE) as rig:
        rig.fakes["a"].always(faults.refusal("context_too_long"))
        outcome = await rig.call("r", way)
        assert (outcome.code, rig.asked()) == ("context_length_exceeded", {"a": 1, "b": 0})


@ways
async def test_u10_a_filter_is_routed_around_only_where_the_route_says_so(way: Way) -> None:
    routes = {**ROUTE, "around": {"targets": ["a/m-1"], "fallback": ["c/m-1"], "content_filter_fallback": ["b/m-1"]}}
    async with stand(routes, names=("a", "b", "c")) as rig:
        rig.fakes["a"].always(faults.refusal("content_filtered"))
        outcome = await rig.call("r", way)
        assert (outcome.code, rig.asked()) == ("content_filter", {"a": 1, "b": 0, "c": 0})
        outcome = await rig.call("around", way)
        assert (outcome.text, rig.asked()) == (TEXT, {"a": 2, "b": 1, "c": 0})


@ways
async def test_u11_a_bad_key_beside_a_good_one_is_out_for_this_call_and_the_next(way: Way) -> None:
    keys = {"a": {"api_keys": ["bad-key", "good-key"]}}
    async with stand({}, names=("a",), provider_settings=keys) as rig:
        rig.fakes["a"].script(faults.refusal("key_rejected", "Wrong API key: bad-key."))
        outcome = await rig.call("a/m-1", way)
        assert (outcome.text, list(outcome.tried)) == (TEXT, [f"a {KEY_REJECTED}", "a"])
        for _ in range(3):
            assert (await rig.call("a/m-1", way)).text == TEXT
        sent = [request.headers["authorization"] for request in rig.fakes["a"].calls]
        assert sent == ["Bearer bad-key", *["Bearer good-key"] * 4]
        metrics = await rig.metrics()
        assert 'llmgateway_circuit_opened_total{provider="a",what="key"} 1.0' in metrics


@ways
async def test_u1_a_limited_key_rests_and_the_next_one_serves(way: Way) -> None:
    keys = {"a": {"api_keys": ["key-1", "key-2"]}}
    async with stand({}, names=("a",), provider_settings=keys) as rig:
        rig.fakes["a"].script(faults.refusal("rate_limited", retry_after="60"))
        for _ in range(4):
            assert (await rig.call("a/m-1", way)).text == TEXT
        sent = [request.headers["authorization"] for request in rig.fakes["a"].calls]
        assert sent == ["Bearer key-1", *["Bearer key-2"] * 4]


@ways
async def test_u1_a_single_target_s_rest_is_kept_and_told(way: Way) -> None:
    async with stand({}, names=("a",)) as rig:
        rig.fakes["a"].script(faults.refusal("rate_limited", retry_after="60"))
        first, second = [await rig.call("a/m-1", way) for _ in range(2)]
        assert (first.code, second.code) == ("rate_limit_exceeded", "rate_limit_exceeded")
        assert first.retry_after_s == 60.0
        assert second.retry_after_s is not None
        assert 50 < second.retry_after_s < 60
        assert (list(first.tried), list(second.tried)) == ([f"a {LIMITED}"], [])
        assert rig.asked() == {"a": 1}


LIMITS = {"response": "1MiB", "stream": "4MiB", "event": "256KiB"}
TOO_MUCH: Mapping[str, tuple[Reply, bool]] = {
    "endless": (faults.endless_body, False),
    "a gzip bomb": (faults.gzip_bomb, False),
    "a gzip bomb of a stream": (faults.gzip_bomb, True),
    "an endless line": (faults.endless_line, True),
    "100 MB without a newline": (faults.long_line(100 * faults.MIB), True),
}


@pytest.mark.parametrize(("reply", "streams"), TOO_MUCH.values(), ids=TOO_MUCH)
@pytest.mark.parametrize("protocol", ["rest", "grpc"])
async def test_u12_what_is_too_much_is_cut_off_and_the_next_target_answers(
    protocol: str, reply: Reply, streams: bool
) -> None:
    async with stand(ROUTE, limits=LIMITS) as rig:
        rig.fakes["a"].always(reply)
        outcome = await rig.call("r", Way(protocol, streams))
        assert (outcome.text, list(outcome.tried)) == (TEXT, [f"a {BAD}", "b"])


@pytest.mark.parametrize("kind", faults.NONSENSE_USAGES)
async def test_u14_nonsense_for_usage_spoils_no_answer_after_a_failover(kind: str) -> None:
    async with stand(ROUTE) as rig:
        rig.fakes["a"].always(faults.reset)
        rig.fakes["b"].always(faults.NONSENSE_USAGES[kind])
        for way in WAYS:
            outcome = await rig.call("r", way)
            assert outcome.text == faults.ANSWER.text
            if outcome.usage is not None:
                assert min(outcome.usage.input_token_count, outcome.usage.output_token_count) >= 0


@ways
async def test_u13_a_redirect_is_not_followed_and_the_next_target_answers(way: Way) -> None:
    async with stand(ROUTE) as rig, Canary() as canary:
        rig.fakes["a"].always(faults.redirect(canary.url))
        outcome = await rig.call("r", way)
        assert (outcome.text, list(outcome.tried)) == (TEXT, [f"a {BAD}", "b"])
        assert canary.hit_count == 0


@ways
async def test_u14_the_account_is_of_the_target_that_answered(way: Way) -> None:
    models = {"a/m-1": {"price": {"input": 1000, "output": 1000}}, "b/m-1": {"price": {"input": 1, "output": 2}}}
    async with stand(ROUTE, models=models) as rig:
        rig.fakes["a"].always(faults.refusal("unavailable"))
        rig.fakes["b"].always(chat(TEXT, usage=Counts(1_000, 100)))
        outcome = await rig.call("r", way)
        cost_usd_nanos = 1_000 * 1_000 + 100 * 2_000
        if outcome.usage is not None:
            counts = (outcome.usage.input_token_count, outcome.usage.output_token_count, outcome.usage.cost_usd_nanos)
            assert counts == (1_000, 100, cost_usd_nanos)
        elif not way.streams:
            assert outcome.headers["x-llmgateway-cost-usd"] == f"{cost_usd_nanos / 1e9:.9f}"
        metrics = await rig.metrics()
        assert f'gen_ai_provider_name="b",gen_ai_request_model="m-1"}} {cost_usd_nanos / 1e9}' in metrics
        assert 'llmgateway_attempts_total{provider="a",reason="ERROR_REASON_PROVIDER_OVERLOADED"} 2.0' in metrics
        assert 'llmgateway_attempts_total{provider="b",reason=""} 1.0' in metrics


@pytest.mark.parametrize("text", faults.HOSTILE_TEXTS)
async def test_u15_hostile_text_arrives_literally_after_a_failover(text: str) -> None:
    async with stand(ROUTE) as rig:
        rig.fakes["a"].always(faults.reset)
        rig.fakes["b"].always(chat(text))
        for way in WAYS:
            assert (await rig.call("r", way)).text == text


async def test_u16_a_tool_that_was_not_offered_is_passed_on_and_flagged_after_a_failover() -> None:
    async with stand(ROUTE) as rig:
        rig.fakes["a"].always(faults.refusal("unavailable"))
        rig.fakes["b"].always(chat(faults.UNKNOWN_TOOL))
        outcome = await rig.call("r", WHOLES[0])
        assert outcome.headers["x-llmgateway-provider"] == "b"
        assert "The model called a tool that the request does not offer." in outcome.headers["x-llmgateway-warnings"]


@ways
async def test_u17_one_of_four_targets_dead_costs_five_tries_and_no_call(way: Way) -> None:
    route = {
        "r": {"strategy": "weighted", "targets": [{"model": f"{name}/m-1", "weight": 1} for name in "abcd"]},
    }
    async with stand(route, names=("a", "b", "c", "d"), resilience={"retry": {"budget": 0}}) as rig:
        rig.fakes["a"].always(faults.reset)
        outcomes = [await rig.call("r", way) for _ in range(40)]
        assert {outcome.text for outcome in outcomes} == {TEXT}
        asked = rig.asked()
        assert asked["a"] <= 5
        assert min(asked["b"], asked["c"], asked["d"]) >= 3
        assert sum(asked.values()) == 40 + asked["a"]


@ways
async def test_all_targets_down_is_told_with_all_that_was_tried(way: Way) -> None:
    async with stand(ROUTE) as rig:
        rig.fakes["a"].always(faults.refusal("rate_limited", retry_after="60"))
        rig.fakes["b"].always(faults.reset)
        outcome = await rig.call("r", way)
        assert outcome.code == "all_targets_failed"
        assert list(outcome.tried)[:2] == [f"a {LIMITED}", f"b {UNREACHABLE}"]
        assert outcome.retry_after_s is not None
        if way.protocol == "rest":
            assert outcome.status == 502


@ways
async def test_all_targets_down_alike_is_told_as_that(way: Way) -> None:
    async with stand(ROUTE) as rig:
        for fake in rig.fakes.values():
            fake.always(faults.refusal("unavailable"))
        outcome = await rig.call("r", way)
        assert (outcome.code, list(outcome.tried)) == (
            OVERLOADED,
            [f"a {OVERLOADED}", f"a {OVERLOADED}", f"b {OVERLOADED}"],
        )


@ways
async def test_a_single_dead_target_is_refused_at_once_with_a_time(way: Way) -> None:
    async with stand({}, names=("a",)) as rig:
        rig.fakes["a"].always(faults.reset)
        outcomes = [await rig.call("a/m-1", way) for _ in range(4)]
        assert [outcome.code for outcome in outcomes] == [UNREACHABLE, UNREACHABLE, "circuit_open", "circuit_open"]
        assert rig.asked() == {"a": 5}
        last = outcomes[-1]
        assert last.retry_after_s is not None
        assert 25 < last.retry_after_s <= 30
        assert list(last.tried) == []


@ways
async def test_a_400_is_final(way: Way) -> None:
    async with stand(ROUTE) as rig:
        rig.fakes["a"].always(faults.refusal("invalid"))
        outcome = await rig.call("r", way)
        assert (outcome.code, rig.asked()) == ("provider_rejected_request", {"a": 1, "b": 0})


@ways
async def test_a_fallback_speaks_its_own_dialect(way: Way) -> None:
    routes = {"r": {"targets": ["a/m-1"], "fallback": ["b/m-1"]}}
    async with stand(routes, dialects={"b": "anthropic"}) as rig:
        rig.fakes["a"].always(faults.refusal("unavailable"))
        outcome = await rig.call("r", way)
        assert (outcome.text, list(outcome.tried)[-1]) == (TEXT, "b")
        assert rig.fakes["b"].calls[0].path.endswith("/v1/messages")


async def test_embeddings_fall_back_too() -> None:
    async with stand(ROUTE) as rig:
        rig.fakes["a"].always(faults.refusal("unavailable"))
        async with rig.http.post("/v1/embeddings", json={"model": "r", "input": "Hello"}) as response:
            assert response.status == 200
            assert response.headers["x-llmgateway-provider"] == "b"


@pytest.mark.parametrize("streams", [False, True])
async def test_the_caller_s_deadline_bounds_all_attempts_together(streams: bool) -> None:
    """Three targets that never answer, each for longer than half of the deadline: the third is never asked."""
    async with stand({"r": {"targets": ["a/m-1", "b/m-1", "c/m-1"]}}, names=("a", "b", "c")) as rig:
        for fake in rig.fakes.values():
            fake.always(faults.never_answer)
        outcome = await rig.call("r", Way("grpc", streams), timeout_s=1.3)
        # Whose clock is first is up to the machine: a client library that gives up by itself tells no reason.
        assert outcome.code in ("timeout", "first_content_timeout", "unspecified")
        assert rig.asked()["c"] == 0
        for fake in rig.fakes.values():
            for exchange in fake.exchanges:
                await asyncio.wait_for(exchange.closed.wait(), 10)
