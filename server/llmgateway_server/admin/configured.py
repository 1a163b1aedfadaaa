"""Objects of the configuration, as the admin services show them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import sha256

import msgspec

from llmgateway_server.admin.directory import Configured
from llmgateway_server.admin.key_body import KeyBody
from llmgateway_server.admin.quota_body import QuotaBody
from llmgateway_server.admin.team_body import TeamBody
from llmgateway_server.config.auth import AuthSettings, KeySettings
from llmgateway_server.config.quotas import QuotaSettings


def configured_of(auth: AuthSettings, quotas: Iterable[QuotaSettings]) -> Configured:
    """Return the objects of a configuration. A team that it only names is there by that, unless the store has it."""
    keys = {key.name: key_of(key) for key in auth.keys}
    teams = {team.name: TeamBody(team.display_name, team.parent, dict(team.labels)) for team in auth.teams}
    named = {*(key.team for key in auth.keys), *(team.parent for team in auth.teams)} - {""} - teams.keys()
    return Configured(keys, teams, with_ids(map(quota_body_of, quotas)), {name: TeamBody() for name in sorted(named)})


def key_of(settings: KeySettings) -> KeyBody:
    """Return a key, without its secret."""
    return KeyBody(
        team=settings.team,
        role=settings.role,
        models=settings.models,
        labels=dict(settings.labels),
        require=dict(settings.require),
        weight=settings.weight,
        cache_scopes=settings.cache_scopes,
        expires_ns=settings.expires_ns,
        networks=settings.ip_ranges,
    )


def quota_body_of(settings: QuotaSettings) -> QuotaBody:
    return QuotaBody(
        settings.scope,
        settings.metric,
        settings.window or "",
        settings.limit,
        settings.timezone,
        settings.anchor_day or 0,
        settings.anchor_hour,
        settings.warn,
        settings.enforcement,
    )


def with_ids(quotas: Iterable[QuotaBody]) -> Mapping[str, QuotaBody]:
    """Give each quota an id that stays while what it limits does: its limit may change."""
    named: dict[str, QuotaBody] = {}
    for quota in quotas:
        what = (quota.scope, quota.metric, quota.window, quota.timezone, quota.anchor_day, quota.anchor_hour)
        id_ = f"config-{sha256(msgspec.json.encode(what)).hexdigest()[:12]}"
        count = sum(1 for other in named if other.startswith(id_))
        named[f"{id_}-{count + 1}" if count else id_] = quota
    return named
