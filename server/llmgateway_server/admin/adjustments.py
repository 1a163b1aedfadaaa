"""Corrections of what scopes have spent: rows of the ledger, each with its reason and its maker."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from llmgateway_server.admin.desk import Desk, record_change
from llmgateway_server.admin.directory import not_found, told_to_callers
from llmgateway_server.admin.fields import refuse
from llmgateway_server.call import Call
from llmgateway_server.errors import FieldViolation
from llmgateway_server.store.ledger import Adjustment, Charge, Entry, Ledger

KIND = "adjustment"
# The counters that an entry is charged to: those of its scopes, in the periods of its begin.
ChargesOf = Callable[[Entry], Sequence[Charge]]


class Adjustments:
    """Books corrections."""

    def __init__(self, desk: Desk, ledger: Ledger, charges_of: ChargesOf) -> None:
        self._desk = desk
        self._ledger = ledger
        self._charges_of = charges_of

    def entry(self, call: Call, scope: str, started_ns: int) -> Entry:
        """Return what a correction of a scope is booked on; raise `ResourceNotFound` for a key or team that is none."""
        kind, _, name = scope.partition("/")
        directory = self._desk.directory
        entry = self._blank(call, started_ns)
        if kind == "key":
            key = directory.key(name)
            if key is None:
                raise not_found(f"keys/{name}")
            return msgspec.structs.replace(entry, key=name, team=key.body.team)
        if kind == "team" and directory.teams.get(name) is None:
            raise not_found(f"teams/{name}")
        if kind == "model":
            provider, slash, model = name.partition("/")
            if not slash:
                refuse([FieldViolation("scope", "must name a model with its provider, as model/openai/gpt-4o")])
            return msgspec.structs.replace(entry, provider=provider, model=model)
        return entry if kind == "organization" else msgspec.structs.replace(entry, **{kind: name})

    def item_entry(self, call: Call, provider: str, model: str, started_ns: int) -> Entry:
        """Return what a correction of a provider's bill is booked on."""
        return msgspec.structs.replace(self._blank(call, started_ns), provider=provider, model=model)

    async def book(self, call: Call, entry: Entry, cost_usd_nanos: int, reason: str, adjusts: str = "") -> None:
        """Book a correction."""
        signed = f"{call.principal.name}: {reason}"
        adjustment = Adjustment(entry, cost_usd_nanos, signed, self._charges_of(entry), adjusts)
        with told_to_callers(""):
            await self._ledger.adjust(adjustment)
        record_change(call, entry.attempt_id, f"{cost_usd_nanos} usd_nanos, {reason}")

    def _blank(self, call: Call, started_ns: int) -> Entry:
        return Entry(
            attempt_id=self._desk.new_id(),
            call_id=call.id,
            method=call.method,
            kind=KIND,
            started_ns=started_ns,
            key="",
            team="",
            end_user="",
            labels={},
            route="",
            provider="",
            model="",
        )
