"""Quotas, and which of them apply to a call and to its attempts. Immutable: other quotas are another book."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import lru_cache

import msgspec

from llmgateway_server.call import Principal
from llmgateway_server.config.quotas import QuotaSettings
from llmgateway_server.quota.windows import Periods, Window
from llmgateway_server.store.ledger import Charge, Counter, Family, Metric
from llmgateway_server.store.rates import Take

ORGANIZATION = "organization"
CONCURRENCY = "concurrency"
EACH = "*"
MAX_KNOWN = 8_192

STRICT, ESTIMATE, SOFT = "strict", "estimate", "soft"


class Quota(msgspec.Struct, frozen=True):
    """A limit on what a scope may use. `limit` counts what `metric` names, cost in 1e-9 US dollars.

    `scope` is `organization`, `kind/name`, or `kind/*` for each of a kind by itself; `window` is None for concurrency.
    `warn` are shares of the limit. `enforcement` is as in the configuration.
    """

    scope: str
    metric: str
    window: Window | None
    limit: int
    warn: Sequence[float] = ()
    enforcement: str = STRICT

    @property
    def scope_kind(self) -> str:
        return self.scope.partition("/")[0]

    @property
    def is_rate(self) -> bool:
        """Whether it is a rate, so that no ledger need know of it. Cost never is."""
        return self.metric != Metric.COST and self.window is not None and self.window.is_rate

    @property
    def is_about_now(self) -> bool:
        """Whether it is a rate or about calls at once."""
        return self.is_rate or self.metric == CONCURRENCY

    @property
    def shares(self) -> Sequence[float]:
        """The shares that are told of: what only warns does so at its limit, if nowhere else."""
        return self.warn or ((1.0,) if self.enforcement == SOFT else ())


class Counted(msgspec.Struct, frozen=True):
    """What the ledger counts for one scope, which is never a template, up to a limit: None where nothing is refused."""

    scope: str
    metric: Metric
    window: Window
    limit: int | None


class Threshold(msgspec.Struct, frozen=True):
    """Shares of a limit that are told of once they are used."""

    limit: int
    shares: Sequence[float]


class Warned(msgspec.Struct, frozen=True):
    """A limit that is about now and is told of once it is used to some shares: a take has its name."""

    take: Take
    thresholds: Sequence[Threshold]


class Limits:
    """All that applies to some scopes, by how it is kept: in the ledger, as rates, as calls at once.

    `soft` are rates and calls at once that are only counted, `warned` those that are told of.
    `needs_bound` says that a strict quota of cost is among them, `limits_cost` that any is that refuses,
    `counts_tokens` and `counts_requests` that the ledger counts these.
    """

    __slots__ = (
        "_charges",
        "_from_s",
        "_until_s",
        "concurrent",
        "counted",
        "counts_requests",
        "counts_tokens",
        "limits_cost",
        "needs_bound",
        "rates",
        "soft",
        "warned",
    )

    def __init__(
        self,
        counted: Sequence[Counted] = (),
        rates: Sequence[Take] = (),
        concurrent: Sequence[Take] = (),
        soft: Sequence[Take] = (),
        warned: Sequence[Warned] = (),
        *,
        needs_bound: bool = False,
        limits_cost: bool = False,
    ) -> None:
        self.counted = counted
        self.rates = rates
        self.concurrent = concurrent
        self.soft = soft
        self.warned = warned
        self.needs_bound = needs_bound
        self.limits_cost = limits_cost
        self.counts_tokens = any(one.metric is Metric.TOKENS for one in counted)
        self.counts_requests = any(one.metric is Metric.REQUESTS for one in counted)
        self._charges: Sequence[Charge] = ()
        # The charges hold for instants in [from, until).
        self._from_s = 0.0
        self._until_s = 0.0 if counted else math.inf

    @property
    def is_empty(self) -> bool:
        return not self.counted and self.takes_nothing

    @property
    def takes_nothing(self) -> bool:
        """Whether nothing of it is about now."""
        return not (self.rates or self.concurrent or self.soft)

    def charges_at(self, at_s: float, periods: Periods) -> Sequence[Charge]:
        """Return what an attempt is charged to that begins then: one request, and tokens that are yet to be counted."""
        if not self._from_s <= at_s < self._until_s:
            running = [(one, periods.at(one.window, at_s)) for one in self.counted]
            self._charges = [charge_of(one, period.start_s) for one, period in running]
            self._from_s = max(period.start_s for _, period in running)
            self._until_s = min([math.inf, *(period.end_s for _, period in running if period.end_s is not None)])
        return self._charges


NOTHING = Limits()


class QuotaBook:
    """Quotas by what they apply to. `warns` says that some are told of before they are used up."""

    def __init__(self, quotas: Iterable[Quota]) -> None:
        self._by_scope: dict[str, list[Quota]] = {}
        for quota in quotas:
            self._by_scope.setdefault(quota.scope, []).append(quota)
        self.warns = any(quota.shares for quota in self.quotas)
        # The same callers come again and again; end users are many, and each is known for a while.
        self.limits_of = lru_cache(maxsize=MAX_KNOWN)(self._limits_of)

    @property
    def quotas(self) -> Sequence[Quota]:
        """All quotas."""
        return [quota for quotas in self._by_scope.values() for quota in quotas]

    @property
    def is_empty(self) -> bool:
        return not self._by_scope

    @property
    def families(self) -> set[tuple[Family, Window]]:
        """The families of counters that the quotas need, each with its window."""
        return {
            (Family(quota.scope_kind, Metric(quota.metric), quota.window.text), quota.window)
            for quota in self.quotas
            if quota.window is not None and not quota.is_rate
        }

    def thresholds_of(self, counter: Counter) -> Sequence[Threshold]:
        """Return the shares of limits that are told of for a counter."""
        return [
            Threshold(quota.limit, quota.shares)
            for quota in self._quotas_of(counter.scope)
            if quota.shares and quota.metric == counter.metric and quota.window and quota.window.text == counter.window
        ]

    def _limits_of(self, scopes: tuple[str, ...]) -> Limits:
        """Return what applies to some scopes together."""
        applied = [(scope, quota) for scope in scopes for quota in self._quotas_of(scope)]
        if not applied:
            return NOTHING
        hard = [(scope, quota) for scope, quota in applied if quota.enforcement != SOFT]
        costs = [quota for _, quota in hard if quota.metric == Metric.COST]
        now = [(take_of(scope, quota), quota) for scope, quota in applied if quota.is_about_now]
        takes = tightest(take for take, _ in now)
        return Limits(
            counted=counted_of(applied),
            rates=[take for take in takes if take.window_s and not take.is_soft],
            concurrent=[take for take in takes if not take.window_s and not take.is_soft],
            soft=[take for take in takes if take.is_soft],
            warned=warned_of(takes, now),
            needs_bound=any(quota.enforcement == STRICT for quota in costs),
            limits_cost=bool(costs),
        )

    def _quotas_of(self, scope: str) -> Iterable[Quota]:
        kind, slash, _ = scope.partition("/")
        yield from self._by_scope.get(scope, ())
        if slash:
            yield from self._by_scope.get(f"{kind}/{EACH}", ())


def counted_of(applied: Iterable[tuple[str, Quota]]) -> list[Counted]:
    """Return what the ledger counts for scopes, one for all quotas that share a counter, of their lowest limit."""
    found: dict[tuple[str, str, str], Counted] = {}
    for scope, quota in applied:
        if quota.window is None or quota.is_rate:
            continue
        key = (scope, quota.metric, quota.window.text)
        limits = [limit for limit in (limit_of(quota), found[key].limit if key in found else None) if limit is not None]
        found[key] = Counted(scope, Metric(quota.metric), quota.window, min(limits, default=None))
    return [*found.values()]


def charge_of(counted: Counted, start_s: int) -> Charge:
    """Return what an attempt is charged to in the period that begins then."""
    counter = Counter(counted.scope, counted.metric, counted.window.text, start_s)
    return Charge(counter, counted.limit, 1 if counted.metric is Metric.REQUESTS else 0)


def tightest(takes: Iterable[Take]) -> list[Take]:
    """Return one take for all that count the same: of the lowest limit that refuses, else of the highest that warns."""
    found: dict[tuple[str, str, int], Take] = {}
    for take in sorted(takes, key=lambda take: (take.is_soft, -take.limit if take.is_soft else take.limit)):
        found.setdefault(what_counts(take), take)
    return [*found.values()]


def what_counts(take: Take) -> tuple[str, str, int]:
    """Return what names a take's limit."""
    return take.scope, take.metric, take.window_s


def warned_of(takes: Iterable[Take], quotas: Sequence[tuple[Take, Quota]]) -> list[Warned]:
    """Return which takes are told of, by all quotas that count the same."""
    warned = []
    for take in takes:
        same = [quota for other, quota in quotas if what_counts(other) == what_counts(take) and quota.shares]
        if same:
            warned.append(Warned(take, [Threshold(quota.limit, quota.shares) for quota in same]))
    return warned


def limit_of(quota: Quota) -> int | None:
    """Return the limit beyond which a quota refuses; None if it never does."""
    return None if quota.enforcement == SOFT else quota.limit


def take_of(scope: str, quota: Quota) -> Take:
    """Return what a call takes of a quota that is about now; of tokens it takes what it is guessed to use."""
    window_s = int(quota.window.seconds) if quota.window is not None else 0
    return Take(scope, quota.metric, window_s, quota.limit, is_soft=quota.enforcement == SOFT)


def quota_of(settings: QuotaSettings) -> Quota:
    """Return a quota of the configuration."""
    window = None
    if settings.window is not None:
        window = Window(settings.window, settings.timezone, settings.anchor_day or 1, settings.anchor_hour)
    return Quota(
        settings.scope, settings.metric, window, settings.limit, tuple(sorted(settings.warn)), settings.enforcement
    )


def caller_scopes(principal: Principal, end_user: str) -> tuple[str, ...]:
    """Return the scopes of who calls, the widest first."""
    return _caller_scopes(principal.teams, principal.name, end_user)


@lru_cache(maxsize=MAX_KNOWN)
def _caller_scopes(teams: Sequence[str], key: str, end_user: str) -> tuple[str, ...]:
    scopes = (ORGANIZATION, *(f"team/{team}" for team in teams), f"key/{key}")
    return (*scopes, f"end_user/{end_user}") if end_user else scopes


@lru_cache(maxsize=MAX_KNOWN)
def target_scopes(provider: str, model: str) -> tuple[str, ...]:
    """Return the scopes of where an attempt goes."""
    return f"provider/{provider}", f"model/{provider}/{model}"
