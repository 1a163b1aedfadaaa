"""Another gateway behind this one, over gRPC: the contract in, the same contract out.

Nothing is translated, so nothing can be lost. What belongs to one gateway's own view of a call (its id, attempts,
latencies) is left out of its answers: this gateway tells its own.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, TypeVar
from urllib.parse import urlsplit

import grpc
from llmgateway.channel import open_channel
from llmgateway.errors import GatewayError, error_from_rpc
from llmgateway.v1 import (
    call_pb2,
    count_tokens_pb2,
    embedding_pb2,
    gateway_pb2_grpc,
    generation_pb2,
    model_pb2,
    rerank_pb2,
    stream_pb2,
)

from llmgateway_server import errors
from llmgateway_server.config.resilience import TimeoutSettings
from llmgateway_server.errors import Reason
from llmgateway_server.upstream.http_upstream import LIST_MODELS_TIMEOUT_S, StreamTimer
from llmgateway_server.upstream.upstream import AttemptState

Metadata = tuple[tuple[str, str], ...]

DIALECT = "llmgateway"
MODELS_A_PAGE = 1000
# The attempts above retry, with what they know of keys, targets and budgets.
NO_RETRIES = [("grpc.enable_retries", 0)]

EOF: Any = grpc.aio.EOF  # type: ignore[attr-defined]  # absent from the published stubs
T = TypeVar("T")
Request = TypeVar("Request", generation_pb2.GenerateRequest, embedding_pb2.EmbedRequest, rerank_pb2.RerankRequest)

# What the other gateway's reasons mean here. A reason that is not here keeps its meaning, if it is one of a target's.
OTHERS: Mapping[int, type[errors.CallError]] = {
    Reason.ERROR_REASON_API_KEY_INVALID: errors.ProviderKeyRejected,
    Reason.ERROR_REASON_MODEL_NOT_ALLOWED: errors.ProviderKeyRejected,
    Reason.ERROR_REASON_PERMISSION_MISSING: errors.ProviderKeyRejected,
    Reason.ERROR_REASON_BUDGET_EXCEEDED: errors.ProviderKeyRejected,
    Reason.ERROR_REASON_QUOTA_EXCEEDED: errors.ProviderRateLimited,
    Reason.ERROR_REASON_GATEWAY_OVERLOADED: errors.ProviderRateLimited,
    Reason.ERROR_REASON_SHUTTING_DOWN: errors.ProviderOverloaded,
    Reason.ERROR_REASON_REQUEST_TOO_LARGE: errors.ProviderRejectedRequest,
    Reason.ERROR_REASON_GUARD_BLOCKED: errors.ContentFiltered,
}
KEPT: Mapping[int, type[errors.CallError]] = {
    leaf.reason: leaf
    for leaf in (
        errors.ContextTooLong,
        errors.ContentFiltered,
        errors.ProviderRejectedRequest,
        errors.ModelNotFound,
        errors.CacheMiss,
        errors.CapabilityMissing,
        errors.ProviderRateLimited,
        errors.ProviderOverloaded,
        errors.ProviderUnreachable,
        errors.ProviderKeyRejected,
        errors.ConnectTimeout,
        errors.FirstContentTimeout,
        errors.EventGapTimeout,
        errors.TotalTimeout,
    )
}
BY_CODE: Mapping[grpc.StatusCode, type[errors.CallError]] = {
    grpc.StatusCode.UNAVAILABLE: errors.ProviderUnreachable,
    grpc.StatusCode.DEADLINE_EXCEEDED: errors.TotalTimeout,
    grpc.StatusCode.UNAUTHENTICATED: errors.ProviderKeyRejected,
    grpc.StatusCode.INVALID_ARGUMENT: errors.ProviderRejectedRequest,
}


class GatewayUpstream:
    """`Upstream` over gRPC. `base_url` is `http://host:port`, or `https://host:port` with TLS.

    `clock` is monotonic, in seconds. Which of the keys an attempt uses is said by its state.
    """

    def __init__(
        self, name: str, base_url: str, keys: Sequence[str], timeouts: TimeoutSettings, clock: Callable[[], float]
    ) -> None:
        self.name = name
        self.dialect = DIALECT
        parts = urlsplit(base_url)
        self._channel = open_channel(parts.netloc, tls=parts.scheme == "https", options=NO_RETRIES)
        self._stub: gateway_pb2_grpc.LLMGatewayAsyncStub = gateway_pb2_grpc.LLMGatewayStub(self._channel)
        self._keys: list[Metadata] = [(("authorization", f"Bearer {key}"),) for key in keys] or [()]
        self.key_count = len(self._keys)
        self._timeouts = timeouts
        self._clock = clock

    async def generate(
        self, request: generation_pb2.GenerateRequest, model: str, state: AttemptState
    ) -> generation_pb2.GenerateResponse:
        response = await self._call(self._stub.Generate, passed_on(request, model), state)
        forget(response.call)
        return response

    async def embed(
        self, request: embedding_pb2.EmbedRequest, model: str, state: AttemptState
    ) -> embedding_pb2.EmbedResponse:
        response = await self._call(self._stub.Embed, passed_on(request, model), state)
        forget(response.call)
        return response

    async def rerank(
        self, request: rerank_pb2.RerankRequest, model: str, state: AttemptState
    ) -> rerank_pb2.RerankResponse:
        response = await self._call(self._stub.Rerank, passed_on(request, model), state)
        forget(response.call)
        return response

    async def count_tokens(
        self, request: generation_pb2.GenerateRequest, model: str, state: AttemptState
    ) -> int | None:
        asked = count_tokens_pb2.CountTokensRequest(generation=passed_on(request, model))
        counted = await self._call(self._stub.CountTokens, asked, state)
        return counted.input_token_count if counted.exact else None

    async def list_models(self) -> list[model_pb2.Model]:
        state = AttemptState(self._clock() + LIST_MODELS_TIMEOUT_S)
        models: list[model_pb2.Model] = []
        page = model_pb2.ListModelsRequest(page_size=MODELS_A_PAGE)
        while True:
            answer = await self._call(self._stub.ListModels, page, state)
            models += answer.models
            if not answer.next_page_token:
                return models
            page.page_token = answer.next_page_token

    def accepted_parameters(self, model: str) -> list[str]:  # noqa: ARG002  # the other gateway says it in its list
        return []

    def dialect_of(self, model: str) -> str:  # noqa: ARG002  # one for all
        return self.dialect

    def listed_name(self, model: str) -> str:
        return model

    def reads_options(self, dialect: str) -> bool:  # noqa: ARG002  # of whatever dialect: its own providers read them
        return True

    async def close(self) -> None:
        """Close the connections."""
        await self._channel.close(None)

    async def stream(
        self, request: generation_pb2.GenerateRequest, model: str, state: AttemptState
    ) -> AsyncGenerator[list[stream_pb2.GenerationEvent], None]:
        timer = StreamTimer(self.name, self._clock, state.timeouts or self._timeouts, state)
        asked = passed_on(request, model)
        asked.ClearField("heartbeat_interval")  # the pipeline beats itself
        state.dispatch()
        call = self._stub.StreamGenerate(asked, timeout=self._left_s(state), metadata=self._key_of(state))
        try:
            while (message := await timer.bound(self._read(call))) is not EOF:
                state.http_status = HTTPStatus.OK
                events = [event for event in message.events if not event.HasField("heartbeat")]
                for event in events:
                    if event.HasField("started"):
                        forget(event.started.call)
                    elif event.HasField("finished"):
                        forget(event.finished.call)
                if events:
                    timer.saw(events)
                    yield events
        finally:
            call.cancel()

    async def _read(self, call: Any) -> Any:  # Any: a stream of the stub, and its message or EOF
        try:
            return await call.read()
        except grpc.aio.AioRpcError as error:
            raise error_of(self.name, error_from_rpc(error)) from error

    async def _call(self, method: Callable[..., Awaitable[T]], request: object, state: AttemptState) -> T:
        state.dispatch()
        started_s = self._clock()
        try:
            answer = await method(request, timeout=self._left_s(state), metadata=self._key_of(state))
        except grpc.aio.AioRpcError as error:
            raise error_of(self.name, error_from_rpc(error)) from error
        finally:
            state.waited_s += self._clock() - started_s
        state.http_status = HTTPStatus.OK
        return answer

    def _key_of(self, state: AttemptState) -> Metadata:
        return self._keys[state.key_index % self.key_count]

    def _left_s(self, state: AttemptState) -> float:
        return max(state.deadline_s - self._clock(), 0.0)


def passed_on(request: Request, model: str) -> Request:
    """Return the request for the other gateway. Preferences among targets are about this one's."""
    asked = type(request)()
    asked.CopyFrom(request)
    asked.model = model
    if isinstance(asked, generation_pb2.GenerateRequest):
        asked.ClearField("routing")
    return asked


def forget(call: call_pb2.CallInfo) -> None:
    """Take out of an answer what is the other gateway's own view of the call. Its id stands in for a provider's."""
    call.provider_response_id = call.provider_response_id or call.call_id
    for field in (
        "call_id",
        "create_time",
        "provider",
        "cache",
        "attempts",
        "gateway_latency",
        "first_content_latency",
    ):
        call.ClearField(field)


def error_of(provider: str, error: GatewayError) -> errors.CallError:
    """Return what a failure of the other gateway means here."""
    if error.violations:
        return errors.InvalidField([errors.FieldViolation(field, text) for field, text in error.violations])
    leaf = OTHERS.get(error.reason) or KEPT.get(error.reason)
    if leaf is None:
        leaf = errors.ProviderBadResponse if error.reason else BY_CODE.get(error.code, errors.ProviderBadResponse)
    failure = leaf(
        f"{provider}, a gateway, says: {error.message}",
        metadata={**error.metadata, "provider": provider},
        retry_after_s=error.retry_after_s,
        provider_message=error.provider_message,
    )
    failure.usage = error.usage
    return failure
