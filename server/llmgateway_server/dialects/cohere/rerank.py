"""Reranking, both ways (Cohere's API reference, "Rerank", read 2026-11-25). It is billed by the search."""

from __future__ import annotations

from typing import Any

from llmgateway.v1 import rerank_pb2, usage_pb2

from llmgateway_server.dialects.cohere import parts
from llmgateway_server.dialects.cohere.decode_chat import decode_object
from llmgateway_server.dialects.failures import bad_response
from llmgateway_server.dialects.reading import INT32_MAX, Json, compact, items, mapping, number, rest, text

ANSWER_MEMBERS = frozenset({"id", "results", "meta"})


def encode_rerank(request: rerank_pb2.RerankRequest, model: str) -> Json:
    """Return the body, without the caller's own options."""
    body: Json = {"model": model, "query": request.query, "documents": list(request.documents)}
    if request.HasField("result_count"):
        body["top_n"] = request.result_count
    if request.HasField("max_document_token_count"):
        body["max_tokens_per_doc"] = request.max_document_token_count
    return body


def decode_rerank(request: rerank_pb2.RerankRequest, body: bytes, provider: str) -> rerank_pb2.RerankResponse:
    """Return the results. Raise `ProviderBadResponse` where one is of no document of the request."""
    raw = decode_object(provider, body)
    response = rerank_pb2.RerankResponse()
    parts.describe(response.call, provider, text(raw.get("id")), rest(raw, ANSWER_MEMBERS))
    if not isinstance(raw.get("results"), list):
        raise bad_response(provider, "it holds no results")
    for row in items(raw["results"]):
        place: Any = mapping(row).get("index")
        if not isinstance(place, int) or not 0 <= place < len(request.documents):
            raise bad_response(provider, "a result is of no document of the request")
        response.results.add(index=place, score=number(mapping(row).get("relevance_score")))
    read_searches(mapping(raw.get("meta")), response.usage)
    return response


def read_searches(meta: Json, usage: usage_pb2.Usage) -> None:
    """Fill in how many searches were billed, where the answer says so."""
    searches = mapping(meta.get("billed_units")).get("search_units")
    if not isinstance(searches, int | float) or isinstance(searches, bool) or not 0 <= searches <= INT32_MAX:
        return
    usage.search_unit_count = int(searches)
    usage.source = usage_pb2.Usage.SOURCE_PROVIDER
    usage.provider_json = compact(meta)
