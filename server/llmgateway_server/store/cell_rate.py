"""The generic cell rate with weights: so much at once after a rest, then an even flow. Pure but for its own state.

A cell holds what counts against its limit: all that was taken, less what has flown off since, a whole limit in a
window's time. That is the algorithm's theoretical arrival time, in units of the limit instead of seconds: so a limit
may change and keep what is used. A take fits where it and what counts are within the limit. One of more than the whole
limit fits where nothing counts; more than the limit may count then, or after a correction, and later takes wait for it.

Over any time, what is taken is at most limit × (time / window + 1), or one take more where that is above its limit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

# Of the limit. Instants and levels are rounded; a take must not be refused for that.
TOLERANCE = 1e-6


@dataclass(slots=True)
class Cell:
    """What counts against one limit: `level` at an instant, of which `per_s` flow off in a second."""

    level: float
    at_s: float
    per_s: float

    def level_at(self, now_s: float) -> float:
        """Return what counts at an instant."""
        level = self.level - (now_s - self.at_s) * self.per_s
        return level if level > 0.0 else 0.0

    def flow(self, now_s: float, per_s: float) -> None:
        """Let flow off what has since; from now on by the pace given."""
        level = self.level - (now_s - self.at_s) * self.per_s
        self.level = level if level > 0.0 else 0.0
        self.at_s = now_s
        self.per_s = per_s

    def add(self, amount: float) -> None:
        """Count more, or less where the amount is negative: a correction never leaves a credit."""
        level = self.level + amount
        self.level = level if level > 0.0 else 0.0


def excess_of(level: float, amount: int, limit: int) -> float:
    """Return how much must flow off before a take fits; next to nothing, or less, where it fits now."""
    return min(level, level + amount - limit)


def fits(level: float, amount: int, limit: int) -> bool:
    """Whether a take fits now. Nothing fits a limit of 0."""
    # The first of these holds nearly always, and costs least.
    return 0 < limit >= level + amount or (limit > 0 and excess_of(level, amount, limit) <= limit * TOLERANCE)


def used_of(level: float) -> int:
    """Return what counts in whole units, each of which is used until it has flown off entirely."""
    return math.ceil(level - TOLERANCE) if level > TOLERANCE else 0
