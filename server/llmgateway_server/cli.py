"""The command `llmgateway`. Each sub-command imports what it needs when it runs: `--help` stays quick."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

try:
    import click
except ModuleNotFoundError as missing:
    raise SystemExit(
        "llmgateway: the command needs the extra `server`: pip install 'llmgateway-grpc[server]'"
    ) from missing

from llmgateway_server.admin_commands.keys import COMMANDS as KEY_COMMANDS
from llmgateway_server.admin_commands.migrate import migrate
from llmgateway_server.admin_commands.quotas import quotas
from llmgateway_server.admin_commands.teams import teams
from llmgateway_server.admin_commands.usage import usage
from llmgateway_server.client_commands import COMMANDS, PEM_FILE, Failure

if TYPE_CHECKING:
    from llmgateway_server.config.settings import Settings

CONFIG_FILE = click.Path(dir_okay=False, path_type=Path)


class AddressType(click.ParamType[str]):
    """A `host:port` to listen on."""

    name = "host:port"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from llmgateway_server.config.address import parse_address

        try:
            return str(parse_address(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


ADDRESS = AddressType()


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="llmgateway-grpc", prog_name="llmgateway")
def main() -> None:
    """One typed contract, over gRPC and OpenAI-compatible REST, in front of every model provider."""
    # gRPC's core writes lines of its own to standard error; every failure is told in a sentence of ours.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")


@main.command()
@click.option("--config", type=CONFIG_FILE, help="Configuration; see gateway.example.yaml. Default: the environment.")
@click.option("--grpc-listen", type=ADDRESS, help="Where gRPC listens. Default: as configured, else 127.0.0.1:50051.")
@click.option("--http-listen", type=ADDRESS, help="Where REST listens. Default: as configured, else 127.0.0.1:8000.")
@click.option("--metrics-listen", type=ADDRESS, help="Where metrics and probes listen. Default: 127.0.0.1:9464.")
@click.option("--admin-listen", type=ADDRESS, help="Where the admin services listen. Default: 127.0.0.1:50052.")
def serve(config: Path | None, **listen: str | None) -> None:
    """Serve gRPC, REST, metrics and probes until a signal. SIGHUP reloads the configuration, as a changed file does."""
    with surviving_hangups():
        from llmgateway_server import loading

        source = loading.open_source(config, listen, os.environ)
        with refusals():
            settings = loading.load(source)
        from llmgateway_server import app

        sys.exit(app.run(settings, source))


@main.command()
@click.option("--target", required=True, help="The gateway's gRPC address, for example dns:///gateway:50051.")
@click.option("--config", type=CONFIG_FILE, help="Configuration, of which `server.http_*` and `limits` count.")
@click.option("--http-listen", type=ADDRESS, help="Where REST listens. Default: as configured, else 127.0.0.1:8000.")
@click.option("--tls", is_flag=True, help="Speak TLS to the gateway.")
@click.option("--ca", type=PEM_FILE, help="Trust this CA (PEM) instead of the system's. Implies --tls.")
def serve_http(target: str, config: Path | None, tls: bool, ca: Path | None, **listen: str | None) -> None:
    """Serve REST alone, in front of a gateway elsewhere."""
    from llmgateway_server.config.settings import Settings
    from llmgateway_server.loading import override_listeners

    # The gateway's own providers and keys are no concern of the shim: callers' keys are checked over there.
    settings = override_listeners(read_settings(config) if config is not None else Settings(), listen)
    from llmgateway_server import app

    sys.exit(app.run_shim(target, settings, tls=tls or ca is not None, ca=ca))


@main.command()
@click.argument("file", type=CONFIG_FILE)
def check_config(file: Path) -> None:
    """Check a configuration: say what it holds, or everything that is wrong."""
    from llmgateway_server import loading

    with refusals():
        settings = loading.load(loading.open_source(file, {}, os.environ))
    click.echo(f"{file} is good: {describe_settings(settings)}.")


def read_settings(config: Path) -> Settings:
    """Return the settings of a file, unchecked for a start; fail with every problem."""
    from llmgateway_server import loading

    with refusals():
        return loading.read_settings(config, os.environ)


@contextlib.contextmanager
def refusals() -> Iterator[None]:
    """Fail with every problem of a configuration that is refused within."""
    from llmgateway_server.loading import Refused

    try:
        yield
    except Refused as refused:
        raise Failure(str(refused)) from refused


@contextlib.contextmanager
def surviving_hangups() -> Iterator[None]:
    """Let SIGHUP end nothing: until the gateway can reload, there is nothing that it asks for."""
    hangup = getattr(signal, "SIGHUP", None)  # Windows has none
    before = signal.signal(hangup, signal.SIG_IGN) if hangup is not None else None
    try:
        yield
    finally:
        if hangup is not None:
            signal.signal(hangup, before)


def describe_settings(settings: Settings) -> str:
    """Say in one line what a configuration holds."""
    providers = f"{count(settings.providers, 'provider')} ({', '.join(settings.providers)})"
    keys = count(settings.auth.keys, "key") if settings.auth.keys else "no keys, so loopback only"
    listeners = f"gRPC {settings.server.grpc_listen}, REST {settings.server.http_listen}"
    return f"{providers}, {count(settings.routes, 'route')}, {keys}; {listeners}"


def count(things: Mapping[str, Any] | tuple[Any, ...], noun: str) -> str:  # Any: only their number counts.
    """Write how many there are: `1 route`, `2 routes`."""
    return f"{len(things)} {noun}{'' if len(things) == 1 else 's'}"


@main.group()
def keys() -> None:
    """Make and manage virtual keys."""


@keys.command("new")
@click.option("--name", default="my-app", show_default=True, help="What logs and metrics call the key.")
@click.option("--config", type=CONFIG_FILE, help="Configuration, whose `auth.pepper` goes into the digest.")
def keys_new(name: str, config: Path | None) -> None:
    """Print a new key, this once, and the lines of configuration that let it in."""
    import re
    import secrets

    from llmgateway_server.auth.keys import digest, new_key

    if not re.fullmatch(r"[a-zA-Z0-9][a-zA-Z0-9._-]{0,63}", name):
        raise Failure("A key's name has 1 to 64 letters, digits, dots, dashes and underscores.")
    pepper = read_settings(config).auth.pepper if config is not None else None
    key = new_key(secrets.token_bytes)
    kept = digest(key, pepper.get_secret_value() if pepper is not None else "")
    click.echo(f"The key, shown this once:\n\n  {key}\n\nFor the configuration:\n")
    click.echo(f'  auth:\n    keys:\n      - name: {name}\n        digest: {kept}\n        models: ["*"]')


for command in (*COMMANDS, teams, quotas, usage, migrate):
    main.add_command(command)
for command in KEY_COMMANDS:
    keys.add_command(command)
