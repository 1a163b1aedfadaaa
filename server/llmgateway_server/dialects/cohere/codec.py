"""The dialect as one object, bound to a provider's name and quirks."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from llmgateway.v1 import embedding_pb2, generation_pb2, model_pb2, rerank_pb2

from llmgateway_server.dialects.codec import EncodedRequest, Framing
from llmgateway_server.dialects.cohere import decode_chat, embeddings, errors, models, rerank
from llmgateway_server.dialects.cohere.encode_chat import ChatEncoder
from llmgateway_server.dialects.cohere.options import NAME, OWN_MEMBERS
from llmgateway_server.dialects.cohere.quirks import Quirks
from llmgateway_server.dialects.cohere.stream_chat import ChatStreamDecoder
from llmgateway_server.dialects.options import merge_options
from llmgateway_server.errors import CallError


class CohereCodec:
    """`Codec` of Cohere's dialect, version 2. The base URL is the API's root: `https://api.cohere.com`."""

    name = NAME
    framing: Framing = "sse"

    def __init__(self, provider: str, quirks: Quirks) -> None:
        self._provider = provider
        self._quirks = quirks
        self._encoder = msgspec.json.Encoder()

    def encode_generate(self, request: generation_pb2.GenerateRequest, model: str, *, stream: bool) -> EncodedRequest:
        encoder = ChatEncoder(request, model, self._provider)
        body = encoder.body(stream=stream)
        merge_options(body, request.provider_options_json, NAME, OWN_MEMBERS)
        return EncodedRequest("POST", "/v2/chat", self._encoder.encode(body), encoder.warnings)

    def decode_generate(
        self,
        request: generation_pb2.GenerateRequest,  # noqa: ARG002  # the seam's: an answer here is read without it
        body: bytes,
    ) -> generation_pb2.GenerateResponse:
        return decode_chat.decode_generate(body, self._provider)

    def stream_decoder(
        self,
        request: generation_pb2.GenerateRequest,  # noqa: ARG002  # the seam's: an answer here is read without it
    ) -> ChatStreamDecoder:
        return ChatStreamDecoder(self._provider)

    def encode_embed(self, request: embedding_pb2.EmbedRequest, model: str) -> EncodedRequest:
        body = embeddings.encode_embed(request, model)
        merge_options(body, request.provider_options_json, NAME, OWN_MEMBERS)
        return EncodedRequest("POST", "/v2/embed", self._encoder.encode(body))

    def decode_embed(self, request: embedding_pb2.EmbedRequest, body: bytes) -> embedding_pb2.EmbedResponse:
        return embeddings.decode_embed(request, body, self._provider)

    def encode_rerank(self, request: rerank_pb2.RerankRequest, model: str) -> EncodedRequest:
        """Encode the question how well documents answer a query."""
        body = rerank.encode_rerank(request, model)
        merge_options(body, request.provider_options_json, NAME, OWN_MEMBERS)
        return EncodedRequest("POST", "/v2/rerank", self._encoder.encode(body))

    def decode_rerank(self, request: rerank_pb2.RerankRequest, body: bytes) -> rerank_pb2.RerankResponse:
        """Return the documents' relevance. Raise `ProviderBadResponse` where the answer makes no sense."""
        return rerank.decode_rerank(request, body, self._provider)

    def encode_list_models(self) -> EncodedRequest:
        return EncodedRequest("GET", "/v1/models?page_size=1000")

    def decode_list_models(self, body: bytes) -> list[model_pb2.Model]:
        return models.decode_list_models(body, self._provider)

    def decode_error(self, status: int, headers: Mapping[str, str], body: bytes) -> CallError:
        return errors.decode_error(self._provider, status, headers, body)
