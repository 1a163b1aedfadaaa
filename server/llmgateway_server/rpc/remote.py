"""What the REST shim alone must find out about the gateway behind its channel."""

from __future__ import annotations

import grpc
from grpc_health.v1 import health_pb2
from llmgateway.v1 import gateway_pb2_grpc, model_pb2

from llmgateway_server.rpc.methods import SERVICE

START_TIMEOUT_S = 10.0
HEALTH_TIMEOUT_S = 2.0


async def asks_for_no_key(channel: grpc.aio.Channel) -> bool:
    """Return whether the gateway serves callers without a key. Raise `OSError` where none answers."""
    stub = gateway_pb2_grpc.LLMGatewayStub(channel)
    try:
        await stub.ListModels(model_pb2.ListModelsRequest(page_size=1), timeout=START_TIMEOUT_S, wait_for_ready=True)
    except grpc.aio.AioRpcError as error:
        if error.code() == grpc.StatusCode.UNAUTHENTICATED:
            return False
        raise OSError(f"no gateway answers: {error.code().name}. Start one with `llmgateway serve`.") from error
    return True


async def is_serving(channel: grpc.aio.Channel) -> bool:
    """Return what the gateway's health says."""
    check = channel.unary_unary(
        "/grpc.health.v1.Health/Check",
        request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
        response_deserializer=health_pb2.HealthCheckResponse.FromString,
    )
    try:
        answer = await check(health_pb2.HealthCheckRequest(service=SERVICE), timeout=HEALTH_TIMEOUT_S)
    except grpc.aio.AioRpcError:
        return False
    serving: bool = answer.status == health_pb2.HealthCheckResponse.SERVING
    return serving
