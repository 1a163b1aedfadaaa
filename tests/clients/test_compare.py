"""Comparisons and explanations: events by model, what they add up to, errors of one model and of all, and leaving early."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from llmgateway import (
    AuthenticationError,
    Client,
    DeadlineExceededError,
    GatewayError,
    InvalidRequestError,
    NotFoundError,
    RateLimitedError,
    StreamBrokenError,
    UnavailableError,
    text_of,
)
from llmgateway.v1 import (
    call_pb2,
    compare_pb2,
    error_reason_pb2,
    explain_pb2,
    generation_pb2,
    message_pb2,
    stream_pb2,
    usage_pb2,
)

from tests.clients.scripted import (
    CLOSED,
    ENDED,
    FINISHED,
    OPENED,
    STARTED,
    WAIT_S,
    Context,
    Event,
    Scripted,
    Step,
    delta,
    fail,
    reason,
    whole,
)

Reason = error_reason_pb2.ErrorReason
Failure = compare_pb2.CompareFailure
# What a model sends, by its place; or what befalls the whole.
Row = tuple[int, Event | Failure] | Step


def of(index: int, *events: Any) -> list[Row]:
    return [(index, event) for event in events]


class Comparing(Scripted):
    """Answers `Compare` with the rows of `compared`, one message each."""

    def __init__(self) -> None:
        super().__init__()
        self.compared: list[Row] = [*of(0, *whole("Hello")), *of(1, *whole("Hi"))]

    async def Compare(self, request: Any, context: Context) -> AsyncIterator[compare_pb2.CompareResponse]:
        self.note(request, context)
        with self.watching():
            for row in self.compared:
                if not isinstance(row, tuple):
                    await row(context)
                    continue
                index, item = row
                if isinstance(item, Event):
                    events = stream_pb2.StreamGenerateResponse(events=[item])
                    yield compare_pb2.CompareResponse(model_index=index, events=events)
                else:
                    yield compare_pb2.CompareResponse(model_index=index, failure=item)

    async def ExplainRoute(self, request: Any, context: Context) -> explain_pb2.ExplainRouteResponse:
        self.note(request, context)
        return explain_pb2.ExplainRouteResponse(route="small", config_revision=3)


@pytest.fixture
def gateway() -> Comparing:
    return Comparing()


async def test_events_come_by_model_and_add_up(client: Client, gateway: Comparing) -> None:
    gateway.compared = [
        *of(0, STARTED, OPENED),
        *of(1, STARTED, OPENED, delta("H")),
        *of(0, delta("Hello")),
        *of(1, delta("i"), CLOSED, ENDED, FINISHED),
        *of(0, CLOSED, ENDED, FINISHED),
    ]
    pieces = []
    async with client.compare("Hi", models=["a", "b"]) as comparison:
        async for model, event in comparison:
            assert event is not None
            if event.HasField("part_delta"):
                pieces.append((model.name, event.part_delta.text))
            if event == FINISHED and model.name == "b":
                assert [model.is_finished for model in comparison.models] == [False, True]
                assert text_of(comparison.models[0].response) == "Hello"
    assert pieces == [("b", "H"), ("a", "Hello"), ("b", "i")]
    assert [(model.index, text_of(model.result())) for model in comparison.models] == [(0, "Hello"), (1, "Hi")]


async def test_a_prompt_becomes_one_request_for_all_models(client: Client, gateway: Comparing) -> None:
    await client.compare("Hi", models=["a", "b"], system="Be brief.", temperature=0.5).collect()
    await client.compare(generation_pb2.GenerateRequest(candidate_count=1), models=("a", "a")).collect()
    first, second = gateway.requests
    assert (list(first.models), list(second.models)) == (["a", "b"], ["a", "a"])
    assert [message.role for message in first.generation.messages] == [message_pb2.ROLE_SYSTEM, message_pb2.ROLE_USER]
    assert (first.generation.sampling.temperature, first.generation.model) == (0.5, "")
    assert second.generation == generation_pb2.GenerateRequest(candidate_count=1)


async def test_one_that_fails_is_typed_and_the_others_go_on(client: Client, gateway: Comparing) -> None:
    told = Failure(
        code=grpc.StatusCode.RESOURCE_EXHAUSTED.value[0],
        reason=Reason.ERROR_REASON_PROVIDER_RATE_LIMITED,
        message="Try later.",
        failure=call_pb2.CallFailure(
            call_id="call_1-0",
            attempts=[call_pb2.Attempt(provider="p", http_status=429)],
            usage=usage_pb2.Usage(input_token_count=4),
            provider_message="slow down",
        ),
    )
    gateway.compared = [*of(0, STARTED, told), *of(1, *whole("Hi"))]
    ends = []
    async with client.compare("Hi", models=["a", "b"]) as comparison:
        async for model, event in comparison:
            if event is None:
                assert model.error is not None
                ends.append(model.name)
    assert ends == ["a"]
    failed, good = comparison.models
    assert text_of(good.result()) == "Hi"
    error = failed.error
    assert isinstance(error, RateLimitedError)
    assert (error.code, error.message, error.call_id) == (
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        "Try later.",
        "call_1-0",
    )
    assert error.reason_name == "ERROR_REASON_PROVIDER_RATE_LIMITED"
    assert (list(error.attempts), error.usage) == (list(told.failure.attempts), told.failure.usage)
    assert (error.provider_message, error.started) == ("slow down", False)
    with pytest.raises(RateLimitedError):
        failed.result()


@pytest.mark.parametrize(
    ("code", "word", "started", "kind"),
    [
        (5, "MODEL_NOT_FOUND", False, NotFoundError),
        (3, "CONTEXT_TOO_LONG", False, InvalidRequestError),
        (14, "PROVIDER_UNREACHABLE", False, UnavailableError),
        (14, "STREAM_BROKEN", True, StreamBrokenError),
        (4, "EVENT_GAP_TIMEOUT", True, DeadlineExceededError),
        (13, "INTERNAL_ERROR", False, GatewayError),
    ],
)
async def test_the_failure_of_one_has_the_class_of_a_status(
    client: Client, gateway: Comparing, code: int, word: str, started: bool, kind: type[GatewayError]
) -> None:
    told = Failure(
        code=code, reason=Reason.Value(f"ERROR_REASON_{word}"), failure=call_pb2.CallFailure(started=started)
    )
    gateway.compared = [*of(0, told), *of(1, *whole("Hi"))]
    failed, _ = await client.compare("Hi", models=["a", "b"]).collect()
    assert type(failed.error) is kind
    assert failed.error.started is started


async def test_content_that_came_before_a_failure_stays_and_tells(client: Client, gateway: Comparing) -> None:
    gateway.compared = [*of(0, STARTED, OPENED, delta("Hel"), Failure(code=14)), *of(1, *whole("Hi"))]
    failed, _ = await client.compare("Hi", models=["a", "b"]).collect()
    assert text_of(failed.response) == "Hel"
    assert isinstance(failed.error, StreamBrokenError)
    assert failed.error.started


async def test_a_reason_newer_than_this_client_is_unspecified(client: Client, gateway: Comparing) -> None:
    unknown = Failure.FromString(b"\x08\x63\x10\xe7\x07")  # code 99, reason 999
    gateway.compared = [*of(0, unknown), *of(1, *whole("Hi"))]
    failed, _ = await client.compare("Hi", models=["a", "b"]).collect()
    assert failed.error is not None
    assert (failed.error.code, failed.error.reason) == (grpc.StatusCode.UNKNOWN, 0)


async def test_what_fails_for_all_is_raised_and_is_the_error_of_all_that_had_not_ended(
    client: Client, gateway: Comparing
) -> None:
    cut = fail(grpc.StatusCode.UNAVAILABLE)
    gateway.compared = [*of(0, *whole("Hello")), *of(1, STARTED, OPENED), cut]
    async with client.compare("Hi", models=["a", "b", "c"]) as comparison:
        with pytest.raises(StreamBrokenError) as caught:
            await comparison.collect()
    finished, begun, silent = comparison.models
    assert (finished.error, text_of(finished.result())) == (None, "Hello")
    assert begun.error is silent.error is caught.value


async def test_a_refusal_of_the_whole_is_raised_before_any_event(client: Client, gateway: Comparing) -> None:
    gateway.compared = [fail(grpc.StatusCode.UNAUTHENTICATED, reason("API_KEY_INVALID"))]
    with pytest.raises(AuthenticationError):
        await client.compare("Hi", models=["a", "b"]).collect()


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([*of(0, *whole("Hello")), *of(1, STARTED)], "before every model had"),
        ([*of(0, delta("lost"))], "part_delta"),
        ([*of(2, STARTED)], "no model 2"),
        ([*of(-1, STARTED)], "no model -1"),
        ([*of(0, Failure(code=14), STARTED)], "a goes on after its end"),
        ([*of(0, *whole("Hello"), Failure(code=14))], "a goes on after its end"),
    ],
)
async def test_what_makes_no_sense_is_no_success(
    client: Client, gateway: Comparing, rows: list[Row], says: str
) -> None:
    gateway.compared = rows if "before" in says else [*rows, gateway.wait]
    comparison = client.compare("Hi", models=["a", "b"])
    with pytest.raises(StreamBrokenError, match=says):
        await comparison.collect()
    assert all(model.has_ended for model in comparison.models)
    if "before" not in says:
        await asyncio.wait_for(gateway.left.wait(), WAIT_S)


async def test_messages_of_a_kind_unknown_to_this_client_are_skipped(client: Client, gateway: Comparing) -> None:
    gateway.compared = [*of(0, Event.FromString(b"\xfa\x3f\x02hi")), *gateway.compared]  # field 1023, bytes
    first, second = await client.compare("Hi", models=["a", "b"]).collect()
    assert (text_of(first.result()), text_of(second.result())) == ("Hello", "Hi")


async def test_nothing_is_sent_before_it_is_read(client: Client, gateway: Comparing) -> None:
    comparison = client.compare("Hi", models=["a", "b"])
    await client.explain("first", model="m")
    await comparison.collect()
    assert len(gateway.requests) == 2
    assert isinstance(gateway.requests[0], explain_pb2.ExplainRouteRequest)


async def test_leaving_early_cancels_the_call(client: Client, gateway: Comparing) -> None:
    gateway.compared = [*of(0, STARTED), gateway.wait]
    async with client.compare("Hi", models=["a", "b"]) as comparison:
        async for _ in comparison:
            break
    await asyncio.wait_for(gateway.left.wait(), WAIT_S)
    with pytest.raises(RuntimeError, match="closed"):
        await anext(comparison)
    with pytest.raises(RuntimeError, match="a has not finished"):
        comparison.models[0].result()


async def test_cancelling_the_reader_cancels_the_call(client: Client, gateway: Comparing) -> None:
    gateway.compared = [*of(0, STARTED), gateway.wait]
    reading = asyncio.create_task(client.compare("Hi", models=["a", "b"]).collect())
    await asyncio.wait_for(gateway.arrived.wait(), WAIT_S)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    await asyncio.wait_for(gateway.left.wait(), WAIT_S)


async def test_dropping_a_comparison_cancels_the_call(client: Client, gateway: Comparing) -> None:
    gateway.compared = [*of(0, STARTED), gateway.wait]
    comparison = client.compare("Hi", models=["a", "b"])
    await anext(comparison)
    del comparison
    await asyncio.wait_for(gateway.left.wait(), WAIT_S)


async def test_a_comparison_carries_key_and_deadline(target: str, gateway: Comparing) -> None:
    async with Client(target, key="secret", timeout_s=50) as client:
        await client.compare("Hi", models=["a", "b"], timeout_s=5).collect()
    assert gateway.metadata[0]["authorization"] == "Bearer secret"
    (remaining_s,) = gateway.remaining_s
    assert remaining_s is not None
    assert 0 < remaining_s < 10


async def test_a_route_is_explained(client: Client, gateway: Comparing) -> None:
    explained = await client.explain("Hi", model="fast", max_output_token_count=9)
    assert (explained.route, explained.config_revision) == ("small", 3)
    generation = gateway.requests[0].generation
    assert (generation.model, generation.max_output_token_count) == ("fast", 9)
    assert generation.messages[0].parts[0].text == "Hi"
    await client.explain(generation)
    assert gateway.requests[1].generation == generation
