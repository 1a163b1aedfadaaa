"""The in-process stub behaves as a channel's stub does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import grpc
import pytest
from llmgateway.v1 import generation_pb2, stream_pb2
from llmgateway_server import errors
from llmgateway_server.call import Call
from llmgateway_server.rpc.local import EOF, LocalStub
from llmgateway_server.rpc.methods import StreamMethod, UnaryMethod

from tests.server.rpc.test_rim import RIGHT, Recorder, make_rim

Request = generation_pb2.GenerateRequest
Message = stream_pb2.StreamGenerateResponse


class Service:
    """Two RPCs whose behaviour a test can see."""

    def __init__(self) -> None:
        self.entered = asyncio.Event()
        self.left = asyncio.Event()
        self.calls: list[Call] = []
        self.error: errors.CallError | None = None
        self.waits = False

    async def generate(self, call: Call, request: Request) -> generation_pb2.GenerateResponse:
        self.calls.append(call)
        self.entered.set()
        try:
            if self.waits:
                await asyncio.Event().wait()
            if self.error is not None:
                raise self.error
            return generation_pb2.GenerateResponse(candidates=[generation_pb2.Candidate(index=7)])
        finally:
            self.left.set()

    async def stream(self, call: Call, request: Request) -> AsyncGenerator[Message, None]:
        self.calls.append(call)
        self.entered.set()
        try:
            yield Message(events=[stream_pb2.GenerationEvent(sequence_number=1)])
            if self.waits:
                await asyncio.Event().wait()
            if self.error is not None:
                raise self.error
            yield Message(events=[stream_pb2.GenerationEvent(sequence_number=2)])
        finally:
            self.left.set()


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def stub(service: Service) -> LocalStub:
    methods = (
        UnaryMethod("Generate", Request, service.generate),
        StreamMethod("StreamGenerate", Request, service.stream),
    )
    return LocalStub(methods, make_rim(Recorder()), set())


async def test_a_unary_call_answers(stub: LocalStub, service: Service) -> None:
    call = stub.Generate(Request(), timeout=5, metadata=RIGHT)
    assert (await call).candidates[0].index == 7
    assert (await call.code(), call.done()) == (grpc.StatusCode.OK, True)
    assert service.calls[0].deadline_s == 105.0


async def test_a_failure_is_the_error_that_a_channel_raises(stub: LocalStub, service: Service) -> None:
    service.error = errors.ModelNotFound("none such")
    call = stub.Generate(Request(), metadata=RIGHT)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    assert (caught.value.code(), caught.value.details()) == (grpc.StatusCode.NOT_FOUND, "none such")
    trailing = dict(caught.value.trailing_metadata())
    assert trailing["x-request-id"] == "call_0"
    assert trailing["grpc-status-details-bin"]
    assert await call.code() == grpc.StatusCode.NOT_FOUND


async def test_without_a_key_both_kinds_of_call_are_refused(stub: LocalStub) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.Generate(Request())
    assert caught.value.code() == grpc.StatusCode.UNAUTHENTICATED
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.StreamGenerate(Request()).read()
    assert caught.value.code() == grpc.StatusCode.UNAUTHENTICATED


async def test_cancelling_the_awaiting_task_cancels_the_handler(stub: LocalStub, service: Service) -> None:
    service.waits = True
    call = stub.Generate(Request(), metadata=RIGHT)
    task = asyncio.ensure_future(call)
    await service.entered.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert service.left.is_set()
    assert call.cancelled()


async def test_cancelling_a_unary_call_leaves_its_callers_task_alive(stub: LocalStub, service: Service) -> None:
    service.waits = True
    call = stub.Generate(Request(), metadata=RIGHT)

    async def caller() -> str:
        try:
            await call
        except asyncio.CancelledError:
            return "cancelled"
        return "answered"

    task = asyncio.create_task(caller())
    await service.entered.wait()
    assert call.cancel()
    assert await task == "cancelled"
    assert (task.cancelling(), service.left.is_set(), call.cancel()) == (0, True, False)


async def test_a_stream_is_read_to_its_end(stub: LocalStub) -> None:
    call = stub.StreamGenerate(Request(), metadata=RIGHT)
    numbers = [message.events[0].sequence_number async for message in call]
    assert numbers == [1, 2]
    assert await call.read() is EOF
    assert not call.cancel()


async def test_reading_one_by_one_ends_with_eof(stub: LocalStub) -> None:
    call = stub.StreamGenerate(Request(), metadata=RIGHT)
    assert (await call.read()).events[0].sequence_number == 1
    assert (await call.read()).events[0].sequence_number == 2
    assert await call.read() is EOF


async def test_a_stream_that_fails_raises_after_its_messages(stub: LocalStub, service: Service) -> None:
    service.error = errors.StreamBroken("gone")
    call = stub.StreamGenerate(Request(), metadata=RIGHT)
    await call.read()
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call.read()
    assert caught.value.code() == grpc.StatusCode.UNAVAILABLE


async def test_cancelling_an_idle_stream_closes_its_handler(stub: LocalStub, service: Service) -> None:
    call = stub.StreamGenerate(Request(), metadata=RIGHT)
    await call.read()
    assert call.cancel()
    await service.left.wait()
    with pytest.raises(asyncio.CancelledError):
        await call.read()


async def test_cancelling_a_stream_that_is_being_read_ends_the_read(stub: LocalStub, service: Service) -> None:
    service.waits = True
    call = stub.StreamGenerate(Request(), metadata=RIGHT)
    await call.read()
    reading = asyncio.create_task(call.read())
    await asyncio.sleep(0)
    assert call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert service.left.is_set()


async def test_leaving_a_loop_early_and_cancelling_closes_the_handler(stub: LocalStub, service: Service) -> None:
    call = stub.StreamGenerate(Request(), metadata=RIGHT)
    async for _ in call:
        break
    call.cancel()
    await service.left.wait()
