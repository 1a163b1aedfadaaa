from __future__ import annotations

import pytest
from llmgateway.v1 import call_pb2, error_reason_pb2, usage_pb2
from llmgateway_server import errors
from llmgateway_server.call import Call, Outcome, Principal
from llmgateway_server.telemetry.metrics import MAX_MODELS, Metrics
from prometheus_client import generate_latest

TARGET = {"gen_ai_operation_name": "chat", "gen_ai_provider_name": "openai", "gen_ai_request_model": "gpt-4o"}


def new_call(model: str = "gpt-4o", usage: usage_pb2.Usage | None = None) -> Call:
    attempt = call_pb2.Attempt(provider="openai", model=model)
    outcome = Outcome("openai/" + model, "openai", model, [attempt], usage, first_content_s=0.3, waited_s=0.9)
    return Call("call_1", "Generate", Principal("ci"), 0.0, 0, 600.0, outcome)


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


def test_a_call_is_counted_with_its_tokens_cost_and_times() -> None:
    metrics = Metrics()
    usage = usage_pb2.Usage(input_token_count=10, output_token_count=5, cost_usd_nanos=2_000_000)
    metrics.begin("Generate")
    assert value(metrics, "llmgateway_calls_in_flight", method="Generate") == 1
    metrics.leave("Generate")
    metrics.observe("Generate", new_call(usage=usage), 1.0, None)
    assert value(metrics, "llmgateway_calls_in_flight", method="Generate") == 0
    assert value(metrics, "gen_ai_client_token_usage_sum", **TARGET, gen_ai_token_type="input") == 10
    assert value(metrics, "gen_ai_client_token_usage_sum", **TARGET, gen_ai_token_type="output") == 5
    assert value(metrics, "gen_ai_server_request_duration_seconds_sum", **TARGET, error_type="") == 1.0
    assert value(metrics, "gen_ai_server_time_to_first_token_seconds_sum", **TARGET) == 0.3
    assert value(metrics, "llmgateway_overhead_seconds_sum", method="Generate") == pytest.approx(0.1)
    assert value(metrics, "llmgateway_cost_usd_total", **TARGET) == 0.002
    assert value(metrics, "llmgateway_attempts_total", provider="openai", reason="") == 1


def test_a_failed_call_is_counted_by_its_reason() -> None:
    metrics, call = Metrics(), new_call()
    call.outcome.attempts[0].error_reason = error_reason_pb2.ERROR_REASON_PROVIDER_OVERLOADED
    metrics.begin("Generate")
    metrics.leave("Generate")
    metrics.observe("Generate", call, 1.0, errors.ProviderOverloaded("busy"))
    reason = "ERROR_REASON_PROVIDER_OVERLOADED"
    assert value(metrics, "llmgateway_errors_total", method="Generate", reason=reason) == 1
    assert value(metrics, "llmgateway_attempts_total", provider="openai", reason=reason) == 1


def test_a_call_refused_at_the_door_is_counted_without_a_target() -> None:
    metrics = Metrics()
    metrics.begin("Generate")
    metrics.leave("Generate")
    metrics.observe("Generate", None, 0.0, errors.ApiKeyInvalid("no"))
    labels = {"method": "Generate", "reason": "ERROR_REASON_API_KEY_INVALID"}
    assert metrics.registry.get_sample_value("llmgateway_errors_total", labels) == 1


def test_callers_cannot_make_series() -> None:
    metrics = Metrics()
    for index in range(2 * MAX_MODELS):
        metrics.begin("Generate")
        metrics.leave("Generate")
        metrics.observe("Generate", new_call(f"unknown-{index}"), 0.1, errors.ModelNotFound("none such"))
        metrics.begin("Generate")
        metrics.leave("Generate")
        metrics.observe("Generate", new_call(f"known-{index}"), 0.1, None)
    text = generate_latest(metrics.registry).decode()
    assert "unknown-" not in text
    assert f'gen_ai_request_model="known-{MAX_MODELS - 1}"' in text
    assert f'gen_ai_request_model="known-{MAX_MODELS}"' not in text
    assert 'gen_ai_request_model="other"' in text
