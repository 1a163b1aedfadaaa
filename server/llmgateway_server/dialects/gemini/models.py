"""How models are named in paths, what their generations differ in, and the list of models.

AI Studio: `GET /models`, https://ai.google.dev/api/models. Vertex AI: `publishers.models.list`. Read 2026-11-25.
"""

from __future__ import annotations

from urllib.parse import quote

from llmgateway.v1 import model_pb2

from llmgateway_server.dialects.failures import bad_response
from llmgateway_server.dialects.gemini.errors import decode_object
from llmgateway_server.dialects.gemini.quirks import Quirks
from llmgateway_server.dialects.reading import INT32_MAX, Json, items, mapping, text

LIST_PATH = "/models?pageSize=1000"
# Vertex AI lists what Google publishes under no project; a base URL with one has no such list.
VERTEX_LIST_PATH = "/publishers/google/models?pageSize=1000"
COLLECTIONS = ("models/", "tunedModels/")
VERTEX_COLLECTIONS = ("publishers/", "endpoints/")
# Generations before thought signatures were required, and without levels of thinking.
FIRST_GENERATIONS = ("gemini-1", "gemini-2")


def resource(model: str, quirks: Quirks) -> str:
    """Return a model's name as Google's paths have it, percent-encoded; a bare name is one of Google's own."""
    collections, own = (VERTEX_COLLECTIONS, "publishers/google/models/") if quirks.vertex else (COLLECTIONS, "models/")
    pieces = model.split("/")
    # A piece that is a step up, or none, would lead elsewhere: such a name is one of Google's own, and unknown to it.
    if model.startswith(collections) and not {"", ".", ".."} & set(pieces):
        return "/".join([quote(piece, safe="@") for piece in pieces])
    return own + quote(model, safe="@")


def model_path(model: str, method: str, quirks: Quirks) -> str:
    """Return the path of a method on a model."""
    return f"/{resource(model, quirks)}:{method}"


def bare_name(model: str) -> str:
    """Return a model's name without the collections that it lies in."""
    return model.rpartition("/")[2]


def needs_signature(model: str) -> bool:
    """Whether a model refuses calls in its history without a signature: Gemini 3 and what follows."""
    name = bare_name(model)
    return name.startswith("gemini-") and not name.startswith(FIRST_GENERATIONS)


def embeds_content(model: str) -> bool:
    """Whether Vertex AI embeds contents with a model, by `embedContent` and its batches, and not texts by `predict`.

    The rule is that of Google's own SDKs (googleapis/python-genai 3.6, `t_is_vertex_embed_content_model`).
    """
    name = bare_name(model)
    return "gemini" in name or "maas" in name


def thinks_by_budget(model: str) -> bool:
    """Whether how hard a model thinks is a number of tokens, not a level."""
    return bare_name(model).startswith(FIRST_GENERATIONS)


def decode_list_models(body: bytes, provider: str) -> list[model_pb2.Model]:
    """Return the models. What they can do is told too coarsely to be a list of capabilities."""
    raw = decode_object(provider, body)
    rows = raw.get("models", raw.get("publisherModels"))
    if rows is None and not raw.keys() - {"nextPageToken"}:
        rows = []  # Google leaves empty lists out
    if not isinstance(rows, list):
        raise bad_response(provider, "it holds no list of models")
    models = []
    for row in items(rows):
        model = read_model(mapping(row))
        if model.id:
            models.append(model)
    return models


def read_model(row: Json) -> model_pb2.Model:
    """Return one model."""
    name = text(row.get("name"))
    if not name.startswith("tunedModels/"):
        name = name.rpartition("models/")[2]
    return model_pb2.Model(
        id=name,
        context_token_count=limit(row.get("inputTokenLimit")),
        max_output_token_count=limit(row.get("outputTokenLimit")),
    )


def limit(value: object) -> int:
    """Return a limit, 0 where it is none."""
    return value if isinstance(value, int) and 0 < value <= INT32_MAX else 0
