"""Credential chains: where a vendor's own library looks for credentials when the configuration gives none.

The libraries are optional extras, imported on first use only. What must be told before that stands here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Literal
from urllib.parse import urlsplit

from llmgateway_server.config.problems import Problem
from llmgateway_server.config.settings import ProviderSettings, Settings
from llmgateway_server.config.vendor import VendorRow, VendorRows

ChainName = Literal["aws", "google", "entra"]


@dataclass(frozen=True, slots=True)
class Chain:
    """One vendor's chain.

    `extra` is the distribution's extra that brings `modules`. `domains` are those of the vendor: its credentials go to
    no other host unless that is asked for. `tried` says in words where the library looks;
    `instead` names the settings that need no chain.
    """

    title: str
    extra: str
    modules: tuple[str, ...]
    domains: tuple[str, ...]
    tried: str
    instead: str

    @property
    def install(self) -> str:
        """The command that brings the library."""
        return f"pip install 'llmgateway-grpc[{self.extra}]'"

    def is_installed(self) -> bool:
        """Whether the library is there; it is looked for, not imported."""
        return all(is_module(name) for name in self.modules)


# Where the libraries look: botocore's guide "Credentials", Google's "How Application Default Credentials works",
# azure-identity's "DefaultAzureCredential overview" (read 2026-11-25).
CHAINS: Mapping[ChainName, Chain] = {
    "aws": Chain(
        "AWS",
        "aws",
        ("botocore",),
        ("amazonaws.com", "amazonaws.com.cn"),
        "the environment, shared files with their roles and processes, container and instance metadata",
        "`access_key_id` and `secret_access_key`, or `api_keys`",
    ),
    "google": Chain(
        "Google Cloud",
        "google",
        ("google.auth", "requests"),
        ("googleapis.com",),
        "GOOGLE_APPLICATION_CREDENTIALS, gcloud's own file and the metadata server",
        "`access_token`",
    ),
    "entra": Chain(
        "Microsoft Entra",
        "azure",
        ("azure.identity",),
        ("azure.com", "azure.us", "azure.cn"),
        "the environment, workload identity, managed identity and the developer's tools",
        "`api_keys` or `access_token`",
    ),
}


def is_module(name: str) -> bool:
    """Whether a module could be imported."""
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:  # its package is missing
        return False


def chain_of(provider: ProviderSettings, row: VendorRow | None) -> ChainName | None:
    """Return the chain that a provider's credentials come from, or None.

    What `credentials` says counts. Without it, a vendor's row does, unless there are credentials, or `base_url` leads
    to another's host: a proxy or an emulator is not to be shown the cloud's credentials unasked. AWS' also needs the
    region to sign for.
    """
    if provider.credentials is not None:
        return None if provider.credentials == "none" else provider.credentials
    if row is None or row.credentials is None or provider.dialect not in (None, row.dialect):
        return None
    if provider.api_keys or provider.access_token is not None or provider.access_key_id is not None:
        return None
    if row.credentials == "aws" and provider.region is None:
        return None
    if provider.base_url is not None and not is_within(provider.base_url, CHAINS[row.credentials].domains):
        return None
    return row.credentials


def is_within(url: str, domains: tuple[str, ...]) -> bool:
    """Whether a URL's host lies in one of these domains."""
    host = (urlsplit(url).hostname or "").rstrip(".")
    return any(host == domain or host.endswith(f".{domain}") for domain in domains)


def find_missing_libraries(settings: Settings, vendors: VendorRows) -> Iterator[Problem]:
    """Find providers that need a chain whose library is not installed."""
    for name, provider in settings.providers.items():
        chain = chain_of(provider, vendors.get(name))
        if chain is not None and not CHAINS[chain].is_installed():
            yield Problem(0, f"providers.{name}", describe_missing(CHAINS[chain]))


def describe_missing(chain: Chain) -> str:
    """Say which library is missing, how to get it, and what to do without it."""
    return (
        f"its credentials come from the chain of {chain.title}, whose library is not installed: "
        f"{chain.install}, or give it {chain.instead}"
    )
