"""Who may call: keys, and the teams that they belong to."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationInfo, field_validator

from llmgateway_server.config.routes import Tags
from llmgateway_server.config.section import Section, Several, is_bare_number

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND_NS = 1_000
NETWORK_RULE = "must be a network such as 10.0.0.0/8 or 2001:db8::/32, without bits beside its prefix"

CacheScope = Literal["end_user", "key", "team", "organization"]


def read_instant(value: object, info: ValidationInfo) -> object:
    """Turn an instant's text into nanoseconds since the epoch."""
    if is_bare_number(value, info):
        return value
    try:
        instant = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise ValueError("is no instant: write it with its offset, such as '2027-01-31T00:00:00Z'")
    return (instant - EPOCH) // EPOCH.resolution * MICROSECOND_NS


def read_network(text: str) -> str:
    """Return a network as it is usually written."""
    try:
        return str(ip_network(text))
    except ValueError:
        raise ValueError(NETWORK_RULE) from None


Instant = Annotated[int, BeforeValidator(read_instant)]
Network = Annotated[str, AfterValidator(read_network)]


class KeySettings(Section):
    """A virtual key: who may call, and what.

    Either `key`, by reference (`${ENV}` or `${file:PATH}`), or the `digest` that `llmgateway keys new` printed.
    """

    name: str = Field(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9._-]{0,63}$")
    """Stands in logs and metrics in place of the key."""
    key: SecretStr | None = None
    digest: str | None = Field(default=None, pattern=r"^hmac-sha256:[0-9a-f]{64}$")
    models: Several[str] = ("*",)
    """What it may call: `*`, `provider/*`, `provider/model` or a route's name; `*` matches any text, also `/`."""
    team: str = Field(default="", max_length=64)
    labels: Mapping[str, str] = Field(default_factory=dict)
    """Attached to each of its calls, for reports."""
    require: Tags = Field(default_factory=dict)
    """Tags that whatever answers it must have, for example `{region: eu, zero_retention: true}`."""
    weight: int = Field(default=1, ge=1, le=1_000)
    """Its share where calls of several keys wait for room."""
    role: Literal["owner", "admin", "member", "viewer"] = "member"
    """What it may do over the admin services; calls are any role's but a viewer's."""
    expires_ns: Instant | None = Field(default=None, alias="expires")
    """When it ends, such as `"2027-01-31T00:00:00Z"`."""
    ip_ranges: Several[Network] = ()
    """Where it may call from, such as `10.0.0.0/8`: anywhere, where there are none."""
    cache_scopes: Several[CacheScope] = ("end_user", "key", "team", "organization")
    """With whom it may share cached answers."""


class TeamSettings(Section):
    """A team, and what it is a part of. A team that is only named, by a key or as a parent, need not stand here."""

    name: str = Field(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9._-]{0,63}$")
    parent: str = Field(default="", max_length=64)
    """The team that it is a part of: its quotas hold here, too."""
    display_name: str = Field(default="", max_length=256)
    labels: Mapping[str, str] = Field(default_factory=dict)


class AuthSettings(Section):
    """Who may call. Without keys the gateway serves loopback only."""

    keys: Several[KeySettings] = ()
    teams: Several[TeamSettings] = ()
    pepper: SecretStr | None = None
    """A server-side secret mixed into key digests. Optional: generated keys have 256 random bits anyway."""

    @field_validator("teams")
    @classmethod
    def check_teams(cls, teams: tuple[TeamSettings, ...]) -> tuple[TeamSettings, ...]:
        """See to it that each stands here once, and that none is a part of itself."""
        parents: dict[str, str] = {}
        for team in teams:
            if team.name in parents:
                raise ValueError(f"the team {team.name} stands here twice")
            parents[team.name] = team.parent
        for name in parents:
            seen, parent = {name}, parents[name]
            while parent:
                if parent in seen:
                    raise ValueError(f"the team {name} is a part of itself: follow the parents of {parent}")
                seen.add(parent)
                parent = parents.get(parent, "")
        return teams
