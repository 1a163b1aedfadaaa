"""What the REST face must know of the configuration; each default is the gateway's own."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class ShimSettings:
    """Limits and timers of the REST face."""

    request_bytes: int = 32 * MIB
    """The largest request body; no more than that is kept of a larger one."""
    json_depth: int = 64
    """How deep the JSON of a body may nest."""
    header_bytes: int = 8 * 1024
    """The most bytes of all header lines of one request together, and of its request line."""
    concurrent_calls: int = 2_000
    """The most calls in the house at once; one more is refused before its body is read."""
    body_bytes_in_flight: int = 256 * MIB
    """The most bytes of request bodies held at once."""
    header_timeout_s: float = 10.0
    """How long a client may take for a request's line and headers."""
    body_timeout_s: float = 60.0
    """How long a client may take for a request's body."""
    idle_timeout_s: float = 75.0
    """How long a connection may stay open without a request."""
    header_hold_s: float = 10.0
    """How long a stream's status line waits for the first content."""
    keep_alive_s: float = 15.0
    """After so long a silence a stream sends a comment."""
    reader_stall_s: float = 60.0
    """How long a client may leave an answer unread before its connection is cut."""
    loopback_only: bool = False
    """Whether only programs on this machine are served; a web page opened on it is none."""
