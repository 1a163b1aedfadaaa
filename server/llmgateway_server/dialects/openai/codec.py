"""The dialect as one object, bound to a provider's name and quirks."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

import msgspec
from llmgateway.v1 import embedding_pb2, generation_pb2, model_pb2

from llmgateway_server.dialects.codec import EncodedRequest, Framing
from llmgateway_server.dialects.openai import decode_chat, embeddings, errors, models
from llmgateway_server.dialects.openai.completions import encode_completion
from llmgateway_server.dialects.openai.encode_chat import ChatEncoder
from llmgateway_server.dialects.openai.options import NAME, OWN_MEMBERS
from llmgateway_server.dialects.openai.quirks import Quirks
from llmgateway_server.dialects.openai.stream_chat import ChatStreamDecoder
from llmgateway_server.dialects.options import merge_options
from llmgateway_server.errors import CallError


class OpenAICodec:
    """`Codec` of the OpenAI dialect."""

    name = NAME
    framing: Framing = "sse"

    def __init__(self, provider: str, quirks: Quirks) -> None:
        self._provider = provider
        self._quirks = quirks
        self._own_members = OWN_MEMBERS - quirks.option_members
        self._encoder = msgspec.json.Encoder()

    def encode_generate(self, request: generation_pb2.GenerateRequest, model: str, *, stream: bool) -> EncodedRequest:
        encoder = ChatEncoder(request, model, self._provider, self._quirks)
        if request.HasField("raw_prompt"):
            operation, body = "/completions", encode_completion(request, model, encoder, stream=stream)
        else:
            operation, body = "/chat/completions", encoder.body(stream=stream)
        merge_options(body, request.provider_options_json, NAME, self._own_members)
        return EncodedRequest("POST", self._path(operation, model), self._encoder.encode(body), encoder.warnings)

    def decode_generate(self, request: generation_pb2.GenerateRequest, body: bytes) -> generation_pb2.GenerateResponse:
        return decode_chat.decode_generate(request, body, self._provider, self._quirks)

    def stream_decoder(self, request: generation_pb2.GenerateRequest) -> ChatStreamDecoder:
        return ChatStreamDecoder(request, self._provider, self._quirks)

    def encode_embed(self, request: embedding_pb2.EmbedRequest, model: str) -> EncodedRequest:
        body = embeddings.encode_embed(request, model, self._provider, self._quirks)
        merge_options(body, request.provider_options_json, NAME, self._own_members)
        return EncodedRequest("POST", self._path("/embeddings", model), self._encoder.encode(body))

    def decode_embed(self, request: embedding_pb2.EmbedRequest, body: bytes) -> embedding_pb2.EmbedResponse:
        return embeddings.decode_embed(request, body, self._provider, self._quirks)

    def encode_list_models(self) -> EncodedRequest:
        return EncodedRequest("GET", self._path("/models"))

    def decode_list_models(self, body: bytes) -> list[model_pb2.Model]:
        return models.decode_list_models(body, self._provider)

    def listed_name(self, model: str) -> str:
        """Return the name without the suffix that says how to route it, as OpenRouter and Hugging Face have them.

        Azure lists models, not deployments, whose names are anybody's.
        """
        if self._quirks.azure:
            return ""
        base, _, suffix = model.rpartition(":")
        return base if "/" in base and "/" not in suffix else model

    def decode_error(self, status: int, headers: Mapping[str, str], body: bytes) -> CallError:
        return errors.decode_error(self._provider, status, headers, body)

    def _path(self, operation: str, model: str = "") -> str:
        return azure_path(operation, model, self._quirks) if self._quirks.azure else operation


def azure_path(operation: str, model: str, quirks: Quirks) -> str:
    """Return a path of Azure OpenAI's (its reference, read 2026-11-25): a deployment and a date, or neither."""
    if not quirks.api_version:
        return f"/openai/v1{operation}"
    deployment = f"/deployments/{quote(quirks.deployments.get(model, model), safe='')}" if model else ""
    return f"/openai{deployment}{operation}?api-version={quote(quirks.api_version, safe='')}"
