"""Calls that run when a window turns over are settled in the one in which they began."""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from llmgateway import Client
from llmgateway_server import app
from llmgateway_server.config.section import FROM_FILE
from llmgateway_server.config.settings import Settings
from llmgateway_server.quota.windows import Periods, Window
from llmgateway_server.store.ledger import Balance, Counter, Metric
from llmgateway_server.telemetry.logs import LineWriter

from tests.e2e.budgets.stand import budget, document, request_of
from tests.fakes.billing import PRICES, BillingProvider

NANOS_PER_S = 10**9
# The last second of a day in New York, whose clocks have just been put back.
BEFORE = datetime(2026, 11, 2, 4, 59, 59, tzinfo=UTC).timestamp()
ZONE = "America/New_York"
LIMIT = 100


class WallClock:
    """The time of day, as the test sets it."""

    def __init__(self, now_s: float) -> None:
        self.now_s = now_s

    def time(self) -> float:
        return self.now_s

    def time_ns(self) -> int:
        return int(self.now_s * NANOS_PER_S)


@pytest.mark.parametrize("store", ["sqlite:///{folder}/ledger.db", "memory:"])
async def test_a_stream_over_midnight_is_settled_in_the_old_window(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store: str
) -> None:
    wall = WallClock(BEFORE)
    clocks = SimpleNamespace(time=wall.time, time_ns=wall.time_ns, monotonic=time.monotonic)
    monkeypatch.setattr(app, "time", clocks)
    days = Window("day", ZONE)
    old, new = (Periods().at(days, at_s).start_s for at_s in (BEFORE, BEFORE + 2))
    assert old < new
    counters = [Counter("organization", Metric.COST, days.text, start_s) for start_s in (old, new)]
    async with BillingProvider() as provider:
        url = store.format(folder=tmp_path)
        quotas = [budget("0.005", window="day", timezone=ZONE)]
        settings = Settings.model_validate(
            document(provider.base_url, url, quotas, PRICES), context=FROM_FILE, by_alias=True, by_name=False
        )
        writer = LineWriter(io.BytesIO())
        gateway = app.Gateway(settings, writer)
        await gateway.start()

        async def standing() -> Sequence[Balance]:
            await gateway._store.ledger.flush()
            return await gateway._store.ledger.balances(counters)

        async with Client(gateway.listening.grpc) as client:
            async with client.stream(request_of("fake/held-middle", "late", LIMIT, LIMIT)) as stream:
                collecting = asyncio.ensure_future(stream.collect())
                await provider.arrived()
                before = await standing()
                wall.now_s += 2
                await client.generate(request_of("fake/usual", "early", LIMIT, LIMIT))
                between = await standing()
                provider.gate.set()
                await collecting
            after = await standing()
        await gateway.close()
        writer.close()
    late, early = (provider.lines_of(user)[0].usd_nanos for user in ("late", "early"))
    assert [one.held > 0 for one in before] == [True, False]
    assert [(one.committed, one.held > 0) for one in between] == [(0, True), (early, False)]
    assert after == [Balance(late, 0), Balance(early, 0)]
