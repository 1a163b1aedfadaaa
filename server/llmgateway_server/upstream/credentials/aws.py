"""Credentials of AWS: given ones, or what botocore's chain finds; requests are signed either way."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from llmgateway_server.upstream.credentials.credentials import (
    ENDLESS_RENEW_S,
    Lease,
    failure,
    found_none,
    load_library,
)
from llmgateway_server.upstream.credentials.renewal import Renewal
from llmgateway_server.upstream.sigv4 import AwsCredentials, Scope, sign

# botocore renews so early, too (`botocore.credentials`, the advisory time-out).
RENEW_EARLY_S = 900.0


class GivenAwsCredentials:
    """Signs with credentials that never change. `now` is seconds since the epoch."""

    def __init__(self, credentials: AwsCredentials, scope: Scope, now: Callable[[], float]) -> None:
        self._credentials = credentials
        self._scope = scope
        self._now = now

    def is_ready(self) -> bool:
        return True

    async def ready(self) -> None:
        """They always are."""

    def refused(self) -> None:
        """Nothing renews them."""

    def headers(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Mapping[str, str]:
        return sign(self._credentials, self._scope, method, url, headers, body, self._now())


class RenewedAwsCredentials:
    """Signs with what the chain found last. `now` is seconds since the epoch."""

    def __init__(self, renewal: Renewal[AwsCredentials], scope: Scope, now: Callable[[], float]) -> None:
        self.is_ready = renewal.is_ready
        self.ready = renewal.ready
        self.refused = renewal.doubt
        self._renewal = renewal
        self._scope = scope
        self._now = now

    def headers(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Mapping[str, str]:
        return sign(self._renewal.value, self._scope, method, url, headers, body, self._now())


def fetch_aws(now_s: float) -> Lease[AwsCredentials]:
    """Ask botocore's chain, from its start: a role that was added or a file that was replaced is seen."""
    session = load_library("aws", "botocore.session")
    exceptions = load_library("aws", "botocore.exceptions")
    try:
        found = session.Session().get_credentials()
        if found is None:
            raise found_none("aws")
        frozen = found.get_frozen_credentials()
    except (exceptions.BotoCoreError, exceptions.ClientError) as error:
        raise failure(error, (exceptions.HTTPClientError, exceptions.ConnectionError)) from error
    if not frozen.access_key or not frozen.secret_key:
        raise found_none("aws")
    credentials = AwsCredentials(frozen.access_key, frozen.secret_key, frozen.token or "")
    if not hasattr(found, "refresh_needed"):
        return Lease(credentials, None, now_s + ENDLESS_RENEW_S)
    # In public the library says only whether credentials end within some time, never when.
    ends_s = found._expiry_time.timestamp()  # noqa: SLF001
    return Lease(credentials, ends_s, ends_s - RENEW_EARLY_S)
