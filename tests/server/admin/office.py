"""A gateway's admin services over stores in memory, with an organization to manage."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import msgspec
from google.protobuf.message import Message
from llmgateway.admin.v1 import key_service_pb2, quota_service_pb2, team_service_pb2
from llmgateway_server.admin.desk import Desk
from llmgateway_server.admin.directory import Configured, Directory
from llmgateway_server.admin.key_body import KeyBody
from llmgateway_server.admin.keys import KeyService
from llmgateway_server.admin.principals import principal_of
from llmgateway_server.admin.quota_body import QuotaBody, quota_of
from llmgateway_server.admin.quotas import QuotaService
from llmgateway_server.admin.services import AdminServices
from llmgateway_server.admin.standings import Standings, counter_of
from llmgateway_server.admin.team_body import TeamBody
from llmgateway_server.admin.teams import TeamService
from llmgateway_server.admin.usage import UsageService
from llmgateway_server.auth.keys import digest
from llmgateway_server.call import Call, Principal
from llmgateway_server.store.ledger import Charge, Entry, Family, Metric
from llmgateway_server.store.memory import MemoryLedger, MemoryObjects
from llmgateway_server.store.rates import Lack, Standing, Take

NANOS = 1_000_000_000
# 2026-12-01T12:00:00Z
NOON_S = 1_796_126_400

OWNER = Principal("root", role="owner")


class StillRates:
    """Rates of which nothing is ever taken."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def take(self, takes: Sequence[Take]) -> Sequence[Lack]:
        return ()

    def give_back(self, takes: Sequence[Take]) -> None: ...

    def correct(self, take: Take, amount: int) -> None: ...

    def standing(self, take: Take) -> Standing:
        return Standing(take.limit, 0.0)


def secret_bytes() -> Any:
    """Return a source of bytes that are never the same twice."""
    numbers = itertools.count()
    return lambda size: next(numbers).to_bytes(size, "big")


class Office:
    """The services, the stores below them, and the time, which stands still."""

    def __init__(self, configured: Configured | None = None) -> None:
        self.now_ns = NOON_S * NANOS
        numbers = itertools.count()
        self.objects = MemoryObjects()
        self.ledger = MemoryLedger(lambda: self.now_ns)
        self.directory = Directory(self.objects, configured or Configured())
        self.desk = desk = Desk(self.directory, lambda: self.now_ns, lambda: f"id-{next(numbers)}")
        standings = Standings(self.ledger, StillRates(), lambda: self.now_ns)
        self.services = AdminServices(
            KeyService(desk, secret_bytes(), lambda secret: digest(secret, "pepper")),
            TeamService(desk),
            QuotaService(desk, standings),
            UsageService(desk, self.ledger, self.charges_of),
        )

    def charges_of(self, entry: Entry) -> Sequence[Charge]:
        """Return the counters of all quotas of cost that an entry counts for."""
        scopes = {"organization", f"key/{entry.key}", f"provider/{entry.provider}"}
        scopes |= {f"team/{team}" for team in self.directory.lineage(entry.team)}
        bodies = [quota.body for quota in self.directory.quotas.after("") if quota.body.scope in scopes]
        counters = [counter_of(body, entry.started_ns) for body in bodies]
        return [Charge(counter) for counter in counters if counter is not None and counter.metric is Metric.COST]

    async def activate(self) -> None:
        """Have the ledger keep the counters of all quotas."""
        families = {}
        for record in self.directory.quotas.after(""):
            quota = quota_of(record.body)
            counter = counter_of(record.body, self.now_ns)
            if counter is not None and quota.window is not None:
                families[Family(quota.scope_kind, Metric(quota.metric), quota.window.text)] = counter.start_s
        await self.ledger.activate(families)

    def call(self, principal: Principal, method: str = "Test") -> Call:
        return Call("call-1", method, principal, 0.0, self.now_ns, 600.0)

    async def ask(self, principal: Principal, rpc: str, request: Message) -> Any:
        """Call an RPC such as `KeyService.GetKey`; a stream's messages come as a list."""
        handler = handler_of(self.services, rpc)
        answer = handler(self.call(principal, rpc.partition(".")[2]), request)
        if hasattr(answer, "__aiter__"):
            return [message async for message in answer]
        return await answer

    async def team(self, id: str, parent: str = "") -> None:  # noqa: A002
        team = {"parent": f"teams/{parent}"} if parent else {}
        await self.ask(OWNER, "TeamService.CreateTeam", team_service_pb2.CreateTeamRequest(team_id=id, team=team))

    async def key(self, id: str, team: str = "", **fields: Any) -> str:  # noqa: A002
        """Make a key as the owner of everything; return its secret."""
        key = {**({"team": f"teams/{team}"} if team else {}), **fields}
        request = key_service_pb2.CreateKeyRequest(key_id=id, key=key)
        return str((await self.ask(OWNER, "KeyService.CreateKey", request)).secret)

    async def quota(self, id: str, scope: str, limit: int, **fields: Any) -> None:  # noqa: A002
        quota = {"scope": scope, "metric": "METRIC_COST", "window": "WINDOW_DAY", "limit": limit, **fields}
        request = quota_service_pb2.CreateQuotaRequest(quota_id=id, quota=quota)
        await self.ask(OWNER, "QuotaService.CreateQuota", request)

    def principal(self, key: str) -> Principal:
        """Return who a key stands for now; raise `KeyError` where no secret of it works."""
        return self.principals()[key]

    def principals(self) -> dict[str, Principal]:
        """Return who the stored keys stand for, those of them that work."""
        return {
            key.id: principal_of(self.directory, key, secret)
            for key in self.directory.keys.after("")
            if not key.is_configured
            for secret in key.body.secrets_at(self.now_ns)
        }


def handler_of(services: AdminServices, rpc: str) -> Any:
    """Return the method of an RPC: `KeyService.GetKey` is `keys.get_key`."""
    service, _, method = rpc.partition(".")
    room = {"KeyService": "keys", "TeamService": "teams", "QuotaService": "quotas", "UsageService": "usage"}[service]
    words = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in method).lstrip("_")
    return getattr(getattr(services, room), words)


def configured(**bodies: dict[str, msgspec.Struct]) -> Configured:
    """Return a configuration's objects."""
    return msgspec.structs.replace(Configured(), **bodies)


async def make_company() -> Office:
    """Make an office with two departments, each with a team below it, with keys of every role, and with quotas.

    XX
          rival (ron: admin, roy: member)
            rival-lab
    """
    office = Office(
        configured(
            keys={"root": KeyBody(role="owner"), "fixed": KeyBody(team="acme", role="member")},
            teams={"set": TeamBody(parent="acme")},
            quotas={"config-1": QuotaBody("team/acme-lab", "cost", "total", 10**12)},
        )
    )
    for team, parent in (
        ("acme", ""),
        ("acme-lab", "acme"),
        ("acme-den", "acme-lab"),
        ("rival", ""),
        ("rival-lab", "rival"),
    ):
        await office.team(team, parent)
    for key, team, role in (
        ("ola", "acme", "ROLE_OWNER"),
        ("ada", "acme", "ROLE_ADMIN"),
        ("max", "acme", "ROLE_MEMBER"),
        ("vic", "acme", "ROLE_VIEWER"),
        ("kim", "acme", "ROLE_MEMBER"),
        ("lab", "acme-lab", "ROLE_MEMBER"),
        ("ron", "rival", "ROLE_ADMIN"),
        ("roy", "rival", "ROLE_MEMBER"),
    ):
        await office.key(key, team, role=role)
    for quota, scope in (
        ("of-ola", "key/ola"),
        ("of-max", "key/max"),
        ("of-vic", "key/vic"),
        ("of-kim", "key/kim"),
        ("of-acme", "team/acme"),
        ("of-lab", "team/acme-lab"),
        ("of-roy", "key/roy"),
        ("of-rival", "team/rival"),
        ("of-all", "organization"),
        ("of-each", "key/*"),
    ):
        await office.quota(quota, scope, 20 * NANOS)
    # Ada's own is of another kind, so that it bounds no quotas but this one of Kim's.
    for quota, scope in (("of-ada", "key/ada"), ("month-of-kim", "key/kim")):
        await office.quota(quota, scope, 100 * NANOS, window="WINDOW_MONTH")
    return office
