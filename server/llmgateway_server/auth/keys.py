"""Virtual keys: how they look, how they are kept, and who they stand for.

A key is `llmgw_`, 43 base62 characters that carry 256 random bits, and 6 base62 characters of CRC-32 over all
before. The checksum lets scanners of leaked secrets tell a key from a look-alike; it guards nothing. What is kept
is the HMAC-SHA-256 of the key under an optional pepper. Keys are looked up by that digest: how long a look-up
takes tells nothing of a key, since nobody can steer the digest of what they send.
"""

from __future__ import annotations

import hmac
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from llmgateway_server import errors
from llmgateway_server.call import NANOS_PER_S, Principal
from llmgateway_server.config.auth import AuthSettings, KeySettings
from llmgateway_server.config.secrets import MAX_KEY_CHARACTERS

KEY_PREFIX = "llmgw_"
RANDOM_BYTES = 32
RANDOM_CHARACTERS = 43
CHECKSUM_CHARACTERS = 6
DIGEST_PREFIX = "hmac-sha256:"

# A role that looks on: it calls no model.
VIEWER = "viewer"

BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

# Where no key is asked for, only this machine is served, and may do everything.
ANONYMOUS = Principal(name="anonymous", role="owner")


class OtherKeys(Protocol):
    """Keys that come and go while the gateway runs."""

    @property
    def is_empty(self) -> bool:
        """Whether there has never been any."""
        ...

    def find(self, digest: str) -> Principal | None:
        """Return who the key of a digest stands for; None where it is nobody's."""
        ...

    def placed(self, principal: Principal) -> Principal:
        """Return who a key of the configuration stands for, with all that its team is a part of by now."""
        ...


class NoKeys:
    """No other keys."""

    is_empty = True

    def find(self, _: str) -> None:
        """Know no key."""

    def placed(self, principal: Principal) -> Principal:
        """Know no team beside the key's own."""
        return principal


NO_KEYS = NoKeys()


def new_key(random_bytes: Callable[[int], bytes]) -> str:
    """Make a key from a source of secret random bytes, such as `secrets.token_bytes`."""
    number = int.from_bytes(random_bytes(RANDOM_BYTES), "big")
    body = KEY_PREFIX + encode_base62(number, RANDOM_CHARACTERS)
    return body + checksum(body)


def has_valid_checksum(key: str) -> bool:
    """Whether a text is a key of this format; it may still be nobody's."""
    body, sum_ = key[:-CHECKSUM_CHARACTERS], key[-CHECKSUM_CHARACTERS:]
    is_shaped = len(body) == len(KEY_PREFIX) + RANDOM_CHARACTERS and body.startswith(KEY_PREFIX) and key.isascii()
    return is_shaped and checksum(body) == sum_


def checksum(body: str) -> str:
    """Return the CRC-32 of a key's body as base62."""
    return encode_base62(zlib.crc32(body.encode("ascii")), CHECKSUM_CHARACTERS)


def encode_base62(number: int, length: int) -> str:
    """Write a number as exactly `length` base62 digits, most significant first."""
    digits = []
    for _ in range(length):
        number, digit = divmod(number, 62)
        digits.append(BASE62[digit])
    return "".join(reversed(digits))


def digest(key: str, pepper: str) -> str:
    """Return what is kept of a key: `hmac-sha256:` and 64 hexadecimal digits."""
    return DIGEST_PREFIX + hmac.digest(pepper.encode(), key.encode(), "sha256").hex()


@dataclass(frozen=True, slots=True)
class KeyEntry:
    """A key's digest and who it stands for."""

    digest: str
    principal: Principal


class Keyring:
    """Every key of the gateway. Without keys it is open: every caller is `anonymous`."""

    def __init__(self, entries: Iterable[KeyEntry], pepper: str = "", others: OtherKeys = NO_KEYS) -> None:
        """Raise `ValueError` where two entries are the same key. `others` are the keys of the store."""
        self._pepper = pepper
        self._others = others
        self._principals: dict[str, Principal] = {}
        for entry in entries:
            other = self._principals.setdefault(entry.digest, entry.principal)
            if other is not entry.principal:
                raise ValueError(f"The keys {other.name} and {entry.principal.name} are the same; give each its own.")
        self.is_open = not self._principals

    @classmethod
    def from_settings(cls, settings: AuthSettings, others: OtherKeys = NO_KEYS) -> Keyring:
        """Build the keyring that a configuration asks for; see `__init__` for what it raises."""
        pepper = settings.pepper.get_secret_value() if settings.pepper is not None else ""
        return cls([entry_of(key, pepper) for key in settings.keys], pepper, others)

    def digest(self, key: str) -> str:
        """Return what is kept of a key."""
        return digest(key, self._pepper)

    def look_up(self, authorization: str | None) -> Principal:
        """Return who an `Authorization` value stands for; raise `ApiKeyInvalid`, always the same."""
        scheme, _, key = (authorization or "").partition(" ")
        key = key.strip()
        # An open gateway knows the store's keys all the same: whose call it is counts, and a revoked one is nobody's.
        if self.is_open and (self._others.is_empty or not key.startswith(KEY_PREFIX)):
            return ANONYMOUS
        # Longer texts are no keys; hashing them would be work for nothing. Nor can a key hold other characters.
        if scheme.lower() == "bearer" and len(key) <= MAX_KEY_CHARACTERS and key.isascii():
            kept = digest(key, self._pepper)
            principal = self._principals.get(kept)
            if principal is not None:
                return self._others.placed(principal) if principal.team else principal
            principal = self._others.find(kept)
            if principal is not None:
                return principal
        raise invalid_key()


def invalid_key() -> errors.ApiKeyInvalid:
    """Return the refusal of a key, always the same: what is wrong with it is not told."""
    return errors.ApiKeyInvalid("The API key is not valid. Send a valid one as `Authorization: Bearer KEY`.")


def entry_of(settings: KeySettings, pepper: str) -> KeyEntry:
    """Build a key's entry; raise `ValueError` where it has neither a key nor a digest."""
    if settings.key is not None:
        kept = digest(settings.key.get_secret_value(), pepper)
    elif settings.digest is not None:
        kept = settings.digest
    else:
        raise ValueError(f"The key {settings.name} has neither `key` nor `digest`.")
    principal = Principal(
        name=settings.name,
        models=() if settings.role == VIEWER else settings.models,
        team=settings.team,
        labels=dict(settings.labels),
        require=dict(settings.require),
        weight=settings.weight,
        teams=(settings.team,) if settings.team else (),
        role=settings.role,
        expires_s=None if settings.expires_ns is None else settings.expires_ns / NANOS_PER_S,
        networks=settings.ip_ranges,
    )
    return KeyEntry(kept, principal)
