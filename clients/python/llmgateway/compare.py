"""Several models at once: what each writes as it is written, and how each ended."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from types import MappingProxyType, TracebackType
from typing import NamedTuple

import grpc

from llmgateway.errors import (
    UNSPECIFIED,
    Explain,
    GatewayError,
    Reason,
    StreamBrokenError,
    as_it_is,
    class_of,
    error_from_rpc,
)
from llmgateway.fold import Fold, GrammarError
from llmgateway.running import MessageCall, RunningCall
from llmgateway.stream import CONTENT
from llmgateway.v1 import compare_pb2, generation_pb2, stream_pb2

CODES: Mapping[int, grpc.StatusCode] = MappingProxyType({code.value[0]: code for code in grpc.StatusCode})


class ComparedModel:
    """One of the models that are compared: what it has written by now, and how it ended.

    `index` is its place among the models asked, `name` what it was asked by. `error` is why it failed, None if it has
    not; what came before a failure stays in `response`.
    """

    def __init__(self, index: int, name: str) -> None:
        self.index = index
        self.name = name
        self.error: GatewayError | None = None
        self.content_came = False
        self._fold = Fold()

    @property
    def response(self) -> generation_pb2.GenerateResponse:
        """What its events so far add up to: the whole answer once it has finished."""
        return self._fold.response

    @property
    def is_finished(self) -> bool:
        """Whether its last event has come: `response` is the whole answer."""
        return self._fold.is_finished

    @property
    def has_ended(self) -> bool:
        """Whether it has finished or failed: nothing more comes from it."""
        return self.is_finished or self.error is not None

    def result(self) -> generation_pb2.GenerateResponse:
        """Return the whole answer; raise why there is none."""
        if self.error is not None:
            raise self.error
        if not self.is_finished:
            raise RuntimeError(f"{self.name} has not finished: read the comparison to its end first.")
        return self.response

    def add(self, event: stream_pb2.GenerationEvent) -> None:
        """Add its next event; raise `GrammarError` where it has no place here."""
        self._fold.add(event)
        self.content_came = self.content_came or event.WhichOneof("event") in CONTENT


class ComparedEvent(NamedTuple):
    """What came next of one model: an event, or its failure, which has none and is the model's `error` from then on."""

    model: ComparedModel
    event: stream_pb2.GenerationEvent | None


class Comparison:
    """What several models write, event by event, each as it comes. Single use.

    It starts with `async with` or with the first event. Leaving the `async with` early cancels the call, and every
    provider stops working; so does dropping the last reference to it.

        async with client.compare("Hello", models=["mock/echo", "mock/lorem"]) as comparison:
            async for model, event in comparison:
                print(model.name, "failed" if event is None else event.WhichOneof("event"))
        for model in comparison.models:
            print(model.name, model.error or model.response.usage.output_token_count)

    That one model fails ends nothing for the others. What fails is raised only where it concerns them all: then it is
    the error of each that had not ended.
    """

    def __init__(
        self,
        start: Callable[[], MessageCall[compare_pb2.CompareResponse]],
        models: Sequence[str],
        explain: Explain = as_it_is,
    ) -> None:
        self.models = tuple(ComparedModel(index, name) for index, name in enumerate(models))
        self._call = RunningCall(start)
        self._explain = explain
        self._events: deque[ComparedEvent] = deque()

    async def __aenter__(self) -> Comparison:
        self._call.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Cancel the call unless it has ended. No event comes afterwards."""
        self._events.clear()
        self._call.close()

    def __aiter__(self) -> AsyncIterator[ComparedEvent]:
        return self

    async def __anext__(self) -> ComparedEvent:
        """Return what came next of any model; raise a `GatewayError` if the call as a whole fails."""
        if self._call.is_closed:
            raise RuntimeError("The comparison is closed: read it inside its `async with`.")
        while not self._events:
            message = await self._read()
            if message is None:
                raise StopAsyncIteration
            self._take(message)
        came = self._events.popleft()
        if came.event is not None:
            self._add(came.model, came.event)
        return came

    async def collect(self) -> tuple[ComparedModel, ...]:
        """Read to the end and return the models, each with its answer or its error."""
        async for _ in self:
            pass
        return self.models

    async def _read(self) -> compare_pb2.CompareResponse | None:
        """Return the next message, None at the end, once every model has ended."""
        try:
            return await self._call.read()
        except StopAsyncIteration:
            if not all(model.has_ended for model in self.models):
                raise self._fail(broken("The stream ended before every model had.")) from None
            return None
        except grpc.aio.AioRpcError as error:
            content_came = any(model.content_came for model in self.models)
            told = error_from_rpc(error, content_came=content_came)
            raise self._fail(await self._explain(told)) from error

    def _take(self, message: compare_pb2.CompareResponse) -> None:
        """Queue what a message holds; one of a kind that this client does not know holds nothing."""
        if not 0 <= message.model_index < len(self.models):
            raise self._make_no_sense(f"there is no model {message.model_index}")
        model = self.models[message.model_index]
        if model.has_ended:
            raise self._make_no_sense(f"{model.name} goes on after its end")
        if message.HasField("failure"):
            model.error = error_from_failure(message.failure, content_came=model.content_came)
            self._events.append(ComparedEvent(model, None))
        self._events.extend(ComparedEvent(model, event) for event in message.events.events)

    def _add(self, model: ComparedModel, event: stream_pb2.GenerationEvent) -> None:
        try:
            model.add(event)
        except GrammarError as error:
            raise self._make_no_sense(f"{model.name}: {error}") from error

    def _make_no_sense(self, what: str) -> GatewayError:
        self.close()
        return self._fail(broken(f"The stream makes no sense: {what}."))

    def _fail(self, error: GatewayError) -> GatewayError:
        """Make an error that of every model that has not ended."""
        for model in self.models:
            if not model.has_ended:
                model.error = error
        return error


def broken(message: str) -> StreamBrokenError:
    """Return the error of a stream that is not as the contract has it."""
    return StreamBrokenError(message, code=grpc.StatusCode.INTERNAL)


def error_from_failure(told: compare_pb2.CompareFailure, *, content_came: bool) -> GatewayError:
    """Return what the failure of one model means: the error that its own stream would have raised.

    `content_came` tells that content of this model has come.
    """
    failure = told.failure
    code = CODES.get(told.code, grpc.StatusCode.UNKNOWN)
    is_known = told.reason in Reason.values()
    started = failure.started or content_came
    raised = class_of(code, told.reason, started)
    return raised(
        told.message or code.name,
        code=code,
        reason=told.reason if is_known else Reason.ERROR_REASON_UNSPECIFIED,
        reason_name=Reason.Name(told.reason) if is_known else UNSPECIFIED,
        call_id=failure.call_id,
        started=started,
        attempts=failure.attempts,
        usage=failure.usage if failure.HasField("usage") else None,
        provider_message=failure.provider_message,
        quota_violations=failure.quota_violations,
    )
