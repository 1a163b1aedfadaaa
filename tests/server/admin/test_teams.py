from __future__ import annotations

from typing import Any

import pytest
from llmgateway.admin.v1 import key_service_pb2, managed_by_pb2
from llmgateway.admin.v1 import team_service_pb2 as messages
from llmgateway_server import errors

from tests.server.admin.office import OWNER, Office, make_company


@pytest.fixture
async def office() -> Office:
    return await make_company()


async def create(office: Office, by: str, id: str = "new", **team: Any) -> Any:  # noqa: A002
    request = messages.CreateTeamRequest(team_id=id, team=team)
    return (await office.ask(office.principal(by), "TeamService.CreateTeam", request)).team


async def update(office: Office, by: str, id: str, paths: list[str], **team: Any) -> Any:  # noqa: A002
    request = messages.UpdateTeamRequest(team={"name": f"teams/{id}", **team}, update_mask={"paths": paths})
    return (await office.ask(office.principal(by), "TeamService.UpdateTeam", request)).team


async def test_a_team_without_a_parent_stands_below_its_makers(office: Office) -> None:
    assert (await create(office, "ada")).parent == "teams/acme"
    assert not (await create(office, "ola", "top")).parent


@pytest.mark.parametrize("parent", ["acme-lab", "acme-den"])
async def test_no_team_comes_to_stand_below_itself(office: Office, parent: str) -> None:
    with pytest.raises(errors.InvalidField, match=r"team\.parent"):
        await update(office, "ola", "acme-lab", ["parent"], parent=f"teams/{parent}")


async def test_an_administrator_moves_teams_within_its_own_only(office: Office) -> None:
    assert (await update(office, "ada", "acme-den", ["parent"], parent="teams/acme")).parent == "teams/acme"
    assert (await update(office, "ada", "acme-den", ["parent"])).parent == "teams/acme"
    for parent in ("rival", "nowhere"):
        with pytest.raises(errors.ResourceNotFound, match=parent):
            await update(office, "ada", "acme-den", ["parent"], parent=f"teams/{parent}")


async def test_a_moved_team_takes_what_is_below_it_along(office: Office) -> None:
    ron = office.principal("ron")
    seen = key_service_pb2.GetKeyRequest(name="keys/lab")
    with pytest.raises(errors.ResourceNotFound):
        await office.ask(ron, "KeyService.GetKey", seen)
    await update(office, "ola", "acme-lab", ["parent"], parent="teams/rival")
    assert (await office.ask(ron, "KeyService.GetKey", seen)).key.team == "teams/acme-lab"


@pytest.mark.parametrize("rest", ["keys/lab", "teams/acme-den", "quotas/of-lab"])
async def test_a_team_that_has_anything_stays(office: Office, rest: str) -> None:
    with pytest.raises(errors.InvalidField) as caught:
        await office.ask(OWNER, "TeamService.DeleteTeam", messages.DeleteTeamRequest(name="teams/acme-lab"))
    assert any(rest in violation.description for violation in caught.value.violations)


async def test_an_empty_team_goes_and_its_name_is_free_again(office: Office) -> None:
    await office.ask(OWNER, "TeamService.DeleteTeam", messages.DeleteTeamRequest(name="teams/rival-lab"))
    with pytest.raises(errors.ResourceNotFound):
        await office.ask(OWNER, "TeamService.GetTeam", messages.GetTeamRequest(name="teams/rival-lab"))
    await office.team("rival-lab", "acme")


async def test_a_team_of_the_configuration_is_read_only(office: Office) -> None:
    seen = (await office.ask(OWNER, "TeamService.GetTeam", messages.GetTeamRequest(name="teams/set"))).team
    assert seen.managed_by == managed_by_pb2.MANAGED_BY_CONFIG
    with pytest.raises(errors.ResourceReadOnly):
        await update(office, "ola", "set", ["display_name"], display_name="x")
    with pytest.raises(errors.ResourceReadOnly):
        await office.ask(OWNER, "TeamService.DeleteTeam", messages.DeleteTeamRequest(name="teams/set"))
    with pytest.raises(errors.ResourceExists):
        await create(office, "ola", "set")


async def test_a_stale_etag_is_refused(office: Office) -> None:
    stale = (await update(office, "ada", "acme-lab", ["display_name"], display_name="one")).etag
    await update(office, "ada", "acme-lab", ["display_name"], display_name="two", etag=stale)
    with pytest.raises(errors.EtagMismatch):
        await update(office, "ada", "acme-lab", ["display_name"], display_name="three", etag=stale)


async def test_a_list_can_be_of_one_level(office: Office) -> None:
    answer = await office.ask(OWNER, "TeamService.ListTeams", messages.ListTeamsRequest(parent="teams/acme"))
    assert [team.name for team in answer.teams] == ["teams/acme-lab", "teams/set"]


async def test_teams_in_a_ring_are_walked_once(office: Office) -> None:
    """Two gateways may move two teams below each other in one moment."""
    for team, parent in (("ring-a", "ring-b"), ("ring-b", "ring-a")):
        await office.objects.create("team", team, f'{{"parent": "{parent}"}}'.encode(), office.now_ns)
    await office.directory.refresh()
    assert list(office.directory.lineage("ring-a")) == ["ring-a", "ring-b"]
