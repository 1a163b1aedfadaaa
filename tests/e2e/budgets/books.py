"""The ledger's file, read from outside while its gateway runs or after it has gone, and held against the bill."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

import msgspec
from llmgateway_server.store.ledger import Row, Source, UsageQuery
from llmgateway_server.store.sqlite import reports
from llmgateway_server.store.sqlite.database import in_snapshot
from llmgateway_server.store.sqlite.schema import connect_for_reading
from llmgateway_server.store.sqlite.tables import all_counters

from tests.fakes.billing import Line

FOR_EVER_NS = 2**62
ALL_ROWS = 10**6


class Books(msgspec.Struct, frozen=True):
    """All rows of a ledger at one moment, open ones included, and what its counters have committed by scope.

    `used_usd_nanos` is what reports say, rows that are pruned included.
    """

    rows: Sequence[Row]
    committed: dict[str, int]
    used_usd_nanos: int

    @property
    def booked_usd_nanos(self) -> int:
        return sum(row.cost_usd_nanos or 0 for row in self.rows)

    @property
    def held_usd_nanos(self) -> int:
        return sum(row.held_usd_nanos for row in self.open_rows)

    @property
    def open_rows(self) -> Sequence[Row]:
        return [row for row in self.rows if row.source is Source.OPEN]

    @property
    def attempts(self) -> dict[str, Row]:
        """The attempts that have ended, by their ids. Fails where one has two rows."""
        ended = [row for row in self.rows if row.source not in (Source.OPEN, Source.ADJUSTMENT)]
        by_id = {row.entry.attempt_id: row for row in ended}
        assert len(by_id) == len(ended), "an attempt was booked twice"
        return by_id

    def of(self, user: str) -> Sequence[Row]:
        """Return the rows of one end user."""
        return [row for row in self.rows if row.entry.end_user == user]

    def covers(self, bill: Sequence[Line]) -> bool:
        """Whether what is booked and held is no less than the bill."""
        return sum(line.usd_nanos for line in bill) <= self.booked_usd_nanos + self.held_usd_nanos

    def check_against(self, bill: Sequence[Line]) -> None:
        """See that each request billed has its row, and that those which tell the provider's usage cost the same."""
        rows = {row.entry.end_user: row for row in self.attempts.values()}
        for line in bill:
            assert line.user in rows, f"what was billed has no row: {line}"
            row = rows[line.user]
            assert (row.cost_usd_nanos or 0) + adjusted(self.rows, row) >= line.usd_nanos, (row, line)
            if row.source is Source.PROVIDER:
                assert row.cost_usd_nanos == line.usd_nanos, (row, line)
                assert (row.tally.input_token_count, row.tally.output_token_count) == (
                    line.input_token_count,
                    line.output_token_count,
                )


def adjusted(rows: Sequence[Row], row: Row) -> int:
    """Return by how much an attempt was adjusted later."""
    return sum(one.cost_usd_nanos or 0 for one in rows if one.adjusts == row.entry.attempt_id)


def read_books(path: Path) -> Books:
    """Read the file as it is at this moment."""
    with contextlib.closing(connect_for_reading(path)) as connection:
        return in_snapshot(
            lambda reader: Books(
                reports.rows_after(reader, (0, -1), FOR_EVER_NS, ALL_ROWS)[0],
                {
                    counter.scope: amount
                    for counter, amount in all_counters(reader).items()
                    if counter.metric == "cost" and counter.window.startswith("total")
                },
                sum(row.cost_usd_nanos for row in reports.usage(reader, UsageQuery(0, FOR_EVER_NS))),
            ),
            connection,
        )
