"""`llmgateway usage`: what was used, by whom and for how much, and putting it right."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from llmgateway_server.admin_commands.parameters import BUCKET, DIMENSION, DOLLARS, FILTER, MOMENT, SHOWN_OR_CSV
from llmgateway_server.admin_commands.reaching import administers, run_admin
from llmgateway_server.admin_commands.readings import Moment
from llmgateway_server.client_commands import Connection, Failure, with_options
from llmgateway_server.terminal import printable, write_to

if TYPE_CHECKING:
    from llmgateway.admin.v1.usage_pb2 import ReconciledRow, UsageRow
    from llmgateway.admin.v1.usage_service_pb2 import ExportUsageRequest, QueryUsageRequest

FORMATS: Mapping[str, str] = MappingProxyType({"csv": "FORMAT_CSV", "jsonl": "FORMAT_JSON_LINES"})
INVOICE = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)


def spans(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options for when something was used."""
    return with_options(
        command,
        click.option(
            "--since",
            type=MOMENT,
            default="7d",
            show_default=True,
            help="From when on: 7d (before now), 2026-11-01 or 2026-11-01T12:00Z.",
        ),
        click.option("--until", type=MOMENT, help="Until when, likewise. Default: now."),
    )


@click.group(invoke_without_command=True)
@click.option(
    "--by",
    type=DIMENSION,
    multiple=True,
    help="team, key, user, model, provider, route or label:NAME; may be repeated.",
)
@spans
@click.option("--bucket", "bucket_s", type=BUCKET, help="Sums for each minute, hour, day, or duration such as 15m.")
@click.option("--where", type=FILTER, multiple=True, help="Only this, such as team=platform; may be repeated.")
@SHOWN_OR_CSV
@administers
def usage(
    by: Sequence[str],
    since: Moment,
    until: Moment | None,
    bucket_s: int | None,
    where: Sequence[tuple[str, str]],
    shown_as: str,
    connection: Connection,
) -> None:
    """Tell what was used, and what it cost."""
    if click.get_current_context().invoked_subcommand is not None:
        refuse_options(click.get_current_context())
        return
    for name, count in [*Counter(by).items(), *Counter(name for name, _ in where).items()]:
        if count > 1:
            raise click.UsageError(f"{name} is given twice.")
    from llmgateway.admin.v1 import usage_service_pb2 as messages

    request = messages.QueryUsageRequest(group_by=by, filters=dict(where))
    set_period(request, since, until, time.time_ns())
    if bucket_s is not None:
        request.bucket.seconds = bucket_s
    answer = run_admin(connection, lambda client: client.ask(client.usage.QueryUsage, request))
    print_usage(answer.rows, by, shown_as, has_buckets=bucket_s is not None)


@usage.command()
@spans
@click.option("--format", "written_as", type=click.Choice(list(FORMATS)), default="csv", show_default=True, help="How.")
@administers
def export(since: Moment, until: Moment | None, written_as: str, connection: Connection) -> None:
    """Write the ledger's rows to standard output, one an attempt or adjustment."""
    from llmgateway.admin.v1 import usage_service_pb2 as messages

    request = messages.ExportUsageRequest(format=FORMATS[written_as])  # type: ignore[arg-type]  # protobuf takes names, too
    set_period(request, since, until, time.time_ns())
    run_admin(connection, lambda client: client.export(request, chunk_writer()))


# A negative amount begins as an option does.
@usage.command(context_settings={"ignore_unknown_options": True})
@click.argument("scope")
@click.argument("amount", type=DOLLARS)
@click.option("--reason", required=True, help="Why. It stands in the ledger.")
@click.option("--attempt", "attempt_id", default="", help="The attempt that was booked wrongly, if it is one.")
@administers
def adjust(scope: str, amount: int, reason: str, attempt_id: str, connection: Connection) -> None:
    """Add AMOUNT US dollars, or take -AMOUNT, from what SCOPE has spent: organization, key/ci, team/platform, …

    Prints the id of the adjustment's row in the ledger.
    """
    from llmgateway.admin.v1 import usage_service_pb2 as messages

    request = messages.AdjustUsageRequest(scope=scope, cost_usd_nanos=amount, reason=reason, attempt_id=attempt_id)
    answer = run_admin(connection, lambda client: client.ask(client.usage.AdjustUsage, request))
    click.echo(printable(answer.adjustment_id))


@usage.command()
@click.argument("invoice", type=INVOICE, metavar="INVOICE.csv")
@click.option("--provider", required=True, help="Whose invoice it is, as the ledger names it.")
@click.option("--date-column", default="", help="The column with the day. Default: date.")
@click.option("--model-column", default="", help="The column with the model. Default: model.")
@click.option("--cost-column", default="", help="The column with the cost in US dollars. Default: cost_usd.")
@click.option("--book", is_flag=True, help="Book the differences as adjustments.")
@SHOWN_OR_CSV
@administers
def reconcile(
    invoice: Path,
    provider: str,
    date_column: str,
    model_column: str,
    cost_column: str,
    book: bool,
    shown_as: str,
    connection: Connection,
) -> None:
    """Compare a provider's invoice with the ledger, by day and model."""
    from llmgateway.admin.v1 import usage_service_pb2 as messages

    request = messages.ReconcileUsageRequest(
        provider=provider,
        invoice_csv=read_invoice(invoice),
        date_column=date_column,
        model_column=model_column,
        cost_column=cost_column,
        book=book,
    )
    answer = run_admin(connection, lambda client: client.ask(client.usage.ReconcileUsage, request))
    print_reconciled(answer.rows, shown_as)


def refuse_options(context: click.Context) -> None:
    """Refuse options that stand before a sub-command: they would say nothing to it."""
    for parameter in context.command.params:
        name = parameter.name or ""
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            option = parameter.opts[0]
            raise click.UsageError(f"{option} stands before `{context.invoked_subcommand}`: give it after that.")


def set_period(
    request: QueryUsageRequest | ExportUsageRequest, since: Moment, until: Moment | None, now_ns: int
) -> None:
    """Set which time a request is about; leave out an end that is not given."""
    request.start_time.FromNanoseconds(since.before(now_ns))
    if until is not None:
        request.end_time.FromNanoseconds(until.before(now_ns))


def read_invoice(path: Path) -> bytes:
    """Return an invoice."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise Failure(f"{path}: the invoice cannot be read: {error.strerror}") from error


def chunk_writer() -> Callable[[bytes], None]:
    """Return what writes pieces of an export: as they come, or on a terminal without what would steer it."""
    if sys.stdout.isatty():
        write_text = write_to(sys.stdout)
        return lambda chunk: write_text(chunk.decode().replace("\r\n", "\n"))
    out = sys.stdout.buffer

    def write(chunk: bytes) -> None:
        out.write(chunk)
        out.flush()

    return write


def print_usage(rows: Sequence[UsageRow], by: Sequence[str], shown_as: str, *, has_buckets: bool) -> None:
    """Print sums."""
    from llmgateway_server.terminal_admin import usage as shown
    from llmgateway_server.terminal_admin.tables import show, show_json

    if shown_as == "json":
        show_json(shown.usage_documents(rows, by))
    elif shown_as == "csv":
        chunk_writer()(shown.usage_csv(rows, by))
    elif not rows:
        click.echo("Nothing was used in this time.")
    else:
        show(shown.usage_table(rows, by, has_buckets=has_buckets))
        if count := shown.unpriced_count(rows):
            click.echo(f"The cost is without {count:,} attempts that no price is known for.", err=True)


def print_reconciled(rows: Sequence[ReconciledRow], shown_as: str) -> None:
    """Print what invoice and ledger say."""
    from llmgateway_server.terminal_admin import usage as shown
    from llmgateway_server.terminal_admin.documents import document_of
    from llmgateway_server.terminal_admin.tables import show, show_json

    if shown_as == "json":
        show_json([document_of(row) for row in rows])
    elif shown_as == "csv":
        chunk_writer()(shown.reconciled_csv(rows))
    else:
        show(shown.reconciled_table(rows))
