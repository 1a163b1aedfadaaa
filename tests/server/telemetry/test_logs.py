from __future__ import annotations

import io
import json
import logging
import threading

import pytest
from llmgateway.v1 import call_pb2, usage_pb2
from llmgateway_server import errors
from llmgateway_server.call import Call, Outcome, Principal
from llmgateway_server.telemetry import logs
from llmgateway_server.telemetry.logs import LineWriter, start_logging, timestamp
from llmgateway_server.telemetry.observer import call_line


def test_a_line_is_one_json_object_whatever_it_holds() -> None:
    out = io.BytesIO()
    writer = LineWriter(out)
    writer.write({"message": "a\r\nb\x1b[31m\u2028", "model": '"}\n{"forged": true'})
    writer.close()
    lines = out.getvalue().split(b"\n")
    assert len(lines) == 2
    assert lines[1] == b""
    assert b"\r" not in lines[0]
    assert b"\x1b" not in lines[0]
    assert json.loads(lines[0])["message"] == "a\r\nb\x1b[31m\u2028"


def test_the_librarys_records_become_the_same_lines() -> None:
    out = io.BytesIO()
    _, stop = start_logging("info", out)
    try:
        logging.getLogger("llmgateway.test").warning("provider %s is away", "openai")
        logging.getLogger("llmgateway.test").debug("not shown")
        try:
            raise KeyError("x")
        except KeyError as error:
            logging.getLogger("llmgateway.test").error("failed", exc_info=error)
    finally:
        stop()
    warning, failure = (json.loads(line) for line in out.getvalue().splitlines())
    assert (warning["level"], warning["logger"], warning["message"]) == (
        "warning",
        "llmgateway.test",
        "provider openai is away",
    )
    assert "KeyError" in failure["exception"]


def test_a_reader_that_stands_still_costs_lines_not_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "MAX_WAITING_LINES", 10)
    entered, gate = threading.Event(), threading.Event()

    class Stuck(io.BytesIO):
        def write(self, data: object) -> int:
            entered.set()
            gate.wait()
            return super().write(data)  # type: ignore[arg-type]

    out = Stuck()
    writer = LineWriter(out)
    writer.write({"message": "first"})
    assert entered.wait(10)
    for _ in range(100):
        writer.write({"message": "more"})
    gate.set()
    writer.close()
    assert out.getvalue().count(b"more") == 10


def test_a_time_is_rfc_3339_in_utc() -> None:
    assert timestamp(1_700_000_000.0625) == "2023-11-14T22:13:20.062Z"


def test_a_calls_line_has_names_and_counts_but_no_content() -> None:
    attempt = call_pb2.Attempt(provider="openai", model="gpt-4o", http_status=200)
    usage = usage_pb2.Usage(input_token_count=10, output_token_count=5, cost_usd_nanos=7)
    outcome = Outcome("small", "openai", "gpt-4o", [attempt], usage, first_content_s=0.25, waited_s=0.9)
    call = Call("call_1", "Generate", Principal("ci"), 0.0, 0, 600.0, outcome)
    line = call_line(0.0, "Generate", "call_1", call, 1.0, None)
    assert line == {
        "time": "1970-01-01T00:00:00.000Z",
        "level": "info",
        "message": "call",
        "call_id": "call_1",
        "method": "Generate",
        "code": "OK",
        "duration_ms": 1000.0,
        "principal": "ci",
        "requested_model": "small",
        "provider": "openai",
        "model": "gpt-4o",
        "attempts": 1,
        "gateway_ms": 100.0,
        "http_status": 200,
        "first_content_ms": 250.0,
        "input_tokens": 10,
        "output_tokens": 5,
        "cost_usd_nanos": 7,
    }


@pytest.mark.parametrize(
    ("error", "level", "reason"),
    [
        (errors.InternalError("x"), "error", "ERROR_REASON_INTERNAL_ERROR"),
        (errors.ProviderUnreachable("x"), "warning", "ERROR_REASON_PROVIDER_UNREACHABLE"),
        (errors.ApiKeyInvalid("x"), "info", "ERROR_REASON_API_KEY_INVALID"),
        (errors.CallerLeft("x"), "info", "CALLER_LEFT"),
    ],
)
def test_whose_fault_it_was_decides_the_level(error: errors.CallError, level: str, reason: str) -> None:
    line = call_line(0.0, "Generate", "call_1", None, 0.0, error)
    assert (line["level"], line["reason"]) == (level, reason)
