"""Health as Kubernetes asks for it: grpc-health-probe, and the probes that the README shows."""

from __future__ import annotations

import asyncio
import re
import shutil
import signal
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
import pytest_asyncio
import trustme
import yaml
from grpc_health.v1 import health_pb2, health_pb2_grpc
from llmgateway_server.config.settings import ServerSettings

from tests import toolchains
from tests.e2e.serving import FREE_PORTS, SAFETY_S, Served, serving, write_config

pytestmark = pytest.mark.asyncio(loop_scope="session")

PROBE = "github.com/grpc-ecosystem/grpc-health-probe@v0.4.61"
SERVICE = "llmgateway.v1.LLMGateway"
SERVICES = ["", SERVICE]
Health = health_pb2.HealthCheckResponse

# The probe's own exit codes (its README, "Exit codes", v0.4.61).
HEALTHY, NO_CONNECTION, RPC_FAILED, UNHEALTHY = 0, 2, 3, 4


async def probe(address: str, service: str, *options: str | Path) -> int:
    """Ask a gateway for the health of a service; return the probe's exit code."""
    if shutil.which("go") is None:
        pytest.skip("grpc-health-probe needs Go, which is not installed")
    path = await asyncio.to_thread(toolchains.go_tool, PROBE)
    # A busy machine may take longer than the probe's own patience of 1 s.
    patience = ["-connect-timeout", f"{SAFETY_S:g}s", "-rpc-timeout", f"{SAFETY_S:g}s"]
    process = await asyncio.create_subprocess_exec(
        *map(str, [path, "-addr", address, "-service", service, *patience, *options]),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    async with asyncio.timeout(2 * SAFETY_S):
        return await process.wait()


async def begin_drain(served: Served) -> None:
    """Ask a gateway to stop, and return once its health says so."""
    async with grpc.aio.insecure_channel(served.grpc) as channel, asyncio.timeout(SAFETY_S):
        health: Any = health_pb2_grpc.HealthStub(channel)  # Any: its types do not tell its methods.
        watch = health.Watch(health_pb2.HealthCheckRequest())
        assert (await watch.read()).status == Health.SERVING
        served.process.send_signal(signal.SIGTERM)
        assert (await watch.read()).status == Health.NOT_SERVING
        watch.cancel()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def draining(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    """A gateway in its lame-duck time, which does not end by itself within the tests."""
    folder = tmp_path_factory.mktemp("draining")
    config = write_config(folder, f"{FREE_PORTS}\n  lame_duck: 1h\n")
    async with serving(["serve", "--config", str(config)], folder / "log") as served:
        await begin_drain(served)
        yield served


@dataclass(frozen=True, slots=True)
class Secured:
    """A gateway that speaks mutual TLS, and where its PEM files are."""

    served: Served
    folder: Path

    def options(self, *names: str) -> Sequence[str | Path]:
        """Return the probe's options for TLS, with some of its files."""
        files = {"ca-cert": "ca.pem", "client-cert": "client.pem", "client-key": "client-key.pem"}
        return ["-tls", *(word for name in names for word in (f"-tls-{name}", self.folder / files[name]))]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def secured(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Secured]:
    """A gateway with certificates, whose callers must show one, and a key."""
    folder = tmp_path_factory.mktemp("secured")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    for name in ("127.0.0.1", "client.example"):
        issued, file = authority.issue_cert(name), "server" if name == "127.0.0.1" else "client"
        issued.cert_chain_pems[0].write_to_path(folder / f"{file}.pem")
        issued.private_key_pem.write_to_path(folder / f"{file}-key.pem")
    config = write_config(
        folder,
        f"""{FREE_PORTS}
  grpc_tls: {{certificate: server.pem, key: server-key.pem, client_ca: ca.pem}}
auth: {{keys: [{{name: ci, key: "${{CI_KEY}}"}}]}}
""",
    )
    variables = {"CI_KEY": "a-s3cret-of-this-test-0123456789"}
    async with serving(["serve", "--config", str(config)], folder / "log", variables) as served:
        yield Secured(served, folder)


@pytest.mark.parametrize("service", SERVICES)
async def test_a_gateway_that_serves_is_healthy(service: str, gateway: Served) -> None:
    assert await probe(gateway.grpc, service) == HEALTHY


@pytest.mark.parametrize("service", SERVICES)
async def test_over_tls_it_is_healthy_and_asks_for_no_key(service: str, secured: Secured) -> None:
    options = secured.options("ca-cert", "client-cert", "client-key")
    assert await probe(secured.served.grpc, service, *options) == HEALTHY


async def test_without_the_authority_or_the_certificate_there_is_no_connection(secured: Secured) -> None:
    for options in (secured.options("client-cert", "client-key"), secured.options("ca-cert"), []):
        short = ["-connect-timeout", "1s", "-rpc-timeout", "1s"]
        assert await probe(secured.served.grpc, SERVICE, *options, *short) == NO_CONNECTION, options


@pytest.mark.parametrize("service", SERVICES)
async def test_a_gateway_that_drains_is_not_healthy(service: str, draining: Served) -> None:
    assert await probe(draining.grpc, service) == UNHEALTHY


async def test_a_service_that_is_not_there_is_no_unhealthy_one(gateway: Served) -> None:
    assert await probe(gateway.grpc, "llmgateway.v2.LLMGateway") == RPC_FAILED


async def test_where_nothing_listens_there_is_no_connection(tmp_path: Path) -> None:
    config = write_config(tmp_path, FREE_PORTS)
    async with serving(["serve", "--config", str(config)], tmp_path / "log") as served:
        assert await served.stop(signal.SIGKILL) == -signal.SIGKILL
        assert await probe(served.grpc, SERVICE, "-connect-timeout", "1s") == NO_CONNECTION


# What the README shows of a pod. The fields are those of Kubernetes' own API (PodSpec, Container, Probe and GRPCAction of
# core/v1); its schemas on disk, which PyPI has, take 108 MB.

POD = re.search(
    r"^<!-- pod: probes -->\n+```yaml\n(.*?)^```$", (toolchains.ROOT / "README.md").read_text(), re.M | re.S
)
assert POD is not None
SPEC = yaml.safe_load(POD[1])
PROBES = ["startupProbe", "readinessProbe", "livenessProbe"]
TIMING = {"initialDelaySeconds", "periodSeconds", "timeoutSeconds", "successThreshold", "failureThreshold"}


def shown(name: str) -> dict[str, Any]:  # Any: decoded YAML
    """Return a probe of the pod's only container."""
    (container,) = SPEC["containers"]
    found: dict[str, Any] = container[name]
    return found


async def test_the_pod_has_every_probe_and_nothing_unknown() -> None:
    assert set(SPEC) == {"terminationGracePeriodSeconds", "containers"}
    (container,) = SPEC["containers"]
    assert set(container) == {"name", "ports", *PROBES}
    assert [set(port) for port in container["ports"]] == [{"name", "containerPort"}]


@pytest.mark.parametrize("name", PROBES)
async def test_a_probe_asks_the_port_that_the_container_serves(name: str) -> None:
    kind = shown(name)
    assert "grpc" in kind
    assert set(kind) <= {"grpc", *TIMING}
    assert all(type(kind[field]) is int and kind[field] > 0 for field in set(kind) & TIMING)
    assert set(kind["grpc"]) <= {"port", "service"}
    # The kubelet takes no port's name here.
    port = int(ServerSettings().grpc_listen.rpartition(":")[2])
    assert kind["grpc"]["port"] == port
    assert SPEC["containers"][0]["ports"][0]["containerPort"] == port


async def test_the_pod_is_given_the_time_that_a_stop_may_take() -> None:
    settings = ServerSettings()
    assert SPEC["terminationGracePeriodSeconds"] >= settings.lame_duck_s + settings.drain_s


@pytest.mark.parametrize("name", PROBES)
async def test_a_probe_holds_while_the_gateway_serves_and_fails_once_it_drains(
    name: str, gateway: Served, draining: Served
) -> None:
    service = shown(name)["grpc"].get("service", "")
    assert [await probe(served.grpc, service) for served in (gateway, draining)] == [HEALTHY, UNHEALTHY]
