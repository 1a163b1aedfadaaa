"""Quotas as messages of the contract, and back. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

from llmgateway.admin.v1 import managed_by_pb2, quota_pb2

from llmgateway_server.admin.fields import Violations, check_count, set_time
from llmgateway_server.admin.quota_body import QuotaBody
from llmgateway_server.admin.shelf import Record
from llmgateway_server.config.quotas import MAX_AMOUNT, check_scope
from llmgateway_server.errors import FieldViolation
from llmgateway_server.quota.quotas import CONCURRENCY, STRICT
from llmgateway_server.quota.windows import Window, find_zone

MAX_WARNINGS = 16
# The body's names of the contract's fields, where they differ.
ATTRIBUTES = {"warn_fractions": "warn"}

Message = quota_pb2.Quota


def read_quota(quota: Message, wrong: Violations) -> QuotaBody:
    """Return what a message asks for. Whether its window goes with its metric: see `check_window`."""
    check_count("quota.warn_fractions", quota.warn_fractions, MAX_WARNINGS, wrong)
    for index, fraction in enumerate(quota.warn_fractions[:MAX_WARNINGS]):
        if math.isnan(fraction) or not 0 < fraction <= 1:
            wrong.append(FieldViolation(f"quota.warn_fractions[{index}]", "must be above 0 and at most 1"))
    if not 0 <= quota.limit <= MAX_AMOUNT:
        wrong.append(FieldViolation("quota.limit", f"must be 0 to {MAX_AMOUNT}, not {quota.limit}"))
    return QuotaBody(
        scope=quota.scope,
        metric=read_word("quota.metric", quota.metric, METRICS, wrong),
        window=read_word("quota.window", quota.window, WINDOWS, wrong),
        limit=quota.limit,
        timezone=quota.timezone or "UTC",
        anchor_day=quota.anchor_day,
        anchor_hour=quota.anchor_hour,
        warn=tuple(quota.warn_fractions[:MAX_WARNINGS]),
        enforcement=read_word("quota.enforcement", quota.enforcement, ENFORCEMENTS, wrong) or STRICT,
    )


def check_new(body: QuotaBody, wrong: Violations) -> None:
    """Check what cannot be changed of a quota later: its scope, metric and window."""
    check_scope_field("quota.scope", body.scope, wrong)
    if not body.metric:
        wrong.append(FieldViolation("quota.metric", "is required"))
    elif body.metric == CONCURRENCY and body.window:
        wrong.append(FieldViolation("quota.window", "must be unset: calls at once have none"))
    elif body.metric != CONCURRENCY and not body.window:
        wrong.append(FieldViolation("quota.window", f"is required for {body.metric}"))
    try:
        find_zone(body.timezone)
    except ValueError as error:
        wrong.append(FieldViolation("quota.timezone", f"is wrong: {error}"))
        return
    if body.window:
        check_anchor(body, wrong)


def check_anchor(body: QuotaBody, wrong: Violations) -> None:
    for field, day, hour in (
        ("anchor_day", body.anchor_day or 1, 0),
        ("anchor_hour", 1, body.anchor_hour),
    ):
        try:
            Window(body.window, body.timezone, day, hour)
        except ValueError as error:
            wrong.append(FieldViolation(f"quota.{field}", f"is wrong: {error}"))


def check_scope_field(path: str, scope: str, wrong: Violations) -> None:
    try:
        check_scope(scope)
    except ValueError as error:
        wrong.append(FieldViolation(path, f"is wrong: {error}"))


def read_word(path: str, number: int, words: dict[int, str], wrong: Violations) -> str:
    """Return the configuration's word for a number; an empty one for 0."""
    if number and number not in words:
        wrong.append(FieldViolation(path, f"has the unknown value {number}"))
    return words.get(number, "")


def words_of(names: Sequence[tuple[str, int]], prefix: str) -> dict[int, str]:
    """Return the configuration's words for the numbers of an enum."""
    return {number: name.removeprefix(prefix).lower() for name, number in names if number}


def number_of(words: dict[int, str], word: str) -> int:
    """Return the number of a word; 0 for an empty one."""
    return next((number for number, other in words.items() if other == word), 0)


METRICS = words_of(Message.Metric.items(), "METRIC_")
WINDOWS = words_of(Message.Window.items(), "WINDOW_")
ENFORCEMENTS = words_of(Message.Enforcement.items(), "ENFORCEMENT_")


def write_quota(record: Record[QuotaBody]) -> Message:
    """Return a quota as callers see it, but for how it stands."""
    body = record.body
    managed_by = managed_by_pb2.MANAGED_BY_CONFIG if record.is_configured else managed_by_pb2.MANAGED_BY_API
    quota = Message(
        name=f"quotas/{record.id}",
        scope=body.scope,
        metric=Message.Metric.ValueType(number_of(METRICS, body.metric)),
        window=Message.Window.ValueType(number_of(WINDOWS, body.window)),
        limit=body.limit,
        timezone=body.timezone,
        anchor_day=body.anchor_day,
        anchor_hour=body.anchor_hour,
        warn_fractions=body.warn,
        enforcement=Message.Enforcement.ValueType(number_of(ENFORCEMENTS, body.enforcement)),
        managed_by=managed_by,
        etag=record.etag,
    )
    if record.created_ns is not None:
        set_time(quota.create_time, record.created_ns)
        set_time(quota.update_time, record.updated_ns)
    return quota
