"""Limits that are about now: requests and tokens a second or a minute, and calls at once.

A rate is a generic cell rate: after a rest a whole window's worth may pass at once, then it flows evenly. What is taken
of tokens is a guess, corrected once the call has ended; a debt may come of it, which later calls wait for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec


class Take(msgspec.Struct, frozen=True):
    """So much of a limit. `scope` is `organization` or `kind/name`; `metric` is `requests`, `tokens` or `concurrency`.

    `window_s` is 1 or 60; 0 for concurrency, of which a call takes 1 and gives it back. Scope, metric and window name
    the limit: no two takes of one call have all three alike; of several quotas on them the tightest is taken from.
    A soft one is only counted.
    """

    scope: str
    metric: str
    window_s: int
    limit: int
    amount: int = 1
    is_soft: bool = False


class Lack(msgspec.Struct, frozen=True):
    """A limit without room. `used` is what counts against it; `retry_after_s` is when there will be room, if known."""

    take: Take
    used: int
    retry_after_s: float | None


class Standing(msgspec.Struct, frozen=True):
    """How a limit stands: what is left of it, and in how many seconds it will be whole again."""

    remaining: int
    reset_s: float


class Rates(Protocol):
    """Keeps such limits. Never raises: where a shared store is away, the process goes on with its share of each."""

    async def start(self) -> None:
        """Begin. This alone may raise: `StoreRefused`, where the shared store cannot keep limits."""
        ...

    async def stop(self) -> None: ...

    async def take(self, takes: Sequence[Take]) -> Sequence[Lack]:
        """Take all or nothing; return the limits without room, none if all was taken.

        A take larger than its whole limit passes where nothing counts against that: a rate never refuses for ever.
        """
        ...

    def count(self, takes: Sequence[Take]) -> None:
        """Take, whether or not there is room."""
        ...

    def give_back(self, takes: Sequence[Take]) -> None:
        """Return what was taken, as if it never had been; for concurrency, once the call has ended."""
        ...

    def correct(self, take: Take, amount: int) -> None:
        """Make what was taken `amount` instead: more, or less."""
        ...

    def standing(self, take: Take) -> Standing:
        """Return how a limit stands, as far as this process knows."""
        ...
