"""channelz, gRPC's own account of its servers, connections and channels, with the extra `debug`.

It tells the addresses of whoever is connected, so it answers callers on this machine only, and where there are keys
only those that show one. The service: grpc/channelz/v1/channelz.proto of gRPC; it has unary RPCs only.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import unquote

import grpc
from google.protobuf.message import Message

from llmgateway_server import errors
from llmgateway_server.config.address import parse_address
from llmgateway_server.rpc.rim import Authenticator, authorization_of
from llmgateway_server.rpc.servicer import Context, abort, serialize

CHANNELZ = "grpc.channelz.v1.Channelz"
ELSEWHERE = "channelz answers callers on the gateway's own machine only: call it there, or through a tunnel to there."

Behaviour = Callable[[Message, Context], Awaitable[Message]]


def channelz_handler(authenticator: Authenticator) -> grpc.GenericRpcHandler[Message, Message]:
    """Return the handler to add to a grpc.aio server."""
    # Whoever has not switched it on need not have it.
    from grpc_channelz.v1 import channelz_pb2
    from grpc_channelz.v1._async import ChannelzServicer

    service = channelz_pb2.DESCRIPTOR.services_by_name["Channelz"]
    servicer = ChannelzServicer()
    handlers: dict[str, Any] = {}  # The library's handler objects have no type of their own.
    for method in service.methods:
        handlers[method.name] = grpc.unary_unary_rpc_method_handler(
            guard(getattr(servicer, method.name), authenticator),
            request_deserializer=getattr(channelz_pb2, method.input_type.name).FromString,
            response_serializer=serialize,
        )
    return grpc.method_handlers_generic_handler(service.full_name, handlers)


def guard(behaviour: Behaviour, authenticator: Authenticator) -> Behaviour:
    """Return the behaviour of an RPC for those alone who may know of the gateway's connections."""

    async def behave(request: Message, context: Context) -> Message:
        if not is_on_this_machine(context.peer()):
            await context.abort(grpc.StatusCode.PERMISSION_DENIED, ELSEWHERE)
        try:
            authenticator.look_up(authorization_of(context.invocation_metadata() or ()))
        except errors.ApiKeyInvalid as error:
            await abort(context, error, "")
        return await behaviour(request, context)

    return behave


def is_on_this_machine(peer: str) -> bool:
    """Whether a caller as the library names it, `ipv4:127.0.0.1:50000` or `ipv6:%5B::1%5D:50000`, is on loopback."""
    family, _, address = unquote(peer).partition(":")
    try:
        return family in ("ipv4", "ipv6") and parse_address(address).is_loopback
    except ValueError:
        return False
