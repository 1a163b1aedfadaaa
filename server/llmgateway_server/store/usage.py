"""Sums of rows by group and time, and percentiles of their latencies. Pure.

Latencies are counted in buckets that grow by a tenth, told by their middles: percentiles are right within a twentieth.
"""

from __future__ import annotations

import math
from collections import Counter as Counts
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from llmgateway_server.store.ledger import Entry, Row, Source, Tally, UsageQuery, UsageRow

NANOS_PER_S = 1_000_000_000
HOUR_S = 3_600
DAY_S = 24 * HOUR_S

LABEL = "label:"
DIMENSIONS = ("team", "key", "end_user", "model", "provider", "route")
# What is still known of rows that were pruned.
LASTING = ("team", "key", "model", "provider", "route")

# Attempts that are not the first of their call.
FURTHER_KINDS = ("retry", "fallback", "hedge")
GROWTH = math.log(1.1)


def latency_bucket(latency_us: int) -> int:
    """Return the bucket of a latency; 0 is for what took no time."""
    return 1 + int(math.log(latency_us) / GROWTH) if latency_us > 0 else 0


def latency_ms(bucket: int) -> float:
    """Return the latency that a bucket stands for."""
    return math.exp((bucket - 0.5) * GROWTH) / 1_000 if bucket else 0.0


def percentile_ms(counts: Mapping[int, int], share: float) -> float | None:
    """Return the latency that a share of all do not exceed, by nearest rank; None of none."""
    rank = math.ceil(share * sum(counts.values()))
    for bucket in sorted(counts):
        rank -= counts[bucket]
        if rank <= 0:
            return latency_ms(bucket)
    return None


class Sums(msgspec.Struct):
    """Sums of some rows, and how many of those that answered took how long."""

    attempt_count: int = 0
    call_count: int = 0
    error_count: int = 0
    input_token_count: int = 0
    cached_input_token_count: int = 0
    cache_write_input_token_count: int = 0
    output_token_count: int = 0
    reasoning_token_count: int = 0
    cost_usd_nanos: int = 0
    unpriced_count: int = 0
    request_count: int = 0
    latencies: Counts[int] = msgspec.field(default_factory=Counts)

    def add_row(self, row: Row) -> None:
        """Take a row in."""
        if row.source is not Source.ADJUSTMENT:
            self.attempt_count += 1
            self.call_count += row.entry.kind not in FURTHER_KINDS
            self.unpriced_count += row.cost_usd_nanos is None
        self.error_count += row.outcome not in ("", "ok")
        self._add_tally(row.tally)
        self.cost_usd_nanos += row.cost_usd_nanos or 0
        self.request_count += row.request_count
        if row.outcome == "ok":
            self.latencies[latency_bucket(row.latency_us)] += 1

    def add(self, values: Sequence[int]) -> None:
        """Take in sums as they stand in a table, in the order of the fields."""
        for name, value in zip(SUMMED, values, strict=True):
            setattr(self, name, getattr(self, name) + value)

    @property
    def values(self) -> Sequence[int]:
        """The sums, in the order of the fields."""
        return tuple(getattr(self, name) for name in SUMMED)

    def usage_row(self, bucket_s: int, group: Sequence[str]) -> UsageRow:
        """Return the sums as those of a group."""
        return UsageRow(
            bucket_s,
            group,
            self.attempt_count,
            self.call_count,
            self.error_count,
            Tally(
                self.input_token_count,
                self.cached_input_token_count,
                self.cache_write_input_token_count,
                self.output_token_count,
                self.reasoning_token_count,
            ),
            self.cost_usd_nanos,
            self.unpriced_count,
            percentile_ms(self.latencies, 0.5),
            percentile_ms(self.latencies, 0.9),
            percentile_ms(self.latencies, 0.99),
        )

    def _add_tally(self, tally: Tally) -> None:
        self.input_token_count += tally.input_token_count
        self.cached_input_token_count += tally.cached_input_token_count
        self.cache_write_input_token_count += tally.cache_write_input_token_count
        self.output_token_count += tally.output_token_count
        self.reasoning_token_count += tally.reasoning_token_count


SUMMED = Sums.__struct_fields__[:-1]

Groups = dict[tuple[int, tuple[str, ...]], Sums]
"""Sums by bucket and group."""


def usage_rows(groups: Groups) -> Sequence[UsageRow]:
    """Return sums by bucket and group, in order."""
    return [groups[place].usage_row(*place) for place in sorted(groups)]


def detail_of(query: UsageQuery) -> str | None:
    """Return what days must be summed up by for a query: `end_user` or `labels`; None where that is not enough."""
    names = {*query.by, *query.where}
    if not names or query.bucket_s % DAY_S:
        return None
    if names == {"end_user"}:
        return "end_user"
    return "labels" if all(name.startswith(LABEL) for name in names) else None


def group_rows(rows: Iterable[Row], query: UsageQuery, groups: Groups) -> None:
    """Add rows to the sums that a query asks for, those of attempts that have ended."""
    for row in rows:
        if row.source is not Source.OPEN and query.since_ns <= row.entry.started_ns < query.until_ns:
            entry = row.entry
            if all(dimension(entry, name) == value for name, value in query.where.items()):
                group = tuple(dimension(entry, name) for name in query.by)
                groups.setdefault((bucket_of(entry.started_ns, query.bucket_s), group), Sums()).add_row(row)


def bucket_of(started_ns: int, bucket_s: int) -> int:
    """Return the begin of the time bucket that an attempt belongs to."""
    return started_ns // NANOS_PER_S // bucket_s * bucket_s if bucket_s else 0


def dimension(entry: Entry, name: str) -> str:
    """Return what an attempt has of a dimension; empty for none. Raise `KeyError` for a dimension that is none."""
    if name.startswith(LABEL):
        return entry.labels.get(name.removeprefix(LABEL), "")
    if name not in DIMENSIONS:
        raise KeyError(name)
    return str(getattr(entry, name))
