"""Prices as rows of `prices.toml`, and what a usage costs by them. Integers only: money is never a float.

A price is in 1e-9 US dollars for a million tokens. The parts of a cost are summed first and rounded up once, to
the full 1e-9 dollar.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from importlib import resources
from typing import Protocol

import msgspec
from llmgateway.v1 import model_pb2, usage_pb2

from llmgateway_server.catalog.vendors import CatalogError

USD_NANOS = 10**9
TOKENS_PER_PRICE = 10**6

# Each kind of token with the field that counts it, and the kind of which it is a part: where the part has a price
# of its own, that one replaces the whole's.
TOKEN_KINDS: Mapping[str, tuple[str, str]] = {
    "input": ("input_token_count", ""),
    "cached_input": ("cached_input_token_count", "input"),
    "cache_write_input": ("cache_write_input_token_count", "input"),
    "output": ("output_token_count", ""),
    "reasoning": ("reasoning_token_count", "output"),
}


class Priced(Protocol):
    """What has a price: a provider's model."""

    @property
    def provider(self) -> str: ...
    @property
    def model(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Price:
    """What a million tokens of one kind cost, in 1e-9 US dollars; where and when that was read."""

    token_kind: str
    usd_nanos_per_million: int
    source: str
    read_on: date


class PriceRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table of `prices.toml`."""

    source: str
    read_on: date
    usd_per_million: dict[str, str]


@dataclass(frozen=True, slots=True)
class PriceBook:
    """Prices by `provider/model`, and by the beginnings of such names."""

    exact: Mapping[str, Sequence[Price]]
    beginnings: Mapping[str, Sequence[Price]]

    def find(self, target: Priced) -> Sequence[Price]:
        """Return the prices of a model, none if they are unknown; the longest beginning wins."""
        name = f"{target.provider}/{target.model}"
        if name in self.exact:
            return self.exact[name]
        fitting = [beginning for beginning in self.beginnings if name.startswith(beginning)]
        return self.beginnings[max(fitting, key=len)] if fitting else ()

    def cost_usd_nanos(self, target: Priced, usage: usage_pb2.Usage) -> int | None:
        """Return what a usage costs, None where no price is known."""
        prices = self.find(target)
        return cost_usd_nanos(usage, prices) if prices else None


def cost_usd_nanos(usage: usage_pb2.Usage, prices: Sequence[Price]) -> int:
    """Return what a usage costs by these prices: summed first, rounded up once.

    A part with a price of its own (`cached_input` of `input`) is billed by that, the rest of its whole by the
    whole's. Counts that make no sense (negative, parts larger than their whole) never give a credit.
    """
    rates = {price.token_kind: price.usd_nanos_per_million for price in prices}
    counts: dict[str, int] = {kind: max(0, getattr(usage, TOKEN_KINDS[kind][0])) for kind in rates}
    for kind in rates:
        whole = TOKEN_KINDS[kind][1]
        if whole in counts:
            counts[whole] = max(0, counts[whole] - counts[kind])
    total: int = sum(counts[kind] * rate for kind, rate in rates.items())
    return -(-total // TOKENS_PER_PRICE)


def price_messages(prices: Sequence[Price]) -> list[model_pb2.Price]:
    """Return prices as `ListModels` shows them."""
    messages = []
    for price in prices:
        message = model_pb2.Price(
            token_kind=price.token_kind, usd_nanos_per_million=price.usd_nanos_per_million, source=price.source
        )
        message.read_time.FromDatetime(datetime.combine(price.read_on, datetime.min.time(), UTC))
        messages.append(message)
    return messages


def load_prices() -> PriceBook:
    """Return the catalogue's prices. Raise `CatalogError`."""
    return parse_prices(resources.files(__package__).joinpath("prices.toml").read_text(encoding="utf-8"))


def parse_prices(text: str) -> PriceBook:
    """Read prices from TOML. Raise `CatalogError`."""
    exact, beginnings = {}, {}
    for name, table in tomllib.loads(text).items():
        try:
            row = msgspec.convert(table, PriceRow)
            prices = [parse_price(kind, usd, row) for kind, usd in row.usd_per_million.items()]
        except (msgspec.ValidationError, ValueError) as error:
            raise CatalogError(f"prices of {name}: {error}") from error
        if name.endswith("*"):
            beginnings[name[:-1]] = prices
        else:
            exact[name] = prices
    return PriceBook(exact, beginnings)


def parse_price(token_kind: str, usd: str, row: PriceRow) -> Price:
    """Turn US dollars for a million tokens into a price; raise `ValueError` where a digit would be lost."""
    if token_kind not in TOKEN_KINDS:
        raise ValueError(f"unknown token kind {token_kind}; known: {', '.join(TOKEN_KINDS)}")
    try:
        usd_nanos = Decimal(usd) * USD_NANOS
    except InvalidOperation as error:
        raise ValueError(f"{token_kind} is no decimal number") from error
    if not usd_nanos.is_finite() or usd_nanos < 0 or usd_nanos != usd_nanos.to_integral_value():
        raise ValueError(f"{token_kind} is a positive number with at most 9 decimals")
    return Price(token_kind, int(usd_nanos), row.source, row.read_on)
