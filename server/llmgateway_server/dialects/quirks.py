"""Reads quirks: how one provider of a dialect differs, as a catalogue row or a configuration holds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Q = TypeVar("Q", bound="DataclassInstance")


class QuirksError(ValueError):
    """A quirk is unknown or has a wrong value; the message names it."""


def read_quirks(dialect: str, kind: type[Q], values: Mapping[str, Any]) -> Q:  # Any: decoded TOML or YAML
    """Return a data class of quirks. Raise `QuirksError` for a member that it lacks or a value that does not fit."""
    known = [field.name for field in fields(kind)]
    unknown = sorted(values.keys() - set(known))
    if unknown:
        what = f"known: {', '.join(known)}" if known else "it has none"
        raise QuirksError(f"{unknown[0]} is no quirk of the {dialect} dialect; {what}")
    try:
        return msgspec.convert(dict(values), kind)
    except msgspec.ValidationError as error:
        raise QuirksError(str(error)) from error
