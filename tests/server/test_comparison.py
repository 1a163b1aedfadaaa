"""Several models at once: how their streams are merged, what becomes of failures, and that nothing outlives the reader."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing

import pytest
from google.protobuf.duration_pb2 import Duration
from hypothesis import given
from hypothesis import strategies as st
from llmgateway.v1 import call_pb2, compare_pb2, error_reason_pb2, generation_pb2, message_pb2, stream_pb2, usage_pb2
from llmgateway_server import errors
from llmgateway_server.call import Call, Outcome, Principal
from llmgateway_server.comparison import Comparison, compare_failure, merge
from llmgateway_server.config.settings import LimitSettings
from llmgateway_server.endings import MAX_STATUS_BYTES
from llmgateway_server.rpc.status import status_of
from llmgateway_server.validation.requests import validate_compare

Request = compare_pb2.CompareRequest
Response = compare_pb2.CompareResponse
Events = stream_pb2.StreamGenerateResponse
# A model's script: texts to send, what to wait for, how to fail.
Step = str | Callable[[], Awaitable[object]] | Exception

USER = message_pb2.ChatMessage(role=message_pb2.ROLE_USER, parts=[message_pb2.Part(text="Hi")])
WAIT_S = 10.0


def request(*models: str) -> Request:
    return Request(generation=generation_pb2.GenerateRequest(messages=[USER]), models=models)


def text(message: str) -> Events:
    event = stream_pb2.GenerationEvent(part_delta=stream_pb2.PartDelta(text=message))
    return Events(events=[event])


def said(response: Response) -> tuple[int, str]:
    """Return who sent a message, and its text, or the reason of its failure."""
    if response.WhichOneof("item") == "failure":
        return response.model_index, error_reason_pb2.ErrorReason.Name(response.failure.reason)
    return response.model_index, response.events.events[0].part_delta.text


class Purse:
    """An account that notes how often it was closed."""

    def __init__(self) -> None:
        self.closed = 0

    def close(self) -> None:
        self.closed += 1


class Bench:
    """Plays each model's script, and is told how each call ended. `now_s` is its clock."""

    def __init__(self, scripts: Mapping[str, list[Step]]) -> None:
        self.scripts = scripts
        self.now_s = 100.0
        self.calls: dict[str, Call] = {}
        self.asked: list[generation_pb2.GenerateRequest] = []
        self.sent: list[str] = []
        self.closed: list[str] = []
        self.running = 0
        self.refusal: errors.CallError | None = None
        self.purses: list[Purse] = []
        self.ended: dict[str, errors.CallError | None] = {}
        self.call = Call("call_7", "Compare", Principal("ci", team="a"), 100.0, 5, 160.0)

    def compare(self, *models: str) -> AsyncGenerator[Response, None]:
        comparison = Comparison(self.open_all, self.generate, self, lambda: self.now_s)
        return comparison.compare(self.call, request(*models))

    async def open_all(
        self, call: Call, asked: Sequence[tuple[Call, generation_pb2.GenerateRequest]]
    ) -> Sequence[Purse | None]:
        assert call is self.call
        if self.refusal is not None:
            raise self.refusal
        self.purses = [Purse() for _ in asked]
        return self.purses

    async def generate(
        self, call: Call, asked: generation_pb2.GenerateRequest, account: Purse | None
    ) -> AsyncGenerator[Events, None]:
        assert account in self.purses
        self.calls[call.id] = call
        self.asked.append(asked)
        call.outcome.requested_model = asked.model
        try:
            for step in self.scripts[asked.model]:
                if isinstance(step, Exception):
                    raise step
                if isinstance(step, str):
                    self.sent.append(step)
                    yield text(step)
                else:
                    await step()
        finally:
            self.closed.append(asked.model)

    def begin(self, method: str) -> None:
        self.running += 1

    def end(
        self, method: str, call_id: str, call: Call | None, elapsed_s: float, error: errors.CallError | None
    ) -> None:
        assert method == "StreamGenerate"
        assert call is self.calls.get(call_id, call)
        self.running -= 1
        self.ended[call_id] = error


async def turns() -> None:
    """Let everything run that can."""
    for _ in range(50):
        await asyncio.sleep(0)


async def test_messages_come_in_the_order_in_which_they_are_sent() -> None:
    first_sent, second_sent = asyncio.Event(), asyncio.Event()
    bench = Bench({"a": ["a1", first_sent.wait, "a2"], "b": [second_sent.wait, "b1"]})
    seen = []
    async with aclosing(bench.compare("a", "b")) as responses:
        async for response in responses:
            seen.append(said(response))
            (second_sent if len(seen) == 1 else first_sent).set()
    assert seen == [(0, "a1"), (1, "b1"), (0, "a2")]
    assert bench.ended == {"call_7-0": None, "call_7-1": None}


async def test_each_model_is_asked_the_same_by_a_call_of_its_own() -> None:
    bench = Bench({"a": ["x"], "b": ["y"]})
    assert [said(response) async for response in bench.compare("a", "b", "a")] == [(0, "x"), (1, "y"), (2, "x")]
    assert [asked.model for asked in bench.asked] == ["a", "b", "a"]
    assert all(asked.messages == [USER] for asked in bench.asked)
    assert list(bench.calls) == ["call_7-0", "call_7-1", "call_7-2"]
    outcomes = {id(call.outcome) for call in (*bench.calls.values(), bench.call)}
    assert len(outcomes) == 4
    for call in bench.calls.values():
        assert (call.principal, call.deadline_s, call.accepted_at_ns) == (bench.call.principal, 160.0, 5)


async def test_a_slow_model_delays_no_other() -> None:
    ready = asyncio.Event()
    bench = Bench({"slow": [ready.wait, "s"], "quick": [str(number) for number in range(100)]})
    seen = []
    async for response in bench.compare("slow", "quick"):
        seen.append(said(response))
        if len(seen) == 100:
            ready.set()
    assert seen == [*((1, str(number)) for number in range(100)), (0, "s")]


async def test_a_slow_reader_holds_every_model_up() -> None:
    bench = Bench({"a": ["a"] * 100, "b": ["b"] * 100})
    async with aclosing(bench.compare("a", "b")) as responses:
        for taken in range(1, 5):
            await anext(responses)
            await turns()
            # One that has been taken may be followed by one that waits, of each model.
            assert len(bench.sent) <= taken + 1
            assert abs(bench.sent.count("a") - bench.sent.count("b")) <= 1


async def forever() -> None:
    await asyncio.Event().wait()


async def test_leaving_ends_what_runs_what_waits_and_what_was_sent() -> None:
    bench = Bench({"waits": [forever], "sends": ["x", "y"], "sent": ["x", forever]})
    responses = bench.compare("waits", "sends", "sent")
    await anext(responses)
    await turns()
    await responses.aclose()
    assert sorted(bench.closed) == ["sends", "sent", "waits"]
    assert bench.running == 0
    assert [type(error) for error in bench.ended.values()] == [errors.CallerLeft] * 3


async def test_leaving_before_the_first_message_starts_nothing() -> None:
    bench = Bench({"a": ["x"]})
    await bench.compare("a", "a").aclose()
    assert (bench.asked, bench.running) == ([], 0)


async def test_cancelling_the_reader_ends_all() -> None:
    arrived = asyncio.Event()

    async def wait() -> None:
        arrived.set()
        await forever()

    bench = Bench({"a": [wait], "b": [wait]})

    async def read() -> None:
        async with aclosing(bench.compare("a", "b")) as responses:
            async for _ in responses:
                pass

    reading = asyncio.create_task(read())
    await asyncio.wait_for(arrived.wait(), WAIT_S)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert sorted(bench.closed) == ["a", "b"]
    assert len(asyncio.all_tasks()) == 1


async def test_one_that_is_slow_to_close_holds_no_other_open() -> None:
    released, closed = asyncio.Event(), []

    async def numbers(name: str, closes: Callable[[], Awaitable[object]]) -> AsyncGenerator[int, None]:
        try:
            while True:
                yield 1
        finally:
            await closes()
            closed.append(name)

    merged = merge([numbers("slow", released.wait), numbers("quick", turns)])
    await anext(merged)
    closing = asyncio.create_task(merged.aclose())  # type: ignore[arg-type]  # an awaitable of its own kind
    await turns()
    await turns()
    assert closed == ["quick"]
    released.set()
    await closing
    assert closed == ["quick", "slow"]


async def test_one_that_fails_says_why_and_the_others_go_on() -> None:
    refusal = errors.ProviderRateLimited("Try later.", provider_message="slow down", retry_after_s=3)
    refusal.attempts = [call_pb2.Attempt(provider="p", http_status=429)]
    bench = Bench({"a": ["a1", refusal], "b": ["b1", "b2", "b3"]})
    responses = [response async for response in bench.compare("a", "b")]
    assert sorted(map(said, responses)) == [
        (0, "ERROR_REASON_PROVIDER_RATE_LIMITED"),
        (0, "a1"),
        (1, "b1"),
        (1, "b2"),
        (1, "b3"),
    ]
    (failure,) = [response.failure for response in responses if response.HasField("failure")]
    assert (failure.code, failure.message) == (8, "Try later.")
    assert (failure.failure.call_id, failure.failure.provider_message) == ("call_7-0", "slow down")
    assert list(failure.failure.attempts) == refusal.attempts
    assert bench.ended == {"call_7-0": refusal, "call_7-1": None}


async def test_all_that_fail_end_the_stream_well() -> None:
    bench = Bench({"a": [errors.ModelNotFound("No such model.")], "b": [errors.ModelNotAllowed("Not yours.")]})
    seen = [said(response) async for response in bench.compare("a", "b")]
    assert sorted(seen) == [(0, "ERROR_REASON_MODEL_NOT_FOUND"), (1, "ERROR_REASON_MODEL_NOT_ALLOWED")]


async def test_a_fault_of_ours_is_one_model_s_logged_once_and_not_told(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench({"a": [KeyError("secret-canary")], "b": ["b1"]})
    with caplog.at_level(logging.ERROR):
        responses = [response async for response in bench.compare("a", "b")]
    assert sorted(map(said, responses)) == [(0, "ERROR_REASON_INTERNAL_ERROR"), (1, "b1")]
    (failure,) = [response.failure for response in responses if response.HasField("failure")]
    assert failure.code == 13
    assert "call_7-0" in failure.message
    assert "secret-canary" not in str(failure)
    assert [record.getMessage() for record in caplog.records] == ["call call_7-0 failed by a fault of the gateway"]


async def test_a_deadline_is_each_model_s_own_failure() -> None:
    bench = Bench({"a": [errors.TotalTimeout("Too late.")], "b": ["b1"]})
    seen = [said(response) async for response in bench.compare("a", "b")]
    assert sorted(seen) == [(0, "ERROR_REASON_TOTAL_TIMEOUT"), (1, "b1")]


async def test_what_is_cancelled_at_its_deadline_is_told_as_late() -> None:
    bench = Bench({"a": ["x", forever], "b": [forever]})
    responses = bench.compare("a", "b")
    await anext(responses)
    bench.now_s = 160.0
    await responses.aclose()
    assert [type(error) for error in bench.ended.values()] == [errors.TotalTimeout] * 2


async def test_the_comparison_s_own_outcome_names_the_models_and_waits_for_them_side_by_side() -> None:
    bench = Bench({"a": ["x"], "b": ["y"]})
    async for response in bench.compare("a", "b"):
        own = bench.calls[f"call_7-{response.model_index}"].outcome
        own.waited_s, own.first_content_s = 2.0 - response.model_index, 0.5 + response.model_index
        own.usage = usage_pb2.Usage(output_token_count=3)
        own.attempts.append(call_pb2.Attempt())
    # Attempts and usage are told with each model's call: told here, too, they would count twice.
    assert bench.call.outcome == Outcome(requested_model="a, b", waited_s=2.0, first_content_s=0.5)


@given(st.lists(st.lists(st.integers(), max_size=5), max_size=8), st.randoms(use_true_random=False))
def test_merging_loses_nothing_and_keeps_each_stream_s_order(lists: list[list[int]], lots: object) -> None:
    async def stream(place: int) -> AsyncGenerator[tuple[int, int], None]:
        for item in lists[place]:
            for _ in range(lots.randrange(3)):  # type: ignore[attr-defined]  # Hypothesis names no type for it
                await asyncio.sleep(0)
            yield place, item

    async def merged() -> list[tuple[int, int]]:
        return [item async for item in merge([stream(place) for place in range(len(lists))])]

    seen = asyncio.run(merged())
    assert [[item for place, item in seen if place == of] for of in range(len(lists))] == lists


# What is told of a failure.


def test_a_failure_tells_what_a_status_would_tell() -> None:
    error = errors.StreamBroken("It broke off.", provider_message="overloaded")
    error.started, error.usage = True, usage_pb2.Usage(output_token_count=3, provider_json="{}")
    error.attempts = [call_pb2.Attempt(provider="openai", model="m", http_status=200)]
    told, status = compare_failure(error, "call_1"), status_of(error, "call_1")
    packed = call_pb2.CallFailure()
    assert status.details[-1].Unpack(packed)
    assert (told.code, told.message, told.failure) == (status.code, status.message, packed)
    assert told.reason == errors.StreamBroken.reason


def test_a_failure_is_no_larger_than_a_status_and_loses_its_oldest_attempts_first() -> None:
    error = errors.ProviderOverloaded("ü" * 5_000, provider_message="x" * 5_000)
    error.attempts = [call_pb2.Attempt(provider="openai", model="m" * 200, http_status=500 + n) for n in range(99)]
    told = compare_failure(error, "call_1")
    assert told.ByteSize() <= MAX_STATUS_BYTES
    kept = [attempt.http_status for attempt in told.failure.attempts]
    assert kept
    assert kept == list(range(599 - len(kept), 599))
    assert told.failure.provider_message == "x" * 512


# What is refused as a whole.

LONG = "x" * 513


def changed(**fields: object) -> Request:
    asked = request("a", "b")
    for name, value in fields.items():
        if isinstance(value, Duration):
            getattr(asked.generation, name).CopyFrom(value)
        else:
            setattr(asked.generation, name, value)
    return asked


REFUSED: list[tuple[Request, list[str]]] = [
    (request(), ["models"]),
    (request("a"), ["models"]),
    (request(*"abcdefghijklmnopq"), ["models"]),
    (request("a", "", LONG), ["models[1]", "models[2]"]),
    (Request(models=["a", "b"]), ["generation.messages"]),
    (changed(model="a"), ["generation.model"]),
    (changed(heartbeat_interval=Duration(seconds=10)), ["generation.heartbeat_interval"]),
    (changed(heartbeat_interval=Duration(seconds=1_000)), ["generation.heartbeat_interval"]),
    (changed(candidate_count=0, end_user_id=LONG), ["generation.candidate_count", "generation.end_user_id"]),
]


@pytest.mark.parametrize(("asked", "fields"), REFUSED, ids=lambda value: str(value) if isinstance(value, list) else "")
def test_what_is_wrong_with_the_whole_is_refused_by_its_field(asked: Request, fields: list[str]) -> None:
    assert [wrong.field for wrong in validate_compare(asked, LimitSettings())] == fields


def test_two_to_sixteen_models_may_be_asked_and_one_may_come_twice() -> None:
    for asked in (request("a", "a"), request(*"abcdefghijklmnop")):
        assert validate_compare(asked, LimitSettings()) == []


def test_copies_for_all_models_stay_within_the_memory_for_bodies() -> None:
    asked = request("a", "b")
    asked.generation.messages[0].parts[0].text = "x" * 600
    assert validate_compare(asked, LimitSettings()) == []
    (wrong,) = validate_compare(asked, LimitSettings(bodies_in_flight=1_000))
    assert wrong.field == "models"


async def test_accounts_are_closed_however_a_comparison_ends() -> None:
    bench = Bench({"a": ["a1", "a2"], "b": [errors.CircuitOpen("It is open.")]})
    async with aclosing(bench.compare("a", "b")) as responses:
        await anext(responses)
    assert [purse.closed for purse in bench.purses] == [1, 1]


async def test_nothing_is_sent_where_the_models_do_not_fit_together() -> None:
    bench = Bench({"a": ["a1"], "b": ["b1"]})
    bench.refusal = errors.BudgetExceeded("Too much.")
    with pytest.raises(errors.BudgetExceeded):
        await anext(bench.compare("a", "b"))
    assert bench.sent == []
    assert bench.running == 0
