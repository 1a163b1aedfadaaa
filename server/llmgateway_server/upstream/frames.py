"""What cuts a stream into frames, whatever its framing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from llmgateway_server.dialects.codec import Frame


class FramingError(ValueError):
    """No more frames can be cut. `frames` are those that the same bytes had completed before."""

    def __init__(self, message: str, frames: Sequence[Frame] = ()) -> None:
        super().__init__(message)
        self.frames = frames


class FrameTooLargeError(FramingError):
    """A frame has not ended within the limit."""


class BadFrameError(FramingError):
    """The bytes cannot be cut into frames; the message says why."""


class Splitter(Protocol):
    """Turns chunks of bytes, cut anywhere, into frames. Raises `FrameTooLargeError` or `BadFrameError`."""

    def feed(self, data: bytes) -> list[Frame]: ...

    def close(self) -> list[Frame]:
        """Return what the end of the bytes completes."""
        ...
