"""`llmgateway migrate`: brings a database's schema up to date. The one admin sub-command that needs no gateway."""

from __future__ import annotations

import os
from pathlib import Path

import click

from llmgateway_server.client_commands import Failure

CONFIG_FILE = click.Path(dir_okay=False, path_type=Path)
POSTGRES = ("postgresql://", "postgres://")


@click.command()
@click.option(
    "--config", type=CONFIG_FILE, help="Configuration, of which `store.url` counts. Default: the environment."
)
@click.option("--url", help="The database, postgresql://…; stands above the configuration.")
def migrate(config: Path | None, url: str | None) -> None:
    """Bring the schema of the ledger in PostgreSQL up to date. Several may do so at once."""
    import asyncio

    found = url if url is not None else configured_url(config)
    check_url(found)
    if not found.startswith(POSTGRES):
        click.echo("Only PostgreSQL has a schema to migrate: a gateway brings its own file up to date when it starts.")
        return
    revision = asyncio.run(bring_up_to_date(found))
    click.echo(f"The database's schema is up to date, at revision {revision}.")


def configured_url(config: Path | None) -> str:
    """Return where the configuration has the ledger."""
    from llmgateway_server import loading
    from llmgateway_server.config.data_folder import complete_store

    try:
        settings = complete_store(loading.read_settings(config, os.environ))
    except loading.Refused as refused:
        raise Failure(str(refused)) from refused
    assert settings.store.url is not None
    return settings.store.url.get_secret_value()


def check_url(url: str) -> None:
    """Fail for what is no address of a ledger, without showing it: it may hold a password."""
    from llmgateway_server.config.quotas import check_store_url

    try:
        check_store_url(url)
    except ValueError as error:
        raise Failure(f"The address of the store is wrong: {error}.") from None


async def bring_up_to_date(url: str) -> str:
    """Migrate, and return the revision. What a library says of a failure may quote the address: it is not told."""
    from llmgateway_server.store.ledger import StoreRefused
    from llmgateway_server.store.postgres.opening import migrate as migrate_store

    try:
        return await migrate_store(url)
    except StoreRefused as refused:
        raise Failure(str(refused)) from None
    except (OSError, ValueError) as error:
        raise Failure(sentence_of(error)) from None
    except database_errors() as error:
        raise Failure(sentence_of(error)) from None


def database_errors() -> tuple[type[Exception], ...]:
    """Return what the library raises for a database that cannot be used."""
    import asyncpg

    return (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)


def sentence_of(error: Exception) -> str:
    """Return what to tell of an error."""
    from llmgateway_server.store.postgres.lane import away_for
    from llmgateway_server.store.postgres.schema import refusal

    if isinstance(error, ValueError):
        return "The database's address cannot be read: write postgresql://USER:PASSWORD@HOST:PORT/DATABASE."
    return str(away_for(error) or refusal(error))
