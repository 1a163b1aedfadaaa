"""Keys, teams, quotas and bans as configuration and store have them by now, for calls to be held to.

What the admin services change here, or at another gateway on the same store, is in force within a second.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from llmgateway_server import errors
from llmgateway_server.admin.ban_body import BanBody
from llmgateway_server.admin.configured import configured_of
from llmgateway_server.admin.directory import Directory
from llmgateway_server.admin.key_body import KeyBody
from llmgateway_server.admin.principals import lineage_of, principal_of
from llmgateway_server.admin.quota_body import quota_of
from llmgateway_server.admin.shelf import Record
from llmgateway_server.call import NANOS_PER_S, Principal
from llmgateway_server.config.settings import Settings
from llmgateway_server.quota.desk import Desk
from llmgateway_server.quota.keeper import QuotaKeeper
from llmgateway_server.quota.quotas import ORGANIZATION, Quota
from llmgateway_server.store.ledger import Charge, Entry
from llmgateway_server.store.objects import Objects

POLL_S = 0.4
# So many keys are read before others get a turn on the event loop.
KEYS_A_TURN = 500

log = logging.getLogger("llmgateway")


class StoredKeys:
    """Who the store's keys stand for, by the digests of their secrets; and where the configuration's belong."""

    def __init__(self) -> None:
        self._teams: dict[str, tuple[str, ...]] = {}
        self._placed: dict[str, Principal] = {}
        self._principals: dict[str, Principal] = {}
        self._known: dict[str, tuple[Record[KeyBody], tuple[str, ...]]] = {}
        self.is_empty = True

    def find(self, digest: str) -> Principal | None:
        """Return who a secret stands for; None where it is nobody's, or has been revoked."""
        return self._principals.get(digest)

    def placed(self, principal: Principal) -> Principal:
        """Return who a key of the configuration stands for, with all that its team is a part of by now."""
        teams = self._teams.get(principal.team, principal.teams)
        if teams == principal.teams:
            return principal
        placed = self._placed.get(principal.name)
        if placed is None or placed.teams != teams:
            placed = self._placed[principal.name] = replace(principal, teams=teams)
        return placed

    async def follow(self, directory: Directory, *, teams_changed: bool) -> None:
        """Take what has changed. Where teams have, every key is read anew."""
        if teams_changed:
            self._teams = {team.id: lineage_of(directory, team.id) for team in directory.teams.after("")}
        gone = self._known.keys() - {record.id for record in directory.keys.after("")}
        for id_ in gone:
            self._drop(id_)
        for number, record in enumerate([*directory.keys.after("")], 1):
            known = self._known.get(record.id)
            if teams_changed or known is None or known[0] is not record:
                self._put(directory, record)
            if number % KEYS_A_TURN == 0:
                await asyncio.sleep(0)

    def _put(self, directory: Directory, record: Record[KeyBody]) -> None:
        self._drop(record.id)
        self.is_empty = self.is_empty and record.is_configured
        if record.is_configured or record.body.is_gone or record.body.revoked_ns is not None:
            self._known[record.id] = (record, ())
            return
        for secret in record.body.secrets:
            self._principals[secret.digest] = principal_of(directory, record, secret)
        self._known[record.id] = (record, tuple(secret.digest for secret in record.body.secrets))

    def _drop(self, id_: str) -> None:
        for digest in self._known.pop(id_, (None, ()))[1]:
            self._principals.pop(digest, None)


class Tenancy:
    """Follows the store. `keys` are those of the store; quotas and bans go to the desk."""

    def __init__(self, objects: Objects, desk: Desk, settings: Settings, wall_ns: Callable[[], int]) -> None:
        self.directory = Directory(objects, configured_of(settings.auth, settings.quotas))
        self.keys = StoredKeys()
        self._desk = desk
        self._keeper = QuotaKeeper(desk)
        self._wall_ns = wall_ns
        self._team_revision: object = None
        self._bans: dict[str, BanBody] = {}
        self._followed = 0

    async def start(self) -> None:
        """Put in force what is there. Raise `StoreUnavailable` or `StoreAway`."""
        await self.directory.refresh()
        self._followed = self.directory.revision
        await self._follow_keys()
        self._suspend()
        await self._keeper.adopt(self._quotas())

    async def run(self) -> None:
        """Put in force what changes, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keeper.run())
            tasks.create_task(self._desk.watch.run())
            while True:
                await asyncio.sleep(POLL_S)
                await self._refresh()

    async def stop(self) -> None:
        """Store what is not stored yet."""
        try:
            await self._keep_bans()
        except errors.CallError as away:
            log.warning("who charged too much of late may not be known after the next start: %s", away.message)

    def configure(self, settings: Settings) -> None:
        """Take the objects of another configuration."""
        self.directory.configure(configured_of(settings.auth, settings.quotas))
        # Keys of the store may be hidden by those of the configuration now, or no longer.
        self._followed = -1
        self._keeper.ask(self._quotas())

    def charges_of(self, entry: Entry) -> Sequence[Charge]:
        """Return the counters that what an entry stands for is charged to, in the periods of its begin."""
        teams = [f"team/{team}" for team in lineage_of(self.directory, entry.team)]
        scopes = (ORGANIZATION, *teams, *named_scopes(entry))
        return self._desk.book.limits_of(scopes).charges_at(entry.started_ns / NANOS_PER_S, self._desk.periods)

    def ban(self, entry: Entry, overrun_usd_nanos: int) -> None:
        """Keep calls whose cost is limited from a target that charged too much, until that is acknowledged."""
        target_id = f"{entry.provider}/{entry.model}"
        if target_id not in self._desk.suspended:
            self._bans[target_id] = BanBody(entry.attempt_id, overrun_usd_nanos)
            self._suspend()

    async def _refresh(self) -> None:
        """Take what has changed, and give the store what it does not know yet."""
        try:
            await self._keep_bans()
            await self.directory.refresh()
        except errors.CallError as away:
            log.debug("the store's keys and quotas are as they were: %s", away.message)
        # The admin services refresh it, too: what they have taken is to be followed all the same.
        revision = self.directory.revision
        if revision != self._followed:
            self._followed = revision
            await self._follow_keys()
            self._suspend()
            self._keeper.ask(self._quotas())

    async def _follow_keys(self) -> None:
        teams = tuple(self.directory.teams.after(""))
        changed = teams != self._team_revision
        self._team_revision = teams
        await self.keys.follow(self.directory, teams_changed=changed)

    async def _keep_bans(self) -> None:
        """Store the bans that are new."""
        for target_id, ban in [*self._bans.items()]:
            if self.directory.bans.get(target_id) is None:
                try:
                    await self.directory.create(self.directory.bans, target_id, ban, self._wall_ns())
                except errors.ResourceExists:
                    log.debug("%s is banned already", target_id)
            del self._bans[target_id]

    def _quotas(self) -> list[Quota]:
        return [quota_of(record.body) for record in self.directory.quotas.after("")]

    def _suspend(self) -> None:
        stored = {record.id: record.body for record in self.directory.bans.after("")}
        bans: Mapping[str, BanBody] = {**stored, **self._bans}
        self._desk.suspended = {target_id: reason_of(target_id, ban) for target_id, ban in bans.items()}


def named_scopes(entry: Entry) -> list[str]:
    """Return the scopes of an entry that it names itself, but its team."""
    scopes = [("key", entry.key), ("end_user", entry.end_user), ("provider", entry.provider)]
    named = [f"{kind}/{name}" for kind, name in scopes if name]
    return [*named, f"model/{entry.provider}/{entry.model}"] if entry.model else named


def reason_of(target_id: str, ban: BanBody) -> str:
    """Say why a target is refused where cost is limited."""
    target_id, dollars = target_id[:200], f"{ban.overrun_usd_nanos / 1e9:.9f}"
    return (
        f"{target_id} charged {dollars} US dollars more than it could for {ban.attempt_id}, so that no quota of cost"
        " holds there. Name another model, or have an administrator look into it and acknowledge it: llmgateway quotas"
        f" acknowledge {target_id}"
    )
