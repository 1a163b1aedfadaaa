"""Reserves in the ledger, and waits in line for what running calls hold."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from llmgateway_server.call import NANOS_PER_S, Call
from llmgateway_server.quota.desk import Desk
from llmgateway_server.quota.refusals import is_beyond, is_hopeless, ledger_refusal, room_of
from llmgateway_server.store.ledger import Grant, Intent, Refusal, Settlement, Source, Tally


class Reserved(msgspec.Struct, frozen=True):
    """What was granted, by intent, and when that was asked for, on the monotonic clock."""

    costs: Sequence[int]
    begun_s: float


async def reserve(desk: Desk, intents: Sequence[Intent], call: Call, field: str) -> Reserved:
    """Reserve for all intents or none. `field` is what makes the request cost so much.

    Raise `QuotaExceeded`, `BudgetExceeded` or `InvalidField`; and `StoreAway`.
    """
    monotonic_s, line = desk.clocks.monotonic_s, desk.line
    until_s = min(monotonic_s() + desk.patience_s, call.deadline_s)
    counters = list(dict.fromkeys(charge.counter for intent in intents for charge in intent.charges))
    has_waited = False
    while True:
        begun_s = monotonic_s()
        answer = await ask(desk, intents)
        if isinstance(answer, Grant):
            if has_waited:
                line.wake(counters)
            return Reserved(answer.costs, begun_s)
        left_s = until_s - monotonic_s()
        if left_s <= 0 or any(is_hopeless(lack) or is_beyond(lack) for lack in answer.shortfalls):
            if has_waited:
                line.wake(counters)
            raise ledger_refusal(answer, desk.periods, desk.clocks.wall_ns() / NANOS_PER_S, field)
        tightest = min(answer.shortfalls, key=room_of)
        waiting_since_s = monotonic_s()
        await line.wait(tightest.charge.counter, left_s, is_first=has_waited)
        call.outcome.waited_s += monotonic_s() - waiting_since_s
        has_waited = True


async def ask(desk: Desk, intents: Sequence[Intent]) -> Grant | Refusal:
    """Ask the ledger; whoever gives up meanwhile holds nothing."""
    try:
        return await desk.ledger.reserve(intents)
    except BaseException:
        for intent in intents:
            desk.ledger.settle(void(intent.entry.attempt_id, desk.clocks.wall_ns()))
        raise


def void(attempt_id: str, now_ns: int) -> Settlement:
    """Return the settlement of an attempt that was given up before it was made."""
    return Settlement(attempt_id, Source.VOID, 0, Tally(), 0, now_ns, 0, None, "given_up")
