"""Why a call goes where it goes: the dry run says what the call then does."""

from __future__ import annotations

import pytest
from llmgateway import GatewayError
from llmgateway.v1 import explain_pb2, generation_pb2
from llmgateway_server.config.resilience import BreakerSettings
from llmgateway_server.routing.target import target_of

from tests.e2e.caller import grpc_request
from tests.e2e.failover import WAYS, Rig, stand
from tests.fakes import faults

Outcome = explain_pb2.TargetOutcome

ROUTES = {
    "auto": {
        "rules": [
            {"when": {"has": ["tools"]}, "route": "strong"},
            {"when": {"label": {"task": "code"}}, "route": "strong"},
        ],
        "otherwise": "fast",
    },
    "fast": {"targets": ["a/m-1", "b/m-1"], "fallback": ["c/m-1"], "require": {"region": "eu"}},
    "strong": {"targets": ["c/m-1"]},
}
MODELS = {
    "a/m-1": {"tags": {"region": "eu"}, "price": {"input": 1, "output": 2}, "max_output_tokens": 1_000},
    "b/m-1": {"tags": {"region": "us"}},
    "c/m-1": {"tags": {"region": "eu"}},
}


async def explain(rig: Rig, model: str, **fields: object) -> explain_pb2.ExplainRouteResponse:
    request = grpc_request(model)
    request.MergeFrom(generation_pb2.GenerateRequest(**fields))  # type: ignore[arg-type]  # rows vary by field
    return await rig.client.explain(request)


def words(response: explain_pb2.ExplainRouteResponse) -> list[tuple[str, str]]:
    return [
        (target.provider, Outcome.Exclusion.Name(target.exclusion).removeprefix("EXCLUSION_").lower())
        for target in response.targets
    ]


async def test_it_tells_the_rules_the_order_and_who_is_left_out() -> None:
    async with stand(ROUTES, names=("a", "b", "c"), models=MODELS) as rig:
        told = await explain(rig, "auto", labels={"task": "chat"})
        assert (told.route, told.strategy, told.config_revision) == ("fast", "priority", 1)
        assert [(rule.route, rule.target, rule.matched) for rule in told.rules] == [
            ("auto", "strong", False),
            ("auto", "strong", False),
        ]
        assert words(told) == [("a", "unspecified"), ("c", "unspecified"), ("b", "tag")]
        assert [target.is_fallback for target in told.targets] == [False, True, False]
        assert told.facts["request.labels.task"] == "chat"
        assert told.facts["request.turn_count"] == "1"
        assert told.input_token_count > 0
        assert told.targets[0].max_cost_usd_nanos == told.input_token_count * 1_000 + 1_000 * 2_000
        assert not told.targets[1].HasField("max_cost_usd_nanos")
        assert all(target.description for target in told.targets)
        assert rig.asked() == {"a": 0, "b": 0, "c": 0}
        told = await explain(rig, "auto", labels={"task": "code"})
        assert (told.route, [rule.matched for rule in told.rules]) == ("strong", [False, True])


async def test_a_call_does_what_was_told() -> None:
    async with stand(ROUTES, names=("a", "b", "c"), models=MODELS) as rig:
        rig.fakes["a"].always(faults.refusal("unavailable"))
        for way in WAYS:
            told = await explain(rig, "auto")
            first = next(target.provider for target in told.targets if not target.exclusion)
            outcome = await rig.call("auto", way)
            assert outcome.tried[0].partition(" ")[0] == first
        assert rig.asked()["b"] == 0
        # By now the first target is left alone, and it is told until when.
        told = await explain(rig, "auto")
        (ill,) = [target for target in told.targets if target.exclusion == Outcome.EXCLUSION_UNHEALTHY]
        assert (ill.provider, ill.HasField("unhealthy_until_time")) == ("a", True)


async def test_a_dry_run_takes_no_probe_and_no_room() -> None:
    async with stand(ROUTES, names=("a", "b", "c"), models=MODELS) as rig:
        health = rig.gateway._shared.books.health
        target, now_s = target_of("a/m-1"), rig.gateway._shared.books.clocks.monotonic_s()
        for _ in range(5):
            health.note_failure(target, BreakerSettings(probe_s=0.001), now_s)
        for _ in range(3):
            told = await explain(rig, "fast")
            assert words(told)[0] == ("a", "unspecified")
        assert health.of(target).circuit.is_probe_due(rig.gateway._shared.books.clocks.monotonic_s())
        assert health.of(target).room.running == 0


async def test_a_route_with_nothing_left_is_explained_and_not_refused() -> None:
    async with stand({"r": {"targets": ["a/m-1"], "require": {"region": "mars"}}}, names=("a",)) as rig:
        assert words(await explain(rig, "r")) == [("a", "tag")]
        with pytest.raises(GatewayError, match="No model and no route"):
            await explain(rig, "nothing")
