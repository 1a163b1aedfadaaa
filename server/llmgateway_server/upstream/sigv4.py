"""Signs requests to AWS: Signature Version 4 ("Create a signed AWS API request", AWS IAM user guide, read 2026-11-25).

Pure: the time is an argument. The body is signed whole; query parameters are signed as they stand in the URL.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import parse_qsl, quote, urlsplit

ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, slots=True)
class AwsCredentials:
    """Whose requests they are. `session_token` is empty for long-term keys."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Scope:
    """For which region and service a signature counts."""

    region: str
    service: str


def sign(
    credentials: AwsCredentials,
    scope: Scope,
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    now_s: float,
) -> dict[str, str]:
    """Return the headers to add to a request, `authorization` among them. `now_s` is seconds since the epoch.

    Only `content-type` of the headers given is signed: what a proxy may change stays out.
    """
    at = datetime.fromtimestamp(now_s, UTC).strftime("%Y%m%dT%H%M%SZ")
    parts = urlsplit(url)
    added = {"x-amz-date": at}
    if credentials.session_token:
        added["x-amz-security-token"] = credentials.session_token
    signed = {"host": parts.netloc, **added}
    if "content-type" in headers:
        signed["content-type"] = headers["content-type"]
    names = sorted(signed)
    canonical = "\n".join(
        (
            method,
            quote(parts.path or "/", safe="/~"),  # percent signs of the path are encoded once more
            canonical_query(parts.query),
            *(f"{name}:{' '.join(signed[name].split())}" for name in names),
            "",
            ";".join(names),
            hashlib.sha256(body).hexdigest(),
        )
    )
    day = f"{at[:8]}/{scope.region}/{scope.service}/aws4_request"
    to_sign = "\n".join((ALGORITHM, at, day, hashlib.sha256(canonical.encode()).hexdigest()))
    signature = hmac.new(signing_key(credentials.secret_access_key, day), to_sign.encode(), hashlib.sha256).hexdigest()
    who = f"Credential={credentials.access_key_id}/{day}"
    added["authorization"] = f"{ALGORITHM} {who}, SignedHeaders={';'.join(names)}, Signature={signature}"
    return added


def canonical_query(query: str) -> str:
    """Return a query with its parameters in order, each encoded as AWS does."""
    pairs = sorted((quote(name, safe="~"), quote(value, safe="~")) for name, value in parse_qsl(query, True))
    return "&".join(f"{name}={value}" for name, value in pairs)


def signing_key(secret: str, day: str) -> bytes:
    """Return the key of one day, region and service."""
    key = f"AWS4{secret}".encode()
    for word in day.split("/"):
        key = hmac.new(key, word.encode(), hashlib.sha256).digest()
    return key
