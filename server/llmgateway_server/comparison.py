"""Several models at once: each has a call of its own, and what they send is merged into one stream.

A model's call is a `StreamGenerate` like any other, under the comparison's id and the model's place; metrics and log
tell of it as of one. What befalls it is told in the stream, and the others go on.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Generic, Protocol, TypeVar

import msgspec
from llmgateway.v1 import compare_pb2, generation_pb2, stream_pb2

from llmgateway_server import errors
from llmgateway_server.call import Call, Outcome
from llmgateway_server.endings import (
    MAX_MESSAGE_BYTES,
    MAX_STATUS_BYTES,
    Observer,
    cut,
    failure_of,
    fit,
    meaning_of,
)

METHOD = "StreamGenerate"
# What the message around a failure takes: its tag and its length.
WRAPPING_BYTES = 8

T = TypeVar("T")
Generation = generation_pb2.GenerateRequest


class Account(Protocol):
    """What a model's call may spend."""

    def close(self) -> None: ...


A = TypeVar("A", bound=Account)
Generate = Callable[[Call, Generation, A | None], AsyncGenerator[stream_pb2.StreamGenerateResponse, None]]
# Opens an account for each call, all or none; None for one that is to find out itself why it cannot be made.
Open = Callable[[Call, Sequence[tuple[Call, Generation]]], Awaitable[Sequence[A | None]]]
Responses = AsyncGenerator[compare_pb2.CompareResponse, None]


class Comparison(Generic[A]):
    """Compares models. `open_all` opens the accounts of their calls, `generate` runs one of them, `observer` is told of
    it. `clock` is monotonic, in seconds.
    """

    def __init__(
        self, open_all: Open[A], generate: Generate[A], observer: Observer, clock: Callable[[], float]
    ) -> None:
        self._open_all = open_all
        self._generate = generate
        self._observer = observer
        self._clock = clock

    async def compare(self, call: Call, request: compare_pb2.CompareRequest) -> Responses:
        """Yield what the models send, each as it comes. Closing the stream ends them all."""
        call.outcome.requested_model = ", ".join(request.models)
        asked = [(call_of(call, index), generation_of(request, index)) for index in range(len(request.models))]
        accounts = await self._open_all(call, asked)
        try:
            streams = [
                self._run(call, own, generation, account, index)
                for index, ((own, generation), account) in enumerate(zip(asked, accounts, strict=True))
            ]
            async with aclosing(merge(streams)) as responses:
                async for response in responses:
                    yield response
        finally:
            for account in accounts:
                if account is not None:
                    account.close()

    async def _run(self, call: Call, own: Call, generation: Generation, account: A | None, index: int) -> Responses:
        """Yield what one model sends, and at last its failure if it fails."""
        error: errors.CallError | None = None
        self._observer.begin(METHOD)
        try:
            async with aclosing(self._generate(own, generation, account)) as messages:
                async for message in messages:
                    yield compare_pb2.CompareResponse(model_index=index, events=message)
        except BaseException as raised:
            # A rim of its own: a fault in one model's call must not end the others.
            error = meaning_of(raised, own.id, is_late=self._clock() >= own.deadline_s)
            if not isinstance(raised, Exception):
                raise
        finally:
            add_waits(call.outcome, own.outcome)
            self._observer.end(METHOD, own.id, own, self._clock() - own.accepted_s, error)
        if error is not None:
            yield compare_pb2.CompareResponse(model_index=index, failure=compare_failure(error, own.id))


def call_of(call: Call, index: int) -> Call:
    """Return the call of one of the models."""
    return msgspec.structs.replace(call, id=f"{call.id}-{index}", method=METHOD, outcome=Outcome())


def generation_of(request: compare_pb2.CompareRequest, index: int) -> generation_pb2.GenerateRequest:
    """Return what one of the models is asked."""
    generation = generation_pb2.GenerateRequest()
    generation.CopyFrom(request.generation)
    generation.model = request.models[index]
    return generation


def add_waits(comparison: Outcome, own: Outcome) -> None:
    """Add a model's waits to those of the comparison, which waits for all of them side by side."""
    comparison.waited_s = max(comparison.waited_s, own.waited_s)
    if own.first_content_s is not None:
        earliest_s = comparison.first_content_s
        comparison.first_content_s = own.first_content_s if earliest_s is None else min(earliest_s, own.first_content_s)


def compare_failure(error: errors.CallError, call_id: str) -> compare_pb2.CompareFailure:
    """Return what the status of the model's own stream would have told, no larger than a status may be."""
    told = compare_pb2.CompareFailure(
        code=int(error.code), reason=error.reason, message=cut(error.message, MAX_MESSAGE_BYTES)
    )
    failure = failure_of(error, call_id)
    fit(failure, MAX_STATUS_BYTES - told.ByteSize() - WRAPPING_BYTES)
    told.failure.CopyFrom(failure)
    return told


async def merge(streams: Sequence[AsyncGenerator[T, None]]) -> AsyncGenerator[T, None]:
    """Yield what several streams yield, in the order in which it comes.

    Each stream is read in a task of its own, one item at a time, and read on only once that item has been taken: a slow
    reader holds them all up, a slow stream no other. Tasks and streams end with this generator.
    """
    arrived: asyncio.Queue[AsyncGenerator[T, None]] = asyncio.Queue()
    readings: dict[AsyncGenerator[T, None], asyncio.Task[T | None]] = {}

    def read_on(stream: AsyncGenerator[T, None]) -> None:
        reading = readings[stream] = asyncio.create_task(next_or_none(stream))
        reading.add_done_callback(lambda _: arrived.put_nowait(stream))

    try:
        for stream in streams:
            read_on(stream)
        while readings:
            stream = await arrived.get()
            item = readings.pop(stream).result()
            if item is not None:
                yield item
                read_on(stream)
    finally:
        for reading in readings.values():
            reading.cancel()
        # Side by side: one that takes its time to close holds no other open. Each has told of its own failures.
        await asyncio.gather(*(close(stream, readings.get(stream)) for stream in streams), return_exceptions=True)


async def next_or_none(stream: AsyncGenerator[T, None]) -> T | None:
    """Return the next item, None at the end: StopAsyncIteration cannot leave a task."""
    return await anext(stream, None)


async def close(stream: AsyncGenerator[T, None], reading: asyncio.Task[T | None] | None) -> None:
    """Close a stream once it is no longer read; before, it could not be closed."""
    if reading is not None:
        await asyncio.wait({reading})
    await stream.aclose()
