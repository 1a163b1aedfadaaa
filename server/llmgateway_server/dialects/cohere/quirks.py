"""How one server that speaks the Cohere dialect differs from another. There is no difference known yet."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Quirks:
    """The differences of one server: none."""
