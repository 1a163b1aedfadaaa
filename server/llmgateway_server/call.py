"""One call: who asks, until when, and under which id. Immutable; passed, never ambient."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls.

    `models` are patterns of what it may call: `*`, `provider/*`, `provider/model` or a route's name.
    """

    name: str
    models: tuple[str, ...] = ("*",)
    team: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Call:
    """One RPC from its acceptance to its end.

    `accepted_s` and `deadline_s` are seconds of the event loop's monotonic clock; `accepted_at_ns` is the
    wall clock's nanoseconds since the epoch. No wait of the call may last beyond `deadline_s`.
    """

    id: str
    method: str
    principal: Principal
    accepted_s: float
    accepted_at_ns: int
    deadline_s: float
