"""What a call is told that a quota refuses: which one, what it stands at, and when there will be room. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from llmgateway_server import errors
from llmgateway_server.config.quotas import USD_NANOS
from llmgateway_server.errors import QuotaViolation
from llmgateway_server.quota.windows import Periods, parse_window
from llmgateway_server.store.ledger import Counter, DiskFull, Metric, Refusal, Shortfall, StoreAway
from llmgateway_server.store.rates import Lack

# Running calls may give back what they hold at any time.
HELD_RETRY_S = 1.0
AWAY_RETRY_S = 1.0
WINDOW_WORDS = {1: "second", 60: "minute"}
NOUNS: Mapping[str, str] = {Metric.TOKENS: "token", Metric.REQUESTS: "request"}
WORDS = {Metric.COST: "costs at most", Metric.TOKENS: "takes about", Metric.REQUESTS: "is"}


def is_hopeless(shortfall: Shortfall) -> bool:
    """Whether what is committed alone leaves no room: no running call that ends will make any."""
    limit = shortfall.charge.limit or 0
    return shortfall.balance.committed + shortfall.asked > limit


def is_beyond(shortfall: Shortfall) -> bool:
    """Whether not even an empty window would have room."""
    limit = shortfall.charge.limit or 0
    return 0 < limit < shortfall.asked


def ledger_refusal(refusal: Refusal, periods: Periods, now_s: float, field: str) -> errors.CallError:
    """Return the refusal of a call that counters have no room for. `field` is what makes it cost so much."""
    shortfalls = refusal.shortfalls
    tightest = min(shortfalls, key=room_of)
    violations = [violation_of(shortfall, periods) for shortfall in shortfalls]
    metric = tightest.charge.counter.metric
    asked = shown(metric, tightest.asked)
    about = f"it {WORDS[metric]} {asked}, and {violation_of(tightest, periods).description}"
    if is_beyond(tightest):
        quota, limit = name_of_counter(tightest.charge.counter), shown(metric, tightest.charge.limit or 0)
        description = (
            f"asks for too much: the call {WORDS[metric]} {asked}, and {quota} is {limit}. "
            "Ask for less, or have the limit raised."
        )
        refused = errors.InvalidField([errors.FieldViolation(field, description)])
        refused.quota_violations = tuple(violations)
        return refused
    resets = [violation.reset_s for violation in violations if violation.reset_s is not None]
    is_budget = tightest.charge.counter.metric == Metric.COST
    if is_hopeless(tightest):
        reset_s = max(resets, default=None)
        error = errors.BudgetExceeded if is_budget else errors.QuotaExceeded
        if reset_s is None:
            return error(f"The call does not fit: {about}. Have the limit raised.", quota_violations=violations)
        wait_s = max(reset_s - now_s, 0.0)
        return error(
            f"The call does not fit: {about}. Try again in {shown_wait(wait_s)}, or have the limit raised.",
            retry_after_s=wait_s,
            quota_violations=violations,
        )
    return errors.QuotaExceeded(
        f"The call does not fit now: {about}. Running calls may leave some of what they hold: try again soon.",
        retry_after_s=HELD_RETRY_S,
        quota_violations=violations,
    )


def rate_refusal(lacks: Sequence[Lack], now_s: float) -> errors.QuotaExceeded:
    """Return the refusal of a call that rates or calls at once have no room for."""
    violations = [rate_violation(lack, now_s) for lack in lacks]
    lack, violation = max(zip(lacks, violations, strict=True), key=lambda one: one[0].retry_after_s or 0.0)
    wait_s = HELD_RETRY_S if lack.retry_after_s is None else lack.retry_after_s
    when = f"in {shown_wait(wait_s)}" if lack.take.window_s else "when one has ended"
    return errors.QuotaExceeded(
        f"The call does not fit now: {violation.description}. Try again {when}.",
        retry_after_s=wait_s,
        quota_violations=violations,
    )


def store_refusal(away: StoreAway) -> errors.CallError:
    """Return the refusal of a call whose cost cannot be reserved."""
    if isinstance(away, DiskFull):
        message = (
            "The ledger's disk is full, and this call's cost is limited: it is not sent. Free some space, or try later."
        )
        return errors.StorageFull(message, retry_after_s=AWAY_RETRY_S)
    message = f"The ledger does not answer, and this call's cost is limited: it is not sent. Try again soon. ({away})"
    return errors.StoreUnavailable(message, retry_after_s=AWAY_RETRY_S)


def room_of(shortfall: Shortfall) -> int:
    """Return how much room a counter has, by which the tightest is found."""
    return (shortfall.charge.limit or 0) - shortfall.balance.committed - shortfall.balance.held


def violation_of(shortfall: Shortfall, periods: Periods) -> QuotaViolation:
    """Return a shortfall as the contract tells it."""
    counter, balance = shortfall.charge.counter, shortfall.balance
    window, metric, limit = parse_window(counter.window), counter.metric, shortfall.charge.limit or 0
    used = max(balance.committed, 0)
    held = f" and {shown(metric, balance.held)} held by running calls" if balance.held else ""
    quota = name_of_counter(counter)
    return QuotaViolation(
        scope=counter.scope,
        metric=metric.value,
        window=window.kind,
        limit=limit,
        used=used,
        held=balance.held,
        reset_s=periods.at(window, counter.start_s).end_s,
        description=f"{quota} is {shown(metric, limit)}, of which {shown(metric, used)} is used{held}",
    )


def rate_violation(lack: Lack, now_s: float) -> QuotaViolation:
    """Return a rate's or a bound on calls at once as the contract tells it."""
    take = lack.take
    if not take.window_s:
        what = f"{name_of(take.scope, take.metric, '')} is {take.limit} calls, and {lack.used} run"
        return QuotaViolation(take.scope, take.metric, "", take.limit, lack.used, description=what)
    window = WINDOW_WORDS[take.window_s]
    quota = name_of(take.scope, take.metric, window)
    what = f"{quota} is {take.limit}, of which {lack.used} is used, and it takes {take.amount}"
    reset_s = now_s + lack.used * take.window_s / max(take.limit, 1)
    return QuotaViolation(take.scope, take.metric, window, take.limit, lack.used, 0, reset_s, what)


def name_of_counter(counter: Counter) -> str:
    """Return what prose calls the quota of a counter."""
    return name_of(counter.scope, counter.metric.value, parse_window(counter.window).kind)


def name_of(scope: str, metric: str, window: str) -> str:
    """Return what prose calls a quota, for example `the cost quota of key/ci for a day`."""
    per = {"": "", "total": " in total"}.get(window, f" for {'an' if window == 'hour' else 'a'} {window}")
    return f"the {metric} quota of {scope}{per}"


def shown(metric: str, amount: int) -> str:
    """Write an amount of what quotas limit as people do."""
    if metric == Metric.COST:
        return f"{amount / USD_NANOS:.9f}".rstrip("0").rstrip(".") + " US dollars"
    noun = NOUNS.get(metric, "call")
    return f"{amount} {noun}{'' if amount == 1 else 's'}"


def shown_wait(wait_s: float) -> str:
    """Write how long to wait: in the two largest units that matter."""
    if wait_s < 10:
        return f"{wait_s:.3g} s"
    if wait_s < 120:
        return f"{wait_s:.0f} s"
    minutes = round(wait_s / 60)
    if minutes < 120:
        return f"{minutes} min"
    hours = round(minutes / 60)
    return f"{hours} h" if hours < 48 else f"{round(hours / 24)} days"
