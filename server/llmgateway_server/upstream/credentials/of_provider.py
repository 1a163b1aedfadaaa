"""Which credentials a provider has that are more than a header."""

from __future__ import annotations

from collections.abc import Mapping

from llmgateway_server.config.chains import CHAINS, chain_of
from llmgateway_server.config.settings import ProviderSettings
from llmgateway_server.config.vendor import VendorRow, VendorRows
from llmgateway_server.upstream.credentials.aws import GivenAwsCredentials, RenewedAwsCredentials, fetch_aws
from llmgateway_server.upstream.credentials.bearer import RenewedHeaders, fetch_entra, fetch_google
from llmgateway_server.upstream.credentials.credentials import Credentials
from llmgateway_server.upstream.credentials.renewal import Clocks, Renewal, Report
from llmgateway_server.upstream.sigv4 import AwsCredentials, Scope

SERVICE = "bedrock"


class Chains:
    """The chains of all providers that have one. Libraries are imported once one is asked, never before."""

    def __init__(self, clocks: Clocks, report: Report) -> None:
        self._clocks = clocks
        self._report = report
        self._renewals: list[Renewal[AwsCredentials] | Renewal[Mapping[str, str]]] = []

    def open(self, providers: Mapping[str, ProviderSettings], vendors: VendorRows) -> dict[str, Credentials]:
        """Return the credentials of each provider whose requests carry more than a key, by its name."""
        found = {name: self._open(name, provider, vendors.get(name)) for name, provider in providers.items()}
        return {name: credentials for name, credentials in found.items() if credentials is not None}

    def start(self) -> None:
        """Ask every chain: what is wrong is told at the start, and the first call need not wait."""
        for renewal in self._renewals:
            renewal.start()

    def close(self) -> None:
        """Ask no more."""
        for renewal in self._renewals:
            renewal.close()

    def _open(self, name: str, provider: ProviderSettings, row: VendorRow | None) -> Credentials | None:
        if given := given_aws_credentials(provider):
            return GivenAwsCredentials(given, aws_scope(provider), self._clocks.now)
        chain = chain_of(provider, row)
        if chain is None:
            return None
        title = CHAINS[chain].title
        if chain == "aws":
            signing = Renewal(name, title, fetch_aws, self._clocks, self._report)
            self._renewals.append(signing)
            return RenewedAwsCredentials(signing, aws_scope(provider), self._clocks.now)
        fetch = fetch_google if chain == "google" else fetch_entra
        bearing = Renewal(name, title, fetch, self._clocks, self._report)
        self._renewals.append(bearing)
        return RenewedHeaders(bearing)


def given_aws_credentials(provider: ProviderSettings) -> AwsCredentials | None:
    """Return the static credentials of AWS that a provider was given."""
    key_id, secret, token = provider.access_key_id, provider.secret_access_key, provider.session_token
    if key_id is None or secret is None:
        return None
    return AwsCredentials(
        key_id.get_secret_value(), secret.get_secret_value(), token.get_secret_value() if token is not None else ""
    )


def aws_scope(provider: ProviderSettings) -> Scope:
    """Return what a provider's signatures count for."""
    if provider.region is None:
        raise ValueError("a signature needs a region")
    return Scope(provider.region, SERVICE)
