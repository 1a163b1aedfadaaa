"""Whatever administrators do, one after another, none of them comes to hold a key that may more than theirs did."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from hypothesis import event, given
from hypothesis import strategies as st
from llmgateway.admin.v1 import key_service_pb2 as keys
from llmgateway.admin.v1 import quota_service_pb2 as quotas
from llmgateway.admin.v1 import team_service_pb2 as teams
from llmgateway_server import errors
from llmgateway_server.admin.caller import Caller
from llmgateway_server.auth.grants import Grant, excess
from llmgateway_server.call import Principal

from tests.server.admin.office import NANOS, NOON_S, Office

KEYS = ("boss", "sub", "wide", "peer", "other", "new-1", "new-2", "new-3", "new-4")
TEAMS = ("mid", "low", "new-1", "new-2", "top", "else")
QUOTAS = ("of-boss", "of-top", "of-sub", "new-1", "new-2")

# What can be reached comes often, so that much is done.
some_key = st.sampled_from((*KEYS, "sub", "new-1", "new-1", "new-2", "new-2"))
some_team = st.sampled_from((*TEAMS, "mid", "mid", "low", "low", "new-1", "new-1"))
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "role": st.sampled_from(["ROLE_VIEWER", "ROLE_MEMBER", "ROLE_ADMIN", "ROLE_ADMIN", "ROLE_OWNER"]),
    "models": st.lists(st.sampled_from(["*", "openai/*", "openai/gpt", "fast", "o*"]), max_size=2),
    "labels": st.dictionaries(st.just("app"), st.sampled_from("ab"), max_size=1),
    "require": st.dictionaries(st.just("region"), st.sampled_from(["eu", "us"]), max_size=1),
    "weight": st.integers(0, 9),
    "expire_time": st.builds(lambda s: {"seconds": NOON_S + s}, st.integers(1, 2_000)),
    "ip_ranges": st.lists(st.sampled_from(["10.0.0.0/8", "10.1.0.0/16", "0.0.0.0/0"]), max_size=1),
    "team": some_team.map("teams/{}".format),
    "cache_scopes": st.lists(st.sampled_from([1, 2, 3, 4]), max_size=2),
}
# Most keys are asked for with little that is odd, so that many are made.
one_field = st.sampled_from(list(FIELDS)).flatmap(lambda name: FIELDS[name].map(lambda value: {name: value}))
grants = st.one_of(st.just({}), st.just({"role": "ROLE_ADMIN"}), one_field, st.fixed_dictionaries({}, optional=FIELDS))
masks = st.lists(st.sampled_from(list(FIELDS)), max_size=2).map(lambda paths: {"paths": paths})
scopes = st.one_of(
    some_key.map("key/{}".format), some_team.map("team/{}".format), st.sampled_from(["organization", "key/*"])
)
limits = st.builds(
    lambda limit, kind: {"limit": limit * NANOS, "enforcement": kind},
    st.integers(0, 30),
    st.sampled_from(["ENFORCEMENT_STRICT", "ENFORCEMENT_ESTIMATE", "ENFORCEMENT_SOFT"]),
)


def quota(scope: str, limit: dict[str, Any], window: str) -> dict[str, Any]:
    return {"scope": scope, "metric": "METRIC_COST", "window": window, **limit}


steps = st.one_of(
    st.builds(lambda id_, key: ("KeyService.CreateKey", keys.CreateKeyRequest(key_id=id_, key=key)), some_key, grants),
    st.builds(
        lambda id_, key, mask: (
            "KeyService.UpdateKey",
            keys.UpdateKeyRequest(key={"name": f"keys/{id_}", **key}, update_mask=mask),
        ),
        some_key,
        grants,
        masks,
    ),
    st.builds(lambda id_: ("KeyService.RotateKey", keys.RotateKeyRequest(name=f"keys/{id_}")), some_key),
    st.builds(lambda id_: ("KeyService.DeleteKey", keys.DeleteKeyRequest(name=f"keys/{id_}")), some_key),
    st.builds(
        lambda id_, parent: (
            "TeamService.CreateTeam",
            teams.CreateTeamRequest(team_id=id_, team={"parent": f"teams/{parent}"}),
        ),
        some_team,
        some_team,
    ),
    st.builds(
        lambda id_, parent: (
            "TeamService.UpdateTeam",
            teams.UpdateTeamRequest(team={"name": f"teams/{id_}", "parent": f"teams/{parent}"}),
        ),
        some_team,
        some_team,
    ),
    st.builds(lambda id_: ("TeamService.DeleteTeam", teams.DeleteTeamRequest(name=f"teams/{id_}")), some_team),
    st.builds(
        lambda id_, scope, limit, window: (
            "QuotaService.CreateQuota",
            quotas.CreateQuotaRequest(quota_id=id_, quota=quota(scope, limit, window)),
        ),
        st.sampled_from(QUOTAS),
        scopes,
        limits,
        st.sampled_from(["WINDOW_DAY", "WINDOW_MONTH"]),
    ),
    st.builds(
        lambda id_, limit: (
            "QuotaService.UpdateQuota",
            quotas.UpdateQuotaRequest(
                quota={"name": f"quotas/{id_}", **limit}, update_mask={"paths": ["limit", "enforcement"]}
            ),
        ),
        st.sampled_from((*QUOTAS, "id-0", "id-1")),
        limits,
    ),
    st.builds(
        lambda id_: ("QuotaService.DeleteQuota", quotas.DeleteQuotaRequest(name=f"quotas/{id_}")),
        st.sampled_from((*QUOTAS, "id-0", "id-1")),
    ),
)


@dataclass
class Intruder:
    """Someone who starts with one key, and uses every key whose secret it is ever shown."""

    office: Office
    held: dict[str, str] = field(default_factory=dict)

    async def act(self, by: str, rpc: str, request: Any) -> bool:
        """Call an RPC by a key that is held; return whether it was done."""
        principal = self.office.principals().get(by)
        if principal is None:
            return False
        try:
            answer = await self.office.ask(principal, rpc, request)
        except errors.CallError:
            return False
        if rpc in ("KeyService.CreateKey", "KeyService.RotateKey"):
            self.held[answer.key.name.removeprefix("keys/")] = answer.secret
        return True


async def make_office() -> Office:
    office = Office()
    for team, parent in (("top", ""), ("mid", "top"), ("low", "mid"), ("else", "")):
        await office.team(team, parent)
    limited = {
        "models": ["openai/*", "fast"],
        "labels": {"app": "a"},
        "require": {"region": "eu"},
        "weight": 3,
        "expire_time": {"seconds": NOON_S + 1_000},
        "ip_ranges": ["10.0.0.0/8"],
        "cache_scopes": ["SCOPE_KEY"],
    }
    await office.key("boss", "mid", role="ROLE_ADMIN", **limited)
    await office.key("sub", "low", role="ROLE_MEMBER", **limited)
    await office.key("wide", "mid", role="ROLE_MEMBER")
    await office.key("peer", "mid", role="ROLE_OWNER")
    await office.key("other", "else", role="ROLE_MEMBER")
    await office.quota("of-boss", "key/boss", 20 * NANOS)
    await office.quota("of-top", "team/mid", 20 * NANOS)
    await office.quota("of-sub", "key/sub", 10 * NANOS)
    return office


def check_no_wider(office: Office, origin: Principal, grant: Grant, held: str) -> None:
    """See to it that a key which is held may no more than the one that it all began with."""
    found = office.directory.key(held)
    if found is None or held not in office.principals():
        return
    assert not excess(found.body.grant, grant), held
    assert origin.team in list(office.directory.lineage(found.body.team)), held
    day = [
        quota.body
        for quota in office.directory.quotas.group(f"key/{held}")
        if quota.body.window == "day" and quota.body.enforcement == "strict"
    ]
    assert any(quota.limit <= 20 * NANOS for quota in day), held


async def run(begun: list[tuple[int, tuple[str, Any]]]) -> None:
    office = await make_office()
    origin = office.principal("boss")
    await office.directory.refresh()
    intruder = Intruder(office, {"boss": ""})
    # What the first key may, as it was at the beginning.
    grant = Caller(origin, "KeyService.CreateKey", office.directory).grant
    own = list(office.directory.lineage("mid"))
    for choice, (rpc, request) in begun:
        holders = sorted(intruder.held)
        by = holders[choice % len(holders)]
        event(f"{rpc}: {'done' if await intruder.act(by, rpc, request) else 'refused'}")
        await office.directory.refresh()
        assert list(office.directory.lineage("mid")) == own
        assert [quota.id for quota in office.directory.quotas.group("team/mid") if quota.id == "of-top"]
        for held in intruder.held:
            check_no_wider(office, origin, grant, held)


@given(st.lists(st.tuples(st.integers(0, 9), steps), min_size=5, max_size=25))
def test_no_sequence_of_calls_widens_what_a_key_may(begun: list[tuple[int, tuple[str, Any]]]) -> None:
    asyncio.run(run(begun))
