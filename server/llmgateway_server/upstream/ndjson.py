"""Splits a byte stream into lines of JSON. Pure, incremental, bounded."""

from __future__ import annotations

from llmgateway_server.dialects.codec import Frame
from llmgateway_server.upstream.frames import FrameTooLargeError


class LineSplitter:
    """Turns chunks of bytes, cut anywhere, into one frame a line. Empty lines are none."""

    def __init__(self, max_frame_bytes: int) -> None:
        self._max_frame_bytes = max_frame_bytes
        self._rest = bytearray()

    def feed(self, data: bytes) -> list[Frame]:
        """Return the lines that `data` completes. Raise `FrameTooLargeError` where one grows beyond the limit."""
        if b"\n" not in data:
            self._rest += data
            self._check_size([])
            return []
        *lines, rest = (bytes(self._rest) + data).split(b"\n")
        self._rest = bytearray(rest)
        frames = [Frame("", line.strip()) for line in lines if line.strip()]
        self._check_size(frames)
        return frames

    def close(self) -> list[Frame]:
        """Return the line that the stream ended without closing."""
        line, self._rest = bytes(self._rest).strip(), bytearray()
        return [Frame("", line)] if line else []

    def _check_size(self, frames: list[Frame]) -> None:
        if len(self._rest) > self._max_frame_bytes:
            raise FrameTooLargeError(f"a line is larger than {self._max_frame_bytes} bytes", frames)
