"""Reads JSON that others wrote: what has the expected type is taken, everything else counts as absent."""

from __future__ import annotations

import json
from typing import Any

import msgspec

Json = dict[str, Any]  # Any: whatever JSON holds
INT32_MAX = 2**31 - 1


def decode(data: bytes) -> object:
    """Decode JSON; also what is not quite JSON, such as NaN. Raise `ValueError`."""
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    try:
        return json.loads(data)  # takes NaN, Infinity and lone surrogates
    except RecursionError as error:
        raise ValueError("it nests too deep") from error


def text(value: Any) -> str:
    """Return a text that protobuf can hold, empty for anything else."""
    if not isinstance(value, str):
        return ""
    return value if value.isascii() else value.encode("utf-8", "replace").decode("utf-8")


def mapping(value: Any) -> Json:
    """Return an object, an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def items(value: Any) -> list[Any]:
    """Return an array, an empty one for anything else."""
    return value if isinstance(value, list) else []


def index(value: Any, default: int) -> int:
    """Return a place in a list, `default` for anything that is none."""
    return value if isinstance(value, int) and 0 <= value < 100_000 else default


def number(value: Any) -> float:
    """Return a number, 0 for anything else, and for what no double holds."""
    try:
        return float(value) if isinstance(value, int | float) else 0.0
    except OverflowError:
        return 0.0


def compact(value: object) -> str:
    """Return a value as JSON text. What only Python's encoder takes (NaN, half characters) goes the slow way."""
    try:
        return msgspec.json.encode(value).decode()
    except (msgspec.EncodeError, UnicodeEncodeError, ValueError, OverflowError):
        pass
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace").decode("utf-8")


def rest(value: Json, known: frozenset[str]) -> Json:
    """Return the members without a home in the contract, but those that are null."""
    if value.keys() <= known:
        return {}
    return {member: inner for member, inner in value.items() if member not in known and inner is not None}
