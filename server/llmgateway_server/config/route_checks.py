"""What is wrong with routes beyond their types: where they lead, what contradicts itself, what would have no effect.

The checks look at plain values, as a file has them or as settings are dumped: a route, a target and a condition may be
a text alone. What has the wrong type is left alone: that is reported already.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from graphlib import TopologicalSorter

from llmgateway_server.config.document import Value
from llmgateway_server.config.problems import Path, show_text, suggest
from llmgateway_server.config.references import ResolvedDocument

# Routes are followed one through the other, and fallbacks of fallbacks, for each call.
MAX_CHAIN = 16
MAX_REACH = 10_000
MAX_SHOWN = 8
MAX_MISSPELT = 60

_ROUTE_NAME = re.compile(r"[!-~]{1,200}")
# What says how targets are tried, and says nothing where a route has none.
_FOR_TARGETS = ("strategy", "fallback", "content_filter_fallback", "timeouts", "resilience")

Finding = tuple[Path, str]
ExpressionCheck = Callable[[str], str | None]


@dataclass(frozen=True, slots=True)
class Known:
    """What routes may lead to, and how a text at a place is shown: it may stand for a secret.

    `find_expression_problem` says what is wrong with the expression at a place; None if nothing is.
    """

    routes: Collection[str]
    providers: frozenset[str]
    show: Callable[[Path, str], str]
    find_expression_problem: Callable[[Path, str], str | None]


def check_routes(
    document: ResolvedDocument, providers: frozenset[str], find_expression_problem: ExpressionCheck | None
) -> None:
    """Report every problem of a document's routes. Without a check for expressions, those pass."""
    routes = document.at(("routes",))
    if not isinstance(routes, dict):
        return

    def find_problem(path: Path, expression: str) -> str | None:
        problem = find_expression_problem(expression) if find_expression_problem is not None else None
        if problem is not None and path in document.referenced:
            return f"{document.show(path, expression)} is no expression that compiles"
        return problem

    for path, message in find_problems(routes, Known(routes, providers, document.show, find_problem)):
        document.report(path, message)


def find_problems(routes: Mapping[str, Value], known: Known) -> Iterator[Finding]:
    """Find every problem of routes."""
    for name, route in routes.items():
        path: Path = ("routes", name)
        yield from find_name_problems(path, name, known)
        for place, target in leads_of(path, route):
            if problem := find_lead_problem(target, known):
                yield place, f"{known.show(place, target)} {problem}"
        if isinstance(route, dict):
            yield from find_route_problems(path, route, known)
    yield from find_ways(routes)


def find_name_problems(path: Path, name: str, known: Known) -> Iterator[Finding]:
    """A route's name can be sent, and hides no provider's model."""
    if not _ROUTE_NAME.fullmatch(name):
        yield path, "a route's name has 1 to 200 visible ASCII characters and no spaces"
    if "/" in name and name.partition("/")[0] in known.providers:
        yield path, "this name would hide a provider's model; choose one that starts with no provider"


def find_route_problems(path: Path, route: dict[str, Value], known: Known) -> Iterator[Finding]:
    """Find what is wrong within one route that is more than a name."""
    yield from find_shape_problems(path, route)
    yield from find_target_problems(path, route, known)
    yield from find_doubles(path, route, known)
    yield from find_weight_problems(path, route)
    for place, rule in mappings_in(path, route, "rules"):
        yield from find_condition_problems((*place, "when"), rule.get("when"), known)


def find_shape_problems(path: Path, route: dict[str, Value]) -> Iterator[Finding]:
    """A route has targets, or it leads on; nothing stands in it without effect."""
    has_targets, has_rules, leads_on = (bool(route.get(name)) for name in ("targets", "rules", "otherwise"))
    if has_targets and (has_rules or leads_on):
        place = (*path, "otherwise" if leads_on else "rules")
        yield place, "a route has either targets, or rules and `otherwise`: give the targets a route of their own"
    elif has_targets:
        return
    elif leads_on:
        for name in _FOR_TARGETS:
            if name in route:
                yield (*path, name), "this has no effect on a route that only leads on: set it where the targets are"
    elif has_rules:
        yield (*path, "rules"), "rules need `otherwise`: where a call goes if none of them holds"
    else:
        yield path, "a route needs `targets`, or `otherwise` with the name of another route or model"


def find_target_problems(path: Path, route: dict[str, Value], known: Known) -> Iterator[Finding]:
    """Targets are models of configured providers."""
    for place, target in targets_of(path, route):
        if problem := find_model_problem(target, known):
            yield place, f"{known.show(place, target)} {problem}"


def find_doubles(path: Path, route: dict[str, Value], known: Known) -> Iterator[Finding]:
    """Nothing is tried twice. What a filter withheld may go to one of the targets after all."""
    tried = [*targets_of(path, route), *texts_in(path, route, "fallback")]
    for places in (tried, [*texts_in(path, route, "content_filter_fallback")]):
        seen: set[str] = set()
        for place, name in places:
            if name in seen:
                yield place, f"{known.show(place, name)} stands here twice: it is tried once"
            seen.add(name)


def find_weight_problems(path: Path, route: dict[str, Value]) -> Iterator[Finding]:
    """Weights are positive, and stand where they are used."""
    strategy = route.get("strategy", "priority")
    for place, target in mappings_in(path, route, "targets"):
        weight = target.get("weight")
        if isinstance(weight, int) and not isinstance(weight, bool) and weight < 1:
            yield (*place, "weight"), "a weight is 1 or more: leave the target out to turn it off"
        elif weight is not None and strategy != "weighted":
            yield (*place, "weight"), "a weight has an effect with `strategy: weighted` only: set that, or leave it out"


def find_condition_problems(path: Path, when: Value, known: Known) -> Iterator[Finding]:
    """A condition asks something, and an expression is all that it asks."""
    if isinstance(when, str):
        yield from find_expression_problems(path, when, known)
    if not isinstance(when, dict):
        return
    if asks_nothing(when):
        yield path, "this asks nothing and would always hold: give it something to ask, or use `otherwise`"
    if "expression" in when:
        yield from find_expression_problems((*path, "expression"), when["expression"], known)
        if len(when) > 1:
            yield path, "an expression stands alone: write what stands beside it into the expression"


def find_expression_problems(path: Path, expression: Value, known: Known) -> Iterator[Finding]:
    """An expression compiles."""
    if isinstance(expression, str) and expression and (problem := known.find_expression_problem(path, expression)):
        yield path, problem


def asks_nothing(condition: Value) -> bool:
    """Whether a condition has nothing in it but a time zone."""
    if isinstance(condition, dict):
        return all(name == "timezone" or asks_nothing(value) for name, value in condition.items())
    return condition is None or (isinstance(condition, list | tuple) and not condition)


def find_lead_problem(name: str, known: Known) -> str | None:
    """Say what is wrong with where a route leads, without showing it; None if nothing is."""
    provider, slash, model = name.partition("/")
    if name in known.routes or (provider in known.providers and model):
        return None
    if provider in known.providers:
        return "is a provider; a route leads to another route or to provider/model"
    what = "names no configured provider" if slash else "no provider/model"
    return f"is no route, and {what}{suggest_lead(name, known)}"


def suggest_lead(name: str, known: Known) -> str:
    """Return the nearest route, else the nearest provider."""
    # Long names are no misspelling, and difflib is slow on them.
    near = get_close_matches(name[:MAX_MISSPELT], known.routes, n=1)
    return f"; did you mean {near[0]}?" if near else suggest(name.partition("/")[0], sorted(known.providers))


def find_model_problem(name: str, known: Known) -> str | None:
    """Say what is wrong with a target, without showing it; None if nothing is."""
    provider, slash, model = name.partition("/")
    if name in known.routes:
        return "is a route; a target is provider/model, and a route may stand under `fallback` or `otherwise`"
    if not slash and provider in known.providers:
        return "is a provider; a target is provider/model"
    if not provider or not model:
        return f"names no target: write provider/model{suggest(provider, sorted(known.providers))}"
    if provider not in known.providers:
        return f"names no configured provider{suggest(provider, sorted(known.providers))}"
    return None


def find_ways(routes: Mapping[str, Value]) -> Iterator[Finding]:
    """Find routes that never lead to a target, or by a way that is too long."""
    leads = {
        name: [(place, target) for place, target in leads_of(("routes", name), route) if target in routes]
        for name, route in routes.items()
    }
    circles = [*find_circles(leads)]
    yield from circles or find_long_ways({name: [target for _, target in steps] for name, steps in leads.items()})


def find_circles(leads: Mapping[str, Sequence[tuple[Path, str]]]) -> Iterator[Finding]:
    """Follow every lead once, depth first; one that comes back to where it was followed from closes a circle."""
    done: set[str] = set()
    trail: dict[str, Iterator[tuple[Path, str]]] = {}
    for start in leads:
        if start not in done:
            trail[start] = iter(leads[start])
        while trail:
            name = next(reversed(trail))
            place, target = next(trail[name], ((), ""))
            if not target:
                done.add(name)
                trail.popitem()
            elif target in trail:
                yield place, f"this leads in a circle: {describe_circle([*trail], target)}"
            elif target not in done:
                trail[target] = iter(leads[target])


def describe_circle(trail: Sequence[str], back: str) -> str:
    """Write a circle as `a → b → a`."""
    names = [name if _ROUTE_NAME.fullmatch(name) else show_text(name) for name in trail[trail.index(back) :]]
    middle = names[1:] if len(names) <= MAX_SHOWN else [*names[1:4], "…", names[-1]]
    return " → ".join([names[0], *middle, names[0]])


def find_long_ways(leads: Mapping[str, Sequence[str]]) -> Iterator[Finding]:
    """Find routes from which too many others follow each other, or that branch too often. There are no circles."""
    length: dict[str, int] = {}
    reach: dict[str, int] = {}
    for name in TopologicalSorter(leads).static_order():
        length[name] = 1 + max((length[target] for target in leads[name]), default=0)
        reach[name] = 1 + sum(min(reach[target], MAX_REACH) for target in leads[name])
        if length[name] == MAX_CHAIN + 1:
            yield ("routes", name), f"more than {MAX_CHAIN} routes follow each other from here: lead on directly"
        elif reach[name] > MAX_REACH and all(reach[target] <= MAX_REACH for target in leads[name]):
            yield ("routes", name), f"this leads on in more than {MAX_REACH:,} ways: lead to fewer routes"


def leads_of(path: Path, route: Value) -> Iterator[tuple[Path, str]]:
    """Yield the names that a route leads on to, each with its place."""
    if isinstance(route, str):
        yield path, route
    if not isinstance(route, dict):
        return
    otherwise = route.get("otherwise")
    if isinstance(otherwise, str) and otherwise:
        yield (*path, "otherwise"), otherwise
    for place, rule in mappings_in(path, route, "rules"):
        target = rule.get("route")
        if isinstance(target, str) and target:
            yield (*place, "route"), target
    for name in ("fallback", "content_filter_fallback"):
        yield from texts_in(path, route, name)


def targets_of(path: Path, route: dict[str, Value]) -> Iterator[tuple[Path, str]]:
    """Yield the models that a route names as targets, each with its place."""
    yield from texts_in(path, route, "targets")
    for place, target in mappings_in(path, route, "targets"):
        model = target.get("model")
        if isinstance(model, str):
            yield (*place, "model"), model


def texts_in(path: Path, route: dict[str, Value], name: str) -> Iterator[tuple[Path, str]]:
    """Yield the texts in a list of a route, each with its place."""
    yield from ((place, item) for place, item in items_in(path, route, name) if isinstance(item, str))


def mappings_in(path: Path, route: dict[str, Value], name: str) -> Iterator[tuple[Path, dict[str, Value]]]:
    """Yield the mappings in a list of a route, each with its place."""
    yield from ((place, item) for place, item in items_in(path, route, name) if isinstance(item, dict))


def items_in(path: Path, route: dict[str, Value], name: str) -> Iterator[tuple[Path, Value]]:
    """Yield what stands in a list of a route, each with its place. Dumped settings have tuples."""
    items = route.get(name)
    if isinstance(items, list | tuple):
        yield from (((*path, name, index), item) for index, item in enumerate(items))
