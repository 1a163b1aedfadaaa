"""Scripted admin services behind a real gRPC server on loopback: any RPC of the contract, told what to answer."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, NoReturn, TypeAlias

import grpc
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.rpc import error_details_pb2, status_pb2
from llmgateway.admin.v1 import key_service_pb2, quota_service_pb2, team_service_pb2, usage_service_pb2

FILES = (key_service_pb2, team_service_pb2, quota_service_pb2, usage_service_pb2)


class Refusal(NamedTuple):
    """How an RPC is refused."""

    code: grpc.StatusCode
    message: str
    reason: str = "ERROR_REASON_STORE_UNAVAILABLE"


class Silence:
    """Never answers. `is_over` once the caller has gone."""

    def __init__(self) -> None:
        self.is_over = threading.Event()


Answer: TypeAlias = Message | Refusal | Silence


class ScriptedAdmin:
    """Answers each RPC with what it was given, by the RPC's name; keeps what it was asked, and by whom."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Any]] = []  # Any: a message of any type
        self.authorizations: list[object] = []
        self._answers: dict[str, list[Answer]] = {}

    def answer(self, rpc: str, *answers: Answer) -> None:
        """Answer calls of an RPC one after the other; a stream with all of them at once."""
        self._answers[rpc] = [*answers]

    @property
    def request(self) -> Any:
        """The one request that came."""
        ((_, request),) = self.asked
        return request

    def handlers(self) -> Iterator[grpc.GenericRpcHandler[Message, Message]]:
        """Yield a handler for each of the services."""
        for file in FILES:
            for service in file.DESCRIPTOR.services_by_name.values():
                behaviours = {method.name: self._handler(method) for method in service.methods}
                yield grpc.method_handlers_generic_handler(service.full_name, behaviours)

    def _handler(self, method: MethodDescriptor) -> Any:
        request, response = GetMessageClass(method.input_type), GetMessageClass(method.output_type)

        def one(asked: Message, context: grpc.ServicerContext) -> Message:
            self._keep(method.name, asked, context)
            answers = self._answers.get(method.name) or [response()]
            return told(answers.pop(0), context)

        def stream(asked: Message, context: grpc.ServicerContext) -> Iterator[Message]:
            self._keep(method.name, asked, context)
            for answer in self._answers.get(method.name, ()):
                yield told(answer, context)

        if method.server_streaming:
            return grpc.unary_stream_rpc_method_handler(stream, request.FromString, response.SerializeToString)
        return grpc.unary_unary_rpc_method_handler(one, request.FromString, response.SerializeToString)

    def _keep(self, name: str, asked: Message, context: grpc.ServicerContext) -> None:
        copy = type(asked)()
        copy.CopyFrom(asked)
        self.asked.append((name, copy))
        self.authorizations.append(dict(context.invocation_metadata()).get("authorization"))


def told(answer: Answer, context: grpc.ServicerContext) -> Message:
    """Return an answer, or end the call as the gateway ends it."""
    if isinstance(answer, Refusal):
        refuse(answer, context)
    if isinstance(answer, Silence):
        context.add_callback(answer.is_over.set)
        answer.is_over.wait(60)
        context.abort(grpc.StatusCode.CANCELLED, "")
    return answer


def refuse(answer: Refusal, context: grpc.ServicerContext) -> NoReturn:
    """End a call as the gateway ends it."""
    status = status_pb2.Status(code=answer.code.value[0], message=answer.message)
    status.details.add().Pack(error_details_pb2.ErrorInfo(reason=answer.reason, domain="llmgateway.dev"))
    details = status.SerializeToString()
    context.set_trailing_metadata((("grpc-status-details-bin", details), ("x-request-id", "call_1")))
    context.abort(answer.code, answer.message)


@contextlib.contextmanager
def administered(admin: ScriptedAdmin, credentials: grpc.ServerCredentials | None = None) -> Iterator[str]:
    """Serve until the block is left, over TLS if there are credentials; yield the address."""
    server = grpc.server(ThreadPoolExecutor(4))
    handlers: Sequence[grpc.GenericRpcHandler[Message, Message]] = [*admin.handlers()]
    server.add_generic_rpc_handlers(handlers)
    listen = "127.0.0.1:0"
    port = server.add_secure_port(listen, credentials) if credentials else server.add_insecure_port(listen)
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(0).wait(10)
