"""Prices: of the configuration, of `prices.toml`, of the vendors' models; and what a usage costs by them.

Integers only: money is never a float. A price is in 1e-9 US dollars for a million tokens. The parts of a cost are
summed first and rounded up once, to the full 1e-9 dollar.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from importlib import resources

import msgspec
from llmgateway.v1 import model_pb2, usage_pb2

from llmgateway_server.catalog.models import ModelFile, ModelRow, load_models
from llmgateway_server.catalog.vendors import CatalogError

USD_NANOS = 10**9
TOKENS_PER_PRICE = 10**6
MAX_KNOWN = 4096

# Each kind of token (and searches) with the field that counts it, and the kind of which it is a part: where the part
# has a price of its own, that one replaces the whole's.
TOKEN_KINDS: Mapping[str, tuple[str, str]] = {
    "input": ("input_token_count", ""),
    "cached_input": ("cached_input_token_count", "input"),
    "cache_write_input": ("cache_write_input_token_count", "input"),
    "long_cache_write_input": ("long_cache_write_input_token_count", "cache_write_input"),
    "audio_input": ("audio_input_token_count", "input"),
    "image_input": ("image_input_token_count", "input"),
    "output": ("output_token_count", ""),
    "reasoning": ("reasoning_token_count", "output"),
    "audio_output": ("audio_output_token_count", "output"),
    "image_output": ("image_output_token_count", "output"),
    "search_unit": ("search_unit_count", ""),
}


# Kinds that some providers charge for by a count of their own.
BILLED_KINDS = frozenset({"input", "output"})


@dataclass(frozen=True, slots=True)
class Price:
    """What a million tokens of one kind cost, in 1e-9 US dollars; where and when that was read.

    Of several prices of a kind that one holds whose `above_input_token_count` is the highest that the input is above.
    """

    token_kind: str
    usd_nanos_per_million: int
    source: str
    read_on: date
    above_input_token_count: int = 0


class PriceRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table of `prices.toml`."""

    source: str
    read_on: date
    usd_per_million: dict[str, str]


class PriceBook:
    """Prices by `provider/model`, by the beginnings of such names, and by vendors' models, in this order."""

    def __init__(
        self,
        exact: Mapping[str, Sequence[Price]],
        beginnings: Mapping[str, Sequence[Price]],
        models: ModelFile | None = None,
    ) -> None:
        self._exact = exact
        self._beginnings = beginnings
        self._models = models
        # Callers name models again and again, and each look-up of a new one walks its vendor's rows.
        self._known = lru_cache(maxsize=MAX_KNOWN)(self._find)

    def find(self, provider: str, model: str) -> Sequence[Price]:
        """Return the prices of a model, none if they are unknown; the longest beginning wins."""
        return self._known(provider, model)

    def with_own(self, own: Mapping[str, Sequence[Price]]) -> PriceBook:
        """Return the same prices with some that come first, by `provider/model`."""
        return PriceBook({**self._exact, **own}, self._beginnings, self._models)

    def describe(self, model: model_pb2.Model, provider: str, name: str) -> None:
        """Add what is known of a model: its prices, and its context where the provider does not say."""
        if not model.prices:
            model.prices.extend(price_messages(self.find(provider, name)))
        if not model.context_token_count:
            model.context_token_count = self.context_token_count(provider, name)

    def context_token_count(self, provider: str, name: str) -> int:
        """Return the context that the list of prices has beside a model's, 0 where that is unknown."""
        row = self._models.find(provider, name) if self._models is not None else None
        return row.context if row is not None else 0

    def _find(self, provider: str, model: str) -> Sequence[Price]:
        name = f"{provider}/{model}"
        if name in self._exact:
            return self._exact[name]
        fitting = [beginning for beginning in self._beginnings if name.startswith(beginning)]
        if fitting:
            return self._beginnings[max(fitting, key=len)]
        row = self._models.find(provider, model) if self._models is not None else None
        return row_prices(row, self._models) if row is not None and self._models is not None else ()


class Tariff:
    """Prices, ready to tell what a usage costs: worked out once a target, for it is asked at every call."""

    def __init__(self, prices: Sequence[Price]) -> None:
        borders = sorted({0, *(price.above_input_token_count for price in prices)}, reverse=True)
        self._steps = [(border, Step(rates_above(border, prices))) for border in borders]

    def cost_usd_nanos(self, usage: usage_pb2.Usage) -> int:
        """Return what a usage costs: summed first, rounded up once.

        A part with a price of its own (`cached_input` of `input`) is billed by that, the rest of its whole by the
        whole's. Counts that make no sense (negative, parts larger than their whole) never give a credit.
        """
        for border, step in self._steps:
            if not border or usage.input_token_count > border:
                return step.cost_usd_nanos(usage)
        return 0


class Step:
    """The price of each kind of token that holds for calls of some sizes."""

    def __init__(self, rates: Mapping[str, int]) -> None:
        kinds = [*rates]
        self._rates = [*rates.values()]
        self._fields = [TOKEN_KINDS[kind][0] for kind in kinds]
        # By index: kinds that a provider may bill by a count of its own, with that count's field.
        self._billed = [(kinds.index(kind), f"billed_{kind}_token_count") for kind in BILLED_KINDS if kind in rates]
        # By index: each part that has a price of its own, and the nearest whole that has one.
        self._parts = [
            (kinds.index(kind), kinds.index(whole))
            for kind in kinds
            if (whole := priced_whole(kind, rates)) is not None
        ]

    def cost_usd_nanos(self, usage: usage_pb2.Usage) -> int:
        counts: list[int] = [max(0, getattr(usage, field)) for field in self._fields]
        for index, field in self._billed:
            if usage.HasField(field):  # type: ignore[arg-type]  # one of two names
                counts[index] = max(0, getattr(usage, field))
        left = counts.copy()
        for part, whole in self._parts:
            left[whole] = max(0, left[whole] - counts[part])
        total = sum([count * rate for count, rate in zip(left, self._rates, strict=True)])
        return -(-total // TOKENS_PER_PRICE)


def rates_above(border: int, prices: Sequence[Price]) -> dict[str, int]:
    """Return the price of each kind that holds for calls whose input is above a border of the prices."""
    return {
        price.token_kind: price.usd_nanos_per_million
        for price in sorted(prices, key=lambda price: price.above_input_token_count)
        if price.above_input_token_count <= border
    }


def priced_whole(kind: str, rates: Mapping[str, int]) -> str | None:
    """Return the nearest kind with a price that a kind is a part of, None where there is none."""
    whole = TOKEN_KINDS[kind][1]
    while whole and whole not in rates:
        whole = TOKEN_KINDS[whole][1]
    return whole or None


def row_prices(row: ModelRow, models: ModelFile) -> Sequence[Price]:
    """Return a model's prices, a step each."""
    return [
        Price(kind, rate, models.source, models.read_on, above)
        for kind, steps in row.prices.items()
        for above, rate in steps
    ]


def price_messages(prices: Sequence[Price]) -> list[model_pb2.Price]:
    """Return prices as `ListModels` shows them."""
    messages = []
    for price in prices:
        message = model_pb2.Price(
            token_kind=price.token_kind,
            usd_nanos_per_million=price.usd_nanos_per_million,
            source=price.source,
            above_input_token_count=price.above_input_token_count,
        )
        message.read_time.FromDatetime(datetime.combine(price.read_on, datetime.min.time(), UTC))
        messages.append(message)
    return messages


def load_prices() -> PriceBook:
    """Return the catalogue's prices. Raise `CatalogError`."""
    text = resources.files(__package__).joinpath("prices.toml").read_text(encoding="utf-8")
    return parse_prices(text, load_models())


def parse_prices(text: str, models: ModelFile | None = None) -> PriceBook:
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
    return PriceBook(exact, beginnings, models)


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
