"""Role × RPC × whose object × field, each by a call of the services themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from google.protobuf.message import Message
from llmgateway.admin.v1 import (
    key_service_pb2 as keys,
)
from llmgateway.admin.v1 import (
    quota_service_pb2 as quotas,
)
from llmgateway.admin.v1 import (
    team_service_pb2 as teams,
)
from llmgateway.admin.v1 import (
    usage_service_pb2 as usage,
)
from llmgateway_server import errors
from llmgateway_server.admin.ban_body import BAN_KIND
from llmgateway_server.auth.roles import Role, Whose
from llmgateway_server.store.ledger import Entry, Settlement, Source, Tally

from tests.server.admin.office import NOON_S, Office, make_company
from tests.server.admin.rights import RIGHTS

CALLERS = {Role.VIEWER: "vic", Role.MEMBER: "max", Role.ADMIN: "ada", Role.OWNER: "ola"}
# Whose an object is, for each of the callers; None: its own.
KEYS = {Whose.OWN: None, Whose.BELOW: "kim", Whose.OTHER: "roy"}
TEAMS = {Whose.OWN: "acme", Whose.BELOW: "acme-den", Whose.OTHER: "rival-lab"}
TEAM_OF_KEY = {Whose.OWN: "acme", Whose.BELOW: "acme-lab", Whose.OTHER: "rival"}


class Case(NamedTuple):
    """A call on an object: its request, and whether an answer tells of the object, where it lists several."""

    request: Callable[[str, Whose, str], Message]
    tells: Callable[[list[Any], str, Whose], bool] = lambda answer, caller, whose: True


def key(caller: str, whose: Whose) -> str:
    return KEYS[whose] or caller


FIELDS: dict[str, dict[str, Any]] = {
    "KeyService": {
        "display_name": "Name",
        "team": "",
        "role": "ROLE_VIEWER",
        "models": ["openai/*"],
        "cache_scopes": ["SCOPE_KEY"],
        "labels": {"cost_center": "7"},
        "require": {"region": "eu"},
        "weight": 1,
        "expire_time": {"seconds": NOON_S + 60},
        "ip_ranges": ["10.0.0.0/8"],
    },
    "TeamService": {"display_name": "Name", "parent": "", "labels": {"a": "b"}},
    "QuotaService": {
        "limit": 5,
        "warn_fractions": [0.5],
        "enforcement": "ENFORCEMENT_STRICT",
        "timezone": "Europe/Berlin",
        "anchor_day": 2,
        "anchor_hour": 3,
    },
}


def resource(service: str, field: str, **given: Any) -> dict[str, Any]:
    """Return a resource with one field set beside those that are given."""
    value = FIELDS[service].get(field)
    return given if field in given or value in (None, "") else {**given, field: value}


def create_key(caller: str, whose: Whose, field: str) -> Message:
    return keys.CreateKeyRequest(key_id="new", key=resource("KeyService", field, team=f"teams/{TEAM_OF_KEY[whose]}"))


def update_key(caller: str, whose: Whose, field: str) -> Message:
    given = {"team": f"teams/{TEAM_OF_KEY[whose]}"} if field == "team" else {}
    named = resource("KeyService", field or "display_name", name=f"keys/{key(caller, whose)}", **given)
    return keys.UpdateKeyRequest(key=named, update_mask={"paths": [field or "display_name"]})


def create_team(caller: str, whose: Whose, field: str) -> Message:
    parent = {Whose.BELOW: "acme", Whose.OTHER: "rival", Whose.OWN: "acme"}[whose]
    return teams.CreateTeamRequest(team_id="new", team=resource("TeamService", field, parent=f"teams/{parent}"))


def update_team(caller: str, whose: Whose, field: str) -> Message:
    parents = {Whose.OWN: "rival", Whose.BELOW: "acme", Whose.OTHER: "rival"}
    given = {"parent": f"teams/{parents[whose]}"} if field == "parent" else {}
    named = resource("TeamService", field or "display_name", name=f"teams/{TEAMS[whose]}", **given)
    return teams.UpdateTeamRequest(team=named, update_mask={"paths": [field or "display_name"]})


def create_quota(caller: str, whose: Whose, field: str) -> Message:
    given = {
        "scope": f"key/{key(caller, whose)}",
        "metric": "METRIC_COST",
        "window": "WINDOW_WEEK",
    }
    return quotas.CreateQuotaRequest(quota=resource("QuotaService", field, **given))


def update_quota(caller: str, whose: Whose, field: str) -> Message:
    named = resource("QuotaService", field or "limit", name=f"quotas/of-{key(caller, whose)}")
    return quotas.UpdateQuotaRequest(quota=named, update_mask={"paths": [field or "limit"]})


def named(request_type: Any, collection: str, of: Callable[[str, Whose], str]) -> Case:
    return Case(lambda caller, whose, _: request_type(name=f"{collection}/{of(caller, whose)}"))


def quota_of(caller: str, whose: Whose) -> str:
    return f"of-{key(caller, whose)}"


START = {"seconds": 0}

CASES: dict[str, Case] = {
    "KeyService.GetKey": named(keys.GetKeyRequest, "keys", key),
    "KeyService.ListKeys": Case(
        lambda *_: keys.ListKeysRequest(),
        lambda answer, caller, whose: f"keys/{key(caller, whose)}" in [one.name for one in answer[0].keys],
    ),
    "KeyService.CreateKey": Case(create_key),
    "KeyService.UpdateKey": Case(update_key),
    "KeyService.RevokeKey": named(keys.RevokeKeyRequest, "keys", key),
    "KeyService.RotateKey": named(keys.RotateKeyRequest, "keys", key),
    "KeyService.DeleteKey": named(keys.DeleteKeyRequest, "keys", key),
    "TeamService.GetTeam": named(teams.GetTeamRequest, "teams", lambda _, whose: TEAMS[whose]),
    "TeamService.ListTeams": Case(
        lambda *_: teams.ListTeamsRequest(),
        lambda answer, caller, whose: f"teams/{TEAMS[whose]}" in [one.name for one in answer[0].teams],
    ),
    "TeamService.CreateTeam": Case(create_team),
    "TeamService.UpdateTeam": Case(update_team),
    "TeamService.DeleteTeam": named(teams.DeleteTeamRequest, "teams", lambda _, whose: TEAMS[whose]),
    "QuotaService.GetQuota": named(quotas.GetQuotaRequest, "quotas", quota_of),
    "QuotaService.ListQuotas": Case(
        lambda *_: quotas.ListQuotasRequest(),
        lambda answer, caller, whose: f"quotas/{quota_of(caller, whose)}" in [one.name for one in answer[0].quotas],
    ),
    "QuotaService.CreateQuota": Case(create_quota),
    "QuotaService.UpdateQuota": Case(update_quota),
    "QuotaService.DeleteQuota": named(quotas.DeleteQuotaRequest, "quotas", quota_of),
    "QuotaService.ListBannedTargets": Case(lambda *_: quotas.ListBannedTargetsRequest()),
    "QuotaService.AcknowledgeOverrun": Case(
        lambda *_: quotas.AcknowledgeOverrunRequest(name="bannedTargets/openai/gpt-4o")
    ),
    "UsageService.QueryUsage": Case(
        lambda *_: usage.QueryUsageRequest(start_time=START, group_by=["key"]),
        lambda answer, caller, whose: key(caller, whose) in [row.group["key"] for row in answer[0].rows],
    ),
    "UsageService.ExportUsage": Case(
        lambda *_: usage.ExportUsageRequest(start_time=START),
        lambda answer, caller, whose: f",{key(caller, whose)},".encode() in b"".join(one.chunk for one in answer),
    ),
    "UsageService.AdjustUsage": Case(
        lambda caller, whose, _: usage.AdjustUsageRequest(
            scope=f"key/{key(caller, whose)}", cost_usd_nanos=-1, reason="why"
        )
    ),
    "UsageService.ReconcileUsage": Case(
        lambda *_: usage.ReconcileUsageRequest(
            provider="openai", invoice_csv=b"date,model,cost_usd\n2026-12-01,m,1\n", book=True
        )
    ),
}

# These need no object: whoever may call them at all may call them on everything.
OF_ALL = {"QuotaService.ListBannedTargets", "QuotaService.AcknowledgeOverrun", "UsageService.ReconcileUsage"}
# What is new is nobody's own.
NEVER_OWN = {"KeyService.CreateKey", "TeamService.CreateTeam"}
LISTS = {name for name, case in CASES.items() if name.split(".")[1].startswith(("List", "Query", "Export"))} - OF_ALL


async def make_office() -> Office:
    """Make a company in which every key has used something, and one target is banned."""
    office = await make_company()
    ban = b'{"attempt_id": "a", "overrun_usd_nanos": 5}'
    await office.objects.create(BAN_KIND, "openai/gpt-4o", ban, office.now_ns)
    for name, principal in office.principals().items():
        entry = Entry(
            f"a-{name}", "c", "Generate", "first", office.now_ns - 1, name, principal.team, "", {}, "", "openai", "m"
        )
        settlement = Settlement(f"a-{name}", Source.PROVIDER, 7, Tally(1, 0, 0, 1, 0), 1, office.now_ns, 10, None, "ok")
        office.ledger.record(entry, settlement)
    return office


async def outcome_of(name: str, role: Role, whose: Whose) -> str:
    """Call an RPC, or one that sets a field; return `allowed`, `absent` from a list, or why it was refused."""
    rpc, _, field = name.partition("/")
    office, caller, case = await make_office(), CALLERS[role], CASES[rpc]
    try:
        answer = await office.ask(office.principal(caller), rpc, case.request(caller, whose, field))
    except errors.PermissionMissing:
        return "denied"
    except errors.ResourceNotFound:
        return "not found"
    except errors.InvalidField as error:
        # An owner may delete its own team, were it empty.
        return "allowed" if (rpc, whose) == ("TeamService.DeleteTeam", Whose.OWN) else error.message
    return "allowed" if case.tells(answer if isinstance(answer, list) else [answer], caller, whose) else "absent"


def expected(name: str, role: Role, whose: Whose) -> str:
    rights = RIGHTS[name][role]
    if whose in rights:
        return "allowed"
    rpc = name.partition("/")[0]
    if rpc in LISTS:
        return "absent"
    return "not found" if whose is Whose.OTHER and RIGHTS[rpc][role] else "denied"


@pytest.mark.parametrize("name", RIGHTS)
async def test_whoever_may_can_and_nobody_else(name: str) -> None:
    rpc = name.partition("/")[0]
    for role in Role:
        for whose in Whose:
            if (whose is Whose.OWN and rpc in NEVER_OWN) or (whose is not Whose.OTHER and rpc in OF_ALL):
                continue
            assert await outcome_of(name, role, whose) == expected(name, role, whose), (role, whose)


def test_each_row_has_a_case() -> None:
    assert {name.partition("/")[0] for name in RIGHTS} == set(CASES)
