"""Where one attempt is booked, once, however it ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from llmgateway.v1 import usage_pb2

from llmgateway_server.call import NANOS_PER_S
from llmgateway_server.quota.bound import Bound
from llmgateway_server.quota.desk import Desk
from llmgateway_server.quota.quotas import target_scopes
from llmgateway_server.quota.terms import Terms
from llmgateway_server.store.ledger import Charge, Entry, Metric, Settlement, Source, Tally
from llmgateway_server.store.rates import Take

OK = "ok"
# What the ledger calls an attempt that never was.
NEVER_SENT = "never_sent"
OPENROUTER = "openrouter"
# What a provider may write, for each choice, until it hears that nobody listens any more: a guess, of some seconds.
TOKENS_IN_FLIGHT = 256
NO_TALLY = Tally()
PROVIDER = usage_pb2.Usage.SOURCE_PROVIDER


class Payer(Protocol):
    """The account of the call that an attempt belongs to. `token_count` is what its attempts have used."""

    token_count: int

    def charges(self, started_ns: int, target: tuple[str, ...], *, is_first: bool) -> Sequence[Charge]:
        """Return what an attempt that began then is charged to by the quotas of now."""
        ...


class Booking:
    """Where one attempt is booked, once. Without `charges` it was not reserved, and is only recorded.

    `held` is what it holds of cost, None where cost is not limited; `is_bound` says that it cannot cost more, so that
    it must be told of where it does. `output_limit` is the limit that was chosen for it,
    None if none was, and `bound` what a generation can cost. It may be dispatched until `dispatch_by_s`, on the
    monotonic clock.
    """

    __slots__ = (
        "_account",
        "_book",
        "_bound",
        "_charges",
        "_desk",
        "_entry",
        "_held",
        "_is_bound",
        "_is_first",
        "_is_settled",
        "_started_s",
        "_takes",
        "dispatch_by_s",
        "output_limit",
        "terms",
    )

    def __init__(
        self,
        desk: Desk,
        account: Payer,
        entry: Entry,
        terms: Terms,
        charges: Sequence[Charge] = (),
        held: int | None = None,
        begun_s: float | None = None,
        output_limit: int | None = None,
        takes: Sequence[Take] = (),
        bound: Bound | None = None,
        *,
        is_bound: bool = False,
        is_first: bool = True,
    ) -> None:
        self._desk = desk
        self._account = account
        self._entry = entry
        self.terms = terms
        self._charges = charges
        self._held = held
        self._is_bound = is_bound
        self._is_first = is_first
        self._takes = takes
        self._bound = bound
        self._book = desk.book
        self._is_settled = False
        self._started_s = desk.clocks.monotonic_s()
        self.dispatch_by_s = None if begun_s is None else begun_s + desk.ledger.lease_s
        self.output_limit = output_limit

    @property
    def _stops_when_left(self) -> bool:
        """Whether a caller who leaves pays for what was written by then alone, and all of that is seen."""
        return self.terms.on_cancel == "processed" and not self.terms.may_think

    @property
    def ceiling(self) -> Mapping[str, int] | None:
        """The dearest prices that the provider may take, by kind; None where it need not be told."""
        if not self._is_bound or self._bound is None or self._entry.provider != OPENROUTER:
            return None
        return self.terms.rates(self._bound.input_token_count)

    def answered(self, usage: usage_pb2.Usage, http_status: int, first_content_s: float | None) -> int | None:
        """Book an attempt that answered; return what it cost, None if that is unknown."""
        is_told = usage.source == PROVIDER
        cost = self._cost_of(usage) if is_told or self._held is None else self._held
        source = Source.PROVIDER if is_told else Source.COUNTED if self._held is None else Source.BOUND
        tally = tally_of(usage)
        self._desk.usual.learn(self._entry.key, self.terms.target_id, tally.output_token_count)
        self._settle(source, cost, tally, OK, http_status, first_content_s)
        return cost

    def failed(
        self,
        outcome: str,
        http_status: int,
        usage: usage_pb2.Usage | None,
        first_content_s: float | None = None,
        written_token_count: int | None = None,
    ) -> int | None:
        """Book an attempt that failed, and that its provider may charge for; return what it is booked at: the bound.

        What was counted by then is no bill: the provider may have gone on, and may have thought unseen. But where it
        says that it charges only for what a stream was left with, `written_token_count` bounds that.
        """
        cost, tally = self._held, NO_TALLY
        if cost is not None and written_token_count is not None and self._stops_when_left and self._bound is not None:
            written = written_token_count + TOKENS_IN_FLIGHT * self._bound.choice_count
            cost = min(cost, self._bound.usd_nanos_of(written))
        if usage is not None:
            tally = tally_of(usage)
            cost = self._cost_of(usage) if cost is None else cost
        source = Source.COUNTED if self._held is None else Source.BOUND
        self._settle(source, cost, tally, outcome, http_status, first_content_s)
        return cost

    def free(self, outcome: str, http_status: int = 0) -> None:
        """Book an attempt that cost nothing."""
        self._settle(Source.VOID, 0, NO_TALLY, outcome, http_status, None)

    def _cost_of(self, usage: usage_pb2.Usage) -> int | None:
        """Return what a usage costs: what the provider says, else by its prices; None where there are none."""
        if usage.HasField("cost_usd_nanos"):
            return max(usage.cost_usd_nanos, 0)
        return self.terms.tariff.cost_usd_nanos(usage) if self.terms.prices else None

    def _settle(
        self,
        source: Source,
        cost: int | None,
        tally: Tally,
        outcome: str,
        http_status: int,
        first_content_s: float | None,
    ) -> None:
        if self._is_settled:
            return
        self._is_settled = True
        desk, entry = self._desk, self._entry
        charges: Sequence[Charge] = ()
        if desk.book is not self._book or not self._charges:
            target = target_scopes(entry.provider, entry.model)
            charges = self._account.charges(entry.started_ns, target, is_first=self._is_first)
        elapsed_s = desk.clocks.monotonic_s() - self._started_s
        settlement = Settlement(
            attempt_id=entry.attempt_id,
            source=source,
            cost_usd_nanos=cost,
            tally=tally,
            request_count=1,
            ended_ns=entry.started_ns + int(elapsed_s * NANOS_PER_S),
            latency_us=int(elapsed_s * 1e6),
            first_content_us=None if first_content_s is None else int(first_content_s * 1e6),
            outcome=outcome,
            http_status=http_status,
            charges=charges,
        )
        if self._charges:
            desk.ledger.settle(settlement)
            counters = [charge.counter for charge in self._charges]
            desk.line.wake(counters)
            desk.watch.note(counters)
        else:
            desk.ledger.record(entry, settlement)
        self._finish(tally, cost)

    def _finish(self, tally: Tally, cost: int | None) -> None:
        """Let rates know what was used, and administrators of an overrun."""
        desk = self._desk
        self._account.token_count += tally.token_count
        for take in self._takes:
            if not take.window_s:
                desk.rates.give_back((take,))
            elif take.metric == Metric.TOKENS and take.amount != tally.token_count:
                desk.rates.correct(take, tally.token_count)
        if self._is_bound and self._held is not None and cost is not None and cost > self._held:
            desk.bookkeeper.overrun(self._entry, cost, self._held)


def tally_of(usage: usage_pb2.Usage) -> Tally:
    """Return a usage's counts, as far as the ledger keeps them; what makes no sense is none."""
    return Tally(
        max(usage.input_token_count, 0),
        max(usage.cached_input_token_count, 0),
        max(usage.cache_write_input_token_count, 0),
        max(usage.output_token_count, 0),
        max(usage.reasoning_token_count, 0),
    )
