"""The list of models: ListFoundationModels of Bedrock's control plane (API reference, read 2026-11-25).

Bedrock Runtime itself lists none.
"""

from __future__ import annotations

from typing import Any

from llmgateway.v1 import model_pb2

from llmgateway_server.dialects.bedrock.decode_converse import decode_object
from llmgateway_server.dialects.failures import bad_response
from llmgateway_server.dialects.reading import items, mapping, text

Model = model_pb2.Model
CAPABILITIES = {"text": Model.CAPABILITY_GENERATE, "embedding": Model.CAPABILITY_EMBED}


def decode_list_models(body: bytes, provider: str) -> list[Model]:
    """Return the foundation models."""
    rows = decode_object(provider, body).get("modelSummaries")
    if not isinstance(rows, list):
        raise bad_response(provider, "it holds no list of models")
    models = []
    for row in map(mapping, rows):
        outputs = modalities(row.get("outputModalities"))
        model = Model(
            id=text(row.get("modelId")),
            input_modalities=modalities(row.get("inputModalities")),
            output_modalities=[word for word in outputs if word != "embedding"],
            capabilities=[CAPABILITIES[word] for word in outputs if word in CAPABILITIES],
        )
        if model.id:
            models.append(model)
    return models


def modalities(given: Any) -> list[str]:
    """Return modalities in the contract's words."""
    return [text(word).lower() for word in items(given) if text(word)]
