"""Who is measured: the bare relays, the gateway, and the REST shim in a process of its own."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from tests.bench.processes import Child, Cost, Stage, free_port

LLMGATEWAY = (sys.executable, "-m", "llmgateway_server")


@dataclass(frozen=True, slots=True)
class Contestant:
    """A server under load: where it listens, and the processes whose cost is its own."""

    name: str
    port: int
    children: Sequence[Child]

    def cost(self) -> Cost:
        """Return what its processes have used so far."""
        return sum((child.cost() for child in self.children), Cost(0.0, 0.0))


@dataclass(frozen=True, slots=True)
class Gateway:
    """The gateway by its faces; `ready_s` is the time from its start until it served."""

    rest: Contestant
    grpc: Contestant
    rest_over_channel: Contestant
    ready_s: float


@dataclass(frozen=True, slots=True)
class Yardsticks:
    """The bare relays."""

    rest: Contestant
    grpc: Contestant


def start_upstream(stage: Stage) -> str:
    """Start the fake upstream; return its base URL."""
    return f"http://127.0.0.1:{stage.start_module('tests.bench.fake_upstream').port}/v1"


def start_yardsticks(stage: Stage, upstream_url: str) -> Yardsticks:
    """Start both relays."""
    rest = stage.start_module("tests.bench.http_relay", upstream_url)
    grpc = stage.start_module("tests.bench.grpc_relay", upstream_url)
    return Yardsticks(Contestant("relay", rest.port, [rest]), Contestant("gRPC relay", grpc.port, [grpc]))


def start_gateway(stage: Stage, upstream_url: str) -> Gateway:
    """Start the gateway, and `serve-http` in front of it."""
    grpc_port, http_port, metrics_port, shim_port = (free_port() for _ in range(4))
    config = stage.folder / "gateway.json"  # JSON is YAML
    config.write_text(
        json.dumps(
            {
                "server": {
                    "grpc_listen": f"127.0.0.1:{grpc_port}",
                    "http_listen": f"127.0.0.1:{http_port}",
                    "metrics_listen": f"127.0.0.1:{metrics_port}",
                    "admin_listen": f"127.0.0.1:{free_port()}",
                    "lame_duck": "0s",
                },
                "store": {"url": f"sqlite:///{stage.folder / 'gateway.db'}"},
                "providers": {"local": {"dialect": "openai", "base_url": upstream_url, "api_keys": ["none"]}},
            }
        )
    )
    serve = [*LLMGATEWAY, "serve", "--config", str(config)]
    gateway = stage.start_command(serve, "gateway", http_port, f"http://127.0.0.1:{http_port}/readyz")
    target, listen = f"127.0.0.1:{grpc_port}", f"127.0.0.1:{shim_port}"
    serve_http = [*LLMGATEWAY, "serve-http", "--target", target, "--http-listen", listen]
    shim = stage.start_command(serve_http, "serve-http", shim_port, f"http://{listen}/livez")
    return Gateway(
        Contestant("gateway", http_port, [gateway]),
        Contestant("gateway", grpc_port, [gateway]),
        Contestant("gateway + serve-http", shim_port, [gateway, shim]),
        gateway.ready_s,
    )
