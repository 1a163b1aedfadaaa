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
from llmgateway_server.call import NANOS_PER_S, Call, set_duration
from llmgateway_server.quota.booking import NEVER_SENT, Booking
from llmgateway_server.quota.desk import Desk
from llmgateway_server.quota.estimates import Reach, output_field, reach_of
from llmgateway_server.quota.quotas import Limits, caller_scopes, target_scopes
from llmgateway_server.quota.refusals import WINDOW_WORDS, rate_refusal, store_refusal
from llmgateway_server.quota.reserving import Reserved, reserve
from llmgateway_server.quota.terms import Terms
from llmgateway_server.store.ledger import (
    Charge,
    Entry,
    Intent,
    Metric,
    StoreAway,
)
from llmgateway_server.store.rates import Standing, Take

Request = generation_pb2.GenerateRequest | embedding_pb2.EmbedRequest | rerank_pb2.RerankRequest

# After its call's deadline an intent is settled by then, or its process has lost it.
EXPIRY_S = 30.0


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


class Prepared(msgspec.Struct, frozen=True):
    """An attempt that is about to be reserved: what it took of its target's rates, and what it is to hold.

    Without an `intent` there is nothing to reserve. `is_first` says that it is the first of its call.
    """

    entry: Entry
    terms: Terms
    takes: Sequence[Take] = ()
    intent: Intent | None = None
    reach: Reach | None = None
    limits_cost: bool = False
    is_bound: bool = False
    is_first: bool = True


class Accounts:
    """Opens the accounts of calls."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    @property
    def are_unlimited(self) -> bool:
        """Whether no quota is in force at all."""
        return self._desk.book.is_empty

    async def open(self, call: Call, request: Request) -> Account:
        """Return a call's account, with what it takes of rates. Raise `QuotaExceeded`."""
        end_user = "" if isinstance(request, rerank_pb2.RerankRequest) else request.end_user_id
        limits = self._desk.book.limits_of(caller_scopes(call.principal, end_user))
        account = Account(self._desk, call, request, end_user, limits)
        if not limits.takes_nothing:
            await account.take()
        return account

    async def reserve_together(self, asks: Sequence[tuple[Account, Asked]], call: Call, field: str) -> None:
        """Reserve the first attempts of several calls, all or none. Raise what `Account.reserve` does."""
        prepared: list[tuple[Account, Prepared]] = []
        try:
            for account, asked in asks:
                prepared.append((account, await account.prepare(asked)))
            intents = [one.intent for _, one in prepared if one.intent is not None]
            reserved = await reserve(self._desk, intents, call, field) if intents else Reserved((), 0.0)
        except BaseException as error:
            for account, one in prepared:
                account.give_up(one)
            if isinstance(error, StoreAway):
                raise store_refusal(error) from error
            raise
        costs = iter(reserved.costs)
        for account, one in prepared:
            granted = 0 if one.intent is None else next(costs)
            account.prepay(account.book(one, granted, reserved.begun_s))


class Account:
    """One call's account. `close` it however the call ends."""

    __slots__ = (
        "_call",
        "_desk",
        "_end_user",
        "_guess",
        "_limits",
        "_prepaid",
        "_prepared_count",
        "_request",
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
        self._prepared_count = 0
        self._prepaid: Booking | None = None
        self.token_count = 0

    async def take(self) -> None:
        """Take of rates and calls at once what the call takes. Raise `QuotaExceeded`."""
        self._takes = await self._take(self._limits)

    async def reserve(self, asked: Asked) -> Booking:
        """Reserve what an attempt may cost, and return where it is to be booked.

        Raise `PriceUnknown`, `QuotaExceeded`, `BudgetExceeded`, `InvalidField`, `StoreUnavailable` or `StorageFull`.
        """
        prepaid, self._prepaid = self._prepaid, None
        if prepaid is not None:
            if prepaid.terms.target_id == asked.terms.target_id:
                return prepaid
            prepaid.free(NEVER_SENT)
        prepared = await self.prepare(asked)
        if prepared.intent is None:
            return self.book(prepared)
        try:
            reserved = await reserve(self._desk, (prepared.intent,), self._call, output_field(self._request))
        except StoreAway as away:
            if not prepared.limits_cost:
                # Only money waits for the ledger; requests and tokens are made up for when they are booked.
                # By another id: the one that was asked for may have been reserved all the same, and is void then.
                entry = msgspec.structs.replace(prepared.entry, attempt_id=f"{prepared.entry.attempt_id}+")
                return self.book(msgspec.structs.replace(prepared, entry=entry, intent=None))
            self.give_up(prepared)
            raise store_refusal(away) from away
        except BaseException:
            self.give_up(prepared)
            raise
        return self.book(prepared, reserved.costs[0], reserved.begun_s)

    async def prepare(self, asked: Asked) -> Prepared:
        """Take of the target's rates, and return what is to be reserved. Raise `PriceUnknown` or `QuotaExceeded`."""
        desk = self._desk
        number = self._prepared_count
        self._prepared_count += 1
        entry = self._entry(asked, number)
        target = target_scopes(asked.provider, asked.model)
        at_target = desk.book.limits_of(target)
        if not self._limits.counted and at_target.is_empty:
            return Prepared(entry, asked.terms, is_first=number == 0)
        takes = await self._take(at_target)
        try:
            charges = self._charges(self._limits, at_target, entry.started_ns, is_first=number == 0)
            if not charges:
                return Prepared(entry, asked.terms, takes, is_first=number == 0)
            reach = self._reach(asked, at_target)
        except BaseException:
            desk.rates.give_back(takes)
            raise
        left_s = self._call.deadline_s - desk.clocks.monotonic_s()
        expires_ns = entry.started_ns + int((left_s + EXPIRY_S) * NANOS_PER_S)
        return Prepared(
            entry,
            asked.terms,
            takes,
            Intent(entry, charges, reach.cost, expires_ns),
            reach,
            limits_cost=self._limits.limits_cost or at_target.limits_cost,
            is_bound=self._limits.needs_bound or at_target.needs_bound,
            is_first=number == 0,
        )

    def book(self, prepared: Prepared, granted: int = 0, begun_s: float | None = None) -> Booking:
        """Return where an attempt is to be booked, for which so much was granted."""
        desk, takes, intent, reach = self._desk, prepared.takes, prepared.intent, prepared.reach
        if intent is None or reach is None:
            return Booking(desk, self, prepared.entry, prepared.terms, takes=takes, is_first=prepared.is_first)
        return Booking(
            desk,
            self,
            prepared.entry,
            prepared.terms,
            intent.charges,
            granted if prepared.limits_cost else None,
            begun_s,
            reach.output_limit(granted),
            takes,
            reach.bound,
            is_bound=prepared.is_bound,
            is_first=prepared.is_first,
        )

    def give_up(self, prepared: Prepared) -> None:
        """Give back what an attempt took of its target's rates that will not be made."""
        self._desk.rates.give_back(prepared.takes)

    def prepay(self, booking: Booking) -> None:
        """Take a booking for the first attempt, if it goes to the same target."""
        self._prepaid = booking

    def close(self) -> None:
        """Give back what only a running call takes, and let token rates know what it used."""
        if self._prepaid is not None:
            self._prepaid.free(NEVER_SENT)
            self._prepaid = None
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
            if not take.window_s or take.is_soft:
                continue
            standing = self._desk.rates.standing(take)
            known = tightest.get(take.metric)
            if known is None or standing.remaining < known[1].remaining:
                tightest[take.metric] = (take, standing)
        for take, standing in tightest.values():
            told = info.rate_limits.add(scope=take.scope, metric=take.metric, window=WINDOW_WORDS[take.window_s])
            told.limit, told.remaining = take.limit, max(standing.remaining, 0)
            set_duration(told.reset_after, standing.reset_s)

    def charges(self, started_ns: int, target: tuple[str, ...], *, is_first: bool) -> Sequence[Charge]:
        """Return what an attempt is charged to by the quotas of now."""
        book = self._desk.book
        limits = book.limits_of(caller_scopes(self._call.principal, self._end_user))
        return self._charges(limits, book.limits_of(target), started_ns, is_first=is_first)

    async def _take(self, limits: Limits) -> Sequence[Take]:
        """Take of what is about now; raise why there is no room."""
        if limits.takes_nothing:
            return ()
        desk = self._desk
        takes = [self._amount_of(take) for take in (*limits.rates, *limits.concurrent)]
        lacks = await desk.rates.take(takes) if takes else ()
        if not lacks:
            soft = [self._amount_of(take) for take in limits.soft]
            desk.rates.count(soft)
            takes += soft
        for warned in limits.warned:
            desk.watch.look_at_rate(warned, desk.rates.standing(warned.take))
        if lacks:
            raise rate_refusal(lacks, desk.clocks.wall_ns() / NANOS_PER_S)
        return takes

    def _amount_of(self, take: Take) -> Take:
        """Return a take with what the call takes."""
        if take.metric != Metric.TOKENS:
            return take
        return msgspec.structs.replace(take, amount=self._guessed_tokens())

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

    def _charges(self, limits: Limits, at_target: Limits, started_ns: int, *, is_first: bool) -> Sequence[Charge]:
        """Return what an attempt is charged to. A call is one request of its caller, whatever its attempts."""
        at_s, periods = started_ns / NANOS_PER_S, self._desk.periods
        charges = limits.charges_at(at_s, periods)
        if limits.counts_requests and not is_first:
            charges = [one for one in charges if one.counter.metric is not Metric.REQUESTS]
        if at_target.counted:
            charges = [*charges, *at_target.charges_at(at_s, periods)]
        if limits.counts_tokens or at_target.counts_tokens:
            amount = self._guessed_tokens()
            charges = [
                Charge(one.counter, one.limit, amount) if one.counter.metric is Metric.TOKENS else one
                for one in charges
            ]
        return charges

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
            teams=principal.teams,
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
