"""The rim around every call: id, authentication, admission, deadline, errors, log line, metrics.

One plain function a shape of RPC, called by the gRPC servicer and by the in-process stub alike: what holds
over the network holds without one. It does not look into the payload.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Protocol, TypeVar

from llmgateway_server import errors
from llmgateway_server.auth.policy import check_bounds
from llmgateway_server.call import NANOS_PER_S, Call, Principal
from llmgateway_server.endings import Observer, meaning_of

Request = TypeVar("Request")
Response = TypeVar("Response")
Metadata = Iterable[tuple[str, str | bytes]]
# The address that a call comes from, without its port; empty where that is unknown.
Peer = Callable[[], str]

OVERLOADED_RETRY_AFTER_S = 1.0


def unknown() -> str:
    """Know no address."""
    return ""


class Authenticator(Protocol):
    """Finds out who calls. Raises `ApiKeyInvalid`.

    The handler of the same call takes its first step before anything else runs on the event loop: no reload of the
    configuration comes between the two.
    """

    def look_up(self, authorization: str | None) -> Principal: ...


@dataclass(frozen=True, slots=True)
class Clocks:
    """The clocks: the event loop's, in seconds, and the wall's, in nanoseconds since the epoch."""

    monotonic_s: Callable[[], float]
    wall_ns: Callable[[], int]


class Failure(Exception):  # noqa: N818  # it is an outcome with an id, not an error of its own
    """A call that failed, with the id that it ran under."""

    def __init__(self, call_id: str, error: errors.CallError) -> None:
        super().__init__(error.message)
        self.call_id = call_id
        self.error = error


class Rim:
    """Surrounds calls. Counts those that run, so that a stop can wait for them."""

    def __init__(
        self,
        authenticator: Authenticator,
        observer: Observer,
        clocks: Clocks,
        new_id: Callable[[], str],
        total_timeout_s: float,
        concurrent_calls: int,
    ) -> None:
        self._authenticator = authenticator
        self._observer = observer
        self._clocks = clocks
        self._new_id = new_id
        self._total_timeout_s = total_timeout_s
        self._concurrent_calls = concurrent_calls
        self._running = 0
        self._is_open = True
        self._idle = asyncio.Event()
        self._idle.set()

    async def unary(
        self,
        method: str,
        metadata: Metadata,
        timeout_s: float | None,
        request: Request,
        handler: Callable[[Call, Request], Awaitable[Response]],
        peer: Peer = unknown,
    ) -> Response:
        """Run one call; raise `Failure` for one that fails. Cancellation passes through."""
        call_id, started_s = self._begin(method)
        call: Call | None = None
        error: errors.CallError | None = None
        try:
            # Nothing may be awaited between these two: see `Authenticator`.
            call = self._admit(call_id, method, metadata, timeout_s, started_s, peer)
            return await handler(call, request)
        except BaseException as raised:
            error = self._explain(raised, call_id, call)
            if isinstance(raised, Exception):
                raise Failure(call_id, error) from raised
            raise
        finally:
            self._end(method, call_id, call, started_s, error)

    async def stream(
        self,
        method: str,
        metadata: Metadata,
        timeout_s: float | None,
        request: Request,
        handler: Callable[[Call, Request], AsyncGenerator[Response, None]],
        peer: Peer = unknown,
    ) -> AsyncGenerator[Response, None]:
        """Run one call that answers with a stream; raise `Failure` for one that fails."""
        call_id, started_s = self._begin(method)
        call: Call | None = None
        error: errors.CallError | None = None
        try:
            # Nothing may be awaited between these two: see `Authenticator`.
            call = self._admit(call_id, method, metadata, timeout_s, started_s, peer)
            async with aclosing(handler(call, request)) as messages:
                async for message in messages:
                    yield message
        except BaseException as raised:
            error = self._explain(raised, call_id, call)
            if isinstance(raised, Exception):
                raise Failure(call_id, error) from raised
            raise
        finally:
            self._end(method, call_id, call, started_s, error)

    def follow(self, total_timeout_s: float, concurrent_calls: int) -> None:
        """Bound the calls to come as another configuration says."""
        self._total_timeout_s = total_timeout_s
        self._concurrent_calls = concurrent_calls

    def close(self) -> None:
        """Refuse new calls from now on."""
        self._is_open = False

    async def wait_idle(self) -> None:
        """Return once no call runs."""
        await self._idle.wait()

    def _begin(self, method: str) -> tuple[str, float]:
        self._running += 1
        self._idle.clear()
        self._observer.begin(method)
        return self._new_id(), self._clocks.monotonic_s()

    def _admit(
        self, call_id: str, method: str, metadata: Metadata, timeout_s: float | None, started_s: float, peer: Peer
    ) -> Call:
        """Return the call, or raise why it may not run."""
        if not self._is_open:
            raise errors.ShuttingDown("The gateway is shutting down. Try again: another replica may answer.")
        principal = self._authenticator.look_up(authorization_of(metadata))
        if principal.expires_s is not None or principal.networks:
            check_bounds(principal, self._clocks.wall_ns() / NANOS_PER_S, peer())
        if self._running > self._concurrent_calls:
            raise errors.GatewayOverloaded(
                f"The gateway already runs {self._concurrent_calls} calls. Try again in a second.",
                retry_after_s=OVERLOADED_RETRY_AFTER_S,
            )
        allowed_s = self._total_timeout_s if timeout_s is None else min(timeout_s, self._total_timeout_s)
        return Call(
            id=call_id,
            method=method,
            principal=principal,
            accepted_s=started_s,
            accepted_at_ns=self._clocks.wall_ns(),
            deadline_s=started_s + allowed_s,
        )

    def _explain(self, raised: BaseException, call_id: str, call: Call | None) -> errors.CallError:
        """Return what an exception means to the caller."""
        is_late = call is not None and self._clocks.monotonic_s() >= call.deadline_s
        return meaning_of(raised, call_id, is_late=is_late)

    def _end(
        self, method: str, call_id: str, call: Call | None, started_s: float, error: errors.CallError | None
    ) -> None:
        self._running -= 1
        if self._running == 0:
            self._idle.set()
        self._observer.end(method, call_id, call, self._clocks.monotonic_s() - started_s, error)


def authorization_of(metadata: Metadata) -> str | None:
    """Return the value of `authorization`, None where it is absent or not text."""
    for key, value in metadata:
        if key == "authorization" and isinstance(value, str):
            return value
    return None
