"""What stands in a row: of an attempt that runs, that ended, that was presumed, and of a late settlement. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import msgspec

from llmgateway_server.store.counters import Amounts, booked, counters_of, family_of
from llmgateway_server.store.ledger import (
    Adjustment,
    Counter,
    Entry,
    Family,
    Metric,
    Row,
    Settlement,
    Source,
    Tally,
)


class OpenIntent(msgspec.Struct, frozen=True):
    """An attempt that runs: what it was granted of cost, and what it holds of each counter."""

    entry: Entry
    granted_usd_nanos: int
    held: dict[Counter, int]
    expires_ns: int

    @property
    def row(self) -> Row:
        return Row(self.entry, Source.OPEN, held_usd_nanos=self.granted_usd_nanos)

    def most_of(self, metric: Metric) -> int:
        """Return the most that it holds of any counter of a metric."""
        return max((amount for counter, amount in self.held.items() if counter.metric is metric), default=0)


class Booking(msgspec.Struct, frozen=True):
    """A row, and what it adds to what counters have committed."""

    row: Row
    amounts: Amounts


def settle(intent: OpenIntent, settlement: Settlement, families: Collection[Family]) -> Booking:
    """Book how a reserved attempt ended. More than was held is an overrun, where a limit of cost applied."""
    overrun = 0
    if any(counter.metric is Metric.COST for counter in intent.held):
        overrun = max(0, (settlement.cost_usd_nanos or 0) - intent.granted_usd_nanos)
    row = row_of(intent.entry, settlement, intent.granted_usd_nanos, overrun)
    return Booking(row, booked(settlement, intent.held, families))


def record(entry: Entry, settlement: Settlement, families: Collection[Family]) -> Booking:
    """Book an attempt that was never reserved."""
    return Booking(row_of(entry, settlement), booked(settlement, (), families))


def presume(intent: OpenIntent, families: Mapping[Family, int], now_ns: int) -> Booking:
    """Book an attempt at what it holds. Counters that a limit needs since it began are charged as much."""
    row = Row(
        intent.entry,
        Source.PRESUMED,
        cost_usd_nanos=intent.granted_usd_nanos,
        held_usd_nanos=intent.granted_usd_nanos,
        tally=Tally(input_token_count=intent.most_of(Metric.TOKENS)),
        request_count=intent.most_of(Metric.REQUESTS),
        ended_ns=now_ns,
    )
    known = {(counter.scope, counter.metric, counter.window) for counter in intent.held}
    others = {
        counter: amount_of(row, counter.metric)
        for counter in counters_of(intent.entry, families)
        if (counter.scope, counter.metric, counter.window) not in known
    }
    return Booking(row, intent.held | others)


def settle_late(presumed: Booking, settlement: Settlement, families: Collection[Family]) -> Booking:
    """Book the difference between what an attempt was presumed to use and what it did.

    A counter that the presumption did not charge, but that is charged by now, summed it up when it was first kept.
    """
    row, entry = presumed.row, presumed.row.entry
    late = row_of(
        msgspec.structs.replace(entry, attempt_id=f"{entry.attempt_id}/late"),
        settlement,
        overrun_usd_nanos=max(0, (settlement.cost_usd_nanos or 0) - row.held_usd_nanos),
    )
    late = msgspec.structs.replace(
        late,
        source=Source.ADJUSTMENT,
        cost_usd_nanos=(settlement.cost_usd_nanos or 0) - (row.cost_usd_nanos or 0),
        tally=difference(settlement.tally, row.tally),
        request_count=settlement.request_count - row.request_count,
        adjusts=entry.attempt_id,
        reason=f"settled late: {settlement.source}",
    )
    return Booking(
        late,
        {
            counter: amount - presumed.amounts.get(counter, amount_of(row, counter.metric))
            for counter, amount in booked(settlement, presumed.amounts.keys(), families).items()
        },
    )


def adjust(adjustment: Adjustment, families: Collection[Family]) -> Booking:
    """Book a correction by hand: of cost alone."""
    row = Row(
        adjustment.entry,
        Source.ADJUSTMENT,
        cost_usd_nanos=adjustment.cost_usd_nanos,
        ended_ns=adjustment.entry.started_ns,
        adjusts=adjustment.adjusts,
        reason=adjustment.reason,
    )
    counters = {charge.counter for charge in adjustment.charges if charge.counter.metric is Metric.COST}
    return Booking(row, {one: adjustment.cost_usd_nanos for one in counters if family_of(one) in families})


def row_of(entry: Entry, settlement: Settlement, held_usd_nanos: int = 0, overrun_usd_nanos: int = 0) -> Row:
    """Return the row of an attempt that ended."""
    return Row(
        entry,
        settlement.source,
        settlement.cost_usd_nanos,
        held_usd_nanos,
        overrun_usd_nanos,
        settlement.tally,
        settlement.request_count,
        settlement.ended_ns,
        settlement.latency_us,
        settlement.first_content_us,
        settlement.outcome,
        settlement.http_status,
        settlement.cache,
    )


def amount_of(row: Row, metric: Metric) -> int:
    """Return what a row is booked at on a counter of a metric."""
    if metric is Metric.COST:
        return row.cost_usd_nanos or 0
    return row.tally.token_count if metric is Metric.TOKENS else row.request_count


def difference(tally: Tally, less: Tally) -> Tally:
    """Return a tally less another, kind by kind."""
    return Tally(
        tally.input_token_count - less.input_token_count,
        tally.cached_input_token_count - less.cached_input_token_count,
        tally.cache_write_input_token_count - less.cache_write_input_token_count,
        tally.output_token_count - less.output_token_count,
        tally.reasoning_token_count - less.reasoning_token_count,
    )
