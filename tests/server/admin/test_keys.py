from __future__ import annotations

import logging
from typing import Any

import msgspec
import pytest
from llmgateway.admin.v1 import key_pb2, managed_by_pb2, role_pb2
from llmgateway.admin.v1 import key_service_pb2 as messages
from llmgateway_server import errors
from llmgateway_server.auth.keys import digest, has_valid_checksum
from llmgateway_server.store.objects import AlreadyThere, Stored

from tests.server.admin.office import NANOS, NOON_S, OWNER, Office, make_company

DAY_S = 86_400


@pytest.fixture
async def office() -> Office:
    return await make_company()


async def create(office: Office, by: str, id: str = "new", **key: Any) -> Any:  # noqa: A002
    request = messages.CreateKeyRequest(key_id=id, key=key)
    return await office.ask(office.principal(by), "KeyService.CreateKey", request)


async def update(office: Office, by: str, id: str, paths: list[str], **key: Any) -> Any:  # noqa: A002
    request = messages.UpdateKeyRequest(key={"name": f"keys/{id}", **key}, update_mask={"paths": paths})
    return (await office.ask(office.principal(by), "KeyService.UpdateKey", request)).key


async def rotate(office: Office, by: str, id: str, **fields: Any) -> Any:  # noqa: A002
    request = messages.RotateKeyRequest(name=f"keys/{id}", **fields)
    return await office.ask(office.principal(by), "KeyService.RotateKey", request)


def body_of(office: Office, id: str) -> Any:  # noqa: A002
    found = office.directory.keys.get(id)
    assert found is not None
    return found.body


async def test_a_secret_is_shown_once_and_kept_as_a_digest(office: Office) -> None:
    made = await create(office, "ada")
    assert has_valid_checksum(made.secret)
    assert body_of(office, "new").secrets[0].digest == digest(made.secret, "pepper")
    stored = b"".join(one.body for one in await office.objects.changes(0))
    assert made.secret.encode() not in stored
    request = messages.GetKeyRequest(name="keys/new")
    seen = await office.ask(office.principal("ada"), "KeyService.GetKey", request)
    assert made.secret.encode() not in seen.SerializeToString()
    assert seen.key == made.key


async def test_a_new_key_has_what_its_maker_has_and_no_more(office: Office) -> None:
    await office.key(
        "bob",
        "acme",
        role="ROLE_ADMIN",
        models=["openai/*"],
        labels={"app": "a"},
        require={"region": "eu"},
        ip_ranges=["10.0.0.0/8"],
        expire_time={"seconds": NOON_S + DAY_S},
        cache_scopes=["SCOPE_KEY"],
    )
    key = (await create(office, "bob", labels={"mine": "b"})).key
    assert key.team == "teams/acme"
    assert key.role == role_pb2.ROLE_MEMBER
    assert list(key.models) == ["openai/*"]
    assert dict(key.labels) == {"app": "a", "mine": "b"}
    assert dict(key.require) == {"region": "eu"}
    assert list(key.ip_ranges) == ["10.0.0.0/8"]
    assert key.expire_time.seconds == NOON_S + DAY_S
    assert [key_pb2.Key(cache_scopes=key.cache_scopes)] == [key_pb2.Key(cache_scopes=["SCOPE_KEY"])]


@pytest.mark.parametrize(
    ("field", "key"),
    [
        ("role", {"role": "ROLE_OWNER"}),
        ("models", {"models": ["*"]}),
        ("labels", {"labels": {"app": "other"}}),
        ("weight", {"weight": 2}),
        ("ip_ranges", {"ip_ranges": ["0.0.0.0/0"]}),
        ("expire_time", {"expire_time": {"seconds": NOON_S + DAY_S + 1}}),
    ],
)
async def test_no_key_is_given_more_than_its_maker_has(office: Office, field: str, key: dict[str, Any]) -> None:
    await office.key(
        "bob",
        "acme",
        role="ROLE_ADMIN",
        models=["openai/*"],
        labels={"app": "a"},
        ip_ranges=["10.0.0.0/8"],
        expire_time={"seconds": NOON_S + DAY_S},
    )
    with pytest.raises(errors.PermissionMissing, match="more than your own key") as caught:
        await create(office, "bob", **key)
    assert caught.value.metadata["permission"] == f"keys.create.{field}"
    await create(office, "bob", "young")
    with pytest.raises(errors.PermissionMissing):
        await update(office, "bob", "young", [field], **key)


async def test_a_new_key_gets_its_makers_own_quotas(office: Office) -> None:
    await create(office, "ada")
    quotas = [record.body for record in office.directory.quotas.group("key/new")]
    own = [record.body for record in office.directory.quotas.group("key/ada")]
    assert quotas == [msgspec.structs.replace(own[0], scope="key/new")]


async def test_a_key_that_is_not_made_leaves_no_quotas(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    create_object = office.objects.create

    async def create_unless_key(kind: str, id: str, body: bytes, now_ns: int) -> Stored:  # noqa: A002
        if kind == "key":  # as if another gateway had made it just now
            raise AlreadyThere(id)
        return await create_object(kind, id, body, now_ns)

    monkeypatch.setattr(office.objects, "create", create_unless_key)
    before = [quota.id for quota in office.directory.quotas.after("")]
    with pytest.raises(errors.ResourceExists):
        await create(office, "ada")
    assert [quota.id for quota in office.directory.quotas.after("")] == before


async def test_a_rotated_key_works_by_both_secrets_until_the_overlap_is_over(office: Office) -> None:
    old = body_of(office, "max").secrets[0].digest
    made = await rotate(office, "max", "max", overlap={"seconds": 60})
    new = digest(made.secret, "pepper")
    assert made.key.last_rotate_time.seconds == NOON_S
    assert [one.digest for one in body_of(office, "max").secrets_at(office.now_ns)] == [old, new]
    office.now_ns += 60 * NANOS
    assert [one.digest for one in body_of(office, "max").secrets_at(office.now_ns)] == [new]


async def test_without_an_overlap_the_old_secret_ends_at_once(office: Office) -> None:
    made = await rotate(office, "ada", "kim")
    assert [one.digest for one in body_of(office, "kim").secrets] == [digest(made.secret, "pepper")]


async def test_rotating_never_lengthens_an_older_overlap(office: Office) -> None:
    await rotate(office, "max", "max", overlap={"seconds": 60})
    await rotate(office, "max", "max", overlap={"seconds": 600})
    ends = [one.expires_ns for one in body_of(office, "max").secrets]
    assert ends == [office.now_ns + 60 * NANOS, office.now_ns + 600 * NANOS, None]


async def test_a_key_has_only_so_many_secrets(office: Office) -> None:
    for _ in range(7):
        await rotate(office, "max", "max", overlap={"seconds": 60})
    with pytest.raises(errors.InvalidField, match="overlap"):
        await rotate(office, "max", "max", overlap={"seconds": 60})
    await rotate(office, "max", "max")


async def test_nobody_gets_the_secret_of_a_key_that_may_more(office: Office) -> None:
    await office.key("bob", "acme", role="ROLE_ADMIN", models=["openai/*"])
    with pytest.raises(errors.PermissionMissing, match="models"):
        await rotate(office, "bob", "kim")


async def test_nobody_gets_the_secret_of_a_key_that_lacks_their_own_quota(office: Office) -> None:
    await office.key("free", "acme")
    with pytest.raises(errors.PermissionMissing, match="quota"):
        await rotate(office, "ada", "free")
    await office.quota("of-free", "key/free", 100 * NANOS, window="WINDOW_MONTH")
    await rotate(office, "ada", "free")


@pytest.mark.parametrize("rpc", ["RevokeKey", "DeleteKey", "RotateKey"])
async def test_nobody_ends_a_key_of_a_higher_role(office: Office, rpc: str) -> None:
    request = getattr(messages, f"{rpc}Request")(name="keys/ola")
    with pytest.raises(errors.PermissionMissing):
        await office.ask(office.principal("ada"), f"KeyService.{rpc}", request)


async def test_nobody_demotes_a_key_of_a_higher_role(office: Office) -> None:
    with pytest.raises(errors.PermissionMissing):
        await update(office, "ada", "ola", ["role"], role="ROLE_MEMBER")


async def test_a_revoked_key_has_no_secret_and_stays_to_be_seen(office: Office) -> None:
    ada = office.principal("ada")
    request = messages.RevokeKeyRequest(name="keys/kim")
    revoked = (await office.ask(ada, "KeyService.RevokeKey", request)).key
    assert revoked.revoke_time.seconds == NOON_S
    assert "kim" not in office.principals()
    assert (await office.ask(ada, "KeyService.RevokeKey", request)).key == revoked
    with pytest.raises(errors.InvalidField, match="revoked"):
        await rotate(office, "ada", "kim")
    changed = await update(office, "ada", "kim", ["expire_time"])
    assert changed.revoke_time == revoked.revoke_time
    assert "kim" not in office.principals()


async def test_a_deleted_key_is_gone_with_its_quotas_and_its_name_stays_taken(office: Office) -> None:
    ada = office.principal("ada")
    await office.ask(ada, "KeyService.DeleteKey", messages.DeleteKeyRequest(name="keys/kim"))
    with pytest.raises(errors.ResourceNotFound):
        await office.ask(ada, "KeyService.GetKey", messages.GetKeyRequest(name="keys/kim"))
    listed = await office.ask(OWNER, "KeyService.ListKeys", messages.ListKeysRequest())
    assert "keys/kim" not in [key.name for key in listed.keys]
    assert not office.directory.quotas.group("key/kim")
    with pytest.raises(errors.ResourceExists):
        await create(office, "ola", "kim")


async def test_a_key_that_is_over_works_no_more(office: Office) -> None:
    await update(office, "ada", "kim", ["expire_time"], expire_time={"seconds": NOON_S + 1})
    assert office.principal("kim").expires_s == NOON_S + 1
    office.now_ns += NANOS
    assert "kim" not in office.principals()


async def test_only_the_fields_of_the_mask_change(office: Office) -> None:
    before = body_of(office, "kim")
    await update(office, "ada", "kim", ["models"], models=["openai/*"], display_name="not this", weight=1)
    assert body_of(office, "kim") == msgspec.structs.replace(before, models=("openai/*",))


async def test_without_a_mask_what_is_set_changes(office: Office) -> None:
    before = body_of(office, "kim")
    await update(office, "ada", "kim", [], display_name="Kim")
    assert body_of(office, "kim") == msgspec.structs.replace(before, display_name="Kim")


async def test_a_field_in_the_mask_that_is_not_set_never_means_more(office: Office) -> None:
    await office.key("bob", "acme", role="ROLE_ADMIN", models=["openai/*"])
    await create(office, "bob", "young", models=["openai/gpt-4o"])
    changed = await update(office, "bob", "young", ["models"])
    assert list(changed.models) == ["openai/*"]


async def test_a_stale_etag_is_refused_and_changes_nothing(office: Office) -> None:
    stale = (
        await office.ask(office.principal("ada"), "KeyService.GetKey", messages.GetKeyRequest(name="keys/kim"))
    ).key.etag
    await update(office, "ada", "kim", ["display_name"], display_name="Kim", etag=stale)
    before = body_of(office, "kim")
    with pytest.raises(errors.EtagMismatch) as caught:
        await update(office, "ada", "kim", ["display_name"], display_name="Other", etag=stale)
    assert caught.value.metadata == {"resource": "keys/kim"}
    for rpc in ("RevokeKey", "RotateKey", "DeleteKey"):
        request = getattr(messages, f"{rpc}Request")(name="keys/kim", etag=stale)
        with pytest.raises(errors.EtagMismatch):
            await office.ask(office.principal("ada"), f"KeyService.{rpc}", request)
    assert body_of(office, "kim") == before


@pytest.mark.parametrize("rpc", ["RevokeKey", "RotateKey", "DeleteKey", "UpdateKey"])
async def test_a_key_of_the_configuration_is_read_only(office: Office, rpc: str) -> None:
    request_type = getattr(messages, f"{rpc}Request")
    is_update = rpc == "UpdateKey"
    request = request_type(key={"name": "keys/fixed", "weight": 1}) if is_update else request_type(name="keys/fixed")
    with pytest.raises(errors.ResourceReadOnly, match="configuration"):
        await office.ask(OWNER, f"KeyService.{rpc}", request)
    seen = (await office.ask(OWNER, "KeyService.GetKey", messages.GetKeyRequest(name="keys/fixed"))).key
    assert seen.managed_by == managed_by_pb2.MANAGED_BY_CONFIG
    assert seen.etag


async def test_a_key_goes_to_no_team_beyond_reach(office: Office) -> None:
    with pytest.raises(errors.ResourceNotFound) as other:
        await update(office, "ada", "kim", ["team"], team="teams/rival")
    with pytest.raises(errors.ResourceNotFound) as missing:
        await update(office, "ada", "kim", ["team"], team="teams/nowhere")
    assert other.value.message.replace("rival", "nowhere") == missing.value.message
    assert (await update(office, "ada", "kim", ["team"], team="teams/acme-lab")).team == "teams/acme-lab"


async def test_what_belongs_to_others_is_told_in_the_words_of_what_is_missing(office: Office) -> None:
    ada = office.principal("ada")
    said = []
    for name in ("keys/roy", "keys/nobody"):
        with pytest.raises(errors.ResourceNotFound) as caught:
            await office.ask(ada, "KeyService.GetKey", messages.GetKeyRequest(name=name))
        said.append((caught.value.message.replace(name, ""), list(caught.value.metadata)))
    assert said[0] == said[1]


async def test_who_has_no_team_sees_its_own_key_alone_unless_it_administers(office: Office) -> None:
    await office.key("lone", role="ROLE_VIEWER")
    await office.key("chief", role="ROLE_ADMIN")
    lone = await office.ask(office.principal("lone"), "KeyService.ListKeys", messages.ListKeysRequest())
    assert [key.name for key in lone.keys] == ["keys/lone"]
    chief = await office.ask(office.principal("chief"), "KeyService.ListKeys", messages.ListKeysRequest())
    assert len(chief.keys) == len(list(office.directory.keys.after("")))


async def test_pages_follow_each_other_without_gap_or_overlap(office: Office) -> None:
    ada = office.principal("ada")
    whole = await office.ask(ada, "KeyService.ListKeys", messages.ListKeysRequest())
    names, token = [], ""
    while True:
        page = await office.ask(ada, "KeyService.ListKeys", messages.ListKeysRequest(page_size=2, page_token=token))
        names += [key.name for key in page.keys]
        token = page.next_page_token
        if not token:
            break
    assert names == [key.name for key in whole.keys] == sorted(names)


async def test_a_token_is_good_for_its_own_query_alone(office: Office) -> None:
    request = messages.ListKeysRequest(page_size=1)
    token = (await office.ask(office.principal("ada"), "KeyService.ListKeys", request)).next_page_token
    others = [
        ("ada", "teams/acme", token),
        ("ron", "", token),
        ("ada", "", token[:-4]),
        ("ada", "", "%"),
        ("ada", "", "é"),
    ]
    for by, team, other in others:
        with pytest.raises(errors.InvalidField, match="page_token"):
            await office.ask(
                office.principal(by), "KeyService.ListKeys", messages.ListKeysRequest(team=team, page_token=other)
            )


async def test_each_change_leaves_a_line_for_audits_without_any_secret(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "llmgateway.audit"):
        secrets = [(await create(office, "ada")).secret, (await rotate(office, "max", "max")).secret]
    assert [record.getMessage() for record in caplog.records] == [
        "CreateKey keys/new by ada in call-1",
        "RotateKey keys/max by max in call-1",
    ]
    assert not any(secret in caplog.text for secret in secrets)


async def test_another_gateways_changes_are_seen_at_once(office: Office) -> None:
    await office.objects.create("key", "born-elsewhere", b'{"team": "acme"}', office.now_ns)
    seen = await office.ask(
        office.principal("ada"), "KeyService.GetKey", messages.GetKeyRequest(name="keys/born-elsewhere")
    )
    assert seen.key.team == "teams/acme"
