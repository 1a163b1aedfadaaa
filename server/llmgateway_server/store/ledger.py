"""What a ledger does, whatever keeps it: one row an attempt, and the counters that limits are held against.

An attempt that a limit applies to is reserved before it is sent: its intent, what it holds and the counters change in
one step that has lasted (that no crash undoes) by the time `reserve` returns. Its settlement comes once: what was held
goes back, what it cost is committed. An attempt that no limit applies to is recorded once it has ended.

For every counter, at every moment: committed is the sum of what the rows and adjustments that charge it are booked at,
held the sum of what the open intents that charge it hold, and no reservation makes committed + held exceed its limit.

An intent whose process died, or whose time is over, is presumed: booked at what it held. A settlement that comes late
all the same is booked as an adjustment, so that committed falls by adjustments alone.

Amounts are integers: cost in 1e-9 US dollars, tokens, requests. Times are nanoseconds since the epoch, by the wall's
clock.
"""

from __future__ import annotations

import enum
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Protocol

import msgspec


class Metric(enum.StrEnum):
    """What counters count. Calls at once are no counter: they live in the process, or in Redis."""

    COST = "cost"
    TOKENS = "tokens"
    REQUESTS = "requests"


class Source(enum.StrEnum):
    """Where a row's numbers come from.

    OPEN: the attempt runs. PROVIDER: its own usage. COUNTED: the gateway counted what it passed on. BOUND: no usage
    came, booked at the bound. PRESUMED: its process died, booked at the bound. VOID: it cost nothing, for it was never
    sent or its provider does not charge for such an end. ADJUSTMENT: a correction by hand or by a late settlement.
    """

    OPEN = "open"
    PROVIDER = "provider"
    COUNTED = "counted"
    BOUND = "bound"
    PRESUMED = "presumed"
    VOID = "void"
    ADJUSTMENT = "adjustment"


class Counter(msgspec.Struct, frozen=True, order=True, cache_hash=True):
    """What is counted, for whom, over which period.

    `scope` is `organization` or `kind/name`. `window` is a window with its zone and anchor as text, such as
    `day@Europe/Berlin` or `total`; `start_s` is the period's begin in seconds since the epoch, 0 for `total`.
    """

    scope: str
    metric: Metric
    window: str
    start_s: int


class Balance(msgspec.Struct, frozen=True):
    """What a counter stands at. `committed` may be negative where adjustments made it so."""

    committed: int = 0
    held: int = 0


class Charge(msgspec.Struct, frozen=True):
    """A counter that an attempt is charged to, and its limit: None where it is only counted.

    `amount` is what is held of tokens or requests; a cost counter holds what the intent is granted instead.
    """

    counter: Counter
    limit: int | None = None
    amount: int = 0


class CostRange(msgspec.Struct, frozen=True):
    """How much an attempt may hold of its cost counters: between `least` and `most`, as there is room.

    It is granted `most` where that is no more than an eighth of the room that the tightest counter has left; else an
    eighth, but at least `fair`; else what room there is, down to `least`. Where the three are equal it is that or
    nothing. Of several intents each is sure of its `least` before any is granted more; then they are granted in turn.
    """

    least: int
    fair: int
    most: int


class Entry(msgspec.Struct, frozen=True):
    """What is known of an attempt when it begins. `attempt_id` is unique for ever.

    `kind` is why it was made, `price_version` names the prices that it is booked by. `end_user`, `team` and `route` may
    be empty. `teams` are the team and all that it is part of; none but `team` itself where it is empty.
    """

    attempt_id: str
    call_id: str
    method: str
    kind: str
    started_ns: int
    key: str
    team: str
    end_user: str
    labels: Mapping[str, str]
    route: str
    provider: str
    model: str
    price_version: str = ""
    teams: Sequence[str] = ()


class Intent(msgspec.Struct, frozen=True):
    """An attempt to reserve for. It is presumed at `expires_ns` if it is not settled by then."""

    entry: Entry
    charges: Sequence[Charge]
    cost: CostRange
    expires_ns: int


class Grant(msgspec.Struct, frozen=True):
    """What a reservation holds of cost, by intent, in 1e-9 US dollars."""

    costs: Sequence[int]


class Shortfall(msgspec.Struct, frozen=True):
    """A counter without room. `asked` is the least that would have done."""

    charge: Charge
    balance: Balance
    asked: int


class Refusal(msgspec.Struct, frozen=True):
    """Why nothing was reserved: every counter without room. Nothing has changed."""

    shortfalls: Sequence[Shortfall]


class Tally(msgspec.Struct, frozen=True):
    """Tokens of an attempt by kind, as in `llmgateway.v1.Usage`."""

    input_token_count: int = 0
    cached_input_token_count: int = 0
    cache_write_input_token_count: int = 0
    output_token_count: int = 0
    reasoning_token_count: int = 0

    @property
    def token_count(self) -> int:
        """What token limits count."""
        return self.input_token_count + self.output_token_count


class Settlement(msgspec.Struct, frozen=True):
    """How an attempt ended.

    `cost_usd_nanos` is None where no price is known. `outcome` is `ok` or an error's reason in lower case. `charges`
    are the counters that apply by now: those among them that the intent did not hold are charged, too, if their family
    is kept. An attempt is charged once by scope, metric and window: to the period that was held, if one was.
    """

    attempt_id: str
    source: Source
    cost_usd_nanos: int | None
    tally: Tally
    request_count: int
    ended_ns: int
    latency_us: int
    first_content_us: int | None
    outcome: str
    http_status: int = 0
    cache: str = ""
    charges: Sequence[Charge] = ()

    def amount_of(self, metric: Metric) -> int:
        """Return what is booked on a counter of a metric."""
        if metric is Metric.COST:
            return self.cost_usd_nanos or 0
        return self.tally.token_count if metric is Metric.TOKENS else self.request_count


class Row(msgspec.Struct, frozen=True):
    """An attempt as the ledger has it, or an adjustment.

    `held_usd_nanos` is what its reservation was granted, `overrun_usd_nanos` how much more it cost. `adjusts` is the id
    of the attempt that an adjustment corrects, empty where it corrects a scope; `reason` is why, by whoever made it.

    What was presumed of tokens stands as input, and no outcome is known. The adjustment by a late settlement holds
    differences, and the outcome and times of the attempt; it begins when its attempt began.
    """

    entry: Entry
    source: Source
    cost_usd_nanos: int | None = None
    held_usd_nanos: int = 0
    overrun_usd_nanos: int = 0
    tally: Tally = Tally()
    request_count: int = 0
    ended_ns: int = 0
    latency_us: int = 0
    first_content_us: int | None = None
    outcome: str = ""
    http_status: int = 0
    cache: str = ""
    adjusts: str = ""
    reason: str = ""


class Family(msgspec.Struct, frozen=True, order=True):
    """Counters that some limit needs: those of one kind of scope, a metric and a window.

    `scope_kind` is `organization`, `team`, `key`, `end_user`, `model` or `provider`. The scopes of a row are told by
    its entry: each of its teams, its key and so on; a model's is `model/PROVIDER/MODEL`.
    """

    scope_kind: str
    metric: Metric
    window: str


class Adjustment(msgspec.Struct, frozen=True):
    """A correction by an administrator: `cost_usd_nanos` is added to what the scopes in `entry` have spent."""

    entry: Entry
    cost_usd_nanos: int
    reason: str
    charges: Sequence[Charge]
    adjusts: str = ""


class UsageQuery(msgspec.Struct, frozen=True):
    """What to sum up: attempts that began in [`since_ns`, `until_ns`) and have ended, by dimensions and time.

    `by` names dimensions: `team`, `key`, `end_user`, `model`, `provider`, `route`, `label:NAME`. `bucket_s` is the
    length of a time bucket, counted from the epoch, 0 for one bucket. `where` keeps rows whose dimension has just that
    value.
    """

    since_ns: int
    until_ns: int
    by: Sequence[str] = ()
    bucket_s: int = 0
    where: Mapping[str, str] = msgspec.field(default_factory=dict)


class UsageRow(msgspec.Struct, frozen=True):
    """Sums of one group. `bucket_s` is its bucket's begin, `group` its values as `by` orders them.

    A call counts where its first attempt does. An adjustment is no attempt, but its tokens and cost count; where it
    came of a late settlement, so do its error and latency. `bucket_s` is 0 where there is one bucket.

    Latencies are percentiles of attempts that answered, within a twentieth; None where there are none.
    """

    bucket_s: int
    group: Sequence[str]
    attempt_count: int
    call_count: int
    error_count: int
    tally: Tally
    cost_usd_nanos: int
    unpriced_count: int
    latency_p50_ms: float | None
    latency_p90_ms: float | None
    latency_p99_ms: float | None


class Ledger(Protocol):
    """A ledger. One process has one; its methods are called from its event loop.

    `lease_s` is for how long after a call of `reserve` its grant may be dispatched on: a process that was stopped for
    longer may have been taken for dead, and its intents presumed.

    Methods raise `StoreAway` where the store does not answer and `DiskFull` where it has no space; nothing has
    changed then, and nothing is held.
    """

    lease_s: float

    async def start(self) -> None:
        """Open the store, take part in it as a process of its own, and presume what dead ones left open.

        Raise `StoreRefused` where the store must not be used so, with a sentence that says what to do.
        """
        ...

    async def stop(self) -> None:
        """Write what is queued, leave, and close."""
        ...

    async def reserve(self, intents: Sequence[Intent]) -> Grant | Refusal:
        """Reserve for all intents or none. What is granted has lasted once this returns.

        Whoever is cancelled here, or hears that the store is away, settles the attempts as void: if they were reserved
        all the same, that undoes it.
        """
        ...

    def settle(self, settlement: Settlement) -> None:
        """Book how a reserved attempt ended, soon. A second settlement of an attempt changes nothing.

        Nor does that of an attempt which was never reserved; one whose reservation is under way is settled after that.
        """
        ...

    def record(self, entry: Entry, settlement: Settlement) -> None:
        """Book an attempt that was never reserved, soon. A crash may lose what was recorded in the last second."""
        ...

    async def flush(self) -> None:
        """Return once all that was settled and recorded before has lasted."""
        ...

    async def balances(self, counters: Sequence[Counter]) -> Sequence[Balance]:
        """Return what counters stand at; zeros where nothing was charged yet."""
        ...

    async def activate(self, families: Mapping[Family, int]) -> None:
        """Keep the counters of just these families from now on; each comes with the begin of its running period, in s.

        Those of families that were not kept before are summed up from the rows of that period, so that a limit that is
        set in mid-window counts what was spent in it.
        """
        ...

    async def adjust(self, adjustment: Adjustment) -> None:
        """Book a correction, now."""
        ...

    async def usage(self, query: UsageQuery) -> Sequence[UsageRow]:
        """Return sums, by bucket and group in order. Delays no reservation."""
        ...

    def rows(self, since_ns: int, until_ns: int) -> AsyncIterator[Sequence[Row]]:
        """Yield the rows of attempts that began in [since, until), in order of their begin, a batch at a time."""
        ...

    async def prune(self, before_ns: int) -> int:
        """Delete settled rows of attempts that began before the hour of a time, but not their sums; return how many.

        Usage of those hours is kept without labels and end users, each hour as a whole at its begin; counters of
        periods that run keep what they stand at. A settlement that comes after its attempt's row was deleted changes
        nothing.
        """
        ...


class StoreAway(Exception):  # noqa: N818  # a state of the store; callers turn it into a refusal of their own
    """The store does not answer, or refuses for a reason that may pass."""


class DiskFull(StoreAway):
    """The disk is full."""


class StoreRefused(Exception):  # noqa: N818  # an outcome of a start, told to whoever started
    """The store must not be used so. The message is a sentence that says what to do."""
