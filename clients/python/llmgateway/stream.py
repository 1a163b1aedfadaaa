"""A generation as it is written, event by event."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Callable
from types import TracebackType

import grpc

from llmgateway.errors import Explain, GatewayError, StreamBrokenError, as_it_is, error_from_rpc
from llmgateway.fold import Fold, GrammarError
from llmgateway.running import MessageCall, RunningCall
from llmgateway.v1 import generation_pb2, stream_pb2

# What shows that content has come: see `GatewayError.started`.
CONTENT = frozenset({"part_started", "part_delta", "part_finished", "candidate_finished", "finished"})


class GenerationStream:
    """The events of one generation, one by one. Single use.

    It starts with `async with` or with the first event. Leaving the `async with` early cancels the call, and the
    provider stops working; so does dropping the last reference to the stream.

        async with client.stream("Hello", model="mock/echo") as stream:
            async for text in stream.text():
                print(text, end="")
        print(stream.response.usage)

    Events of a kind that this client does not know come with no `WhichOneof("event")`: skip them.
    """

    def __init__(
        self, start: Callable[[], MessageCall[stream_pb2.StreamGenerateResponse]], explain: Explain = as_it_is
    ) -> None:
        self._call = RunningCall(start)
        self._explain = explain
        self._events: deque[stream_pb2.GenerationEvent] = deque()
        self._fold = Fold()
        self._content_came = False

    @property
    def response(self) -> generation_pb2.GenerateResponse:
        """What the events so far add up to: the whole answer once the stream has ended."""
        return self._fold.response

    @property
    def is_finished(self) -> bool:
        """Whether the last event has come: `response` is the whole answer."""
        return self._fold.is_finished

    async def __aenter__(self) -> GenerationStream:
        self._call.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Cancel the call unless it has ended. No event comes afterwards."""
        self._events.clear()
        self._call.close()

    def __aiter__(self) -> AsyncIterator[stream_pb2.GenerationEvent]:
        return self

    async def __anext__(self) -> stream_pb2.GenerationEvent:
        """Return the next event; raise a `GatewayError` if the call fails."""
        if self._call.is_closed:
            raise RuntimeError("The stream is closed: read it inside its `async with`.")
        while not self._events:
            message = await self._read()
            if message is None:
                raise StopAsyncIteration
            self._events.extend(message.events)
        event = self._events.popleft()
        self._add(event)
        return event

    async def text(self, candidate_index: int = 0) -> AsyncIterator[str]:
        """Yield the answer's text in pieces as it comes: that of text parts, without reasoning or refusals."""
        open_texts: set[int] = set()
        async for event in self:
            if event.candidate_index != candidate_index:
                continue
            piece = ""
            if event.HasField("part_started") and event.part_started.part.HasField("text"):
                open_texts.add(event.part_started.index)
                piece = event.part_started.part.text
            elif event.HasField("part_delta") and event.part_delta.index in open_texts:
                piece = event.part_delta.text
            if piece:
                yield piece

    async def collect(self) -> generation_pb2.GenerateResponse:
        """Read to the end and return the whole answer."""
        async for _ in self:
            pass
        return self.response

    async def _read(self) -> stream_pb2.StreamGenerateResponse | None:
        """Return the next message, None at the end of a whole answer."""
        try:
            return await self._call.read()
        except StopAsyncIteration:
            if not self._fold.is_finished:
                raise self._broken("The stream ended without its last event.") from None
            return None
        except grpc.aio.AioRpcError as error:
            raise await self._explain(error_from_rpc(error, content_came=self._content_came)) from error

    def _add(self, event: stream_pb2.GenerationEvent) -> None:
        try:
            self._fold.add(event)
        except GrammarError as error:
            self.close()
            raise self._broken(f"The stream makes no sense: {error}.") from error
        if not self._content_came and event.WhichOneof("event") in CONTENT:
            self._content_came = True

    def _broken(self, message: str) -> GatewayError:
        return StreamBrokenError(
            message,
            code=grpc.StatusCode.INTERNAL,
            call_id=self._fold.response.call.call_id,
            started=self._content_came,
        )
