"""How long an attempt may take. Pure."""

from __future__ import annotations

from llmgateway.v1 import generation_pb2

from llmgateway_server.attempts.itinerary import Step
from llmgateway_server.config.resilience import TimeoutSettings
from llmgateway_server.routing.health import TargetHealth
from llmgateway_server.upstream.upstream import AttemptState, asks_reasoning

# A probe of a target that kept failing waits for less, as long as others can take the call over.
PROBE_CONNECT_S = 2.0
PROBE_FIRST_CONTENT_S = 5.0
PROBE_SLOW_FIRST_S = 30.0
PROBE_TOTAL_S = 30.0
# What is usual there may take so many times as long.
PATIENCE = 4.0


def start_state(step: Step, request: object, deadline_s: float, now_s: float, *, has_other: bool) -> AttemptState:
    """Return the state of an attempt that begins now."""
    waits_long = isinstance(request, generation_pb2.GenerateRequest) and may_think(request, step)
    timeouts = step.choice.timeouts
    if step.is_probe and has_other:
        timeouts, waits_long = shorten(timeouts, step.health, waits_long=waits_long), False
    return AttemptState(min(deadline_s, now_s + timeouts.total_s), timeouts, waits_long, step.key_index)


def may_think(request: generation_pb2.GenerateRequest, step: Step) -> bool:
    """Whether the model may be silent for minutes before its first words."""
    return asks_reasoning(request) or (step.choice.profile.is_slow_first and request.reasoning.effort != "none")


def shorten(timeouts: TimeoutSettings, health: TargetHealth, *, waits_long: bool) -> TimeoutSettings:
    """Return the timers of a probe: several times what is usual at its target, never longer than without."""
    first_s = PROBE_SLOW_FIRST_S if waits_long else min(PROBE_FIRST_CONTENT_S, timeouts.first_content_s)
    most_first_s = timeouts.total_s if waits_long else timeouts.first_content_s
    usual_first_s, usual_s = health.first_content.value or 0.0, health.whole.value or 0.0
    return timeouts.model_copy(
        update={
            "connect_s": min(timeouts.connect_s, PROBE_CONNECT_S),
            "first_content_s": min(max(first_s, PATIENCE * usual_first_s), most_first_s),
            "total_s": min(max(PROBE_TOTAL_S, PATIENCE * usual_s), timeouts.total_s),
        }
    )
