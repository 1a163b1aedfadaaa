"""This process among those that share the ledger: it tells that it lives, and presumes what dead ones left open."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from asyncpg import Connection, Record

from llmgateway_server.store.ledger import Family
from llmgateway_server.store.postgres.lane import Lane
from llmgateway_server.store.postgres.writing import clean

PRESUMED_AT_ONCE = 500

BEAT = "UPDATE process SET beat_at = clock_timestamp() WHERE incarnation = $1 RETURNING true"
LEAVE = "DELETE FROM process WHERE incarnation = $1"
BURY = "SELECT bury($1, make_interval(secs => $2))"
PRESUME = "SELECT presume($1, $2) AS count"


class Process:
    """Has an incarnation in the database, and takes a new one where it was taken for dead."""

    def __init__(self, lane: Lane, new_id: Callable[[], str], dead_after_s: float) -> None:
        self._lane = lane
        self._new_id = new_id
        self._dead_after_s = dead_after_s
        self._families: Mapping[Family, int] = {}
        self.incarnation = ""

    async def enter(self) -> None:
        """Take part as a new incarnation, which needs the families that the last one did."""
        incarnation = self._new_id()

        async def enter(connection: Connection[Record]) -> None:
            async with connection.transaction():
                await connection.execute("INSERT INTO process (incarnation) VALUES ($1)", incarnation)
                if self._families:
                    await activate(connection, incarnation, self._families)

        await self._lane.run(enter)
        self.incarnation = incarnation

    async def incarnation_of(self, is_over: bool) -> str:
        """Return the incarnation, a new one where the last is over."""
        if is_over:
            await self.enter()
        return self.incarnation

    async def activate(self, families: Mapping[Family, int]) -> None:
        """Need these families, and no others."""
        await self._lane.run(lambda connection: activate(connection, self.incarnation, families))
        self._families = families

    async def beat(self) -> None:
        """Tell that the process lives."""
        if not await self._lane.fetch(BEAT, self.incarnation):
            await self.enter()

    async def presume(self, now_ns: int) -> None:
        """Book what nobody will settle in time at what it holds; whoever settles it all the same corrects that."""
        await self._lane.fetch(BURY, self.incarnation, self._dead_after_s)
        count = PRESUMED_AT_ONCE
        while count:
            count = (await self._lane.fetch(PRESUME, now_ns, PRESUMED_AT_ONCE))[0]["count"]

    async def leave(self) -> None:
        """Take part no more."""
        await self._lane.fetch(LEAVE, self.incarnation)


async def activate(connection: Connection[Record], incarnation: str, families: Mapping[Family, int]) -> None:
    """Say which families an incarnation needs."""
    await connection.execute(
        "SELECT activate($1, $2, $3, $4, $5)",
        incarnation,
        [family.scope_kind for family in families],
        [family.metric.value for family in families],
        [clean(family.window) for family in families],
        [*families.values()],
    )
