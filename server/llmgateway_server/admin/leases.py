"""Leave to do what only one gateway may do at a time: an object of the store that says who has it, and until when."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from llmgateway_server import errors
from llmgateway_server.admin.desk import Desk
from llmgateway_server.admin.lease_body import LeaseBody
from llmgateway_server.call import NANOS_PER_S

# Whoever has it and dies keeps others out for so long.
LASTS_S = 600

log = logging.getLogger("llmgateway")


@asynccontextmanager
async def lease(desk: Desk, id: str, doing: str) -> AsyncGenerator[None, None]:  # noqa: A002  # AIP's word
    """Have a lease while the block runs. Raise `EtagMismatch` where another has it, who is `doing` something."""
    directory, now_ns = desk.directory, desk.wall_ns()
    await directory.refresh()
    found = directory.leases.get(id)
    if found is not None and found.body.until_ns > now_ns:
        raise taken(doing, found.body.until_ns - now_ns)
    body = LeaseBody(desk.new_id(), now_ns + LASTS_S * NANOS_PER_S)
    try:
        if found is None:
            record = await directory.create(directory.leases, id, body, now_ns)
        else:
            record = await directory.update(directory.leases, found, body, now_ns)
    except (errors.ResourceExists, errors.EtagMismatch) as error:
        raise taken(doing, LASTS_S * NANOS_PER_S) from error
    try:
        yield
    finally:
        try:
            await directory.update(directory.leases, record, LeaseBody("", 0), desk.wall_ns())
        except errors.CallError as error:
            log.warning("the lease %s ends by itself within %d s: %s", id, LASTS_S, error.message)


def taken(doing: str, left_ns: int) -> errors.EtagMismatch:
    left_s = max(1, left_ns // NANOS_PER_S)
    return errors.EtagMismatch(
        f"Another call is {doing}. Try again once it has ended; if its gateway has died, in {left_s} s."
    )
