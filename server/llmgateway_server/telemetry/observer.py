"""Tells metrics and log of each call that ends."""

from __future__ import annotations

from collections.abc import Callable

from llmgateway_server.call import Call
from llmgateway_server.errors import CallError, Code
from llmgateway_server.telemetry.logs import LineWriter, timestamp
from llmgateway_server.telemetry.metrics import Metrics, reason_label

# Who is at fault decides the level: our own faults are errors, a provider's are warnings.
FAULT_LEVELS = {Code.INTERNAL: "error", Code.UNAVAILABLE: "warning", Code.DEADLINE_EXCEEDED: "warning"}


class CallObserver:
    """One log line and a few observations for every call. `log_calls` turns the lines off."""

    def __init__(
        self, metrics: Metrics, writer: LineWriter, wall_s: Callable[[], float], *, log_calls: bool = True
    ) -> None:
        self._metrics = metrics
        self._writer = writer
        self._wall_s = wall_s
        self._log_calls = log_calls

    def begin(self, method: str) -> None:
        """Note that a call begins."""
        self._metrics.begin(method)

    def end(self, method: str, call_id: str, call: Call | None, elapsed_s: float, error: CallError | None) -> None:
        """Note how a call ended. `call` is None where it was refused at the door."""
        self._metrics.end(method, call, elapsed_s, error)
        if self._log_calls:
            self._writer.write(call_line(self._wall_s(), method, call_id, call, elapsed_s, error))


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
