"""Every bad input is refused with the path of its field, and changes nothing."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.message import Message
from llmgateway.admin.v1 import (
    key_service_pb2 as keys,
)
from llmgateway.admin.v1 import (
    quota_service_pb2 as quotas,
)
from llmgateway.admin.v1 import (
    team_service_pb2 as teams,
)
from llmgateway.admin.v1 import (
    usage_service_pb2 as usage,
)
from llmgateway_server import errors

from tests.server.admin.office import NOON_S, OWNER, make_company

LONG = "x" * 10**5
FIRST = {"seconds": 0}


def new_key(**key: Any) -> tuple[str, Message]:
    return "KeyService.CreateKey", keys.CreateKeyRequest(key_id="new", key=key)


def new_quota(**changes: Any) -> tuple[str, Message]:
    quota = {"scope": "key/kim", "metric": "METRIC_COST", "window": "WINDOW_DAY", "limit": 1, **changes}
    return "QuotaService.CreateQuota", quotas.CreateQuotaRequest(quota=quota)


def query(**fields: Any) -> tuple[str, Message]:
    return "UsageService.QueryUsage", usage.QueryUsageRequest(**{"start_time": FIRST, **fields})


def adjust(**fields: Any) -> tuple[str, Message]:
    given = {"scope": "key/kim", "cost_usd_nanos": 1, "reason": "why", **fields}
    return "UsageService.AdjustUsage", usage.AdjustUsageRequest(**given)


def invoice(text: str | bytes, **fields: Any) -> tuple[str, Message]:
    data = text.encode() if isinstance(text, str) else text
    return "UsageService.ReconcileUsage", usage.ReconcileUsageRequest(provider="openai", invoice_csv=data, **fields)


HEAD = "date,model,cost_usd\n"

BAD: list[tuple[str, tuple[str, Message]]] = [
    *(
        ("name", ("KeyService.GetKey", keys.GetKeyRequest(name=name)))
        for name in (
            "",
            "kim",
            "keys/",
            "keys/a/b",
            "teams/kim",
            "keys/-",
            f"keys/{LONG}",
            "keys/a\n",
            "keys/ä",
            "keys/%",
        )
    ),
    *(
        ("key_id", ("KeyService.CreateKey", keys.CreateKeyRequest(key_id=id_)))
        for id_ in ("", "a b", LONG, "'; DROP TABLE keys; --", "a/b", "*", "ключ", "a\x00b")
    ),
    ("key.display_name", new_key(display_name=LONG)),
    ("key.team", new_key(team="acme")),
    ("key.team", new_key(team=f"teams/{LONG}")),
    ("key.role", new_key(role=99)),
    ("key.role", new_key(role=-1)),
    ("key.models", new_key(models=["m"] * 257)),
    ("key.models[1]", new_key(models=["m", ""])),
    ("key.models[0]", new_key(models=[LONG])),
    ("key.models[0]", new_key(models=["a\nb"])),
    ("key.models[0]", new_key(models=["*a" * 9])),
    ("key.cache_scopes[0]", new_key(cache_scopes=[0])),
    ("key.cache_scopes[1]", new_key(cache_scopes=[1, 77])),
    ("key.labels", new_key(labels={str(number): "" for number in range(65)})),
    ("key.labels", new_key(labels={"": "x"})),
    ('key.labels["a"]', new_key(labels={"a": LONG})),
    ('key.require["a"]', new_key(require={"a": LONG})),
    ("key.weight", new_key(weight=-1)),
    ("key.weight", new_key(weight=1_001)),
    ("key.expire_time", new_key(expire_time={"seconds": NOON_S})),
    ("key.expire_time", new_key(expire_time={"seconds": 2**62})),
    ("key.expire_time", new_key(expire_time={"seconds": NOON_S + 9, "nanos": -1})),
    ("key.ip_ranges", new_key(ip_ranges=["10.0.0.0/8"] * 65)),
    ("key.ip_ranges[0]", new_key(ip_ranges=["10.0.0.1/8"])),
    ("key.ip_ranges[0]", new_key(ip_ranges=["everywhere"])),
    ("key.ip_ranges[0]", new_key(ip_ranges=[LONG])),
    (
        "update_mask.paths[0]",
        ("KeyService.UpdateKey", keys.UpdateKeyRequest(key={"name": "keys/kim"}, update_mask={"paths": ["secrets"]})),
    ),
    (
        "update_mask",
        (
            "KeyService.UpdateKey",
            keys.UpdateKeyRequest(key={"name": "keys/kim"}, update_mask={"paths": ["weight"] * 99}),
        ),
    ),
    ("key.name", ("KeyService.UpdateKey", keys.UpdateKeyRequest())),
    ("overlap", ("KeyService.RotateKey", keys.RotateKeyRequest(name="keys/kim", overlap={"seconds": -1}))),
    ("overlap", ("KeyService.RotateKey", keys.RotateKeyRequest(name="keys/kim", overlap={"seconds": 2_592_001}))),
    ("page_size", ("KeyService.ListKeys", keys.ListKeysRequest(page_size=-1))),
    ("page_token", ("KeyService.ListKeys", keys.ListKeysRequest(page_token=LONG))),
    ("page_token", ("TeamService.ListTeams", teams.ListTeamsRequest(page_token="W10="))),
    ("page_token", ("QuotaService.ListBannedTargets", quotas.ListBannedTargetsRequest(page_token="' OR 1=1"))),
    ("team", ("KeyService.ListKeys", keys.ListKeysRequest(team="%"))),
    ("parent", ("TeamService.ListTeams", teams.ListTeamsRequest(parent=LONG))),
    ("team_id", ("TeamService.CreateTeam", teams.CreateTeamRequest(team_id="a/b"))),
    (
        "team.display_name",
        ("TeamService.CreateTeam", teams.CreateTeamRequest(team_id="new", team={"display_name": LONG})),
    ),
    *(
        ("quota.scope", new_quota(scope=scope))
        for scope in ("", "planet", "planet/earth", "key/", "key/a*", "organization/x", f"key/{LONG}", "end_user/a\nb")
    ),
    ("quota.metric", new_quota(metric="METRIC_UNSPECIFIED")),
    ("quota.metric", new_quota(metric=99)),
    ("quota.window", new_quota(window="WINDOW_UNSPECIFIED")),
    ("quota.window", new_quota(window=99)),
    ("quota.window", new_quota(metric="METRIC_CONCURRENCY")),
    ("quota.limit", new_quota(limit=-1)),
    ("quota.limit", new_quota(limit=10**18 + 1)),
    ("quota.limit", new_quota(limit=2**63 - 1)),
    *(
        ("quota.timezone", new_quota(timezone=zone))
        for zone in ("Mars/Base", "../../etc/passwd", LONG, "\x00", "CET+1")
    ),
    ("quota.anchor_day", new_quota(anchor_day=3)),
    ("quota.anchor_day", new_quota(window="WINDOW_MONTH", anchor_day=29)),
    ("quota.anchor_day", new_quota(window="WINDOW_WEEK", anchor_day=8)),
    ("quota.anchor_day", new_quota(window="WINDOW_WEEK", anchor_day=-1)),
    ("quota.anchor_hour", new_quota(anchor_hour=24)),
    ("quota.anchor_hour", new_quota(window="WINDOW_TOTAL", anchor_hour=1)),
    *(
        ("quota.warn_fractions[0]", new_quota(warn_fractions=[share]))
        for share in (0, -1, 1.1, float("nan"), float("inf"))
    ),
    ("quota.warn_fractions", new_quota(warn_fractions=[0.5] * 17)),
    ("quota.enforcement", new_quota(enforcement=9)),
    ("scope", ("QuotaService.ListQuotas", quotas.ListQuotasRequest(scope="planet/earth"))),
    ("name", ("QuotaService.AcknowledgeOverrun", quotas.AcknowledgeOverrunRequest(name="openai/gpt-4o"))),
    ("start_time", ("UsageService.QueryUsage", usage.QueryUsageRequest())),
    ("start_time", query(start_time={"seconds": -1})),
    ("start_time", query(start_time={"seconds": 9}, end_time={"seconds": 8})),
    ("end_time", query(end_time={"seconds": 2**62})),
    ("bucket", query(bucket={"seconds": -1})),
    ("bucket", query(bucket={"nanos": 1})),
    ("bucket", query(bucket={"seconds": 1})),
    ("bucket", query(bucket={"seconds": 2**62})),
    ("group_by[0]", query(group_by=["planet"])),
    ("group_by[0]", query(group_by=["label:"])),
    ("group_by[0]", query(group_by=[f"label:{LONG}"])),
    ("group_by[0]", query(group_by=["key; DROP TABLE rows"])),
    ("group_by", query(group_by=["key", "key"])),
    ("group_by", query(group_by=[f"label:{number}" for number in range(9)])),
    ('filters["planet"]', query(filters={"planet": "earth"})),
    ('filters["key"]', query(filters={"key": LONG})),
    ("start_time", ("UsageService.ExportUsage", usage.ExportUsageRequest())),
    ("format", ("UsageService.ExportUsage", usage.ExportUsageRequest(start_time=FIRST, format=9))),
    ("scope", adjust(scope="key/*")),
    ("scope", adjust(scope="planet/earth")),
    ("scope", adjust(scope="model/gpt-4o")),
    ("cost_usd_nanos", adjust(cost_usd_nanos=0)),
    ("cost_usd_nanos", adjust(cost_usd_nanos=-(2**63))),
    ("reason", adjust(reason="")),
    ("reason", adjust(reason=LONG)),
    ("attempt_id", adjust(attempt_id=LONG)),
    ("provider", ("UsageService.ReconcileUsage", usage.ReconcileUsageRequest(invoice_csv=b"x"))),
    ("invoice_csv", invoice("")),
    ("invoice_csv", invoice("\n")),
    ("invoice_csv", invoice(b"\xff\xfe")),
    ("invoice_csv", invoice("date,model\n")),
    ("invoice_csv", invoice("date,model,cost_usd,cost_usd\n")),
    ("invoice_csv", invoice(f"{HEAD}2026-11-30,m\n")),
    ("invoice_csv", invoice(f"{HEAD}yesterday,m,1\n")),
    ("invoice_csv", invoice(f"{HEAD}2026-02-30,m,1\n")),
    ("invoice_csv", invoice(f"{HEAD}2026-11-30,,1\n")),
    *(
        ("invoice_csv", invoice(f"{HEAD}2026-11-30,m,{cost}\n"))
        for cost in ("$1", "1 EUR", "€1", "", "NaN", "Infinity", "1e999", "0.0000000001", "9" * 64)
    ),
    ("invoice_csv", invoice(f'{HEAD}2026-11-30,"m,1\n')),
    ("invoice_csv", invoice(f"{HEAD}2020-01-01,m,1\n2026-01-01,m,1\n")),
    ("invoice_csv", invoice(HEAD, date_column="day")),
]


@pytest.mark.parametrize(("field", "asked"), BAD, ids=[f"{number}-{field}" for number, (field, _) in enumerate(BAD)])
async def test_a_wrong_field_is_told_by_its_path(field: str, asked: tuple[str, Message]) -> None:
    office = await make_company()
    before = await office.objects.changes(0)
    with pytest.raises(errors.InvalidField) as caught:
        await office.ask(OWNER, *asked)
    assert field in [violation.field for violation in caught.value.violations]
    assert all(len(one.field) <= 600 and len(one.description) <= 600 for one in caught.value.violations)
    assert await office.objects.changes(0) == before
    rows = [row async for batch in office.ledger.rows(0, 2**63 - 1) for row in batch]
    assert not rows


@pytest.mark.parametrize("text", ["'; DROP TABLE objects; --", "100%", "_", "\\", '"', "a\nb", "\u202eevil", "😀"])
async def test_text_is_just_text(text: str) -> None:
    office = await make_company()
    _, request = new_key(display_name=text, labels={text: text})
    made = (await office.ask(OWNER, "KeyService.CreateKey", request)).key
    assert (made.display_name, dict(made.labels)) == (text, {text: text})
    _, found = query(filters={"end_user": text})
    assert not (await office.ask(OWNER, "UsageService.QueryUsage", found)).rows
