"""The sub-commands that call a gateway as any client would, and how they reach it."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeVar

import click

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
    from llmgateway import Client, ComparedModel, GatewayError
    from llmgateway.v1 import explain_pb2, generation_pb2, model_pb2

Result = TypeVar("Result")
Command = TypeVar("Command", bound=Callable[..., Any])  # Any: click passes options by name.
Option = Callable[[Command], Command]

INTERRUPTED = 130
PEM_FILE = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)
SECONDS = click.FloatRange(min=0, min_open=True)
TOKENS = click.IntRange(min=1, max=2**31 - 1)


class Failure(click.ClickException):
    """What went wrong, in sentences for the user; the command exits with 1."""

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(self.message, file=file or sys.stderr)


class PairType(click.ParamType[tuple[str, str]]):
    """A name and a value, as in `task=code`."""

    name = "key=value"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        key, separator, rest = value.partition("=")  # Any: click's own signature
        if not key or not separator:
            self.fail(f"{value!r} is not KEY=VALUE", param, ctx)
        return key, rest


PAIR = PairType()


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
    return with_options(
        command,
        click.option("--target", default="127.0.0.1:50051", show_default=True, help="The gateway's gRPC address."),
        click.option("--key", envvar="LLMGATEWAY_KEY", show_envvar=True, help="A virtual key of the gateway."),
        click.option("--tls", is_flag=True, help="Speak TLS."),
        click.option("--ca", type=PEM_FILE, help="Trust this CA (PEM) instead of the system's. Implies --tls."),
        click.option("--timeout", "timeout_s", type=SECONDS, default=600.0, show_default=True, help="Seconds to wait."),
    )


def asks(command: Command) -> Command:
    """Give a command a prompt, and the options that go with any."""
    return with_options(
        command,
        click.argument("prompt"),
        click.option("--system", help="Instructions that come before the prompt."),
        click.option("--max-tokens", type=TOKENS, help="The most tokens to write."),
    )


def with_options(command: Command, *options: Option[Command]) -> Command:
    """Give a command options, in the order in which its help is to list them."""
    for option in reversed(options):
        command = option(command)
    return command


MODEL = click.option("--model", "-m", required=True, help="provider/model, or a route's name; see `llmgateway models`.")


@click.command()
@MODEL
@asks
@connects
def call(prompt: str, model: str, system: str | None, max_tokens: int | None, **connection: Any) -> None:  # Any: click.
    """Send PROMPT to a model and stream the answer; `-` reads the prompt from standard input.

    The answer goes to standard output; thoughts, usage and warnings go to standard error.
    """
    request = make_request(model, read_prompt(prompt), system, max_tokens)
    run_client(Connection(**connection), lambda client: stream_answer(client, request))


@click.command()
@click.option("--model", "-m", "models", multiple=True, required=True, help="One to compare; give 2 to 16.")
@asks
@connects
def compare(
    prompt: str, models: Sequence[str], system: str | None, max_tokens: int | None, **connection: Any
) -> None:  # Any: click passes options by name.
    """Send PROMPT to several models at once and show their answers side by side, as they are written.

    Where standard output is no terminal, the answers follow each other as plain text in the order of the models,
    without thoughts. The exit code is 1 where every model failed.
    """
    request = make_request("", read_prompt(prompt), system, max_tokens)
    reached = Connection(**connection)
    compared = run_client(reached, lambda client: show_answers(client, request, models, reached.target))
    if not any(model.is_finished for model in compared):
        sys.exit(1)


@click.command()
@MODEL
@asks
@click.option("--label", "labels", type=PAIR, multiple=True, help="A label of the request; may be repeated.")
@click.option("--require", "tags", type=PAIR, multiple=True, help="A tag that a target must have; may be repeated.")
@click.option("--json", "as_json", is_flag=True, help="Print the gateway's answer as JSON.")
@connects
def explain(
    prompt: str,
    model: str,
    system: str | None,
    max_tokens: int | None,
    labels: Sequence[tuple[str, str]],
    tags: Sequence[tuple[str, str]],
    as_json: bool,
    **connection: Any,  # click passes options by name
) -> None:
    """Tell where PROMPT would go now, and why: facts, rules, targets in order, who is left out. Nothing is sent."""
    request = make_request(model, read_prompt(prompt), system, max_tokens)
    request.labels.update(labels)
    request.routing.required_tags.update(tags)
    explained = run_client(Connection(**connection), lambda client: client.explain(request))
    print_explanation(explained, model, as_json=as_json)


@click.command()
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


COMMANDS = (call, compare, explain, models)


def read_prompt(prompt: str) -> str:
    """Return the prompt, from standard input where it is `-`."""
    try:
        text = sys.stdin.read() if prompt == "-" else prompt
        text.encode()  # Arguments that are not UTF-8 come as lone surrogates.
    except UnicodeError as error:
        raise Failure("The prompt is not valid UTF-8.") from error
    if not text.strip():
        raise Failure("The prompt is empty. Give a text, or - and text on standard input.")
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
    return run_calls(connection, lambda: connect(connection, work), describe_failure)


def run_calls(
    connection: Connection,
    begin: Callable[[], Coroutine[None, None, Result]],
    describe: Callable[[GatewayError, str], str],
) -> Result:
    """Do what `begin` begins with a client of any kind; `describe` turns its errors into sentences."""
    import asyncio

    import llmgateway

    from llmgateway_server.config.secrets import is_header_safe

    if connection.key is not None and not is_header_safe(connection.key):
        raise Failure("The key holds a space or a character that cannot be sent. Check --key or LLMGATEWAY_KEY.")
    try:
        return asyncio.run(cancel_on_interrupt(begin()))
    except llmgateway.GatewayError as error:
        raise Failure(describe(error, connection.target)) from error
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
    for warning in warnings_of(stream.response):
        click.echo(f"warning: {warning}", err=True)
    click.echo(describe_usage(stream.response), err=True)


async def show_answers(
    client: Client, request: generation_pb2.GenerateRequest, models: Sequence[str], target: str
) -> Sequence[ComparedModel]:
    """Print what several models answer, as it comes or one after the other; return how each ended."""
    import time

    from rich.console import Console

    from llmgateway_server.terminal_compare import ComparisonView, show_live, write_plainly

    async with client.compare(request, models=models) as comparison:
        view = ComparisonView(comparison.models, target, time.monotonic)
        if sys.stdout.isatty():
            await show_live(comparison, view, Console())
        else:
            await write_plainly(comparison, view, write_to(sys.stdout))
    for model in comparison.models:
        for warning in warnings_of(model.response):
            click.echo(f"warning: {printable(model.name)}: {warning}", err=True)
    return comparison.models


def warnings_of(response: generation_pb2.GenerateResponse) -> Iterator[str]:
    """Yield what an answer warns of."""
    for warning in response.call.warnings:
        yield f"{warning.field}: {printable(warning.description)}"


def print_explanation(explained: explain_pb2.ExplainRouteResponse, asked: str, *, as_json: bool) -> None:
    """Print where a generation would go: as tables, or as the message is in JSON."""
    from google.protobuf.json_format import MessageToJson
    from rich.console import Console

    from llmgateway_server.terminal_explain import explanation, plain_explanation

    if as_json:
        write_to(sys.stdout)(MessageToJson(explained, ensure_ascii=False) + "\n")
    elif sys.stdout.isatty():
        Console().print(explanation(explained, asked))
    else:
        click.echo(plain_explanation(explained, asked), nl=False)


async def list_models(client: Client) -> list[model_pb2.Model]:
    """Return all that the key may call."""
    return await client.models()
