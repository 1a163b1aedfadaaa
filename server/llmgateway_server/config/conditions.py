"""What a rule may ask of a request: matchers over its facts, all of which must hold."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import time
from typing import Annotated, Literal, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticKnownError

from llmgateway_server.config.section import Section, Several

Thing = Literal["image", "audio", "video", "document", "tools", "schema", "json", "reasoning", "system", "prefill"]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]

# From Monday, as Python counts the days of a week.
WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)

HOW_TO_COMPARE = "this compares with a number: write '<500', '<=500', '>500', '>=500', 500 or 500..2000"
_COMPARISON = re.compile(r"(<=|>=|<|>|=)?\s*([0-9]{1,15}(?:\.[0-9]{1,6})?)")
_SPAN = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,6})?)\s*\.\.\s*([0-9]{1,15}(?:\.[0-9]{1,6})?)")
_HOURS = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-3]):([0-5][0-9])")


def short_for(name: str) -> BeforeValidator:
    """Let a section be written as a text alone, which stands for `name`. A number alone was meant as a text, too."""

    def read(value: object) -> object:
        if isinstance(value, bool | int | float):
            raise PydanticKnownError("string_type")
        return {name: value} if isinstance(value, str) else value

    return BeforeValidator(read)


class Range(msgspec.Struct, frozen=True):
    """Numbers from `least` to `most`; an open end leaves the bound itself out."""

    least: float = float("-inf")
    most: float = float("inf")
    without_least: bool = False
    without_most: bool = False

    def holds(self, number: float) -> bool:
        """Whether a number lies within."""
        above = number > self.least if self.without_least else number >= self.least
        return above and (number < self.most if self.without_most else number <= self.most)

    def __str__(self) -> str:
        """Write it as it is read."""
        if self.least == self.most:
            return f"{self.least:.15g}"
        if self.most == float("inf"):
            return f"{'>' if self.without_least else '>='}{self.least:.15g}"
        if self.least == float("-inf"):
            return f"{'<' if self.without_most else '<='}{self.most:.15g}"
        return f"{self.least:.15g}..{self.most:.15g}"


def parse_range(text: str) -> Range:
    """Read `<500`, `>=1000`, `=2`, `7` or `500..2000`; raise `ValueError` with a sentence."""
    span = _SPAN.fullmatch(text.strip())
    if span is not None:
        return parse_span(float(span[1]), float(span[2]))
    match = _COMPARISON.fullmatch(text.strip())
    if match is None:
        raise ValueError(HOW_TO_COMPARE)
    number = float(match[2])
    if match[1] in ("<", "<="):
        return Range(most=number, without_most=match[1] == "<")
    if match[1] in (">", ">="):
        return Range(least=number, without_least=match[1] == ">")
    return Range(number, number)


def parse_span(least: float, most: float) -> Range:
    """Return the numbers between two, which are within themselves."""
    if least > most:
        raise ValueError("a span goes from the smaller number to the larger one: 500..2000")
    return Range(least, most)


def read_range(value: object) -> object:
    """Read a comparison; a bare number means just that number."""
    if isinstance(value, Range):
        return value
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(HOW_TO_COMPARE)
    return parse_range(str(value))


def check_share(comparison: Range) -> Range:
    """Refuse a comparison with what is no share of 1: it would hold always, or never."""
    for bound in (comparison.least, comparison.most):
        if math.isfinite(bound) and not 0 <= bound <= 1:
            raise ValueError("complexity goes from 0 to 1: write '>0.6' or 0.2..0.4")
    return comparison


class Hours(msgspec.Struct, frozen=True):
    """A span of the day, over midnight where it ends before it begins. The end itself is not within."""

    begin: time
    end: time

    def holds(self, moment: time) -> bool:
        """Whether a time of day lies within."""
        if self.begin <= self.end:
            return self.begin <= moment < self.end
        return moment >= self.begin or moment < self.end

    def __str__(self) -> str:
        """Write it as it is read."""
        return f"{self.begin:%H:%M}-{self.end:%H:%M}"


def read_hours(value: object) -> object:
    """Read `08:00-18:00`."""
    if isinstance(value, Hours):
        return value
    match = _HOURS.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("hours are written 08:00-18:00, and midnight 00:00")
    hours = Hours(time(int(match[1]), int(match[2])), time(int(match[3]), int(match[4])))
    if hours.begin == hours.end:
        raise ValueError("these hours end as they begin: leave them out for the whole day")
    return hours


def read_timezone(value: object) -> object:
    """Read the name of a time zone."""
    try:
        return ZoneInfo(value).key if isinstance(value, str) else value
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError("a time zone is named as in the IANA database, for example Europe/Berlin") from error


def read_patterns(value: object) -> object:
    """Read a text alone as a list of one; a number alone was meant as a text, too."""
    if isinstance(value, bool | int | float):
        raise PydanticKnownError("string_type")
    return [value] if isinstance(value, str) else value


# Texts in which each `*` stands for any text; any of them may fit. A label is asked for one text at least.
Patterns = Annotated[Several[str], BeforeValidator(read_patterns)]
Labels = Mapping[str, Annotated[Several[str], BeforeValidator(read_patterns), Field(min_length=1)]]


class OpaqueSection(Section):
    """A section whose values may be of types of our own, made by validators."""

    model_config = ConfigDict(arbitrary_types_allowed=True)


Comparison = Annotated[Range, BeforeValidator(read_range)]
Share = Annotated[Comparison, AfterValidator(check_share)]


class PrincipalCondition(Section):
    """Who calls: the key's name, its team, its labels."""

    name: Patterns = ()
    team: Patterns = ()
    label: Labels = Field(default_factory=dict)


class TimeCondition(OpaqueSection):
    """When the call comes, by the clocks of a time zone. The day is that of the moment, after midnight the next."""

    hours: Annotated[Hours, BeforeValidator(read_hours)] | None = None
    days: Several[Weekday] = ()
    timezone: Annotated[str, BeforeValidator(read_timezone)] = "UTC"


class ConditionSettings(OpaqueSection):
    """What must all be true of a request; what is absent is not asked.

    Texts are patterns, in which `*` stands for any text. A label that a request lacks reads as the empty text.
    Comparisons that begin with `<` or `>` stand in quotes: YAML has a meaning of its own for `>`.
    """

    expression: str | None = Field(default=None, min_length=1, max_length=4_096)
    """An expression of CEL over the same facts; nothing else stands beside it."""
    model: Patterns = ()
    """The name that the caller asked for."""
    has: Several[Thing] = ()
    has_not: Several[Thing] = ()
    input_tokens: Comparison | None = None
    """About how many tokens the model would read."""
    output_tokens: Comparison | None = None
    """The request's own limit; 0 where it has none."""
    message_count: Comparison | None = None
    turn_count: Comparison | None = None
    """How often the user speaks."""
    tool_count: Comparison | None = None
    complexity: Share | None = None
    """From 0 to 1; see `routing/complexity.py`."""
    label: Labels = Field(default_factory=dict)
    principal: PrincipalCondition | None = None
    time: TimeCondition | None = None
