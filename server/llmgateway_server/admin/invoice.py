"""A provider's invoice: what was billed for a model on a day. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation

import msgspec

from llmgateway_server import errors
from llmgateway_server.config.quotas import USD_NANOS
from llmgateway_server.errors import FieldViolation

MAX_INVOICE_BYTES = 16 * 1024**2
MAX_BILLED = 10**18
MAX_MODEL = 512


class Columns(msgspec.Struct, frozen=True):
    """The names of an invoice's columns."""

    date: str = "date"
    model: str = "model"
    cost: str = "cost_usd"


class Item(msgspec.Struct, frozen=True, order=True):
    """What is billed apart: a day, in UTC, and a model."""

    day: date
    model: str


class Invoice(msgspec.Struct, frozen=True):
    """What a provider billed, by item, in 1e-9 US dollars."""

    provider: str
    billed: Mapping[Item, int]


def read_invoice(invoice: bytes, columns: Columns) -> Mapping[Item, int]:
    """Return what an invoice bills by item, in 1e-9 US dollars; raise `InvalidField` with the line that is wrong."""
    if not 1 <= len(invoice) <= MAX_INVOICE_BYTES:
        raise wrong(f"must have 1 to {MAX_INVOICE_BYTES} bytes, not {len(invoice)}")
    try:
        text = invoice.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise wrong("must be UTF-8") from error
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    billed: dict[Item, int] = {}
    try:
        places = places_of(next(reader), columns)
        for row in reader:
            if row:
                item, usd_nanos = read_row(row, places)
                billed[item] = billed.get(item, 0) + usd_nanos
    except (csv.Error, StopIteration, ValueError) as error:
        raise wrong(f"line {reader.line_num}: {error or 'there is no line of names'}") from error
    if any(abs(usd_nanos) > MAX_BILLED for usd_nanos in billed.values()):
        raise wrong(f"bills more than {MAX_BILLED // USD_NANOS} US dollars for a model on a day")
    return billed


def wrong(description: str) -> errors.InvalidField:
    return errors.InvalidField([FieldViolation("invoice_csv", description)])


def places_of(names: Sequence[str], columns: Columns) -> tuple[int, int, int]:
    """Return at which places the columns stand; raise `ValueError` where one is missing."""
    stripped = [name.strip() for name in names]
    for column in (columns.date, columns.model, columns.cost):
        if stripped.count(column) != 1:
            raise ValueError(f"must have one column {column[:64]!r}")
    return stripped.index(columns.date), stripped.index(columns.model), stripped.index(columns.cost)


def read_row(row: Sequence[str], places: tuple[int, int, int]) -> tuple[Item, int]:
    """Return what a line bills; raise `ValueError`."""
    if len(row) <= max(places):
        raise ValueError("has fewer fields than the line of names")
    day, model, cost = (row[place].strip() for place in places)
    if not 1 <= len(model) <= MAX_MODEL:
        raise ValueError(f"must name a model in at most {MAX_MODEL} characters")
    return Item(read_day(day), model), read_usd_nanos(cost)


def read_day(text: str) -> date:
    """Return a day, in UTC; raise `ValueError`."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"{text[:64]!r} is no day such as 2026-11-30 and no time in RFC 3339") from error
    return (time if time.tzinfo is None else time.astimezone(UTC)).date()


def read_usd_nanos(text: str) -> int:
    """Return US dollars in 1e-9 dollars; raise `ValueError`."""
    try:
        usd_nanos = Decimal(text[:64]) * USD_NANOS
    except InvalidOperation as error:
        raise ValueError(f"{text[:64]!r} is no amount of US dollars such as 0.0125") from error
    if not usd_nanos.is_finite() or abs(usd_nanos) > MAX_BILLED or usd_nanos != usd_nanos.to_integral_value():
        raise ValueError(f"{text[:64]!r} is no amount of US dollars with at most 9 decimals")
    return int(usd_nanos)
