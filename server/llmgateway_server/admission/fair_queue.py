"""A queue that serves its keys by turns, each by its weight: start-time fair queueing.

Goyal, Vin and Cheng, "Start-time Fair Queueing" (SIGCOMM 1996), with every item as long as the next. A key has a line,
served in order of arrival. Virtual time stands at the start of what was served last; a line's first item starts
`1 / weight` after the one that was served before it, and not before now. The item with the earliest start is next.
"""

from __future__ import annotations

import heapq
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Item = TypeVar("Item", bound=Hashable)

# So many lines may stand empty beside those in use before what they owe is forgotten.
SPARE_LINES = 64


@dataclass(slots=True, eq=False)
class Line(Generic[Item]):
    """What waits under one key. `start` is when its first item may go, in virtual time; empty, until when it owes."""

    weight: float
    start: float
    items: OrderedDict[Item, None] = field(default_factory=OrderedDict)

    @property
    def last_start(self) -> float:
        """When its last item may go."""
        return self.start + (len(self.items) - 1) / self.weight

    def count_until(self, start: float) -> int:
        """Return how many of its items go at `start` at the latest."""
        if start < self.start:
            return 0
        return min(len(self.items), int((start - self.start) * self.weight) + 1)


class FairQueue(Generic[Item]):
    """Items by key. What it remembers grows with what waits in it, not with the keys that it has seen."""

    def __init__(self) -> None:
        self._lines: dict[str, Line[Item]] = {}
        # Each line by its start; lines of one start take turns, since each is put behind the others anew.
        self._turns: list[tuple[float, int, str]] = []
        self._turn_number = 0
        self._now = 0.0
        # No item starts later; perhaps none so late.
        self._latest = 0.0
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def line_count(self) -> int:
        """How many keys it remembers."""
        return len(self._lines)

    def push(self, key: str, weight: float, item: Item) -> None:
        """Put an item last in its key's line. The weight holds for the whole line from now on."""
        line = self._lines.get(key)
        if line is None:
            line = self._open_line(key, weight)
        line.weight = weight
        line.items[item] = None
        self._latest = max(self._latest, line.last_start)
        self._count += 1

    def first(self) -> tuple[str, Item]:
        """Return who is next, with its key. Raise `IndexError` where nobody waits."""
        while not (line := self._lines[self._turns[0][2]]).items:
            # Whoever is served next starts no earlier than when this one's debt ends.
            del self._lines[heapq.heappop(self._turns)[2]]
        return self._turns[0][2], next(iter(line.items))

    def pop(self) -> Item:
        """Take who is next. Raise `IndexError` where nobody waits."""
        key, item = self.first()
        line = self._lines[key]
        self._now = line.start
        line.start += 1 / line.weight
        self._turn_number += 1
        heapq.heapreplace(self._turns, (line.start, self._turn_number, key))
        self._leave(line, item)
        return item

    def discard(self, key: str, item: Item) -> None:
        """Take an item out, wherever it stands, as if it had never come; one that is gone already is none."""
        line = self._lines.get(key)
        if line is not None and item in line.items:
            self._leave(line, item)

    def next_start(self, key: str, weight: float) -> float:
        """Return when an item would go that came now, in virtual time."""
        line = self._lines.get(key)
        return self._now if line is None else line.start + len(line.items) / weight

    def count_before(self, start: float) -> int:
        """Return how many items would go before one that came now and had this start."""
        return sum(line.count_until(start) for line in self._lines.values())

    def take_last(self, after: float) -> Item | None:
        """Take the item that would go last of all, if it starts later than `after`."""
        if after >= self._latest or not self._count:
            return None
        line = max((line for line in self._lines.values() if line.items), key=lambda line: line.last_start)
        self._latest = line.last_start
        if self._latest <= after:
            return None
        item = next(reversed(line.items))
        self._leave(line, item)
        return item

    def forget(self) -> None:
        """Forget what keys owe in whose line nobody stands."""
        if not self._lines:
            return
        self._lines = {key: line for key, line in self._lines.items() if line.items}
        self._turns = [turn for turn in self._turns if turn[2] in self._lines]
        heapq.heapify(self._turns)

    def _open_line(self, key: str, weight: float) -> Line[Item]:
        if len(self._lines) >= 2 * self._count + SPARE_LINES:
            self.forget()
        line = self._lines[key] = Line(weight, self._now)
        self._turn_number += 1
        heapq.heappush(self._turns, (line.start, self._turn_number, key))
        return line

    def _leave(self, line: Line[Item], item: Item) -> None:
        del line.items[item]
        self._count -= 1
