"""Keys as those who call: what a key ring is made of."""

from __future__ import annotations

from llmgateway_server.admin.directory import Directory
from llmgateway_server.admin.key_body import KeyBody, Secret
from llmgateway_server.admin.shelf import Record
from llmgateway_server.auth.keys import VIEWER
from llmgateway_server.call import NANOS_PER_S, Principal


def principal_of(directory: Directory, key: Record[KeyBody], secret: Secret) -> Principal:
    """Return who a secret stands for."""
    return principal_until(directory, key, end_s(secret.expires_ns))


def principal_until(directory: Directory, key: Record[KeyBody], secret_expires_s: float | None) -> Principal:
    """Return who a key stands for, by a secret that ends then."""
    body = key.body
    ends_s = [one for one in (end_s(body.expires_ns), secret_expires_s) if one is not None]
    return Principal(
        name=key.id,
        models=() if body.role == VIEWER else tuple(body.models),
        team=body.team,
        labels=body.labels,
        require=body.require,
        weight=body.weight,
        teams=lineage_of(directory, body.team),
        role=body.role,
        expires_s=min(ends_s) if ends_s else None,
        networks=tuple(body.networks),
    )


def lineage_of(directory: Directory, team: str) -> tuple[str, ...]:
    """Return all that a team is a part of, the widest first, and itself."""
    return tuple(reversed([*directory.lineage(team)]))


def end_s(end_ns: int | None) -> float | None:
    """Return an end in seconds since the epoch."""
    return None if end_ns is None else end_ns / NANOS_PER_S
