"""Who serves Claude: Anthropic itself, Google's Vertex AI, or Amazon Bedrock. The messages are the same everywhere.

What differs are paths, where model and version stand, the frames of a stream, and the shape of errors. After "Claude on
Vertex AI" and "Claude on Amazon Bedrock" in Anthropic's documentation, InvokeModel, InvokeModelWithResponseStream and
CountTokens in the Bedrock Runtime API reference, and what Anthropic's own client sends (read 2026-11-25).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol
from urllib.parse import quote

import msgspec

from llmgateway_server.dialects.anthropic import errors
from llmgateway_server.dialects.anthropic.options import VERSION
from llmgateway_server.dialects.anthropic.stream import MessageStreamDecoder
from llmgateway_server.dialects.bedrock import errors as bedrock_errors
from llmgateway_server.dialects.bedrock.families import without_geography
from llmgateway_server.dialects.codec import Decoded, Frame, Framing, StreamDecoder
from llmgateway_server.dialects.failures import bad_response
from llmgateway_server.dialects.gemini import errors as google_errors
from llmgateway_server.dialects.reading import Json, decode, mapping
from llmgateway_server.errors import CallError

VERTEX_VERSION = "vertex-2023-10-16"
BEDROCK_VERSION = "bedrock-2023-05-31"
DELTA_START = b'{"type":"content_block_delta"'

encode = msgspec.json.Encoder().encode


class Post(NamedTuple):
    """What to send: a path below the base URL, the body, and headers."""

    path: str
    body: Json
    headers: Mapping[str, str] | None = None


class Host(Protocol):
    """One of them. Bodies come as Anthropic's own API takes them, and are the host's to change."""

    framing: Framing
    count_member: str
    """Where the answer to a count has it."""

    def plain_name(self, model: str) -> str:
        """Return a model's name as Anthropic has it, which tells what it takes."""
        ...

    def generation(self, body: Json, betas: Sequence[str]) -> Post: ...

    def counting(self, body: Json, betas: Sequence[str], whole: Json) -> Post:
        """Ask for a count. `whole` is the same request as a generation."""
        ...

    def stream_decoder(self, provider: str) -> StreamDecoder: ...

    def decode_error(self, provider: str, status: int, headers: Mapping[str, str], body: bytes) -> CallError: ...


class AnthropicHost:
    """Anthropic's own API."""

    framing: Framing = "sse"
    count_member = "input_tokens"

    def plain_name(self, model: str) -> str:
        return model

    def generation(self, body: Json, betas: Sequence[str]) -> Post:
        return Post("/v1/messages", body, headers_of(betas))

    def counting(self, body: Json, betas: Sequence[str], whole: Json) -> Post:  # noqa: ARG002  # it takes no generation
        return Post("/v1/messages/count_tokens", body, headers_of(betas))

    def stream_decoder(self, provider: str) -> StreamDecoder:
        return MessageStreamDecoder(provider)

    def decode_error(self, provider: str, status: int, headers: Mapping[str, str], body: bytes) -> CallError:
        return errors.decode_error(provider, status, headers, body)


class VertexHost:
    """Vertex AI: the base URL leads to a project's location."""

    framing: Framing = "sse"
    count_member = "input_tokens"

    def plain_name(self, model: str) -> str:
        return model

    def generation(self, body: Json, betas: Sequence[str]) -> Post:
        method = "streamRawPredict" if body.get("stream") else "rawPredict"
        path = f"/publishers/anthropic/models/{quote(body.pop('model'), safe='@')}:{method}"
        return Post(path, {"anthropic_version": VERTEX_VERSION, **body}, beta_headers(betas))

    def counting(self, body: Json, betas: Sequence[str], whole: Json) -> Post:  # noqa: ARG002  # it takes no generation
        path = "/publishers/anthropic/models/count-tokens:rawPredict"
        return Post(path, {"anthropic_version": VERTEX_VERSION, **body}, beta_headers(betas))

    def stream_decoder(self, provider: str) -> StreamDecoder:
        return MessageStreamDecoder(provider)

    def decode_error(self, provider: str, status: int, headers: Mapping[str, str], body: bytes) -> CallError:
        """Claude's errors have Anthropic's shape, those of the platform before it have Google's."""
        try:
            raw = mapping(decode(body)) if body else {}
        except ValueError:
            raw = {}
        if raw.get("type") == "error":
            return errors.decode_error(provider, status, headers, body)
        return google_errors.decode_error(provider, status, headers, body)


class BedrockHost:
    """Amazon Bedrock's InvokeModel, with the messages of Anthropic inside."""

    framing: Framing = "aws"
    count_member = "inputTokens"

    def plain_name(self, model: str) -> str:
        """`us.anthropic.claude-sonnet-4-5-20250929-v1:0` is `claude-sonnet-4-5-20250929-v1:0`."""
        return without_geography(model).removeprefix("anthropic.")

    def generation(self, body: Json, betas: Sequence[str]) -> Post:
        operation = "invoke-with-response-stream" if body.pop("stream", False) else "invoke"
        return Post(bedrock_path(body.pop("model"), operation), versioned(body, betas))

    def counting(self, body: Json, betas: Sequence[str], whole: Json) -> Post:  # noqa: ARG002  # it counts a generation
        # Of the model itself: a profile for several regions counts nothing.
        path = bedrock_path(without_geography(whole.pop("model")), "count-tokens")
        asked = base64.b64encode(encode(versioned(whole, betas))).decode()
        return Post(path, {"input": {"invokeModel": {"body": asked}}})

    def stream_decoder(self, provider: str) -> StreamDecoder:
        return ChunkDecoder(provider)

    def decode_error(self, provider: str, status: int, headers: Mapping[str, str], body: bytes) -> CallError:
        return bedrock_errors.decode_error(provider, status, headers, body)


class ChunkDecoder:
    """Unwraps Anthropic's events from the chunks of Bedrock."""

    def __init__(self, provider: str) -> None:
        self.ended = False
        self._provider = provider
        self._inner = MessageStreamDecoder(provider)

    def decode(self, frame: Frame) -> Decoded:
        """Return the events of one frame."""
        try:
            raw = mapping(decode(frame.data)) if frame.data else {}
        except ValueError as error:
            raise bad_response(self._provider, "an event is no JSON") from error
        if frame.name != "chunk":
            if bedrock_errors.is_exception(frame.name):
                raise bedrock_errors.stream_error(self._provider, frame.name, raw)
            return []
        try:
            data = base64.b64decode(str(raw.get("bytes", "")), validate=True)
        except binascii.Error as error:
            raise bad_response(self._provider, "a chunk is no base64") from error
        name = "content_block_delta" if data.startswith(DELTA_START) else ""
        decoded = self._inner.decode(Frame(name, data))
        self.ended = self._inner.ended
        return decoded

    def finish(self) -> Decoded:
        """Return the events still owed."""
        return self._inner.finish()


def headers_of(betas: Sequence[str]) -> Mapping[str, str]:
    """Return the headers of Anthropic's own API."""
    return {"anthropic-version": VERSION, **(beta_headers(betas) or {})}


def beta_headers(betas: Sequence[str]) -> Mapping[str, str] | None:
    """Return the header that asks for beta features, if any is used."""
    return {"anthropic-beta": ",".join(betas)} if betas else None


def versioned(body: Json, betas: Sequence[str]) -> Json:
    """Return a body as Bedrock takes it: version and beta features stand inside."""
    return {"anthropic_version": BEDROCK_VERSION, **({"anthropic_beta": list(betas)} if betas else {}), **body}


def bedrock_path(model: str, operation: str) -> str:
    """Return the path of an operation: the model's id or ARN is one segment."""
    return f"/model/{quote(model, safe='')}/{operation}"


HOSTS: Mapping[str, Host] = {"anthropic": AnthropicHost(), "vertex": VertexHost(), "bedrock": BedrockHost()}
