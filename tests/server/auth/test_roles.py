"""The table of rights is whole, and is the one that is written out."""

from __future__ import annotations

import pytest
from google.protobuf.descriptor import MethodDescriptor
from llmgateway.admin.v1 import (
    key_pb2,
    key_service_pb2,
    quota_pb2,
    quota_service_pb2,
    role_pb2,
    team_pb2,
    team_service_pb2,
    usage_service_pb2,
)
from llmgateway_server.auth.roles import RULES, Role, Whose, may, may_at_all, may_set

from tests.server.admin.rights import RIGHTS

FILES = (key_service_pb2, team_service_pb2, quota_service_pb2, usage_service_pb2)
RPCS = {
    f"{service.name}.{rpc.name}": rpc
    for file in FILES
    for service in file.DESCRIPTOR.services_by_name.values()
    for rpc in service.methods
}
# What callers never set: names, and what is output only.
UNSET = {"name", "create_time", "update_time", "managed_by", "etag"}
UNSET_OF = {
    key_pb2.Key.DESCRIPTOR.name: UNSET | {"last_rotate_time", "revoke_time"},
    team_pb2.Team.DESCRIPTOR.name: UNSET,
    quota_pb2.Quota.DESCRIPTOR.name: UNSET | {"used", "held", "reset_time"},
}
# What a quota is of stays as it was made.
IMMUTABLE = {"scope", "metric", "window", "timezone", "anchor_day", "anchor_hour"}


def resource_fields(rpc: MethodDescriptor) -> set[str]:
    """Return the fields of the resource in a request that creates or updates one."""
    if not rpc.name.startswith(("Create", "Update")):
        return set()
    resource = rpc.name.removeprefix("Create").removeprefix("Update")
    fields = {field.name for field in rpc.input_type.fields_by_name[resource.lower()].message_type.fields}
    return fields - UNSET_OF[resource] - (IMMUTABLE if rpc.name == "UpdateQuota" else set())


def test_each_rpc_of_the_admin_services_has_a_row() -> None:
    assert set(RULES) == set(RPCS)


def test_each_rpc_and_each_field_that_it_sets_is_written_out() -> None:
    wanted = set(RPCS) | {f"{name}/{field}" for name, rpc in RPCS.items() for field in resource_fields(rpc)}
    assert set(RIGHTS) == wanted


@pytest.mark.parametrize("name", RPCS)
def test_each_field_that_can_be_set_has_a_row(name: str) -> None:
    assert set(RULES[name].fields) == resource_fields(RPCS[name])


@pytest.mark.parametrize("name", RIGHTS)
@pytest.mark.parametrize("role", Role)
def test_the_table_is_the_one_that_is_written_out(name: str, role: Role) -> None:
    rpc, _, field = name.partition("/")
    found = {whose for whose in Whose if (may_set(role, rpc, whose, field) if field else may(role, rpc, whose))}
    assert found == RIGHTS[name][role]


@pytest.mark.parametrize("rpc", RULES)
@pytest.mark.parametrize("whose", Whose)
def test_whoever_is_more_may_no_less(rpc: str, whose: Whose) -> None:
    allowed = [may(role, rpc, whose) for role in Role]
    assert allowed == sorted(allowed)


def test_a_field_without_a_row_is_nobodys() -> None:
    assert not may_set(Role.OWNER, "KeyService.UpdateKey", Whose.BELOW, "name")


def test_an_rpc_without_a_row_is_an_error() -> None:
    with pytest.raises(KeyError):
        may_at_all(Role.OWNER, "KeyService.Everything")


def test_permissions_are_told_apart() -> None:
    assert len({rule.permission for rule in RULES.values()}) == len(RULES)


def test_the_roles_are_the_contracts() -> None:
    assert {role.value: f"ROLE_{role.name}" for role in Role} == {
        number: name for name, number in role_pb2.Role.items() if number
    }
