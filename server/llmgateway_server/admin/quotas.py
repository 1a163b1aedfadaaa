"""QuotaService."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from llmgateway.admin.v1 import banned_target_pb2, quota_pb2
from llmgateway.admin.v1 import quota_service_pb2 as messages

from llmgateway_server.admin.ban_body import BanBody
from llmgateway_server.admin.caller import Caller
from llmgateway_server.admin.desk import Desk, check_writable, find, record_change
from llmgateway_server.admin.directory import exists, not_found
from llmgateway_server.admin.fields import (
    Violations,
    check_id,
    fields_set,
    fields_to_change,
    refuse,
    set_time,
)
from llmgateway_server.admin.own_quotas import OwnQuotas, is_within
from llmgateway_server.admin.pages import PageQuery, page_of
from llmgateway_server.admin.quota_body import QuotaBody
from llmgateway_server.admin.quota_messages import ATTRIBUTES, check_new, check_scope_field, read_quota, write_quota
from llmgateway_server.admin.shelf import Record
from llmgateway_server.admin.standings import Standings
from llmgateway_server.auth.roles import NEW_QUOTA_FIELDS, QUOTA_FIELDS, Whose
from llmgateway_server.call import Call
from llmgateway_server.errors import FieldViolation

Quota = Record[QuotaBody]

MAX_TARGET = 1_024


class QuotaService:
    """Manages quotas, and the targets that are banned since they charged more than they could."""

    def __init__(self, desk: Desk, standings: Standings) -> None:
        self._desk = desk
        self._directory = desk.directory
        self._standings = standings
        self._own_quotas = OwnQuotas(desk)

    async def get_quota(self, call: Call, request: messages.GetQuotaRequest) -> messages.GetQuotaResponse:
        caller = await self._desk.begin(call, "QuotaService.GetQuota")
        quota, _ = self._find(caller, request.name)
        return messages.GetQuotaResponse(quota=(await self._written([quota]))[0])

    async def list_quotas(self, call: Call, request: messages.ListQuotasRequest) -> messages.ListQuotasResponse:
        caller = await self._desk.begin(call, "QuotaService.ListQuotas")
        wrong: Violations = []
        if request.scope:
            check_scope_field("scope", request.scope, wrong)
        refuse(wrong)
        query = PageQuery(request.page_size, request.page_token, ("quotas", call.principal.name, request.scope))

        def keep(quota: Quota) -> bool:
            is_asked_for = not request.scope or quota.body.scope == request.scope
            return is_asked_for and caller.may(caller.whose_scope(quota.body.scope))

        page, token = await page_of(self._directory.quotas, query, keep)
        return messages.ListQuotasResponse(quotas=await self._written(page), next_page_token=token)

    async def create_quota(self, call: Call, request: messages.CreateQuotaRequest) -> messages.CreateQuotaResponse:
        caller = await self._desk.begin(call, "QuotaService.CreateQuota")
        wrong: Violations = []
        if request.quota_id:
            check_id("quota_id", request.quota_id, wrong)
        body = read_quota(request.quota, wrong)
        check_new(body, wrong)
        refuse(wrong)
        whose = self._check_scope(caller, body.scope)
        caller.require_fields(whose, fields_set(request.quota, NEW_QUOTA_FIELDS))
        self._check_within(caller, body)
        id_ = request.quota_id or self._desk.new_id()
        if self._directory.quotas.get(id_) is not None:
            raise exists(f"quotas/{id_}")
        quota = await self._directory.create(self._directory.quotas, id_, body, self._desk.wall_ns())
        record_change(call, f"quotas/{id_}", body.scope)
        return messages.CreateQuotaResponse(quota=(await self._written([quota]))[0])

    async def update_quota(self, call: Call, request: messages.UpdateQuotaRequest) -> messages.UpdateQuotaResponse:
        caller = await self._desk.begin(call, "QuotaService.UpdateQuota")
        quota, whose = self._find(caller, request.quota.name, "quota.name")
        wrong: Violations = []
        fields = fields_to_change(request.quota, request.update_mask, QUOTA_FIELDS, wrong)
        draft = read_quota(request.quota, wrong)
        refuse(wrong)
        caller.require_fields(whose, fields)
        check_writable(quota, request.quota.name, request.quota.etag)
        attributes = [ATTRIBUTES.get(field, field) for field in fields]
        body = msgspec.structs.replace(quota.body, **{name: getattr(draft, name) for name in attributes})
        self._check_within(caller, body)
        quota = await self._directory.update(self._directory.quotas, quota, body, self._desk.wall_ns())
        record_change(call, request.quota.name, ", ".join(fields))
        return messages.UpdateQuotaResponse(quota=(await self._written([quota]))[0])

    async def delete_quota(self, call: Call, request: messages.DeleteQuotaRequest) -> messages.DeleteQuotaResponse:
        caller = await self._desk.begin(call, "QuotaService.DeleteQuota")
        quota, _ = self._find(caller, request.name)
        check_writable(quota, request.name, request.etag)
        self._check_dispensable(caller, quota.body)
        await self._directory.delete(self._directory.quotas, quota, self._desk.wall_ns())
        record_change(call, request.name, quota.body.scope)
        return messages.DeleteQuotaResponse()

    async def list_banned_targets(
        self, call: Call, request: messages.ListBannedTargetsRequest
    ) -> messages.ListBannedTargetsResponse:
        await self._desk.begin(call, "QuotaService.ListBannedTargets")
        query = PageQuery(request.page_size, request.page_token, ("bans", call.principal.name))
        page, token = await page_of(self._directory.bans, query, lambda _: True)
        return messages.ListBannedTargetsResponse(banned_targets=map(write_ban, page), next_page_token=token)

    async def acknowledge_overrun(
        self, call: Call, request: messages.AcknowledgeOverrunRequest
    ) -> messages.AcknowledgeOverrunResponse:
        await self._desk.begin(call, "QuotaService.AcknowledgeOverrun")
        collection, _, target = request.name.partition("/")
        if collection != self._directory.bans.collection or not 1 <= len(target) <= MAX_TARGET:
            refuse([FieldViolation("name", "must be a resource name such as bannedTargets/openai/gpt-4o")])
        ban = self._directory.bans.get(target)
        if ban is None:
            raise not_found(request.name)
        await self._directory.delete(self._directory.bans, ban, self._desk.wall_ns())
        record_change(call, request.name)
        return messages.AcknowledgeOverrunResponse()

    def _find(self, caller: Caller, name: str, path: str = "name") -> tuple[Quota, Whose]:
        """Return a quota that the caller may do this with, and whose it is."""
        quota = find(self._directory.quotas, name, path)
        whose = caller.whose_scope(quota.body.scope)
        caller.require(whose, name)
        return quota, whose

    def _check_scope(self, caller: Caller, scope: str) -> Whose:
        """Raise unless the caller may limit a scope; a key or team that is not there is nobody's."""
        kind, _, name = scope.partition("/")
        is_there = {
            "key": name == "*" or self._directory.key(name) is not None,
            "team": name == "*" or self._directory.teams.get(name) is not None,
        }
        resource = f"{kind}s/{name}" if kind in is_there else scope
        if not is_there.get(kind, True):
            raise not_found(resource)
        whose = caller.whose_scope(scope)
        caller.require(whose, resource)
        return whose

    def _check_within(self, caller: Caller, body: QuotaBody) -> None:
        """Raise where a quota is wider than the caller's own of its kind."""
        for own in self._own_quotas.bounds(caller, body.scope):
            if own.kind == body.kind and not is_within(body, own):
                raise caller.excess_refusal(["limit"])

    def _check_dispensable(self, caller: Caller, body: QuotaBody) -> None:
        """Raise where a key without this quota could do more than the caller's. A team still has those above it."""
        if body.scope.startswith("key/"):
            for own in self._own_quotas.bounds(caller, body.scope):
                if own.kind == body.kind:
                    raise caller.excess_refusal(["limit"])

    async def _written(self, quotas: Sequence[Quota]) -> Sequence[quota_pb2.Quota]:
        """Return quotas as callers see them, with how they stand."""
        standings = await self._standings.of([quota.body for quota in quotas])
        written = []
        for quota, standing in zip(quotas, standings, strict=True):
            message = write_quota(quota)
            if standing.used is not None:
                message.used = standing.used
            if standing.held is not None:
                message.held = standing.held
            if standing.reset_ns is not None:
                set_time(message.reset_time, standing.reset_ns)
            written.append(message)
        return written


def write_ban(ban: Record[BanBody]) -> banned_target_pb2.BannedTarget:
    """Return a banned target as callers see it."""
    message = banned_target_pb2.BannedTarget(
        name=f"bannedTargets/{ban.id}",
        attempt_id=ban.body.attempt_id,
        overrun_usd_nanos=ban.body.overrun_usd_nanos,
    )
    set_time(message.create_time, ban.created_ns)
    return message
