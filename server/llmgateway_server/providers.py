"""From the configuration's providers to upstreams: each with its dialect, address, credentials and quirks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from llmgateway_server.catalog.vendors import Vendor, auth_headers, load_vendors
from llmgateway_server.config.problems import Problem
from llmgateway_server.config.settings import ProviderSettings, Settings
from llmgateway_server.dialects.mock.options import read_options
from llmgateway_server.dialects.registry import make_codec, make_sibling
from llmgateway_server.upstream.credentials.credentials import Credentials
from llmgateway_server.upstream.gateway import DIALECT as GATEWAY_DIALECT
from llmgateway_server.upstream.gateway import GatewayUpstream
from llmgateway_server.upstream.http import HttpClient
from llmgateway_server.upstream.http_upstream import Endpoint, HttpUpstream
from llmgateway_server.upstream.mock import MockUpstream
from llmgateway_server.upstream.upstream import Upstream

# Dialects whose providers serve Claude, too: its models differ there as they do at Anthropic.
CLAUDE_TOO = ("bedrock", "gemini")


def build_upstreams(
    settings: Settings, http: HttpClient, clock: Callable[[], float], credentials: Mapping[str, Credentials]
) -> dict[str, Upstream]:
    """Return the configured providers by name. `credentials` are those that are more than a header, by provider."""
    vendors = load_vendors()
    upstreams: dict[str, Upstream] = {}
    for name, provider in settings.providers.items():
        vendor = vendors.get(name)
        dialect = provider.dialect or (vendor.dialect if vendor is not None else "")
        if dialect == "mock":
            upstreams[name] = MockUpstream(
                name, provider.script, asyncio.sleep, clock=clock, timeouts=provider.timeouts or settings.timeouts
            )
        elif dialect == GATEWAY_DIALECT:
            keys = [secret.get_secret_value() for secret in provider.api_keys or ()]
            timeouts = provider.timeouts or settings.timeouts
            upstreams[name] = GatewayUpstream(name, provider.base_url or "", keys, timeouts, clock)
        else:
            quirks = quirks_of(dialect, provider, vendors, vendor)
            codec, sibling = make_codec(dialect, name, quirks), make_sibling(dialect, name, quirks)
            endpoint = endpoint_of(name, provider, vendor, credentials.get(name))
            timeouts = provider.timeouts or settings.timeouts
            upstreams[name] = HttpUpstream(endpoint, codec, http, timeouts, settings.limits, clock, sibling)
    return upstreams


def quirks_of(
    dialect: str, provider: ProviderSettings, vendors: Mapping[str, Vendor], vendor: Vendor | None
) -> dict[str, Any]:  # Any: the dialect checks
    """Return what a provider's dialect must know of it: the row's quirks, and what overrides them."""
    quirks = {**(vendor.quirks if vendor is not None else {}), **provider.quirks}
    if dialect in CLAUDE_TOO and isinstance(quirks.get("claude", {}), dict):
        quirks["claude"] = {**vendors["anthropic"].quirks, **quirks.get("claude", {})}
    if provider.api_version is not None:
        quirks["api_version"] = provider.api_version
    if provider.deployments:
        quirks["deployments"] = provider.deployments
    return quirks


def endpoint_of(
    name: str, provider: ProviderSettings, vendor: Vendor | None, credentials: Credentials | None
) -> Endpoint:
    """Return where a provider is, and the headers that carry its keys."""
    base_url, models_base_url = provider.base_url or "", ""
    if vendor is not None and not base_url:
        base_url = fill_address(vendor.base_url, provider)
        models_base_url = fill_address(vendor.models_base_url, provider)
    headers: list[Mapping[str, str]] = []
    if credentials is None and provider.access_token is not None:
        headers = [{"authorization": f"Bearer {provider.access_token.get_secret_value()}"}]
    elif credentials is None:
        headers = [auth_headers(vendor, secret.get_secret_value()) for secret in provider.api_keys or ()]
    return Endpoint(name, base_url.rstrip("/"), headers, credentials, models_base_url)


def fill_address(base_url: str, provider: ProviderSettings) -> str:
    """Return a row's address with what the configuration says of region, project and location."""
    if provider.location == "global":
        base_url = base_url.replace("{location}-", "")  # Google's global endpoint has no name of its own
    return base_url.format(region=provider.region, project=provider.project, location=provider.location)


def find_problems(settings: Settings, vendors: Mapping[str, Vendor]) -> Iterator[Problem]:
    """Find what the dialects do not understand of their providers' settings: the configuration knows no dialect."""
    for name, provider in settings.providers.items():
        row = vendors.get(name)
        dialect = provider.dialect or (row.dialect if row is not None else "")
        setting = "script" if dialect == "mock" else "quirks"
        try:
            if dialect == "mock":
                read_options(provider.script or {})
            elif dialect == GATEWAY_DIALECT:
                if provider.quirks:
                    raise ValueError("another gateway has none")
            else:
                quirks = quirks_of(dialect, provider, vendors, row)
                make_codec(dialect, name, quirks)
                make_sibling(dialect, name, quirks)
        except ValueError as error:
            yield Problem(0, f"providers.{name}.{setting}", str(error))
