"""The accounts of calls: what they may spend is reserved before it is sent, and booked once it is known.

    open (requests, tokens a minute, calls at once) → reserve, for each attempt → settle, for each attempt → close

Quotas of who calls count calls, those of providers and models count attempts. An attempt that no counted quota applies
to is only recorded.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from llmgateway.v1 import call_pb2, embedding_pb2, generation_pb2, rerank_pb2

from llmgateway_server import errors, tokens
from llmgateway_server.call import Call, set_duration
from llmgateway_server.quota.booking import Booking
from llmgateway_server.quota.desk import Desk
from llmgateway_server.quota.estimates import Reach, output_field, reach_of
from llmgateway_server.quota.quotas import Counted, Limits, caller_scopes, target_scopes
from llmgateway_server.quota.refusals import WINDOW_WORDS, is_beyond, is_hopeless, ledger_refusal, rate_refusal, room_of
from llmgateway_server.quota.terms import Terms
from llmgateway_server.store.ledger import (
    Charge,
    Counter,
    DiskFull,
    Entry,
    Grant,
    Intent,
    Metric,
    Refusal,
    Settlement,
    Source,
    StoreAway,
    Tally,
)
from llmgateway_server.store.rates import Standing, Take

Request = generation_pb2.GenerateRequest | embedding_pb2.EmbedRequest | rerank_pb2.RerankRequest

NANOS_PER_S = 1_000_000_000
# After its call's deadline an intent is settled by then, or its process has lost it.
EXPIRY_S = 30.0
AWAY_RETRY_S = 1.0
NO_TALLY = Tally()


class Asked(msgspec.Struct, frozen=True):
    """An attempt about to be made: where, on what terms, and why.

    `default_output_limit` is the most tokens to write where the caller sets no limit and cost is limited.
    """

    terms: Terms
    provider: str
    model: str
    route: str
    kind: str
    default_output_limit: int


class Accounts:
    """Opens the accounts of calls."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def open(self, call: Call, request: Request) -> Account:
        """Return a call's account, with what it takes of rates. Raise `QuotaExceeded`."""
        end_user = "" if isinstance(request, rerank_pb2.RerankRequest) else request.end_user_id
        limits = self._desk.book.limits_of(caller_scopes(call.principal, end_user))
        account = Account(self._desk, call, request, end_user, limits)
        if limits.rates or limits.concurrent:
            await account.take()
        return account


class Account:
    """One call's account. `close` it however the call ends."""

    __slots__ = (
        "_call",
        "_desk",
        "_end_user",
        "_guess",
        "_limits",
        "_request",
        "_reserved_count",
        "_takes",
        "token_count",
    )

    def __init__(self, desk: Desk, call: Call, request: Request, end_user: str, limits: Limits) -> None:
        self._desk = desk
        self._call = call
        self._request = request
        self._end_user = end_user
        self._limits = limits
        self._takes: Sequence[Take] = ()
        self._guess: int | None = None
        self._reserved_count = 0
        self.token_count = 0

    async def take(self) -> None:
        """Take of rates and calls at once what the call takes. Raise `QuotaExceeded`."""
        self._takes = await self._take(self._limits)

    async def reserve(self, asked: Asked) -> Booking:
        """Reserve what an attempt may cost, and return where it is to be booked.

        Raise `PriceUnknown`, `QuotaExceeded`, `BudgetExceeded`, `InvalidField`, `StoreUnavailable` or `StorageFull`.
        """
        desk = self._desk
        number = self._reserved_count
        self._reserved_count += 1
        entry = self._entry(asked, number)
        at_target = desk.book.limits_of(target_scopes(asked.provider, asked.model))
        if not (self._limits.counted or at_target.counted or at_target.rates or at_target.concurrent):
            return Booking(desk, self, entry, asked.terms)
        takes = await self._take(at_target)
        try:
            return await self._hold(entry, asked, at_target, takes, is_first=number == 0)
        except BaseException:
            desk.rates.give_back(takes)
            raise

    def close(self) -> None:
        """Give back what only a running call takes, and let token rates know what it used."""
        rates = self._desk.rates
        for take in self._takes:
            if not take.window_s:
                rates.give_back((take,))
            elif take.metric == Metric.TOKENS and take.amount != self.token_count:
                rates.correct(take, self.token_count)
        self._takes = ()

    def describe_rates(self, info: call_pb2.CallInfo) -> None:
        """Tell in an answer what is left of the rates that the call counts against."""
        tightest: dict[str, tuple[Take, Standing]] = {}
        for take in self._takes:
            if not take.window_s:
                continue
            standing = self._desk.rates.standing(take)
            known = tightest.get(take.metric)
            if known is None or standing.remaining < known[1].remaining:
                tightest[take.metric] = (take, standing)
        for take, standing in tightest.values():
            told = info.rate_limits.add(scope=take.scope, metric=take.metric, window=WINDOW_WORDS[take.window_s])
            told.limit, told.remaining = take.limit, max(standing.remaining, 0)
            set_duration(told.reset_after, standing.reset_s)

    def charges(self, started_ns: int, target: tuple[str, ...], *, is_first: bool) -> list[Charge]:
        """Return what an attempt is charged to by the quotas of now. A call is one request, whatever its attempts."""
        desk, now_s = self._desk, started_ns / NANOS_PER_S
        limits = desk.book.limits_of(caller_scopes(self._call.principal, self._end_user))
        counted = limits.counted if is_first else [one for one in limits.counted if one.metric is not Metric.REQUESTS]
        return [self._charge(one, now_s) for one in (*counted, *desk.book.limits_of(target).counted)]

    async def _take(self, limits: Limits) -> Sequence[Take]:
        """Take of what is about now; raise why there is no room."""
        if not limits.rates and not limits.concurrent:
            return ()
        takes = [
            msgspec.structs.replace(take, amount=self._guessed_tokens()) if take.metric == Metric.TOKENS else take
            for take in (*limits.rates, *limits.concurrent)
        ]
        desk = self._desk
        lacks = await desk.rates.take(takes)
        if lacks:
            raise rate_refusal(lacks, desk.clocks.wall_ns() / NANOS_PER_S)
        return takes

    async def _hold(
        self, entry: Entry, asked: Asked, at_target: Limits, takes: Sequence[Take], *, is_first: bool
    ) -> Booking:
        """Reserve in the ledger, waiting a while for what running calls hold."""
        desk = self._desk
        charges = self.charges(entry.started_ns, target_scopes(asked.provider, asked.model), is_first=is_first)
        if not charges:
            return Booking(desk, self, entry, asked.terms, takes=takes)
        reach = self._reach(asked, at_target)
        expires_ns = entry.started_ns + int(
            (self._call.deadline_s - desk.clocks.monotonic_s() + EXPIRY_S) * NANOS_PER_S
        )
        intent = Intent(entry, charges, reach.cost, expires_ns)
        limits_cost = self._limits.limits_cost or at_target.limits_cost
        try:
            granted, begun_s = await self._reserve(intent)
        except StoreAway as away:
            if limits_cost:
                raise store_refusal(away) from away
            # Only money waits for the ledger; requests and tokens are made up for when they are booked.
            return Booking(desk, self, entry, asked.terms, takes=takes)
        held = granted if limits_cost else None
        limit, is_bound = reach.output_limit(granted), self._limits.needs_bound or at_target.needs_bound
        return Booking(desk, self, entry, asked.terms, charges, held, begun_s, limit, takes, is_bound=is_bound)

    async def _reserve(self, intent: Intent) -> tuple[int, float]:
        """Return what is granted, and when that was asked for. Raise the refusal."""
        desk, monotonic_s = self._desk, self._desk.clocks.monotonic_s
        until_s = min(monotonic_s() + desk.patience_s, self._call.deadline_s)
        has_waited = False
        counters = [charge.counter for charge in intent.charges]
        while True:
            begun_s = monotonic_s()
            answer = await self._ask(intent)
            if isinstance(answer, Grant):
                if has_waited:
                    desk.line.wake(counters)
                return answer.costs[0], begun_s
            left_s = until_s - monotonic_s()
            if left_s <= 0 or any(is_hopeless(lack) or is_beyond(lack) for lack in answer.shortfalls):
                if has_waited:
                    desk.line.wake(counters)
                now_s = desk.clocks.wall_ns() / NANOS_PER_S
                raise ledger_refusal(answer, desk.periods, now_s, output_field(self._request))
            tightest = min(answer.shortfalls, key=room_of)
            waiting_since_s = monotonic_s()
            await desk.line.wait(tightest.charge.counter, left_s, is_first=has_waited)
            self._call.outcome.waited_s += monotonic_s() - waiting_since_s
            has_waited = True

    async def _ask(self, intent: Intent) -> Grant | Refusal:
        """Ask the ledger; whoever gives up meanwhile holds nothing."""
        try:
            return await self._desk.ledger.reserve((intent,))
        except BaseException:
            self._desk.ledger.settle(void(intent.entry.attempt_id, self._desk.clocks.wall_ns()))
            raise

    def _reach(self, asked: Asked, at_target: Limits) -> Reach:
        """Return how much the attempt may cost. Raise `PriceUnknown`."""
        limits = self._limits
        usual = self._desk.usual.of(self._call.principal.name, asked.terms.target_id)
        if limits.needs_bound or at_target.needs_bound:
            if reason := self._desk.suspended.get(asked.terms.target_id):
                raise errors.PriceUnknown(reason, metadata={"model": asked.terms.target_id[:200]})
            return reach_of(self._request, asked.terms, usual, asked.default_output_limit)
        if limits.limits_cost or at_target.limits_cost:
            return Reach.estimated(self._request, asked.terms, usual)
        return Reach.nothing()

    def _charge(self, counted: Counted, now_s: float) -> Charge:
        period = self._desk.periods.at(counted.window, now_s)
        counter = Counter(counted.scope, counted.metric, counted.window.text, period.start_s)
        amount = 1 if counted.metric is Metric.REQUESTS else 0
        if counted.metric is Metric.TOKENS:
            amount = self._guessed_tokens()
        return Charge(counter, counted.limit, amount)

    def _guessed_tokens(self) -> int:
        """Return about how many tokens the call takes: what it brings, and what such calls usually write."""
        if self._guess is None:
            self._guess = guess_tokens(
                self._request, self._desk.usual.of(self._call.principal.name, self._request.model)
            )
        return self._guess

    def _entry(self, asked: Asked, number: int) -> Entry:
        call, principal = self._call, self._call.principal
        labels = {**principal.labels, **self._request.labels} if self._request.labels else principal.labels
        return Entry(
            attempt_id=f"{call.id}/{number}",
            call_id=call.id,
            method=call.method,
            kind=asked.kind,
            started_ns=self._desk.clocks.wall_ns(),
            key=principal.name,
            team=principal.team,
            end_user=self._end_user,
            labels=labels,
            route=asked.route,
            provider=asked.provider,
            model=asked.model,
        )


def guess_tokens(request: Request, usual_output: int) -> int:
    """Return about how many tokens a call takes."""
    if isinstance(request, generation_pb2.GenerateRequest):
        count = request.candidate_count if request.HasField("candidate_count") else 1
        most = request.max_output_token_count if request.HasField("max_output_token_count") else usual_output
        return tokens.estimate_generation(request) + min(most, usual_output) * count
    if isinstance(request, embedding_pb2.EmbedRequest):
        return tokens.estimate_embedding(request)
    return tokens.estimate_rerank(request)


def void(attempt_id: str, now_ns: int) -> Settlement:
    """Return the settlement of an attempt that was given up before it was made."""
    return Settlement(attempt_id, Source.VOID, 0, NO_TALLY, 0, now_ns, 0, None, "given_up")


def store_refusal(away: StoreAway) -> errors.CallError:
    """Return the refusal of a call whose cost cannot be reserved."""
    if isinstance(away, DiskFull):
        message = (
            "The ledger's disk is full, and this call's cost is limited: it is not sent. Free some space, or try later."
        )
        return errors.StorageFull(message, retry_after_s=AWAY_RETRY_S)
    message = f"The ledger does not answer, and this call's cost is limited: it is not sent. Try again soon. ({away})"
    return errors.StoreUnavailable(message, retry_after_s=AWAY_RETRY_S)
