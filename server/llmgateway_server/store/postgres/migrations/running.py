"""Brings the schema up to date."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path

import asyncpg
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext, RevisionStep
from alembic.script import ScriptDirectory

from llmgateway_server.store.postgres.schema import REVISIONS, SCHEMA, check_known, revision_of

# Two migrations at once wait for each other here.
LOCK = 5497853


async def bring_up(url: str, timeout_s: float) -> str:
    """Run the revisions that a database lacks in one transaction; return the revision that it has then.

    Several may do so at once: all but one find nothing left to do.
    """
    async with asyncio.timeout(timeout_s):
        connection = await asyncpg.connect(url)
        try:
            async with connection.transaction():
                await connection.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
                await connection.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
                revision = await revision_of(connection)
                if revision == REVISIONS[-1]:
                    return revision
                check_known(revision)
                await connection.execute(statements(revision))
                return REVISIONS[-1]
        finally:
            connection.terminate()


def statements(revision: str | None) -> str:
    """Return the SQL that leads from a revision to the latest."""
    scripts = script_directory()

    def steps(current: str | tuple[str, ...], _: MigrationContext) -> list[RevisionStep]:
        return scripts._upgrade_revs("head", current)  # type: ignore[arg-type]  # noqa: SLF001  # as alembic's own `upgrade` does

    written = io.StringIO()
    with EnvironmentContext(Config(), scripts, fn=steps, as_sql=True, starting_rev=revision) as environment:
        environment.configure(
            dialect_name="postgresql",
            dialect_opts={"paramstyle": "named"},  # Others would double each per cent sign.
            output_buffer=written,
            version_table_schema=SCHEMA,
        )
        environment.run_migrations()
    return written.getvalue()


def script_directory() -> ScriptDirectory:
    """Return the revisions."""
    return ScriptDirectory(str(Path(__file__).parent))
