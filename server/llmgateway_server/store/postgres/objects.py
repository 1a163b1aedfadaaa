"""The objects of the admin services, in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence

from asyncpg import Connection, Record

from llmgateway_server.store.objects import AlreadyThere, Changed, NotThere, Stored
from llmgateway_server.store.postgres.lane import Lane

COLUMNS = "kind, id, body, revision, created_ns, updated_ns, is_deleted"
NEXT = "UPDATE object_revision SET latest = latest + 1 RETURNING latest"
CHANGES = f"""
    SELECT {COLUMNS} FROM object WHERE revision > $1 AND ($1 > 0 OR NOT is_deleted) ORDER BY revision"""  # noqa: S608
KNOWN = f"SELECT {COLUMNS} FROM object WHERE kind = $1 AND id = $2"  # noqa: S608
PUT = """
    INSERT INTO object (kind, id, body, revision, created_ns, updated_ns, is_deleted)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body, revision = excluded.revision,
        created_ns = excluded.created_ns, updated_ns = excluded.updated_ns, is_deleted = excluded.is_deleted"""

TIMEOUT_S = 5.0


class PostgresObjects:
    """Objects that gateways share. Whoever changes one has the row of revisions locked: changes come one by one."""

    def __init__(self, url: str, timeout_s: float = TIMEOUT_S) -> None:
        self._writing = Lane(url, timeout_s)
        self._reading = Lane(url, timeout_s)

    async def stop(self) -> None:
        """Close the connections."""
        self._writing.close()
        self._reading.close()

    async def changes(self, since_revision: int) -> Sequence[Stored]:
        records = await self._reading.fetch(CHANGES, since_revision)
        return [Stored(*record) for record in records]

    async def create(self, kind: str, id: str, body: bytes, now_ns: int) -> Stored:  # noqa: A002  # AIP's word
        async def create(connection: Connection[Record]) -> Stored:
            async with connection.transaction():
                revision = await connection.fetchval(NEXT)
                known = await found(connection, kind, id)
                if known is not None and not known.is_deleted:
                    raise AlreadyThere(f"{kind} {id}")
                return await put(connection, Stored(kind, id, body, revision, now_ns, now_ns))

        return await self._writing.run(create)

    async def update(self, kind: str, id: str, body: bytes, etag: str, now_ns: int) -> Stored:  # noqa: A002
        async def update(connection: Connection[Record]) -> Stored:
            async with connection.transaction():
                revision = await connection.fetchval(NEXT)
                known = check(await found(connection, kind, id), kind, id, etag)
                return await put(connection, Stored(kind, id, body, revision, known.created_ns, now_ns))

        return await self._writing.run(update)

    async def delete(self, kind: str, id: str, etag: str, now_ns: int) -> Stored:  # noqa: A002
        async def delete(connection: Connection[Record]) -> Stored:
            async with connection.transaction():
                revision = await connection.fetchval(NEXT)
                known = await found(connection, kind, id)
                known = check(known, kind, id, etag or (known.etag if known else ""))
                return await put(connection, Stored(kind, id, b"", revision, known.created_ns, now_ns, is_deleted=True))

        return await self._writing.run(delete)


async def found(connection: Connection[Record], kind: str, id: str) -> Stored | None:  # noqa: A002
    """Return an object, be it deleted."""
    record = await connection.fetchrow(KNOWN, kind, id)
    return Stored(*record) if record is not None else None


def check(known: Stored | None, kind: str, id: str, etag: str) -> Stored:  # noqa: A002
    """Raise where an object is not there, or not as it was."""
    if known is None or known.is_deleted:
        raise NotThere(f"{kind} {id}")
    if known.etag != etag:
        raise Changed(f"{kind} {id}")
    return known


async def put(connection: Connection[Record], stored: Stored) -> Stored:
    """Write an object."""
    await connection.execute(
        PUT,
        stored.kind,
        stored.id,
        stored.body,
        stored.revision,
        stored.created_ns,
        stored.updated_ns,
        stored.is_deleted,
    )
    return stored
