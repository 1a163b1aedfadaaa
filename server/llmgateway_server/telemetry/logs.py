"""Structured logs: JSON lines on standard error, one a call, written off the event loop.

A line is one JSON object, so nothing that a caller or a provider sends can forge a second one.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable
from functools import lru_cache
from typing import BinaryIO

import msgspec

MAX_WAITING_LINES = 10_000
# Lines are gathered for so long: a thread that wakes for each would cost more than the line.
GATHER_S = 0.1
# Libraries that handle credentials, and quote them: requests, answers, what a process wrote. The gateway logs of their
# failures what it has masked.
SILENT = frozenset({"azure", "botocore", "google", "msal", "requests", "urllib3"})


class LineWriter:
    """Writes lines in a thread of its own: a slow reader of standard error delays no call.

    Lines gather for `GATHER_S` before they are written together. Beyond `MAX_WAITING_LINES` they are dropped and
    counted; the count is written once there is room.
    """

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._lines: deque[bytes] = deque()
        self._dropped = 0
        self._is_waking = False
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="log-writer", daemon=True)
        self._thread.start()

    def write(self, record: dict[str, object]) -> None:
        """Queue one line. From any thread."""
        lines = self._lines
        if len(lines) >= MAX_WAITING_LINES:
            self._dropped += 1
            return
        if self._dropped:
            dropped, self._dropped = self._dropped, 0
            notice = {"level": "warning", "message": f"{dropped} log lines were dropped"}
            lines.append(msgspec.json.encode(notice) + b"\n")
        lines.append(msgspec.json.encode(record) + b"\n")
        if not self._is_waking:
            self._is_waking = True
            self._wake.set()

    def close(self) -> None:
        """Write what is queued, then stop."""
        self._closing.set()
        self._wake.set()
        self._thread.join(timeout=5)

    def _run(self) -> None:
        while not self._closing.is_set():
            self._wake.wait()
            self._wake.clear()
            self._closing.wait(GATHER_S)
            # Whoever writes from here on wakes the thread again, if its line is not among those taken now.
            self._is_waking = False
            self._write_queued()
        self._write_queued()

    def _write_queued(self) -> None:
        lines = self._lines
        data = b"".join([lines.popleft() for _ in range(len(lines))])
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
    return f"{format_second(whole)}.{int((seconds - whole) * 1000):03d}Z"


@lru_cache(maxsize=4)  # lines come many a second
def format_second(second: int) -> str:
    """Return a whole second as RFC 3339, without its zone."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))


def start_logging(level: str, out: BinaryIO | None = None) -> tuple[LineWriter, Callable[[], None]]:
    """Send all logging through a writer; return it, and what undoes it."""
    writer = LineWriter(out if out is not None else sys.stderr.buffer)
    handler = JsonHandler(writer)
    handler.addFilter(lambda record: record.name.partition(".")[0] not in SILENT)
    root = logging.getLogger()
    before = (root.level, list(root.handlers))
    root.handlers[:] = [handler]
    root.setLevel(level.upper())

    def stop() -> None:
        root.handlers[:] = before[1]
        root.setLevel(before[0])
        writer.close()

    return writer, stop
