"""The service over gRPC: each RPC hands its call to the rim, and the rim to the pipeline."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import aclosing
from typing import Any
from urllib.parse import unquote

import grpc
from google.protobuf.message import DecodeError, Message

from llmgateway_server import errors
from llmgateway_server.call import Call
from llmgateway_server.config.settings import LimitSettings
from llmgateway_server.rpc.methods import SERVICE, Method, StreamHandler, StreamMethod, UnaryHandler, UnaryMethod
from llmgateway_server.rpc.rim import Failure, Peer, Rim
from llmgateway_server.rpc.status import grpc_code, short_message, trailing_metadata

Context = grpc.aio.ServicerContext[Message, Message]


def service_handler(
    methods: Iterable[Method], rim: Rim, limits: LimitSettings
) -> grpc.GenericRpcHandler[Message, Message]:
    """Return the handler to add to a grpc.aio server.

    A caller that leaves a stream unread for `limits.reader_stall_s` is cut off.
    """
    handlers: dict[str, Any] = {}  # The library's handler objects have no type of their own.
    for method in methods:
        if isinstance(method, UnaryMethod):
            handlers[method.name] = grpc.unary_unary_rpc_method_handler(
                unary_behaviour(method, rim, limits),
                request_deserializer=reader_of(method.request_type),
                response_serializer=serialize,
            )
        else:
            handlers[method.name] = grpc.unary_stream_rpc_method_handler(
                stream_behaviour(method, rim, limits),
                request_deserializer=reader_of(method.request_type),
                response_serializer=serialize,
            )
    return grpc.method_handlers_generic_handler(SERVICE, handlers)


class Unreadable:
    """Stands in for a request whose bytes are none; where it were raised, the library would answer UNKNOWN."""

    def __init__(self, request_type: type[Message]) -> None:
        self.type_name = request_type.DESCRIPTOR.full_name


def reader_of(request_type: type[Message]) -> Callable[[bytes], Message | Unreadable]:
    """Return what reads the bytes of a request."""

    def read(data: bytes) -> Message | Unreadable:
        try:
            return request_type.FromString(data)
        except DecodeError:
            return Unreadable(request_type)

    return read


def refusal_of(
    request: Message | Unreadable, metadata: Iterable[tuple[str, str | bytes]], metadata_bytes: int
) -> errors.CallError | None:
    """Return why a call may not reach its handler; None if it may."""
    # The library's own limit refuses by chance, and says no reason.
    size = sum(len(key) + len(value) for key, value in metadata)
    if size > metadata_bytes:
        return errors.RequestTooLarge(f"The metadata has {size} bytes, over the limit of {metadata_bytes}. Send less.")
    if isinstance(request, Unreadable):
        description = f"its bytes are no {request.type_name}: generate your stub from this gateway's contract"
        return errors.InvalidField([errors.FieldViolation("request", description)])
    return None


def refuse(error: errors.CallError) -> UnaryHandler:
    """Return a handler that raises."""

    async def handle(_: Call, __: object) -> Message:
        raise error

    return handle


def refuse_stream(error: errors.CallError) -> StreamHandler:
    """Return a handler that raises."""

    async def handle(_: Call, __: object) -> AsyncGenerator[Message, None]:
        nothing: tuple[Message, ...] = ()
        for message in nothing:  # what makes it a stream
            yield message
        raise error

    return handle


def serialize(message: Message) -> bytes:
    """Return the message's bytes."""
    return message.SerializeToString()


def unary_behaviour(
    method: UnaryMethod, rim: Rim, limits: LimitSettings
) -> Callable[[Message | Unreadable, Context], Awaitable[Message]]:
    async def behave(request: Message | Unreadable, context: Context) -> Message:
        metadata = context.invocation_metadata() or ()
        refusal = refusal_of(request, metadata, limits.metadata_bytes)
        handler = method.handler if refusal is None else refuse(refusal)
        try:
            peer = peer_of(context)
            answer: Message = await rim.unary(method.name, metadata, context.time_remaining(), request, handler, peer)
        except Failure as failure:
            await abort(context, failure.error, failure.call_id)
        return answer

    return behave


def stream_behaviour(
    method: StreamMethod, rim: Rim, limits: LimitSettings
) -> Callable[[Message | Unreadable, Context], Awaitable[None]]:
    async def behave(request: Message | Unreadable, context: Context) -> None:
        metadata = context.invocation_metadata() or ()
        refusal = refusal_of(request, metadata, limits.metadata_bytes)
        handler = method.handler if refusal is None else refuse_stream(refusal)
        stream = rim.stream(method.name, metadata, context.time_remaining(), request, handler, peer_of(context))
        try:
            async with aclosing(stream) as messages:
                async for message in messages:
                    async with asyncio.timeout(limits.reader_stall_s):
                        await context.write(message)
        except Failure as failure:
            await abort(context, failure.error, failure.call_id)
        except TimeoutError:
            error = errors.ReaderTooSlow(f"The stream was left unread for {limits.reader_stall_s:g} s. Read it faster.")
            await abort(context, error, "")

    return behave


def peer_of(context: Context) -> Peer:
    """Return what tells the address of a call: asking the library for it costs too much where nobody asks."""

    def peer() -> str:
        family, _, address = unquote(context.peer()).partition(":")
        return address.rpartition(":")[0].strip("[]") if family in ("ipv4", "ipv6") else ""

    return peer


async def abort(context: Context, error: errors.CallError, call_id: str) -> None:
    """End the call with an error's status; raises what ends a handler."""
    await context.abort(grpc_code(error), short_message(error), trailing_metadata(error, call_id))
