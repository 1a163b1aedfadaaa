"""Models as OpenAI's clients list them."""

from __future__ import annotations

from llmgateway.v1 import model_pb2

from llmgateway_http.openai.chat_response import Json

OWNER = "llmgateway"


def to_model(model: model_pb2.Model) -> Json:
    """Return one model. A route belongs to the gateway; 0 stands for an unknown date."""
    return {
        "id": model.id,
        "object": "model",
        "created": model.create_time.seconds,
        "owned_by": model.provider or OWNER,
    }
