"""What attempts see of a provider: one call at one model, whole or as a stream."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from typing import Protocol

from llmgateway.v1 import call_pb2, embedding_pb2, generation_pb2, model_pb2, rerank_pb2, stream_pb2

from llmgateway_server import errors
from llmgateway_server.config.resilience import TimeoutSettings

HELD_UP_RETRY_S = 0.1


@dataclass(slots=True)
class AttemptState:
    """What one attempt learns on its way. Owned by the attempt that made it, never shared.

    `deadline_s` is on a monotonic clock, in seconds. `timeouts` are those of the attempt, the provider's own where
    None; `waits_long` lets a stream be silent until the deadline before its first content. `key_index` says which of
    the provider's keys to use.

    `waited_s` is the time spent waiting for the provider: the rest of a call's time is the gateway's own. `http_status`
    is 0 until the provider answers. `spent_for_s` is how long the key's rate limit is used up by this very answer, as
    far as the provider says. `is_rehearsed` says that the caller asked for what happened: it tells nothing of health.

    `is_sent` is whether the provider was sent anything. An attempt that is reserved for must be sent by
    `dispatch_by_s`, by `clock`, which is monotonic: later its reservation may be lost. `undo` takes back
    what was changed in the request for this attempt alone.
    """

    deadline_s: float
    timeouts: TimeoutSettings | None = None
    waits_long: bool = False
    key_index: int = 0
    waited_s: float = 0.0
    http_status: int = 0
    spent_for_s: float | None = None
    is_rehearsed: bool = False
    warnings: list[call_pb2.Warning] = field(default_factory=list)
    is_sent: bool = False
    dispatch_by_s: float | None = None
    clock: Callable[[], float] = time.monotonic
    undo: list[Callable[[], None]] = field(default_factory=list)

    def dispatch(self) -> None:
        """Note that the request leaves now. Raise `StoreUnavailable` where it is too late for that."""
        if self.dispatch_by_s is not None and self.clock() > self.dispatch_by_s:
            message = "The gateway was held up for so long that the call's reservation may be lost. Try again."
            raise errors.StoreUnavailable(message, retry_after_s=HELD_UP_RETRY_S)
        self.is_sent = True

    def release(self) -> None:
        """Give the request back as its caller made it."""
        for take_back in self.undo:
            take_back()
        self.undo.clear()


class Upstream(Protocol):
    """One configured provider.

    Every method raises a leaf of `errors.CallError`. Cancelling the caller's task, or closing the stream's
    generator, closes the provider's connection. `name` is the provider's in the configuration, `dialect`
    the wire format it speaks, `key_count` how many keys it may be called with, at least 1.
    """

    name: str
    dialect: str
    key_count: int

    async def generate(
        self, request: generation_pb2.GenerateRequest, model: str, state: AttemptState
    ) -> generation_pb2.GenerateResponse: ...

    def stream(
        self, request: generation_pb2.GenerateRequest, model: str, state: AttemptState
    ) -> AsyncGenerator[list[stream_pb2.GenerationEvent], None]:
        """Yield what arrived together, together: never an empty list."""
        ...

    async def embed(
        self, request: embedding_pb2.EmbedRequest, model: str, state: AttemptState
    ) -> embedding_pb2.EmbedResponse: ...

    async def rerank(
        self, request: rerank_pb2.RerankRequest, model: str, state: AttemptState
    ) -> rerank_pb2.RerankResponse: ...

    async def count_tokens(
        self, request: generation_pb2.GenerateRequest, model: str, state: AttemptState
    ) -> int | None:
        """Return how many tokens the provider counts in a prompt; None where it has no way to count."""
        ...

    async def list_models(self) -> list[model_pb2.Model]:
        """List what the provider serves; ids are the provider's own names, without its prefix."""
        ...

    def dialect_of(self, model: str) -> str:
        """Return the wire format that a model is asked in: mostly `dialect`, where it has no other."""
        ...

    def listed_name(self, model: str) -> str:
        """Return the name under which `list_models` has a model, if under another; empty where it has none such."""
        ...

    def reads_options(self, dialect: str) -> bool:
        """Whether provider options of a dialect reach anybody here."""
        ...

    def accepted_parameters(self, model: str) -> list[str]:
        """Return the paths of the parameters of a generation that a model honours, sorted. Never raises."""
        ...

    async def close(self) -> None: ...


def asks_reasoning(request: generation_pb2.GenerateRequest) -> bool:
    """Whether the model is asked to think, and so may be silent for minutes before its first words."""
    reasoning = request.reasoning
    return reasoning.effort not in ("", "none") or reasoning.max_token_count > 0
