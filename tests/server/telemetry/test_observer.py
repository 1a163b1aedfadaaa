"""When ended calls are told of: together, soon, before anyone reads, and never lost."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from llmgateway_server.call import Call, Outcome, Principal
from llmgateway_server.errors import ApiKeyInvalid
from llmgateway_server.telemetry.logs import LineWriter
from llmgateway_server.telemetry.metrics import Metrics
from llmgateway_server.telemetry.observer import MAX_ENDED, PUT_OFF_S, CallObserver
from prometheus_client import generate_latest


class Stage:
    """An observer, and the timers that it asked for."""

    def __init__(self) -> None:
        self.timers: list[tuple[float, Callable[[], None]]] = []
        self.metrics = Metrics()
        self.out = io.BytesIO()
        self.writer = LineWriter(self.out)
        self.observer = CallObserver(self.metrics, self.writer, lambda: 1_000.25, self.call_later)

    def call_later(self, delay_s: float, work: Callable[[], None]) -> None:
        self.timers.append((delay_s, work))

    def end_calls(self, count: int) -> None:
        for number in range(count):
            self.observer.begin("Generate")
            outcome = Outcome(requested_model="p/m", provider="p", model="m")
            call = Call(f"call_{number}", "Generate", Principal("ann"), 0.0, 0, 1.0, outcome)
            self.observer.end("Generate", call.id, call, 0.5, None)

    def told(self) -> int:
        """Return how many calls the metrics know of, without asking for them."""
        value = self.metrics.registry.get_sample_value(
            "gen_ai_server_request_duration_seconds_count",
            {
                "gen_ai_operation_name": "chat",
                "gen_ai_provider_name": "p",
                "gen_ai_request_model": "m",
                "error_type": "",
            },
        )
        return int(value or 0)

    def lines(self) -> list[bytes]:
        self.writer.close()
        return self.out.getvalue().splitlines()


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_calls_are_told_of_when_their_time_has_come_in_their_order(stage: Stage) -> None:
    stage.end_calls(3)
    ((delay_s, work),) = stage.timers
    assert delay_s == PUT_OFF_S
    work()
    lines = stage.lines()
    assert [f"call_{number}".encode() in line for number, line in enumerate(lines)] == [True] * 3
    assert b'"time":"1970-01-01T00:16:40.250Z"' in lines[0]


def test_many_are_told_of_at_once(stage: Stage) -> None:
    stage.end_calls(MAX_ENDED)
    assert len(stage.lines()) == MAX_ENDED


def test_an_error_is_told_of_at_once_with_all_before_it(stage: Stage) -> None:
    stage.end_calls(2)
    stage.observer.begin("Generate")
    stage.observer.end("Generate", "call_refused", None, 0.1, ApiKeyInvalid("no"))
    lines = stage.lines()
    assert len(lines) == 3
    assert b"call_refused" in lines[2]


def test_a_timer_is_asked_for_once_and_again_after_it(stage: Stage) -> None:
    stage.end_calls(2)
    stage.timers.pop()[1]()
    stage.end_calls(1)
    assert len(stage.timers) == 1


def test_whoever_reads_the_metrics_reads_all_of_them(stage: Stage) -> None:
    stage.end_calls(5)
    assert b"gen_ai_server_request_duration_seconds_count" in generate_latest(stage.metrics.registry)
    assert stage.told() == 5
    assert stage.metrics.registry.get_sample_value("llmgateway_calls_in_flight", {"method": "Generate"}) == 0


def test_what_is_left_is_told_of_at_the_end(stage: Stage) -> None:
    stage.end_calls(1)
    stage.observer.flush()
    stage.timers.pop()[1]()
    assert len(stage.lines()) == 1


def test_without_a_loop_nothing_is_put_off() -> None:
    out = io.BytesIO()
    writer = LineWriter(out)
    observer = CallObserver(Metrics(), writer, lambda: 0.0)
    observer.begin("ListModels")
    observer.end("ListModels", "call_1", None, 0.1, None)
    writer.close()
    assert out.getvalue().count(b"\n") == 1
