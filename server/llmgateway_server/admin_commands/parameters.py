"""What options and arguments of the admin sub-commands may be: names, words, times, amounts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import click

from llmgateway_server.admin_commands.readings import (
    NANOS_PER_S,
    Moment,
    read_moment,
    read_span_ns,
    read_usd_nanos,
)
from llmgateway_server.client_commands import Option

DIMENSIONS = ("team", "key", "end_user", "model", "provider", "route")
LABEL = "label:"
USER = "user"

BUCKETS_S: Mapping[str, int] = MappingProxyType({"minute": 60, "hour": 3_600, "day": 86_400})


def format_of(formats: Sequence[str]) -> Option[Callable[..., None]]:
    """Return the option that says how something is printed, in the first of some formats by default."""
    return click.option(
        "--format", "shown_as", type=click.Choice(formats), default=formats[0], show_default=True, help="How to print."
    )


TABLE_OR_JSON = ("table", "json")

SHOWN = format_of(TABLE_OR_JSON)
SHOWN_OR_CSV = format_of((*TABLE_OR_JSON, "csv"))
ETAG = click.option("--etag", default="", help="Only if the object still has this etag.")


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
