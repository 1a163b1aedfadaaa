"""What a dialect is: a pure translation between the contract and one wire format. No I/O, no clock.

`upstream/` sends what a codec encodes and feeds it what comes back. A codec never sees a credential, a host
or a time-out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple, Protocol, runtime_checkable

import msgspec
from llmgateway.v1 import call_pb2, embedding_pb2, generation_pb2, model_pb2, rerank_pb2, stream_pb2

from llmgateway_server.errors import CallError


class EncodedRequest(msgspec.Struct, frozen=True):
    """What to send: `path` below the provider's base URL, with its query, and the JSON body (empty for GET).

    `headers` are those of the dialect itself, a version for example; never a credential.
    `warnings` say what the request asked for and the wire format cannot carry, where the request's
    `unsupported_policy` allows dropping it.
    """

    method: str
    path: str
    body: bytes = b""
    warnings: Sequence[call_pb2.Warning] = ()
    headers: Mapping[str, str] | None = None


class Frame(NamedTuple):
    """One frame of a stream: its name (empty if it has none) and its data.

    A server-sent event's `event:` and joined `data:` lines, a line of NDJSON, or an AWS event's `:event-type` (or
    `:exception-type`) and payload.
    """

    name: str
    data: bytes


Framing = Literal["sse", "ndjson", "aws"]


class DeltaKey(NamedTuple):
    """What a delta appends to. `field` is `text` or `arguments_json`."""

    candidate_index: int
    part_index: int
    field: Literal["text", "arguments_json"]


class Delta(NamedTuple):
    """A `part_delta` of text alone, before it is an event: most of a stream is such, and those that come together
    are joined before a message is made of them."""

    key: DeltaKey
    text: str


Decoded = list[stream_pb2.GenerationEvent | Delta]


class StreamDecoder(Protocol):
    """Turns the frames of one upstream stream into events of the contract. Single use.

    The events obey the grammar of `StreamGenerate`: `started` first, parts opened before their deltas and
    closed before their candidate, `finished` last. Sequence numbers are left 0: the pipeline counts.

    `decode` raises a `CallError` leaf for an error that the provider sends inside a stream, and
    `ProviderBadResponse` for a frame that makes no sense. `finish` is called once at the end of the bytes;
    it returns the events still owed, and raises `ProviderBadResponse` where the stream lacks its terminal.
    `ended` is true once the provider's own terminal has come: nothing after it is read.
    """

    ended: bool

    def decode(self, frame: Frame) -> Decoded: ...

    def finish(self) -> Decoded: ...


@runtime_checkable
class TokenCounter(Protocol):
    """What a codec has as well where its provider counts tokens."""

    def counts(self, model: str) -> bool:
        """Whether it does so for a model."""
        ...

    def encode_count_tokens(self, request: generation_pb2.GenerateRequest, model: str) -> EncodedRequest: ...

    def decode_count_tokens(self, body: bytes) -> int: ...


@runtime_checkable
class Reranker(Protocol):
    """What a codec has as well where its provider sorts documents."""

    def encode_rerank(self, request: rerank_pb2.RerankRequest, model: str) -> EncodedRequest: ...

    def decode_rerank(self, request: rerank_pb2.RerankRequest, body: bytes) -> rerank_pb2.RerankResponse: ...


@runtime_checkable
class Renamer(Protocol):
    """What a codec has as well where callers may name a model otherwise than its provider's list does."""

    def listed_name(self, model: str) -> str:
        """Return the name under which the list has a model; empty where lists do not hold such names."""
        ...


class Sibling(NamedTuple):
    """The codec of some models of a provider whose others speak another dialect: `serves` tells them by their names."""

    serves: Callable[[str], bool]
    codec: Codec


class Codec(Protocol):
    """One dialect, bound to one provider's quirks.

    `provider` is the name in the configuration, `model` the provider's own name of the model. Encoders
    raise `InvalidField` or `CapabilityMissing` before anything is sent. Decoders are tolerant readers; they
    raise `ProviderBadResponse` where nothing sensible is left, or a leaf for an error inside a 200.
    Decoded answers fill `CallInfo.{provider, model, provider_response_id, service_tier, provider_json}`;
    the rest of `CallInfo` is the pipeline's. `framing` says how a stream of the dialect is cut into frames.
    """

    name: str
    framing: Framing

    def encode_generate(
        self, request: generation_pb2.GenerateRequest, model: str, *, stream: bool
    ) -> EncodedRequest: ...

    def decode_generate(
        self, request: generation_pb2.GenerateRequest, body: bytes
    ) -> generation_pb2.GenerateResponse: ...

    def stream_decoder(self, request: generation_pb2.GenerateRequest) -> StreamDecoder: ...

    def encode_embed(self, request: embedding_pb2.EmbedRequest, model: str) -> EncodedRequest: ...

    def decode_embed(self, request: embedding_pb2.EmbedRequest, body: bytes) -> embedding_pb2.EmbedResponse: ...

    def encode_list_models(self) -> EncodedRequest: ...

    def decode_list_models(self, body: bytes) -> list[model_pb2.Model]: ...

    def decode_error(self, status: int, headers: Mapping[str, str], body: bytes) -> CallError:
        """Map a non-2xx answer to a leaf. Header names are lower case. Never raises."""
        ...
