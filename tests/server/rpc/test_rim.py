from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator

import pytest
from llmgateway_server import errors
from llmgateway_server.call import Call, Principal
from llmgateway_server.rpc.rim import Clocks, Failure, Rim


class Recorder:
    """An observer that keeps what it is told, and an authenticator with one key."""

    def __init__(self) -> None:
        self.began: list[str] = []
        self.ended: list[tuple[str, Call | None, errors.CallError | None]] = []

    def begin(self, method: str) -> None:
        self.began.append(method)

    def end(
        self, method: str, call_id: str, call: Call | None, elapsed_s: float, error: errors.CallError | None
    ) -> None:
        self.ended.append((call_id, call, error))

    def look_up(self, authorization: str | None) -> Principal:
        if authorization != "Bearer right":
            raise errors.ApiKeyInvalid("no")
        return Principal("ci")

    @property
    def last_error(self) -> errors.CallError | None:
        return self.ended[-1][2]


RIGHT = (("x-other", "1"), ("authorization", "Bearer right"))


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def rim(recorder: Recorder) -> Rim:
    return make_rim(recorder)


def make_rim(recorder: Recorder, concurrent_calls: int = 10) -> Rim:
    numbers = iter(range(1000))
    clocks = Clocks(lambda: 100.0, lambda: 7)
    return Rim(recorder, recorder, clocks, lambda: f"call_{next(numbers)}", 600.0, concurrent_calls)


async def echo(call: Call, request: str) -> str:
    return f"{call.principal.name}:{request}"


async def fail(call: Call, request: str) -> str:
    raise errors.ModelNotFound("none such")


async def crash(call: Call, request: str) -> str:
    raise KeyError("secret-canary")


async def count(call: Call, request: int) -> AsyncGenerator[int, None]:
    for number in range(request):
        yield number


async def test_a_call_runs_as_its_principal_with_its_deadline(rim: Rim, recorder: Recorder) -> None:
    assert await rim.unary("Generate", RIGHT, 5.0, "hi", echo) == "ci:hi"
    call_id, call, error = recorder.ended[0]
    assert (call_id, error) == ("call_0", None)
    assert call is not None
    assert (call.deadline_s, call.accepted_at_ns) == (105.0, 7)


@pytest.mark.parametrize(("timeout_s", "deadline_s"), [(None, 700.0), (5.0, 105.0), (9_999.0, 700.0)])
async def test_no_deadline_is_beyond_the_gateways_own(
    rim: Rim, recorder: Recorder, timeout_s: float | None, deadline_s: float
) -> None:
    await rim.unary("Generate", RIGHT, timeout_s, "hi", echo)
    call = recorder.ended[0][1]
    assert call is not None
    assert call.deadline_s == deadline_s


@pytest.mark.parametrize("metadata", [(), (("authorization", "Bearer wrong"),), (("authorization", b"Bearer right"),)])
async def test_a_caller_without_the_right_key_is_refused_before_the_handler(
    rim: Rim, recorder: Recorder, metadata: tuple[tuple[str, str | bytes], ...]
) -> None:
    with pytest.raises(Failure) as caught:
        await rim.unary("Generate", metadata, None, "hi", crash)
    assert isinstance(caught.value.error, errors.ApiKeyInvalid)
    assert recorder.ended[0][1] is None


async def test_an_error_keeps_its_reason_and_gets_the_calls_id(rim: Rim, recorder: Recorder) -> None:
    with pytest.raises(Failure) as caught:
        await rim.unary("Generate", RIGHT, None, "hi", fail)
    assert (caught.value.call_id, type(caught.value.error)) == ("call_0", errors.ModelNotFound)
    assert recorder.last_error is caught.value.error


async def test_a_fault_of_ours_is_logged_and_shown_by_its_id_only(
    rim: Rim, recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR), pytest.raises(Failure) as caught:
        await rim.unary("Generate", RIGHT, None, "hi", crash)
    assert isinstance(caught.value.error, errors.InternalError)
    assert "call_0" in caught.value.error.message
    assert "secret-canary" not in caught.value.error.message
    assert "call_0" in caplog.text


async def test_one_call_over_the_limit_is_refused_with_a_time_to_come_back(recorder: Recorder) -> None:
    rim, gate = make_rim(recorder, concurrent_calls=1), asyncio.Event()

    async def wait(call: Call, request: str) -> str:
        await gate.wait()
        return request

    first = asyncio.create_task(rim.unary("Generate", RIGHT, None, "first", wait))
    await asyncio.sleep(0)
    with pytest.raises(Failure) as caught:
        await rim.unary("Generate", RIGHT, None, "second", wait)
    assert isinstance(caught.value.error, errors.GatewayOverloaded)
    assert caught.value.error.retry_after_s == 1.0
    gate.set()
    assert await first == "first"
    assert await rim.unary("Generate", RIGHT, None, "third", echo) == "ci:third"


async def test_a_closed_rim_refuses_and_waits_for_what_runs(rim: Rim) -> None:
    gate = asyncio.Event()

    async def wait(call: Call, request: str) -> str:
        await gate.wait()
        return request

    running = asyncio.create_task(rim.unary("Generate", RIGHT, None, "hi", wait))
    await asyncio.sleep(0)
    rim.close()
    idle = asyncio.create_task(rim.wait_idle())
    with pytest.raises(Failure) as caught:
        await rim.unary("Generate", RIGHT, None, "late", echo)
    assert isinstance(caught.value.error, errors.ShuttingDown)
    assert not idle.done()
    gate.set()
    await idle
    assert await running == "hi"


async def test_a_caller_that_leaves_is_noted_and_its_handler_cancelled(rim: Rim, recorder: Recorder) -> None:
    cancelled = asyncio.Event()

    async def wait(call: Call, request: str) -> str:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        return request

    running = asyncio.create_task(rim.unary("Generate", RIGHT, None, "hi", wait))
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert cancelled.is_set()
    assert isinstance(recorder.last_error, errors.CallerLeft)


async def test_a_stream_passes_through(rim: Rim, recorder: Recorder) -> None:
    assert [number async for number in rim.stream("StreamGenerate", RIGHT, None, 3, count)] == [0, 1, 2]
    assert recorder.last_error is None


async def test_a_stream_left_early_closes_its_handler(rim: Rim, recorder: Recorder) -> None:
    closed = asyncio.Event()

    async def numbers(call: Call, request: int) -> AsyncGenerator[int, None]:
        try:
            for number in range(request):
                yield number
        finally:
            closed.set()

    stream = rim.stream("StreamGenerate", RIGHT, None, 3, numbers)
    assert await anext(stream) == 0
    await stream.aclose()
    assert closed.is_set()
    assert isinstance(recorder.last_error, errors.CallerLeft)


async def test_a_stream_that_fails_ends_with_its_reason(rim: Rim) -> None:
    async def broken(call: Call, request: int) -> AsyncGenerator[int, None]:
        yield 1
        raise errors.StreamBroken("gone")

    stream = rim.stream("StreamGenerate", RIGHT, None, 1, broken)
    assert await anext(stream) == 1
    with pytest.raises(Failure) as caught:
        await anext(stream)
    assert isinstance(caught.value.error, errors.StreamBroken)
