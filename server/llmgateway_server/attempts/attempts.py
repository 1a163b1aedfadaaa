"""Makes a call's attempts: at one target after another until one answers, as the plan and the itinerary say.

A stream commits its call with the first event that bears content: until then its events are held back, and another
target may still answer in its place; after it, every failure but a time-out is `STREAM_BROKEN`, and nothing is tried.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, MutableMapping
from contextlib import aclosing
from typing import TypeVar

from cachetools import LRUCache
from llmgateway.v1 import call_pb2, embedding_pb2, generation_pb2, rerank_pb2, stream_pb2, usage_pb2

from llmgateway_server import errors
from llmgateway_server.attempts.attempt import Attempt, Books
from llmgateway_server.attempts.delivery import Delivery, Events, break_off, is_uncounted
from llmgateway_server.attempts.doubts import Doubts
from llmgateway_server.attempts.itinerary import FIRST, Itinerary, Step
from llmgateway_server.attempts.sending import prepare, send_embedding, send_generation, send_reranking
from llmgateway_server.attempts.timers import start_state
from llmgateway_server.call import Call
from llmgateway_server.errors import Reason
from llmgateway_server.quota.accounts import Account, Asked
from llmgateway_server.quota.booking import Booking
from llmgateway_server.quota.ceiling import with_ceiling
from llmgateway_server.quota.terms import Terms
from llmgateway_server.routing.ask import Request
from llmgateway_server.routing.health import Room
from llmgateway_server.routing.plan import Plan
from llmgateway_server.routing.routes import Choice
from llmgateway_server.routing.target import Target
from llmgateway_server.upstream.content import bears_content
from llmgateway_server.upstream.upstream import AttemptState, Upstream

Generation = generation_pb2.GenerateRequest
Sleep = Callable[[float], Awaitable[object]]
R = TypeVar("R", bound=Request)
T = TypeVar("T", generation_pb2.GenerateResponse, embedding_pb2.EmbedResponse, rerank_pb2.RerankResponse)
# What codecs and the gateway itself refuse a request for, before a provider hears of it.
NEVER_SENT = frozenset(
    {Reason.ERROR_REASON_CAPABILITY_MISSING, Reason.ERROR_REASON_INVALID_FIELD, Reason.ERROR_REASON_MODEL_NOT_ALLOWED}
)

MAX_TERMS = 4096
OPENAI = "openai"
Kind = call_pb2.Attempt.Kind
KIND_WORDS = {Kind.KIND_FIRST: "first", Kind.KIND_RETRY: "retry", Kind.KIND_FALLBACK: "fallback"}

Send = Callable[[Upstream, R, Plan, Choice, AttemptState], Awaitable[T]]


class Attempts:
    """Runs calls at the targets of their plans. `upstreams` are the providers by name; `sleep` is the event loop's."""

    def __init__(self, books: Books, upstreams: Mapping[str, Upstream], sleep: Sleep) -> None:
        self._books = books
        self._upstreams = upstreams
        self._sleep = sleep
        # Callers name models again and again, and what follows from a target's prices is worked out once.
        self._terms: LRUCache[Target, Terms] = LRUCache(MAX_TERMS)

    def generate(
        self, call: Call, request: Generation, plan: Plan, account: Account
    ) -> Awaitable[generation_pb2.GenerateResponse]:
        """Return the whole answer, with its warnings in `call` and its usage counted where none came."""
        return self._run(call, request, plan, account, send_generation)

    def embed(
        self, call: Call, request: embedding_pb2.EmbedRequest, plan: Plan, account: Account
    ) -> Awaitable[embedding_pb2.EmbedResponse]:
        """Return the vectors, with warnings in `call` and usage counted where none came."""
        return self._run(call, request, plan, account, send_embedding)

    def rerank(
        self, call: Call, request: rerank_pb2.RerankRequest, plan: Plan, account: Account
    ) -> Awaitable[rerank_pb2.RerankResponse]:
        """Return the documents' relevance, with warnings in `call` and usage counted where none came."""
        return self._run(call, request, plan, account, send_reranking)

    async def stream(
        self, call: Call, request: Generation, plan: Plan, account: Account
    ) -> AsyncGenerator[Events, None]:
        """Yield the events of the answer, the first ones together with the one that commits the call."""
        itinerary = self._itinerary(call, plan)
        step = itinerary.first()
        while True:
            room = step.health.room
            if not room.try_enter():
                await self._wait_for_room(call, room)
            try:
                async with aclosing(self._stream_once(call, request, plan, account, step, itinerary)) as batches:
                    async for events in batches:
                        yield events
                return
            except errors.CallError as error:
                if error.started:
                    raise
                following = next_step(itinerary, step, error, call)
            finally:
                room.leave()
            await self._pause(call, following)
            step = following

    def first_of(self, plan: Plan) -> Asked | None:
        """Return where the first attempt of a plan goes, if all is well there; None where nobody can tell."""
        if not plan.choices:
            return None
        choice = plan.choices[0]
        upstream = self._upstreams[choice.target.provider]
        return self._asked(upstream, plan, choice, FIRST)

    async def count_tokens(self, call: Call, request: Generation, plan: Plan) -> int | None:
        """Return the provider's own count of a prompt's tokens; None where it has no way to count."""
        itinerary = self._itinerary(call, plan)
        step = itinerary.first()
        while True:
            target, upstream = step.choice.target, self._upstreams[step.choice.target.provider]
            state = self._start(call, request, step, itinerary)
            attempt = Attempt(self._books, call, plan, step, state)
            try:
                counted = await upstream.count_tokens(request, target.model, state)
            except errors.CallError as error:
                close_failed(attempt, error, state)
                following = next_step(itinerary, step, error, call)
            else:
                if state.http_status:
                    attempt.succeed()
                else:
                    attempt.forget()  # nobody was asked
                return counted
            finally:
                attempt.abandon()
            await self._pause(call, following)
            step = following

    async def _run(self, call: Call, request: R, plan: Plan, account: Account, send: Send[R, T]) -> T:
        """Return the answer of the first target that gives one."""
        itinerary = self._itinerary(call, plan)
        step = itinerary.first()
        while True:
            room = step.health.room
            if not room.try_enter():
                await self._wait_for_room(call, room)
            try:
                return await self._send_once(call, request, plan, account, step, itinerary, send)
            except errors.CallError as error:
                following = next_step(itinerary, step, error, call)
            finally:
                room.leave()
            await self._pause(call, following)
            step = following

    async def _send_once(
        self,
        call: Call,
        request: R,
        plan: Plan,
        account: Account,
        step: Step,
        itinerary: Itinerary,
        send: Send[R, T],
    ) -> T:
        """Ask one target for a whole answer."""
        upstream = self._upstreams[step.choice.target.provider]
        booking = await account.reserve(self._asked(upstream, plan, step.choice, step.kind))
        state = self._start(call, request, step, itinerary, booking)
        attempt = Attempt(self._books, call, plan, step, state, booking)
        try:
            response = await send(upstream, request, plan, step.choice, state)
            attempt.succeed(response.usage)
        except errors.CallError as error:
            close_failed(attempt, error, state, error.usage)
            raise
        finally:
            attempt.abandon()
            state.release()
        if isinstance(request, Generation):
            attempt.stick(request)
        if state.warnings:
            response.call.warnings.extend(state.warnings)
        return response

    async def _stream_once(
        self, call: Call, request: Generation, plan: Plan, account: Account, step: Step, itinerary: Itinerary
    ) -> AsyncGenerator[Events, None]:
        """Yield the events of one target's answer, none before the one that commits the call."""
        target, upstream = step.choice.target, self._upstreams[step.choice.target.provider]
        booking = await account.reserve(self._asked(upstream, plan, step.choice, step.kind))
        state = self._start(call, request, step, itinerary, booking)
        attempt = Attempt(self._books, call, plan, step, state, booking)
        delivery, doubts = Delivery(), Doubts(request)
        is_finished = False
        try:
            asked = prepare(upstream, request, plan, step.choice, state)
            async with aclosing(upstream.stream(asked, target.model, state)) as stream:
                held: Events = []
                async for events in stream:
                    if events[0].HasField("started"):
                        add_history(events[0].started, call, state)
                    doubts.see_events(events)
                    if not delivery.has_begun:
                        held += events
                        if not any(bears_content(event) for event in events):
                            continue
                        events = held  # noqa: PLW2901  # what was held goes out with the content
                        attempt.see_first_content()
                    delivery.add(events)
                    if events[-1].HasField("finished"):
                        is_finished = True
                        finished = events[-1].finished
                        finished.call.warnings.extend((*state.warnings, *doubts.warnings))
                        if is_uncounted(finished.usage):
                            finished.usage.CopyFrom(delivery.usage(request))
                        attempt.succeed(finished.usage)
                        attempt.stick(request)
                    yield events
            if not is_finished:
                metadata = {"provider": target.provider}
                message = f"The stream of {target.id} ended before it was finished."
                raise errors.ProviderBadResponse(message, metadata=metadata, http_status=state.http_status)
        except errors.CallError as error:
            usage = delivery.usage(request) if delivery.has_begun else error.usage
            close_failed(attempt, error, state, usage)
            if not delivery.has_begun:
                raise
            failure = break_off(error, target)
            failure.started = True
            failure.usage = usage
            failure.attempts = list(call.outcome.attempts)
            raise failure from error
        finally:
            if not attempt.is_closed:
                usage = delivery.usage(request) if delivery.has_begun else None
                attempt.abandon(usage, delivery.most_output_token_count)
            state.release()

    def _itinerary(self, call: Call, plan: Plan) -> Itinerary:
        return Itinerary(plan, self._books.health, self._books.clocks, call.deadline_s)

    def _asked(self, upstream: Upstream, plan: Plan, choice: Choice, kind: Kind.ValueType) -> Asked:
        """Return what an attempt's account must know of it."""
        target, profile = choice.target, choice.profile
        terms = self._terms.get(target)
        if terms is None:
            terms = self._terms[target] = Terms(
                target.id,
                upstream.dialect_of(target.model),
                profile.prices,
                profile.context_token_count,
                profile.max_output_token_count,
                profile.on_cancel,
                profile.may_think,
            )
        # The name that callers know, wherever rules lead from there.
        route = "" if plan.ask.name == target.id else plan.ask.name
        limit = profile.default_output_limit
        return Asked(terms, target.provider, target.model, route, KIND_WORDS[kind], limit)

    def _start(
        self, call: Call, request: Request, step: Step, itinerary: Itinerary, booking: Booking | None = None
    ) -> AttemptState:
        now_s = self._books.clocks.monotonic_s()
        state = start_state(step, request, call.deadline_s, now_s, has_other=itinerary.has_other)
        if booking is not None:
            state.dispatch_by_s, state.clock = booking.dispatch_by_s, self._books.clocks.monotonic_s
            if isinstance(request, Generation):
                bind(request, booking, state)
        return state

    async def _wait_for_room(self, call: Call, room: Room) -> None:
        """Wait for room at a target that runs as many calls as it may, in turn with other keys."""
        await room.enter(call.principal.name, call.principal.weight, call.deadline_s)

    async def _pause(self, call: Call, step: Step) -> None:
        if step.pause_s > 0:
            call.outcome.waited_s += step.pause_s
            await self._sleep(step.pause_s)


def next_step(itinerary: Itinerary, step: Step, error: errors.CallError, call: Call) -> Step:
    """Return the attempt after one that failed; raise the call's own failure, with all attempts in it."""
    try:
        return itinerary.after(step, error)
    except errors.CallError as failure:
        failure.attempts = list(call.outcome.attempts)
        if failure is error:
            raise
        raise failure from error


def bind(request: Generation, booking: Booking, state: AttemptState) -> None:
    """Put into a request, for one attempt alone, what keeps its cost within what was reserved."""
    if booking.output_limit is not None:
        request.max_output_token_count = booking.output_limit
        state.undo.append(lambda: request.ClearField("max_output_token_count"))
        state.warnings.append(limit_warning(booking.output_limit))
    ceiling = booking.ceiling
    if ceiling is not None:
        options = request.provider_options_json
        before = options.get(OPENAI)
        options[OPENAI] = with_ceiling(before or "", ceiling)
        state.undo.append(lambda: restore(options, before))


def restore(options: MutableMapping[str, str], before: str | None) -> None:
    """Put a caller's own options back."""
    if before is None:
        options.pop(OPENAI, None)
    else:
        options[OPENAI] = before


def limit_warning(output_limit: int) -> call_pb2.Warning:
    """Say that an output limit was chosen."""
    description = f"No limit was given, and the call's cost is limited: at most {output_limit} tokens were asked for."
    return call_pb2.Warning(field="max_output_token_count", description=description)


def close_failed(
    attempt: Attempt, error: errors.CallError, state: AttemptState, usage: usage_pb2.Usage | None = None
) -> None:
    """Close an attempt that failed; one that was refused before anything was sent was never made."""
    error.is_rehearsed = state.is_rehearsed
    if not state.http_status and error.reason in NEVER_SENT:
        attempt.forget()
    else:
        attempt.fail(error, usage)


def add_history(started: stream_pb2.GenerationStarted, call: Call, state: AttemptState) -> None:
    """Say in a stream's first event what was left out of the request, and which attempts failed before."""
    if state.warnings:
        started.call.warnings.extend(state.warnings)
    if call.outcome.attempts:
        started.call.attempts.extend(call.outcome.attempts)
