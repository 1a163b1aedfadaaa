"""Tokens of Google Cloud and Microsoft Entra, as their own libraries find them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from functools import partial

from llmgateway_server.upstream.credentials.credentials import (
    ENDLESS_RENEW_S,
    Lease,
    failure,
    found_none,
    load_library,
)
from llmgateway_server.upstream.credentials.renewal import Renewal

Headers = Mapping[str, str]

# Vertex AI REST reference, "Authorization scopes" of projects.locations.publishers.models.generateContent.
GOOGLE_SCOPE = "https://www.googleapis.com/auth/cloud-platform"
# Microsoft Learn, "How to configure Azure OpenAI with Microsoft Entra ID authentication".
ENTRA_SCOPE = "https://cognitiveservices.azure.com/.default"
# Google's metadata server hands out the same token until it ends so soon (`google.auth._helpers`, REFRESH_THRESHOLD).
GOOGLE_RENEW_EARLY_S = 225.0
# Where Entra names no time of its own. MSAL serves no cached token that ends sooner.
ENTRA_RENEW_EARLY_S = 300.0
# How long one request to a token service may take; the libraries allow minutes.
REQUEST_S = 20.0


class RenewedHeaders:
    """Adds the headers that the chain made last."""

    def __init__(self, renewal: Renewal[Headers]) -> None:
        self.is_ready = renewal.is_ready
        self.ready = renewal.ready
        self.refused = renewal.doubt
        self._renewal = renewal

    def headers(self, method: str, url: str, headers: Headers, body: bytes) -> Headers:  # noqa: ARG002  # no signature
        return self._renewal.value


def fetch_google(now_s: float) -> Lease[Headers]:
    """Ask for Google's Application Default Credentials, and a token of theirs."""
    auth = load_library("google", "google.auth")
    exceptions = load_library("google", "google.auth.exceptions")
    transport = load_library("google", "google.auth.transport.requests")
    requests = load_library("google", "requests")
    headers: dict[str, str] = {}
    try:
        with requests.Session() as session:
            request = partial(transport.Request(session), timeout=REQUEST_S)
            credentials, _ = auth.default(scopes=[GOOGLE_SCOPE], request=request)
            credentials.refresh(request)
            credentials.apply(headers)
    except exceptions.GoogleAuthError as error:
        if type(error) is exceptions.DefaultCredentialsError:
            raise found_none("google", str(error)) from error
        raise failure(error, (exceptions.TransportError, requests.RequestException)) from error
    value = {name.lower(): text for name, text in headers.items()}
    if credentials.expiry is None:
        return Lease(value, None, now_s + ENDLESS_RENEW_S)
    ends_s = credentials.expiry.replace(tzinfo=UTC).timestamp()
    return Lease(value, ends_s, ends_s - GOOGLE_RENEW_EARLY_S)


def fetch_entra(now_s: float) -> Lease[Headers]:  # noqa: ARG001  # its tokens always end
    """Ask azure-identity's default chain for a token."""
    identity = load_library("entra", "azure.identity")
    exceptions = load_library("entra", "azure.core.exceptions")
    try:
        with identity.DefaultAzureCredential(
            connection_timeout=REQUEST_S, read_timeout=REQUEST_S, retry_total=1
        ) as credential:
            token = credential.get_token_info(ENTRA_SCOPE)
    except exceptions.AzureError as error:
        network = (exceptions.ServiceRequestError, exceptions.ServiceResponseError)
        raise failure(error, network) from error
    renew_s = token.refresh_on or token.expires_on - ENTRA_RENEW_EARLY_S
    return Lease({"authorization": f"Bearer {token.token}"}, float(token.expires_on), float(renew_s))
