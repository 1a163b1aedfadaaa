"""What a key may do, as far as it can be handed on; and that nobody hands on more than it has. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network

import msgspec

from llmgateway_server.auth.roles import Role
from llmgateway_server.patterns import matches

# Narrowest first; as in `llmgateway.v1.CachePolicy.Scope`.
CACHE_SCOPES = ("end_user", "key", "team", "organization")
ALL_MODELS = ("*",)


class Grant(msgspec.Struct, frozen=True):
    """What a key may do. `models` are patterns, `networks` where it may call from: anywhere, where there are none.

    `expires_ns` is in nanoseconds since the epoch.
    """

    role: Role
    models: tuple[str, ...] = ALL_MODELS
    cache_scopes: tuple[str, ...] = CACHE_SCOPES
    labels: Mapping[str, str] = msgspec.field(default_factory=dict)
    require: Mapping[str, str] = msgspec.field(default_factory=dict)
    weight: int = 1
    expires_ns: int | None = None
    networks: tuple[str, ...] = ()


def bounds_of(granter: Grant) -> Grant:
    """Return the most that a key may hand on: of an owner everything, else what it has."""
    return Grant(Role.OWNER, weight=1_000) if granter.role is Role.OWNER else granter


def completed(asked: Grant, granter: Grant) -> Grant:
    """Fill in what was left out, by what the granter has: nothing that is left out means more than that."""
    most = bounds_of(granter)
    return msgspec.structs.replace(
        asked,
        models=asked.models or granter.models,
        cache_scopes=asked.cache_scopes or most.cache_scopes,
        labels={**most.labels, **asked.labels},
        require={**most.require, **asked.require},
        expires_ns=most.expires_ns if asked.expires_ns is None else asked.expires_ns,
        networks=asked.networks or most.networks,
    )


def excess(asked: Grant, granter: Grant) -> Sequence[str]:
    """Return the contract's names of the fields by which a key could do more than its granter can hand on."""
    return tuple(_excess(asked, bounds_of(granter)))


def _excess(asked: Grant, most: Grant) -> Iterator[str]:
    if asked.role > most.role:
        yield "role"
    if not all(any(matches(pattern, model) for pattern in most.models) for model in asked.models):
        yield "models"
    if not set(asked.cache_scopes) <= set(most.cache_scopes):
        yield "cache_scopes"
    if not most.labels.items() <= asked.labels.items():
        yield "labels"
    if not most.require.items() <= asked.require.items():
        yield "require"
    if asked.weight > most.weight:
        yield "weight"
    if most.expires_ns is not None and (asked.expires_ns is None or asked.expires_ns > most.expires_ns):
        yield "expire_time"
    if most.networks and not (asked.networks and all(lies_in(network, most.networks) for network in asked.networks)):
        yield "ip_ranges"


def lies_in(network: str, others: Sequence[str]) -> bool:
    """Whether a network is a part of any of the others."""
    return any(is_part(ip_network(network), ip_network(other)) for other in others)


def is_part(inner: IPv4Network | IPv6Network, outer: IPv4Network | IPv6Network) -> bool:
    """Whether one network is a part of another; of different versions they never are."""
    if isinstance(inner, IPv4Network) and isinstance(outer, IPv4Network):
        return inner.subnet_of(outer)
    return isinstance(inner, IPv6Network) and isinstance(outer, IPv6Network) and inner.subnet_of(outer)
