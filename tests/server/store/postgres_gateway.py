"""A gateway's ledger in a process of its own, for tests that kill it.

    python -m tests.server.store.postgres_gateway URL SPOOL LIMIT CALLERS COUNT

Callers reserve one after the other until COUNT reservations were answered or the limit is reached, and settle. A line is
written for each step that is done: `granted ID COST`, `refused ID`, `settling ID COST`.
"""

from __future__ import annotations

import asyncio
import random
import sys
from pathlib import Path

from llmgateway_server.store.ledger import Grant
from llmgateway_server.store.postgres.ledger import PostgresLedger, Timing

from tests.server.store.postgres_ledgers import FAMILIES, Clock, intent, new_id, settlement

COST = 10


async def main(url: str, spool: str, limit: int, callers: int, count: int) -> None:
    ledger = PostgresLedger(url, spool=Path(spool), clock=Clock(), new_id=new_id, timing=Timing(reserve_timeout_s=30.0))
    await ledger.start()
    await ledger.activate(FAMILIES)
    say("ready")
    await asyncio.to_thread(sys.stdin.readline)
    left = iter(range(count))

    async def call() -> None:
        for _ in left:
            one = intent(COST, limit)
            answer = await ledger.reserve([one])
            if not isinstance(answer, Grant):
                say(f"refused {one.entry.attempt_id}")
                continue
            say(f"granted {one.entry.attempt_id} {answer.costs[0]}")
            if limit > count * COST:
                cost = random.randint(0, COST)
                say(f"settling {one.entry.attempt_id} {cost}")
                ledger.settle(settlement(one, cost))

    await asyncio.gather(*(call() for _ in range(callers)))
    await ledger.stop()
    say("done")


def say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    arguments = sys.argv[1:]
    asyncio.run(main(arguments[0], arguments[1], *map(int, arguments[2:])))
