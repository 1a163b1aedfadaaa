"""A caller of the admin services: whose objects are, seen from it, and what it may do with them."""

from __future__ import annotations

from collections.abc import Iterable

from llmgateway_server import errors
from llmgateway_server.admin.directory import Directory, not_found
from llmgateway_server.auth.grants import Grant
from llmgateway_server.auth.roles import RULES, Role, Whose, may, may_at_all, may_set
from llmgateway_server.call import NANOS_PER_S, Principal


class Caller:
    """A principal that calls one RPC. Raises `PermissionMissing` where no object is there that it may call it on."""

    def __init__(self, principal: Principal, rpc: str, directory: Directory) -> None:
        self.principal = principal
        self.role = Role.named(principal.role)
        self._rpc = rpc
        self._directory = directory
        if not may_at_all(self.role, rpc):
            raise self.refusal()

    @property
    def is_owner(self) -> bool:
        return self.role is Role.OWNER

    @property
    def grant(self) -> Grant:
        """What it may hand on."""
        principal = self.principal
        known = self._directory.key(principal.name)
        return Grant(
            self.role,
            principal.models,
            known.body.cache_scopes if known is not None else (),
            principal.labels,
            principal.require,
            principal.weight,
            None if principal.expires_s is None else int(principal.expires_s) * NANOS_PER_S,
            principal.networks,
        )

    def reaches(self, team: str) -> bool:
        """Whether a team is the caller's own or below it. Who has no team reaches all if it is an administrator."""
        if not self.principal.team:
            return self.role >= Role.ADMIN
        return self.principal.team in self._directory.lineage(team)

    def whose_key(self, id: str, team: str) -> Whose:  # noqa: A002  # AIP's word
        """Tell whose a key is that belongs to a team."""
        if id == self.principal.name:
            return Whose.OWN
        return Whose.BELOW if self.reaches(team) else Whose.OTHER

    def whose_team(self, id: str) -> Whose:  # noqa: A002
        """Tell whose a team is."""
        if id and id == self.principal.team:
            return Whose.OWN
        return Whose.BELOW if self.reaches(id) else Whose.OTHER

    def whose_scope(self, scope: str) -> Whose:
        """Tell whose a quota of a scope is. What is not a key's or a team's is the organization's."""
        kind, _, name = scope.partition("/")
        if kind == "team" and self._directory.teams.get(name) is not None:
            return self.whose_team(name)
        if kind == "key":
            key = self._directory.key(name)
            return Whose.OTHER if key is None else self.whose_key(name, key.body.team)
        return Whose.OTHER

    def may(self, whose: Whose) -> bool:
        """Whether it may do this."""
        return may(self.role, self._rpc, whose)

    def require(self, whose: Whose, name: str) -> None:
        """Raise unless it may do this with an object: what belongs to others is not found, as if it were not there."""
        if self.may(whose):
            return
        raise not_found(name) if whose is Whose.OTHER else self.refusal()

    def require_fields(self, whose: Whose, fields: Iterable[str]) -> None:
        """Raise unless it may set all these fields."""
        for field in fields:
            if not may_set(self.role, self._rpc, whose, field):
                raise self.refusal(field)

    def refusal(self, field: str = "") -> errors.PermissionMissing:
        """Return why it may not."""
        permission = ".".join((RULES[self._rpc].permission, *([field] if field else ())))
        message = f"A key of the role {self.role.word} may not do this. Ask one who may: it takes {permission}."
        return errors.PermissionMissing(message, metadata={"permission": permission})

    def excess_refusal(self, fields: Iterable[str]) -> errors.PermissionMissing:
        """Return why it may not hand on more than it has."""
        permission = f"{RULES[self._rpc].permission}.{next(iter(fields))}"
        message = f"This is more than your own key may: {', '.join(fields)}. Ask for no more than you have."
        return errors.PermissionMissing(message, metadata={"permission": permission})
