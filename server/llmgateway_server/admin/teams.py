"""TeamService."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from llmgateway.admin.v1 import team_pb2
from llmgateway.admin.v1 import team_service_pb2 as messages

from llmgateway_server.admin.caller import Caller
from llmgateway_server.admin.desk import Desk, check_writable, find, record_change
from llmgateway_server.admin.directory import exists, not_found
from llmgateway_server.admin.fields import (
    Violations,
    check_id,
    fields_set,
    fields_to_change,
    read_optional_name,
    refuse,
)
from llmgateway_server.admin.pages import PageQuery, page_of
from llmgateway_server.admin.shelf import Record
from llmgateway_server.admin.team_body import TeamBody
from llmgateway_server.admin.team_messages import read_team, write_team
from llmgateway_server.auth.roles import TEAM_FIELDS, Whose
from llmgateway_server.call import Call
from llmgateway_server.errors import FieldViolation

Team = Record[TeamBody]


class TeamService:
    """Manages teams."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._directory = desk.directory

    async def get_team(self, call: Call, request: messages.GetTeamRequest) -> messages.GetTeamResponse:
        caller = await self._desk.begin(call, "TeamService.GetTeam")
        return messages.GetTeamResponse(team=write_team(self._find(caller, request.name)[0]))

    async def list_teams(self, call: Call, request: messages.ListTeamsRequest) -> messages.ListTeamsResponse:
        caller = await self._desk.begin(call, "TeamService.ListTeams")
        wrong: Violations = []
        parent = read_optional_name("parent", request.parent, "teams", wrong)
        refuse(wrong)
        query = PageQuery(request.page_size, request.page_token, ("teams", call.principal.name, parent))

        def keep(team: Team) -> bool:
            return (not parent or team.body.parent == parent) and caller.may(caller.whose_team(team.id))

        page, token = await page_of(self._directory.teams, query, keep)
        return messages.ListTeamsResponse(teams=map(write_team, page), next_page_token=token)

    async def create_team(self, call: Call, request: messages.CreateTeamRequest) -> messages.CreateTeamResponse:
        caller = await self._desk.begin(call, "TeamService.CreateTeam")
        wrong: Violations = []
        check_id("team_id", request.team_id, wrong)
        body = self._read(caller, request.team, wrong)
        refuse(wrong)
        whose = self._check_parent(caller, body.parent)
        caller.require_fields(whose, fields_set(request.team, TEAM_FIELDS))
        if self._directory.teams.get(request.team_id) is not None:
            raise exists(f"teams/{request.team_id}")
        team = await self._directory.create(self._directory.teams, request.team_id, body, self._desk.wall_ns())
        record_change(call, f"teams/{team.id}")
        return messages.CreateTeamResponse(team=write_team(team))

    async def update_team(self, call: Call, request: messages.UpdateTeamRequest) -> messages.UpdateTeamResponse:
        caller = await self._desk.begin(call, "TeamService.UpdateTeam")
        team, whose = self._find(caller, request.team.name, "team.name")
        wrong: Violations = []
        fields = fields_to_change(request.team, request.update_mask, TEAM_FIELDS, wrong)
        draft = self._read(caller, request.team, wrong)
        if "parent" in fields and team.id in self._directory.lineage(draft.parent):
            wrong.append(FieldViolation("team.parent", "must be neither the team itself nor below it"))
        refuse(wrong)
        caller.require_fields(whose, fields)
        check_writable(team, request.team.name, request.team.etag)
        if "parent" in fields:
            self._check_parent(caller, draft.parent)
        body = msgspec.structs.replace(team.body, **{field: getattr(draft, field) for field in fields})
        team = await self._directory.update(self._directory.teams, team, body, self._desk.wall_ns())
        record_change(call, request.team.name, ", ".join(fields))
        return messages.UpdateTeamResponse(team=write_team(team))

    async def delete_team(self, call: Call, request: messages.DeleteTeamRequest) -> messages.DeleteTeamResponse:
        caller = await self._desk.begin(call, "TeamService.DeleteTeam")
        team, _ = self._find(caller, request.name)
        check_writable(team, request.name, request.etag)
        refuse([FieldViolation("name", f"still has {name}: delete or move it first") for name in self._rest(team)])
        await self._directory.delete(self._directory.teams, team, self._desk.wall_ns())
        record_change(call, request.name)
        return messages.DeleteTeamResponse()

    def _rest(self, team: Team) -> Sequence[str]:
        """Return the names of some of what a team still has."""
        directory = self._directory
        return [
            *(directory.keys.name_of(key.id) for key in directory.keys.group(team.id)),
            *(directory.teams.name_of(below.id) for below in directory.teams.group(team.id)),
            *(directory.quotas.name_of(quota.id) for quota in directory.quotas.group(f"team/{team.id}")),
        ]

    def _find(self, caller: Caller, name: str, path: str = "name") -> tuple[Team, Whose]:
        """Return a team that the caller may do this with, and whose it is."""
        team = find(self._directory.teams, name, path)
        whose = caller.whose_team(team.id)
        caller.require(whose, name)
        return team, whose

    def _read(self, caller: Caller, message: team_pb2.Team, wrong: Violations) -> TeamBody:
        """Return what a message asks for; without a parent it is a part of the caller's team, unless that owns all."""
        body = read_team(message, wrong)
        own = "" if caller.is_owner else caller.principal.team
        return msgspec.structs.replace(body, parent=body.parent or own)

    def _check_parent(self, caller: Caller, parent: str) -> Whose:
        """Raise unless the caller may have a team below another; return whose that team is."""
        name = f"teams/{parent}"
        if parent and self._directory.teams.get(parent) is None:
            raise not_found(name)
        # Whatever comes to stand below the caller's own team is below, not its own.
        whose = Whose.BELOW if caller.reaches(parent) else Whose.OTHER
        caller.require(whose, name)
        return whose
