"""One call's attempts: run a target, note what it took, and hand its answer or its error on.

A stream commits its call with the first event that bears content: until then its events are held back, and
its failure is the call's plain failure; after it, every failure but a time-out is `STREAM_BROKEN`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import TypeVar

from llmgateway.v1 import call_pb2, embedding_pb2, error_reason_pb2, generation_pb2, rerank_pb2, stream_pb2, usage_pb2

from llmgateway_server import errors, tokens
from llmgateway_server.attempts.doubts import Doubts
from llmgateway_server.call import Call, set_duration
from llmgateway_server.routing.plan import Target
from llmgateway_server.upstream.content import bears_content
from llmgateway_server.upstream.upstream import AttemptState, Upstream

Events = list[stream_pb2.GenerationEvent]
T = TypeVar("T", generation_pb2.GenerateResponse, embedding_pb2.EmbedResponse, rerank_pb2.RerankResponse)


class Attempts:
    """Runs calls at their targets. `clock` is the event loop's."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock

    async def generate(
        self, call: Call, request: generation_pb2.GenerateRequest, target: Target, upstream: Upstream
    ) -> generation_pb2.GenerateResponse:
        """Return the whole answer, with its warnings in `call` and its usage counted where none came."""
        state = AttemptState(call.deadline_s)
        response = await self._run(call, target, state, upstream.generate(request, target.model, state))
        doubts = Doubts(request)
        doubts.see_response(response)
        if doubts.warnings:
            response.call.warnings.extend(doubts.warnings)
        if is_uncounted(response.usage):
            count = tokens.estimate_candidates(response.candidates)
            response.usage.CopyFrom(counted_usage(tokens.estimate_generation(request), count))
        return response

    async def embed(
        self, call: Call, request: embedding_pb2.EmbedRequest, target: Target, upstream: Upstream
    ) -> embedding_pb2.EmbedResponse:
        """Return the vectors, with warnings in `call` and usage counted where none came."""
        state = AttemptState(call.deadline_s)
        response = await self._run(call, target, state, upstream.embed(request, target.model, state))
        if is_uncounted(response.usage):
            response.usage.CopyFrom(counted_usage(tokens.estimate_embedding(request), 0))
        return response

    async def rerank(
        self, call: Call, request: rerank_pb2.RerankRequest, target: Target, upstream: Upstream
    ) -> rerank_pb2.RerankResponse:
        """Return the documents' relevance, with warnings in `call` and usage counted where none came."""
        state = AttemptState(call.deadline_s)
        response = await self._run(call, target, state, upstream.rerank(request, target.model, state))
        if is_uncounted(response.usage):
            response.usage.CopyFrom(counted_usage(tokens.estimate_rerank(request), 0))
        return response

    async def count_tokens(
        self, call: Call, request: generation_pb2.GenerateRequest, target: Target, upstream: Upstream
    ) -> int | None:
        """Return the provider's own count of a prompt's tokens; None where it has no way to count."""
        state = AttemptState(call.deadline_s)
        attempt = Attempt(self._clock, call, target, state)
        try:
            return await upstream.count_tokens(request, target.model, state)
        except errors.CallError as error:
            attempt.fail(error, error.reason)
            raise
        finally:
            if state.http_status:
                attempt.close()

    async def _run(self, call: Call, target: Target, state: AttemptState, answer: Awaitable[T]) -> T:
        attempt = Attempt(self._clock, call, target, state)
        try:
            response = await answer
        except errors.CallError as error:
            attempt.fail(error, error.reason)
            raise
        finally:
            attempt.close()
        if state.warnings:
            response.call.warnings.extend(state.warnings)
        return response

    async def stream(
        self, call: Call, request: generation_pb2.GenerateRequest, target: Target, upstream: Upstream
    ) -> AsyncGenerator[Events, None]:
        """Yield the events of the answer, the first ones together with the one that commits the call."""
        state = AttemptState(call.deadline_s)
        attempt = Attempt(self._clock, call, target, state)
        delivery, doubts = Delivery(), Doubts(request)
        try:
            async with aclosing(upstream.stream(request, target.model, state)) as stream:
                held: Events = []
                async for events in stream:
                    if state.warnings and events[0].HasField("started"):
                        events[0].started.call.warnings.extend(state.warnings)
                    doubts.see_events(events)
                    if not delivery.has_begun:
                        held += events
                        if not any(bears_content(event) for event in events):
                            continue
                        events = held  # noqa: PLW2901  # what was held goes out with the content
                        call.outcome.first_content_s = self._clock() - call.accepted_s
                    delivery.add(events)
                    if events[-1].HasField("finished"):
                        finished = events[-1].finished
                        finished.call.warnings.extend((*state.warnings, *doubts.warnings))
                        if is_uncounted(finished.usage):
                            finished.usage.CopyFrom(delivery.usage(request))
                        attempt.close()
                    yield events
            if not attempt.is_closed:
                metadata = {"provider": target.provider}
                message = f"The stream of {target.id} ended before it was finished."
                raise errors.ProviderBadResponse(message, metadata=metadata, http_status=state.http_status)
        except errors.CallError as error:
            failure = break_off(error, target) if delivery.has_begun else error
            if delivery.has_begun:
                failure.started = True
                failure.usage = delivery.usage(request)
            attempt.fail(failure, error.reason)
            if failure is error:
                raise
            raise failure from error
        finally:
            attempt.close()


class Attempt:
    """Writes one attempt down in its call's outcome, once, however it ends."""

    def __init__(self, clock: Callable[[], float], call: Call, target: Target, state: AttemptState) -> None:
        self._clock = clock
        self._call = call
        self._target = target
        self._state = state
        self._started_s = clock()
        self.is_closed = False

    def fail(self, failure: errors.CallError, reason: error_reason_pb2.ErrorReason.ValueType) -> None:
        """Close the attempt with `reason`, and show it in the error that ends the call."""
        self.close(reason)
        failure.attempts = list(self._call.outcome.attempts)

    def close(self, reason: error_reason_pb2.ErrorReason.ValueType = errors.Reason.ERROR_REASON_UNSPECIFIED) -> None:
        """Note target, time and status. Later calls change nothing."""
        if self.is_closed:
            return
        self.is_closed = True
        attempt = call_pb2.Attempt(
            provider=self._target.provider,
            model=self._target.model,
            kind=call_pb2.Attempt.KIND_FIRST,
            http_status=self._state.http_status,
            error_reason=reason,
        )
        set_duration(attempt.latency, self._clock() - self._started_s)
        outcome = self._call.outcome
        outcome.attempts.append(attempt)
        outcome.waited_s += self._state.waited_s


class Delivery:
    """How much of a stream has been passed on, for the account of one whose usage never came."""

    def __init__(self) -> None:
        self.has_begun = False
        self._characters = 0
        self._usage: usage_pb2.Usage | None = None

    def add(self, events: Events) -> None:
        """Count what `events` bring."""
        self.has_begun = True
        for event in events:
            kind = event.WhichOneof("event")
            if kind == "part_delta":
                delta = event.part_delta
                self._characters += len(delta.text) + len(delta.arguments_json)
            elif kind == "started" and event.started.HasField("usage"):
                self._usage = event.started.usage

    def usage(self, request: generation_pb2.GenerateRequest) -> usage_pb2.Usage:
        """Return what the provider said by now, else a count of what was passed on."""
        if self._usage is not None and self._usage.output_token_count:
            return self._usage
        return counted_usage(tokens.estimate_generation(request), -(-self._characters // tokens.BYTES_PER_TOKEN))


def is_uncounted(usage: usage_pb2.Usage) -> bool:
    """Whether the provider said nothing of usage."""
    return usage.source == usage_pb2.Usage.SOURCE_UNSPECIFIED


def counted_usage(input_token_count: int, output_token_count: int) -> usage_pb2.Usage:
    """Return a usage that says it is the gateway's own count."""
    return usage_pb2.Usage(
        input_token_count=input_token_count,
        output_token_count=output_token_count,
        source=usage_pb2.Usage.SOURCE_COUNTED,
    )


def break_off(error: errors.CallError, target: Target) -> errors.CallError:
    """Return what an error means after content has been sent: a time-out stays one, all else breaks the stream."""
    if error.code == errors.Code.DEADLINE_EXCEEDED:
        return error
    message = f"The stream of {target.id} broke off; trying again means paying again. {error.message}"
    return errors.StreamBroken(
        message,
        metadata={**error.metadata, "provider": target.provider},
        provider_message=error.provider_message,
        http_status=error.http_status,
        retry_after_s=error.retry_after_s,
    )
