"""Teams as messages of the contract, and back. Pure."""

from __future__ import annotations

from llmgateway.admin.v1 import managed_by_pb2, team_pb2

from llmgateway_server.admin.fields import (
    MAX_DISPLAY_NAME,
    Violations,
    check_labels,
    check_text,
    read_optional_name,
    set_time,
)
from llmgateway_server.admin.shelf import Record
from llmgateway_server.admin.team_body import TeamBody


def read_team(team: team_pb2.Team, wrong: Violations) -> TeamBody:
    """Return what a message asks for."""
    check_text("team.display_name", team.display_name, MAX_DISPLAY_NAME, wrong)
    check_labels("team.labels", team.labels, wrong)
    parent = read_optional_name("team.parent", team.parent, "teams", wrong)
    return TeamBody(team.display_name, parent, dict(team.labels))


def write_team(record: Record[TeamBody]) -> team_pb2.Team:
    """Return a team as callers see it."""
    body = record.body
    managed_by = managed_by_pb2.MANAGED_BY_CONFIG if record.is_configured else managed_by_pb2.MANAGED_BY_API
    team = team_pb2.Team(
        name=f"teams/{record.id}",
        display_name=body.display_name,
        parent=f"teams/{body.parent}" if body.parent else "",
        labels=body.labels,
        managed_by=managed_by,
        etag=record.etag,
    )
    if record.created_ns is not None:
        set_time(team.create_time, record.created_ns)
        set_time(team.update_time, record.updated_ns)
    return team
