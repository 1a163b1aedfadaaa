"""`:floor` and `:nitro` are read where nothing bears such a name itself."""

from __future__ import annotations

import pytest
from llmgateway_server.routing.suffix import Suffixes

from tests.server.routing.world import World

ROUTES = {"fast": {"targets": ["a/m", "b/m"]}, "odd:floor": "a/m"}


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("fast:floor", ("fast", "price")),
        ("fast:nitro", ("fast", "throughput")),
        ("fast:free", ("fast:free", "")),
        ("fast", ("fast", "")),
        ("odd:floor", ("odd:floor", "")),
        ("a/m:floor", ("a/m", "price")),
        ("d/llama3.2:nitro", ("d/llama3.2:nitro", "")),  # d has tags of its own
        ("nobody/m:floor", ("nobody/m:floor", "")),
        (":floor", (":floor", "")),
    ],
)
def test_a_suffix_is_read_where_nothing_bears_the_name(name: str, meant: tuple[str, str]) -> None:
    assert Suffixes(World(ROUTES).table, {"d"}).read(name) == meant


def test_it_sorts_the_route_s_targets() -> None:
    models = {"a/m": {"price": {"input": 2, "output": 2}}, "b/m": {"price": {"input": 1, "output": 1}}}
    world = World(ROUTES, models=models)
    assert world.order("fast", sort="price") == ["b/m", "a/m"]
    world.of("a/m").throughput.add(50.0, world.now_s)
    world.of("b/m").throughput.add(90.0, world.now_s)
    assert world.order("fast", sort="throughput") == ["b/m", "a/m"]
    world.of("a/m").throughput.add(500.0, world.now_s)
    assert world.order("fast", sort="throughput") == ["a/m", "b/m"]
