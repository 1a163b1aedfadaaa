"""The list of models (Cohere's API reference, "List models", read 2026-11-25). One page holds them all."""

from __future__ import annotations

from llmgateway.v1 import model_pb2

from llmgateway_server.dialects.cohere.decode_chat import decode_object
from llmgateway_server.dialects.failures import bad_response
from llmgateway_server.dialects.reading import INT32_MAX, Json, items, mapping, text

Can = model_pb2.Model.Capability

ENDPOINTS: dict[str, Can.ValueType] = {
    "chat": model_pb2.Model.CAPABILITY_GENERATE,
    "embed": model_pb2.Model.CAPABILITY_EMBED,
    "rerank": model_pb2.Model.CAPABILITY_RERANK,
}
FEATURES: dict[str, Can.ValueType] = {
    "tools": model_pb2.Model.CAPABILITY_TOOLS,
    "json_schema": model_pb2.Model.CAPABILITY_JSON_SCHEMA,
    "reasoning": model_pb2.Model.CAPABILITY_REASONING,
}


def decode_list_models(body: bytes, provider: str) -> list[model_pb2.Model]:
    """Return the models, with what is told of each."""
    rows = decode_object(provider, body).get("models")
    if not isinstance(rows, list):
        raise bad_response(provider, "it holds no list of models")
    return [read_model(row) for row in map(mapping, rows) if text(row.get("name"))]


def read_model(row: Json) -> model_pb2.Model:
    """Read one model. Its capabilities are told only where its features are: half of them would read as all."""
    model = model_pb2.Model(id=text(row.get("name")))
    length = row.get("context_length")
    if isinstance(length, int | float) and 0 < length <= INT32_MAX:
        model.context_token_count = int(length)
    features = [text(feature) for feature in items(row.get("features"))]
    if features:
        endpoints = [text(endpoint) for endpoint in items(row.get("endpoints"))]
        model.capabilities.extend([ENDPOINTS[name] for name in endpoints if name in ENDPOINTS])
        model.capabilities.extend([FEATURES[name] for name in features if name in FEATURES])
    return model
