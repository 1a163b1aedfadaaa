"""The real gateway, which ends itself at a named point as a crash would, or stands still there.

    python -m tests.e2e.budgets.killable POINT COUNT SIGNAL serve --config FILE

At the COUNT-th passage of POINT the process sends itself SIGNAL (KILL or STOP). Nothing else is changed, but that rows
are summed up often enough to be killed at, and pruned where that is the point. Without a passage it is the gateway as ever.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import os
import signal
import sys
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

# In earnest a process is dead after 15 s, which only a campaign waits for.
IS_HURRIED = os.environ.get("HYPOTHESIS_PROFILE") != "campaign"
PRUNE_EVERY = 10
HOUR_NS = 3600 * 10**9
ROLL_EVERY = 20
STORE = "llmgateway_server.store.sqlite"


class Point(NamedTuple):
    """Before or after a function has run."""

    when: Literal["before", "after"]
    module: str
    name: str


POINTS: dict[str, Point] = {
    "call-is-about-to-reserve": Point("before", f"{STORE}.ledger", "SqliteLedger.reserve"),
    "intent-is-queued": Point("after", f"{STORE}.writer", "Writer.put"),
    "batch-is-handed-over": Point("after", f"{STORE}.writer", "Writer._hand_over"),
    "batch-is-about-to-be-written": Point("before", f"{STORE}.writer", "Writer._commit"),
    "intents-are-inserted": Point("after", f"{STORE}.tables", "Tables.insert_intents"),
    "rows-are-inserted": Point("after", f"{STORE}.tables", "Tables.insert_rows"),
    "intents-are-deleted": Point("after", f"{STORE}.tables", "Tables.delete_intents"),
    "counters-are-added-to": Point("after", f"{STORE}.tables", "Tables.add_to_counters"),
    "batch-is-committed": Point("after", f"{STORE}.writer", "Writer._commit"),
    "callers-are-about-to-be-woken": Point("before", f"{STORE}.writer", "Writer._wake"),
    "call-is-reserved": Point("after", f"{STORE}.ledger", "SqliteLedger.reserve"),
    "request-is-about-to-leave": Point("before", "llmgateway_server.upstream.upstream", "AttemptState.dispatch"),
    "request-may-leave": Point("after", "llmgateway_server.upstream.upstream", "AttemptState.dispatch"),
    "provider-has-answered": Point("after", "llmgateway_server.upstream.http_pool", "HttpPool.send"),
    "first-content-has-come": Point("after", "llmgateway_server.attempts.attempt", "Attempt.see_first_content"),
    "answer-is-about-to-be-booked": Point("before", "llmgateway_server.quota.booking", "Booking._settle"),
    "settlement-is-about-to-be-queued": Point("before", f"{STORE}.ledger", "SqliteLedger.settle"),
    "settlement-is-queued": Point("after", f"{STORE}.ledger", "SqliteLedger.settle"),
    "answer-is-booked": Point("after", "llmgateway_server.quota.booking", "Booking._settle"),
    "sums-are-about-to-be-rolled": Point("before", f"{STORE}.writer", "Writer._roll"),
    "sums-are-rolled": Point("after", f"{STORE}.writer", "roll"),
}
"""Points that a gateway passes while it serves."""

PRUNING: dict[str, Point] = {
    "prune-is-about-to-be-marked": Point("before", f"{STORE}.ledger", "mark_pruned"),
    "prune-is-marked": Point("after", f"{STORE}.ledger", "mark_pruned"),
    "some-rows-are-pruned": Point("after", f"{STORE}.ledger", "delete_some"),
}
"""Points that a gateway passes which prunes all rows while it serves."""

STARTING: dict[str, Point] = {
    "presumption-begins": Point("before", f"{STORE}.tables", "Tables.presume_all"),
    "presumption-is-written": Point("after", f"{STORE}.tables", "Tables.presume_all"),
    "presumption-is-committed": Point("after", f"{STORE}.ledger", "SqliteLedger.start"),
    "families-are-forgotten": Point("after", f"{STORE}.tables", "Tables.delete_family"),
    "families-are-set": Point("after", f"{STORE}.tables", "Tables.set_families"),
    "families-are-summed-up": Point("after", f"{STORE}.ledger", "SqliteLedger._sum_up"),
    "quotas-are-in-force": Point("after", "llmgateway_server.quota.keeper", "QuotaKeeper.adopt"),
}
"""Points that a gateway passes while it starts on what another has left, under quotas that are new to it."""

Function = Callable[..., Any]  # Any: whatever is wrapped


class Trap:
    """Counts passages, once it is armed, and springs at one of them."""

    def __init__(self, count: int, number: signal.Signals) -> None:
        self._left = count
        self._number = number
        self.is_armed = False

    def pass_by(self) -> None:
        if not self.is_armed:
            return
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), self._number)

    def around(self, function: Function, when: str) -> Function:
        """Return the function with the trap before or after it."""
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def passing_later(*given: Any, **named: Any) -> Any:
                if when == "before":
                    self.pass_by()
                result = await function(*given, **named)
                if when == "after":
                    self.pass_by()
                return result

            return passing_later

        @functools.wraps(function)
        def passing(*given: Any, **named: Any) -> Any:
            if when == "before":
                self.pass_by()
            result = function(*given, **named)
            if when == "after":
                self.pass_by()
            return result

        return passing


def find(point: Point) -> tuple[Any, str]:
    """Return what holds a point's function, and its name there. Raise `AttributeError` where it is gone."""
    owner = importlib.import_module(point.module)
    *path, name = point.name.split(".")
    for step in path:
        owner = getattr(owner, step)
    getattr(owner, name)
    return owner, name


def lay(point: Point, count: int, number: signal.Signals) -> Trap:
    """Lay a trap at a point."""
    owner, name = find(point)
    trap = Trap(count, number)
    setattr(owner, name, trap.around(getattr(owner, name), point.when))
    return trap


def arm_once_ready(trap: Trap) -> None:
    """Arm a trap when the gateway is about to say that it is ready: it passes many points while it starts, too."""
    from llmgateway_server import app

    banner = app.banner

    def banner_and_arm(*given: Any, **named: Any) -> str:
        text = banner(*given, **named)
        trap.is_armed = True
        return text

    app.banner = banner_and_arm


def roll_often() -> None:
    """Have rows summed up a few at a time."""
    from llmgateway_server.store.sqlite import writer

    writer.ROLL_EVERY = ROLL_EVERY


def prune_often() -> None:
    """Have all rows pruned while the gateway serves, those of this hour, too."""
    from llmgateway_server.store.sqlite.ledger import SqliteLedger

    reserve = SqliteLedger.reserve
    passed = 0

    async def reserve_and_prune(self: SqliteLedger, intents: Any) -> Any:
        nonlocal passed
        passed += 1
        if passed % PRUNE_EVERY == 0:
            await self.prune(self._clock() + HOUR_NS)
        return await reserve(self, intents)

    SqliteLedger.reserve = reserve_and_prune  # type: ignore[method-assign]


def hurry() -> None:
    """Have a gateway taken for dead after seconds: a lease is shorter than that by more than 3 s, as in earnest."""
    from llmgateway_server.store.postgres import ledger

    timing = ledger.Timing
    ledger.Timing = functools.partial(timing, beat_s=0.5, dead_after_s=4.5, lease_s=1.0)  # type: ignore[misc, assignment]


def main() -> None:
    name, count, number = sys.argv[1], int(sys.argv[2]), signal.Signals[f"SIG{sys.argv[3]}"]
    roll_often()
    if name in PRUNING:
        prune_often()
    if name in SHARED and IS_HURRIED:
        hurry()
    trap = lay(ALL_POINTS[name], count, number)
    if name in POINTS:
        arm_once_ready(trap)
    else:
        trap.is_armed = True
    from llmgateway_server.cli import main as run

    sys.argv[1:] = sys.argv[4:]
    run()


SHARED: dict[str, Point] = {
    "call-is-reserved-in-postgres": Point("after", "llmgateway_server.store.postgres.ledger", "PostgresLedger.reserve"),
}

ALL_POINTS = {**POINTS, **PRUNING, **STARTING, **SHARED}

if __name__ == "__main__":
    main()
