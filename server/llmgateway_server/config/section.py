"""What every section of the settings is made of: values with units, and a strict, immutable base.

Names in YAML are the aliases: a duration is written `300ms`, `20s`, `10m`, `7d`, a size `256MiB`; the
attribute's name says the unit it is kept in. Code may also build a section by attribute names, with plain
numbers in that unit: `TimeoutSettings(connect_s=0.2)`.
"""

from __future__ import annotations

from typing import Annotated, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, Strict, ValidationInfo

from llmgateway_server.config.units import (
    MAX_DURATION_S,
    MAX_SIZE_BYTES,
    parse_duration_s,
    parse_size_bytes,
    parse_usd_nanos,
)

# The validation context of values that were read from a file, where a bare number would leave its unit to guess.
FROM_FILE = {"from_file": True}

Item = TypeVar("Item")


def is_bare_number(value: object, info: ValidationInfo) -> bool:
    """Whether `value` is a number that code gave in the attribute's own unit."""
    return info.context is None and isinstance(value, int | float) and not isinstance(value, bool)


def read_duration_s(value: object, info: ValidationInfo) -> object:
    """Turn a duration's text into seconds."""
    if is_bare_number(value, info):
        return value
    return parse_duration_s(value if isinstance(value, str) else "")


def read_usd_nanos(value: object) -> object:
    """Read a price in US dollars; what is no number goes on to be refused by its type."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return value
    return parse_usd_nanos(str(value))


def read_size_bytes(value: object, info: ValidationInfo) -> object:
    """Turn a size's text into bytes."""
    if is_bare_number(value, info):
        return value
    return parse_size_bytes(value if isinstance(value, str) else "")


Duration = Annotated[float, BeforeValidator(read_duration_s), Field(ge=0, le=MAX_DURATION_S)]
UsdNanos = Annotated[int, BeforeValidator(read_usd_nanos), Field(ge=0)]
PositiveDuration = Annotated[float, BeforeValidator(read_duration_s), Field(gt=0, le=MAX_DURATION_S)]
Size = Annotated[int, BeforeValidator(read_size_bytes), Field(gt=0, le=MAX_SIZE_BYTES)]
# YAML and callers give lists; strictness binds the items, not the container.
Several = Annotated[tuple[Item, ...], Strict(False)]


class Section(BaseModel):
    """A part of the configuration: immutable, strict in its types, closed to unknown keys."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        populate_by_name=True,
        validate_default=False,
        allow_inf_nan=False,
        hide_input_in_errors=True,
    )
