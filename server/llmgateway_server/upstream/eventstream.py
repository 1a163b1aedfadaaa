"""Splits AWS's binary event streams into frames. Pure, incremental, bounded, every checksum checked.

A message is its total length, the length of its headers, and a CRC-32 of both (4 bytes each, big-endian); then the
headers, the payload, and a CRC-32 of all before it (AWS, "Amazon Transcribe: event stream encoding", and the Smithy
specification "Amazon Event Stream", read 2026-11-25).
"""

from __future__ import annotations

import struct
import zlib

import msgspec

from llmgateway_server.dialects.codec import Frame
from llmgateway_server.upstream.frames import BadFrameError, FrameTooLargeError, FramingError

PRELUDE = struct.Struct(">III")
CRC = struct.Struct(">I")
LEAST_BYTES = PRELUDE.size + CRC.size
# By type: how many bytes a header's value has; -1 where a length of two bytes comes before it.
VALUE_BYTES = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 6: -1, 7: -1, 8: 8, 9: 16}
TEXT = 7


class EventStreamSplitter:
    """Turns chunks of bytes, cut anywhere, into frames.

    A frame is named by the message's `:event-type`, or by its `:exception-type` or `:error-code` where it is one.
    """

    def __init__(self, max_frame_bytes: int) -> None:
        self._max_frame_bytes = max_frame_bytes
        self._rest = bytearray()

    def feed(self, data: bytes) -> list[Frame]:
        """Return the messages that `data` completes. Raise `BadFrameError` or `FrameTooLargeError`."""
        self._rest += data
        frames: list[Frame] = []
        try:
            self._cut(frames)
        except FramingError as error:
            error.frames = frames
            raise
        return frames

    def _cut(self, frames: list[Frame]) -> None:
        """Add the messages that are whole to `frames`."""
        start = 0
        while len(self._rest) - start >= PRELUDE.size:
            total, header_bytes, crc = PRELUDE.unpack_from(self._rest, start)
            if zlib.crc32(self._rest[start : start + 8]) != crc:
                raise BadFrameError("the checksum of an event's lengths is wrong")
            if total > self._max_frame_bytes:
                raise FrameTooLargeError(f"an event is larger than {self._max_frame_bytes} bytes")
            if total < LEAST_BYTES + header_bytes:
                raise BadFrameError("an event's lengths make no sense")
            if len(self._rest) - start < total:
                break
            frames.append(read_message(bytes(self._rest[start : start + total]), header_bytes))
            start += total
        del self._rest[:start]

    def close(self) -> list[Frame]:
        """Return nothing: a message without its end is none."""
        if self._rest:
            raise BadFrameError("the stream ended within an event")
        return []


def read_message(message: bytes, header_bytes: int) -> Frame:
    """Read one whole message. Raise `BadFrameError`."""
    (crc,) = CRC.unpack_from(message, len(message) - CRC.size)
    if zlib.crc32(message[: -CRC.size]) != crc:
        raise BadFrameError("the checksum of an event is wrong")
    payload_start = PRELUDE.size + header_bytes
    headers = read_headers(message[PRELUDE.size : payload_start])
    payload = message[payload_start : -CRC.size]
    if headers.get(":message-type") == "error":
        told = {"message": headers.get(":error-message", "")}
        return Frame(headers.get(":error-code", "error"), msgspec.json.encode(told))
    return Frame(headers.get(":exception-type") or headers.get(":event-type", ""), payload)


def read_headers(data: bytes) -> dict[str, str]:
    """Return the headers that hold text. Raise `BadFrameError` where they cannot be read."""
    headers: dict[str, str] = {}
    at = 0
    try:
        while at < len(data):
            name_end = at + 1 + data[at]
            name, kind = data[at + 1 : name_end].decode("utf-8", "replace"), data[name_end]
            at = name_end + 1
            size = VALUE_BYTES[kind]
            if size < 0:
                size = int.from_bytes(data[at : at + 2], "big")
                at += 2
            if at + size > len(data):
                raise BadFrameError("an event's headers make no sense")
            if kind == TEXT:
                headers[name] = data[at : at + size].decode("utf-8", "replace")
            at += size
    except (IndexError, KeyError) as error:
        raise BadFrameError("an event's headers make no sense") from error
    return headers
