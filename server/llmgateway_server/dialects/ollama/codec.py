"""The dialect as one object, bound to a provider's name and quirks."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from llmgateway.v1 import embedding_pb2, generation_pb2, model_pb2

from llmgateway_server.dialects.codec import EncodedRequest, Framing
from llmgateway_server.dialects.ollama import decode_chat, embeddings, errors, models
from llmgateway_server.dialects.ollama.encode_chat import ChatEncoder
from llmgateway_server.dialects.ollama.options import NAME, merge_caller_options
from llmgateway_server.dialects.ollama.quirks import Quirks
from llmgateway_server.dialects.ollama.stream_chat import ChatStreamDecoder
from llmgateway_server.errors import CallError


class OllamaCodec:
    """`Codec` of Ollama's native dialect. The base URL is the server's root, for example `http://127.0.0.1:11434`."""

    name = NAME
    framing: Framing = "ndjson"

    def __init__(self, provider: str, quirks: Quirks) -> None:
        self._provider = provider
        self._quirks = quirks
        self._encoder = msgspec.json.Encoder()

    def encode_generate(self, request: generation_pb2.GenerateRequest, model: str, *, stream: bool) -> EncodedRequest:
        encoder = ChatEncoder(request, model, self._provider, self._quirks)
        if request.HasField("raw_prompt"):
            path, body = "/api/generate", encoder.raw_body(stream=stream)
        else:
            path, body = "/api/chat", encoder.body(stream=stream)
        merge_caller_options(body, request.provider_options_json)
        return EncodedRequest("POST", path, self._encoder.encode(body), encoder.warnings)

    def decode_generate(self, request: generation_pb2.GenerateRequest, body: bytes) -> generation_pb2.GenerateResponse:
        return decode_chat.decode_generate(request, body, self._provider)

    def stream_decoder(self, request: generation_pb2.GenerateRequest) -> ChatStreamDecoder:
        return ChatStreamDecoder(request, self._provider)

    def encode_embed(self, request: embedding_pb2.EmbedRequest, model: str) -> EncodedRequest:
        body = embeddings.encode_embed(request, model, self._provider)
        merge_caller_options(body, request.provider_options_json)
        return EncodedRequest("POST", "/api/embed", self._encoder.encode(body))

    def decode_embed(self, request: embedding_pb2.EmbedRequest, body: bytes) -> embedding_pb2.EmbedResponse:
        return embeddings.decode_embed(request, body, self._provider)

    def encode_list_models(self) -> EncodedRequest:
        return EncodedRequest("GET", "/api/tags")

    def decode_list_models(self, body: bytes) -> list[model_pb2.Model]:
        return models.decode_list_models(body, self._provider)

    def listed_name(self, model: str) -> str:
        """Return the name with its tag, which the list always has: without one, `latest` is meant."""
        return model if ":" in model.rpartition("/")[2] else f"{model}:latest"

    def decode_error(self, status: int, headers: Mapping[str, str], body: bytes) -> CallError:
        return errors.decode_error(self._provider, status, headers, body)
