"""`llmgateway teams`: departments, one in another."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import click

from llmgateway_server.admin_commands.drafts import clear_of, given_of, mask_of
from llmgateway_server.admin_commands.parameters import ETAG, SHOWN, TEAM_NAME
from llmgateway_server.admin_commands.reaching import administers, run_admin
from llmgateway_server.client_commands import PAIR, Connection, with_options

CLEARABLE = ("display_name", "parent", "labels")
CLEAR = clear_of(CLEARABLE)

TEAM = click.argument("name", metavar="TEAM", type=TEAM_NAME)


def describes_team(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command an option for each field of a team."""
    return with_options(
        command,
        click.option("--display-name", help="What people call it."),
        click.option("--parent", type=TEAM_NAME, help="The team that it is a part of."),
        click.option("--label", "labels", type=PAIR, multiple=True, help="For whoever reads; may be repeated."),
    )


@click.group()
def teams() -> None:
    """Manage teams."""


@teams.command("list")
@click.option("--parent", type=TEAM_NAME, default="", help="Only teams right below this one.")
@SHOWN
@administers
def list_teams(parent: str, shown_as: str, connection: Connection) -> None:
    """List teams."""
    from llmgateway.admin.v1 import team_service_pb2 as messages

    from llmgateway_server.terminal_admin.objects import teams_table
    from llmgateway_server.terminal_admin.printing import print_list

    request = messages.ListTeamsRequest(parent=parent)
    pages = run_admin(connection, lambda client: client.pages(client.teams.ListTeams, request))
    print_list([team for page in pages for team in page.teams], shown_as, teams_table)


@teams.command("get")
@TEAM
@SHOWN
@administers
def get_team(name: str, shown_as: str, connection: Connection) -> None:
    """Tell all that is known of TEAM."""
    from llmgateway.admin.v1 import team_service_pb2 as messages

    from llmgateway_server.terminal_admin.printing import print_object

    request = messages.GetTeamRequest(name=name)
    answer = run_admin(connection, lambda client: client.ask(client.teams.GetTeam, request))
    print_object(answer.team, shown_as)


@teams.command("create")
@TEAM
@describes_team
@SHOWN
@administers
def create_team(name: str, shown_as: str, connection: Connection, **fields: Any) -> None:  # Any: see `given_of`.
    """Create TEAM."""
    from llmgateway.admin.v1 import team_pb2
    from llmgateway.admin.v1 import team_service_pb2 as messages

    from llmgateway_server.terminal_admin.printing import print_object

    team = team_pb2.Team(**given_of(fields, time.time_ns()))
    request = messages.CreateTeamRequest(team_id=name.partition("/")[2], team=team)
    answer = run_admin(connection, lambda client: client.ask(client.teams.CreateTeam, request))
    print_object(answer.team, shown_as)


@teams.command("update")
@TEAM
@describes_team
@CLEAR
@ETAG
@SHOWN
@administers
def update_team(
    name: str, clear: Sequence[str], etag: str, shown_as: str, connection: Connection, **fields: Any
) -> None:  # Any: see `given_of`.
    """Change what options name of TEAM; labels as a whole. It takes its keys and teams to another parent."""
    from google.protobuf.field_mask_pb2 import FieldMask
    from llmgateway.admin.v1 import team_pb2
    from llmgateway.admin.v1 import team_service_pb2 as messages

    from llmgateway_server.terminal_admin.printing import print_object

    given = given_of(fields, time.time_ns())
    mask = FieldMask(paths=mask_of(given, clear))
    request = messages.UpdateTeamRequest(team=team_pb2.Team(name=name, etag=etag, **given), update_mask=mask)
    answer = run_admin(connection, lambda client: client.ask(client.teams.UpdateTeam, request))
    print_object(answer.team, shown_as)


@teams.command("delete")
@TEAM
@ETAG
@administers
def delete_team(name: str, etag: str, connection: Connection) -> None:
    """Delete TEAM, which must be empty. Its usage stays."""
    from llmgateway.admin.v1 import team_service_pb2 as messages

    request = messages.DeleteTeamRequest(name=name, etag=etag)
    run_admin(connection, lambda client: client.ask(client.teams.DeleteTeam, request))
