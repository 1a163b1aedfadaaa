"""Room for calls, in the gateway as a whole and at each target. It outlives configurations; its bounds follow them."""

from __future__ import annotations

from collections.abc import Callable
from weakref import WeakKeyDictionary

from llmgateway_server import errors
from llmgateway_server.admission.gate import Full, Gate
from llmgateway_server.config.settings import LimitSettings
from llmgateway_server.routing.target import Target


class NamedRoom:
    """A gate whose refusals say whose room is full. `what` begins a sentence."""

    def __init__(self, gate: Gate, what: str) -> None:
        self._gate = gate
        self._what = what
        self.try_enter = gate.try_enter
        self.leave = gate.leave

    @property
    def running(self) -> int:
        return self._gate.running

    @property
    def waiting(self) -> int:
        return self._gate.waiting

    @property
    def limit(self) -> int:
        return self._gate.limit

    def follow(self, limit: int, limits: LimitSettings) -> None:
        """Let more or fewer calls run, and wait, from now on."""
        self._gate.limit = limit
        self._gate.queue_limit, self._gate.queue_timeout_s = limits.queued_calls, limits.queue_timeout_s

    async def enter(self, key: str, weight: float, deadline_s: float) -> None:
        """Wait for room; raise `GatewayOverloaded` where it would take too long."""
        try:
            await self._gate.enter(key, weight, deadline_s)
        except Full as full:
            wait_s = full.retry_after_s
            message = f"{self._what} runs as many calls as it may ({self.limit}). Try again in {wait_s:.3g} s."
            raise errors.GatewayOverloaded(message, retry_after_s=wait_s) from full


class Rooms:
    """The gateway's own room and those of targets. `clock` is monotonic, in seconds."""

    def __init__(self, limits: LimitSettings, clock: Callable[[], float]) -> None:
        self._limits = limits
        self._clock = clock
        # Callers may name any model: a room lives as long as what is known of its target.
        self._targets: WeakKeyDictionary[NamedRoom, Target] = WeakKeyDictionary()
        self._limit_of: Callable[[Target], int] = lambda _: limits.target_calls
        self.gateway = NamedRoom(self._gate(limits.concurrent_calls), "The gateway")

    def of(self, target: Target) -> NamedRoom:
        """Return the room of a target."""
        room = NamedRoom(self._gate(self._limit_of(target)), target.id)
        self._targets[room] = target
        return room

    def follow(self, limits: LimitSettings, limit_of: Callable[[Target], int]) -> None:
        """Bound everything as another configuration says. What runs already goes on."""
        self._limits, self._limit_of = limits, limit_of
        self.gateway.follow(limits.concurrent_calls, limits)
        for room, target in self._targets.items():
            room.follow(limit_of(target), limits)

    def _gate(self, limit: int) -> Gate:
        return Gate(limit, self._limits.queued_calls, self._limits.queue_timeout_s, self._clock)
