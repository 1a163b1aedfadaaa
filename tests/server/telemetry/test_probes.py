from __future__ import annotations

from aiohttp.test_utils import TestClient, TestServer
from llmgateway_server.telemetry.probes import probe_app
from prometheus_client import CollectorRegistry, Counter


async def test_metrics_and_probes_answer_without_a_key() -> None:
    registry, ready = CollectorRegistry(), [False]
    Counter("things", "Things.", registry=registry).inc()
    async with TestClient(TestServer(probe_app(registry, lambda: ready[0]))) as client:
        assert "things_total 1.0" in await (await client.get("/metrics")).text()
        assert (await client.get("/livez")).status == 200
        assert (await client.get("/readyz")).status == 503
        ready[0] = True
        assert (await client.get("/readyz")).status == 200
