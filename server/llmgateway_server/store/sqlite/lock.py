"""A lock on a file that ends with its process, however that ends, and what file systems cannot be trusted with one."""

from __future__ import annotations

import os
import sys
from pathlib import Path

MOUNTS = Path("/proc/self/mounts")
# SQLite's own advice: "Do not use SQLite on a network filesystem" in WAL mode, sqlite.org/wal.html, section 1.
NETWORK_TYPES = ("nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs", "lustre", "fuse.sshfs")


class FileLock:
    """An exclusive lock. Raise `BlockingIOError` where another has it; `OSError` where the file cannot be made."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
        try:
            lock_exclusively(self._descriptor)
        except OSError:
            os.close(self._descriptor)
            raise

    def release(self) -> None:
        os.close(self._descriptor)


if sys.platform == "win32":
    import msvcrt

    def lock_exclusively(descriptor: int) -> None:
        """Lock a file's first byte, or raise `BlockingIOError`."""
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except PermissionError as error:
            raise BlockingIOError(*error.args) from error

else:
    import fcntl

    def lock_exclusively(descriptor: int) -> None:
        """Lock a file, or raise `BlockingIOError`."""
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def network_type_of(path: Path) -> str:
    """Return the type of the network file system that a path is on, empty where it is on none, or none can be told."""
    try:
        mounts = MOUNTS.read_text("utf-8", "replace").splitlines()
    except OSError:
        return ""
    found = ("", "")
    for mount in mounts:
        _, point, kind, *_ = mount.split(" ")
        if len(point) >= len(found[0]) and path.is_relative_to(point):
            found = (point, kind)
    return found[1] if found[1] in NETWORK_TYPES else ""
