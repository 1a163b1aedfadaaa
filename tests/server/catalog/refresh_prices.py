"""Writes `catalog/models.json` anew from the data of the package genai-prices: `make prices`.

It runs in the generators' own environment, with the version of the package that their lock file pins; nothing of it is
needed, or fetched, where the gateway runs. What changes is read in the diff before it is committed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import ROUND_CEILING, Decimal
from importlib import metadata
from pathlib import Path
from typing import Any

from genai_prices import types
from genai_prices.data import providers

# A vendor of ours by the package's name for it. Vendors of many other vendors' models are left out where theirs differ by host.
VENDORS = {
    "anthropic": "anthropic",
    "azure": "azure",
    "bedrock": "aws",
    "cerebras": "cerebras",
    "cohere": "cohere",
    "deepseek": "deepseek",
    "fireworks": "fireworks",
    "gemini": "google",
    "groq": "groq",
    "mistral": "mistral",
    "openai": "openai",
    "openrouter": "openrouter",
    "together": "together",
    "vertex": "google",
    "xai": "x-ai",
}
# Our kinds by the package's. Prices of a thousand are made prices of a million.
KINDS = {
    "input_mtok": ("input", 1),
    "cache_read_mtok": ("cached_input", 1),
    "cache_write_mtok": ("cache_write_input", 1),
    "cache_write_1h_mtok": ("long_cache_write_input", 1),
    "input_audio_mtok": ("audio_input", 1),
    "input_image_mtok": ("image_input", 1),
    "output_mtok": ("output", 1),
    "output_reasoning_mtok": ("reasoning", 1),
    "output_audio_mtok": ("audio_output", 1),
    "output_image_mtok": ("image_output", 1),
    "web_searches_kcount": ("search_unit", 1000),
}
USD_NANOS = 10**9
FILE = Path(__file__).parents[3] / "server" / "llmgateway_server" / "catalog" / "models.json"


def main() -> int:
    """Write the file; return the exit code."""
    now = datetime.now(UTC)
    known = {provider.id: provider for provider in providers}
    vendors = {name: vendor(known[theirs], now) for name, theirs in sorted(VENDORS.items())}
    source = f"genai-prices {metadata.version('genai-prices')}"
    # One model a line: that is what a change of a price looks like in a diff.
    lines = [f'{{"source": "{source}", "read_on": "{now.date()}", "vendors": {{']
    for name, rows in vendors.items():
        lines.append(f'"{name}": [')
        lines += [json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "," for row in rows]
        lines[-1] = lines[-1].rstrip(",")
        lines.append("],")
    lines[-1] = lines[-1].rstrip(",")
    FILE.write_text("\n".join([*lines, "}}", ""]), encoding="utf-8")
    print(f"{FILE.name}: {sum(map(len, vendors.values()))} models of {len(vendors)} vendors, from {source}")
    return 0


def vendor(provider: types.Provider, now: datetime) -> list[dict[str, Any]]:
    """Return a vendor's models that have a price, or a known window."""
    rows = []
    for model in provider.models:
        prices = price_steps(model.get_prices(now))
        row: dict[str, Any] = {"match": [*alternatives(model.match)]}
        if model.context_window:
            row["context"] = model.context_window
        if prices:
            row["prices"] = prices
        if len(row) > 1:
            rows.append(row)
    return rows


def alternatives(clause: Any) -> Iterator[list[list[str]]]:
    """Yield the ways to match a name: each is a list of conditions that hold together."""
    if isinstance(clause, types.ClauseOr):
        for inner in clause.or_:
            yield from alternatives(inner)
    elif isinstance(clause, types.ClauseAnd):
        yield [condition(inner) for inner in clause.and_]
    else:
        yield [condition(clause)]


def condition(clause: Any) -> list[str]:
    """Return one condition as its kind and its text."""
    for kind in ("equals", "starts_with", "ends_with", "contains", "regex"):
        if hasattr(clause, kind):
            return [kind, getattr(clause, kind)]
    raise ValueError(f"a kind of match that is not known: {clause}")


def price_steps(prices: types.ModelPrice) -> dict[str, list[list[int]]]:
    """Return by kind of token the steps of its price: above how many input tokens, and 1e-9 US dollars a million."""
    made: dict[str, list[list[int]]] = {}
    for theirs, (kind, factor) in KINDS.items():
        value = getattr(prices, theirs, None)
        if isinstance(value, types.TieredPrices):
            made[kind] = [
                [0, nanos(value.base, factor)],
                *[[tier.start, nanos(tier.price, factor)] for tier in value.tiers],
            ]
        elif value is not None:
            made[kind] = [[0, nanos(value, factor)]]
    return made


def nanos(usd: Decimal, factor: int) -> int:
    """Return a price in 1e-9 US dollars, a third of a digit rounded up: a price is never told lower than it is."""
    return int((usd * factor * USD_NANOS).to_integral_value(ROUND_CEILING))


if __name__ == "__main__":
    sys.exit(main())
