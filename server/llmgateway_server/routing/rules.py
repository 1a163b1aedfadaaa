"""Rules: where a call goes if its facts are such and such. Compiled once, to closures; pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, tzinfo
from operator import attrgetter
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from llmgateway_server.config.conditions import (
    WEEKDAYS,
    ConditionSettings,
    PrincipalCondition,
    Range,
    Thing,
    TimeCondition,
)
from llmgateway_server.config.routes import RuleSettings
from llmgateway_server.patterns import compile_patterns
from llmgateway_server.routing.expressions import RuleError, compile_expression
from llmgateway_server.routing.facts import Facts

__all__ = ["Rule", "RuleError", "compile_rule"]

Test = Callable[[Facts], bool]

# What is compared with a number: its name in the settings, and in the facts.
NUMBERS: Mapping[str, Callable[[Facts], float]] = {
    "message_count": attrgetter("message_count"),
    "tool_count": attrgetter("tool_count"),
    "output_tokens": attrgetter("output_token_count"),
    "turn_count": attrgetter("turn_count"),
    "input_tokens": attrgetter("input_token_count"),
    "complexity": attrgetter("complexity"),
}


class Rule(msgspec.Struct, frozen=True):
    """One rule of a route.

    `condition` is what the configuration says, for people. `holds` tests facts, and raises `RuleError` where it cannot
    tell. A call that the rule leads to `target` is answered only by what has the tags of `require`.
    """

    condition: str
    target: str
    holds: Test
    require: Mapping[str, str] = {}


def compile_rule(settings: RuleSettings) -> Rule:
    """Return the rule that settings describe. Raise `RuleError` where its expression or time zone is of no use."""
    return Rule(describe(settings.when), settings.route, compile_condition(settings.when), settings.require)


def compile_condition(when: ConditionSettings) -> Test:
    """Return a test for all that is asked; what asks nothing always holds."""
    if when.expression is not None:
        return compile_expression(when.expression)
    tests = (*tests_of(when),)
    if len(tests) == 1:
        return tests[0]

    def all_hold(facts: Facts) -> bool:
        for test in tests:  # noqa: SIM110  # a generator costs more than most tests
            if not test(facts):
                return False
        return True

    return all_hold


def tests_of(when: ConditionSettings) -> Iterator[Test]:
    """Yield a test for each thing that is asked, the cheapest facts first."""
    if when.model:
        yield text_test(when.model, attrgetter("model"))
    for label, patterns in when.label.items():
        yield label_test(label, patterns, attrgetter("labels"))
    if when.principal is not None:
        yield from principal_tests(when.principal)
    if when.has:
        yield has_test(frozenset(when.has))
    if when.has_not:
        yield has_not_test(frozenset(when.has_not))
    if when.time is not None:
        yield time_test(when.time)
    for name, read in NUMBERS.items():
        comparison = getattr(when, name)
        if comparison is not None:
            yield number_test(comparison, read)


def principal_tests(when: PrincipalCondition) -> Iterator[Test]:
    """Yield a test for each thing that is asked of who calls."""
    if when.name:
        yield text_test(when.name, attrgetter("principal.name"))
    if when.team:
        yield text_test(when.team, attrgetter("principal.team"))
    for label, patterns in when.label.items():
        yield label_test(label, patterns, attrgetter("principal.labels"))


def text_test(patterns: tuple[str, ...], read: Callable[[Facts], str]) -> Test:
    """Return a test whether a text fits any of the patterns."""
    fits = compile_patterns(patterns)
    return lambda facts: fits(read(facts))


def label_test(label: str, patterns: tuple[str, ...], read: Callable[[Facts], Mapping[str, str]]) -> Test:
    """Return a test of one label; one that is missing reads as the empty text."""
    fits = compile_patterns(patterns)
    return lambda facts: fits(read(facts).get(label, ""))


def has_test(things: frozenset[Thing]) -> Test:
    """Return a test whether a request has all of these."""
    return lambda facts: things <= facts.has


def has_not_test(things: frozenset[Thing]) -> Test:
    """Return a test whether a request has none of these."""
    return lambda facts: things.isdisjoint(facts.has)


def number_test(comparison: Range, read: Callable[[Facts], float]) -> Test:
    """Return a test whether a number lies in a range."""
    return lambda facts: comparison.holds(read(facts))


def time_test(when: TimeCondition) -> Test:
    """Return a test of the hour and the day, by the clocks of the time zone."""
    hours, zone = when.hours, zone_of(when.timezone)
    days = frozenset(WEEKDAYS.index(day) for day in when.days or WEEKDAYS)

    def holds(facts: Facts) -> bool:
        moment = facts.now.astimezone(zone)
        return moment.weekday() in days and (hours is None or hours.holds(moment.time()))

    return holds


def zone_of(name: str) -> tzinfo:
    """Return a time zone; UTC is known where there is no database of zones."""
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise RuleError(f"there is no time zone {name!r} on this machine") from error


def describe(when: ConditionSettings) -> str:
    """Write a condition about as the configuration has it."""
    if when.expression is not None:
        return when.expression
    return written(when.model_dump(exclude_defaults=True)).removeprefix("{").removesuffix("}")


def written(value: object) -> str:
    """Write a value as YAML has it in one line, without quotes."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {written(item)}" for name, item in value.items()) + "}"
    if isinstance(value, tuple):
        return "[" + ", ".join(written(item) for item in value) + "]"
    return str(value)
