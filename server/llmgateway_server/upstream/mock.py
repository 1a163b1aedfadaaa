"""The mock provider: plays what `dialects/mock` wrote, with real waits and real failures."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any

from llmgateway.fold import fold
from llmgateway.v1 import embedding_pb2, generation_pb2, model_pb2, rerank_pb2, stream_pb2, usage_pb2

from llmgateway_server import errors, tokens
from llmgateway_server.config.resilience import TimeoutSettings
from llmgateway_server.dialects.mock.answer import find_unserved
from llmgateway_server.dialects.mock.models import describe_model, find_model, make_models
from llmgateway_server.dialects.mock.options import Options, read_options
from llmgateway_server.dialects.mock.relevance import rerank_documents
from llmgateway_server.dialects.mock.script import Cast, Script, write_embed_script, write_script
from llmgateway_server.dialects.mock.timeline import replace_counts
from llmgateway_server.dialects.mock.vectors import embed_inputs
from llmgateway_server.dialects.parameters import accepted_parameters
from llmgateway_server.upstream.content import bears_content
from llmgateway_server.upstream.http_upstream import timed_out
from llmgateway_server.upstream.upstream import AttemptState

Sleep = Callable[[float], Awaitable[object]]

HTTP_OK = 200


def loop_time() -> float:
    """Return the running event loop's time, in seconds."""
    return asyncio.get_running_loop().time()


class MockUpstream:
    """`Upstream` without a provider.

    `script` is that of the configuration; a wrong one raises `OptionsError`. `sleep` and `clock` are the event
    loop's. `timeouts` bound streams as they would a real provider's.
    """

    dialect = "mock"
    key_count = 1

    def __init__(
        self,
        name: str,
        script: Mapping[str, Any] | None = None,  # any JSON object
        sleep: Sleep = asyncio.sleep,
        *,
        clock: Callable[[], float] = loop_time,
        timeouts: TimeoutSettings | None = None,
    ) -> None:
        self.name = name
        self._options = read_options(script) if script is not None else Options()
        self._sleep = sleep
        self._clock = clock
        self._timeouts = timeouts or TimeoutSettings()
        self._models = make_models()

    async def generate(
        self, request: generation_pb2.GenerateRequest, model: str, state: AttemptState
    ) -> generation_pb2.GenerateResponse:
        self._note_rehearsal(state)
        script = write_script(request, self._cast(model))
        state.warnings.extend(script.warnings)
        state.dispatch()
        waits = Waits(self.name, self._sleep, self._clock, state)
        events: list[stream_pb2.GenerationEvent] = []
        for step in script.steps:
            await waits.wait(step.wait_s)
            events += step.events
        end_attempt(script, state)
        return fold(events)

    async def stream(
        self, request: generation_pb2.GenerateRequest, model: str, state: AttemptState
    ) -> AsyncGenerator[list[stream_pb2.GenerationEvent], None]:
        self._note_rehearsal(state)
        script = write_script(request, self._cast(model))
        state.warnings.extend(script.warnings)
        state.dispatch()
        waits = Waits(self.name, self._sleep, self._clock, state)
        timeouts = state.timeouts or self._timeouts
        if not state.waits_long:
            waits.limit(errors.FirstContentTimeout, timeouts.first_content_s)
        has_content = False
        for step in script.steps:
            await waits.wait(step.wait_s)
            if not step.events:
                continue
            state.http_status = HTTP_OK
            has_content = has_content or any(map(bears_content, step.events))
            yield list(step.events)
            if has_content:
                # From now, not from before the yield: the caller's own time is not the provider's silence.
                waits.limit(errors.EventGapTimeout, timeouts.gap_s)
        end_attempt(script, state)

    async def embed(
        self, request: embedding_pb2.EmbedRequest, model: str, state: AttemptState
    ) -> embedding_pb2.EmbedResponse:
        self._note_rehearsal(state)
        script, options = write_embed_script(request, self._cast(model))
        state.dispatch()
        waits = Waits(self.name, self._sleep, self._clock, state)
        for step in script.steps:
            await waits.wait(step.wait_s)
        end_attempt(script, state)
        response = embedding_pb2.EmbedResponse(embeddings=embed_inputs(request))
        response.call.provider, response.call.model = self.name, model
        if options.usage is not None:
            usage = response.usage
            usage.input_token_count = tokens.estimate_embedding(request)
            usage.source = usage_pb2.Usage.SOURCE_PROVIDER
            replace_counts(usage, options.usage)
        return response

    async def rerank(
        self, request: rerank_pb2.RerankRequest, model: str, state: AttemptState
    ) -> rerank_pb2.RerankResponse:
        self._cast(model)  # an unknown model is refused
        state.dispatch()
        state.http_status = HTTPStatus.OK
        response = rerank_pb2.RerankResponse(results=rerank_documents(request))
        response.call.provider, response.call.model = self.name, model
        response.usage.input_token_count = tokens.estimate_rerank(request)
        response.usage.source = usage_pb2.Usage.SOURCE_PROVIDER
        return response

    async def count_tokens(
        self, request: generation_pb2.GenerateRequest, model: str, state: AttemptState
    ) -> int | None:
        self._cast(model)  # an unknown model is refused
        state.dispatch()
        state.http_status = HTTPStatus.OK
        return tokens.estimate_generation(request)

    async def list_models(self) -> list[model_pb2.Model]:
        return [describe_model(name, model) for name, model in self._models.items()]

    def dialect_of(self, model: str) -> str:  # noqa: ARG002  # one for all
        return self.dialect

    def listed_name(self, model: str) -> str:
        return model

    def reads_options(self, dialect: str) -> bool:
        return dialect == self.dialect

    def accepted_parameters(self, model: str) -> list[str]:  # noqa: ARG002  # all play alike
        return accepted_parameters(lambda request: None if find_unserved(request) else request.SerializeToString())

    async def close(self) -> None:
        """Nothing is held."""

    def _note_rehearsal(self, state: AttemptState) -> None:
        """Say that what goes wrong was asked for, by the call or by the model's name: unless the configuration did."""
        state.is_rehearsed = self._options.error is None and self._options.cut_after_token_count is None

    def _cast(self, model: str) -> Cast:
        return Cast(self.name, model, find_model(self._models, self.name, model), self._options)


def end_attempt(script: Script, state: AttemptState) -> None:
    """Note the provider's HTTP status; raise the script's failure."""
    if script.failure is None:
        state.http_status = HTTP_OK
        return
    state.http_status = state.http_status or script.failure.http_status
    raise script.failure


class Waits:
    """The waits of one attempt, none longer than its timer or its deadline allows.

    How long each wait will be is known, so nothing has to be cancelled: what would be late waits until its
    time is up and fails.
    """

    def __init__(self, provider: str, sleep: Sleep, clock: Callable[[], float], state: AttemptState) -> None:
        self._provider = provider
        self._sleep = sleep
        self._clock = clock
        self._state = state
        self._until_s = state.deadline_s
        self._timeout_s = state.deadline_s - clock()
        self._error: type[errors.CallError] = errors.TotalTimeout

    def limit(self, error: type[errors.CallError], timeout_s: float) -> None:
        """Let `error` bound what is waited for from now on, unless the deadline comes first."""
        until_s = self._clock() + timeout_s
        if until_s < self._state.deadline_s:
            self._error, self._timeout_s, self._until_s = error, timeout_s, until_s
        elif self._error is not errors.TotalTimeout:
            self._error, self._timeout_s, self._until_s = (
                errors.TotalTimeout,
                self._state.deadline_s - self._clock(),
                self._state.deadline_s,
            )

    async def wait(self, wait_s: float) -> None:
        """Wait so long; raise the error of the timer or the deadline where that comes first."""
        left_s = max(self._until_s - self._clock(), 0.0)
        if not wait_s and left_s:
            return
        started_s = self._clock()
        try:
            await self._sleep(min(wait_s, left_s))
        finally:
            self._state.waited_s += self._clock() - started_s
        if wait_s > left_s or not left_s:
            raise timed_out(self._error, self._provider, self._timeout_s)
