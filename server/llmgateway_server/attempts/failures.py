"""What a call that failed is told, after all its attempts, or without any."""

from __future__ import annotations

from collections.abc import Sequence

from llmgateway_server import errors
from llmgateway_server.attempts.verdict import is_request_s_fault
from llmgateway_server.routing.plan import Plan

LEAST_RETRY_AFTER_S = 0.1


def failure_of_call(
    plan: Plan,
    failures: Sequence[errors.CallError],
    skipped: Sequence[errors.CallError],
    now_s: float,
    *,
    is_late: bool = False,
) -> errors.CallError:
    """Return the failure of a call whose attempts all failed: their own if all failed alike.

    `is_late` says that the call's deadline ended the last one.
    """
    if not failures:
        return skipped[0]
    last = failures[-1]
    is_alike = len({failure.reason for failure in failures}) == 1
    if is_alike or is_late or is_request_s_fault(last):
        return last
    tried = "; ".join(f"{failure.reason_word}: {failure.message[:160]}" for failure in failures[-3:])
    return errors.AllTargetsFailed(
        f"All {len(failures)} attempts failed, in different ways. Try again later. {tried}",
        metadata={"model": plan.route.name[:200]},
        retry_after_s=soonest_s(plan, failures, now_s),
        provider_message=last.provider_message,
        http_status=last.http_status,
    )


def nothing_healthy(plan: Plan, now_s: float) -> errors.CallError:
    """Return the refusal of a call whose targets are all left alone for now."""
    first = min(plan.left_alone, key=lambda one: one.until_s or now_s)
    wait_s = max((first.until_s or now_s) - now_s, LEAST_RETRY_AFTER_S)
    target = first.choice.target
    about = {"provider": target.provider, "model": target.id[:200]}
    if first.is_resting:
        message = f"{target.id} asked to be left alone for another {shown_s(wait_s)} s. Try again then."
        return errors.ProviderRateLimited(message, metadata=about, retry_after_s=wait_s)
    what = first.description.rstrip(".")
    message = (
        f"{target.id} is left alone for another {shown_s(wait_s)} s. {what}. Try again then, or name another model."
    )
    return errors.CircuitOpen(message, metadata=about, retry_after_s=wait_s)


def soonest_s(plan: Plan, failures: Sequence[errors.CallError], now_s: float) -> float | None:
    """Return when a target may answer again, as far as anybody has said."""
    told = [failure.retry_after_s for failure in failures if failure.retry_after_s is not None]
    alone = [one.until_s - now_s for one in plan.left_alone if one.until_s is not None]
    waits = [max(wait_s, LEAST_RETRY_AFTER_S) for wait_s in (*told, *alone)]
    return min(waits) if waits else None


def shown_s(wait_s: float) -> str:
    """Return a wait in seconds as people write it: whole seconds from ten on."""
    return f"{wait_s:.0f}" if wait_s >= 10 else f"{wait_s:.3g}"
