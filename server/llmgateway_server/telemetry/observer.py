"""Tells metrics and log of each call that ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from llmgateway_server.call import Call
from llmgateway_server.errors import CallError, Code
from llmgateway_server.telemetry.logs import LineWriter, timestamp
from llmgateway_server.telemetry.metrics import Metrics, reason_label

MAX_ENDED = 32
PUT_OFF_S = 0.05

CallLater = Callable[[float, Callable[[], None]], object]

# Who is at fault decides the level: our own faults are errors, a provider's are warnings.
FAULT_LEVELS = {Code.INTERNAL: "error", Code.UNAVAILABLE: "warning", Code.DEADLINE_EXCEEDED: "warning"}


class Ended(NamedTuple):
    """A call that has ended and is still to be told of. `wall_s` is when."""

    method: str
    call_id: str
    call: Call | None
    elapsed_s: float
    error: CallError | None
    wall_s: float


class CallObserver:
    """One log line and a few observations for every call. `log_calls` turns the lines off.

    Calls that have ended are told of together, at most `MAX_ENDED` of them and `PUT_OFF_S` later: one by one each costs
    several times as much, since the code for it is cold by then. Whoever reads the metrics has all of them told first.
    An error puts nothing off: it would hold the frames it was raised in, and with them the request. `call_later` is
    the event loop's; without it nothing is put off either.
    """

    def __init__(
        self,
        metrics: Metrics,
        writer: LineWriter,
        wall_s: Callable[[], float],
        call_later: CallLater | None = None,
        *,
        log_calls: bool = True,
    ) -> None:
        self._metrics = metrics
        self._writer = writer
        self._wall_s = wall_s
        self._call_later = call_later
        self._log_calls = log_calls
        self._ended: list[Ended] = []
        self._is_due = False
        metrics.before_reading(self.flush)

    def begin(self, method: str) -> None:
        """Note that a call begins."""
        self._metrics.begin(method)

    def end(self, method: str, call_id: str, call: Call | None, elapsed_s: float, error: CallError | None) -> None:
        """Note how a call ended. `call` is None where it was refused at the door."""
        self._metrics.leave(method)
        self._ended.append(Ended(method, call_id, call, elapsed_s, error, self._wall_s()))
        if self._call_later is None or error is not None or len(self._ended) >= MAX_ENDED:
            self.flush()
        elif not self._is_due:
            self._is_due = True
            self._call_later(PUT_OFF_S, self._flush_due)

    def flush(self) -> None:
        """Tell of the calls that have ended by now."""
        ended, self._ended = self._ended, []
        for one in ended:
            self._metrics.observe(one.method, one.call, one.elapsed_s, one.error)
            if self._log_calls:
                self._writer.write(call_line(one.wall_s, one.method, one.call_id, one.call, one.elapsed_s, one.error))

    def _flush_due(self) -> None:
        self._is_due = False
        self.flush()


def call_line(
    wall_s: float, method: str, call_id: str, call: Call | None, elapsed_s: float, error: CallError | None
) -> dict[str, object]:
    """Return a call's log line: names, counts and times, no content."""
    line: dict[str, object] = {
        "time": timestamp(wall_s),
        "level": "info" if error is None else FAULT_LEVELS.get(error.code, "info"),
        "message": "call",
        "call_id": call_id,
        "method": method,
        "code": "OK" if error is None else error.code.name,
        "duration_ms": round(elapsed_s * 1000, 3),
    }
    if error is not None:
        line["reason"] = reason_label(error)
        line["error"] = error.message
    if call is None:
        return line
    outcome = call.outcome
    line["principal"] = call.principal.name
    line["requested_model"] = outcome.requested_model[:200]
    line["provider"] = outcome.provider
    line["model"] = outcome.model[:200]
    line["attempts"] = len(outcome.attempts)
    line["gateway_ms"] = round(max(elapsed_s - outcome.waited_s, 0.0) * 1000, 3)
    if outcome.attempts and outcome.attempts[-1].http_status:
        line["http_status"] = outcome.attempts[-1].http_status
    if outcome.first_content_s is not None:
        line["first_content_ms"] = round(outcome.first_content_s * 1000, 3)
    usage = outcome.usage
    if usage is not None:
        line["input_tokens"] = usage.input_token_count
        line["output_tokens"] = usage.output_token_count
        if usage.HasField("cost_usd_nanos"):
            line["cost_usd_nanos"] = usage.cost_usd_nanos
    return line
