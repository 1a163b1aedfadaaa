"""The objects of the admin services, in the ledger's file."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from llmgateway_server.store.objects import AlreadyThere, Changed, NotThere, Stored
from llmgateway_server.store.sqlite.database import Database

COLUMNS = "kind, id, body, revision, created_ns, updated_ns, is_deleted"
NEXT_REVISION = "(SELECT coalesce(max(revision), 0) + 1 FROM objects)"


class SqliteObjects:
    """Objects in a database, which its owner opens and closes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def changes(self, since_revision: int) -> Sequence[Stored]:
        return await self._database.read(lambda connection: changes(connection, since_revision))

    async def create(self, kind: str, id: str, body: bytes, now_ns: int) -> Stored:  # noqa: A002
        return await self._database.writer.run(lambda connection, _: create(connection, kind, id, body, now_ns))

    async def update(self, kind: str, id: str, body: bytes, etag: str, now_ns: int) -> Stored:  # noqa: A002
        return await self._database.writer.run(lambda connection, _: update(connection, kind, id, body, etag, now_ns))

    async def delete(self, kind: str, id: str, etag: str, now_ns: int) -> Stored:  # noqa: A002
        return await self._database.writer.run(lambda connection, _: delete(connection, kind, id, etag, now_ns))


def changes(connection: sqlite3.Connection, since_revision: int) -> Sequence[Stored]:
    """Return what has changed after a revision; of what is deleted nothing for 0."""
    rows = connection.execute(
        f"SELECT {COLUMNS} FROM objects WHERE revision > ? AND (? OR NOT is_deleted) ORDER BY revision",  # noqa: S608  # constants
        (since_revision, since_revision > 0),
    )
    return [decode(*row) for row in rows]


def create(connection: sqlite3.Connection, kind: str, id: str, body: bytes, now_ns: int) -> Stored:  # noqa: A002
    """Add an object, also in the place of one that was deleted."""
    known = find(connection, kind, id)
    if known is not None and not known.is_deleted:
        raise AlreadyThere(f"{kind} {id}")
    return put(connection, kind, id, body, now_ns, now_ns, is_deleted=False)


def update(connection: sqlite3.Connection, kind: str, id: str, body: bytes, etag: str, now_ns: int) -> Stored:  # noqa: A002
    """Replace a body."""
    known = existing(connection, kind, id)
    if known.etag != etag:
        raise Changed(f"{kind} {id}")
    return put(connection, kind, id, body, known.created_ns, now_ns, is_deleted=False)


def delete(connection: sqlite3.Connection, kind: str, id: str, etag: str, now_ns: int) -> Stored:  # noqa: A002
    """Empty an object and mark it as deleted."""
    known = existing(connection, kind, id)
    if etag and known.etag != etag:
        raise Changed(f"{kind} {id}")
    return put(connection, kind, id, b"", known.created_ns, now_ns, is_deleted=True)


def existing(connection: sqlite3.Connection, kind: str, id: str) -> Stored:  # noqa: A002
    """Return an object, or raise `NotThere`."""
    known = find(connection, kind, id)
    if known is None or known.is_deleted:
        raise NotThere(f"{kind} {id}")
    return known


def find(connection: sqlite3.Connection, kind: str, id: str) -> Stored | None:  # noqa: A002
    """Return an object, deleted or not."""
    row = connection.execute(f"SELECT {COLUMNS} FROM objects WHERE kind = ? AND id = ?", (kind, id)).fetchone()  # noqa: S608  # constants
    return decode(*row) if row else None


def put(
    connection: sqlite3.Connection,
    kind: str,
    id: str,  # noqa: A002
    body: bytes,
    created_ns: int,
    updated_ns: int,
    *,
    is_deleted: bool,
) -> Stored:
    """Write an object with the next revision."""
    revision = connection.execute(f"SELECT {NEXT_REVISION}").fetchone()[0]
    stored = Stored(kind, id, body, revision, created_ns, updated_ns, is_deleted)
    connection.execute(
        f"INSERT OR REPLACE INTO objects ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)",  # noqa: S608  # constants
        (kind, id, body, revision, created_ns, updated_ns, is_deleted),
    )
    return stored


def decode(
    kind: str,
    id: str,  # noqa: A002
    body: bytes,
    revision: int,
    created_ns: int,
    updated_ns: int,
    is_deleted: int,
) -> Stored:
    """Return an object from its columns."""
    return Stored(kind, id, body, revision, created_ns, updated_ns, bool(is_deleted))
