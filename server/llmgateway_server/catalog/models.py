"""What vendors' models cost and hold, as rows of `models.json`: made from a maintained package's data by `make prices`.

Nothing is fetched: the file is part of the gateway. A model that no row matches is unknown, and unknown is not free and
not incapable: it has no price, and no limit that the gateway knows of.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from functools import lru_cache
from importlib import resources

import msgspec

# By kind of condition: does a name meet it?
Condition = tuple[str, str]


class ModelRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A model, or several of one price.

    `match` holds the ways to match its name: each is a list of conditions that hold together. `context` is in tokens, 0
    if unknown. `prices` are by kind of token, each a list of steps: above how many input tokens of a call it holds, and
    1e-9 US dollars for a million tokens.
    """

    match: tuple[tuple[Condition, ...], ...]
    context: int = 0
    prices: Mapping[str, tuple[tuple[int, int], ...]] = {}

    def fits(self, name: str) -> bool:
        """Whether a name is this model's."""
        return any(all(meets(name, kind, text) for kind, text in conditions) for conditions in self.match)


class ModelFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file: whose data it is, as of which day, and rows by vendor."""

    source: str
    read_on: date
    vendors: Mapping[str, tuple[ModelRow, ...]]

    def find(self, vendor: str, name: str) -> ModelRow | None:
        """Return the first row that fits a name. Names are as the vendor has them, whatever their case."""
        return next((row for row in self.vendors.get(vendor, ()) if row.fits(name.lower())), None)


def meets(name: str, kind: str, text: str) -> bool:
    """Whether a name meets one condition."""
    if kind == "equals":
        return name == text
    if kind == "starts_with":
        return name.startswith(text)
    if kind == "ends_with":
        return name.endswith(text)
    if kind == "contains":
        return text in name
    return re.search(text, name) is not None


@lru_cache(maxsize=1)  # a quarter of a megabyte, read once
def load_models() -> ModelFile:
    """Return the file's rows."""
    return msgspec.json.decode(resources.files(__package__).joinpath("models.json").read_bytes(), type=ModelFile)


def kinds_of(rows: Sequence[ModelRow]) -> frozenset[str]:
    """Return the kinds of token that have a price."""
    return frozenset(kind for row in rows for kind in row.prices)
