"""PostgreSQL as a stage for what every ledger must do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
from llmgateway_server.store.ledger import Ledger
from llmgateway_server.store.postgres.ledger import PostgresLedger

from tests.postgres import emptied, shared_server
from tests.server.store.postgres_ledgers import PATIENT, ask, new_id

# Nothing is presumed, and no sum takes anything in, but when a test says so.
STILL = msgspec.structs.replace(PATIENT, beat_s=86_400.0)


class PostgresStage:
    """The database with the schema, emptied by the first that opens it."""

    def __init__(self, folder: Path, clock: Callable[[], int]) -> None:
        self._spool = folder / "spool"
        self._clock = clock
        self._server = shared_server()
        self._url = ""

    async def open(self) -> Ledger:
        if not self._url:
            self._url = await emptied(self._server)
        # Nobody has to wait for the death of those before.
        await ask(self._url, "UPDATE process SET beat_at = '-infinity'")
        ledger = PostgresLedger(self._url, spool=self._spool, clock=self._clock, new_id=new_id, timing=STILL)
        await ledger.start()
        return ledger

    async def crash(self, ledger: Ledger) -> None:
        assert isinstance(ledger, PostgresLedger)
        await ledger.abandon()

    async def expire(self, ledger: Ledger, now_ns: int) -> None:
        assert isinstance(ledger, PostgresLedger)
        await ledger.expire(now_ns)
        await ledger.roll()
