"""A call that answers with a stream of messages: begun when it is first wanted, cancelled when it is let go of."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Generic, Protocol, TypeVar

M = TypeVar("M")
Message = TypeVar("Message", covariant=True)


class MessageCall(Protocol[Message]):
    """What is asked of a call of the stub's."""

    def __aiter__(self) -> AsyncIterator[Message]: ...

    def cancel(self) -> bool: ...

    def done(self) -> bool: ...


class RunningCall(Generic[M]):
    """One call. `start` begins it; dropping the last reference to this cancels it."""

    def __init__(self, start: Callable[[], MessageCall[M]]) -> None:
        self._start = start
        self._call: MessageCall[M] | None = None
        self._messages: AsyncIterator[M] | None = None
        self.is_closed = False

    def __del__(self) -> None:
        # A call keeps itself alive by its own callbacks, until the garbage collector comes by.
        if self._call is not None and not self._call.done():
            self._call.cancel()

    def open(self) -> AsyncIterator[M]:
        """Begin the call, unless it has begun."""
        if self._messages is None:
            self._call = self._start()
            self._messages = aiter(self._call)
        return self._messages

    async def read(self) -> M:
        """Return the next message; raise `StopAsyncIteration` after the last one, `grpc.aio.AioRpcError`."""
        return await anext(self.open())

    def close(self) -> None:
        """Cancel the call unless it has ended."""
        self.is_closed = True
        if self._call is not None:
            self._call.cancel()
