"""The service over gRPC: each RPC hands its call to the rim, and the rim to the pipeline."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import aclosing
from typing import Any

import grpc
from google.protobuf.message import Message

from llmgateway_server import errors
from llmgateway_server.rpc.methods import SERVICE, Method, StreamMethod, UnaryMethod
from llmgateway_server.rpc.rim import Failure, Rim
from llmgateway_server.rpc.status import grpc_code, short_message, trailing_metadata

Context = grpc.aio.ServicerContext[Message, Message]


def service_handler(
    methods: Iterable[Method], rim: Rim, reader_stall_s: float
) -> grpc.GenericRpcHandler[Message, Message]:
    """Return the handler to add to a grpc.aio server.

    A caller that leaves a stream unread for `reader_stall_s` is cut off.
    """
    handlers: dict[str, Any] = {}  # The library's handler objects have no type of their own.
    for method in methods:
        if isinstance(method, UnaryMethod):
            handlers[method.name] = grpc.unary_unary_rpc_method_handler(
                unary_behaviour(method, rim),
                request_deserializer=method.request_type.FromString,
                response_serializer=serialize,
            )
        else:
            handlers[method.name] = grpc.unary_stream_rpc_method_handler(
                stream_behaviour(method, rim, reader_stall_s),
                request_deserializer=method.request_type.FromString,
                response_serializer=serialize,
            )
    return grpc.method_handlers_generic_handler(SERVICE, handlers)


def serialize(message: Message) -> bytes:
    """Return the message's bytes."""
    return message.SerializeToString()


def unary_behaviour(method: UnaryMethod, rim: Rim) -> Callable[[Message, Context], Awaitable[Message]]:
    async def behave(request: Message, context: Context) -> Message:
        metadata = context.invocation_metadata() or ()
        try:
            answer: Message = await rim.unary(method.name, metadata, context.time_remaining(), request, method.handler)
        except Failure as failure:
            await abort(context, failure.error, failure.call_id)
        return answer

    return behave


def stream_behaviour(
    method: StreamMethod, rim: Rim, reader_stall_s: float
) -> Callable[[Message, Context], Awaitable[None]]:
    async def behave(request: Message, context: Context) -> None:
        metadata = context.invocation_metadata() or ()
        stream = rim.stream(method.name, metadata, context.time_remaining(), request, method.handler)
        try:
            async with aclosing(stream) as messages:
                async for message in messages:
                    async with asyncio.timeout(reader_stall_s):
                        await context.write(message)
        except Failure as failure:
            await abort(context, failure.error, failure.call_id)
        except TimeoutError:
            error = errors.ReaderTooSlow(f"The stream was left unread for {reader_stall_s:g} s. Read it faster.")
            await abort(context, error, "")

    return behave


async def abort(context: Context, error: errors.CallError, call_id: str) -> None:
    """End the call with an error's status; raises what ends a handler."""
    await context.abort(grpc_code(error), short_message(error), trailing_metadata(error, call_id))
