"""Durations and sizes as people write them in the configuration."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

DURATION_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
SIZE_UNITS_BYTES = {"B": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}

MAX_DURATION_S = 366 * 86400.0
MAX_SIZE_BYTES = 64 * 1024**3
MAX_USD_NANOS = 10**15

_DURATION = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,6})?)(ms|s|m|h|d)")
_SIZE = re.compile(r"([0-9]{1,15})(B|KiB|MiB|GiB)")


def parse_duration_s(text: str) -> float:
    """Read `300ms`, `20s`, `10m`, `2h`, `7d` as seconds, at most a year.

    Raises `ValueError` with a sentence that says how to write one.
    """
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError("a duration is a number with a unit, such as 300ms, 20s, 10m, 2h or 7d")
    duration_s = float(match[1]) * DURATION_UNITS_S[match[2]]
    if duration_s > MAX_DURATION_S:
        raise ValueError("a duration is at most 366d")
    return duration_s


def parse_size_bytes(text: str) -> int:
    """Read `512B`, `64KiB`, `256MiB`, `1GiB` as bytes, at most 64 GiB.

    Raises `ValueError` with a sentence that says how to write one.
    """
    match = _SIZE.fullmatch(text)
    if match is None:
        raise ValueError("a size is a whole number with a unit, such as 512B, 64KiB, 256MiB or 1GiB")
    size_bytes = int(match[1]) * SIZE_UNITS_BYTES[match[2]]
    if size_bytes > MAX_SIZE_BYTES:
        raise ValueError("a size is at most 64GiB")
    return size_bytes


def parse_usd_nanos(text: str) -> int:
    """Read US dollars such as `0.15` as 1e-9 dollars, at most a million dollars.

    Raises `ValueError` with a sentence that says how to write one.
    """
    try:
        usd_nanos = Decimal(text) * 10**9
    except InvalidOperation as error:
        raise ValueError("a price is a number of US dollars, such as 0.15") from error
    if not usd_nanos.is_finite() or not 0 <= usd_nanos <= MAX_USD_NANOS or usd_nanos != usd_nanos.to_integral_value():
        raise ValueError("a price is 0 to 1000000 US dollars, with at most 9 decimals")
    return int(usd_nanos)
