"""What the errors of SQLite mean to whoever asked."""

from __future__ import annotations

import sqlite3

from llmgateway_server.store.ledger import DiskFull, StoreAway

# What is the matter with the file or its disk, not with what was asked. The low byte is the primary code.
AWAY = (
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_AUTH,
    sqlite3.SQLITE_NOTADB,
)


def trouble_of(error: Exception) -> StoreAway | None:
    """Return what an error says of the store, None where it says nothing of it."""
    if not isinstance(error, sqlite3.Error):
        return None
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return None
    if code & 0xFF == sqlite3.SQLITE_FULL:
        return DiskFull("The disk that the ledger's file is on is full.")
    return StoreAway(f"The ledger's file cannot be written or read: {error}.") if code & 0xFF in AWAY else None
