"""Rates and calls at once, kept in the process: for one gateway, or each of several while what they share is away."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence

from llmgateway_server.store.cell_rate import Cell, excess_of, fits, used_of
from llmgateway_server.store.rates import Lack, Standing, Take

Key = tuple[str, str, int]
"""What a limit is named by: scope, metric, window."""


class Cells:
    """A cell a limit. Calls at once are a cell of which nothing flows off by itself.

    One against which nothing counts any more is forgotten after a while: with each that is new, the two are looked
    after that nobody has for longest. So what is kept is at most about twice what counts at once.
    """

    def __init__(self) -> None:
        self._cells: OrderedDict[Key, Cell] = OrderedDict()

    def __len__(self) -> int:
        return len(self._cells)

    def open(self, take: Take, now_s: float) -> Cell:
        """Return the cell of a take's limit as it is now. It stays the limit's own until the clock moves on."""
        key = (take.scope, take.metric, take.window_s)
        cell = self._cells.get(key)
        if cell is None:
            self._forget_idle(now_s)
            cell = self._cells[key] = Cell(0.0, now_s, 0.0)
        cell.flow(now_s, take.limit / take.window_s if take.window_s else 0.0)
        return cell

    def level(self, take: Take, now_s: float) -> float:
        """Return what counts against a take's limit."""
        cell = self._cells.get((take.scope, take.metric, take.window_s))
        return 0.0 if cell is None else cell.level_at(now_s)

    def _forget_idle(self, now_s: float) -> None:
        for _ in range(min(2, len(self._cells))):
            key, cell = self._cells.popitem(last=False)
            if cell.at_s == now_s or cell.level_at(now_s) > 0.0:
                self._cells[key] = cell


class LocalRates:
    """Keeps limits in memory. `clock` tells seconds that never run backwards."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._cells = Cells()

    def __len__(self) -> int:
        """How many limits something is kept of."""
        return len(self._cells)

    async def start(self) -> None:
        """Do nothing: there is nothing to open."""

    async def stop(self) -> None:
        """Do nothing: there is nothing to close."""

    async def take(self, takes: Sequence[Take]) -> Sequence[Lack]:
        """Take all or nothing; return the limits without room."""
        return self.take_now(takes)

    def take_now(self, takes: Sequence[Take]) -> Sequence[Lack]:
        """Take all or nothing, within this turn of the event loop."""
        now_s, open_cell = self._clock(), self._cells.open
        pairs = [(take, open_cell(take, now_s)) for take in takes]
        for take, cell in pairs:
            if not fits(cell.level, take.amount, take.limit):
                return find_lacks(pairs)
        for take, cell in pairs:
            cell.level += take.amount
        return ()

    def count(self, takes: Sequence[Take]) -> None:
        """Take, whether or not there is room."""
        for take in takes:
            self.add(take, take.amount)

    def give_back(self, takes: Sequence[Take]) -> None:
        """Return what was taken."""
        for take in takes:
            self.add(take, -take.amount)

    def correct(self, take: Take, amount: int) -> None:
        """Make what was taken `amount` instead."""
        self.add(take, amount - take.amount)

    def add(self, take: Take, amount: int) -> None:
        """Count so much more against a take's limit, or less, whether or not there is room."""
        self._cells.open(take, self._clock()).add(amount)

    def note(self, take: Take) -> None:
        """Count a take that another granted. A rate counts up to its limit, for later takes are not to wait for it."""
        cell = self._cells.open(take, self._clock())
        level = cell.level + take.amount
        cell.level = max(cell.level, min(level, take.limit)) if take.window_s else level

    def standing(self, take: Take) -> Standing:
        """Return how a limit stands."""
        return standing_of(take, self._cells.level(take, self._clock()))


def find_lacks(pairs: Sequence[tuple[Take, Cell]]) -> list[Lack]:
    """Return the limits without room."""
    return [lack_of(take, cell.level) for take, cell in pairs if not fits(cell.level, take.amount, take.limit)]


def lack_of(take: Take, level: float) -> Lack:
    """Return what to say of a limit without room. When calls at once will end is not known."""
    wait_s = None
    if take.limit > 0 and take.window_s:
        wait_s = excess_of(level, take.amount, take.limit) * take.window_s / take.limit
    return Lack(take, used_of(level), wait_s)


def standing_of(take: Take, level: float) -> Standing:
    """Return how a limit stands against which so much counts."""
    reset_s = level * take.window_s / take.limit if take.limit > 0 else 0.0
    return Standing(max(take.limit - used_of(level), 0), reset_s)
