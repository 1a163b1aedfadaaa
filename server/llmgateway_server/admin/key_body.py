"""A key as it is stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from llmgateway_server.auth.grants import ALL_MODELS, CACHE_SCOPES, Grant
from llmgateway_server.auth.roles import Role

KEY_KIND = "key"


class Secret(msgspec.Struct, frozen=True):
    """What is kept of one secret of a key. It ends at `expires_ns`; None: with its key."""

    digest: str
    created_ns: int
    expires_ns: int | None = None


class KeyBody(msgspec.Struct, frozen=True):
    """A key. Times are nanoseconds since the epoch. `models` is never empty; no `networks` means all.

    A deleted key is kept without its secrets, so that no other gets its name: the ledger knows it by that.
    """

    display_name: str = ""
    team: str = ""
    role: str = "member"
    models: tuple[str, ...] = ALL_MODELS
    cache_scopes: tuple[str, ...] = CACHE_SCOPES
    labels: Mapping[str, str] = msgspec.field(default_factory=dict)
    require: Mapping[str, str] = msgspec.field(default_factory=dict)
    weight: int = 1
    expires_ns: int | None = None
    networks: tuple[str, ...] = ()
    secrets: tuple[Secret, ...] = ()
    rotated_ns: int | None = None
    revoked_ns: int | None = None
    deleted_ns: int | None = None

    @property
    def is_gone(self) -> bool:
        """Whether it is deleted: there for its name alone."""
        return self.deleted_ns is not None

    @property
    def grant(self) -> Grant:
        """What it may do, as far as that can be handed on."""
        return Grant(
            Role.named(self.role),
            self.models,
            self.cache_scopes,
            self.labels,
            self.require,
            self.weight,
            self.expires_ns,
            self.networks,
        )

    def with_grant(self, grant: Grant) -> KeyBody:
        """Return the key with another grant."""
        return msgspec.structs.replace(
            self,
            role=grant.role.word,
            models=grant.models,
            cache_scopes=grant.cache_scopes,
            labels=grant.labels,
            require=grant.require,
            weight=grant.weight,
            expires_ns=grant.expires_ns,
            networks=grant.networks,
        )

    def secrets_at(self, now_ns: int) -> Sequence[Secret]:
        """Return the secrets that work at a time; none of a key that is over."""
        if self.revoked_ns is not None or self.is_gone or is_past(self.expires_ns, now_ns):
            return ()
        return tuple(secret for secret in self.secrets if not is_past(secret.expires_ns, now_ns))


def is_past(end_ns: int | None, now_ns: int) -> bool:
    """Whether an end has come; None never does."""
    return end_ns is not None and end_ns <= now_ns
