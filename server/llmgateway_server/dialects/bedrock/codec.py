"""The dialect as one object, bound to a provider's name and quirks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote

import msgspec
from llmgateway.v1 import embedding_pb2, generation_pb2, model_pb2

from llmgateway_server.dialects.bedrock import decode_converse, embeddings, errors, models
from llmgateway_server.dialects.bedrock.encode_converse import ConverseEncoder
from llmgateway_server.dialects.bedrock.families import base_model, counts_tokens, family_of
from llmgateway_server.dialects.bedrock.options import COUNTED_MEMBERS, EMBED_OWN_MEMBERS, NAME, merge_converse_options
from llmgateway_server.dialects.bedrock.quirks import Quirks
from llmgateway_server.dialects.bedrock.stream_converse import ConverseStreamDecoder
from llmgateway_server.dialects.codec import EncodedRequest, Framing
from llmgateway_server.dialects.failures import bad_response
from llmgateway_server.dialects.options import merge_options
from llmgateway_server.dialects.reading import INT32_MAX
from llmgateway_server.errors import CallError

MODEL_ID = re.compile(r"[A-Za-z0-9_.:/-]+")


class BedrockCodec:
    """`Codec` of the Bedrock dialect. Paths are those of Bedrock Runtime, but for the list of models."""

    name = NAME
    framing: Framing = "aws"

    def __init__(self, provider: str, quirks: Quirks) -> None:
        self._provider = provider
        self._quirks = quirks
        self._encoder = msgspec.json.Encoder()

    def encode_generate(self, request: generation_pb2.GenerateRequest, model: str, *, stream: bool) -> EncodedRequest:
        encoder = ConverseEncoder(request, model, self._provider, family_of(model, self._quirks))
        body = encoder.body()
        merge_converse_options(body, request.provider_options_json)
        operation = "converse-stream" if stream else "converse"
        return EncodedRequest("POST", path(model, operation), self._encoder.encode(body), encoder.warnings)

    def decode_generate(
        self,
        request: generation_pb2.GenerateRequest,  # noqa: ARG002  # an answer says all that there is to know
        body: bytes,
    ) -> generation_pb2.GenerateResponse:
        return decode_converse.decode_generate(body, self._provider)

    def stream_decoder(
        self,
        request: generation_pb2.GenerateRequest,  # noqa: ARG002  # the same
    ) -> ConverseStreamDecoder:
        return ConverseStreamDecoder(self._provider)

    def counts(self, model: str) -> bool:
        return counts_tokens(base_model(model, self._quirks))

    def encode_count_tokens(self, request: generation_pb2.GenerateRequest, model: str) -> EncodedRequest:
        """Ask how many tokens a generation would read: of the model itself, not of a profile for several regions."""
        encoder = ConverseEncoder(request, model, self._provider, family_of(model, self._quirks))
        body = encoder.body()
        merge_converse_options(body, request.provider_options_json)
        asked = {"input": {"converse": {name: value for name, value in body.items() if name in COUNTED_MEMBERS}}}
        named = path(base_model(model, self._quirks), "count-tokens")
        return EncodedRequest("POST", named, self._encoder.encode(asked), encoder.warnings)

    def decode_count_tokens(self, body: bytes) -> int:
        """Return the count. Raise `ProviderBadResponse` where the answer holds none."""
        count = decode_converse.decode_object(self._provider, body).get("inputTokens")
        if type(count) is not int or not 0 <= count <= INT32_MAX:
            raise bad_response(self._provider, "it holds no count of tokens")
        return count

    def encode_embed(self, request: embedding_pb2.EmbedRequest, model: str) -> EncodedRequest:
        body = embeddings.EmbedEncoder(request, base_model(model, self._quirks), model, self._provider).body()
        merge_options(body, request.provider_options_json, NAME, EMBED_OWN_MEMBERS)
        return EncodedRequest("POST", path(model, "invoke"), self._encoder.encode(body))

    def decode_embed(self, request: embedding_pb2.EmbedRequest, body: bytes) -> embedding_pb2.EmbedResponse:
        return embeddings.decode_embed(request, body, self._provider)

    def encode_list_models(self) -> EncodedRequest:
        """Return what lists the models: at the control plane, `https://bedrock.REGION.amazonaws.com`."""
        return EncodedRequest("GET", "/foundation-models")

    def decode_list_models(self, body: bytes) -> list[model_pb2.Model]:
        return models.decode_list_models(body, self._provider)

    def listed_name(self, model: str) -> str:
        """Return the foundation model's id: the list holds no inference profiles and no ARNs."""
        return base_model(model, self._quirks)

    def decode_error(self, status: int, headers: Mapping[str, str], body: bytes) -> CallError:
        return errors.decode_error(self._provider, status, headers, body)


def path(model: str, operation: str) -> str:
    """Return the path of an operation: the model's id or ARN is one segment, encoded once."""
    if not MODEL_ID.fullmatch(model):
        return f"/model/{quote(model, safe='')}/{operation}"
    segment = model.replace(":", "%3A").replace("/", "%2F")  # a tenth of the time that quoting takes
    return f"/model/{segment}/{operation}"
