"""Rows of the ledger as columns, and what of them is kept as bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from llmgateway_server.store.bookings import OpenIntent
from llmgateway_server.store.counters import Amounts
from llmgateway_server.store.ledger import Counter, Entry, Metric, Row, Source, Tally
from llmgateway_server.store.usage import FURTHER_KINDS, latency_bucket

Value = int | float | str | bytes | None
Group = tuple[str, str, str, str, str, str]
"""What rows are summed up by: key, team, teams, provider, model, route."""

COLUMNS = (
    "id, started_ns, group_id, source, is_first, cost_usd_nanos, latency_bucket, outcome, input_token_count, "
    "cached_input_token_count, cache_write_input_token_count, output_token_count, reasoning_token_count, "
    "request_count, held_usd_nanos, overrun_usd_nanos, attempt_id, call_id, method, kind, end_user, labels, "
    "price_version, ended_ns, latency_us, first_content_us, http_status, cache, adjusts, reason, presumed"
)
INSERT_ROW = f"INSERT INTO attempts ({COLUMNS}) VALUES ({', '.join('?' * len(COLUMNS.split(', ')))})"  # noqa: S608  # constants
SELECT_ROWS = f"SELECT key, team, teams, provider, model, route, {COLUMNS} FROM attempts JOIN groups USING (group_id)"  # noqa: S608  # constants


class CounterAmount(msgspec.Struct, frozen=True, array_like=True):
    """What is charged to a counter."""

    scope: str
    metric: Metric
    window: str
    start_s: int
    amount: int


class StoredIntent(msgspec.Struct, frozen=True, array_like=True):
    """An intent that runs. `entry` has its fields in their order, so one that was added last may be missing."""

    entry: Sequence[Any]
    granted_usd_nanos: int
    expires_ns: int
    held: Sequence[CounterAmount]


def group_of(entry: Entry) -> Group:
    """Return what an attempt is summed up by."""
    teams = encode_text(entry.teams) if entry.teams else ""
    return entry.key, entry.team, teams, entry.provider, entry.model, entry.route


def encode_row(row: Row, id: int, group_id: int, presumed: bytes | None) -> tuple[Value, ...]:  # noqa: A002  # a column
    """Return a row as its columns."""
    entry, tally = row.entry, row.tally
    is_attempt = row.source is not Source.ADJUSTMENT
    return (
        id,
        entry.started_ns,
        group_id,
        row.source.value,
        is_attempt and entry.kind not in FURTHER_KINDS,
        row.cost_usd_nanos,
        latency_bucket(row.latency_us) if row.outcome == "ok" else None,
        row.outcome,
        tally.input_token_count,
        tally.cached_input_token_count,
        tally.cache_write_input_token_count,
        tally.output_token_count,
        tally.reasoning_token_count,
        row.request_count,
        row.held_usd_nanos,
        row.overrun_usd_nanos,
        entry.attempt_id,
        entry.call_id,
        entry.method,
        entry.kind,
        entry.end_user,
        encode_text(dict(entry.labels)) if entry.labels else "{}",
        entry.price_version,
        row.ended_ns,
        row.latency_us,
        row.first_content_us,
        row.http_status,
        row.cache,
        row.adjusts,
        row.reason,
        presumed,
    )


def decode_row(columns: Sequence[Any]) -> Row:
    """Return a row from what `SELECT_ROWS` gives."""
    key, team, teams, provider, model, route = columns[:6]
    (_, started_ns, _, source, _, cost, _, outcome, *counts) = columns[6:22]
    (attempt_id, call_id, method, kind, end_user, labels, price_version, *ending) = columns[22:]
    ended_ns, latency_us, first_content_us, http_status, cache, adjusts, reason, _ = ending
    entry = Entry(
        attempt_id,
        call_id,
        method,
        kind,
        started_ns,
        key,
        team,
        end_user,
        decode_labels(labels),
        route,
        provider,
        model,
        price_version,
        decode_teams(teams),
    )
    return Row(
        entry,
        Source(source),
        cost,
        counts[6],
        counts[7],
        Tally(*counts[:5]),
        counts[5],
        ended_ns,
        latency_us,
        first_content_us,
        outcome,
        http_status,
        cache,
        adjusts,
        reason,
    )


def encode_intent(intent: OpenIntent) -> bytes:
    """Return an intent as it is kept while it runs."""
    entry = msgspec.structs.astuple(intent.entry)
    stored = StoredIntent(entry, intent.granted_usd_nanos, intent.expires_ns, counter_amounts(intent.held))
    # Labels may be a mapping that is no dict.
    return msgspec.msgpack.encode(stored, enc_hook=dict)


def decode_intent(data: bytes) -> OpenIntent:
    """Return an intent from how it is kept."""
    stored = msgspec.msgpack.decode(data, type=StoredIntent)
    entry = msgspec.convert(dict(zip(Entry.__struct_fields__, stored.entry, strict=False)), Entry)
    entry = msgspec.structs.replace(entry, teams=tuple(entry.teams))
    return OpenIntent(entry, stored.granted_usd_nanos, amounts_of(stored.held), stored.expires_ns)


def encode_amounts(amounts: Amounts) -> bytes:
    """Return amounts by counter as bytes."""
    return msgspec.msgpack.encode(counter_amounts(amounts))


def decode_amounts(data: bytes) -> dict[Counter, int]:
    """Return amounts by counter from bytes."""
    return amounts_of(msgspec.msgpack.decode(data, type=list[CounterAmount]))


def counter_amounts(amounts: Amounts) -> list[CounterAmount]:
    return [CounterAmount(one.scope, one.metric, one.window, one.start_s, amount) for one, amount in amounts.items()]


def amounts_of(amounts: Sequence[CounterAmount]) -> dict[Counter, int]:
    return {Counter(one.scope, one.metric, one.window, one.start_s): one.amount for one in amounts}


def encode_text(value: object) -> str:
    return msgspec.json.encode(value).decode()


def decode_labels(text: str) -> Mapping[str, str]:
    return {} if text == "{}" else msgspec.json.decode(text, type=dict[str, str])


def decode_teams(text: str) -> Sequence[str]:
    return msgspec.json.decode(text, type=tuple[str, ...]) if text else ()
