"""The dialect as one object, bound to a provider's name and quirks."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from llmgateway.v1 import embedding_pb2, generation_pb2, model_pb2

from llmgateway_server.dialects.anthropic import decode, models
from llmgateway_server.dialects.anthropic.caller_options import merge_caller_options
from llmgateway_server.dialects.anthropic.encode import encode_body
from llmgateway_server.dialects.anthropic.hosts import HOSTS, Post, headers_of
from llmgateway_server.dialects.anthropic.options import GENERATION_MEMBERS, NAME
from llmgateway_server.dialects.anthropic.quirks import Quirks, quirks_by_model
from llmgateway_server.dialects.anthropic.target import Target
from llmgateway_server.dialects.codec import EncodedRequest, Framing, StreamDecoder
from llmgateway_server.dialects.failures import bad_response
from llmgateway_server.errors import CallError, CapabilityMissing


class AnthropicCodec:
    """`Codec` of the Anthropic dialect."""

    name = NAME

    def __init__(self, provider: str, quirks: Quirks) -> None:
        self._provider = provider
        self._quirks = quirks
        self._by_model = quirks_by_model(quirks)
        self._host = HOSTS[quirks.host]
        self.framing: Framing = self._host.framing
        self._encoder = msgspec.json.Encoder()

    def encode_generate(self, request: generation_pb2.GenerateRequest, model: str, *, stream: bool) -> EncodedRequest:
        target = Target(request, model, self._provider, self._quirks_of(model))
        body = encode_body(request, target, stream=stream)
        if request.provider_options_json:
            merge_caller_options(body, request.provider_options_json, target)
        return self._post(self._host.generation(body, target.betas), target)

    def decode_generate(
        self,
        request: generation_pb2.GenerateRequest,  # noqa: ARG002  # the seam's: the answer tells all
        body: bytes,
    ) -> generation_pb2.GenerateResponse:
        return decode.decode_generate(body, self._provider)

    def stream_decoder(
        self,
        request: generation_pb2.GenerateRequest,  # noqa: ARG002  # the seam's: the answer tells all
    ) -> StreamDecoder:
        return self._host.stream_decoder(self._provider)

    def counts(self, model: str) -> bool:  # noqa: ARG002  # for all alike
        return True

    def encode_count_tokens(self, request: generation_pb2.GenerateRequest, model: str) -> EncodedRequest:
        """Ask how many tokens a generation would read. What only its answer depends on is not sent."""
        target = Target(request, model, self._provider, self._quirks_of(model))
        body = encode_body(request, target, stream=False)
        if request.provider_options_json:
            merge_caller_options(body, request.provider_options_json, target)
        counted = {member: value for member, value in body.items() if member not in GENERATION_MEMBERS}
        return self._post(self._host.counting(counted, target.betas, body), target)

    def decode_count_tokens(self, body: bytes) -> int:
        """Return the count. Raise `ProviderBadResponse` where the answer holds none."""
        return decode.decode_count_tokens(body, self._provider, self._host.count_member)

    def encode_embed(
        self,
        request: embedding_pb2.EmbedRequest,  # noqa: ARG002  # the seam's: none is taken
        model: str,
    ) -> EncodedRequest:
        raise CapabilityMissing(
            f"{self._provider} makes no embeddings. Name a model of another provider.",
            metadata={"model": f"{self._provider}/{model}"[:200], "capability": "embed"},
        )

    def decode_embed(
        self,
        request: embedding_pb2.EmbedRequest,  # noqa: ARG002  # the seam's: none was sent
        body: bytes,  # noqa: ARG002  # the seam's: there is nothing in it
    ) -> embedding_pb2.EmbedResponse:
        raise bad_response(self._provider, "it makes no embeddings")

    def encode_list_models(self) -> EncodedRequest:
        return EncodedRequest("GET", "/v1/models?limit=1000", headers=headers_of(()))

    def decode_list_models(self, body: bytes) -> list[model_pb2.Model]:
        return models.decode_list_models(body, self._provider)

    def decode_error(self, status: int, headers: Mapping[str, str], body: bytes) -> CallError:
        return self._host.decode_error(self._provider, status, headers, body)

    def _quirks_of(self, model: str) -> Quirks:
        model = self._host.plain_name(model)
        for beginning, quirks in self._by_model:
            if model.startswith(beginning):
                return quirks
        return self._quirks

    def _post(self, post: Post, target: Target) -> EncodedRequest:
        return EncodedRequest("POST", post.path, self._encoder.encode(post.body), target.warnings, post.headers)
