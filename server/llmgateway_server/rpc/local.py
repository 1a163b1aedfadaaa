"""The in-process stub: the generated async stub's interface, bound to the rim without a socket.

The REST shim calls it as it would call a channel's stub. It raises the same `grpc.aio.AioRpcError` with the
same trailing metadata, honours the same time-outs, and is cancelled in the same ways. Where it differs from a
channel: a unary call begins when it is awaited, runs in its caller's task, and passes messages on as they
are; a reader must not change them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterable
from typing import Any

import grpc
from google.protobuf.message import Message

from llmgateway_server.rpc.methods import Method, StreamMethod, UnaryMethod
from llmgateway_server.rpc.rim import Failure, Peer, Rim
from llmgateway_server.rpc.status import grpc_code, short_message, trailing_metadata

ADDRESS_KEY = "x-llmgateway-client-address"

EOF: Any = grpc.aio.EOF  # type: ignore[attr-defined]  # absent from the published stubs

RequestMetadata = Iterable[tuple[str, str | bytes]]


class LocalStub:
    """Stands in for `LLMGatewayAsyncStub`: one attribute for each RPC."""

    Generate: LocalUnary
    StreamGenerate: LocalStream
    Compare: LocalStream
    Embed: LocalUnary
    Rerank: LocalUnary
    CountTokens: LocalUnary
    ExplainRoute: LocalUnary
    GetModel: LocalUnary
    ListModels: LocalUnary

    def __init__(self, methods: Iterable[Method], rim: Rim, tasks: set[asyncio.Task[None]]) -> None:
        for method in methods:
            multi = LocalUnary(method, rim) if isinstance(method, UnaryMethod) else LocalStream(method, rim, tasks)
            setattr(self, method.name, multi)


class LocalUnary:
    """Makes unary calls of one RPC."""

    def __init__(self, method: UnaryMethod, rim: Rim) -> None:
        self._method = method
        self._rim = rim

    def __call__(
        self, request: Message, *, timeout: float | None = None, metadata: RequestMetadata | None = None
    ) -> LocalUnaryCall:
        return LocalUnaryCall(self._rim, self._method, request, timeout, tuple(metadata or ()))


class LocalStream:
    """Makes streaming calls of one RPC."""

    def __init__(self, method: StreamMethod, rim: Rim, tasks: set[asyncio.Task[None]]) -> None:
        self._method = method
        self._rim = rim
        self._tasks = tasks

    def __call__(
        self, request: Message, *, timeout: float | None = None, metadata: RequestMetadata | None = None
    ) -> LocalStreamCall:
        return LocalStreamCall(self._rim, self._method, request, timeout, tuple(metadata or ()), self._tasks)


class LocalCall:
    """What both kinds of call share: how they ended, and their metadata."""

    def __init__(self) -> None:
        self._failure: Failure | None = None
        self._is_done = False
        self._is_cancelled = False
        self._runner: asyncio.Task[Any] | None = None

    def done(self) -> bool:
        """Return whether the call has ended."""
        return self._is_done

    def cancelled(self) -> bool:
        """Return whether the call was cancelled."""
        return self._is_cancelled

    async def initial_metadata(self) -> grpc.aio.Metadata:
        """Return the metadata before the answer: none."""
        return grpc.aio.Metadata()

    async def trailing_metadata(self) -> grpc.aio.Metadata:
        """Return the metadata after the answer."""
        if self._failure is None:
            return grpc.aio.Metadata()
        return grpc.aio.Metadata(*trailing_metadata(self._failure.error, self._failure.call_id))

    async def code(self) -> grpc.StatusCode:
        """Return how the call ended, as far as it has."""
        if self._is_cancelled:
            return grpc.StatusCode.CANCELLED
        return grpc.StatusCode.OK if self._failure is None else grpc_code(self._failure.error)

    async def details(self) -> str:
        """Return the message of a call that failed."""
        return "" if self._failure is None else short_message(self._failure.error)

    def _interrupt(self) -> None:
        """Cancel the task that waits within the call, if there is one."""
        self._is_cancelled = True
        if self._runner is not None:
            self._runner.cancel()

    def _absorb_interrupt(self, runner: asyncio.Task[Any] | None) -> None:
        """The cancellation was of the call, not of the task that awaited it."""
        if self._is_cancelled and runner is not None:
            runner.uncancel()


class LocalUnaryCall(LocalCall):
    """One unary call. Await it once."""

    def __init__(
        self,
        rim: Rim,
        method: UnaryMethod,
        request: Message,
        timeout_s: float | None,
        metadata: tuple[tuple[str, str | bytes], ...],
    ) -> None:
        super().__init__()
        self._rim = rim
        self._method = method
        self._request = request
        self._timeout_s = timeout_s
        self._metadata = metadata

    def __await__(self) -> Generator[Any, None, Any]:
        return self._run().__await__()

    async def _run(self) -> Any:  # the RPC's response message
        if self._is_cancelled:
            raise asyncio.CancelledError
        self._runner = runner = asyncio.current_task()
        method = self._method
        try:
            return await self._rim.unary(
                method.name, self._metadata, self._timeout_s, self._request, method.handler, peer_of(self._metadata)
            )
        except Failure as failure:
            self._failure = failure
            raise rpc_error(failure) from failure
        except asyncio.CancelledError:
            self._absorb_interrupt(runner)
            self._is_cancelled = True
            raise
        finally:
            self._is_done, self._runner = True, None

    def cancel(self) -> bool:
        """Cancel the call: whoever awaits it gets `CancelledError`. Return whether it still ran."""
        if self._is_done:
            return False
        self._interrupt()
        return True


class LocalStreamCall(LocalCall):
    """One streaming call: iterate over it, or `read()` until `grpc.aio.EOF`; not both."""

    def __init__(
        self,
        rim: Rim,
        method: StreamMethod,
        request: Message,
        timeout_s: float | None,
        metadata: tuple[tuple[str, str | bytes], ...],
        tasks: set[asyncio.Task[None]],
    ) -> None:
        super().__init__()
        self._messages: AsyncGenerator[Any, None] = rim.stream(
            method.name, metadata, timeout_s, request, method.handler, peer_of(metadata)
        )
        self._tasks = tasks

    def __aiter__(self) -> AsyncIterator[Any]:
        return self._iterate()

    async def _iterate(self) -> AsyncIterator[Any]:
        while (message := await self.read()) is not EOF:
            yield message

    async def read(self) -> Any:  # the RPC's response message, or grpc.aio.EOF
        """Return the next message, `grpc.aio.EOF` after the last one."""
        if self._is_cancelled:
            raise asyncio.CancelledError
        if self._is_done:
            return EOF
        self._runner = runner = asyncio.current_task()
        try:
            return await anext(self._messages)
        except StopAsyncIteration:
            self._is_done = True
            return EOF
        except Failure as failure:
            self._failure, self._is_done = failure, True
            raise rpc_error(failure) from failure
        except asyncio.CancelledError:
            self._absorb_interrupt(runner)
            self._is_cancelled = self._is_done = True
            raise
        finally:
            self._runner = None

    def cancel(self) -> bool:
        """Cancel the call and close what runs for it. Return whether it still ran."""
        if self._is_done or self._is_cancelled:
            return False
        if self._runner is not None:
            self._interrupt()
            return True
        self._is_cancelled = self._is_done = True
        task = asyncio.get_running_loop().create_task(self._messages.aclose())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return True


def rpc_error(failure: Failure) -> grpc.aio.AioRpcError:
    """Return the error that a channel's stub would raise."""
    metadata = trailing_metadata(failure.error, failure.call_id)
    return grpc.aio.AioRpcError(
        grpc_code(failure.error),
        grpc.aio.Metadata(),
        grpc.aio.Metadata(*metadata),
        details=short_message(failure.error),
        debug_error_string=None,
    )


def peer_of(metadata: Iterable[tuple[str, str | bytes]]) -> Peer:
    """Return what tells the address of a call. Whoever calls in this process says it, and is believed."""

    def peer() -> str:
        return next((str(value) for key, value in metadata if key == ADDRESS_KEY), "")

    return peer
