"""Embeddings, both ways.

AI Studio: `batchEmbedContents`, whatever the number of inputs (https://ai.google.dev/api/embeddings). Vertex AI:
`predict` (https://docs.cloud.google.com/vertex-ai/generative-ai/docs/model-reference/text-embeddings-api); for Gemini's
models `embedContent` with one input and `batchEmbedContents` with several, as Google's own client does
(googleapis/python-genai 3.6). Read 2026-11-25.
"""

from __future__ import annotations

from typing import Any

from llmgateway.v1 import embedding_pb2

from llmgateway_server.dialects.failures import bad_response
from llmgateway_server.dialects.gaps import Gaps, invalid
from llmgateway_server.dialects.gemini.errors import decode_object
from llmgateway_server.dialects.gemini.media import encode_media
from llmgateway_server.dialects.gemini.models import embeds_content, model_path, resource
from llmgateway_server.dialects.gemini.options import merge_chosen, read_options
from llmgateway_server.dialects.gemini.quirks import Quirks
from llmgateway_server.dialects.gemini.usage import UsageReader
from llmgateway_server.dialects.reading import INT32_MAX, Json, compact, items, mapping, number, rest

Request = embedding_pb2.EmbedRequest
TASKS = {
    "query": "RETRIEVAL_QUERY",
    "document": "RETRIEVAL_DOCUMENT",
    "classification": "CLASSIFICATION",
    "clustering": "CLUSTERING",
    "similarity": "SEMANTIC_SIMILARITY",
}
FLOATS = (embedding_pb2.EMBEDDING_ENCODING_UNSPECIFIED, embedding_pb2.EMBEDDING_ENCODING_FLOAT32)
RESPONSE_MEMBERS = frozenset({"embedding", "embeddings", "predictions", "usageMetadata", "truncated"})


def embed_path(request: Request, model: str, quirks: Quirks) -> str:
    """Return the path of the method that embeds with a model."""
    method = "batchEmbedContents"
    if quirks.vertex and not embeds_content(model):
        method = "predict"
    elif quirks.vertex and len(request.inputs) == 1:
        method = "embedContent"
    return model_path(model, method, quirks)


def encode_embed(request: Request, model: str, quirks: Quirks, gaps: Gaps) -> Json:
    """Return the body. What Google does not take is refused: a vector of another kind serves nobody."""
    if request.encoding not in FLOATS:
        raise gaps.refuse("encoding", "Leave it out for floats.")
    chosen = read_options(request.provider_options_json)
    if quirks.vertex:
        takes_content = embeds_content(model)
        return (
            encode_content(request, model, chosen, quirks, gaps) if takes_content else encode_predict(request, chosen)
        )
    if request.HasField("truncate"):
        raise gaps.refuse("truncate", "Leave it out.")
    requests = encode_inputs(request, quirks, gaps)
    for entry in requests:
        entry["model"] = resource(model, quirks)
        merge_chosen(entry, chosen)
    return {"requests": requests}


def encode_inputs(request: Request, quirks: Quirks, gaps: Gaps) -> list[Json]:
    """Return what to embed, each with what it is for."""
    wanted: Json = {}
    if request.input_type:
        wanted["taskType"] = TASKS.get(request.input_type, request.input_type)
    if request.HasField("dimension_count"):
        wanted["outputDimensionality"] = request.dimension_count
    if request.HasField("truncate"):
        wanted["autoTruncate"] = request.truncate
    requests = []
    for place, item in enumerate(request.inputs):
        kind = item.WhichOneof("input")
        if kind == "token_ids":
            raise invalid(f"inputs[{place}].token_ids", "are not taken by the gemini dialect: send text")
        part = {"text": item.text} if kind == "text" else encode_media(f"inputs[{place}]", item.media, quirks, gaps)
        entry: Json = {"content": {"parts": [part]}}
        chosen = {"embedContentConfig": dict(wanted)} if quirks.vertex and wanted else wanted
        requests.append({**entry, **chosen})
    return requests


def encode_content(request: Request, model: str, chosen: Json, quirks: Quirks, gaps: Gaps) -> Json:
    """Return the body for Gemini's models on Vertex AI: that of one input, or a list of them."""
    requests = encode_inputs(request, quirks, gaps)
    if len(requests) > 1 and "maas" in model:
        raise invalid("inputs", f"must hold one input for {model}, not {len(requests)}: send a request for each")
    for entry in requests:
        merge_chosen(entry, chosen)
    return requests[0] if len(requests) == 1 else {"requests": requests}


def encode_predict(request: Request, chosen: Json) -> Json:
    """Return the body for Vertex AI, which takes texts only."""
    instances = []
    for place, item in enumerate(request.inputs):
        kind = item.WhichOneof("input")
        if kind != "text":
            raise invalid(f"inputs[{place}].{kind}", "is not taken by Vertex AI here: send text")
        instance: Json = {"content": item.text}
        if request.input_type:
            instance["task_type"] = TASKS.get(request.input_type, request.input_type)
        instances.append(instance)
    body: Json = {"instances": instances}
    parameters: Json = {}
    if request.HasField("dimension_count"):
        parameters["outputDimensionality"] = request.dimension_count
    if request.HasField("truncate"):
        parameters["autoTruncate"] = request.truncate
    if parameters:
        body["parameters"] = parameters
    merge_chosen(body, chosen)
    return body


def decode_embed(request: Request, body: bytes, provider: str) -> embedding_pb2.EmbedResponse:
    """Return the vectors in the order of the inputs. Raise `ProviderBadResponse` where one is missing."""
    raw = decode_object(provider, body)
    predictions = [mapping(mapping(row).get("embeddings")) for row in items(raw.get("predictions"))]
    rows = predictions or [mapping(row) for row in items(raw.get("embeddings"))]
    if isinstance(raw.get("embedding"), dict):
        rows = [raw["embedding"]]
    if len(rows) != len(request.inputs):
        raise bad_response(provider, f"it holds {len(rows)} vectors for {len(request.inputs)} inputs")
    response = embedding_pb2.EmbedResponse()
    response.call.provider = provider
    unknown = rest(raw, RESPONSE_MEMBERS)
    if unknown:
        response.call.provider_json = compact(unknown)
    for place, row in enumerate(rows):
        if raw.get("truncated") is True or mapping(row.get("statistics")).get("truncated") is True:
            response.call.warnings.add(field=f"inputs[{place}]", description="It was too long, and was cut.")
        try:
            response.embeddings.add().values.extend(vector(row))
        except (ValueError, TypeError, OverflowError) as error:
            raise bad_response(provider, "a vector is none") from error
    usage = mapping(raw.get("usageMetadata")) or counted(rows)
    if usage:
        reader = UsageReader()
        reader.read(usage, response.usage)
        response.call.warnings.extend(reader.warnings)
    return response


def vector(row: Json) -> list[Any]:  # Any: numbers, if protobuf takes them
    """Return the numbers of a vector. Raise `TypeError` where there are none."""
    values = row.get("values")
    if not isinstance(values, list):
        raise TypeError("a vector is a list")
    return values


def counted(rows: list[Json]) -> Json:
    """Return the tokens that Vertex AI counts for each input, added up; nothing where it does not count."""
    counts = [number(mapping(row.get("statistics")).get("token_count")) for row in rows]
    whole = sum(counts)
    return {"promptTokenCount": int(whole)} if 0 < whole <= INT32_MAX else {}
