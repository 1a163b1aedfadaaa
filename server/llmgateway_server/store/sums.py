"""What stays of rows that were pruned: their sums by hour, without labels and end users."""

from __future__ import annotations

from collections.abc import Mapping

from llmgateway_server.store.counters import add, counters_of
from llmgateway_server.store.ledger import Counter, Entry, Family, Metric, Row, UsageQuery
from llmgateway_server.store.usage import HOUR_S, NANOS_PER_S, Groups, Sums, bucket_of, dimension

Place = tuple[int, str, tuple[str, ...], str, str, str, str]


class HourlySums:
    """Sums of rows by hour, team, key, provider, model and route."""

    def __init__(self) -> None:
        self._sums: dict[Place, Sums] = {}

    def add_row(self, row: Row) -> None:
        """Take a row in."""
        entry = row.entry
        hour_s = bucket_of(entry.started_ns, HOUR_S)
        place = (hour_s, entry.team, tuple(entry.teams), entry.key, entry.provider, entry.model, entry.route)
        self._sums.setdefault(place, Sums()).add_row(row)

    def group(self, query: UsageQuery, groups: Groups) -> None:
        """Add the hours that began in a query's time to the sums that it asks for."""
        for place, sums in self._sums.items():
            entry = entry_of(place)
            if query.since_ns <= entry.started_ns < query.until_ns and all(
                dimension(entry, name) == value for name, value in query.where.items()
            ):
                group = tuple(dimension(entry, name) for name in query.by)
                total = groups.setdefault((bucket_of(entry.started_ns, query.bucket_s), group), Sums())
                total.add(sums.values)
                total.latencies += sums.latencies

    def amounts(self, families: Mapping[Family, int]) -> dict[Counter, int]:
        """Return what counters of families have spent in the hours of the period that runs."""
        totals: dict[Counter, int] = {}
        for place, sums in self._sums.items():
            counters = counters_of(entry_of(place), families)
            add(totals, {counter: amount_of(sums, counter.metric) for counter in counters})
        return totals


def entry_of(place: Place) -> Entry:
    """Return what is still known of the attempts of a place."""
    hour_s, team, teams, key, provider, model, route = place
    return Entry("", "", "", "", hour_s * NANOS_PER_S, key, team, "", {}, route, provider, model, teams=teams)


def amount_of(sums: Sums, metric: Metric) -> int:
    """Return what sums are booked at on a counter of a metric."""
    if metric is Metric.COST:
        return sums.cost_usd_nanos
    if metric is Metric.TOKENS:
        return sums.input_token_count + sums.output_token_count
    return sums.request_count
