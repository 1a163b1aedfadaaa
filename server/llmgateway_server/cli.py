"""The command `llmgateway`. Each sub-command imports what it needs when it runs: `--help` stays quick."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeVar

try:
    import click
except ModuleNotFoundError as missing:
    raise SystemExit(
        "llmgateway: the command needs the extra `server`: pip install 'llmgateway-grpc[server]'"
    ) from missing

from llmgateway_server.terminal import (
    AnswerWriter,
    describe_failure,
    describe_model,
    describe_usage,
    print_table,
    printable,
    write_to,
)

if TYPE_CHECKING:
    from llmgateway import Client
    from llmgateway.v1 import generation_pb2, model_pb2

    from llmgateway_server.config.settings import Settings

Result = TypeVar("Result")
Command = TypeVar("Command", bound=Callable[..., Any])  # Any: click passes options by name.

INTERRUPTED = 130
CONFIG_FILE = click.Path(dir_okay=False, path_type=Path)
PEM_FILE = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)

SECONDS = click.FloatRange(min=0, min_open=True)


class Failure(click.ClickException):
    """What went wrong, in sentences for the user; the command exits with 1."""

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(self.message, file=file or sys.stderr)


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
def serve(config: Path | None, **listen: str | None) -> None:
    """Serve gRPC, REST, metrics and probes until a signal."""
    settings = override_listeners(read_settings(config), listen)
    check_settings(settings, str(config or "command line"))
    from llmgateway_server import app

    sys.exit(app.run(settings))


@main.command()
@click.option("--target", required=True, help="The gateway's gRPC address, for example dns:///gateway:50051.")
@click.option("--config", type=CONFIG_FILE, help="Configuration, of which `server.http_*` and `limits` count.")
@click.option("--http-listen", type=ADDRESS, help="Where REST listens. Default: as configured, else 127.0.0.1:8000.")
@click.option("--tls", is_flag=True, help="Speak TLS to the gateway.")
@click.option("--ca", type=PEM_FILE, help="Trust this CA (PEM) instead of the system's. Implies --tls.")
def serve_http(target: str, config: Path | None, tls: bool, ca: Path | None, **listen: str | None) -> None:
    """Serve REST alone, in front of a gateway elsewhere."""
    from llmgateway_server.config.settings import Settings

    # The gateway's own providers and keys are no concern of the shim: callers' keys are checked over there.
    settings = override_listeners(read_settings(config) if config is not None else Settings(), listen)
    from llmgateway_server import app

    sys.exit(app.run_shim(target, settings, tls=tls or ca is not None, ca=ca))


@main.command()
@click.argument("file", type=CONFIG_FILE)
def check_config(file: Path) -> None:
    """Check a configuration: say what it holds, or everything that is wrong."""
    settings = read_settings(file)
    check_settings(settings, str(file))
    click.echo(f"{file} is good: {describe_settings(settings)}.")


def read_settings(config: Path | None) -> Settings:
    """Return the settings of a file, or of the environment; fail with every problem."""
    from llmgateway_server.catalog.vendors import load_vendors
    from llmgateway_server.config.environment import settings_from_environment
    from llmgateway_server.config.loader import load_settings
    from llmgateway_server.config.problems import ConfigError

    try:
        if config is None:
            return settings_from_environment(os.environ, load_vendors())
        return load_settings(config, os.environ, load_vendors())
    except ConfigError as error:
        raise Failure(str(error)) from error


def override_listeners(settings: Settings, listen: Mapping[str, str | None]) -> Settings:
    """Return the settings with the addresses that the command line gave."""
    given = {name: address for name, address in listen.items() if address is not None}
    return settings.model_copy(update={"server": settings.server.model_copy(update=given)})


def check_settings(settings: Settings, source: str) -> None:
    """Fail where a gateway must not start with these settings; `source` says where they come from."""
    from llmgateway_server.auth.keys import Keyring
    from llmgateway_server.catalog.vendors import load_vendors
    from llmgateway_server.config.problems import ConfigError
    from llmgateway_server.config.start import check_start
    from llmgateway_server.providers import find_problems

    vendors = load_vendors()
    try:
        check_start(settings, vendors, source)
        if problems := list(find_problems(settings, vendors)):
            raise ConfigError(source, problems)
        Keyring.from_settings(settings.auth)
    except (ConfigError, ValueError) as error:
        raise Failure(str(error)) from error


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
    """Make virtual keys."""


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


@dataclass(frozen=True, slots=True)
class Connection:
    """How a client sub-command reaches the gateway. The fields are named like the options of `connects`."""

    target: str
    key: str | None
    tls: bool
    ca: Path | None
    timeout_s: float


def connects(command: Command) -> Command:
    """Give a command the options that a `Connection` is made of."""
    options: list[Callable[[Command], Command]] = [
        click.option("--target", default="127.0.0.1:50051", show_default=True, help="The gateway's gRPC address."),
        click.option("--key", envvar="LLMGATEWAY_KEY", show_envvar=True, help="A virtual key of the gateway."),
        click.option("--tls", is_flag=True, help="Speak TLS."),
        click.option("--ca", type=PEM_FILE, help="Trust this CA (PEM) instead of the system's. Implies --tls."),
        click.option("--timeout", "timeout_s", type=SECONDS, default=600.0, show_default=True, help="Seconds to wait."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


@main.command()
@click.argument("prompt")
@click.option("--model", "-m", required=True, help="provider/model, or a route's name; see `llmgateway models`.")
@click.option("--system", help="Instructions that come before the prompt.")
@click.option("--max-tokens", type=click.IntRange(min=1, max=2**31 - 1), help="The most tokens to write.")
@connects
def call(prompt: str, model: str, system: str | None, max_tokens: int | None, **connection: Any) -> None:  # Any: click.
    """Send PROMPT to a model and stream the answer; `-` reads the prompt from standard input.

    The answer goes to standard output; thoughts, usage and warnings go to standard error.
    """
    text = read_prompt(prompt)
    if not text.strip():
        raise Failure("The prompt is empty. Give a text, or - and text on standard input.")
    request = make_request(model, text, system, max_tokens)
    run_client(Connection(**connection), lambda client: stream_answer(client, request))


@main.command()
@click.argument("name", required=False)
@connects
def models(name: str | None, **connection: Any) -> None:  # Any: click passes options by name.
    """List the models and routes that the key may call; as a table on a terminal, else as plain ids.

    With NAME, tell all that is known of one: what it can do, prices, limits, parameters, terms.
    """
    if name is not None:
        click.echo(describe_model(run_client(Connection(**connection), lambda client: client.model(name))))
        return
    found = run_client(Connection(**connection), list_models)
    if sys.stdout.isatty():
        print_table(found)
    else:
        for model in found:
            click.echo(model.id)


def read_prompt(prompt: str) -> str:
    """Return the prompt, from standard input where it is `-`."""
    try:
        text = sys.stdin.read() if prompt == "-" else prompt
        text.encode()  # Arguments that are not UTF-8 come as lone surrogates.
    except UnicodeError as error:
        raise Failure("The prompt is not valid UTF-8.") from error
    return text


def make_request(model: str, text: str, system: str | None, max_tokens: int | None) -> generation_pb2.GenerateRequest:
    """Build the request of one prompt."""
    from llmgateway.v1 import generation_pb2, message_pb2

    request = generation_pb2.GenerateRequest(model=model)
    if system is not None:
        request.messages.add(role=message_pb2.ROLE_SYSTEM).parts.add(text=system)
    request.messages.add(role=message_pb2.ROLE_USER).parts.add(text=text)
    if max_tokens is not None:
        request.max_output_token_count = max_tokens
    return request


def run_client(connection: Connection, work: Callable[[Client], Coroutine[None, None, Result]]) -> Result:
    """Do `work` with a client of the gateway; turn its errors into sentences. Ctrl-C cancels the call."""
    import asyncio

    import llmgateway

    from llmgateway_server.config.secrets import is_header_safe

    if connection.key is not None and not is_header_safe(connection.key):
        raise Failure("The key holds a space or a character that cannot be sent. Check --key or LLMGATEWAY_KEY.")
    try:
        return asyncio.run(cancel_on_interrupt(connect(connection, work)))
    except llmgateway.GatewayError as error:
        raise Failure(describe_failure(error, connection.target)) from error
    except (KeyboardInterrupt, asyncio.CancelledError):
        click.echo(err=True)
        sys.exit(INTERRUPTED)


async def cancel_on_interrupt(work: Coroutine[None, None, Result]) -> Result:
    """Do `work`, cancelled by Ctrl-C.

    The loop's own handler wakes the loop through a file descriptor; the one that `asyncio.run` installs can be
    missed for as long as nothing else happens, if the signal comes just before the loop begins to wait.
    """
    import asyncio
    import signal

    task = asyncio.current_task()
    if task is not None:
        with contextlib.suppress(NotImplementedError):  # Windows
            asyncio.get_running_loop().add_signal_handler(signal.SIGINT, task.cancel)
    return await work


async def connect(connection: Connection, work: Callable[[Client], Coroutine[None, None, Result]]) -> Result:
    """Open a client, do `work` with it, close it."""
    import llmgateway

    ca = connection.ca.read_bytes() if connection.ca is not None else None
    tls = connection.tls or ca is not None
    async with llmgateway.Client(
        connection.target, key=connection.key, tls=tls, root_certificates=ca, timeout_s=connection.timeout_s
    ) as client:
        return await work(client)


async def stream_answer(client: Client, request: generation_pb2.GenerateRequest) -> None:
    """Print an answer as it comes, then what it took."""
    writer = AnswerWriter(write_out=write_to(sys.stdout), write_aside=write_to(sys.stderr))
    try:
        async with client.stream(request) as stream:
            async for event in stream:
                writer.write(event)
    finally:
        # Also after a failure: what follows begins on a line of its own.
        writer.finish()
    response = stream.response
    for warning in response.call.warnings:
        click.echo(f"warning: {warning.field}: {printable(warning.description)}", err=True)
    click.echo(describe_usage(response), err=True)


async def list_models(client: Client) -> list[model_pb2.Model]:
    """Return all that the key may call."""
    return await client.models()
