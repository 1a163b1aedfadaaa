"""One call: who asks, until when, and under which id. Immutable but for its outcome; passed, never ambient."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec
from google.protobuf.duration_pb2 import Duration
from llmgateway.v1 import call_pb2, usage_pb2

NANOS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls.

    `models` are patterns of what it may call: `*`, `provider/*`, `provider/model` or a route's name. `require` are tags
    that whatever answers it must have; `weight` is its share where calls of several keys wait for room. `team` is its
    own, `teams` that and all that it is part of, the widest first. `role` is what it may do over the admin services.
    `expires_s` is when it ends, in seconds since the epoch; `networks` are those that it may come from, all if empty.
    """

    name: str
    models: tuple[str, ...] = ("*",)
    team: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    require: Mapping[str, str] = field(default_factory=dict)
    weight: int = 1
    teams: tuple[str, ...] = ()
    role: str = "member"
    expires_s: float | None = None
    networks: tuple[str, ...] = ()


class Outcome(msgspec.Struct):
    """What becomes known of a call on its way, for its log line and its metrics.

    The pipeline writes it, the rim reads it once the call has ended. `provider` and `model` name the target;
    they are empty until one is found. `waited_s` is the time spent waiting for providers.
    """

    requested_model: str = ""
    provider: str = ""
    model: str = ""
    attempts: list[call_pb2.Attempt] = msgspec.field(default_factory=list)
    usage: usage_pb2.Usage | None = None
    first_content_s: float | None = None
    waited_s: float = 0.0


class Call(msgspec.Struct, frozen=True):
    """One RPC from its acceptance to its end. A struct of msgspec's: made many times as fast as a data class.

    `accepted_s` and `deadline_s` are seconds of a monotonic clock; `accepted_at_ns` is the
    wall clock's nanoseconds since the epoch. No wait of the call may last beyond `deadline_s`.
    """

    id: str
    method: str
    principal: Principal
    accepted_s: float
    accepted_at_ns: int
    deadline_s: float
    outcome: Outcome = msgspec.field(default_factory=Outcome)


def set_duration(duration: Duration, seconds: float) -> None:
    """Set a Duration, attribute by attribute: several times cheaper than its own `FromTimedelta`."""
    duration.seconds, duration.nanos = divmod(int(seconds * NANOS_PER_S), NANOS_PER_S)
