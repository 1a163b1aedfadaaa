"""What is told to the functions of the schema: arrays for a reservation, JSON for how attempts ended. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from llmgateway_server.store.counters import holds_of
from llmgateway_server.store.ledger import Adjustment, Charge, Counter, Entry, Intent, Settlement
from llmgateway_server.store.usage import latency_bucket

encoder = msgspec.json.Encoder()
# A null character, which PostgreSQL's texts cannot hold.
NULL = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")


class Ending(msgspec.Struct, frozen=True):
    """What is known of an attempt when it has ended; members are columns."""

    cost_usd_nanos: int | None
    input_token_count: int = 0
    cached_input_token_count: int = 0
    cache_write_input_token_count: int = 0
    output_token_count: int = 0
    reasoning_token_count: int = 0
    request_count: int = 0
    ended_ns: int = 0
    latency_us: int = 0
    first_content_us: int | None = None
    http_status: int = 0
    latency_bucket: int | None = None
    outcome: str = ""
    cache: str = ""
    adjusts: str = ""
    reason: str = ""


class Op(msgspec.Struct, frozen=True, omit_defaults=True):
    """An attempt to settle, or to record where it has an entry."""

    attempt_id: str
    source: str
    ending: Ending
    charges: Sequence[tuple[str, str, str, int]]
    entry: Entry | None = None


def op_of(settlement: Settlement, entry: Entry | None = None) -> bytes:
    """Return an attempt's end as JSON."""
    return encode(
        Op(settlement.attempt_id, settlement.source, ending_of(settlement), keys_of(settlement.charges), entry)
    )


def ending_of(settlement: Settlement) -> Ending:
    """Return a settlement as its row has it."""
    tally = settlement.tally
    return Ending(
        settlement.cost_usd_nanos,
        tally.input_token_count,
        tally.cached_input_token_count,
        tally.cache_write_input_token_count,
        tally.output_token_count,
        tally.reasoning_token_count,
        settlement.request_count,
        settlement.ended_ns,
        settlement.latency_us,
        settlement.first_content_us,
        settlement.http_status,
        latency_bucket(settlement.latency_us) if settlement.outcome == "ok" else None,
        settlement.outcome,
        settlement.cache,
    )


def ending_of_adjustment(adjustment: Adjustment) -> Ending:
    """Return a correction as its row has it."""
    return Ending(
        adjustment.cost_usd_nanos,
        ended_ns=adjustment.entry.started_ns,
        adjusts=adjustment.adjusts,
        reason=adjustment.reason,
    )


def keys_of(charges: Sequence[Charge]) -> Sequence[tuple[str, str, str, int]]:
    """Return the counters of charges, each once."""
    return [
        (counter.scope, counter.metric, counter.window, counter.start_s)
        for counter in dict.fromkeys(charge.counter for charge in charges)
    ]


def encode(told: object) -> bytes:
    """Encode as JSON that PostgreSQL reads."""
    encoded = encoder.encode(told)
    return NULL.sub(rb"\1\\ufffd", encoded) if b"\\u0000" in encoded else encoded


def clean(text: str) -> str:
    """Return a text that PostgreSQL can hold, as `encode` would have it."""
    return text.replace("\0", "\ufffd") if "\0" in text else text


class Reservation:
    """The arguments of `reserve` for some calls, gathered call by call."""

    def __init__(self) -> None:
        self._places: dict[Counter, int] = {}
        self._hold_places: list[int] = []
        self._limits: list[int | None] = []
        self._amounts: list[int] = []
        self._intents: list[Intent] = []
        self._hold_ends: list[int] = []
        self._intent_ends: list[int] = []

    def add(self, intents: Sequence[Intent]) -> None:
        """Add the intents of a call."""
        for intent in intents:
            for counter, amount in holds_of(intent.charges, 0).items():
                self._hold_places.append(self._places.setdefault(counter, len(self._places) + 1))
                self._limits.append(tightest(intent.charges, counter))
                self._amounts.append(amount)
            self._intents.append(intent)
            self._hold_ends.append(len(self._hold_places))
        self._intent_ends.append(len(self._intents))

    def arguments(self) -> Sequence[Sequence[object]]:
        """Return the arrays that `reserve` takes."""
        return (
            [clean(counter.scope) for counter in self._places],
            [counter.metric.value for counter in self._places],
            [counter.window for counter in self._places],
            [counter.start_s for counter in self._places],
            self._hold_places,
            self._limits,
            self._amounts,
            [clean(intent.entry.attempt_id) for intent in self._intents],
            [intent.expires_ns for intent in self._intents],
            [encode(intent.entry).decode() for intent in self._intents],
            [intent.cost.least for intent in self._intents],
            [intent.cost.fair for intent in self._intents],
            [intent.cost.most for intent in self._intents],
            self._hold_ends,
            self._intent_ends,
        )


def tightest(charges: Sequence[Charge], counter: Counter) -> int | None:
    """Return the lowest limit that charges have for a counter."""
    return min(
        (charge.limit for charge in charges if charge.limit is not None and charge.counter == counter), default=None
    )
