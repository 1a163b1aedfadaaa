"""The last checks before listening, on the settings as they will be used: after what the command line overrides."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from llmgateway_server.config.address import parse_address
from llmgateway_server.config.chains import find_missing_libraries, is_module
from llmgateway_server.config.problems import ConfigError, Problem, format_path, show_text
from llmgateway_server.config.route_checks import Known, find_problems
from llmgateway_server.config.settings import Settings
from llmgateway_server.config.vendor import VendorRows

SERVING_LISTENERS = ("grpc_listen", "http_listen", "admin_listen")
LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "::1")


def check_start(settings: Settings, vendors: VendorRows, source: str) -> None:
    """Raise `ConfigError` where the gateway must not start with these settings."""
    problems = [
        *find_exposure(settings),
        *find_loops(settings, vendors),
        *find_missing_libraries(settings, vendors),
        *find_missing_channelz(settings),
        *find_lost_routes(settings),
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


def find_missing_channelz(settings: Settings) -> Iterator[Problem]:
    """Find that channelz is switched on and not installed. It is looked for, not imported."""
    if settings.server.channelz and not is_module("grpc_channelz"):
        yield Problem(0, "server.channelz", "it needs the extra `debug`: pip install 'llmgateway-grpc[debug]'")


def find_lost_routes(settings: Settings) -> Iterator[Problem]:
    """Find what is wrong with routes that came from code; in a file the same is found with its line.

    Expressions are left to where they are compiled.
    """
    routes = settings.model_dump(include={"routes"}, by_alias=True, exclude_unset=True).get("routes", {})
    known = Known(routes, frozenset(settings.providers), lambda _, text: show_text(text), lambda *_: None)
    yield from (Problem(0, format_path(path), message) for path, message in find_problems(routes, known))
