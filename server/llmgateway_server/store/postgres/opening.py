"""Opens what is in PostgreSQL, or says which extra must be installed for it."""

from __future__ import annotations

import importlib

from llmgateway_server.store.ledger import StoreRefused

EXTRA = "PostgreSQL needs an extra: pip install 'llmgateway-grpc[postgres]'"
MIGRATION_TIMEOUT_S = 600.0


async def migrate(url: str, timeout_s: float = MIGRATION_TIMEOUT_S) -> str:
    """Bring a database's schema up to date; return its revision. Several may do so at once.

    Raise `StoreRefused` where the extra is missing.
    """
    require("asyncpg", "alembic", "sqlalchemy")
    from llmgateway_server.store.postgres.migrations.running import bring_up

    return await bring_up(url, timeout_s)


def require(*modules: str) -> None:
    """Raise `StoreRefused` where one of some modules is not installed."""
    for module in modules:
        try:
            importlib.import_module(module)
        except ImportError:
            raise StoreRefused(EXTRA) from None
