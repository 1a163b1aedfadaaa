"""What a stream's failure means before and after its first content, and what is written down of each try."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest
from llmgateway.v1 import (
    call_pb2,
    embedding_pb2,
    error_reason_pb2,
    generation_pb2,
    message_pb2,
    model_pb2,
    stream_pb2,
    usage_pb2,
)
from llmgateway_server import errors
from llmgateway_server.attempts.attempts import Attempts, Events
from llmgateway_server.call import Call, Principal
from llmgateway_server.routing.plan import Target
from llmgateway_server.upstream.upstream import AttemptState

Event = stream_pb2.GenerationEvent
TARGET = Target("local", "m")
REQUEST = generation_pb2.GenerateRequest(
    messages=[message_pb2.ChatMessage(role=message_pb2.ROLE_USER, parts=[message_pb2.Part(text="x" * 40)])]
)

STARTED = Event(started=stream_pb2.GenerationStarted())
OPENED = Event(part_started=stream_pb2.PartStarted(part=message_pb2.Part(text="")))
CLOSED = Event(part_finished=stream_pb2.PartFinished())
DONE = Event(candidate_finished=stream_pb2.CandidateFinished(finish_reason=generation_pb2.FINISH_REASON_STOP))
FINISHED = Event(finished=stream_pb2.GenerationFinished())


def delta(text: str) -> Event:
    return Event(part_delta=stream_pb2.PartDelta(text=text))


class Scripted:
    """An upstream that plays lists of events, then raises."""

    name = "local"
    dialect = "openai"

    def __init__(self, *script: Events | errors.CallError) -> None:
        self.script = script
        self.closed = False

    async def generate(
        self, request: generation_pb2.GenerateRequest, model: str, state: AttemptState
    ) -> generation_pb2.GenerateResponse:
        state.http_status, state.waited_s = 200, 2.0
        state.warnings.append(call_pb2.Warning(field="sampling.top_k"))
        for step in self.script:
            if isinstance(step, errors.CallError):
                raise step
        part = message_pb2.Part(text="y" * 8)
        message = message_pb2.ChatMessage(role=message_pb2.ROLE_ASSISTANT, parts=[part])
        return generation_pb2.GenerateResponse(candidates=[generation_pb2.Candidate(message=message)])

    async def stream(
        self, request: generation_pb2.GenerateRequest, model: str, state: AttemptState
    ) -> AsyncGenerator[Events, None]:
        state.http_status = 200
        try:
            for step in self.script:
                if isinstance(step, errors.CallError):
                    raise step
                copies = [Event() for _ in step]
                for copy, event in zip(copies, step, strict=True):
                    copy.CopyFrom(event)
                yield copies
        finally:
            self.closed = True

    async def embed(
        self, request: embedding_pb2.EmbedRequest, model: str, state: AttemptState
    ) -> embedding_pb2.EmbedResponse:
        return embedding_pb2.EmbedResponse()

    async def list_models(self) -> list[model_pb2.Model]:
        return []

    async def close(self) -> None:
        return


def new_call() -> Call:
    return Call("call_1", "StreamGenerate", Principal("ci"), accepted_s=0.0, accepted_at_ns=0, deadline_s=600.0)


class Ticks:
    """A clock that moves by a second each time it is read."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        self.now_s += 1.0
        return self.now_s


async def collect(call: Call, upstream: Scripted) -> list[Events]:
    return [events async for events in Attempts(Ticks()).stream(call, REQUEST, TARGET, upstream)]


async def test_events_before_content_are_held_and_go_out_with_it() -> None:
    call = new_call()
    lists = await collect(call, Scripted([STARTED], [OPENED], [delta("a")], [delta("b"), CLOSED], [DONE, FINISHED]))
    kinds = [[event.WhichOneof("event") for event in events] for events in lists]
    assert kinds == [
        ["started", "part_started", "part_delta"],
        ["part_delta", "part_finished"],
        ["candidate_finished", "finished"],
    ]
    assert call.outcome.first_content_s is not None
    assert [attempt.model for attempt in call.outcome.attempts] == ["m"]


async def test_an_empty_answer_commits_with_its_end() -> None:
    assert len(await collect(new_call(), Scripted([STARTED], [DONE], [FINISHED]))) == 1


async def test_a_failure_before_content_is_itself() -> None:
    failing = errors.ProviderOverloaded("busy", retry_after_s=3)
    with pytest.raises(errors.ProviderOverloaded) as caught:
        await collect(new_call(), Scripted([STARTED, OPENED], failing))
    assert not caught.value.started
    assert caught.value.retry_after_s == 3
    assert [attempt.error_reason for attempt in caught.value.attempts] == [
        error_reason_pb2.ERROR_REASON_PROVIDER_OVERLOADED
    ]


@pytest.mark.parametrize(
    "failing", [errors.ProviderBadResponse("cut"), errors.ProviderOverloaded("busy"), errors.ProviderRateLimited("x")]
)
async def test_a_failure_after_content_breaks_the_stream_and_is_accounted(failing: errors.CallError) -> None:
    with pytest.raises(errors.StreamBroken) as caught:
        await collect(new_call(), Scripted([STARTED, OPENED, delta("x" * 40)], failing))
    error = caught.value
    assert error.started
    assert error.attempts[0].error_reason == failing.reason
    assert error.usage is not None
    assert (error.usage.output_token_count, error.usage.source) == (10, usage_pb2.Usage.SOURCE_COUNTED)


@pytest.mark.parametrize("failing", [errors.EventGapTimeout("slow"), errors.TotalTimeout("slow")])
async def test_a_time_out_after_content_stays_one(failing: errors.CallError) -> None:
    with pytest.raises(type(failing)) as caught:
        await collect(new_call(), Scripted([STARTED, OPENED, delta("x")], failing))
    assert caught.value.started


async def test_a_stream_without_its_end_is_never_a_success() -> None:
    with pytest.raises(errors.StreamBroken):
        await collect(new_call(), Scripted([STARTED, OPENED, delta("x")]))
    with pytest.raises(errors.ProviderBadResponse):
        await collect(new_call(), Scripted([STARTED]))


async def test_usage_that_never_came_is_counted() -> None:
    lists = await collect(new_call(), Scripted([STARTED, OPENED, delta("x" * 40)], [CLOSED, DONE, FINISHED]))
    usage = lists[-1][-1].finished.usage
    assert (usage.input_token_count, usage.output_token_count) == (14, 10)
    assert usage.source == usage_pb2.Usage.SOURCE_COUNTED


async def test_usage_that_came_is_kept_even_if_zero() -> None:
    finished = Event(
        finished=stream_pb2.GenerationFinished(usage=usage_pb2.Usage(source=usage_pb2.Usage.SOURCE_PROVIDER))
    )
    lists = await collect(new_call(), Scripted([STARTED, OPENED, delta("x")], [CLOSED, DONE, finished]))
    assert lists[-1][-1].finished.usage.output_token_count == 0


async def test_a_reader_that_leaves_closes_the_upstream_and_the_try_is_noted() -> None:
    call, upstream = new_call(), Scripted([STARTED, OPENED, delta("x")], [CLOSED, DONE, FINISHED])
    stream = Attempts(Ticks()).stream(call, REQUEST, TARGET, upstream)
    await anext(stream)
    await stream.aclose()
    assert upstream.closed
    assert len(call.outcome.attempts) == 1


async def test_a_whole_answer_brings_warnings_and_a_counted_usage() -> None:
    call = new_call()
    response = await Attempts(Ticks()).generate(call, REQUEST, TARGET, Scripted())
    assert [warning.field for warning in response.call.warnings] == ["sampling.top_k"]
    assert (response.usage.input_token_count, response.usage.output_token_count) == (14, 2)
    assert (call.outcome.waited_s, call.outcome.attempts[0].http_status) == (2.0, 200)


async def test_a_whole_answer_that_fails_shows_its_try() -> None:
    with pytest.raises(errors.ProviderUnreachable) as caught:
        await Attempts(Ticks()).generate(new_call(), REQUEST, TARGET, Scripted(errors.ProviderUnreachable("gone")))
    assert caught.value.attempts[0].error_reason == error_reason_pb2.ERROR_REASON_PROVIDER_UNREACHABLE
