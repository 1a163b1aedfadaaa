"""`llmgateway quotas`: who may use how much, and which targets charged more than they could."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from llmgateway_server.admin_commands.drafts import clear_of, given_of, mask_of
from llmgateway_server.admin_commands.parameters import ETAG, QUOTA_NAME, SHOWN, TARGET_NAME, WordType
from llmgateway_server.admin_commands.reaching import administers, run_admin
from llmgateway_server.admin_commands.readings import read_limit
from llmgateway_server.client_commands import Connection, with_options

if TYPE_CHECKING:
    from llmgateway.admin.v1.quota_pb2 import Quota

    from llmgateway_server.admin_commands.client import AdminClient

METRIC_PREFIX = "METRIC_"
METRIC = WordType(METRIC_PREFIX, ("requests", "tokens", "cost", "concurrency"))
WINDOW = WordType("WINDOW_", ("second", "minute", "hour", "day", "week", "month", "total"))
ENFORCEMENT = WordType("ENFORCEMENT_", ("strict", "estimate", "soft"))
SHARE = click.FloatRange(0, 1, min_open=True)
CLEARABLE = ("warn_fractions", "enforcement")
CLEAR = clear_of(CLEARABLE)

LIMIT_HELP = "US dollars for cost, such as 0.50; else a whole number."
QUOTA = click.argument("name", metavar="QUOTA", type=QUOTA_NAME)


def describes_holding(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options for how a limit is held."""
    return with_options(
        command,
        click.option(
            "--warn", "warn_fractions", type=SHARE, multiple=True, help="Warn at this share of it; may be repeated."
        ),
        click.option("--enforcement", type=ENFORCEMENT, help="strict: never exceeded; soft: only warns."),
    )


@click.group()
def quotas() -> None:
    """Manage quotas."""


@quotas.command("list")
@click.option("--scope", default="", help="Only quotas of this scope, such as team/platform.")
@SHOWN
@administers
def list_quotas(scope: str, shown_as: str, connection: Connection) -> None:
    """List quotas and how they stand."""
    from llmgateway.admin.v1 import quota_service_pb2 as messages

    from llmgateway_server.terminal_admin.objects import quotas_table
    from llmgateway_server.terminal_admin.printing import print_list

    request = messages.ListQuotasRequest(scope=scope)
    pages = run_admin(connection, lambda client: client.pages(client.quotas.ListQuotas, request))
    print_list([quota for page in pages for quota in page.quotas], shown_as, quotas_table)


@quotas.command("get")
@QUOTA
@SHOWN
@administers
def get_quota(name: str, shown_as: str, connection: Connection) -> None:
    """Tell all that is known of QUOTA, and how it stands."""
    from llmgateway_server.terminal_admin.printing import print_object

    print_object(run_admin(connection, lambda client: find_quota(client, name)), shown_as)


@quotas.command("create")
@click.argument("name", metavar="[QUOTA]", type=QUOTA_NAME, default="")
@click.option("--scope", required=True, help="organization, or KIND/NAME, such as key/ci, team/platform, key/*.")
@click.option("--metric", type=METRIC, required=True, help="What is limited.")
@click.option("--window", type=WINDOW, help="For how long. Calls at once have none.")
@click.option("--limit", required=True, help=LIMIT_HELP)
@click.option("--timezone", help="Whose hours and days, such as Europe/Berlin. Default: UTC.")
@click.option("--anchor-day", type=int, help="The day that a week (1, Monday, to 7) or month (1 to 28) begins on.")
@click.option("--anchor-hour", type=click.IntRange(0, 23), help="The hour that a day, week or month begins at.")
@describes_holding
@SHOWN
@administers
def create_quota(name: str, metric: str, limit: str, shown_as: str, connection: Connection, **fields: Any) -> None:
    """Create a quota, called QUOTA if that is given. It counts what its window has seen already."""
    from llmgateway.admin.v1 import quota_pb2
    from llmgateway.admin.v1 import quota_service_pb2 as messages

    from llmgateway_server.terminal_admin.printing import print_object

    # Any, of the fields: see `given_of`.
    quota = quota_pb2.Quota(metric=metric, limit=limit_of(limit, metric), **given_of(fields, 0))  # type: ignore[arg-type]
    request = messages.CreateQuotaRequest(quota_id=name.partition("/")[2], quota=quota)
    answer = run_admin(connection, lambda client: client.ask(client.quotas.CreateQuota, request))
    print_object(answer.quota, shown_as)


@quotas.command("update")
@QUOTA
@click.option("--limit", help=LIMIT_HELP)
@describes_holding
@CLEAR
@ETAG
@SHOWN
@administers
def update_quota(
    name: str, limit: str | None, clear: Sequence[str], etag: str, shown_as: str, connection: Connection, **fields: Any
) -> None:  # Any: see `given_of`.
    """Change what options name of QUOTA. It takes effect within a second, and cancels nothing that runs."""
    from llmgateway_server.terminal_admin.printing import print_object

    given = given_of(fields, 0)
    mask = mask_of(given if limit is None else {**given, "limit": limit}, clear)
    print_object(run_admin(connection, lambda client: change(client, name, etag, limit, given, mask)), shown_as)


@quotas.command("delete")
@QUOTA
@ETAG
@administers
def delete_quota(name: str, etag: str, connection: Connection) -> None:
    """Delete QUOTA."""
    from llmgateway.admin.v1 import quota_service_pb2 as messages

    request = messages.DeleteQuotaRequest(name=name, etag=etag)
    run_admin(connection, lambda client: client.ask(client.quotas.DeleteQuota, request))


@quotas.command("banned")
@SHOWN
@administers
def list_banned(shown_as: str, connection: Connection) -> None:
    """List targets that charged more than they could: calls with a strict limit of cost do not go there."""
    from llmgateway.admin.v1 import quota_service_pb2 as messages

    from llmgateway_server.terminal_admin.objects import banned_table
    from llmgateway_server.terminal_admin.printing import print_list

    request = messages.ListBannedTargetsRequest()
    pages = run_admin(connection, lambda client: client.pages(client.quotas.ListBannedTargets, request))
    print_list([target for page in pages for target in page.banned_targets], shown_as, banned_table)


@quotas.command("acknowledge")
@click.argument("name", metavar="PROVIDER/MODEL", type=TARGET_NAME)
@administers
def acknowledge(name: str, connection: Connection) -> None:
    """Let calls with a strict limit of cost go to PROVIDER/MODEL again, once its overrun was looked into."""
    from llmgateway.admin.v1 import quota_service_pb2 as messages

    request = messages.AcknowledgeOverrunRequest(name=name)
    run_admin(connection, lambda client: client.ask(client.quotas.AcknowledgeOverrun, request))


async def find_quota(client: AdminClient, name: str) -> Quota:
    """Return a quota."""
    from llmgateway.admin.v1 import quota_service_pb2 as messages

    return (await client.ask(client.quotas.GetQuota, messages.GetQuotaRequest(name=name))).quota


async def change(
    client: AdminClient, name: str, etag: str, limit: str | None, given: dict[str, Any], mask: Sequence[str]
) -> Quota:  # Any: see `given_of`.
    """Change a quota; return it."""
    from google.protobuf.field_mask_pb2 import FieldMask
    from llmgateway.admin.v1 import quota_pb2
    from llmgateway.admin.v1 import quota_service_pb2 as messages

    quota = quota_pb2.Quota(name=name, etag=etag, **given)
    if limit is not None:
        # What the number means is told by the metric, which a quota made anew under that name might have changed.
        found = await find_quota(client, name)
        quota.limit = limit_of(limit, quota_pb2.Quota.Metric.Name(found.metric))
        quota.etag = etag or found.etag
    request = messages.UpdateQuotaRequest(quota=quota, update_mask=FieldMask(paths=mask))
    return (await client.ask(client.quotas.UpdateQuota, request)).quota


def limit_of(limit: str, metric: str) -> int:
    """Return a limit as the metric of that name in the contract counts."""
    try:
        return read_limit(limit, metric.removeprefix(METRIC_PREFIX).lower())
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--limit") from error
