"""Tells of trouble that concerns no single call: in the log, once where it lasts, and in the metrics."""

from __future__ import annotations

import logging
from collections.abc import Callable

from llmgateway_server import errors
from llmgateway_server.config.quotas import USD_NANOS
from llmgateway_server.store.ledger import Entry
from llmgateway_server.telemetry.metrics import Metrics

RATE_MODES = {"shared": "with the other gateways", "local": "by each gateway for its share: Redis does not answer"}
MAX_RULES = 1_000

log = logging.getLogger("llmgateway")


def ignore(_: Entry, __: int) -> None:
    """Do nothing about an overrun."""


class TroubleReporter:
    """`snapshot.Reporter` of the gateway. `on_overrun` hears of attempts that cost too much, and by how much."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._rules: set[tuple[str, str]] = set()
        self.on_overrun: Callable[[Entry, int], None] = ignore

    def credentials(self, provider: str, what: str) -> None:
        """Log what became of a provider's credentials."""
        log.warning("provider %s %s", provider, what)

    def listing(self, provider: str, error: errors.CallError) -> None:
        """Count and log a provider that did not list its models."""
        self._metrics.listing_failed(provider)
        log.warning("provider %s did not list its models: %s", provider, error.message)

    def rule(self, route: str, condition: str, what: str) -> None:
        """Count a rule that could not be evaluated; log it the first time."""
        self._metrics.rule_failed(route)
        if (route, condition) in self._rules or len(self._rules) >= MAX_RULES:
            return
        self._rules.add((route, condition))
        log.warning("a rule of the route %s is skipped, since it cannot be evaluated: %s: %s", route, condition, what)

    def overrun(self, entry: Entry, cost_usd_nanos: int, bound_usd_nanos: int) -> None:
        """Count and log an attempt that cost more than it could."""
        self._metrics.overrun(entry.provider)
        self.on_overrun(entry, cost_usd_nanos - bound_usd_nanos)
        log.error(
            "the attempt %s at %s/%s cost %.9f US dollars, %.9f more than it could by what was asked for: "
            "the provider does not keep to its limits or prices",
            entry.attempt_id,
            entry.provider,
            entry.model[:200],
            cost_usd_nanos / USD_NANOS,
            (cost_usd_nanos - bound_usd_nanos) / USD_NANOS,
        )

    def quota_warning(self, scope: str, metric: str, window: str, share: float, text: str) -> None:
        """Count and log a quota that is used to a share."""
        self._metrics.quota_warning(scope.partition("/")[0], metric, window, f"{share:g}")
        log.warning("%s", text)

    def ledger(self, trouble: Exception | None) -> None:
        """Tell that the ledger cannot be written, or can be again."""
        self._metrics.ledger_writable(trouble is None)
        if trouble is None:
            log.info("the ledger can be written again")
        else:
            log.error("the ledger cannot be written, and calls whose cost is limited are refused: %s", trouble)

    def rates(self, mode: str) -> None:
        """Tell who counts rates now."""
        self._metrics.rates_counted(mode)
        log.warning("rates and calls at once are counted %s", RATE_MODES[mode])

    def circuit(self, name: str, for_s: float | None) -> None:
        """Count and log a circuit that opens or closes."""
        self._metrics.circuit_turned(name, is_open=for_s is not None)
        if for_s is None:
            log.info("%s is well again", name)
        else:
            log.warning("%s is left alone: it kept failing; the next try is in %.3g s", name, for_s)
