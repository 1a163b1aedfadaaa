"""KeyService."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import msgspec
from google.protobuf.duration_pb2 import Duration
from llmgateway.admin.v1 import key_service_pb2 as messages

from llmgateway_server.admin.caller import Caller
from llmgateway_server.admin.desk import Desk, check_writable, find, record_change
from llmgateway_server.admin.directory import exists, not_found
from llmgateway_server.admin.fields import (
    Violations,
    check_id,
    fields_set,
    fields_to_change,
    read_optional_name,
    refuse,
)
from llmgateway_server.admin.key_body import KeyBody, Secret, is_past
from llmgateway_server.admin.key_messages import ATTRIBUTES, read_key, write_key
from llmgateway_server.admin.own_quotas import OwnQuotas
from llmgateway_server.admin.pages import PageQuery, page_of
from llmgateway_server.admin.shelf import Record
from llmgateway_server.auth.grants import completed, excess
from llmgateway_server.auth.keys import new_key
from llmgateway_server.auth.roles import KEY_FIELDS, Role, Whose
from llmgateway_server.call import NANOS_PER_S, Call
from llmgateway_server.errors import FieldViolation

MAX_OVERLAP_S = 30 * 86_400
MAX_SECRETS = 8

Key = Record[KeyBody]


class KeyService:
    """Manages keys. `digest` is what is kept of a secret, `random_bytes` a source of secret ones."""

    def __init__(self, desk: Desk, random_bytes: Callable[[int], bytes], digest: Callable[[str], str]) -> None:
        self._desk = desk
        self._directory = desk.directory
        self._random_bytes = random_bytes
        self._digest = digest
        self._own_quotas = OwnQuotas(desk)

    async def get_key(self, call: Call, request: messages.GetKeyRequest) -> messages.GetKeyResponse:
        caller = await self._desk.begin(call, "KeyService.GetKey")
        return messages.GetKeyResponse(key=write_key(self._find(caller, request.name)[0]))

    async def list_keys(self, call: Call, request: messages.ListKeysRequest) -> messages.ListKeysResponse:
        caller = await self._desk.begin(call, "KeyService.ListKeys")
        wrong: Violations = []
        team = read_optional_name("team", request.team, "teams", wrong)
        refuse(wrong)
        query = PageQuery(request.page_size, request.page_token, ("keys", call.principal.name, team))

        def keep(key: Key) -> bool:
            is_asked_for = not key.body.is_gone and (not team or key.body.team == team)
            return is_asked_for and caller.may(caller.whose_key(key.id, key.body.team))

        page, token = await page_of(self._directory.keys, query, keep)
        return messages.ListKeysResponse(keys=map(write_key, page), next_page_token=token)

    async def create_key(self, call: Call, request: messages.CreateKeyRequest) -> messages.CreateKeyResponse:
        caller = await self._desk.begin(call, "KeyService.CreateKey")
        now_ns = self._desk.wall_ns()
        wrong: Violations = []
        check_id("key_id", request.key_id, wrong)
        draft = read_key(request.key, wrong)
        draft = msgspec.structs.replace(draft, team=draft.team or caller.principal.team)
        check_future(draft.expires_ns, now_ns, wrong)
        refuse(wrong)
        whose = self._check_team(caller, draft.team)
        caller.require_fields(whose, fields_set(request.key, KEY_FIELDS))
        if self._directory.keys.get(request.key_id) is not None:
            raise exists(f"keys/{request.key_id}")
        body = draft.with_grant(completed(draft.grant, caller.grant))
        check_within(caller, body)
        secret = new_key(self._random_bytes)
        body = msgspec.structs.replace(body, secrets=(Secret(self._digest(secret), now_ns),))
        async with self._own_quotas.handed_on(caller, request.key_id):
            key = await self._directory.create(self._directory.keys, request.key_id, body, now_ns)
        record_change(call, f"keys/{key.id}")
        return messages.CreateKeyResponse(key=write_key(key), secret=secret)

    async def update_key(self, call: Call, request: messages.UpdateKeyRequest) -> messages.UpdateKeyResponse:
        caller = await self._desk.begin(call, "KeyService.UpdateKey")
        key, whose = self._find(caller, request.key.name, "key.name")
        wrong: Violations = []
        fields = fields_to_change(request.key, request.update_mask, KEY_FIELDS, wrong)
        draft = read_key(request.key, wrong)
        draft = msgspec.structs.replace(draft, team=draft.team or caller.principal.team)
        if "expire_time" in fields:
            check_future(draft.expires_ns, self._desk.wall_ns(), wrong)
        refuse(wrong)
        caller.require_fields(whose, fields)
        check_writable(key, request.key.name, request.key.etag)
        if "team" in fields and draft.team != key.body.team:
            self._check_team(caller, draft.team)
        check_rank(caller, key.body)
        body = changed_body(key.body, draft, fields, caller)
        check_within(caller, body)
        key = await self._directory.update(self._directory.keys, key, body, self._desk.wall_ns())
        record_change(call, request.key.name, ", ".join(fields))
        return messages.UpdateKeyResponse(key=write_key(key))

    async def revoke_key(self, call: Call, request: messages.RevokeKeyRequest) -> messages.RevokeKeyResponse:
        caller = await self._desk.begin(call, "KeyService.RevokeKey")
        key, _ = self._find(caller, request.name)
        check_writable(key, request.name, request.etag)
        check_rank(caller, key.body)
        if key.body.revoked_ns is None:
            now_ns = self._desk.wall_ns()
            body = msgspec.structs.replace(key.body, secrets=(), revoked_ns=now_ns)
            key = await self._directory.update(self._directory.keys, key, body, now_ns)
            record_change(call, request.name)
        return messages.RevokeKeyResponse(key=write_key(key))

    async def rotate_key(self, call: Call, request: messages.RotateKeyRequest) -> messages.RotateKeyResponse:
        caller = await self._desk.begin(call, "KeyService.RotateKey")
        key, whose = self._find(caller, request.name)
        now_ns = self._desk.wall_ns()
        wrong: Violations = []
        overlap_ns = read_overlap(request.overlap, wrong)
        if key.body.revoked_ns is not None:
            wrong.append(FieldViolation("name", "is revoked: create another key"))
        refuse(wrong)
        check_writable(key, request.name, request.etag)
        if whose is not Whose.OWN:
            # Whoever sees the secret has the key: it must not be worth more than their own.
            check_within(caller, key.body)
            self._own_quotas.check_covered(caller, key.id)
        secret = new_key(self._random_bytes)
        kept = secrets_until(key.body.secrets, now_ns, now_ns + overlap_ns)
        if len(kept) >= MAX_SECRETS:
            refuse([FieldViolation("overlap", f"must be 0: {MAX_SECRETS} secrets of this key still work")])
        body = msgspec.structs.replace(
            key.body, secrets=(*kept, Secret(self._digest(secret), now_ns)), rotated_ns=now_ns
        )
        key = await self._directory.update(self._directory.keys, key, body, now_ns)
        record_change(call, request.name)
        return messages.RotateKeyResponse(key=write_key(key), secret=secret)

    async def delete_key(self, call: Call, request: messages.DeleteKeyRequest) -> messages.DeleteKeyResponse:
        caller = await self._desk.begin(call, "KeyService.DeleteKey")
        key, _ = self._find(caller, request.name)
        check_writable(key, request.name, request.etag)
        check_rank(caller, key.body)
        now_ns = self._desk.wall_ns()
        # Its name stays taken: the ledger knows what it spent by that.
        body = KeyBody(deleted_ns=now_ns, revoked_ns=key.body.revoked_ns)
        await self._directory.update(self._directory.keys, key, body, now_ns)
        await self._own_quotas.delete(key.id)
        record_change(call, request.name)
        return messages.DeleteKeyResponse()

    def _find(self, caller: Caller, name: str, path: str = "name") -> tuple[Key, Whose]:
        """Return a key that the caller may do this with, and whose it is."""
        key = find(self._directory.keys, name, path)
        if key.body.is_gone:
            raise not_found(name)
        whose = caller.whose_key(key.id, key.body.team)
        caller.require(whose, name)
        return key, whose

    def _check_team(self, caller: Caller, team: str) -> Whose:
        """Raise unless the caller may put a key into a team; return whose the key would be."""
        name = f"teams/{team}"
        whose = Whose.BELOW if caller.reaches(team) else Whose.OTHER
        if team and self._directory.teams.get(team) is None:
            raise not_found(name)
        caller.require(whose, name)
        return whose


def check_future(expires_ns: int | None, now_ns: int, wrong: Violations) -> None:
    if is_past(expires_ns, now_ns):
        wrong.append(FieldViolation("key.expire_time", "must lie in the future: to end a key now, revoke it"))


def check_within(caller: Caller, body: KeyBody) -> None:
    """Raise where a key may do more than the caller can hand on."""
    fields = excess(body.grant, caller.grant)
    if fields:
        raise caller.excess_refusal(fields)


def check_rank(caller: Caller, body: KeyBody) -> None:
    """Raise where a key's role is above the caller's: nobody ends or tames those above."""
    if Role.named(body.role) > caller.role:
        raise caller.excess_refusal(["role"])


def changed_body(body: KeyBody, draft: KeyBody, fields: Iterable[str], caller: Caller) -> KeyBody:
    """Return a key with some fields as a draft has them; what that leaves out, as a new key of the caller's has it."""
    whole = draft.with_grant(completed(draft.grant, caller.grant))
    attributes = [ATTRIBUTES.get(field, field) for field in fields]
    return msgspec.structs.replace(body, **{attribute: getattr(whole, attribute) for attribute in attributes})


def read_overlap(overlap: Duration, wrong: Violations) -> int:
    """Return an overlap in nanoseconds, whole seconds."""
    if not 0 <= overlap.seconds <= MAX_OVERLAP_S or overlap.nanos < 0:
        wrong.append(FieldViolation("overlap", "must be 0 to 30 days"))
        return 0
    return overlap.seconds * NANOS_PER_S


def secrets_until(secrets: Iterable[Secret], now_ns: int, end_ns: int) -> Sequence[Secret]:
    """Return the secrets that still work, each to end by a time."""
    ends = [(secret, end_ns if secret.expires_ns is None else min(secret.expires_ns, end_ns)) for secret in secrets]
    return tuple(
        msgspec.structs.replace(secret, expires_ns=secret_end_ns)
        for secret, secret_end_ns in ends
        if secret_end_ns > now_ns
    )
