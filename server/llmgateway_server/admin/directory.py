"""All that the admin services manage, as the configuration and the store have it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import msgspec

from llmgateway_server import errors
from llmgateway_server.admin.ban_body import BAN_KIND, BanBody
from llmgateway_server.admin.key_body import KEY_KIND, KeyBody
from llmgateway_server.admin.lease_body import LEASE_KIND, LeaseBody
from llmgateway_server.admin.quota_body import QUOTA_KIND, QuotaBody
from llmgateway_server.admin.shelf import Body, Record, Shelf
from llmgateway_server.admin.team_body import TEAM_KIND, TeamBody
from llmgateway_server.store.ledger import DiskFull, StoreAway
from llmgateway_server.store.objects import AlreadyThere, Changed, NotThere, Objects, Stored

# What is known of a store that is away for a moment may be tried again then.
AWAY_RETRY_S = 1.0
# So many objects are taken before others have their turn.
STRETCH = 500
# Where keys are that are deleted: no team has this id.
GONE = "/"


class Configured(msgspec.Struct, frozen=True):
    """The objects of a configuration, by their ids. `named_teams` are there unless the store has them."""

    keys: Mapping[str, KeyBody] = msgspec.field(default_factory=dict)
    teams: Mapping[str, TeamBody] = msgspec.field(default_factory=dict)
    quotas: Mapping[str, QuotaBody] = msgspec.field(default_factory=dict)
    named_teams: Mapping[str, TeamBody] = msgspec.field(default_factory=dict)


class Directory:
    """Keeps all objects in memory, and asks the store for what has changed since.

    `revision` grows with what it has taken from there. What it raises is what callers are told: `StoreUnavailable`,
    `StorageFull`, and what each method says.
    """

    def __init__(self, objects: Objects, configured: Configured) -> None:
        self._objects = objects
        self.revision = 0
        self.keys = Shelf(KEY_KIND, "keys", KeyBody, lambda key: GONE if key.is_gone else key.team)
        self.teams = Shelf(TEAM_KIND, "teams", TeamBody, lambda team: team.parent)
        self.quotas = Shelf(QUOTA_KIND, "quotas", QuotaBody, lambda quota: quota.scope)
        self.bans = Shelf(BAN_KIND, "bannedTargets", BanBody, lambda _: "")
        self.leases = Shelf(LEASE_KIND, "leases", LeaseBody, lambda _: "")
        self._shelves = {shelf.kind: shelf for shelf in (self.keys, self.teams, self.quotas, self.bans, self.leases)}
        self.configure(configured)

    def configure(self, configured: Configured) -> None:
        """Take the objects of another configuration."""
        self.keys.configure(configured.keys)
        self.teams.configure(configured.teams, configured.named_teams)
        self.quotas.configure(configured.quotas)

    async def refresh(self) -> None:
        """Take what has changed in the store; of much, others have their turn in between."""
        with told_to_callers(""):
            changes = await self._objects.changes(self.revision)
        for count, stored in enumerate(changes, 1):
            # Two may ask at once; what the other one took comes again here, and may be older than what is known by now.
            if stored.revision > self.revision:
                self.revision = stored.revision
                self._take(stored)
            if count % STRETCH == 0:
                await asyncio.sleep(0)

    def _take(self, stored: Stored) -> None:
        shelf = self._shelves.get(stored.kind)
        if shelf is not None:
            shelf.put(stored)

    async def create(self, shelf: Shelf[Body], id: str, body: Body, now_ns: int) -> Record[Body]:  # noqa: A002
        """Add an object; raise `ResourceExists` where there is one."""
        with told_to_callers(shelf.name_of(id)):
            await self._objects.create(shelf.kind, id, msgspec.json.encode(body), now_ns)
        return await self._written(shelf, id)

    async def update(self, shelf: Shelf[Body], record: Record[Body], body: Body, now_ns: int) -> Record[Body]:
        """Replace an object that was read; raise `EtagMismatch` where it has changed since, `ResourceNotFound`."""
        with told_to_callers(shelf.name_of(record.id)):
            await self._objects.update(shelf.kind, record.id, msgspec.json.encode(body), record.etag, now_ns)
        return await self._written(shelf, record.id)

    async def delete(self, shelf: Shelf[Body], record: Record[Body], now_ns: int) -> None:
        """Delete an object that was read; raise as `update` does."""
        with told_to_callers(shelf.name_of(record.id)):
            await self._objects.delete(shelf.kind, record.id, record.etag, now_ns)
        await self.refresh()

    def key(self, id: str) -> Record[KeyBody] | None:  # noqa: A002
        """Return a key that is not deleted; None where there is none."""
        found = self.keys.get(id)
        return None if found is None or found.body.is_gone else found

    def lineage(self, team: str) -> Iterator[str]:
        """Yield a team and all that it is a part of, the narrowest first; nothing for no team."""
        seen: set[str] = set()
        while team and team not in seen:
            yield team
            seen.add(team)
            found = self.teams.get(team)
            team = found.body.parent if found is not None else ""

    async def _written(self, shelf: Shelf[Body], id: str) -> Record[Body]:  # noqa: A002
        """Return an object that was just written, unless another has deleted it already."""
        await self.refresh()
        found = shelf.get(id)
        if found is None:
            raise not_found(shelf.name_of(id))
        return found


@contextmanager
def told_to_callers(name: str) -> Iterator[None]:
    """Turn what a store raises into what a caller is told."""
    try:
        yield
    except AlreadyThere as error:
        raise exists(name) from error
    except NotThere as error:
        raise not_found(name) from error
    except Changed as error:
        raise changed(name) from error
    except DiskFull as error:
        raise errors.StorageFull("The store has no space left. Try again once there is.") from error
    except StoreAway as error:
        message = "The store does not answer. Try again in a second."
        raise errors.StoreUnavailable(message, retry_after_s=AWAY_RETRY_S) from error


def exists(name: str) -> errors.ResourceExists:
    return errors.ResourceExists(f"There is {name}, or was. Take another name.", metadata={"resource": name})


def not_found(name: str) -> errors.ResourceNotFound:
    return errors.ResourceNotFound(f"There is no {name} that you may see.", metadata={"resource": name})


def changed(name: str) -> errors.EtagMismatch:
    message = f"{name} has changed since its etag was read. Read it again."
    return errors.EtagMismatch(message, metadata={"resource": name})
