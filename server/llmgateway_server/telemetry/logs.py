"""Structured logs: JSON lines on standard error, one a call, written off the event loop.

A line is one JSON object, so nothing that a caller or a provider sends can forge a second one.
"""

from __future__ import annotations

import logging
import queue
import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import BinaryIO

import msgspec

MAX_WAITING_LINES = 10_000
# Lines are gathered for so long: a thread that wakes for each would cost more than the line.
GATHER_S = 0.02


class LineWriter:
    """Writes lines in a thread of its own: a slow reader of standard error delays no call.

    Beyond `MAX_WAITING_LINES` lines are dropped and counted; the count is written once there is room.
    """

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._dropped = 0
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="log-writer", daemon=True)
        self._thread.start()

    def write(self, record: dict[str, object]) -> None:
        """Queue one line."""
        if self._lines.qsize() >= MAX_WAITING_LINES:
            self._dropped += 1
            return
        if self._dropped:
            dropped, self._dropped = self._dropped, 0
            self._lines.put(
                msgspec.json.encode({"level": "warning", "message": f"{dropped} log lines were dropped"}) + b"\n"
            )
        self._lines.put(msgspec.json.encode(record) + b"\n")

    def close(self) -> None:
        """Write what is queued, then stop."""
        self._closing.set()
        self._lines.put(None)
        self._thread.join(timeout=5)

    def _run(self) -> None:
        while (line := self._lines.get()) is not None:
            lines = [line]
            self._closing.wait(GATHER_S)
            while not self._lines.empty():
                more = self._lines.get()
                if more is None:
                    self._write(b"".join(lines))
                    return
                lines.append(more)
            self._write(b"".join(lines))

    def _write(self, data: bytes) -> None:
        try:
            self._out.write(data)
            self._out.flush()
        except (OSError, ValueError):
            self._dropped += 1  # Nobody reads standard error: there is nowhere left to say so.


class JsonHandler(logging.Handler):
    """Turns the library's log records into the same JSON lines."""

    def __init__(self, writer: LineWriter) -> None:
        super().__init__()
        self._writer = writer

    def emit(self, record: logging.LogRecord) -> None:
        line: dict[str, object] = {
            "time": timestamp(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info and record.exc_info[1] is not None:
            line["exception"] = "".join(traceback.format_exception(record.exc_info[1], chain=False))
        self._writer.write(line)


def timestamp(seconds: float) -> str:
    """Return a wall-clock time as RFC 3339 with milliseconds, in UTC."""
    whole = int(seconds)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(whole))}.{int((seconds - whole) * 1000):03d}Z"


def start_logging(level: str, out: BinaryIO | None = None) -> tuple[LineWriter, Callable[[], None]]:
    """Send all logging through a writer; return it, and what undoes it."""
    writer = LineWriter(out if out is not None else sys.stderr.buffer)
    handler = JsonHandler(writer)
    root = logging.getLogger()
    before = (root.level, list(root.handlers))
    root.handlers[:] = [handler]
    root.setLevel(level.upper())

    def stop() -> None:
        root.handlers[:] = before[1]
        root.setLevel(before[0])
        writer.close()

    return writer, stop
