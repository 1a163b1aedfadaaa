"""The dialect as one object, bound to a provider's name and quirks."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from llmgateway.v1 import embedding_pb2, generation_pb2, model_pb2

from llmgateway_server.dialects.codec import EncodedRequest, Framing
from llmgateway_server.dialects.gaps import Gaps, drops_gaps
from llmgateway_server.dialects.gemini import count_tokens, decode_generate, embeddings, errors, models
from llmgateway_server.dialects.gemini.encode_generate import encode_generate, tier_headers
from llmgateway_server.dialects.gemini.options import NAME
from llmgateway_server.dialects.gemini.quirks import Quirks
from llmgateway_server.dialects.gemini.stream_generate import GenerateStreamDecoder
from llmgateway_server.errors import CallError


class GeminiCodec:
    """`Codec` of the Gemini dialect."""

    name = NAME
    framing: Framing = "sse"

    def __init__(self, provider: str, quirks: Quirks) -> None:
        self._provider = provider
        self._quirks = quirks
        self._encoder = msgspec.json.Encoder()

    def encode_generate(self, request: generation_pb2.GenerateRequest, model: str, *, stream: bool) -> EncodedRequest:
        gaps = self._gaps_of(request, model)
        body = encode_generate(request, model, self._provider, self._quirks, gaps)
        method = "streamGenerateContent?alt=sse" if stream else "generateContent"
        path, headers = models.model_path(model, method, self._quirks), tier_headers(request, self._quirks)
        return EncodedRequest("POST", path, self._encoder.encode(body), gaps.warnings, headers)

    def decode_generate(
        self,
        request: generation_pb2.GenerateRequest,  # noqa: ARG002  # the seam's; this dialect needs nothing of it
        body: bytes,
    ) -> generation_pb2.GenerateResponse:
        return decode_generate.decode_generate(body, self._provider)

    def stream_decoder(
        self,
        request: generation_pb2.GenerateRequest,  # noqa: ARG002  # the seam's; this dialect needs nothing of it
    ) -> GenerateStreamDecoder:
        return GenerateStreamDecoder(self._provider)

    def counts(self, model: str) -> bool:  # noqa: ARG002  # for all alike
        return True

    def encode_count_tokens(self, request: generation_pb2.GenerateRequest, model: str) -> EncodedRequest:
        """Encode the question how many tokens a generation would read."""
        gaps = self._gaps_of(request, model)
        body = encode_generate(request, model, self._provider, self._quirks, gaps)
        counted = count_tokens.encode_count(body, model, self._quirks)
        path = models.model_path(model, "countTokens", self._quirks)
        return EncodedRequest("POST", path, self._encoder.encode(counted), gaps.warnings)

    def decode_count_tokens(self, body: bytes) -> int:
        """Return how many tokens it would read. Raise `ProviderBadResponse` where the answer does not say."""
        return count_tokens.decode_count(body, self._provider)

    def encode_embed(self, request: embedding_pb2.EmbedRequest, model: str) -> EncodedRequest:
        gaps = Gaps(self._provider, model, drops=False)
        body = embeddings.encode_embed(request, model, self._quirks, gaps)
        path = embeddings.embed_path(request, model, self._quirks)
        return EncodedRequest("POST", path, self._encoder.encode(body), gaps.warnings)

    def decode_embed(self, request: embedding_pb2.EmbedRequest, body: bytes) -> embedding_pb2.EmbedResponse:
        return embeddings.decode_embed(request, body, self._provider)

    def encode_list_models(self) -> EncodedRequest:
        return EncodedRequest("GET", models.VERTEX_LIST_PATH if self._quirks.vertex else models.LIST_PATH)

    def decode_list_models(self, body: bytes) -> list[model_pb2.Model]:
        return models.decode_list_models(body, self._provider)

    def decode_error(self, status: int, headers: Mapping[str, str], body: bytes) -> CallError:
        return errors.decode_error(self._provider, status, headers, body)

    def _gaps_of(self, request: generation_pb2.GenerateRequest, model: str) -> Gaps:
        return Gaps(self._provider, model, drops=drops_gaps(request))
