"""Trouble that concerns no single call is logged once where it lasts, and counted always."""

from __future__ import annotations

import logging

import pytest
from llmgateway_server import errors
from llmgateway_server.telemetry.metrics import Metrics
from llmgateway_server.trouble import TroubleReporter
from prometheus_client import generate_latest


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


def shown(metrics: Metrics) -> str:
    return generate_latest(metrics.registry).decode()


def test_a_rule_that_fails_is_logged_once_and_counted_each_time(
    metrics: Metrics, caplog: pytest.LogCaptureFixture
) -> None:
    reporter = TroubleReporter(metrics)
    with caplog.at_level(logging.INFO, "llmgateway"):
        for _ in range(3):
            reporter.rule("auto", "request.turn_count / 0 > 1", "it divides by zero.")
        reporter.rule("auto", "another", "it divides by zero.")
    assert len(caplog.records) == 2
    assert 'llmgateway_rule_failures_total{route="auto"} 4.0' in shown(metrics)


def test_circuits_are_counted_by_provider_and_shown_while_they_are_open(
    metrics: Metrics, caplog: pytest.LogCaptureFixture
) -> None:
    reporter = TroubleReporter(metrics)
    with caplog.at_level(logging.INFO, "llmgateway"):
        reporter.circuit("a/m", 30.0)
        reporter.circuit("a api_keys[0]", 30.0)
        reporter.circuit("b/m/x", 30.0)
        reporter.circuit("a/m", None)
    text = shown(metrics)
    assert 'llmgateway_circuit_opened_total{provider="a",what="target"} 1.0' in text
    assert 'llmgateway_circuit_opened_total{provider="a",what="key"} 1.0' in text
    assert 'llmgateway_circuits_open{provider="a"} 1.0' in text
    assert 'llmgateway_circuits_open{provider="b"} 1.0' in text
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING", "WARNING", "INFO"]
    assert "the next try is in 30 s" in caplog.text


def test_a_provider_that_does_not_list_its_models_is_counted(metrics: Metrics) -> None:
    TroubleReporter(metrics).listing("a", errors.ProviderUnreachable("gone"))
    assert 'llmgateway_model_listing_failures_total{provider="a"} 1.0' in shown(metrics)
