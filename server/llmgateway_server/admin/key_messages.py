"""Keys as messages of the contract, and back. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_network

from llmgateway.admin.v1 import key_pb2, managed_by_pb2, role_pb2
from llmgateway.v1 import cache_pb2

from llmgateway_server.admin.fields import (
    MAX_DISPLAY_NAME,
    Violations,
    check_count,
    check_labels,
    check_text,
    read_optional_name,
    read_time,
    set_time,
)
from llmgateway_server.admin.key_body import KeyBody
from llmgateway_server.admin.shelf import Record
from llmgateway_server.auth.grants import CACHE_SCOPES
from llmgateway_server.auth.roles import Role
from llmgateway_server.call import NANOS_PER_S
from llmgateway_server.config.auth import NETWORK_RULE
from llmgateway_server.errors import FieldViolation

MAX_PATTERNS = 256
MAX_PATTERN = 512
MAX_NETWORKS = 64
MAX_WEIGHT = 1_000
MAX_STARS = 8

# The body's names of the contract's fields, where they differ.
ATTRIBUTES = {"expire_time": "expires_ns", "ip_ranges": "networks"}

Scope = cache_pb2.CachePolicy.Scope
SCOPE_PREFIX = "SCOPE_"
MANAGED_BY_CONFIG = managed_by_pb2.MANAGED_BY_CONFIG
MANAGED_BY_API = managed_by_pb2.MANAGED_BY_API


def read_key(key: key_pb2.Key, wrong: Violations) -> KeyBody:
    """Return what a message asks for; what it leaves out is empty, but its role and weight."""
    check_text("key.display_name", key.display_name, MAX_DISPLAY_NAME, wrong)
    check_labels("key.labels", key.labels, wrong)
    check_labels("key.require", key.require, wrong)
    if not 0 <= key.weight <= MAX_WEIGHT:
        wrong.append(FieldViolation("key.weight", f"must be 1 to {MAX_WEIGHT}, or 0 for 1"))
    expires_ns = read_time("key.expire_time", key.expire_time, wrong) if key.HasField("expire_time") else None
    return KeyBody(
        display_name=key.display_name,
        team=read_optional_name("key.team", key.team, "teams", wrong),
        role=read_role(key.role, wrong),
        models=read_models(key.models, wrong),
        cache_scopes=read_cache_scopes(key.cache_scopes, wrong),
        labels=dict(key.labels),
        require=dict(key.require),
        weight=key.weight or 1,
        # Whole seconds, so that comparing them with what a principal has loses nothing.
        expires_ns=None if expires_ns is None else expires_ns // NANOS_PER_S * NANOS_PER_S,
        networks=read_networks(key.ip_ranges, wrong),
    )


def read_role(number: int, wrong: Violations) -> str:
    if number == role_pb2.ROLE_UNSPECIFIED:
        return Role.MEMBER.word
    if number not in [role.value for role in Role]:
        wrong.append(FieldViolation("key.role", f"has the unknown value {number}"))
        return Role.VIEWER.word
    return Role(number).word


def read_models(models: Sequence[str], wrong: Violations) -> tuple[str, ...]:
    check_count("key.models", models, MAX_PATTERNS, wrong)
    for index, model in enumerate(models[:MAX_PATTERNS]):
        if not 1 <= len(model) <= MAX_PATTERN or not model.isprintable() or model.count("*") > MAX_STARS:
            description = f"must be 1 to {MAX_PATTERN} printable characters with at most {MAX_STARS} stars"
            wrong.append(FieldViolation(f"key.models[{index}]", description))
    return tuple(models[:MAX_PATTERNS])


def read_cache_scopes(numbers: Sequence[int], wrong: Violations) -> tuple[str, ...]:
    known = set(Scope.values()) - {0}
    for index, number in enumerate(numbers):
        if number not in known:
            wrong.append(FieldViolation(f"key.cache_scopes[{index}]", f"has the unknown value {number}"))
            return ()
    named = {Scope.Name(Scope.ValueType(number)).removeprefix(SCOPE_PREFIX).lower() for number in numbers}
    return tuple(scope for scope in CACHE_SCOPES if scope in named)


def read_networks(networks: Sequence[str], wrong: Violations) -> tuple[str, ...]:
    check_count("key.ip_ranges", networks, MAX_NETWORKS, wrong)
    read: list[str] = []
    for index, network in enumerate(networks[:MAX_NETWORKS]):
        try:
            read.append(str(ip_network(network)))
        except ValueError:
            wrong.append(FieldViolation(f"key.ip_ranges[{index}]", NETWORK_RULE))
    return tuple(read)


def write_key(record: Record[KeyBody]) -> key_pb2.Key:
    """Return a key as callers see it."""
    body = record.body
    key = key_pb2.Key(
        name=f"keys/{record.id}",
        display_name=body.display_name,
        team=f"teams/{body.team}" if body.team else "",
        role=role_pb2.Role.ValueType(Role.named(body.role)),
        models=body.models,
        cache_scopes=[Scope.Value(f"{SCOPE_PREFIX}{scope.upper()}") for scope in body.cache_scopes],
        labels=body.labels,
        require=body.require,
        weight=body.weight,
        ip_ranges=body.networks,
        managed_by=MANAGED_BY_CONFIG if record.is_configured else MANAGED_BY_API,
        etag=record.etag,
    )
    times = {
        "expire_time": body.expires_ns,
        "create_time": record.created_ns,
        "update_time": record.updated_ns,
        "last_rotate_time": body.rotated_ns,
        "revoke_time": body.revoked_ns,
    }
    for field, time_ns in times.items():
        if time_ns is not None:
            set_time(getattr(key, field), time_ns)
    return key
