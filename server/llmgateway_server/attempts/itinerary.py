"""Which attempt a call makes next: pure decisions over a plan, what is known of health, and what failed so far.

A 5xx is tried once more at its target, if the target's retry budget allows; else the next target is. Once all have
been tried, those whose failure may pass are tried again after a pause, as far as attempts, budget and deadline go.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from llmgateway.v1 import call_pb2

from llmgateway_server import errors
from llmgateway_server.attempts.failures import failure_of_call, nothing_healthy
from llmgateway_server.attempts.verdict import Health, Next, Verdict, judge
from llmgateway_server.routing.ask import Clocks
from llmgateway_server.routing.health import HealthBook, Standing, TargetHealth, is_full
from llmgateway_server.routing.plan import Plan
from llmgateway_server.routing.routes import Choice

Kind = call_pb2.Attempt.Kind
# Looked up once: the wrapper of an enum looks each name up anew.
FIRST, RETRY, FALLBACK = Kind.KIND_FIRST, Kind.KIND_RETRY, Kind.KIND_FALLBACK

# The pause before a second try: drawn between half of it and all of it, doubled each time.
FIRST_PAUSE_S = 0.2
MAX_PAUSE_S = 4.0
# A provider that asks for a longer rest than this is not waited for: the caller is told when to come back.
MAX_WAIT_S = 5.0


REHEARSED = Verdict(Next.OTHER, Health.NOTHING)


class Step(msgspec.Struct, frozen=True):
    """One attempt to make: where, with which of the provider's keys, after which pause, and why.

    `health` is what is known of the target.
    """

    choice: Choice
    health: TargetHealth
    key_index: int
    kind: Kind.ValueType
    pause_s: float = 0.0
    is_probe: bool = False


class Failed(msgspec.Struct, frozen=True):
    """One attempt that failed, and what follows from it."""

    step: Step
    error: errors.CallError
    verdict: Verdict


class Itinerary:
    """Decides for one call. `first` gives the first step, `after` what comes after a failure; both raise its error."""

    def __init__(self, plan: Plan, health: HealthBook, clocks: Clocks, deadline_s: float) -> None:
        self._plan = plan
        self._health = health
        self._clocks = clocks
        self._deadline_s = deadline_s
        self._failed: list[Failed] = []
        self._skipped: list[errors.CallError] = []
        self._queue: list[Choice] = list(plan.choices)
        self._full: list[Step] = []
        self._made = 0

    @property
    def has_other(self) -> bool:
        """Whether there is another target to go to, were this one to fail."""
        return bool(self._queue or self._full)

    def first(self) -> Step:
        """Return the first attempt; raise why there is none to make."""
        if self._queue:
            # Mostly all is well with the first target: then there is nothing to weigh.
            choice = self._queue[0]
            health = self._health.of(choice.target)
            is_alone = len(self._queue) == 1
            if choice.profile.key_count == 1 and self._health.is_quiet and (is_alone or not is_full(health.room)):
                del self._queue[0]
                return Step(choice, health, 0, FIRST)
        step = self._next_target(FIRST)
        if step is None:
            raise nothing_healthy(self._plan, self._clocks.monotonic_s())
        return step

    def after(self, step: Step, error: errors.CallError) -> Step:
        """Return the attempt to make after one that failed; raise the call's own failure where there is none.

        What was rehearsed would only fail again: it is tried at other targets alone.
        """
        verdict = judge(error)
        if error.is_rehearsed and verdict.is_repeatable:
            verdict = REHEARSED
        now_s = self._clocks.monotonic_s()
        if verdict.next is Next.SKIP:
            self._skipped.append(error)
        else:
            self._made += 1
            self._failed.append(Failed(step, error, verdict))
        if verdict.next is Next.NONE or now_s >= self._deadline_s or self._made >= self._plan.route.most_attempts:
            raise self._give_up()
        following = self._following(step, error, verdict, now_s)
        if following is None or now_s + following.pause_s >= self._deadline_s:
            raise self._give_up()
        return following

    def _following(self, step: Step, error: errors.CallError, verdict: Verdict, now_s: float) -> Step | None:
        if verdict.next is Next.LARGER:
            self._queue = larger_than(step.choice, self._queue)
            return self._next_target(FALLBACK)
        if verdict.next is Next.UNFILTERED:
            self._queue = [choice for choice in self._plan.content_filter if not self._was_tried(choice)]
            return self._next_target(FALLBACK)
        if verdict.next is Next.KEY and (another := self._other_key(step, now_s)) is not None:
            return another
        if verdict.next is Next.SAME and error.retry_after_s is None and self._tries_at(step.choice) == 1:
            again = self._again([self._failed[-1]], now_s)
            if again is not None:
                return again
        kind = FALLBACK if self._made else FIRST
        return self._next_target(kind) or self._again(self._failed, now_s)

    def _next_target(self, kind: Kind.ValueType) -> Step | None:
        """Return a step to the first target of the queue that can be called now; those before it are dropped.

        Where all that could be called run as many calls as they may, it is the first of them: the call waits there.
        """
        now_s = self._clocks.monotonic_s()
        while self._queue:
            choice = self._queue.pop(0)
            health = self._health.of(choice.target)
            standing = self._health.standing(
                choice.target, choice.profile.key_count, choice.breaker, now_s, self._plan.preferred_key(choice)
            )
            if standing.key_index is None and not self._is_tried_all_the_same(choice, standing):
                continue
            step = Step(choice, health, standing.key_index or 0, kind, is_probe=standing.is_probe)
            if is_full(health.room):
                self._full.append(step)
            else:
                return step
        return self._full.pop(0) if self._full else None

    def _is_tried_all_the_same(self, choice: Choice, standing: Standing) -> bool:
        """Whether a target that had better be left alone is tried: all others are worse off, or a rest was a guess."""
        return choice in self._plan.forced if standing.is_open else not standing.is_told

    def _other_key(self, step: Step, now_s: float) -> Step | None:
        """Return a step with another key of the same provider; the one that failed is out or at rest by now."""
        choice = step.choice
        if choice.profile.key_count == 1 or self._tries_at(choice) >= max(choice.profile.most_tries, 2):
            return None
        standing = self._health.standing(choice.target, choice.profile.key_count, choice.breaker, now_s)
        if standing.key_index is None or standing.key_index == step.key_index:
            return None
        return Step(choice, step.health, standing.key_index, RETRY)

    def _again(self, candidates: Sequence[Failed], now_s: float) -> Step | None:
        """Return a second try at the first of some targets that may be tried again, after a pause."""
        for failed in candidates:
            choice, health = failed.step.choice, failed.step.health
            if not failed.verdict.is_repeatable or self._tries_at(choice) >= choice.profile.most_tries:
                continue
            if choice.breaker.enabled and health.circuit.is_open(now_s):
                continue
            pause_s = self._pause_s(failed)
            if pause_s is None or now_s + pause_s >= self._deadline_s:
                continue
            if health.budget.take(choice.retry_share, now_s):
                return Step(choice, health, failed.step.key_index, RETRY, pause_s)
        return None

    def _pause_s(self, failed: Failed) -> float | None:
        """Return how long to wait before a second try; None where the provider asks for more than is waited."""
        exponential_s = min(FIRST_PAUSE_S * 2.0 ** (self._tries_at(failed.step.choice) - 1), MAX_PAUSE_S)
        jittered_s = exponential_s * (0.5 + 0.5 * self._clocks.random())
        asked_s = failed.error.retry_after_s
        if asked_s is None:
            return jittered_s
        # A little more than was asked: whoever comes at the very moment is often too early.
        return None if asked_s > MAX_WAIT_S else asked_s + jittered_s / 4

    def _tries_at(self, choice: Choice) -> int:
        return sum(failed.step.choice.target == choice.target for failed in self._failed)

    def _was_tried(self, choice: Choice) -> bool:
        return self._tries_at(choice) > 0

    def _give_up(self) -> errors.CallError:
        now_s, failures = self._clocks.monotonic_s(), [failed.error for failed in self._failed]
        return failure_of_call(self._plan, failures, self._skipped, now_s, is_late=now_s >= self._deadline_s)


def larger_than(choice: Choice, others: Sequence[Choice]) -> list[Choice]:
    """Return the targets that are known to read more than one; where that is unknown, those known to read at all much.

    A target of which nothing is known may be smaller: it is not tried.
    """
    least = choice.profile.context_token_count
    return [other for other in others if other.profile.context_token_count > least]
