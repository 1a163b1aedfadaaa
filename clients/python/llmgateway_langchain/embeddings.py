"""The embeddings: LangChain's interface over the gateway's client."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from langchain_core.embeddings import Embeddings
from llmgateway.v1 import embedding_pb2
from pydantic import Field

from llmgateway_langchain.connection import Connection
from llmgateway_langchain.retrying import Retries

# The most that a call holds by the contract; providers may take fewer.
MAX_INPUT_COUNT = 2_048


class LLMGatewayEmbeddings(Connection, Embeddings):
    """Any embedding model or route of a gateway.

        embeddings = LLMGatewayEmbeddings(model="openai/text-embedding-3-small")
        embeddings.embed_query("Hello")

    A failed call raises the client's `GatewayError`, which is LangChain's `ModelError` for the same at once.
    """

    model: str
    """`provider/model`, or the name of a route."""
    dimensions: int | None = None
    """The length of each vector; else the model's own."""
    query_input_type: str = ""
    """What tells the model that a text is a query, for example `query`; models without such a choice refuse it."""
    document_input_type: str = ""
    """What tells the model that a text is a document, for example `document`."""
    truncate: bool | None = None
    """Whether the provider may cut texts that are too long; else as the provider does."""
    batch_size: int = Field(default=96, ge=1, le=MAX_INPUT_COUNT)
    """The most texts in one call. The default is what the strictest of the usual providers takes."""
    labels: Mapping[str, str] | None = None
    """Labels for routing rules and usage reports."""
    provider_options_json: Mapping[str, Any] | None = None
    """By dialect, a JSON object that is merged into the provider's request, as text or as a value."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Return a vector for each text, in order."""
        vectors: list[list[float]] = []
        for request in self._requests(texts, self.document_input_type):
            vectors.extend(self._embed(request))
        return vectors

    def embed_query(self, text: str) -> list[float]:
        """Return the vector of a query."""
        (request,) = self._requests([text], self.query_input_type)
        return self._embed(request)[0]

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        """Return a vector for each text, in order."""
        vectors: list[list[float]] = []
        for request in self._requests(texts, self.document_input_type):
            vectors.extend(await self._aembed(request))
        return vectors

    async def aembed_query(self, text: str) -> list[float]:
        """Return the vector of a query."""
        (request,) = self._requests([text], self.query_input_type)
        return (await self._aembed(request))[0]

    def _embed(self, request: embedding_pb2.EmbedRequest) -> list[list[float]]:
        retries = Retries(self.max_retries)
        return vectors_of(retries.call(lambda: self._blocking.embed(request, timeout_s=self.timeout)))

    async def _aembed(self, request: embedding_pb2.EmbedRequest) -> list[list[float]]:
        retries = Retries(self.max_retries)
        return vectors_of(await retries.acall(lambda: self._running.embed(request, timeout_s=self.timeout)))

    def _requests(self, texts: Sequence[str], input_type: str) -> Iterator[embedding_pb2.EmbedRequest]:
        """Yield a request for each batch."""
        for start in range(0, len(texts), self.batch_size):
            request = embedding_pb2.EmbedRequest(model=self.model, input_type=input_type, labels=self.labels)
            for text in texts[start : start + self.batch_size]:
                request.inputs.add().text = text
            if self.dimensions is not None:
                request.dimension_count = self.dimensions
            if self.truncate is not None:
                request.truncate = self.truncate
            for dialect, value in (self.provider_options_json or {}).items():
                request.provider_options_json[dialect] = value if isinstance(value, str) else json.dumps(value)
            yield request


def vectors_of(response: embedding_pb2.EmbedResponse) -> list[list[float]]:
    """Return the vectors as lists."""
    return [list(embedding.values) for embedding in response.embeddings]
