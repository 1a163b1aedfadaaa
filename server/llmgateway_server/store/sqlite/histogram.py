"""Histograms of latencies as bytes, and the functions of SQL that make and add them.

A histogram is a whole number with 40 bits a bucket, so that one addition adds two of them bucket by bucket. As bytes it
is the number of its first bucket that is not empty, in two bytes, and the number from there on.
"""

from __future__ import annotations

import sqlite3
from collections import Counter as Counts

BUCKET_BITS = 40
BUCKET = (1 << BUCKET_BITS) - 1
EMPTY = b""


def encode(number: int) -> bytes:
    """Return a histogram as bytes; none for an empty one."""
    if not number:
        return EMPTY
    first = ((number & -number).bit_length() - 1) // BUCKET_BITS
    number >>= first * BUCKET_BITS
    return first.to_bytes(2, "little") + number.to_bytes((number.bit_length() + 7) // 8, "little")


def decode(data: bytes) -> int:
    """Return a histogram from bytes."""
    if not data:
        return 0
    return int.from_bytes(data[2:], "little") << int.from_bytes(data[:2], "little") * BUCKET_BITS


def counts_of(data: bytes) -> Counts[int]:
    """Return how many are in which bucket."""
    number, bucket = int.from_bytes(data[2:], "little"), int.from_bytes(data[:2], "little")
    counts: Counts[int] = Counts()
    while number:
        if number & BUCKET:
            counts[bucket] = number & BUCKET
        number >>= BUCKET_BITS
        bucket += 1
    return counts


class HistogramOfBuckets:
    """`histogram(bucket)`: of the rows of a group, leaving out those without one."""

    def __init__(self) -> None:
        self._number = 0

    def step(self, bucket: int | None) -> None:
        if bucket is not None:
            self._number += 1 << bucket * BUCKET_BITS

    def finalize(self) -> bytes:
        return encode(self._number)


class SumOfHistograms:
    """`histogram_sum(histogram)`: of the histograms of a group."""

    def __init__(self) -> None:
        self._number = 0

    def step(self, data: bytes) -> None:
        self._number += decode(data)

    def finalize(self) -> bytes:
        return encode(self._number)


def add(data: bytes, other: bytes) -> bytes:
    """`histogram_add(histogram, histogram)`."""
    return encode(decode(data) + decode(other))


def register(connection: sqlite3.Connection) -> None:
    """Add the functions to a connection."""
    connection.create_aggregate("histogram", 1, HistogramOfBuckets)  # type: ignore[arg-type]  # typeshed: integers only
    connection.create_aggregate("histogram_sum", 1, SumOfHistograms)  # type: ignore[arg-type]  # typeshed: integers only
    connection.create_function("histogram_add", 2, add, deterministic=True)
