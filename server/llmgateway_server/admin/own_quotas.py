"""Quotas as rights: whose own key has a limit, hands on keys that have it, too."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import msgspec

from llmgateway_server.admin.caller import Caller
from llmgateway_server.admin.desk import Desk
from llmgateway_server.admin.quota_body import QuotaBody
from llmgateway_server.admin.shelf import Record


class OwnQuotas:
    """Compares the quotas of scopes with those of a caller, kind by kind."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._directory = desk.directory

    def bounds(self, caller: Caller, scope: str) -> Sequence[QuotaBody]:
        """Return the caller's own quotas that one of a scope must not be wider than: none for owners.

        For a key those of its own key, for a team those of its own team and of what that is a part of. Those of each
        key hold by themselves.
        """
        if caller.is_owner:
            return ()
        principal = caller.principal
        scopes = [f"team/{team}" for team in self._directory.lineage(principal.team)]
        if scope.startswith("key/"):
            scopes = [f"key/{principal.name}"]
        return [quota.body for own in scopes for quota in self._directory.quotas.group(own)]

    def check_covered(self, caller: Caller, key: str) -> None:
        """Raise where a key lacks a quota that the caller's own key has, or has it wider."""
        quotas = [quota.body for quota in self._directory.quotas.group(f"key/{key}")]
        for own in self.bounds(caller, f"key/{key}"):
            if not any(is_within(quota, own) for quota in quotas):
                raise caller.excess_refusal(["quota"])

    @asynccontextmanager
    async def handed_on(self, caller: Caller, key: str) -> AsyncIterator[None]:
        """Give a key that is about to be made the caller's own quotas; take them back where it is not made."""
        made: list[Record[QuotaBody]] = []
        is_key_made = False
        try:
            for own in self.bounds(caller, f"key/{key}"):
                body = msgspec.structs.replace(own, scope=f"key/{key}")
                made.append(
                    await self._directory.create(
                        self._directory.quotas, self._desk.new_id(), body, self._desk.wall_ns()
                    )
                )
            yield
            is_key_made = True
        finally:
            if not is_key_made:
                for quota in made:
                    await self._directory.delete(self._directory.quotas, quota, self._desk.wall_ns())

    async def delete(self, key: str) -> None:
        """Delete the quotas of a key that is no more, but for those of the configuration."""
        for quota in self._directory.quotas.group(f"key/{key}"):
            if not quota.is_configured:
                await self._directory.delete(self._directory.quotas, quota, self._desk.wall_ns())


def is_within(quota: QuotaBody, own: QuotaBody) -> bool:
    """Whether a quota limits at least as much as one of the same kind."""
    is_as_hard = HARDNESS[quota.enforcement] >= HARDNESS[own.enforcement]
    return quota.kind == own.kind and quota.limit <= own.limit and is_as_hard


HARDNESS = {"soft": 0, "estimate": 1, "strict": 2}
