"""Counters and histograms that cost a fraction of the library's own to add to; the library writes them out.

`prometheus_client` takes a lock and an exemplar's time into account with each observation; here all of them are made on
the event loop, and only what is read out is made into the library's types.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

Labels = tuple[str, ...]


class Counts(Collector):
    """A counter, by the values of its labels. Not for several threads."""

    def __init__(self, registry: CollectorRegistry, name: str, text: str, labels: Sequence[str]) -> None:
        self._name = name
        self._text = text
        self._labels = labels
        self._values: dict[Labels, float] = {}
        registry.register(self)

    def add(self, labels: Labels, amount: float = 1) -> None:
        """Add an amount, 0 or more."""
        self._values[labels] = self._values.get(labels, 0) + amount

    def describe(self) -> Iterable[Metric]:
        return [CounterMetricFamily(self._name, self._text, labels=self._labels)]

    def collect(self) -> Iterable[Metric]:
        family = CounterMetricFamily(self._name, self._text, labels=self._labels)
        for labels, value in self._values.items():
            family.add_metric(labels, value)
        return [family]


class Distribution:
    """One series of a histogram: how many observations fell into each bucket, and their sum."""

    __slots__ = ("counts", "total")

    def __init__(self, bucket_count: int) -> None:
        self.counts = [0] * bucket_count
        self.total = 0.0


class Distributions(Collector):
    """A histogram, by the values of its labels. `bounds` are ascending, without infinity. Not for several threads."""

    def __init__(
        self, registry: CollectorRegistry, name: str, text: str, labels: Sequence[str], bounds: Sequence[float]
    ) -> None:
        self._name = name
        self._text = text
        self._labels = labels
        self._bounds = bounds
        self._series: dict[Labels, Distribution] = {}
        registry.register(self)

    def add(self, labels: Labels, amount: float) -> None:
        """Add an observation."""
        series = self._series.get(labels)
        if series is None:
            series = self._series[labels] = Distribution(len(self._bounds) + 1)
        series.counts[bisect_left(self._bounds, amount)] += 1
        series.total += amount

    def describe(self) -> Iterable[Metric]:
        return [HistogramMetricFamily(self._name, self._text, labels=self._labels)]

    def collect(self) -> Iterable[Metric]:
        family = HistogramMetricFamily(self._name, self._text, labels=self._labels)
        names = [*map(floatToGoString, self._bounds), "+Inf"]
        for labels, series in self._series.items():
            count, buckets = 0, []
            for name, own in zip(names, series.counts, strict=True):
                count += own
                buckets.append((name, count))
            family.add_metric(labels, buckets, series.total)
        return [family]
