"""What planning a call costs, as a share of what the bare relay takes for a whole one: `make bench`, `ARGS=--planning`.

Planning is everything between a request that is valid and the first attempt: rules, who may serve it, order, health. It is
timed in one process, the least of several rounds, over a route of ten targets.
"""

from __future__ import annotations

import timeit
from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.table import Table

from tests.bench.report import Limit
from tests.bench.rounds import RowFigures
from tests.server.routing.world import World, chat

PROMPT = "Say something about the sea, and say it slowly, please. " * 18  # 1 KiB
NAMES = [f"p{number}" for number in range(10)]
ROUND_COUNT, LOOP_COUNT = 7, 1_500
MOST_PLAIN, MOST_RULED = 0.1, 0.2
RELAY = "REST"

RULES = [
    {"when": {"has": ["image"]}, "route": "weighted"},
    {"when": {"input_tokens": ">50000", "has_not": ["tools"]}, "route": "weighted"},
    {"when": {"label": {"task": "code"}}, "route": "weighted"},
]


def make_world() -> World:
    """Return a planner with a route of ten targets for each strategy, and one behind three rules, none of which holds."""
    targets = [{"model": f"{name}/m"} for name in NAMES]
    routes: dict[str, object] = {
        strategy: {"strategy": strategy, "targets": targets}
        for strategy in ("priority", "weighted", "cheapest", "least_busy", "fastest")
    }
    routes["weighted behind three rules"] = {"rules": RULES, "otherwise": "weighted"}
    models = {f"{name}/m": {"price": {"input": place, "output": 2 * place}} for place, name in enumerate(NAMES, 1)}
    return World(routes, providers=NAMES, models=models)


def measure() -> dict[str, float]:
    """Return what a plan of each route costs, in µs; and of a model that is named itself."""
    world, request = make_world(), chat(PROMPT)
    return {name: least_us(world, name, request) for name in (*world.settings.routes, "p0/m")}


def least_us(world: World, name: str, request: object) -> float:
    """Return the least time of several rounds, in µs."""
    rounds = timeit.repeat(lambda: world.plan(name, request), number=LOOP_COUNT, repeat=ROUND_COUNT)  # type: ignore[arg-type]  # a generation
    return min(rounds) / LOOP_COUNT * 1e6


def make_limits(rows: Sequence[RowFigures]) -> list[Limit]:
    """Return the dearest plans as shares of the relay's CPU a call in this run; none where that was not measured."""
    relays = [row.figures[0].cpu_us for row in rows if row.row.name == RELAY]
    if not relays:
        return []
    costs = measure()
    ruled = costs.pop("weighted behind three rules")
    unit = "of the relay's CPU a call"
    return [
        Limit("planning, 10 targets", max(costs.values()) / relays[0], MOST_PLAIN, unit),
        Limit("planning, 10 targets behind 3 rules", ruled / relays[0], MOST_RULED, unit),
    ]


def make_table() -> Table:
    """Return what each plan costs."""
    table = Table(title="Planning, µs a call; ten targets", title_justify="left", box=SIMPLE_HEAD)
    table.add_column("route")
    table.add_column("µs", justify="right")
    for name, cost_us in measure().items():
        table.add_row(name, f"{cost_us:.1f}")
    return table
