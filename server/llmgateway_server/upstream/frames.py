"""What cuts a stream into frames, whatever its framing."""

from __future__ import annotations

from typing import Protocol

from llmgateway_server.dialects.codec import Frame


class FrameTooLargeError(ValueError):
    """A frame has not ended within the limit."""


class BadFrameError(ValueError):
    """The bytes cannot be cut into frames; the message says why."""


class Splitter(Protocol):
    """Turns chunks of bytes, cut anywhere, into frames. Raises `FrameTooLargeError` or `BadFrameError`."""

    def feed(self, data: bytes) -> list[Frame]: ...

    def close(self) -> list[Frame]:
        """Return what the end of the bytes completes."""
        ...
