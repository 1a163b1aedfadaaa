from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from llmgateway.admin.v1 import key_service_pb2 as keys
from llmgateway_server import errors
from llmgateway_server.admin.configured import configured_of
from llmgateway_server.admin.directory import Configured, Directory
from llmgateway_server.admin.key_body import KeyBody, Secret
from llmgateway_server.admin.shelf import Shelf
from llmgateway_server.admin.team_body import TeamBody
from llmgateway_server.auth.roles import Role
from llmgateway_server.config.auth import AuthSettings, KeySettings, TeamSettings
from llmgateway_server.config.quotas import QuotaSettings
from llmgateway_server.store.memory import MemoryObjects
from llmgateway_server.store.objects import Stored

from tests.server.admin.office import make_company

ids = st.sampled_from("abcd")
parents = st.sampled_from(["", "x", "y"])
changes = st.lists(st.tuples(st.sampled_from(["put", "delete", "configure"]), ids, parents), max_size=20)


@given(changes)
def test_a_shelf_is_always_in_order_and_finds_its_groups(told: list[tuple[str, str, str]]) -> None:
    shelf = Shelf("team", "teams", TeamBody, lambda team: team.parent)
    stored: dict[str, str] = {}
    configured: dict[str, str] = {}
    for revision, (what, id_, parent) in enumerate(told, 1):
        body = msgspec.json.encode(TeamBody(parent=parent))
        if what == "put":
            shelf.put(Stored("team", id_, body, revision, 1, 1))
            stored[id_] = parent
        elif what == "delete":
            shelf.put(Stored("team", id_, b"", revision, 1, 1, is_deleted=True))
            stored.pop(id_, None)
        else:
            configured = {id_: parent}
            shelf.configure({id_: TeamBody(parent=parent)})
        known = {**stored, **configured}
        assert [(one.id, one.body.parent) for one in shelf.after("")] == sorted(known.items())
        for group in ("", "x", "y"):
            assert [one.id for one in shelf.group(group)] == sorted(id_ for id_ in known if known[id_] == group)


async def test_the_configuration_stands_above_the_store() -> None:
    objects = MemoryObjects()
    await objects.create("key", "ci", msgspec.json.encode(KeyBody(role="owner", secrets=(Secret("d", 1),))), 1)
    directory = Directory(objects, Configured(keys={"ci": KeyBody(role="viewer")}))
    await directory.refresh()
    found = directory.keys.get("ci")
    assert found is not None
    assert (found.body.role, found.is_configured) == ("viewer", True)
    directory.configure(Configured())
    found = directory.keys.get("ci")
    assert found is not None
    assert found.body.role == "owner"


async def test_kinds_that_others_keep_in_the_store_are_passed_over() -> None:
    objects = MemoryObjects()
    await objects.create("prompt", "p", b"{}", 1)
    await objects.create("team", "t", b"{}", 1)
    directory = Directory(objects, Configured())
    await directory.refresh()
    assert directory.teams.get("t") is not None


def test_a_configuration_shows_its_keys_their_teams_and_quotas() -> None:
    quota = {"scope": "key/ci", "metric": "cost", "window": "day", "limit": "0.5"}
    found = configured_of(
        AuthSettings(
            keys=(KeySettings(name="ci", team="platform", role="owner", models=("fast",)),),
            teams=(TeamSettings(name="web", parent="product", display_name="Web"),),
        ),
        [QuotaSettings(**quota), QuotaSettings(**{**quota, "limit": 2}), QuotaSettings(**{**quota, "scope": "key/*"})],
    )
    assert (found.keys["ci"].team, found.keys["ci"].models) == ("platform", ("fast",))
    assert Role.named(found.keys["ci"].role) is Role.OWNER
    assert found.teams == {"web": TeamBody("Web", "product")}
    assert list(found.named_teams) == ["platform", "product"]
    assert [one.limit for one in found.quotas.values()] == [5 * 10**8, 2 * 10**9, 5 * 10**8]
    first, second, _ = found.quotas
    assert second == f"{first}-2"


@pytest.mark.parametrize("change", ["demoted", "revoked", "moved"])
async def test_who_was_looked_up_before_a_change_has_no_rights_of_old(change: str) -> None:
    """The key ring may be a moment behind the store; what an administrator may is decided by the store."""
    office = await make_company()
    ada = office.principal("ada")
    found = office.directory.keys.get("ada")
    assert found is not None
    changes = {
        "demoted": {"role": "viewer"},
        "revoked": {"revoked_ns": office.now_ns, "secrets": ()},
        "moved": {"team": "rival"},
    }[change]
    body = msgspec.structs.replace(found.body, **changes)
    await office.objects.update("key", "ada", msgspec.json.encode(body), found.etag, office.now_ns)
    reason = {"demoted": errors.PermissionMissing, "revoked": errors.ApiKeyInvalid, "moved": errors.ResourceNotFound}
    with pytest.raises(reason[change]):
        await office.ask(ada, "KeyService.RevokeKey", keys.RevokeKeyRequest(name="keys/kim"))
