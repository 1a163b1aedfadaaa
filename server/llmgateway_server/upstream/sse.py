"""Splits a byte stream into server-sent events. Pure, incremental, bounded.

Follows the HTML Standard, section 9.2 "Server-sent events" (read 2026-11-25): lines end with LF, CRLF or CR;
comments are dropped; `data` lines are joined with LF; an event without data is dropped.
"""

from __future__ import annotations

from llmgateway_server.dialects.codec import Frame
from llmgateway_server.upstream.frames import FrameTooLargeError

BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class SseSplitter:
    """Turns chunks of bytes, cut anywhere, into events.

    Only whole events are looked at, so characters split between chunks are never decoded in halves. Work is
    linear in the bytes fed: an unfinished event is not searched twice.
    """

    def __init__(self, max_event_bytes: int) -> None:
        self._max_event_bytes = max_event_bytes
        self._rest = bytearray()
        self._ends_with_cr = False
        self._is_first = True

    def feed(self, data: bytes) -> list[Frame]:
        """Return the events that `data` completes. Raise `FrameTooLargeError` where one grows beyond the limit."""
        data = self._normalise(data)
        if self._rest:
            searched = max(len(self._rest) - 1, 0)
            self._rest += data
            if self._rest.find(b"\n\n", searched) < 0:
                self._check_size([])
                return []
            data = bytes(self._rest)
        *blocks, rest = data.split(b"\n\n")
        self._rest = bytearray(rest)
        if blocks and self._is_first:
            self._is_first, blocks[0] = False, blocks[0].removeprefix(BYTE_ORDER_MARK)
        events = []
        for block in blocks:
            event = parse_event(block)
            if event is not None:
                events.append(event)
        self._check_size(events)
        return events

    def close(self) -> list[Frame]:
        """Return the event that the stream ended without closing, if it has data.

        The standard drops it; providers that forget the last blank line are common enough to keep it.
        """
        block, self._rest = bytes(self._rest).removeprefix(BYTE_ORDER_MARK), bytearray()
        event = parse_event(block)
        return [] if event is None else [event]

    def _normalise(self, data: bytes) -> bytes:
        """Turn every line end into LF, holding back a last CR that may be half of a CRLF."""
        if self._ends_with_cr:
            data, self._ends_with_cr = b"\r" + data, False
        if b"\r" not in data:
            return data
        if data.endswith(b"\r"):
            data, self._ends_with_cr = data[:-1], True
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _check_size(self, events: list[Frame]) -> None:
        if len(self._rest) > self._max_event_bytes:
            raise FrameTooLargeError(f"an event is larger than {self._max_event_bytes} bytes", events)


def parse_event(block: bytes) -> Frame | None:
    """Read one event's lines; None where they hold no data."""
    if block.startswith(b"data: ") and b"\n" not in block:
        return Frame("", block[6:])
    name, data = "", []
    for line in block.split(b"\n"):
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            data.append(value)
        elif field == b"event":
            name = value.decode("utf-8", "replace")
    return Frame(name, b"\n".join(data)) if data else None
