"""How an admin sub-command reaches the gateway, and what it says where it does not."""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from llmgateway_server.client_commands import PEM_FILE, SECONDS, Connection, run_calls, with_options
from llmgateway_server.terminal import describe_failure
from llmgateway_server.terminal_text import one_line

if TYPE_CHECKING:
    from llmgateway import GatewayError

    from llmgateway_server.admin_commands.client import AdminClient

Result = TypeVar("Result")
Command = TypeVar("Command", bound=Callable[..., Any])  # Any: click passes options by name.

WHERE = "The admin services listen where `server.admin_listen` says, by default 127.0.0.1:50052."


def administers(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that its `connection` is made of."""

    @functools.wraps(command)
    def run(
        target: str, key: str | None, tls: bool, ca: Path | None, timeout_s: float, **others: Any
    ) -> None:  # Any: click passes options by name.
        command(connection=Connection(target, key, tls, ca, timeout_s), **others)

    return with_options(
        run,
        click.option("--target", default="127.0.0.1:50052", show_default=True, help="Where admin services listen."),
        click.option("--key", envvar="LLMGATEWAY_KEY", show_envvar=True, help="A key whose role may do this."),
        click.option("--tls", is_flag=True, help="Speak TLS."),
        click.option("--ca", type=PEM_FILE, help="Trust this CA (PEM) instead of the system's. Implies --tls."),
        click.option("--timeout", "timeout_s", type=SECONDS, default=600.0, show_default=True, help="Seconds to wait."),
    )


def run_admin(connection: Connection, work: Callable[[AdminClient], Coroutine[None, None, Result]]) -> Result:
    """Do `work` with a client of the admin services; turn its errors into sentences. Ctrl-C cancels the call."""
    return run_calls(connection, lambda: connect(connection, work), describe)


async def connect(connection: Connection, work: Callable[[AdminClient], Coroutine[None, None, Result]]) -> Result:
    """Open a client, do `work` with it, close it."""
    from llmgateway_server.admin_commands.client import AdminClient

    ca = connection.ca.read_bytes() if connection.ca is not None else None
    async with AdminClient(
        connection.target,
        key=connection.key,
        tls=connection.tls or ca is not None,
        root_certificates=ca,
        timeout_s=connection.timeout_s,
        channels=1,
    ) as client:
        return await work(client)


def describe(error: GatewayError, target: str) -> str:
    """Say what went wrong, and where the admin services are if it is not there."""
    if not error.reason and error.code.name == "UNIMPLEMENTED":
        return f"What answers at {target} has no admin services. {WHERE}"
    if not error.reason and error.code.name == "UNAVAILABLE":
        return f"{one_line(error.message)} {WHERE}"
    return describe_failure(error, target)
