"""What the writing connection does to the tables, within a transaction that its caller opens."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence

from llmgateway_server.store import bookings
from llmgateway_server.store.bookings import Booking, OpenIntent
from llmgateway_server.store.counters import Amounts, family_of, total
from llmgateway_server.store.ledger import Counter, Entry, Family, Metric, Settlement, Source
from llmgateway_server.store.sqlite import codec
from llmgateway_server.store.sqlite.codec import Group, Value
from llmgateway_server.store.sqlite.rolling import mark

# So many groups are known by heart.
MAX_GROUPS = 20_000

ADD_TO_COUNTER = (
    "INSERT INTO counters (scope, metric, window, start_s, committed) VALUES (?, ?, ?, ?, ?) "
    "ON CONFLICT DO UPDATE SET committed = committed + excluded.committed"
)


class Tables:
    """The tables of the ledger. It knows groups and ids that it has handed out; `forget` after a rollback."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._groups: dict[Group, int] = {}
        self._last_id = max(self._max_id(), mark(connection, "rolled"))

    @property
    def unrolled_count(self) -> int:
        """How many rows at most no sum has taken in yet."""
        return self._last_id - mark(self._connection, "rolled")

    def forget(self) -> None:
        """Forget the groups: those that were added last are not there after a rollback."""
        self._groups.clear()

    def insert_intents(self, intents: Iterable[OpenIntent]) -> None:
        rows = [(one.entry.attempt_id, codec.encode_intent(one)) for one in intents]
        self._connection.executemany("INSERT INTO intents VALUES (?, ?)", rows)

    def delete_intents(self, attempt_ids: Iterable[str]) -> None:
        self._connection.executemany("DELETE FROM intents WHERE attempt_id = ?", [(one,) for one in attempt_ids])

    def insert_rows(self, booked: Sequence[Booking]) -> None:
        """Add rows. What a presumption charged is kept with it."""
        self._connection.executemany(codec.INSERT_ROW, [self._columns(one) for one in booked])

    def add_to_counters(self, amounts: Amounts) -> None:
        """Add to what counters have committed."""
        rows = [(one.scope, one.metric.value, one.window, one.start_s, amount) for one, amount in amounts.items()]
        self._connection.executemany(ADD_TO_COUNTER, rows)

    def settle_late(self, settlement: Settlement, families: Iterable[Family]) -> Booking | None:
        """Correct what was presumed of an attempt, once; return None where nothing is left to correct."""
        found = self._connection.execute(
            f"{codec.SELECT_ROWS} WHERE attempt_id = ? AND presumed IS NOT NULL", (settlement.attempt_id,)
        ).fetchone()
        if found is None:
            return None
        presumed = Booking(codec.decode_row(found), codec.decode_amounts(found[-1]))
        booking = bookings.settle_late(presumed, settlement, frozenset(families))
        self.insert_rows([booking])
        self._connection.execute(
            "UPDATE attempts SET presumed = NULL WHERE attempt_id = ? AND presumed IS NOT NULL",
            (settlement.attempt_id,),
        )
        return booking

    def presume_all(self, now_ns: int) -> None:
        """Presume every intent that is open."""
        families = self.families()
        booked: list[Booking] = []
        for (data,) in self._connection.execute("SELECT intent FROM intents"):
            booked.append(bookings.presume(codec.decode_intent(data), families, now_ns))
        self.insert_rows(booked)
        self.add_to_counters(total(one.amounts for one in booked))
        self._connection.execute("DELETE FROM intents")

    def families(self) -> dict[Family, int]:
        """Return the families that are kept, each with the begin of its period."""
        rows = self._connection.execute("SELECT scope_kind, metric, window, start_s FROM families")
        return {Family(kind, Metric(metric), window): start_s for kind, metric, window, start_s in rows}

    def set_families(self, families: Mapping[Family, int]) -> None:
        """Keep just these families."""
        self._connection.execute("DELETE FROM families")
        self._connection.executemany(
            "INSERT INTO families VALUES (?, ?, ?, ?)",
            [(one.scope_kind, one.metric.value, one.window, start_s) for one, start_s in families.items()],
        )

    def committed(self, counters: Iterable[Counter]) -> dict[Counter, int]:
        """Return what counters have committed."""
        found = {}
        for one in counters:
            row = self._connection.execute(
                "SELECT committed FROM counters WHERE scope = ? AND metric = ? AND window = ? AND start_s = ?",
                (one.scope, one.metric.value, one.window, one.start_s),
            ).fetchone()
            found[one] = int(row[0]) if row else 0
        return found

    def running_counters(self) -> dict[Counter, int]:
        """Return what the counters of the newest period of each family have committed."""
        newest: dict[Family, int] = {}
        totals = all_counters(self._connection)
        for one in totals:
            family = family_of(one)
            newest[family] = max(one.start_s, newest.get(family, 0))
        return {one: amount for one, amount in totals.items() if one.start_s == newest[family_of(one)]}

    def delete_family(self, family: Family, start_s: int) -> None:
        """Forget the counters of a family and a period."""
        kind = family.scope_kind
        self._connection.execute(
            "DELETE FROM counters "
            "WHERE (scope = ? OR (scope > ? AND scope < ?)) AND metric = ? AND window = ? AND start_s = ?",
            # "0" is the character after "/".
            (kind, f"{kind}/", f"{kind}0", family.metric.value, family.window, start_s),
        )

    def delete_counters(self, counters: Iterable[Counter]) -> None:
        """Forget counters."""
        self._connection.executemany(
            "DELETE FROM counters WHERE scope = ? AND metric = ? AND window = ? AND start_s = ?",
            [(one.scope, one.metric.value, one.window, one.start_s) for one in counters],
        )

    def _columns(self, booking: Booking) -> tuple[Value, ...]:
        self._last_id += 1
        row = booking.row
        presumed = codec.encode_amounts(booking.amounts) if row.source is Source.PRESUMED else None
        return codec.encode_row(row, self._last_id, self._group_id(row.entry), presumed)

    def _group_id(self, entry: Entry) -> int:
        group = codec.group_of(entry)
        known = self._groups.get(group)
        if known is not None:
            return known
        if len(self._groups) >= MAX_GROUPS:
            self._groups.clear()
        self._connection.execute(
            "INSERT INTO groups (key, team, teams, provider, model, route) VALUES (?, ?, ?, ?, ?, ?) "
            "ON CONFLICT DO NOTHING",
            group,
        )
        found = self._connection.execute(
            "SELECT group_id FROM groups "
            "WHERE key = ? AND team = ? AND teams = ? AND provider = ? AND model = ? AND route = ?",
            group,
        ).fetchone()
        self._groups[group] = found[0]
        return int(found[0])

    def _max_id(self) -> int:
        return int(self._connection.execute("SELECT coalesce(max(id), 0) FROM attempts").fetchone()[0])


def all_counters(connection: sqlite3.Connection) -> dict[Counter, int]:
    """Return what all counters have committed."""
    metrics = {metric.value: metric for metric in Metric}
    return {
        Counter(scope, metrics[metric], window, start_s): committed
        for scope, metric, window, start_s, committed in connection.execute(
            "SELECT scope, metric, window, start_s, committed FROM counters"
        )
    }
