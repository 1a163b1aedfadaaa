"""What administrators change is in force within a second: keys, their bounds, teams, quotas, bans."""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import grpc
import msgspec
import pytest
from llmgateway import Client, GatewayError
from llmgateway.admin.v1 import (
    key_pb2,
    key_service_pb2,
    key_service_pb2_grpc,
    quota_pb2,
    quota_service_pb2,
    quota_service_pb2_grpc,
    team_pb2,
    team_service_pb2,
    team_service_pb2_grpc,
)
from llmgateway.v1 import error_reason_pb2
from llmgateway_server.admin.key_body import KeyBody, Secret
from llmgateway_server.admin.team_body import TeamBody
from llmgateway_server.app import Gateway
from llmgateway_server.auth.keys import Keyring
from llmgateway_server.config.auth import AuthSettings, KeySettings, TeamSettings
from llmgateway_server.config.settings import (
    ModelSettings,
    ProviderSettings,
    ServerSettings,
    Settings,
)
from llmgateway_server.store.memory import MemoryObjects
from llmgateway_server.telemetry.logs import LineWriter
from llmgateway_server.tenancy import Tenancy

from tests.server.quota.desks import make_desk

OWNER = "key-of-the-owner-0123456789abcdef"
CI, OVER, FAR = (f"key-of-{name}-0123456789abcdefghij" for name in ("ci", "over", "far"))
METADATA = (("authorization", f"Bearer {OWNER}"),)
OVERRUNNING = {"usage": {"output_token_count": 1_000_000}}
# What is asked for is in force by then, or the test has failed; how soon it mostly is, a bench may tell.
SAFETY_S = 30.0


class Office:
    """A gateway whose ledger is in memory, and its admin services as an owner calls them."""

    def __init__(self, gateway: Gateway, channel: grpc.aio.Channel) -> None:
        self.gateway = gateway
        # Any: the generated classes are for both kinds of channel.
        self.keys: Any = key_service_pb2_grpc.KeyServiceStub(channel)
        self.teams: Any = team_service_pb2_grpc.TeamServiceStub(channel)
        self.quotas: Any = quota_service_pb2_grpc.QuotaServiceStub(channel)

    async def make_key(self, name: str, **fields: Any) -> str:
        request = key_service_pb2.CreateKeyRequest(key_id=name, key=key_pb2.Key(**fields))
        created = await self.keys.CreateKey(request, metadata=METADATA)
        secret: str = created.secret
        return secret

    async def make_quota(self, name: str, **fields: Any) -> None:
        request = quota_service_pb2.CreateQuotaRequest(quota_id=name, quota=quota_pb2.Quota(**fields))
        await self.quotas.CreateQuota(request, metadata=METADATA)

    async def ask(self, key: str, model: str = "mock/echo") -> str:
        """Return the reason of a refusal; nothing where there is an answer."""
        try:
            async with Client(self.gateway.listening.grpc, key=key) as client:
                await client.generate("Hello", model=model, max_output_token_count=5)
        except GatewayError as error:
            return error_reason_pb2.ErrorReason.Name(error.reason).removeprefix("ERROR_REASON_")
        return ""

    async def ask_rest(self, key: str) -> int:
        body = {"model": "mock/echo", "messages": [{"role": "user", "content": "Hello"}]}
        headers = {"authorization": f"Bearer {key}"}
        url = f"http://{self.gateway.listening.http}/v1/chat/completions"
        async with aiohttp.ClientSession() as session, session.post(url, json=body, headers=headers) as response:
            return response.status


@pytest.fixture
async def office() -> AsyncIterator[Office]:
    listen = "127.0.0.1:0"
    settings = Settings(
        server=ServerSettings(grpc_listen=listen, http_listen=listen, metrics_listen=listen, admin_listen=listen),
        auth=AuthSettings(
            keys=(
                KeySettings(name="boss", key=OWNER, role="owner"),
                KeySettings(name="ci", key=CI, team="apps"),
                KeySettings(name="over", key=OVER, expires_ns=10**18),
                KeySettings(name="abroad", key=FAR, ip_ranges=("10.0.0.0/8",)),
            ),
            teams=(TeamSettings(name="apps", parent="works"),),
        ),
        providers={"mock": ProviderSettings(), "bad": ProviderSettings(dialect="mock", script=OVERRUNNING)},
        models={
            "mock/echo": ModelSettings(price={"input": "1", "output": "2"}),
            "bad/echo": ModelSettings(price={"input": "1", "output": "2"}),
        },
    )
    writer = LineWriter(io.BytesIO())
    gateway = Gateway(settings, writer)
    await gateway.start()
    try:
        async with grpc.aio.insecure_channel(gateway.listening.admin) as channel:
            yield Office(gateway, channel)
    finally:
        await gateway.close()
        writer.close()


async def until(ask: Callable[[], Awaitable[object]], wanted: object) -> None:
    """Ask until the answer is what is wanted: each time is a call over the network, and nothing is slept over."""
    async with asyncio.timeout(SAFETY_S):
        while await ask() != wanted:
            pass


async def test_a_key_that_is_made_works_and_one_that_is_revoked_does_not(office: Office) -> None:
    secret = await office.make_key("made")
    await until(lambda: office.ask(secret), "")
    assert await office.ask_rest(secret) == 200
    await office.keys.RevokeKey(key_service_pb2.RevokeKeyRequest(name="keys/made"), metadata=METADATA)
    await until(lambda: office.ask(secret), "API_KEY_INVALID")
    assert await office.ask_rest(secret) == 401


async def test_a_key_works_from_its_networks_alone_and_until_it_expires(office: Office) -> None:
    near = await office.make_key("near", ip_ranges=["127.0.0.0/8", "::1/128"])
    far = await office.make_key("far", ip_ranges=["10.0.0.0/8"])
    brief = key_pb2.Key()
    brief.expire_time.FromNanoseconds(time.time_ns() + 2_000_000_000)
    short = await office.make_key("short", expire_time=brief.expire_time)
    await until(lambda: office.ask(near), "")
    assert await office.ask_rest(near) == 200
    assert await office.ask(far) == "API_KEY_INVALID"
    assert await office.ask_rest(far) == 401
    await until(lambda: office.ask(short), "API_KEY_INVALID")


async def test_a_quota_that_is_made_limits_and_one_that_is_deleted_does_not(office: Office) -> None:
    secret = await office.make_key("spender")
    await until(lambda: office.ask(secret), "")
    await office.make_quota("tight", scope="key/spender", metric="METRIC_COST", window="WINDOW_TOTAL", limit=1)
    await until(lambda: office.ask(secret), "INVALID_FIELD")
    await office.quotas.DeleteQuota(quota_service_pb2.DeleteQuotaRequest(name="quotas/tight"), metadata=METADATA)
    await until(lambda: office.ask(secret), "")


async def test_a_department_s_quota_bounds_the_teams_within_it(office: Office) -> None:
    for team, parent in (("company", ""), ("research", "teams/company")):
        request = team_service_pb2.CreateTeamRequest(team_id=team, team=team_pb2.Team(parent=parent))
        await office.teams.CreateTeam(request, metadata=METADATA)
    secret = await office.make_key("member", team="teams/research")
    await until(lambda: office.ask(secret), "")
    await office.make_quota("all", scope="team/company", metric="METRIC_REQUESTS", window="WINDOW_DAY", limit=2)
    # The call before counts, too: it was made in the day that the quota is about.
    await until(lambda: office.ask(secret), "QUOTA_EXCEEDED")


async def test_a_target_that_charged_too_much_is_refused_until_that_is_acknowledged(office: Office) -> None:
    secret = await office.make_key("careful")
    await office.make_quota("wide", scope="key/*", metric="METRIC_COST", window="WINDOW_TOTAL", limit=10**12)
    await until(lambda: office.ask(secret), "")
    await until(lambda: office.ask(secret, "bad/echo"), "PRICE_UNKNOWN")
    request = quota_service_pb2.ListBannedTargetsRequest()

    async def banned() -> list[str]:
        listed = await office.quotas.ListBannedTargets(request, metadata=METADATA)
        return [target.name for target in listed.banned_targets]

    await until(banned, ["bannedTargets/bad/echo"])
    acknowledged = quota_service_pb2.AcknowledgeOverrunRequest(name="bannedTargets/bad/echo")
    await office.quotas.AcknowledgeOverrun(acknowledged, metadata=METADATA)
    await until(lambda: office.ask(secret, "bad/echo"), "")


async def test_a_configured_key_is_bound_by_all_that_its_team_is_a_part_of(office: Office) -> None:
    assert await office.ask(CI) == ""
    await office.make_quota("all", scope="team/works", metric="METRIC_REQUESTS", window="WINDOW_DAY", limit=2)
    await until(lambda: office.ask(CI), "QUOTA_EXCEEDED")


async def test_a_configured_key_ends_and_works_from_its_networks_alone(office: Office) -> None:
    assert await office.ask(OVER) == "API_KEY_INVALID"
    assert await office.ask_rest(OVER) == 401
    assert await office.ask(FAR) == "API_KEY_INVALID"


async def test_a_team_of_the_store_keeps_its_place_where_the_configuration_names_it() -> None:
    objects, settings = (
        MemoryObjects(),
        Settings(auth=AuthSettings(keys=(KeySettings(name="ci", key=CI, team="apps"),))),
    )
    for team, parent in (("works", ""), ("apps", "works")):
        await objects.create("team", team, msgspec.json.encode(TeamBody(parent=parent)), 1)
    tenancy = Tenancy(objects, make_desk(), settings, time.time_ns)
    keyring = Keyring.from_settings(settings.auth, tenancy.keys)
    assert keyring.look_up(f"Bearer {CI}").teams == ("apps",)
    await tenancy.start()
    assert keyring.look_up(f"Bearer {CI}").teams == ("works", "apps")
    team = tenancy.directory.teams.get("apps")
    assert team is not None
    assert not team.is_configured
    await tenancy.directory.delete(tenancy.directory.teams, team, 2)
    named = tenancy.directory.teams.get("apps")
    assert named is not None
    assert named.is_configured


async def test_a_key_of_the_store_ends_where_the_configuration_takes_its_name() -> None:
    objects, digest = MemoryObjects(), "hmac-sha256:" + "0" * 64
    body = KeyBody(secrets=(Secret(digest, 1),))
    await objects.create("key", "ci", msgspec.json.encode(body), 1)
    tenancy = Tenancy(objects, make_desk(), Settings(), time.time_ns)
    await tenancy.start()
    assert tenancy.keys.find(digest) is not None
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(tenancy.run())
        for keys, is_there in (((KeySettings(name="ci", key=CI),), False), ((), True)):
            tenancy.configure(Settings(auth=AuthSettings(keys=keys)))

            async def is_known() -> bool:
                await asyncio.sleep(0)
                return tenancy.keys.find(digest) is not None

            await until(is_known, is_there)
        running.cancel()
