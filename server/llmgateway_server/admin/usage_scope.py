"""Whose usage a caller is told of, and how sums over several teams are made of sums by team."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from llmgateway_server.admin.caller import Caller
from llmgateway_server.auth.roles import Whose
from llmgateway_server.store.ledger import Row, Tally, UsageQuery, UsageRow

TEAM = "team"
KEY = "key"


class UsageScope:
    """Keeps what a caller may see, and of that what is asked for.

    `team` is asked for with all teams below it; `is_below(team, other)` says whether one is the other or below it.
    """

    def __init__(self, caller: Caller, team: str | None, is_below: Callable[[str, str], bool]) -> None:
        self._caller = caller
        self._team = team
        self._is_below = is_below
        principal = caller.principal
        # Who has no team and is no administrator is told of its own key alone.
        self._own_key = None if caller.is_owner or caller.reaches(principal.team) else principal.name

    @property
    def is_limited(self) -> bool:
        """Whether rows of some teams are to be left out."""
        return self._own_key is None and not (self._caller.is_owner and self._team is None)

    def has_team(self, team: str) -> bool:
        """Whether what a team used is to be told."""
        is_seen = self._caller.is_owner or self._caller.whose_team(team) is not Whose.OTHER
        return is_seen and (self._team is None or self._is_below(team, self._team))

    def has_row(self, row: Row) -> bool:
        """Whether a row of the ledger is to be told."""
        if self._own_key is not None:
            return row.entry.key == self._own_key
        return not self.is_limited or self.has_team(row.entry.team)

    def narrowed(self, query: UsageQuery) -> UsageQuery:
        """Return the query to ask the ledger: it sums up by team, too, where teams are to be left out."""
        if self._own_key is not None:
            return msgspec.structs.replace(query, where={**query.where, KEY: self._own_key})
        if not self.is_limited or TEAM in query.by:
            return query
        return msgspec.structs.replace(query, by=(*query.by, TEAM))

    def kept(self, rows: Iterable[UsageRow], query: UsageQuery) -> Sequence[UsageRow]:
        """Return the answer to a query, of that to the narrowed one."""
        if self._own_key is not None:
            is_asked_for = not self._team and query.where.get(KEY, self._own_key) == self._own_key
            return tuple(rows) if is_asked_for else ()
        if not self.is_limited:
            return tuple(rows)
        place = self.narrowed(query).by.index(TEAM)
        seen = [row for row in rows if self.has_team(row.group[place])]
        return seen if TEAM in query.by else joined(seen, len(query.by))


def joined(rows: Iterable[UsageRow], length: int) -> Sequence[UsageRow]:
    """Return the sums of rows that differ only in what comes after the first dimensions of their groups."""
    sums: dict[tuple[int, tuple[str, ...]], UsageRow] = {}
    for row in rows:
        place = row.bucket_s, tuple(row.group[:length])
        known = sums.get(place)
        short = msgspec.structs.replace(row, group=place[1])
        sums[place] = short if known is None else sum_of(known, short)
    return [sums[place] for place in sorted(sums)]


def sum_of(one: UsageRow, other: UsageRow) -> UsageRow:
    """Return the sum of two rows of a group. Percentiles cannot be added: they are told of neither."""
    return msgspec.structs.replace(
        one,
        attempt_count=one.attempt_count + other.attempt_count,
        call_count=one.call_count + other.call_count,
        error_count=one.error_count + other.error_count,
        tally=Tally(**added(one.tally, other.tally)),
        cost_usd_nanos=one.cost_usd_nanos + other.cost_usd_nanos,
        unpriced_count=one.unpriced_count + other.unpriced_count,
        latency_p50_ms=None,
        latency_p90_ms=None,
        latency_p99_ms=None,
    )


def added(one: Tally, other: Tally) -> Mapping[str, int]:
    counts: dict[str, int] = msgspec.structs.asdict(other)
    return {name: count + counts[name] for name, count in msgspec.structs.asdict(one).items()}
