"""The path of a call, from top to bottom.

    validate → plan (resolve, authorise, order) → open an account → room → attempts (reserve, send, settle) → account

Each method is one RPC of the contract. Whatever refuses a call raises a leaf of `errors`; the rim around the
pipeline turns it into a status, and has authenticated the call before.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing

from llmgateway.v1 import (
    cache_pb2,
    call_pb2,
    compare_pb2,
    count_tokens_pb2,
    embedding_pb2,
    explain_pb2,
    generation_pb2,
    model_pb2,
    rerank_pb2,
    stream_pb2,
    usage_pb2,
)

from llmgateway_server import errors, tokens
from llmgateway_server.attempts.attempts import Attempts
from llmgateway_server.attempts.delivery import Events
from llmgateway_server.auth.policy import may_use
from llmgateway_server.call import NANOS_PER_S, Call, set_duration
from llmgateway_server.comparison import Comparison
from llmgateway_server.config.settings import LimitSettings
from llmgateway_server.endings import Observer
from llmgateway_server.heartbeat import with_heartbeats
from llmgateway_server.quota.accounts import Account, Accounts, Asked
from llmgateway_server.routing.ask import Ask, Request
from llmgateway_server.routing.directory import ModelDirectory
from llmgateway_server.routing.explanation import explain
from llmgateway_server.routing.health import Room
from llmgateway_server.routing.plan import Plan, Planner
from llmgateway_server.routing.refusals import not_allowed
from llmgateway_server.routing.routes import RouteTable
from llmgateway_server.routing.suffix import Suffixes
from llmgateway_server.upstream.upstream import Upstream
from llmgateway_server.validation.requests import (
    validate_compare,
    validate_embed,
    validate_generate,
    validate_list_models,
    validate_rerank,
)

DEFAULT_PAGE_SIZE = 100
MAX_PAGE_SIZE = 1_000
PAGE_TOKEN_PREFIX = "after:"  # noqa: S105  # names a page, grants nothing

Generation = generation_pb2.GenerateRequest
Cacheable = generation_pb2.GenerateRequest | embedding_pb2.EmbedRequest


class Pipeline:
    """Runs every call, by one state of the configuration.

    `room` bounds the calls that run, `accounts` what they spend. `wall_s` is the time of day in seconds, `revision`
    that of the configuration. `observer` is told of the calls that a comparison is made of.
    """

    def __init__(
        self,
        limits: LimitSettings,
        table: RouteTable,
        planner: Planner,
        suffixes: Suffixes,
        room: Room,
        upstreams: Mapping[str, Upstream],
        attempts: Attempts,
        directory: ModelDirectory,
        accounts: Accounts,
        clock: Callable[[], float],
        wall_s: Callable[[], float],
        revision: int,
        observer: Observer,
    ) -> None:
        self._limits = limits
        self._table = table
        self._planner = planner
        self._suffixes = suffixes
        self._room = room
        self._upstreams = upstreams
        self._attempts = attempts
        self._directory = directory
        self._accounts = accounts
        self._clock = clock
        self._wall_s = wall_s
        self._revision = revision
        self._observer = observer

    async def generate(self, call: Call, request: Generation) -> generation_pb2.GenerateResponse:
        refuse(validate_generate(request, self._limits))
        plan = self._plan(call, request)
        check_cache(request)
        account = await self._enter(call, request)
        try:
            response = await self._attempts.generate(call, request, plan, account)
            self._account(call, plan, request, account, response.call, response.usage)
        finally:
            self._leave(account)
        return response

    async def stream_generate(
        self, call: Call, request: Generation, opened: Account | None = None
    ) -> AsyncGenerator[stream_pb2.StreamGenerateResponse, None]:
        """Yield the answer's messages. `opened` is the call's account, if it is open already."""
        refuse(validate_generate(request, self._limits))
        plan = self._plan(call, request)
        check_cache(request)
        sequence_number = 0
        account = await self._enter(call, request, opened)
        try:
            stream = self._attempts.stream(call, request, plan, account)
            if request.HasField("heartbeat_interval"):
                stream = with_heartbeats(stream, request.heartbeat_interval.ToTimedelta().total_seconds())
            async with aclosing(stream):
                async for events in stream:
                    if events[0].HasField("heartbeat"):
                        yield stream_pb2.StreamGenerateResponse(events=events)
                        continue
                    for event in events:
                        sequence_number += 1
                        event.sequence_number = sequence_number
                    self._inform(call, plan, request, account, events)
                    yield stream_pb2.StreamGenerateResponse(events=events)
        finally:
            self._leave(account)

    def compare(
        self, call: Call, request: compare_pb2.CompareRequest
    ) -> AsyncGenerator[compare_pb2.CompareResponse, None]:
        refuse(validate_compare(request, self._limits))
        comparison = Comparison(self._open_together, self.stream_generate, self._observer, self._clock)
        return comparison.compare(call, request)

    async def embed(self, call: Call, request: embedding_pb2.EmbedRequest) -> embedding_pb2.EmbedResponse:
        refuse(validate_embed(request, self._limits))
        plan = self._plan(call, request)
        check_cache(request)
        account = await self._enter(call, request)
        try:
            response = await self._attempts.embed(call, request, plan, account)
            self._account(call, plan, request, account, response.call, response.usage)
        finally:
            self._leave(account)
        return response

    async def rerank(self, call: Call, request: rerank_pb2.RerankRequest) -> rerank_pb2.RerankResponse:
        refuse(validate_rerank(request, self._limits))
        plan = self._plan(call, request)
        account = await self._enter(call, request)
        try:
            response = await self._attempts.rerank(call, request, plan, account)
            self._account(call, plan, request, account, response.call, response.usage)
        finally:
            self._leave(account)
        return response

    async def count_tokens(
        self, call: Call, request: count_tokens_pb2.CountTokensRequest
    ) -> count_tokens_pb2.CountTokensResponse:
        refuse(under("generation", validate_generate(request.generation, self._limits)))
        plan = self._plan(call, request.generation)
        counted = await self._attempts.count_tokens(call, request.generation, plan)
        response = count_tokens_pb2.CountTokensResponse(
            input_token_count=tokens.estimate_generation(request.generation) if counted is None else counted,
            exact=counted is not None,
        )
        self._describe(call, response.call)
        response.call.attempts.extend(call.outcome.attempts)
        return response

    async def explain_route(
        self, call: Call, request: explain_pb2.ExplainRouteRequest
    ) -> explain_pb2.ExplainRouteResponse:
        generation = request.generation
        refuse(under("generation", validate_generate(generation, self._limits)))
        ask = self._ask(call, generation)
        plan, facts = self._planner.sift(ask), self._planner.facts_of(ask)
        now_s, wall_s = self._clock(), self._wall_s()
        return explain(plan, facts, generation, self._planner.is_full, self._revision, now_s, wall_s)

    async def get_model(self, call: Call, request: model_pb2.GetModelRequest) -> model_pb2.GetModelResponse:
        refuse([errors.FieldViolation("id", "is required")] if not request.id else [])
        call.outcome.requested_model = request.id
        self._table.find(request.id)
        if not self._may_list(call, request.id):
            raise not_allowed(call.principal, request.id)
        return model_pb2.GetModelResponse(model=await self._directory.get_model(request.id))

    async def list_models(self, call: Call, request: model_pb2.ListModelsRequest) -> model_pb2.ListModelsResponse:
        refuse(validate_list_models(request))
        after = read_page_token(request.page_token)
        size = min(request.page_size or DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE)
        models = [
            model
            for model in await self._directory.list_models()
            if model.id > after and self._may_list(call, model.id)
        ]
        page = models[:size]
        token = write_page_token(page[-1].id) if len(models) > size else ""
        return model_pb2.ListModelsResponse(models=page, next_page_token=token)

    def _plan(self, call: Call, request: Request) -> Plan:
        """Return where a call may go. Raise why it may go nowhere."""
        plan = self._planner.plan(self._ask(call, request))
        first = plan.choices[0] if plan.choices else plan.left_alone[0].choice
        call.outcome.provider, call.outcome.model = first.target.provider, first.target.model
        return plan

    async def _enter(self, call: Call, request: Request, opened: Account | None = None) -> Account:
        """Open a call's account and enter the gateway's room. Raise `QuotaExceeded` or `GatewayOverloaded`."""
        account = opened or await self._accounts.open(call, request)
        if not self._room.try_enter():
            try:
                await self._wait_for_room(call)
            except BaseException:
                account.close()
                raise
        return account

    def _leave(self, account: Account) -> None:
        self._room.leave()
        account.close()

    async def _open_together(self, call: Call, asked: Sequence[tuple[Call, Generation]]) -> Sequence[Account | None]:
        """Open the accounts of a comparison's calls, and reserve their first attempts, all or none.

        A call that cannot be made at all has none: it finds out itself, and tells.
        """
        if self._accounts.are_unlimited:
            return [None] * len(asked)
        opened: list[Account | None] = []
        firsts = []
        try:
            for own, request in asked:
                account, first = await self._open_first(own, request)
                opened.append(account)
                if account is not None and first is not None:
                    firsts.append((account, first))
            await self._accounts.reserve_together(firsts, call, "models")
        except BaseException:
            for account in opened:
                if account is not None:
                    account.close()
            raise
        return opened

    async def _open_first(self, call: Call, request: Generation) -> tuple[Account | None, Asked | None]:
        """Open a call's account, and tell where its first attempt goes; None where it cannot be made."""
        try:
            plan = self._plan(call, request)
            account = await self._accounts.open(call, request)
        except errors.CallError:
            return None, None
        return account, self._attempts.first_of(plan)

    async def _wait_for_room(self, call: Call) -> None:
        """Wait until the call may run, in turn with other keys; raise `GatewayOverloaded` where that takes too long."""
        principal = call.principal
        await self._room.enter(principal.name, principal.weight, call.deadline_s)

    def _ask(self, call: Call, request: Request) -> Ask:
        call.outcome.requested_model = request.model
        name, sort = self._suffixes.read(request.model) if ":" in request.model else (request.model, "")
        principal = call.principal
        return Ask(name, request, principal, lambda model: may_use(principal, model), sort)

    def _may_list(self, call: Call, name: str) -> bool:
        """Whether the caller may use a name: by that name, or because it may use a target behind it."""
        principal = call.principal
        return may_use(principal, name) or any(
            may_use(principal, target.id) for target in self._table.targets.get(name, ())
        )

    def _inform(self, call: Call, plan: Plan, request: Generation, account: Account, events: Events) -> None:
        """Add what the gateway knows to the first and to the last event."""
        if events[0].HasField("started"):
            self._describe(call, events[0].started.call)
            account.describe_rates(events[0].started.call)
        if events[-1].HasField("finished"):
            finished = events[-1].finished
            self._account(call, plan, request, account, finished.call, finished.usage)

    def _account(
        self,
        call: Call,
        plan: Plan,
        request: Request,
        account: Account,
        info: call_pb2.CallInfo,
        usage: usage_pb2.Usage,
    ) -> None:
        """Add attempts, latencies and cost to an answer, and keep the usage for the call's log and metrics."""
        self._describe(call, info)
        account.describe_rates(info)
        self._warn_of_options(plan, request, info)
        info.attempts.extend(call.outcome.attempts)
        spent_s = self._clock() - call.accepted_s - call.outcome.waited_s
        set_duration(info.gateway_latency, max(spent_s, 0.0))
        if call.outcome.first_content_s is not None:
            set_duration(info.first_content_latency, call.outcome.first_content_s)
        call.outcome.usage = usage

    def _describe(self, call: Call, info: call_pb2.CallInfo) -> None:
        info.call_id = call.id
        create_time = info.create_time
        create_time.seconds, create_time.nanos = divmod(call.accepted_at_ns, NANOS_PER_S)
        info.provider = call.outcome.provider
        if not info.model:
            info.model = call.outcome.model
        info.cache.status = cache_pb2.CACHE_STATUS_BYPASS

    def _warn_of_options(self, plan: Plan, request: Request, info: call_pb2.CallInfo) -> None:
        """Say which provider options no target reads."""
        for dialect in request.provider_options_json:
            providers = {choice.target.provider for choice in plan.choices}
            if not any(self._upstreams[provider].reads_options(dialect) for provider in providers):
                field = f'provider_options_json["{dialect[:64]}"]'
                info.warnings.add(field=field, description="No target speaks this dialect: the options were not sent.")


def refuse(violations: Sequence[errors.FieldViolation]) -> None:
    """Raise `InvalidField` if anything is wrong."""
    if violations:
        raise errors.InvalidField(violations)


def under(path: str, violations: Sequence[errors.FieldViolation]) -> list[errors.FieldViolation]:
    """Return violations of a message as those of the one that holds it at `path`."""
    return [errors.FieldViolation(f"{path}.{wrong.field}", wrong.description) for wrong in violations]


def check_cache(request: Cacheable) -> None:
    """Without a cache every policy is a bypass, but one that forbids to go upstream."""
    if request.HasField("cache_policy") and request.cache_policy.mode == cache_pb2.CachePolicy.MODE_CACHED_ONLY:
        raise errors.CacheMiss("The request allows a cached answer only, and there is none. Allow another mode.")


def read_page_token(token: str) -> str:
    """Return the id after which the page begins; raise `InvalidField` for a token that is not ours."""
    if not token:
        return ""
    try:
        text = base64.b64decode(token, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        text = ""
    if not text.startswith(PAGE_TOKEN_PREFIX):
        raise errors.InvalidField([errors.FieldViolation("page_token", "is not one that ListModels returned")])
    return text.removeprefix(PAGE_TOKEN_PREFIX)


def write_page_token(last_id: str) -> str:
    """Return the token of the page after `last_id`."""
    return base64.b64encode((PAGE_TOKEN_PREFIX + last_id).encode(), altchars=b"-_").decode()
