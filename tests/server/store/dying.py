"""A process that uses a ledger in a file until it is killed: it says what has lasted, line by line.

python dying.py FILE SEED
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from pathlib import Path

from llmgateway_server.store.ledger import Grant
from llmgateway_server.store.sqlite.database import Database
from llmgateway_server.store.sqlite.ledger import SqliteLedger

from tests.server.store.samples import FAMILIES, charge, intent, settlement


async def call(ledger: SqliteLedger, name: str, chance: random.Random) -> None:
    grant = await ledger.reserve([intent(name, 10, [charge(limit=10**9)])])
    assert isinstance(grant, Grant)
    say(f"reserved {name} 10")
    if chance.random() < 0.8:
        cost = chance.randrange(10)
        ledger.settle(settlement(name, cost))
        if chance.random() < 0.3:
            await ledger.flush()
            say(f"settled {name} {cost}")


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def live(path: Path, seed: int) -> None:
    ledger = SqliteLedger(Database(path), time.time_ns)
    await ledger.start()
    await ledger.activate(FAMILIES)
    say("ready")
    chance = random.Random(seed)
    for number in range(10**6):
        await asyncio.gather(*(call(ledger, f"{seed}-{number}-{each}", chance) for each in range(8)))


if __name__ == "__main__":
    asyncio.run(live(Path(sys.argv[1]), int(sys.argv[2])))
