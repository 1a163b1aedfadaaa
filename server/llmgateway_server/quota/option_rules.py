"""What a member of a JSON object may be so that it costs nothing. Whatever no rule allows is taken to cost."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Anything:
    """Any value."""


@dataclass(frozen=True, slots=True)
class Plain:
    """A number, a text, a truth value, null, or a list of such."""


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of some texts, null, or a list of such."""

    values: frozenset[str | None]


@dataclass(frozen=True, slots=True)
class Matching:
    """A text that a pattern matches from end to end, null, or a list of such."""

    pattern: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class Members:
    """An object of these members alone, null, or a list of such."""

    rules: Mapping[str, Rule]


@dataclass(frozen=True, slots=True)
class Either:
    """What any of some rules allows."""

    rules: Sequence[Rule]


Rule = Anything | Plain | OneOf | Matching | Members | Either

ANYTHING = Anything()
PLAIN = Plain()


def one_of(*values: str | None) -> OneOf:
    """Allow these values alone."""
    return OneOf(frozenset(values))


def plain(*names: str) -> Mapping[str, Rule]:
    """Allow members of these names, as long as their values are plain."""
    return dict.fromkeys(names, PLAIN)


def find_costly(value: Any, rule: Rule, path: str) -> str | None:  # Any: decoded JSON
    """Return the path of the first value that a rule does not allow; None where all of it is."""
    if isinstance(rule, Anything):
        return None
    if isinstance(rule, Either):
        found = [find_costly(value, inner, path) for inner in rule.rules]
        return None if None in found else found[-1]
    if isinstance(value, list):
        return first(find_costly(item, rule, f"{path}[{index}]") for index, item in enumerate(value))
    if isinstance(rule, Members):
        return find_member(value, rule.rules, path) if isinstance(value, dict) else path if value is not None else None
    if isinstance(value, dict):
        return path
    if isinstance(rule, Matching):
        return None if value is None or (isinstance(value, str) and rule.pattern.fullmatch(value)) else path
    return path if isinstance(rule, OneOf) and value not in rule.values else None


def find_member(value: Mapping[str, Any], rules: Mapping[str, Rule], path: str) -> str | None:
    """Return the path of the first member of an object that its rules do not allow."""
    for name, member in value.items():
        rule = rules.get(name)
        found = f"{path}.{name}" if rule is None else find_costly(member, rule, f"{path}.{name}")
        if found is not None:
            return found
    return None


def first(found: Any) -> str | None:  # Any: an iterable of paths
    """Return the first path that is one."""
    return next((path for path in found if path is not None), None)
