"""The path of a call, from top to bottom.

    validate → resolve → authorise → attempt → account

Each method is one RPC of the contract. Whatever refuses a call raises a leaf of `errors`; the rim around the
pipeline turns it into a status, and has authenticated and admitted the call before.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing

from llmgateway.v1 import (
    cache_pb2,
    call_pb2,
    count_tokens_pb2,
    embedding_pb2,
    generation_pb2,
    model_pb2,
    rerank_pb2,
    stream_pb2,
    usage_pb2,
)

from llmgateway_server import errors, tokens
from llmgateway_server.attempts.attempts import Attempts, Events
from llmgateway_server.auth.policy import may_use
from llmgateway_server.call import NANOS_PER_S, Call, set_duration
from llmgateway_server.config.settings import LimitSettings
from llmgateway_server.dialects.options import other_models
from llmgateway_server.heartbeat import with_heartbeats
from llmgateway_server.routing.capabilities import CapabilityCheck
from llmgateway_server.routing.directory import ModelDirectory
from llmgateway_server.routing.plan import RouteTable, Target, check_preferences
from llmgateway_server.upstream.upstream import Upstream
from llmgateway_server.validation.requests import (
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
Billable = Cacheable | rerank_pb2.RerankRequest
Prices = Callable[[Target, usage_pb2.Usage], int | None]


class Pipeline:
    """Runs every call. `price` gives the cost of a usage in 1e-9 US dollars, None where no price is known."""

    def __init__(
        self,
        limits: LimitSettings,
        table: RouteTable,
        upstreams: Mapping[str, Upstream],
        attempts: Attempts,
        directory: ModelDirectory,
        capabilities: CapabilityCheck,
        price: Prices,
        clock: Callable[[], float],
    ) -> None:
        self._limits = limits
        self._table = table
        self._upstreams = upstreams
        self._attempts = attempts
        self._directory = directory
        self._capabilities = capabilities
        self._price = price
        self._clock = clock

    async def generate(self, call: Call, request: Generation) -> generation_pb2.GenerateResponse:
        refuse(validate_generate(request, self._limits))
        target = self._resolve(call, request.model)
        check_preferences(target, request)
        check_cache(request)
        request, dropped = self._capabilities.fit(request, target)
        upstream = self._upstreams[target.provider]
        self._check_other_models(call, target, request, upstream)
        response = await self._attempts.generate(call, request, target, upstream)
        response.call.warnings.extend(dropped)
        warn_of_options(response.call, request, upstream)
        self._account(call, target, response.call, response.usage)
        return response

    async def stream_generate(
        self, call: Call, request: Generation
    ) -> AsyncGenerator[stream_pb2.StreamGenerateResponse, None]:
        refuse(validate_generate(request, self._limits))
        target = self._resolve(call, request.model)
        check_preferences(target, request)
        check_cache(request)
        request, dropped = self._capabilities.fit(request, target)
        upstream = self._upstreams[target.provider]
        self._check_other_models(call, target, request, upstream)
        stream = self._attempts.stream(call, request, target, upstream)
        if request.HasField("heartbeat_interval"):
            stream = with_heartbeats(stream, request.heartbeat_interval.ToTimedelta().total_seconds())
        sequence_number = 0
        async with aclosing(stream):
            async for events in stream:
                if events[0].HasField("heartbeat"):
                    yield stream_pb2.StreamGenerateResponse(events=events)
                    continue
                for event in events:
                    sequence_number += 1
                    event.sequence_number = sequence_number
                if dropped:
                    add_warnings(events, dropped)
                self._inform(call, request, target, upstream, events)
                yield stream_pb2.StreamGenerateResponse(events=events)

    async def embed(self, call: Call, request: embedding_pb2.EmbedRequest) -> embedding_pb2.EmbedResponse:
        refuse(validate_embed(request, self._limits))
        target = self._resolve(call, request.model)
        check_cache(request)
        upstream = self._upstreams[target.provider]
        self._check_other_models(call, target, request, upstream)
        response = await self._attempts.embed(call, request, target, upstream)
        warn_of_options(response.call, request, upstream)
        self._account(call, target, response.call, response.usage)
        return response

    async def rerank(self, call: Call, request: rerank_pb2.RerankRequest) -> rerank_pb2.RerankResponse:
        refuse(validate_rerank(request, self._limits))
        target = self._resolve(call, request.model)
        upstream = self._upstreams[target.provider]
        response = await self._attempts.rerank(call, request, target, upstream)
        warn_of_options(response.call, request, upstream)
        self._account(call, target, response.call, response.usage)
        return response

    async def count_tokens(
        self, call: Call, request: count_tokens_pb2.CountTokensRequest
    ) -> count_tokens_pb2.CountTokensResponse:
        violations = validate_generate(request.generation, self._limits)
        refuse([errors.FieldViolation(f"generation.{wrong.field}", wrong.description) for wrong in violations])
        target = self._resolve(call, request.generation.model)
        upstream = self._upstreams[target.provider]
        counted = await self._attempts.count_tokens(call, request.generation, target, upstream)
        response = count_tokens_pb2.CountTokensResponse(
            input_token_count=tokens.estimate_generation(request.generation) if counted is None else counted,
            exact=counted is not None,
        )
        self._describe(call, target, response.call)
        response.call.attempts.extend(call.outcome.attempts)
        return response

    async def get_model(self, call: Call, request: model_pb2.GetModelRequest) -> model_pb2.GetModelResponse:
        refuse([errors.FieldViolation("id", "is required")] if not request.id else [])
        self._resolve(call, request.id)
        return model_pb2.GetModelResponse(model=await self._directory.get_model(request.id))

    async def list_models(self, call: Call, request: model_pb2.ListModelsRequest) -> model_pb2.ListModelsResponse:
        refuse(validate_list_models(request))
        after = read_page_token(request.page_token)
        size = min(request.page_size or DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE)
        models = [
            model
            for model in await self._directory.list_models()
            if model.id > after and self._may_use(call, model.id, self._table.routes.get(model.id))
        ]
        page = models[:size]
        token = write_page_token(page[-1].id) if len(models) > size else ""
        return model_pb2.ListModelsResponse(models=page, next_page_token=token)

    def _resolve(self, call: Call, name: str) -> Target:
        """Return the target behind a name that the caller may use."""
        call.outcome.requested_model = name
        target = self._table.resolve(name)
        if not self._may_use(call, name, target):
            raise not_allowed(call, name)
        call.outcome.provider, call.outcome.model = target.provider, target.model
        return target

    def _may_use(self, call: Call, name: str, target: Target | None) -> bool:
        """Whether the caller may use a name: by that name, or because it may use the target behind it."""
        principal = call.principal
        return may_use(principal, name) or (target is not None and may_use(principal, target.id))

    def _check_other_models(self, call: Call, target: Target, request: Cacheable, upstream: Upstream) -> None:
        """Refuse options that reach models of the same provider which the caller may not use."""
        for model in other_models(request.provider_options_json, upstream.dialect):
            other = Target(target.provider, model)
            if not may_use(call.principal, other.id):
                raise not_allowed(call, other.id)

    def _inform(self, call: Call, request: Generation, target: Target, upstream: Upstream, events: Events) -> None:
        """Add what the gateway knows to the first and to the last event."""
        if events[0].HasField("started"):
            self._describe(call, target, events[0].started.call)
        if events[-1].HasField("finished"):
            finished = events[-1].finished
            warn_of_options(finished.call, request, upstream)
            self._account(call, target, finished.call, finished.usage)

    def _account(self, call: Call, target: Target, info: call_pb2.CallInfo, usage: usage_pb2.Usage) -> None:
        """Add attempts, latencies and cost to an answer, and keep the usage for the call's log and metrics."""
        self._describe(call, target, info)
        info.attempts.extend(call.outcome.attempts)
        spent_s = self._clock() - call.accepted_s - call.outcome.waited_s
        set_duration(info.gateway_latency, max(spent_s, 0.0))
        if call.outcome.first_content_s is not None:
            set_duration(info.first_content_latency, call.outcome.first_content_s)
        if not usage.HasField("cost_usd_nanos"):
            cost_usd_nanos = self._price(target, usage)
            if cost_usd_nanos is not None:
                usage.cost_usd_nanos = cost_usd_nanos
        call.outcome.usage = usage

    def _describe(self, call: Call, target: Target, info: call_pb2.CallInfo) -> None:
        info.call_id = call.id
        create_time = info.create_time
        create_time.seconds, create_time.nanos = divmod(call.accepted_at_ns, NANOS_PER_S)
        info.provider = target.provider
        if not info.model:
            info.model = target.model
        info.cache.status = cache_pb2.CACHE_STATUS_BYPASS


def add_warnings(events: Events, warnings: Sequence[call_pb2.Warning]) -> None:
    """Say in the first and in the last event of a stream what was left out of its request."""
    if events[0].HasField("started"):
        events[0].started.call.warnings.extend(warnings)
    if events[-1].HasField("finished"):
        events[-1].finished.call.warnings.extend(warnings)


def refuse(violations: Sequence[errors.FieldViolation]) -> None:
    """Raise `InvalidField` if anything is wrong."""
    if violations:
        raise errors.InvalidField(violations)


def not_allowed(call: Call, name: str) -> errors.ModelNotAllowed:
    """Return the refusal of a model that the caller may not use."""
    return errors.ModelNotAllowed(
        f"The key {call.principal.name!r} may not use {name[:100]!r}. Ask for a model that it may use, "
        "or have the key's `models` extended.",
        metadata={"model": name[:200]},
    )


def check_cache(request: Cacheable) -> None:
    """Without a cache every policy is a bypass, but one that forbids to go upstream."""
    if request.HasField("cache_policy") and request.cache_policy.mode == cache_pb2.CachePolicy.MODE_CACHED_ONLY:
        raise errors.CacheMiss("The request allows a cached answer only, and there is none. Allow another mode.")


def warn_of_options(info: call_pb2.CallInfo, request: Billable, upstream: Upstream) -> None:
    """Say which provider options reached nobody."""
    for dialect in request.provider_options_json:
        if not upstream.reads_options(dialect):
            field = f'provider_options_json["{dialect[:64]}"]'
            info.warnings.add(field=field, description="No target speaks this dialect: the options were not sent.")


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
