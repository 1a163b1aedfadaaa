"""The client for programs without an event loop: the same calls, blocking. Thin: all work is the async client's."""

from __future__ import annotations

import asyncio
import functools
import threading
import weakref
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Generic, Protocol, Self, TypeVar, Unpack

from llmgateway.channel import DEFAULT_CHANNELS, DEFAULT_TARGET
from llmgateway.client import DEFAULT_TIMEOUT_S, Client
from llmgateway.compare import ComparedEvent, ComparedModel, Comparison
from llmgateway.request import Inputs, Prompt, PromptOptions
from llmgateway.stream import GenerationStream
from llmgateway.v1 import (
    count_tokens_pb2,
    embedding_pb2,
    explain_pb2,
    generation_pb2,
    model_pb2,
    rerank_pb2,
    stream_pb2,
)

T = TypeVar("T")
Item = TypeVar("Item", covariant=True)


class Loop:
    """An event loop in a thread of its own, begun with the first call."""

    def __init__(self) -> None:
        # The garbage collector may let go of a stream in the thread that holds it.
        self._lock = threading.RLock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._waited_for: set[Future[Any]] = set()  # Any: each has its own result

    def run(self, work: Coroutine[object, object, T]) -> T:
        """Return what `work` returns, or raise what it raises. Whatever interrupts the wait cancels the work."""
        future = asyncio.run_coroutine_threadsafe(work, self._begin())
        self._waited_for.add(future)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise
        finally:
            self._waited_for.discard(future)

    def soon(self, call: Callable[[], object]) -> None:
        """Have the loop make a call, without waiting for it; nothing where no loop runs."""
        with self._lock:
            if self._loop is not None:
                self._loop.call_soon_threadsafe(call)

    def stop(self, last: Callable[[], Coroutine[object, object, object]]) -> None:
        """End the loop and its thread after some last work; nothing where no loop runs.

        Called in the loop's own thread, as by the garbage collector, it does not wait for that end.
        """
        with self._lock:
            loop, thread, self._loop, self._thread = self._loop, self._thread, None, None
        if loop is None or thread is None:
            return

        async def end() -> None:
            try:
                await last()
            finally:
                loop.stop()

        asyncio.run_coroutine_threadsafe(end(), loop)
        if thread is not threading.current_thread():
            thread.join()

    def _begin(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                run = functools.partial(self._run_to_end, self._loop)
                self._thread = threading.Thread(target=run, name="llmgateway", daemon=True)
                self._thread.start()
            return self._loop

    def _run_to_end(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            loop.run_forever()
        finally:
            # Whoever still waits in another thread is to hear of it.
            for future in [*self._waited_for]:
                future.cancel()
            loop.close()


class Stream(Protocol[Item]):
    """What is asked of an async stream of the client's."""

    def __aiter__(self) -> AsyncIterator[Item]: ...

    async def __anext__(self) -> Item: ...

    def close(self) -> None: ...


Source = TypeVar("Source", bound=Stream[object])


async def next_of(items: AsyncIterator[T]) -> T | None:
    """Return the next item; None at the end, since a future cannot raise `StopAsyncIteration`'s twin."""
    return await anext(items, None)


class Blocking(Generic[Source]):
    """A stream of the async client's, read from outside of its loop."""

    def __init__(self, source: Source, loop: Loop) -> None:
        self._source = source
        self._loop = loop

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        # A call may be cancelled in its own thread only.
        self._loop.soon(self._source.close)

    def close(self) -> None:
        """Cancel the call unless it has ended. Nothing comes afterwards."""
        self._loop.soon(self._source.close)

    def _items(self, items: AsyncIterator[T]) -> Iterator[T]:
        while (item := self._loop.run(next_of(items))) is not None:
            yield item


class SyncGenerationStream(Blocking[GenerationStream]):
    """The events of one generation, one by one: `GenerationStream`, blocking. Single use.

    Leaving its `with` early cancels the call, and the provider stops working; so does dropping it.

        with client.stream("Hello", model="mock/echo") as stream:
            for text in stream.text():
                print(text, end="")
        print(stream.response.usage)
    """

    @property
    def response(self) -> generation_pb2.GenerateResponse:
        """What the events so far add up to: the whole answer once the stream has ended."""
        return self._source.response

    @property
    def is_finished(self) -> bool:
        """Whether the last event has come: `response` is the whole answer."""
        return self._source.is_finished

    def __iter__(self) -> Iterator[stream_pb2.GenerationEvent]:
        """Yield the next event; raise a `GatewayError` if the call fails."""
        return self._items(aiter(self._source))

    def text(self, candidate_index: int = 0) -> Iterator[str]:
        """Yield the answer's text in pieces as it comes: that of text parts, without reasoning or refusals."""
        return self._items(self._source.text(candidate_index))

    def collect(self) -> generation_pb2.GenerateResponse:
        """Read to the end and return the whole answer."""
        return self._loop.run(self._source.collect())


class SyncComparison(Blocking[Comparison]):
    """What several models write, event by event, each as it comes: `Comparison`, blocking. Single use."""

    @property
    def models(self) -> tuple[ComparedModel, ...]:
        """The models, each with what it has written by now, and how it ended."""
        return self._source.models

    def __iter__(self) -> Iterator[ComparedEvent]:
        """Yield what came next of any model; raise a `GatewayError` if the call as a whole fails."""
        return self._items(aiter(self._source))

    def collect(self) -> tuple[ComparedModel, ...]:
        """Read to the end and return the models, each with its answer or its error."""
        return self._loop.run(self._source.collect())


class SyncClient:
    """Calls a gateway, blocking: `Client` for programs without an event loop. Threads may share one.

        with SyncClient(key="…") as client:
            response = client.generate("Hello", model="mock/echo")

    Every argument, answer and error is as `Client` has it. It may be used where an event loop runs, too, which it
    then holds up. Ctrl-C cancels the call that is waited for.
    """

    def __init__(
        self,
        target: str = DEFAULT_TARGET,
        *,
        key: str | None = None,
        tls: bool = False,
        root_certificates: bytes | None = None,
        client_key: bytes | None = None,
        client_certificate: bytes | None = None,
        timeout_s: float | None = DEFAULT_TIMEOUT_S,
        channels: int = DEFAULT_CHANNELS,
    ) -> None:
        self._client = Client(
            target,
            key=key,
            tls=tls,
            root_certificates=root_certificates,
            client_key=client_key,
            client_certificate=client_certificate,
            timeout_s=timeout_s,
            channels=channels,
        )
        self._loop = Loop()
        # Also at the interpreter's end: a loop that is torn down while gRPC runs in it does not go quietly.
        self._finalizer = weakref.finalize(self, self._loop.stop, self._client.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the channel, and end the thread; running calls are cancelled. A closed client cannot be used again."""
        self._finalizer()

    def generate(
        self, prompt: Prompt, *, timeout_s: float | None = None, **options: Unpack[PromptOptions]
    ) -> generation_pb2.GenerateResponse:
        """Return a whole answer."""
        return self._run(self._client.generate(prompt, timeout_s=timeout_s, **options))

    def stream(
        self, prompt: Prompt, *, timeout_s: float | None = None, **options: Unpack[PromptOptions]
    ) -> SyncGenerationStream:
        """Return an answer as it is written. `timeout_s` bounds the stream as a whole."""
        self._check_open()
        return SyncGenerationStream(self._client.stream(prompt, timeout_s=timeout_s, **options), self._loop)

    def compare(
        self,
        prompt: Prompt,
        *,
        models: Sequence[str],
        timeout_s: float | None = None,
        **options: Unpack[PromptOptions],
    ) -> SyncComparison:
        """Return what 2 to 16 models answer, as each writes it. `timeout_s` bounds the comparison as a whole."""
        self._check_open()
        return SyncComparison(self._client.compare(prompt, models=models, timeout_s=timeout_s, **options), self._loop)

    def embed(
        self,
        inputs: Inputs,
        *,
        model: str = "",
        dimension_count: int | None = None,
        timeout_s: float | None = None,
    ) -> embedding_pb2.EmbedResponse:
        """Return a vector for each input: one text, several, or a whole `EmbedRequest`."""
        return self._run(self._client.embed(inputs, model=model, dimension_count=dimension_count, timeout_s=timeout_s))

    def rerank(
        self,
        query: str,
        documents: Sequence[str],
        *,
        model: str,
        result_count: int | None = None,
        timeout_s: float | None = None,
    ) -> rerank_pb2.RerankResponse:
        """Return how well documents answer a query, best first."""
        return self._run(
            self._client.rerank(query, documents, model=model, result_count=result_count, timeout_s=timeout_s)
        )

    def count_tokens(
        self, prompt: Prompt, *, timeout_s: float | None = None, **options: Unpack[PromptOptions]
    ) -> count_tokens_pb2.CountTokensResponse:
        """Return how many tokens a generation would read."""
        return self._run(self._client.count_tokens(prompt, timeout_s=timeout_s, **options))

    def explain(
        self, prompt: Prompt, *, timeout_s: float | None = None, **options: Unpack[PromptOptions]
    ) -> explain_pb2.ExplainRouteResponse:
        """Return where a generation would go now, and why. Nothing is sent to any model."""
        return self._run(self._client.explain(prompt, timeout_s=timeout_s, **options))

    def model(self, id: str, *, timeout_s: float | None = None) -> model_pb2.Model:  # noqa: A002  # the field's name
        """Return one model or route; raise `NotFoundError` where there is none of that name."""
        return self._run(self._client.model(id, timeout_s=timeout_s))

    def models(self, *, timeout_s: float | None = None) -> list[model_pb2.Model]:
        """Return all models and routes that the key may use. `timeout_s` bounds all pages together."""
        return self._run(self._client.models(timeout_s=timeout_s))

    def _run(self, work: Coroutine[object, object, T]) -> T:
        try:
            self._check_open()
        except RuntimeError:
            work.close()
            raise
        return self._loop.run(work)

    def _check_open(self) -> None:
        if not self._finalizer.alive:
            raise RuntimeError("The client is closed: make another.")
