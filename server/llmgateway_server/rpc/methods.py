"""The RPCs of the contract: one row each, from which both the gRPC service and the in-process stub are made."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import Message
from llmgateway.v1 import (
    compare_pb2,
    count_tokens_pb2,
    embedding_pb2,
    explain_pb2,
    gateway_pb2,
    generation_pb2,
    model_pb2,
    rerank_pb2,
)

from llmgateway_server.call import Call
from llmgateway_server.pipeline import Pipeline

# Reading the name from the descriptor also registers it, so that reflection can show it.
SERVICE = gateway_pb2.DESCRIPTOR.services_by_name["LLMGateway"].full_name

# Requests and responses differ by row; each pair is checked where the rows are written, below.
UnaryHandler = Callable[[Call, Any], Awaitable[Any]]
StreamHandler = Callable[[Call, Any], AsyncGenerator[Any, None]]


@dataclass(frozen=True, slots=True)
class UnaryMethod:
    """An RPC that answers with one message."""

    name: str
    request_type: type[Message]
    handler: UnaryHandler


@dataclass(frozen=True, slots=True)
class StreamMethod:
    """An RPC that answers with a stream of messages."""

    name: str
    request_type: type[Message]
    handler: StreamHandler


Method = UnaryMethod | StreamMethod


def methods_of(pipeline: Pipeline) -> tuple[Method, ...]:
    """Return the table of RPCs."""
    return (
        UnaryMethod("Generate", generation_pb2.GenerateRequest, pipeline.generate),
        StreamMethod("StreamGenerate", generation_pb2.GenerateRequest, pipeline.stream_generate),
        StreamMethod("Compare", compare_pb2.CompareRequest, pipeline.compare),
        UnaryMethod("Embed", embedding_pb2.EmbedRequest, pipeline.embed),
        UnaryMethod("Rerank", rerank_pb2.RerankRequest, pipeline.rerank),
        UnaryMethod("CountTokens", count_tokens_pb2.CountTokensRequest, pipeline.count_tokens),
        UnaryMethod("ExplainRoute", explain_pb2.ExplainRouteRequest, pipeline.explain_route),
        UnaryMethod("GetModel", model_pb2.GetModelRequest, pipeline.get_model),
        UnaryMethod("ListModels", model_pb2.ListModelsRequest, pipeline.list_models),
    )
