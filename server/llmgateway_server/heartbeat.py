"""Heartbeats of a stream whose caller asked for them: signs of life while the model is silent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from llmgateway.v1 import stream_pb2

Events = list[stream_pb2.GenerationEvent]


async def with_heartbeats(stream: AsyncGenerator[Events, None], interval_s: float) -> AsyncGenerator[Events, None]:
    """Yield what `stream` yields, and a lone heartbeat after each silence of `interval_s`.

    The stream is read in a task of its own, since a wait that a heartbeat interrupts must go on afterwards.
    The task ends with this generator.
    """
    pending: asyncio.Task[Events | None] | None = None
    try:
        while True:
            pending = asyncio.create_task(next_or_none(stream))
            while not (await asyncio.wait({pending}, timeout=interval_s))[0]:
                yield [stream_pb2.GenerationEvent(heartbeat=stream_pb2.Heartbeat())]
            events = pending.result()
            if events is None:
                return
            yield events
    finally:
        if pending is not None and not pending.done():
            pending.cancel()
            await asyncio.wait({pending})
        await stream.aclose()


async def next_or_none(stream: AsyncGenerator[Events, None]) -> Events | None:
    """Return the next events, None at the end: StopAsyncIteration cannot leave a task."""
    return await anext(stream, None)
