"""Counts of a usage, read tolerantly: never a credit, never more than the contract holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llmgateway.v1 import call_pb2, usage_pb2

from llmgateway_server.dialects.reading import INT32_MAX, Json


def read_count(raw: Json, member: str, warnings: list[call_pb2.Warning]) -> int:
    """Return a count of at least 0 that fits the contract; where that is not what came, say so in `warnings`."""
    value: Any = raw.get(member)
    if type(value) is int and 0 <= value <= INT32_MAX:
        return value
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:  # NaN
        description, count = "is no number: it counts as 0", 0
    elif value < 0:
        description, count = "is negative: it counts as 0", 0
    elif value > INT32_MAX:
        description, count = f"is beyond any model: it counts as {INT32_MAX}", INT32_MAX
    else:
        return int(value)
    warnings.append(call_pb2.Warning(field="usage", description=f"The provider's {member} {description}."))
    return count


def doubt(usage: usage_pb2.Usage, raw: Json, required: Sequence[str], warnings: Sequence[call_pb2.Warning]) -> None:
    """Say that a usage is not the provider's word: a count makes no sense, or one is absent that is always told.

    Who books it must not take a 0 that stands for nothing for a bill.
    """
    if warnings or any(raw.get(member) is None for member in required):
        usage.source = usage_pb2.Usage.SOURCE_COUNTED
