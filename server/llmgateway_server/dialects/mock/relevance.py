"""How the mock sorts documents: by the share of the query's words that each holds. The same for the same input."""

from __future__ import annotations

import re

from llmgateway.v1 import rerank_pb2

WORD = re.compile(r"\w+")


def rerank_documents(request: rerank_pb2.RerankRequest) -> list[rerank_pb2.RerankResult]:
    """Return the documents' relevance, best first; of equals, the earlier one."""
    query = words(request.query)
    scores = [len(query & words(document)) / max(len(query), 1) for document in request.documents]
    order = sorted(range(len(scores)), key=lambda index: -scores[index])
    count = request.result_count if request.HasField("result_count") else len(order)
    return [rerank_pb2.RerankResult(index=index, score=scores[index]) for index in order[:count]]


def words(text: str) -> frozenset[str]:
    """Return the words of a text, whatever their case."""
    return frozenset(WORD.findall(text.lower()))
