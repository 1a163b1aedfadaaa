"""What has been learned of targets and of provider keys: circuits, rests after rate limits, latencies, running calls.

It outlives reloads of the configuration. Nothing here waits or sends: whoever makes attempts tells what came of them.

A *rest* is not ill health: a provider's 429 asks to be left alone for a while, by key. A rest whose length the provider
told is kept even where nothing else could answer; one that is only guessed orders a target behind the others.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

import msgspec

from llmgateway_server.config.resilience import BreakerSettings
from llmgateway_server.routing.circuit import Circuit
from llmgateway_server.routing.retry_budget import RetryBudget
from llmgateway_server.routing.target import Target

MAX_TARGETS = 4096
MAX_REST_S = 300.0
FIRST_GUESS_S = 1.0
MAX_GUESS_S = 60.0
# A latency is forgotten with this time constant: a target that was slow is tried again after a while.
MEMORY_S = 60.0
# How much the newest observation counts.
NEWEST = 0.3


class Room(Protocol):
    """Bounded room for calls at one target, with a queue in front."""

    @property
    def running(self) -> int: ...

    @property
    def waiting(self) -> int: ...

    @property
    def limit(self) -> int: ...

    def try_enter(self) -> bool: ...

    async def enter(self, key: str, weight: float, deadline_s: float) -> None: ...

    def leave(self) -> None: ...


def is_full(room: Room) -> bool:
    """Whether a call would have to wait for room."""
    return room.running >= room.limit or room.waiting > 0


class Rest(msgspec.Struct, frozen=True):
    """Until when a key of a target is left alone, and whether the provider said so."""

    until_s: float
    is_told: bool


class Average(msgspec.Struct):
    """A decayed average of a time or a rate; None until something was seen."""

    value: float | None = None
    seen_s: float = 0.0

    def add(self, value: float, now_s: float) -> None:
        """Take an observation in."""
        self.value = value if self.value is None else self.value + NEWEST * (value - self.value)
        self.seen_s = now_s

    def fading(self, now_s: float) -> float:
        """Return a time that shrinks the longer nothing was seen: 0 where nothing ever was."""
        if self.value is None:
            return 0.0
        return self.value * math.exp(-(now_s - self.seen_s) / MEMORY_S)


class TargetHealth:
    """One target. `room` bounds what runs there."""

    __slots__ = (
        "budget",
        "circuit",
        "first_content",
        "guess_count",
        "next_key",
        "rests",
        "room",
        "throughput",
        "whole",
    )

    def __init__(self, room: Room) -> None:
        self.room = room
        self.circuit = Circuit()
        self.budget = RetryBudget()
        self.rests: dict[int, Rest] = {}
        self.guess_count = 0
        self.next_key = 0
        self.first_content = Average()
        self.whole = Average()
        self.throughput = Average()

    @property
    def is_idle(self) -> bool:
        """Whether forgetting it would lose nothing that matters."""
        return not self.room.running and self.circuit.open_until_s is None and not self.rests

    def is_easy(self, now_s: float) -> bool:
        """Whether nothing is the matter with it any more."""
        for key_index in [*self.rests]:
            self.rest_of(key_index, now_s)
        return self.circuit.open_until_s is None and not self.rests and self.circuit.readiness(now_s) >= 1.0

    def rest(self, key_index: int, seconds: float | None, now_s: float) -> None:
        """Let a key rest, as long as the provider said, else longer each time in a row. A later end wins."""
        is_told = seconds is not None
        if seconds is None:
            seconds = min(FIRST_GUESS_S * 2.0**self.guess_count, MAX_GUESS_S)
            self.guess_count = min(self.guess_count + 1, 16)
        self._leave_alone(key_index, seconds, now_s, is_told=is_told)

    def rest_spent(self, key_index: int, seconds: float, now_s: float) -> None:
        """Let a key rest that has used up its rate limit by an answer: others go first until it is renewed."""
        self._leave_alone(key_index, seconds, now_s, is_told=False)

    def _leave_alone(self, key_index: int, seconds: float, now_s: float, *, is_told: bool) -> None:
        until_s = now_s + min(max(seconds, 0.0), MAX_REST_S)
        known = self.rests.get(key_index)
        if known is None or until_s > known.until_s:
            self.rests[key_index] = Rest(until_s, is_told)

    def rest_of(self, key_index: int, now_s: float) -> Rest | None:
        """Return a key's rest, None where it has none, or none any more."""
        rest = self.rests.get(key_index)
        if rest is not None and rest.until_s <= now_s:
            del self.rests[key_index]
            return None
        return rest


class Standing(msgspec.Struct, frozen=True):
    """Whether a target can be called now, and with which key of its provider.

    `key_index` is None where it cannot: until `until_s` its circuit is open, or all its keys are out or at rest.
    `is_probe` says that the call would be the probe of a circuit. `is_told` says that the provider itself asked to
    wait, `is_open` that a circuit keeps it from being called: its own, or with `is_key_out` its keys'.
    """

    key_index: int | None
    until_s: float = 0.0
    is_probe: bool = False
    is_told: bool = False
    is_open: bool = False
    is_key_out: bool = False


READY = Standing(0)


class HealthBook:
    """All targets and keys. `make_room` gives each target its room; `report` is told when a circuit opens or closes.

    `report(name, until_s)` gets the target's or the key's name, and None for the time where it closed.
    """

    def __init__(self, make_room: Callable[[Target], Room], report: Callable[[str, float | None], None]) -> None:
        self._make_room = make_room
        self._report = report
        self._targets: dict[Target, TargetHealth] = {}
        self._keys: dict[tuple[str, int], Circuit] = {}
        self._configured: dict[str, object] = {}
        # Those that are left alone, at rest, or only just back: mostly nobody, so that nobody need be looked at.
        self._uneasy: set[Target] = set()

    def of(self, target: Target) -> TargetHealth:
        """Return what is known of a target."""
        health = self._targets.get(target)
        if health is None:
            if len(self._targets) >= MAX_TARGETS:
                self._forget_idle()
            health = self._targets[target] = TargetHealth(self._make_room(target))
        return health

    @property
    def is_quiet(self) -> bool:
        """Whether nothing is the matter with anybody."""
        return not self._uneasy and not self._keys

    def are_well(self, targets: Iterable[Target]) -> bool:
        """Whether nothing is the matter with some targets: no circuit open, no rest, none only just back."""
        return not self._keys and self._uneasy.isdisjoint(targets)

    def standing(
        self, target: Target, key_count: int, breaker: BreakerSettings, now_s: float, preferred_key: int | None = None
    ) -> Standing:
        """Return whether a target can be called, and with which key: the preferred one if it can, else in turn."""
        health = self.of(target)
        circuit = health.circuit
        if target in self._uneasy and health.is_easy(now_s):
            self._uneasy.discard(target)
        is_probe = circuit.open_until_s is not None and breaker.enabled
        if is_probe and circuit.is_open(now_s):
            return Standing(None, circuit.open_until_s or now_s, is_open=True)
        if key_count == 1 and not health.rests and not self._keys:
            return Standing(0, is_probe=True) if is_probe else READY
        return self._choose_key(target, health, key_count, breaker, now_s, preferred_key, is_probe=is_probe)

    def _choose_key(
        self,
        target: Target,
        health: TargetHealth,
        key_count: int,
        breaker: BreakerSettings,
        now_s: float,
        preferred_key: int | None,
        *,
        is_probe: bool,
    ) -> Standing:
        first = health.next_key if preferred_key is None else preferred_key
        blocked: list[Standing] = []
        probing: int | None = None
        for step in range(key_count):
            index = (first + step) % key_count
            blocking = self._block_of(target, health, index, now_s, is_kept=breaker.enabled)
            if blocking is not None:
                blocked.append(blocking)
            elif self._is_key_suspect(target.provider, index):
                probing = index if probing is None else probing
            else:
                return Standing(index, is_probe=is_probe)
        if probing is not None:
            return Standing(probing, is_probe=True)
        return min(blocked, key=lambda standing: standing.until_s)

    def _block_of(
        self, target: Target, health: TargetHealth, index: int, now_s: float, *, is_kept: bool
    ) -> Standing | None:
        """Return what keeps a key from being used; None if nothing does. Unless rests are kept, each is but a guess."""
        rest = health.rest_of(index, now_s)
        if rest is not None:
            return Standing(None, rest.until_s, is_told=rest.is_told and is_kept)
        circuit = self._keys.get((target.provider, index))
        if circuit is not None and circuit.is_open(now_s):
            return Standing(None, circuit.open_until_s or now_s, is_open=True, is_key_out=True)
        return None

    def _is_key_suspect(self, provider: str, index: int) -> bool:
        circuit = self._keys.get((provider, index))
        return circuit is not None and circuit.open_until_s is not None

    def begin(self, target: Target, key_index: int, breaker: BreakerSettings, now_s: float) -> None:
        """Note that a call is sent with a key: the next one takes another, and probes that this call is are taken."""
        health = self.of(target)
        health.next_key = key_index + 1
        if health.circuit.is_probe_due(now_s):
            health.circuit.claim_probe(now_s, breaker)
        if self._keys:
            circuit = self._keys.get((target.provider, key_index))
            if circuit is not None and circuit.is_probe_due(now_s):
                circuit.claim_probe(now_s, breaker)

    def release_probe(self, target: Target, key_index: int, now_s: float) -> None:
        """Give back probes whose call said nothing of the target's health."""
        for circuit in (self.of(target).circuit, self._keys.get((target.provider, key_index))):
            if circuit is not None:
                circuit.release_probe(now_s)

    def note_success(self, target: Target, key_index: int, now_s: float) -> None:
        """Note that a target answered."""
        health = self.of(target)
        health.guess_count = 0
        if health.circuit.succeed(now_s):
            self._report(target.id, None)
        if self._keys and self._keys.pop((target.provider, key_index), None) is not None:
            self._report(key_name(target.provider, key_index), None)

    def note_failure(self, target: Target, breaker: BreakerSettings, now_s: float) -> None:
        """Note that a target failed."""
        circuit = self.of(target).circuit
        if breaker.enabled and circuit.fail(now_s, breaker):
            self._uneasy.add(target)
            self._report(target.id, circuit.open_until_s)

    def note_rest(self, target: Target, key_index: int, seconds: float | None, now_s: float) -> None:
        """Let a key rest: for as long as the provider said, else for a guess."""
        self._uneasy.add(target)
        self.of(target).rest(key_index, seconds, now_s)

    def note_spent(self, target: Target, key_index: int, seconds: float, now_s: float) -> None:
        """Let a key rest that has used up its rate limit by an answer."""
        self._uneasy.add(target)
        self.of(target).rest_spent(key_index, seconds, now_s)

    def note_key_refused(
        self, target: Target, key_index: int, key_count: int, breaker: BreakerSettings, now_s: float
    ) -> None:
        """Note that a provider refused a key: one of several is out at once, an only one as a target would be."""
        if not breaker.enabled and key_count == 1:
            return
        circuit = self._keys.setdefault((target.provider, key_index), Circuit())
        if key_count > 1:
            breaker = breaker.model_copy(update={"failures": 1})
        if circuit.fail(now_s, breaker):
            self._report(key_name(target.provider, key_index), circuit.open_until_s)

    def follow_keys(self, keys: Mapping[str, object]) -> None:
        """Give the keys of each provider a new chance whose keys are others now. `keys` compares them, by provider."""
        changed = {provider for provider, before in self._configured.items() if keys.get(provider) != before}
        self._configured = dict(keys)
        for provider, index in [key for key in self._keys if key[0] in changed]:
            del self._keys[provider, index]
            self._report(key_name(provider, index), None)
        for target, health in self._targets.items():
            if target.provider in changed:
                health.rests.clear()

    def _forget_idle(self) -> None:
        """Make place: callers may name any model of a provider. Those that are ill go only where there are too many."""
        for target in [target for target, health in self._targets.items() if health.is_idle]:
            del self._targets[target]
        for target in [*self._targets][: max(0, len(self._targets) - MAX_TARGETS // 2)]:
            health = self._targets[target]
            if not health.room.running:
                del self._targets[target]
                self._uneasy.discard(target)
                if health.circuit.open_until_s is not None:
                    self._report(target.id, None)


def key_name(provider: str, index: int) -> str:
    """Name a provider's key without showing it: by its place among the provider's keys, from 0."""
    return f"{provider} api_keys[{index}]"
