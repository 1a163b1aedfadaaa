"""The last checks before listening, on the settings as they will be used: after what the command line overrides."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from llmgateway_server.config.address import parse_address
from llmgateway_server.config.chains import find_missing_libraries
from llmgateway_server.config.problems import ConfigError, Problem
from llmgateway_server.config.settings import Settings
from llmgateway_server.config.vendor import VendorRows

SERVING_LISTENERS = ("grpc_listen", "http_listen")
LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "::1")


def check_start(settings: Settings, vendors: VendorRows, source: str) -> None:
    """Raise `ConfigError` where the gateway must not start with these settings."""
    problems = [
        *find_exposure(settings),
        *find_loops(settings, vendors),
        *find_missing_libraries(settings, vendors),
    ]
    if problems:
        raise ConfigError(source, problems)


def find_exposure(settings: Settings) -> Iterator[Problem]:
    """Find listeners that other machines can reach while no key is asked for.

    The metrics listener serves no calls and never asks for a key.
    """
    if settings.auth.keys:
        return
    for name in SERVING_LISTENERS:
        address: str = getattr(settings.server, name)
        if not parse_address(address).is_loopback:
            message = (
                f"{address} can be reached from other machines, and there are no keys: "
                "add one under auth.keys (`llmgateway keys new`), or listen on 127.0.0.1"
            )
            yield Problem(0, f"server.{name}", message)


def find_loops(settings: Settings, vendors: VendorRows) -> Iterator[Problem]:
    """Find providers whose base URL is the gateway's own REST address."""
    own = parse_address(settings.server.http_listen)
    for name, provider in settings.providers.items():
        row = vendors.get(name)
        url = urlsplit(provider.base_url or (row.base_url if row is not None else ""))
        port = url.port or {"http": 80, "https": 443}.get(url.scheme)
        if url.hostname in LOOPBACK_HOSTS and port == own.port:
            message = f"its base URL is the gateway's own address {own}: change that, or server.http_listen"
            yield Problem(0, f"providers.{name}", message)
