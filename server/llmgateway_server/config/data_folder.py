"""Where a gateway keeps what must last, unless it is told another place."""

from __future__ import annotations

from pathlib import Path

from platformdirs import user_data_path
from pydantic import SecretStr

from llmgateway_server.config.settings import Settings

LEDGER_FILE = "llmgateway.db"


def complete_store(settings: Settings) -> Settings:
    """Return settings with the ledger in a file of the user's data directory, where they name no other place."""
    if settings.store.url is not None:
        return settings
    url = SecretStr(f"sqlite:///{data_folder() / LEDGER_FILE}")
    return settings.model_copy(update={"store": settings.store.model_copy(update={"url": url})})


def data_folder() -> Path:
    """Return the user's data directory for the gateway: on Linux `$XDG_DATA_HOME/llmgateway`. It need not exist."""
    return user_data_path("llmgateway", appauthor=False)
