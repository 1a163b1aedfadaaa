"""Which schema this gateway works with, and whether a database has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmgateway_server.store.ledger import StoreRefused

if TYPE_CHECKING:
    from asyncpg import Connection, Record

SCHEMA = "llmgateway"

# All revisions that this gateway knows, in order.
REVISIONS = ("0001", "0002")

OLDEST_SERVER = 150_000


async def revision_of(connection: Connection[Record]) -> str | None:
    """Return the revision that a database's schema has, None where there is none."""
    if await connection.fetchval("SELECT to_regclass($1)", f"{SCHEMA}.alembic_version") is None:
        return None
    found: str | None = await connection.fetchval(f"SELECT version_num FROM {SCHEMA}.alembic_version")  # noqa: S608
    return found


async def check(connection: Connection[Record]) -> None:
    """Raise `StoreRefused` where a database must not be used."""
    version = int(await connection.fetchval("SHOW server_version_num"))
    if version < OLDEST_SERVER:
        raise StoreRefused(f"PostgreSQL {version // 10_000} is too old: use 15 or newer.")
    if await connection.fetchval("SHOW server_encoding") != "UTF8":
        raise StoreRefused("The database keeps no Unicode: create it with the encoding UTF8.")
    if await connection.fetchval("SHOW fsync") != "on":
        raise StoreRefused("PostgreSQL runs with fsync = off and would forget money in a crash: turn it on.")
    revision = await revision_of(connection)
    if revision is None or revision in REVISIONS[:-1]:
        raise StoreRefused("The database's schema is not up to date: run `llmgateway migrate`.")
    check_known(revision)


def check_known(revision: str | None) -> None:
    """Raise `StoreRefused` for a revision that is newer than this gateway."""
    if revision is not None and revision not in REVISIONS:
        raise StoreRefused(
            f"The database's schema is of revision {revision}, which this gateway is too old for: install a newer one."
        )


def refusal(error: Exception) -> StoreRefused:
    """Return what to tell of a database that does not let the gateway in."""
    return StoreRefused(f"PostgreSQL does not let the gateway in ({type(error).__name__}): check user and database.")
