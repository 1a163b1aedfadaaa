"""Who may do what over the admin services: role × RPC × whose object × field. Pure, and the whole of it.

A role is told by the least of them that may: whoever is more may, too. What belongs to others is an owner's alone.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple


class Role(enum.IntEnum):
    """How much a key may do; each may do what those before it may. The numbers are the contract's own."""

    VIEWER = 1
    MEMBER = 2
    ADMIN = 3
    OWNER = 4

    @classmethod
    def named(cls, word: str) -> Role:
        """Return the role that a word such as `admin` names; raise `KeyError` where there is none."""
        return cls[word.upper()]

    @property
    def word(self) -> str:
        return self.name.lower()


class Whose(enum.Enum):
    """Whose an object is, seen from a caller.

    OWN: the caller's key, its team, and what limits just these. BELOW: other keys of its team, and whatever belongs to
    teams below. OTHER: all else.
    """

    OWN = "own"
    BELOW = "below"
    OTHER = "other"


class Least(NamedTuple):
    """The least role that may, by whose an object is."""

    own: Role
    below: Role

    def covers(self, role: Role, whose: Whose) -> bool:
        """Whether a role may."""
        least = {Whose.OWN: self.own, Whose.BELOW: self.below, Whose.OTHER: Role.OWNER}
        return role >= least[whose]


@dataclass(frozen=True, slots=True)
class Rule:
    """Who may call an RPC on what, and who may set which field by it. A field without a row is nobody's to set."""

    permission: str
    least: Least
    fields: Mapping[str, Least] = field(default_factory=dict)


READS = Least(Role.VIEWER, Role.VIEWER)
ROTATES = Least(Role.MEMBER, Role.ADMIN)
ENDS = Least(Role.ADMIN, Role.ADMIN)
NAMES = Least(Role.ADMIN, Role.ADMIN)
# What limits a caller is not its own to change: else it would widen its own rights.
MANAGES = Least(Role.OWNER, Role.ADMIN)
OWNS = Least(Role.OWNER, Role.OWNER)

KEY_FIELDS = {
    "display_name": NAMES,
    "team": MANAGES,
    "role": MANAGES,
    "models": MANAGES,
    "cache_scopes": MANAGES,
    "labels": MANAGES,
    "require": MANAGES,
    "weight": MANAGES,
    "expire_time": MANAGES,
    "ip_ranges": MANAGES,
}
TEAM_FIELDS = {"display_name": MANAGES, "parent": MANAGES, "labels": MANAGES}
QUOTA_FIELDS = {"limit": MANAGES, "warn_fractions": MANAGES, "enforcement": MANAGES}
NEW_QUOTA_FIELDS = {
    **QUOTA_FIELDS,
    "scope": MANAGES,
    "metric": MANAGES,
    "window": MANAGES,
    "timezone": MANAGES,
    "anchor_day": MANAGES,
    "anchor_hour": MANAGES,
}

# By `Service.Rpc`. A test sees to it that each RPC of the admin services has a row, and each row an RPC.
RULES: Mapping[str, Rule] = {
    "KeyService.GetKey": Rule("keys.get", READS),
    "KeyService.ListKeys": Rule("keys.list", READS),
    "KeyService.CreateKey": Rule("keys.create", MANAGES, KEY_FIELDS),
    "KeyService.UpdateKey": Rule("keys.update", NAMES, KEY_FIELDS),
    "KeyService.RevokeKey": Rule("keys.revoke", ENDS),
    "KeyService.RotateKey": Rule("keys.rotate", ROTATES),
    "KeyService.DeleteKey": Rule("keys.delete", MANAGES),
    "TeamService.GetTeam": Rule("teams.get", READS),
    "TeamService.ListTeams": Rule("teams.list", READS),
    "TeamService.CreateTeam": Rule("teams.create", MANAGES, TEAM_FIELDS),
    "TeamService.UpdateTeam": Rule("teams.update", MANAGES, TEAM_FIELDS),
    "TeamService.DeleteTeam": Rule("teams.delete", MANAGES),
    "QuotaService.GetQuota": Rule("quotas.get", READS),
    "QuotaService.ListQuotas": Rule("quotas.list", READS),
    "QuotaService.CreateQuota": Rule("quotas.create", MANAGES, NEW_QUOTA_FIELDS),
    "QuotaService.UpdateQuota": Rule("quotas.update", MANAGES, QUOTA_FIELDS),
    "QuotaService.DeleteQuota": Rule("quotas.delete", MANAGES),
    "QuotaService.ListBannedTargets": Rule("overruns.list", OWNS),
    "QuotaService.AcknowledgeOverrun": Rule("overruns.acknowledge", OWNS),
    "UsageService.QueryUsage": Rule("usage.query", READS),
    "UsageService.ExportUsage": Rule("usage.export", READS),
    "UsageService.AdjustUsage": Rule("usage.adjust", OWNS),
    "UsageService.ReconcileUsage": Rule("usage.reconcile", OWNS),
}


def may(role: Role, rpc: str, whose: Whose) -> bool:
    """Whether a role may call an RPC on an object; raise `KeyError` for an RPC without a row."""
    return RULES[rpc].least.covers(role, whose)


def may_set(role: Role, rpc: str, whose: Whose, field_name: str) -> bool:
    """Whether a role may set a field of an object by an RPC."""
    rule = RULES[rpc]
    least = rule.fields.get(field_name)
    return least is not None and rule.least.covers(role, whose) and least.covers(role, whose)


def may_at_all(role: Role, rpc: str) -> bool:
    """Whether there is any object that a role may call an RPC on."""
    return any(may(role, rpc, whose) for whose in Whose)
