"""The list of models (OpenAI's API reference, "List models", read 2026-11-25)."""

from __future__ import annotations

from llmgateway.v1 import model_pb2

from llmgateway_server.dialects.failures import bad_response
from llmgateway_server.dialects.reading import decode, items, mapping, text


def decode_list_models(body: bytes, provider: str) -> list[model_pb2.Model]:
    """Return the models; some servers send the list bare."""
    try:
        raw = decode(body)
    except ValueError as error:
        raise bad_response(provider, "the list of models is not JSON") from error
    rows = raw if isinstance(raw, list) else mapping(raw).get("data")
    if not isinstance(rows, list):
        raise bad_response(provider, "it holds no list of models")
    models = []
    for row in items(rows):
        model = model_pb2.Model(id=text(mapping(row).get("id")))
        created = mapping(row).get("created")
        if isinstance(created, int) and 0 < created < 2**40:
            model.create_time.seconds = created
        if model.id:
            models.append(model)
    return models
