"""Who has leave to do something, and until when."""

from __future__ import annotations

import msgspec

LEASE_KIND = "lease"


class LeaseBody(msgspec.Struct, frozen=True):
    """`until_ns` is in nanoseconds since the epoch; what is past is nobody's."""

    holder: str
    until_ns: int
