"""Prometheus metrics under OpenTelemetry's names for generative AI, with closed label sets.

Names follow the OpenTelemetry semantic conventions for GenAI (read 2026-11-25) in Prometheus spelling; what
they have no name for is `llmgateway_*`. A model becomes a label value only once its provider has answered for
it, and only up to `MAX_MODELS`: callers cannot make series.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from prometheus_client import CollectorRegistry, Gauge, Histogram
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from llmgateway_server.call import Call
from llmgateway_server.errors import CallError, Reason
from llmgateway_server.telemetry.series import Counts, Distributions

MAX_MODELS = 500
OTHER = "other"

DURATION_BUCKETS_S = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92, 163.84)
OVERHEAD_BUCKETS_S = (0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0)
TOKEN_BUCKETS = (1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576)

TARGET_LABELS = ("gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_request_model")
OPERATIONS = {"Generate": "chat", "StreamGenerate": "chat", "Embed": "embeddings", "Rerank": "rerank"}


class BeforeReading(Collector):
    """A collector without metrics: it is asked when the others are about to be."""

    def __init__(self) -> None:
        self.works: list[Callable[[], None]] = []

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterable[Metric]:
        for work in self.works:
            work()
        return ()


class Metrics:
    """The gateway's metrics, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._before_reading = BeforeReading()
        self.registry.register(self._before_reading)  # the first to be asked
        self._tokens = self._histogram(
            "gen_ai_client_token_usage",
            "Tokens of a call, by type.",
            (*TARGET_LABELS, "gen_ai_token_type"),
            TOKEN_BUCKETS,
        )
        self._duration = self._histogram(
            "gen_ai_server_request_duration_seconds",
            "From acceptance to the end of a call.",
            (*TARGET_LABELS, "error_type"),
            DURATION_BUCKETS_S,
        )
        self._first_content = self._histogram(
            "gen_ai_server_time_to_first_token_seconds",
            "From acceptance to the first content of a stream.",
            TARGET_LABELS,
            DURATION_BUCKETS_S,
        )
        self._overhead = self._histogram(
            "llmgateway_overhead_seconds", "Time of a call that was the gateway's own.", ("method",), OVERHEAD_BUCKETS_S
        )
        self._cost = self._counter("llmgateway_cost_usd", "What calls cost, where prices are known.", TARGET_LABELS)
        self._errors = self._counter("llmgateway_errors", "Calls that failed, by reason.", ("method", "reason"))
        self._attempts = self._counter("llmgateway_attempts", "Tries at providers, by outcome.", ("provider", "reason"))
        self._listings = self._counter(
            "llmgateway_model_listing_failures", "Times that a provider did not list its models.", ("provider",)
        )
        self._rules = self._counter("llmgateway_rule_failures", "Rules that could not be evaluated.", ("route",))
        self._circuits = self._counter(
            "llmgateway_circuit_opened", "Times that a target or a provider's key was left alone.", ("provider", "what")
        )
        self._overruns = self._counter(
            "llmgateway_overruns", "Attempts that cost more than they could by what was asked for.", ("provider",)
        )
        self._quota_warnings = self._counter(
            "llmgateway_quota_warnings",
            "Times that a quota was used to a share that its configuration names.",
            ("scope_kind", "metric", "window", "share"),
        )
        self._ledger_writable = Gauge(
            "llmgateway_ledger_writable", "Whether the ledger can be written: 1 or 0.", registry=self.registry
        )
        self._ledger_writable.set(1)
        self._rates_shared = Gauge(
            "llmgateway_rates_shared",
            "Whether gateways count rates together: 1, or each for its share: 0. Without Redis always 0.",
            registry=self.registry,
        )
        self._open: dict[str, set[str]] = {}
        self._open_gauge = Gauge(
            "llmgateway_circuits_open",
            "Targets and keys that are left alone now.",
            ("provider",),
            registry=self.registry,
        )
        self._revision = Gauge(
            "llmgateway_config_revision",
            "Which state of the configuration is in use, counted from 1 at the start.",
            registry=self.registry,
        )
        self._reloads = self._counter("llmgateway_config_reloads", "Reloads of the configuration.", ("outcome",))
        self._reload_ok = Gauge(
            "llmgateway_config_last_reload_ok",
            "Whether the configuration was good when it was last read: 1 or 0.",
            registry=self.registry,
        )
        self._in_flight: dict[str, int] = {}
        self._in_flight_gauge = Gauge(
            "llmgateway_calls_in_flight", "Calls that run now.", ("method",), registry=self.registry
        )
        self.loop_delay = Histogram(
            "llmgateway_event_loop_delay_seconds",
            "How late the event loop was for a timer.",
            registry=self.registry,
            buckets=OVERHEAD_BUCKETS_S,
        )
        self._models: set[tuple[str, str]] = set()

    def _histogram(self, name: str, text: str, labels: Sequence[str], bounds: Sequence[float]) -> Distributions:
        return Distributions(self.registry, name, text, labels, bounds)

    def _counter(self, name: str, text: str, labels: Sequence[str]) -> Counts:
        return Counts(self.registry, name, text, labels)

    def before_reading(self, work: Callable[[], None]) -> None:
        """Have `work` done whenever the metrics are read, before they are."""
        self._before_reading.works.append(work)

    def begin(self, method: str) -> None:
        """Count a call in."""
        if method not in self._in_flight:
            # Read when asked for: a count of our own costs a tenth of the library's.
            self._in_flight[method] = 0
            self._in_flight_gauge.labels(method).set_function(lambda: self._in_flight[method])
        self._in_flight[method] += 1

    def leave(self, method: str) -> None:
        """Count a call out."""
        self._in_flight[method] -= 1

    def observe(self, method: str, call: Call | None, elapsed_s: float, error: CallError | None) -> None:
        """Add what a call took. `call` is None where it was refused at the door."""
        if error is not None:
            self._errors.add((method, reason_label(error)))
        if call is not None:
            for attempt in call.outcome.attempts:
                reason = Reason.Name(attempt.error_reason) if attempt.error_reason else ""
                self._attempts.add((attempt.provider, reason))
            if method in OPERATIONS and call.outcome.provider:
                self._observe_target(method, call, elapsed_s, error)

    def listing_failed(self, provider: str) -> None:
        """Count a provider that did not list its models."""
        self._listings.add((provider,))

    def rule_failed(self, route: str) -> None:
        """Count a rule that could not be evaluated."""
        self._rules.add((route,))

    def circuit_turned(self, name: str, *, is_open: bool) -> None:
        """Count a circuit that opened, or take one that closed off those that are open.

        `name` is a target's id, or a provider's name, a space, and the place of its key.
        """
        target, _, key = name.partition(" ")
        provider = target.partition("/")[0]
        if provider not in self._open:
            self._open[provider] = set()
            self._open_gauge.labels(provider).set_function(lambda: len(self._open[provider]))
        if is_open:
            self._open[provider].add(name)
            self._circuits.add((provider, "key" if key else "target"))
        else:
            self._open[provider].discard(name)

    def overrun(self, provider: str) -> None:
        """Count an attempt that cost more than its bound."""
        self._overruns.add((provider,))

    def quota_warning(self, scope_kind: str, metric: str, window: str, share: str) -> None:
        """Count a quota that is used to a share."""
        self._quota_warnings.add((scope_kind, metric, window, share))

    def ledger_writable(self, is_writable: bool) -> None:
        """Tell whether the ledger can be written."""
        self._ledger_writable.set(is_writable)

    def rates_counted(self, mode: str) -> None:
        """Tell whether gateways count rates together: `shared`, or each for its share."""
        self._rates_shared.set(mode == "shared")

    def config_started(self, revision: int) -> None:
        """Tell which state of the configuration the gateway starts with; there was no reload yet."""
        self._revision.set(revision)
        self._reload_ok.set(1)
        for outcome in ("ok", "refused"):
            self._reloads.add((outcome,), 0)

    def config_reloaded(self, revision: int) -> None:
        """Count a reload, and tell which state is in use now."""
        self._revision.set(revision)
        self._reload_ok.set(1)
        self._reloads.add(("ok",))

    def config_refused(self) -> None:
        """Count a configuration that is not taken into use."""
        self._reload_ok.set(0)
        self._reloads.add(("refused",))

    def _observe_target(self, method: str, call: Call, elapsed_s: float, error: CallError | None) -> None:
        outcome = call.outcome
        model = self._model_label(outcome.provider, outcome.model, answered=error is None)
        target = (OPERATIONS[method], outcome.provider, model)
        self._duration.add((*target, "" if error is None else reason_label(error)), elapsed_s)
        self._overhead.add((method,), max(elapsed_s - outcome.waited_s, 0.0))
        if outcome.first_content_s is not None:
            self._first_content.add(target, outcome.first_content_s)
        usage = outcome.usage
        if usage is None:
            return
        self._tokens.add((*target, "input"), usage.input_token_count)
        if usage.output_token_count:
            self._tokens.add((*target, "output"), usage.output_token_count)
        if usage.cost_usd_nanos > 0:
            self._cost.add(target, usage.cost_usd_nanos / 1e9)

    def _model_label(self, provider: str, model: str, *, answered: bool) -> str:
        key = (provider, model)
        if key in self._models:
            return model
        if answered and len(self._models) < MAX_MODELS:
            self._models.add(key)
            return model
        return OTHER


def reason_label(error: CallError) -> str:
    """Return the reason's name; a caller that left has none in the contract."""
    return Reason.Name(error.reason) if error.reason else "CALLER_LEFT"
