"""What could not be written to the database, kept on the local disk until it can be.

A directory a process, which holds a lock in it; whoever finds one without an owner takes it over. In it are segments:
frames of a length, a checksum and content. A segment is deleted once all of it is booked; to book it twice is no harm.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import struct
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from llmgateway_server.store.ledger import DiskFull

SEGMENT_BYTES = 4 * 1024 * 1024
SPOOL_BYTES = 1024 * 1024 * 1024
HEAD = struct.Struct("<II")
PATTERN = "*.spool"

log = logging.getLogger("llmgateway")


class Spool:
    """A process's own directory below that of all spools, made when it is first needed. Its methods block."""

    def __init__(
        self, root: Path, owner: str, segment_bytes: int = SEGMENT_BYTES, spool_bytes: int = SPOOL_BYTES
    ) -> None:
        self._root = root
        self._directory = root / owner
        self._segment_bytes = segment_bytes
        self._spool_bytes = spool_bytes
        self._lock: int | None = None
        self._segment: int | None = None
        self._size = 0
        self._number = 0

    def append(self, contents: Sequence[bytes]) -> None:
        """Keep contents: they last once this returns. Raise `DiskFull` where there is no space, and keep none."""
        frames = b"".join(frame(content) for content in contents)
        if self.size() + len(frames) > self._spool_bytes:
            raise DiskFull("The spool is full.")
        try:
            segment = self._segment if self._segment is not None else self._open_segment()
            write(segment, frames, self._size)
        except OSError as error:
            raise DiskFull(f"The spool cannot be written: {error.strerror}.") from error
        self._size += len(frames)
        if self._size >= self._segment_bytes:
            self._close_segment()

    def segments(self) -> Sequence[Path]:
        """Return what there is to book, oldest first. What is kept from now on goes elsewhere."""
        self._close_segment()
        return sorted(self._directory.glob(PATTERN))

    def size(self) -> int:
        """Return how many bytes the segments have."""
        return sum(path.stat().st_size for path in self._directory.glob(PATTERN))

    def take_over(self) -> None:
        """Make one's own what processes left that are no more."""
        if not self._root.is_dir():
            return
        for directory in sorted(self._root.iterdir()):
            if directory != self._directory and directory.is_dir():
                self._take_over(directory)

    def close(self) -> None:
        """Leave what is still to be booked to whoever comes next."""
        self._close_segment()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
            remove_if_empty(self._directory)

    def _take_over(self, directory: Path) -> None:
        lock = locked(directory)
        if lock is None:
            return
        try:
            for path in sorted(directory.glob(PATTERN)):
                self._own_directory()
                path.rename(self._next_path())
            remove_if_empty(directory)
        finally:
            os.close(lock)

    def _open_segment(self) -> int:
        self._own_directory()
        path = self._next_path()
        self._segment = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        self._size = 0
        sync_directory(self._directory)
        return self._segment

    def _close_segment(self) -> None:
        if self._segment is not None:
            os.close(self._segment)
            self._segment = None

    def _own_directory(self) -> None:
        if self._lock is None:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = locked(self._directory)

    def _next_path(self) -> Path:
        self._number += 1
        return self._directory / f"{self._number:08}.spool"


def frame(content: bytes) -> bytes:
    """Return a content with its length and checksum."""
    return HEAD.pack(len(content), zlib.crc32(content)) + content


def contents_of(path: Path) -> Iterator[bytes]:
    """Yield what a segment keeps.

    It may end in a frame that a crash cut off; what follows a damaged one is lost, which is logged.
    """
    data = path.read_bytes()
    begin = 0
    while len(data) - begin >= HEAD.size:
        length, checksum = HEAD.unpack_from(data, begin)
        end = begin + HEAD.size + length
        content = data[begin + HEAD.size : end]
        if zlib.crc32(content) != checksum or end > len(data):
            if end < len(data):
                log.error("The spool %s is damaged: what follows byte %d is lost.", path.name, begin)
            return
        yield content
        begin = end


def write(segment: int, frames: bytes, begin: int) -> None:
    """Write frames behind what is there, or nothing of them."""
    try:
        done = 0
        while done < len(frames):
            done += os.pwrite(segment, frames[done:], begin + done)
        os.fsync(segment)
    except OSError:
        os.ftruncate(segment, begin)
        raise


def locked(directory: Path) -> int | None:
    """Return a lock on a directory, None where its owner lives."""
    try:
        lock = os.open(directory / "lock", os.O_CREAT | os.O_RDWR, 0o600)
    except FileNotFoundError:
        return None  # Another has taken it over in this moment.
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    return lock


def remove_if_empty(directory: Path) -> None:
    """Remove a directory that one holds the lock of, unless there is anything to book in it."""
    if not any(directory.glob(PATTERN)):
        with contextlib.suppress(FileNotFoundError):  # Another had the lock before, and was quicker.
            (directory / "lock").unlink()
            directory.rmdir()


def sync_directory(directory: Path) -> None:
    """See to it that a new file's name lasts."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
