from __future__ import annotations

from typing import Any

import pytest
from llmgateway.admin.v1 import managed_by_pb2, quota_pb2
from llmgateway.admin.v1 import quota_service_pb2 as messages
from llmgateway_server import errors
from llmgateway_server.admin.ban_body import BAN_KIND
from llmgateway_server.admin.quota_body import quota_of
from llmgateway_server.store.ledger import Charge, CostRange, Counter, Entry, Intent, Metric, Settlement, Source, Tally

from tests.server.admin.office import NANOS, NOON_S, OWNER, Office, make_company

MIDNIGHT_S = NOON_S - 12 * 3_600


@pytest.fixture
async def office() -> Office:
    return await make_company()


async def create(office: Office, by: str, scope: str, limit: int, **fields: Any) -> Any:
    quota = {"scope": scope, "metric": "METRIC_COST", "window": "WINDOW_DAY", "limit": limit, **fields}
    request = messages.CreateQuotaRequest(quota=quota)
    return (await office.ask(office.principal(by), "QuotaService.CreateQuota", request)).quota


async def update(office: Office, by: str, id: str, paths: list[str], **quota: Any) -> Any:  # noqa: A002
    request = messages.UpdateQuotaRequest(quota={"name": f"quotas/{id}", **quota}, update_mask={"paths": paths})
    return (await office.ask(office.principal(by), "QuotaService.UpdateQuota", request)).quota


async def get(office: Office, id: str) -> quota_pb2.Quota:  # noqa: A002
    answer = await office.ask(OWNER, "QuotaService.GetQuota", messages.GetQuotaRequest(name=f"quotas/{id}"))
    assert isinstance(answer, messages.GetQuotaResponse)
    return answer.quota


def entry_of(attempt_id: str, office: Office) -> Entry:
    return Entry(attempt_id, "c", "Generate", "first", office.now_ns, "kim", "acme", "", {}, "", "openai", "m")


async def test_a_quota_tells_how_it_stands(office: Office) -> None:
    await office.activate()
    charge = Charge(Counter("key/kim", Metric.COST, "day", MIDNIGHT_S), 20 * NANOS)
    held = CostRange(500, 500, 500)
    await office.ledger.reserve([Intent(entry_of("a", office), [charge], held, office.now_ns + 10**12)])
    await office.ledger.reserve([Intent(entry_of("b", office), [charge], held, office.now_ns + 10**12)])
    spent = Settlement("a", Source.PROVIDER, 70, Tally(1, 0, 0, 1, 0), 1, office.now_ns, 10, None, "ok")
    office.ledger.settle(spent)
    quota = await get(office, "of-kim")
    assert (quota.used, quota.held, quota.reset_time.seconds) == (70, 500, MIDNIGHT_S + 86_400)


async def test_a_total_has_no_reset_and_a_template_no_standing(office: Office) -> None:
    total = await get(office, "config-1")
    assert (total.used, total.HasField("reset_time")) == (0, False)
    each = await get(office, "of-each")
    assert not each.HasField("used")
    assert not each.HasField("held")


async def test_rates_and_calls_at_once_stand_as_this_gateway_knows(office: Office) -> None:
    rate = await create(office, "ada", "key/kim", 60, metric="METRIC_REQUESTS", window="WINDOW_MINUTE")
    at_once = await create(office, "ada", "key/kim", 5, metric="METRIC_CONCURRENCY", window="WINDOW_UNSPECIFIED")
    assert (rate.used, rate.reset_time.seconds, at_once.used) == (0, NOON_S, 0)
    assert not at_once.HasField("reset_time")


@pytest.mark.parametrize("scope", ["key/kim", "team/acme-lab"])
async def test_a_quota_is_no_wider_than_the_callers_own(office: Office, scope: str) -> None:
    window = "WINDOW_MONTH" if scope == "key/kim" else "WINDOW_DAY"
    own = 100 * NANOS if scope == "key/kim" else 20 * NANOS
    with pytest.raises(errors.PermissionMissing, match="limit"):
        await create(office, "ada", scope, own + 1, window=window)
    with pytest.raises(errors.PermissionMissing, match="limit"):
        await create(office, "ada", scope, own, window=window, enforcement="ENFORCEMENT_SOFT")
    made = await create(office, "ada", scope, own, window=window)
    with pytest.raises(errors.PermissionMissing, match="limit"):
        await update(office, "ada", made.name.removeprefix("quotas/"), ["limit"], limit=own + 1)
    await create(office, "ola", scope, own + 1, window=window)


async def test_nobody_lifts_from_a_key_what_limits_its_own(office: Office) -> None:
    ada = office.principal("ada")
    with pytest.raises(errors.PermissionMissing):
        await office.ask(ada, "QuotaService.DeleteQuota", messages.DeleteQuotaRequest(name="quotas/month-of-kim"))
    await office.ask(ada, "QuotaService.DeleteQuota", messages.DeleteQuotaRequest(name="quotas/of-kim"))


async def test_a_team_below_may_lose_a_quota_since_those_above_it_hold(office: Office) -> None:
    request = messages.DeleteQuotaRequest(name="quotas/of-lab")
    await office.ask(office.principal("ada"), "QuotaService.DeleteQuota", request)


@pytest.mark.parametrize(
    "scope", ["organization", "key/*", "team/*", "end_user/eve", "model/openai/m", "provider/openai"]
)
async def test_what_is_the_organizations_is_for_owners(office: Office, scope: str) -> None:
    with pytest.raises(errors.ResourceNotFound):
        await create(office, "ada", scope, 1)
    await create(office, "ola", scope, 1)


@pytest.mark.parametrize("scope", ["key/nobody", "team/nowhere"])
async def test_a_scope_that_is_not_there_is_not_found(office: Office, scope: str) -> None:
    with pytest.raises(errors.ResourceNotFound):
        await create(office, "ola", scope, 1)


async def test_what_a_quota_is_of_cannot_change(office: Office) -> None:
    for path in ("scope", "metric", "window", "timezone", "anchor_day", "anchor_hour", "used", "name"):
        with pytest.raises(errors.InvalidField, match="update_mask"):
            await update(office, "ola", "of-kim", [path])


async def test_a_quota_of_the_configuration_is_read_only(office: Office) -> None:
    assert (await get(office, "config-1")).managed_by == managed_by_pb2.MANAGED_BY_CONFIG
    with pytest.raises(errors.ResourceReadOnly):
        await update(office, "ola", "config-1", ["limit"], limit=1)
    with pytest.raises(errors.ResourceReadOnly):
        await office.ask(OWNER, "QuotaService.DeleteQuota", messages.DeleteQuotaRequest(name="quotas/config-1"))


async def test_a_stale_etag_is_refused(office: Office) -> None:
    stale = (await update(office, "ada", "of-kim", ["limit"], limit=1)).etag
    await update(office, "ada", "of-kim", ["limit"], limit=2, etag=stale)
    with pytest.raises(errors.EtagMismatch):
        await update(office, "ada", "of-kim", ["limit"], limit=3, etag=stale)
    request = messages.DeleteQuotaRequest(name="quotas/of-kim", etag=stale)
    with pytest.raises(errors.EtagMismatch):
        await office.ask(OWNER, "QuotaService.DeleteQuota", request)


async def test_a_list_can_be_of_one_scope(office: Office) -> None:
    request = messages.ListQuotasRequest(scope="key/kim")
    answer = await office.ask(office.principal("vic"), "QuotaService.ListQuotas", request)
    assert [quota.name for quota in answer.quotas] == ["quotas/month-of-kim", "quotas/of-kim"]


async def test_a_ban_is_listed_until_it_is_lifted(office: Office) -> None:
    await office.objects.create(
        BAN_KIND, "openai/gpt-4o", b'{"attempt_id": "a", "overrun_usd_nanos": 5}', office.now_ns
    )
    listing = messages.ListBannedTargetsRequest()
    banned = (await office.ask(OWNER, "QuotaService.ListBannedTargets", listing)).banned_targets
    assert [(one.name, one.attempt_id, one.overrun_usd_nanos) for one in banned] == [
        ("bannedTargets/openai/gpt-4o", "a", 5)
    ]
    lift = messages.AcknowledgeOverrunRequest(name=banned[0].name)
    await office.ask(OWNER, "QuotaService.AcknowledgeOverrun", lift)
    assert not (await office.ask(OWNER, "QuotaService.ListBannedTargets", listing)).banned_targets
    with pytest.raises(errors.ResourceNotFound):
        await office.ask(OWNER, "QuotaService.AcknowledgeOverrun", lift)


async def test_what_is_stored_is_what_calls_are_held_to(office: Office) -> None:
    made = await create(
        office, "ola", "key/kim", 7, window="WINDOW_WEEK", timezone="Asia/Tokyo", anchor_day=3, anchor_hour=4
    )
    record = office.directory.quotas.get(made.name.removeprefix("quotas/"))
    assert record is not None
    quota = quota_of(record.body)
    assert (quota.scope, quota.metric, quota.limit, quota.enforcement) == ("key/kim", "cost", 7, "strict")
    assert quota.window is not None
    assert quota.window.text == "week@Asia/Tokyo+3d4h"
