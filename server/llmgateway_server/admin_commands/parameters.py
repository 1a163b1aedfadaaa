"""What is written on the command line, and what it means: names, words, times, amounts."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import click

from llmgateway_server.client_commands import Option

MAX_AMOUNT = 10**18
NANO_DECIMALS = 9
NANOS_PER_S = 10**9

DIMENSIONS = ("team", "key", "end_user", "model", "provider", "route")
LABEL = "label:"
USER = "user"

BUCKETS_S = {"minute": 60, "hour": 3_600, "day": 86_400}

_DOLLARS = re.compile(r"(-?)([0-9]{1,10})(?:\.([0-9]{1,9}))?")
_WHOLE = re.compile(r"[0-9]{1,19}")

SHOWN = click.option(
    "--format",
    "shown_as",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="How to print.",
)
SHOWN_OR_CSV = click.option(
    "--format",
    "shown_as",
    type=click.Choice(["table", "json", "csv"]),
    default="table",
    show_default=True,
    help="How to print.",
)
ETAG = click.option("--etag", default="", help="Only if the object still has this etag.")


@dataclass(frozen=True, slots=True)
class Moment:
    """A time, or one that lies a span from now. Both are nanoseconds."""

    time_ns: int = 0
    span_ns: int | None = None

    def before(self, now_ns: int) -> int:
        """Return the time, a span being one that is over."""
        return self.time_ns if self.span_ns is None else now_ns - self.span_ns

    def after(self, now_ns: int) -> int:
        """Return the time, a span being one to come."""
        return self.time_ns if self.span_ns is None else now_ns + self.span_ns


def read_moment(text: str) -> Moment:
    """Read `7d`, `2026-11-01` or `2026-11-01T12:00Z`; a time without a zone is UTC. Raise `ValueError`."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return Moment(span_ns=read_span_ns(text))
    since_epoch = time.replace(tzinfo=time.tzinfo or UTC) - datetime.fromtimestamp(0, UTC)
    seconds = since_epoch.days * 86_400 + since_epoch.seconds
    return Moment(seconds * NANOS_PER_S + since_epoch.microseconds * 1_000)


def read_span_ns(text: str) -> int:
    """Read a duration such as `90s`, `12h`, `7d`. Raise `ValueError`."""
    from llmgateway_server.config.units import parse_duration_s

    return round(parse_duration_s(text) * NANOS_PER_S)


def read_usd_nanos(text: str) -> int:
    """Read US dollars as 1e-9 dollars, without rounding. Raise `ValueError`."""
    match = _DOLLARS.fullmatch(text)
    usd_nanos = 0 if match is None else int(match[2] + (match[3] or "").ljust(NANO_DECIMALS, "0"))
    if match is None or usd_nanos > MAX_AMOUNT:
        raise ValueError("an amount is US dollars such as 0.50, up to 1000000000, with at most 9 decimals")
    return -usd_nanos if match[1] else usd_nanos


def read_limit(text: str, metric: str) -> int:
    """Read a quota's limit as its metric counts: dollars for `cost`, else a whole number. Raise `ValueError`."""
    if metric == "cost":
        usd_nanos = read_usd_nanos(text)
        if usd_nanos < 0:
            raise ValueError("a limit of cost is 0 or more US dollars")
        return usd_nanos
    if _WHOLE.fullmatch(text) is None or int(text) > MAX_AMOUNT:
        raise ValueError(f"a limit of {metric} is a whole number, such as 1000")
    return int(text)


class MomentType(click.ParamType[Moment]):
    """A time, or a span from now."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Moment:
        if isinstance(value, Moment):  # click converts defaults, and may convert them again
            return value
        try:
            return read_moment(value)
        except ValueError:
            known = "7d (from now), 2026-11-01 or 2026-11-01T12:00Z"
            self.fail(f"{value!r} is no time: give one such as {known}", param, ctx)


class SpanType(click.ParamType[int]):
    """A duration, in nanoseconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            return read_span_ns(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class BucketType(click.ParamType[int]):
    """The length of a bucket, in seconds."""

    name = "bucket"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if value in BUCKETS_S:
            return BUCKETS_S[value]
        try:
            bucket_s, rest_ns = divmod(read_span_ns(value), NANOS_PER_S)
        except ValueError as error:
            self.fail(f"a bucket is minute, hour or day, or {str(error).removeprefix('a duration is ')}", param, ctx)
        if rest_ns or not bucket_s:
            self.fail("a bucket has whole seconds, one at least", param, ctx)
        return bucket_s


class DollarsType(click.ParamType[int]):
    """An amount of US dollars, in 1e-9 dollars."""

    name = "dollars"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            return read_usd_nanos(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class DimensionType(click.ParamType[str]):
    """What usage is grouped by."""

    name = "dimension"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        dimension: str = "end_user" if value == USER else value
        is_label = dimension.startswith(LABEL) and dimension != LABEL
        if dimension not in DIMENSIONS and not is_label:
            self.fail(f"{value!r} is none of team, key, user, model, provider, route, label:NAME", param, ctx)
        return dimension


class FilterType(click.ParamType[tuple[str, str]]):
    """A dimension and the value to keep, as in `team=platform`."""

    name = "dimension=value"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        dimension, separator, kept = value.partition("=")
        if not separator:
            self.fail(f"{value!r} is not DIMENSION=VALUE", param, ctx)
        return DIMENSION.convert(dimension, param, ctx), kept


class NameType(click.ParamType[str]):
    """The name of a resource, of which the last part is enough: `ci` for `keys/ci`."""

    def __init__(self, collection: str) -> None:
        self.name = collection.removesuffix("s")
        self._head = f"{collection}/"

    def convert(
        self,
        value: Any,
        param: click.Parameter | None,  # noqa: ARG002  # click's own signature
        ctx: click.Context | None,  # noqa: ARG002
    ) -> str:
        """Return the full name; an empty text stays one."""
        id_ = str(value).removeprefix(self._head)
        return f"{self._head}{id_}" if id_ else ""


class WordType(click.Choice[str]):
    """The configuration's word for a value of an enum, such as `cost` for `METRIC_COST`."""

    def __init__(self, prefix: str, words: Sequence[str]) -> None:
        super().__init__(words)
        self._prefix = prefix

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the value's name in the contract."""
        return f"{self._prefix}{super().convert(value, param, ctx).upper()}"


MOMENT = MomentType()
SPAN = SpanType()
BUCKET = BucketType()
DOLLARS = DollarsType()
DIMENSION = DimensionType()
FILTER = FilterType()
KEY_NAME = NameType("keys")
TEAM_NAME = NameType("teams")
QUOTA_NAME = NameType("quotas")
TARGET_NAME = NameType("bannedTargets")


def clear_of(fields: Sequence[str]) -> Option[Callable[..., None]]:
    """Return the option that resets fields."""
    return click.option(
        "--clear", type=click.Choice(fields), metavar="FIELD", multiple=True, help=f"Reset one of {', '.join(fields)}."
    )


def given_of(options: Mapping[str, Any], now_ns: int) -> dict[str, Any]:
    """Return what the command line gave of an object's fields, ready for the message's constructor.

    Any: a field's value has the field's type.
    """
    given = {name: value for name, value in options.items() if value is not None and value != ()}
    return {name: field_of(value, now_ns) for name, value in given.items()}


def field_of(value: Any, now_ns: int) -> Any:
    """Return an option's value as the message has it: a time as a Timestamp, pairs as a map."""
    if isinstance(value, Moment):
        from google.protobuf.timestamp_pb2 import Timestamp

        time = Timestamp()
        time.FromNanoseconds(value.after(now_ns))
        return time
    is_pairs = isinstance(value, tuple) and isinstance(value[0], tuple)
    return dict(value) if is_pairs else value


def mask_of(given: Mapping[str, Any], cleared: Sequence[str]) -> list[str]:
    """Return the fields that an update is of; refuse one of nothing, and one that both sets and clears a field."""
    if both := sorted(set(given) & set(cleared)):
        raise click.UsageError(f"{both[0]} is both set and cleared.")
    if not given and not cleared:
        raise click.UsageError("Nothing is to be changed: give at least one option.")
    return [*given, *cleared]
