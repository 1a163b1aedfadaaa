"""What is shown of keys, teams, quotas and banned targets."""

from __future__ import annotations

from collections.abc import Sequence

from llmgateway.admin.v1 import banned_target_pb2, key_pb2, quota_pb2, team_pb2
from rich.table import Table

from llmgateway_server.terminal_admin.documents import Document, facts_in, second_of
from llmgateway_server.terminal_admin.tables import Column, dollar_column, facts_of, table_of, text_of

Key = key_pb2.Key
Team = team_pb2.Team
Quota = quota_pb2.Quota
BannedTarget = banned_target_pb2.BannedTarget

AMOUNTS = ("limit", "used", "held")
DAY_CHARACTERS = len("2026-12-01")


def keys_table(keys: Sequence[Key]) -> Table:
    """Return a row a key."""
    titles = ("key", "team", "role", "models", "expires", "managed by", "revoked")
    rows = [
        (
            id_of(key["name"]),
            id_of(key["team"]),
            text_of(key["role"]),
            text_of(key["models"]),
            day_of(key["expire_time"]),
            text_of(key["managed_by"]),
            day_of(key["revoke_time"]),
        )
        for key in map(facts_in, keys)
    ]
    return table_of([Column(title) for title in titles], rows)


def teams_table(teams: Sequence[Team]) -> Table:
    """Return a row a team."""
    titles = ("team", "name", "part of", "labels", "managed by")
    rows = [
        (
            id_of(team["name"]),
            team["display_name"],
            id_of(team["parent"]),
            text_of(team["labels"]),
            text_of(team["managed_by"]),
        )
        for team in map(facts_in, teams)
    ]
    return table_of([Column(title) for title in titles], rows)


def quotas_table(quotas: Sequence[Quota]) -> Table:
    """Return a row a quota, and how each stands."""
    titles = ("quota", "scope", "metric", "window", "limit", "used", "held", "resets", "enforcement", "managed by")
    rows = []
    for quota in quotas:
        document = readable(quota)
        document["name"] = id_of(document["name"])
        names = ("name", "scope", "metric", "window", *AMOUNTS, "reset_time", "enforcement", "managed_by")
        rows.append([text_of(document[name]) for name in names])
    return table_of([Column(title, title in AMOUNTS) for title in titles], rows)


def banned_table(targets: Sequence[BannedTarget]) -> Table:
    """Return a row a target, with what made it one."""
    columns = (Column("target"), Column("overrun", is_number=True), Column("attempt"), Column("since"))
    rows = [
        (
            target.name.partition("/")[2],
            amount_of(target.overrun_usd_nanos),
            target.attempt_id,
            second_of(target.create_time),
        )
        for target in targets
    ]
    return table_of(columns, rows)


def object_facts(found: Key | Team | Quota) -> Table:
    """Return all that is known of one object."""
    return facts_of(readable(found) if isinstance(found, Quota) else facts_in(found))


def readable(quota: Quota) -> Document:
    """Return what is known of a quota, amounts of cost as dollars."""
    document = facts_in(quota)
    write = amount_of if quota.metric == Quota.METRIC_COST else text_of
    amounts = {name: write(document[name]) for name in AMOUNTS if document[name] is not None}
    return {**document, **amounts}


def amount_of(usd_nanos: int) -> str:
    """Write an amount of dollars with cents at least."""
    return dollar_column([usd_nanos])[0]


def id_of(name: str) -> str:
    """Return the last part of a resource name."""
    return name.partition("/")[2]


def day_of(time: str | None) -> str:
    """Return the day of a time."""
    return "" if time is None else time[:DAY_CHARACTERS]
