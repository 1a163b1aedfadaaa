"""A machine that plays callers, a provider that keeps its own bill, the clock and death on a ledger.

After every step it checks the invariants I1 to I8 and I10 of the ledger's promises, and that the ledger stands as one in
memory does that lived through the same. I9, that no unknown price passes a limit of cost, is not the ledger's to keep.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import msgspec
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from llmgateway_server.store.ledger import (
    Adjustment,
    Balance,
    Charge,
    CostRange,
    Counter,
    Family,
    Grant,
    Intent,
    Ledger,
    Metric,
    Refusal,
    Row,
    Source,
    Tally,
    UsageQuery,
    UsageRow,
)

from tests.server.store.samples import DAY, DAY_0_S, HOUR_S, NANOS, TOTAL, Clock, all_rows, entry, settlement
from tests.server.store.stages import MemoryStage, Stage

Result = TypeVar("Result")

KEYS = ("k0", "k1")
LIMITS = {"organization": 100, "team/root": 90, "team/leaf": 80, "key/k0": 40, "key/k1": 60}
TOKEN_LIMIT = 150
LONG = 2**62

ALWAYS = {
    Family("organization", Metric.COST, TOTAL): 0,
    Family("key", Metric.COST, DAY): DAY_0_S,
    Family("key", Metric.TOKENS, TOTAL): 0,
}
SOMETIMES = {Family("team", Metric.COST, TOTAL): 0, Family("team", Metric.REQUESTS, TOTAL): 0}


class Attempt(msgspec.Struct):
    """An attempt as its caller and its provider know it."""

    intent: Intent
    granted: int
    token_count: int
    billed: int = 0
    is_settled: bool = False
    # Its row is pruned: nothing can be settled any more.
    is_forgotten: bool = False

    @property
    def id(self) -> str:
        return self.intent.entry.attempt_id


class LedgerMachine(RuleBasedStateMachine):
    """Subclasses name the stage; `has_twin` compares it with a ledger in memory."""

    stage_class: ClassVar[Callable[[Path, Callable[[], int]], Stage]]
    has_twin: ClassVar[bool] = True

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.runner = asyncio.Runner()
        self.clock = Clock()
        self.stage = type(self).stage_class(self.folder, self.clock)
        self.twin_stage = MemoryStage(self.folder, self.clock)
        self.attempts: list[Attempt] = []
        self.number = 0
        self.recorded = 0
        self.adjusted = 0
        self.least_adjusted = 0
        self.families = dict(ALWAYS)
        self.is_pruned = False
        self.committed = 0
        self.adjustment_count = 0

    def run(self, step: Coroutine[Any, Any, Result]) -> Result:
        return self.runner.run(step)

    def both(self, do: Callable[[Ledger], Coroutine[Any, Any, Result]]) -> Result:
        """Do something to the ledger and to its twin, which must answer the same."""
        answer = self.run(do(self.ledger))
        if self.has_twin:
            assert self.run(do(self.twin)) == answer, "the stores agree"
        return answer

    @initialize()
    def open(self) -> None:
        self.ledger: Ledger = self.run(self.stage.open())
        self.twin: Ledger = self.run(self.twin_stage.open())
        self.both(lambda ledger: ledger.activate(self.families))

    def teardown(self) -> None:
        if hasattr(self, "ledger"):
            self.run(self.ledger.stop())
            self.run(self.twin.stop())
        self.runner.close()
        shutil.rmtree(self.folder)

    # What callers do.

    @rule(
        keys=st.lists(st.sampled_from(KEYS), min_size=1, max_size=3),
        costs=st.lists(st.integers(0, 30), min_size=3, max_size=3),
        token_count=st.integers(0, 40),
        minutes=st.integers(0, 90),
    )
    def reserve(self, keys: Sequence[str], costs: Sequence[int], token_count: int, minutes: int) -> None:
        least, fair, most = sorted(costs)
        intents = [self.new_intent(key, CostRange(least, fair, most), token_count, minutes) for key in keys]
        counters = sorted({charge.counter for intent in intents for charge in intent.charges})
        before = self.run(self.ledger.balances(counters))
        rows = self.rows()
        answer = self.both(lambda ledger: ledger.reserve(intents))
        after = self.run(self.ledger.balances(counters))
        room_lacks = lacking(intents, dict(zip(counters, before, strict=True)))
        if isinstance(answer, Refusal):
            assert room_lacks, "I7: what fits is not refused"
            assert (after, self.rows()) == (before, rows), "I6: a refusal changes nothing"
            assert {one.charge.counter for one in answer.shortfalls} == room_lacks
            return
        assert isinstance(answer, Grant)
        self.check_limits(intents, dict(zip(counters, after, strict=True)))
        for intent, granted in zip(intents, answer.costs, strict=True):
            assert intent.cost.least <= granted <= intent.cost.most
            self.attempts.append(Attempt(intent, granted, token_count))

    def new_intent(self, key: str, cost: CostRange, token_count: int, minutes: int) -> Intent:
        self.number += 1
        limits = {"organization": TOTAL, "team/root": TOTAL, "team/leaf": TOTAL, f"key/{key}": DAY}
        charges = [
            Charge(Counter(scope, Metric.COST, window, DAY_0_S if window == DAY else 0), LIMITS[scope])
            for scope, window in limits.items()
            if Family(scope.partition("/")[0], Metric.COST, window) in self.families
        ]
        charges.append(Charge(Counter(f"key/{key}", Metric.TOKENS, TOTAL, 0), TOKEN_LIMIT, token_count))
        return Intent(
            entry(f"a{self.number}", self.clock.now_ns, key=key, team="leaf", teams=("root", "leaf")),
            tuple(charges),
            cost,
            self.clock.now_ns + minutes * 60 * NANOS,
        )

    @rule(
        data=st.data(),
        amount=st.integers(0, 45),
        excess=st.sampled_from((0, 0, 3)),
        output_token_count=st.integers(0, 60),
        outcome=st.sampled_from(("", "ok", "timeout")),
    )
    @precondition(lambda self: any(not one.is_settled for one in self.attempts))
    def bill(self, data: st.DataObject, amount: int, excess: int, output_token_count: int, outcome: str) -> None:
        """The provider bills some more, and some of that beyond the bound; with an outcome, the attempt ends.

        Its caller settles it then, whether the ledger still takes it for alive or not.
        """
        attempt = data.draw(st.sampled_from([one for one in self.attempts if not one.is_settled]))
        if attempt.billed <= attempt.granted:
            attempt.billed = min(attempt.billed + amount, attempt.granted) + excess
        if outcome:
            attempt.is_settled = True
            self.settle_as(attempt, attempt.billed, output_token_count, outcome)

    def settle_again(self, cost: int) -> None:
        for attempt in self.attempts:
            if attempt.is_settled:
                self.settle_as(attempt, cost, 1, "ok")

    def settle_as(self, attempt: Attempt, cost: int, output_token_count: int, outcome: str) -> None:
        ended = settlement(
            attempt.id,
            cost,
            tally=Tally(5, 0, 0, output_token_count, 0),
            outcome=outcome,
            charges=self.charges_by_now(attempt.intent.entry.key),
        )
        for ledger in (self.ledger, self.twin):
            ledger.settle(ended)

    def charges_by_now(self, key: str) -> Sequence[Charge]:
        scopes = {"organization": ("organization",), "team": ("team/root", "team/leaf"), "key": (f"key/{key}",)}
        return tuple(
            Charge(Counter(scope, family.metric, family.window, start_s))
            for family, start_s in self.families.items()
            for scope in scopes[family.scope_kind]
        )

    def record(self, key: str, cost: int) -> None:
        self.number += 1
        begun = entry(f"a{self.number}", self.clock.now_ns, key=key, team="leaf", teams=("root", "leaf"), kind="retry")
        self.recorded += cost
        for ledger in (self.ledger, self.twin):
            ledger.record(begun, settlement(begun.attempt_id, cost, charges=self.charges_by_now(key)))

    # What administrators do, and what is rare: one rule, since rules are taken equally often.

    @rule(
        what=st.sampled_from(("settle again", "settle again", "record", "adjust", "activate", "prune")),
        amount=st.integers(-5, 5),
        key=st.sampled_from(KEYS),
        families=st.sets(st.sampled_from([*SOMETIMES])),
    )
    def do_else(self, what: str, amount: int, key: str, families: set[Family]) -> None:
        if what == "settle again":
            self.settle_again(abs(amount))
        elif what == "record":
            self.record(key, abs(amount))
        elif what == "adjust":
            self.adjust(amount)
        elif what == "activate":
            self.activate(families)
        else:
            self.prune(20 * abs(amount))

    def adjust(self, amount: int) -> None:
        self.number += 1
        begun = entry(f"a{self.number}", self.clock.now_ns, key="k0", team="leaf", teams=("root", "leaf"))
        adjustment = Adjustment(begun, amount, "invoice", self.charges_by_now("k0"))
        self.adjusted += amount
        self.least_adjusted = min(self.least_adjusted, self.adjusted)
        self.both(lambda ledger: ledger.adjust(adjustment))

    def activate(self, families: set[Family]) -> None:
        self.families = {**ALWAYS, **{one: SOMETIMES[one] for one in families}}
        self.both(lambda ledger: ledger.activate(self.families))

    def prune(self, minutes: int) -> None:
        before_ns = self.clock.now_ns - minutes * 60 * NANOS
        self.both(lambda ledger: flushed(ledger))
        self.is_pruned = self.both(lambda ledger: ledger.prune(before_ns)) > 0 or self.is_pruned
        alive = {row.entry.attempt_id for row in self.rows()}
        for attempt in self.attempts:
            if attempt.id not in alive and not attempt.is_settled:
                attempt.is_settled = attempt.is_forgotten = True

    # What time and death do.

    @rule(minutes=st.integers(1, 45), is_crash=st.booleans())
    def pass_time(self, minutes: int, *, is_crash: bool) -> None:
        """Time passes: what is over time is presumed. Or the process dies: all that is open is."""
        if is_crash:
            self.crash()
        self.clock.now_ns += minutes * 60 * NANOS
        self.run(self.stage.expire(self.ledger, self.clock.now_ns))
        self.run(self.twin_stage.expire(self.twin, self.clock.now_ns))

    def crash(self) -> None:
        self.both(lambda ledger: flushed(ledger))
        self.run(self.stage.crash(self.ledger))
        self.run(self.twin_stage.crash(self.twin))
        self.open()

    # What must hold.

    @invariant()
    def holds(self) -> None:
        if not hasattr(self, "ledger"):
            return
        self.both(lambda ledger: flushed(ledger))
        rows = self.rows()
        balances = self.balances()
        self.check_sums(rows, balances)
        self.check_bill(balances)
        self.check_rows(rows)
        self.check_fall(rows, balances)
        self.both(lambda ledger: comparable_rows(ledger))
        self.both(lambda ledger: ledger.usage(UsageQuery(0, LONG, ("team", "key"), HOUR_S)))
        self.both(lambda ledger: ledger.usage(UsageQuery(0, LONG, ("end_user",), 1800)))

    def rows(self) -> list[Row]:
        return self.run(all_rows(self.ledger))

    def balances(self) -> dict[Counter, Balance]:
        counters = sorted({charge.counter for key in KEYS for charge in self.charges_by_now(key)})
        return dict(zip(counters, self.both(lambda ledger: ledger.balances(counters)), strict=True))

    def check_limits(self, intents: Sequence[Intent], balances: dict[Counter, Balance]) -> None:
        for charge in {charge for intent in intents for charge in intent.charges}:
            is_held = charge.amount or (charge.counter.metric is Metric.COST and any(one.cost.most for one in intents))
            if is_held and balances[charge.counter].held:
                standing = balances[charge.counter]
                asked = any(one.cost.least for one in intents) or charge.counter.metric is not Metric.COST
                assert not asked or standing.committed + standing.held <= (charge.limit or 0), (
                    "I1: no limit is exceeded"
                )

    def check_sums(self, rows: Sequence[Row], balances: dict[Counter, Balance]) -> None:
        usage: dict[str, UsageRow] = {
            str(row.group[0]): row for row in self.run(self.ledger.usage(UsageQuery(0, LONG, ("key",))))
        }
        total = sum(row.cost_usd_nanos for row in usage.values())
        open_rows = [row for row in rows if row.source is Source.OPEN]
        for counter, standing in balances.items():
            assert standing.held >= 0, "I4: nothing negative is held"
            if counter.metric is Metric.COST and counter.scope in ("organization", "team/root", "team/leaf"):
                assert standing.committed == total, "I2: the ledger's sum is what is committed"
            if counter.metric is Metric.COST and counter.scope.startswith("key/"):
                key = counter.scope.removeprefix("key/")
                assert standing.committed == (usage[key].cost_usd_nanos if key in usage else 0), "I2"
                assert standing.held == sum(row.held_usd_nanos for row in open_rows if row.entry.key == key), "I4"
            if counter.metric is Metric.TOKENS:
                key = counter.scope.removeprefix("key/")
                assert standing.committed == (usage[key].tally.token_count if key in usage else 0), "I2"
        held = balances[Counter("organization", Metric.COST, TOTAL, 0)].held
        assert held == sum(row.held_usd_nanos for row in open_rows), "I4: what is held is what is open"

    def check_bill(self, balances: dict[Counter, Balance]) -> None:
        standing = balances[Counter("organization", Metric.COST, TOTAL, 0)]
        booked = standing.committed - self.recorded - self.adjusted
        within = sum(min(one.billed, one.granted) for one in self.attempts)
        bill = sum(one.billed for one in self.attempts)
        unsettled = sum(
            max(0, one.billed - one.granted) for one in self.attempts if not one.is_settled or one.is_forgotten
        )
        assert bill <= booked + standing.held + unsettled, "I5: the bill is covered"
        assert within <= LIMITS["organization"] - self.least_adjusted, "I5: the bill within its bounds keeps the limit"

    def check_rows(self, rows: Sequence[Row]) -> None:
        ids = [row.entry.attempt_id for row in rows]
        assert len(set(ids)) == len(ids), "I3: one row an attempt, and one adjustment of it"
        booked: dict[str, int] = {}
        for row in rows:
            booked[row.adjusts or row.entry.attempt_id] = booked.get(row.adjusts or row.entry.attempt_id, 0) + (
                row.cost_usd_nanos or 0
            )
        for attempt in self.attempts:
            if attempt.is_settled and attempt.id in booked and not attempt.is_forgotten:
                assert booked[attempt.id] == attempt.billed, "I10: whose owner lived is charged what was billed"
        overruns = {row.adjusts or row.entry.attempt_id: row.overrun_usd_nanos for row in rows}
        for attempt in self.attempts:
            if attempt.is_settled and attempt.id in overruns and not attempt.is_forgotten:
                assert overruns[attempt.id] == max(0, attempt.billed - attempt.granted), (
                    "I5: every excess is an overrun"
                )

    def check_fall(self, rows: Sequence[Row], balances: dict[Counter, Balance]) -> None:
        committed = balances[Counter("organization", Metric.COST, TOTAL, 0)].committed
        adjustments = sum(row.source is Source.ADJUSTMENT for row in rows)
        if committed < self.committed and not self.is_pruned:
            assert adjustments > self.adjustment_count, "I8: committed falls by an adjustment alone"
        self.committed, self.adjustment_count = committed, adjustments


def lacking(intents: Sequence[Intent], balances: dict[Counter, Balance]) -> set[Counter]:
    """Return the counters without room for the least of all intents, by a sum of our own."""
    asked: dict[Counter, int] = {}
    limits: dict[Counter, int] = {}
    for intent in intents:
        for charge in intent.charges:
            least = intent.cost.least if charge.counter.metric is Metric.COST else charge.amount
            asked[charge.counter] = asked.get(charge.counter, 0) + least
            limits[charge.counter] = charge.limit or 0
    return {
        one
        for one, amount in asked.items()
        if amount and balances[one].committed + balances[one].held + amount > limits[one]
    }


async def flushed(ledger: Ledger) -> None:
    await ledger.flush()


async def comparable_rows(ledger: Ledger) -> list[Row]:
    """Return the rows in an order that stores share, without the times at which they were presumed."""
    rows = await all_rows(ledger)
    assert [row.entry.started_ns for row in rows] == sorted(row.entry.started_ns for row in rows)
    return sorted(
        (msgspec.structs.replace(row, ended_ns=0) for row in rows),
        key=lambda row: (row.entry.started_ns, row.entry.attempt_id),
    )
