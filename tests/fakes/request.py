"""A request as a fake server keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """A request as it came. Header names are lower case; `body` is decoded JSON, None where there is none."""

    method: str
    path: str
    headers: Mapping[str, str]
    raw_body: bytes
    body: Any = field(repr=False)  # Any: decoded JSON.

    @property
    def route(self) -> str:
        """The path without its query."""
        return self.path.partition("?")[0]
