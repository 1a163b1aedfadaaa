"""One attempt: written down in its call's outcome, and told to its target's health, once, however it ends."""

from __future__ import annotations

from llmgateway.v1 import call_pb2, error_reason_pb2, generation_pb2, usage_pb2

from llmgateway_server import errors
from llmgateway_server.attempts.itinerary import RETRY, Step
from llmgateway_server.attempts.verdict import Health, judge
from llmgateway_server.call import Call, set_duration
from llmgateway_server.quota.booking import NEVER_SENT, Booking
from llmgateway_server.quota.outcomes import is_free
from llmgateway_server.routing.ask import Clocks
from llmgateway_server.routing.health import HealthBook
from llmgateway_server.routing.plan import Plan
from llmgateway_server.routing.sticky import StickyBook, lifetime_s
from llmgateway_server.upstream.upstream import AttemptState

UNSPECIFIED = errors.Reason.ERROR_REASON_UNSPECIFIED


class Books:
    """What attempts learn from and add to. Outlives every configuration."""

    __slots__ = ("clocks", "health", "sticky")

    def __init__(self, clocks: Clocks, health: HealthBook, sticky: StickyBook) -> None:
        self.clocks = clocks
        self.health = health
        self.sticky = sticky


# What the ledger calls an attempt whose caller left.
LEFT = "caller_left"


class Attempt:
    """One try at one target, from its dispatch to its end."""

    def __init__(
        self, books: Books, call: Call, plan: Plan, step: Step, state: AttemptState, booking: Booking | None = None
    ) -> None:
        self._books = books
        self._call = call
        self._plan = plan
        self._step = step
        self._state = state
        self._booking = booking
        self._started_s = books.clocks.monotonic_s()
        self._first_content_s: float | None = None
        self._is_closed = False
        target = step.choice.target
        books.health.begin(target, step.key_index, step.choice.breaker, self._started_s)
        if step.kind != RETRY:
            step.health.budget.note_call(self._started_s)
        call.outcome.provider, call.outcome.model = target.provider, target.model

    @property
    def is_closed(self) -> bool:
        """Whether it has been told how it ended."""
        return self._is_closed

    def see_first_content(self) -> None:
        """Note that a stream has content now."""
        now_s = self._books.clocks.monotonic_s()
        self._first_content_s = now_s
        self._call.outcome.first_content_s = now_s - self._call.accepted_s

    def succeed(self, usage: usage_pb2.Usage | None = None) -> None:
        """Close the attempt as one that answered, and say in `usage` what it cost."""
        if self._is_closed:
            return
        self._close_well(self._note(UNSPECIFIED, self._book_answer(usage)), usage)

    def _close_well(self, now_s: float, usage: usage_pb2.Usage | None) -> None:
        """Tell the target's health that it was well."""
        target = self._step.choice.target
        health, books = self._step.health, self._books
        books.health.note_success(target, self._step.key_index, now_s)
        if self._state.spent_for_s is not None:
            books.health.note_spent(target, self._step.key_index, self._state.spent_for_s, now_s)
        begun_s = self._started_s
        if self._first_content_s is None:
            health.whole.add(now_s - self._started_s, now_s)
        else:
            health.first_content.add(self._first_content_s - self._started_s, now_s)
            begun_s = self._first_content_s
        if usage is not None and usage.output_token_count and now_s > begun_s:
            health.throughput.add(usage.output_token_count / (now_s - begun_s), now_s)

    def stick(self, request: generation_pb2.GenerateRequest) -> None:
        """Remember for the next turn of the conversation where this one went."""
        if self._plan.thread is not None:
            step = self._step
            lasting_s = lifetime_s(request, step.choice.profile.prompt_cache_s)
            self._books.sticky.remember(self._plan.thread, step.choice.target, step.key_index, lasting_s)

    def fail(self, error: errors.CallError, usage: usage_pb2.Usage | None = None) -> None:
        """Close the attempt as one that failed by `error`, which is the provider's or the timer's own.

        `usage` is what is known of what was used by then.
        """
        if self._is_closed:
            return
        now_s = self._note(error.reason, self._book_failure(error.reason_word, usage))
        books, step, target = self._books, self._step, self._step.choice.target
        verdict = judge(error)
        is_call_s_end = error.code == errors.Code.DEADLINE_EXCEEDED and now_s >= self._call.deadline_s
        if verdict.health is Health.NOTHING or self._state.is_rehearsed or is_call_s_end:
            self._release_probe(now_s)
        elif verdict.health is Health.ILL:
            books.health.note_failure(target, step.choice.breaker, now_s)
        elif verdict.health is Health.REST:
            books.health.note_rest(target, step.key_index, error.retry_after_s, now_s)
            self._release_probe(now_s)
        else:
            books.health.note_key_refused(
                target, step.key_index, step.choice.profile.key_count, step.choice.breaker, now_s
            )

    def abandon(self, usage: usage_pb2.Usage | None = None, written_token_count: int | None = None) -> None:
        """Close an attempt whose caller left: if content came, its target was well. `usage` is as for `fail`.

        Of a stream at most `written_token_count` tokens have come.
        """
        if self._is_closed:
            return
        cost = self._book_failure(LEFT, usage, written_token_count)
        if self._first_content_s is not None:
            self._close_well(self._note(UNSPECIFIED, cost), None)
            return
        self._release_probe(self._note(UNSPECIFIED, cost))

    def forget(self) -> None:
        """Close an attempt that was never sent: its target cannot take the request."""
        self._is_closed = True
        if self._booking is not None:
            self._booking.free(NEVER_SENT)
        self._release_probe(self._books.clocks.monotonic_s())

    def _book_answer(self, usage: usage_pb2.Usage | None) -> int | None:
        """Book what an answer used; return what it cost, None if that is unknown."""
        if self._booking is None or usage is None:
            return None
        first_s = None if self._first_content_s is None else self._first_content_s - self._started_s
        cost = self._booking.answered(usage, self._state.http_status, first_s)
        if cost is not None and not usage.HasField("cost_usd_nanos"):
            usage.cost_usd_nanos = cost
        return cost

    def _book_failure(
        self, outcome: str, usage: usage_pb2.Usage | None, written_token_count: int | None = None
    ) -> int | None:
        """Book a failure; return what it is booked at, None if that is unknown."""
        state = self._state
        if self._booking is None:
            return None
        if not state.is_sent or is_free(
            state.http_status, is_server_error_free=self._step.choice.profile.is_server_error_free
        ):
            self._booking.free(outcome, state.http_status)
            return None
        first_s = None if self._first_content_s is None else self._first_content_s - self._started_s
        if written_token_count is not None and self._booking.terms.on_cancel == "nothing":
            self._booking.free(outcome, state.http_status)
            return None
        return self._booking.failed(outcome, state.http_status, usage, first_s, written_token_count)

    def _release_probe(self, now_s: float) -> None:
        if self._step.is_probe:
            self._books.health.release_probe(self._step.choice.target, self._step.key_index, now_s)

    def _note(self, reason: error_reason_pb2.ErrorReason.ValueType, cost_usd_nanos: int | None) -> float:
        """Write target, time and status down; return the time."""
        self._is_closed = True
        now_s, target = self._books.clocks.monotonic_s(), self._step.choice.target
        attempt = call_pb2.Attempt(
            provider=target.provider,
            model=target.model,
            kind=self._step.kind,
            http_status=self._state.http_status,
            error_reason=reason,
        )
        set_duration(attempt.latency, now_s - self._started_s)
        if cost_usd_nanos is not None:
            attempt.cost_usd_nanos = cost_usd_nanos
        outcome = self._call.outcome
        outcome.attempts.append(attempt)
        outcome.waited_s += self._state.waited_s
        return now_s
