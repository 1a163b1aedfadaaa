"""How the tests of the dialect read: whole answers, and streams cut anywhere."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from llmgateway.fold import fold
from llmgateway.v1 import generation_pb2
from llmgateway_server.dialects.anthropic.codec import AnthropicCodec
from llmgateway_server.dialects.anthropic.quirks import Quirks
from llmgateway_server.dialects.codec import Decoded, Frame
from llmgateway_server.upstream.join import join_deltas
from llmgateway_server.upstream.sse import SseSplitter

CODEC = AnthropicCodec("anthropic", Quirks())
REQUEST = generation_pb2.GenerateRequest()
LIMIT_BYTES = 1 << 24


def sse(*events: dict[str, Any], end: str = "\n") -> bytes:
    """Return events as Anthropic sends them."""
    return "".join(
        f"event: {event['type']}{end}data: {json.dumps(event, separators=(',', ':'))}{end}{end}" for event in events
    ).encode()


def split(*chunks: bytes) -> list[Frame]:
    """Return the frames of a stream, however its bytes come."""
    splitter = SseSplitter(LIMIT_BYTES)
    return [frame for chunk in chunks for frame in splitter.feed(chunk)] + splitter.close()


def decode_chunks(chunks: Sequence[bytes], provider: str = "anthropic") -> Decoded:
    """Return what a stream decodes to, however its bytes come."""
    decoder = AnthropicCodec(provider, Quirks()).stream_decoder(REQUEST)
    decoded: Decoded = []
    for frame in split(*chunks):
        decoded += decoder.decode(frame)
        if decoder.ended:
            break
    return decoded + decoder.finish()


def fold_chunks(*chunks: bytes) -> generation_pb2.GenerateResponse:
    """Return the whole of a stream."""
    return fold(join_deltas(decode_chunks(chunks)))


def fold_events(*events: dict[str, Any]) -> generation_pb2.GenerateResponse:
    """Return the whole of a stream's events."""
    return fold_chunks(sse(*events))


def decode_whole(message: dict[str, Any]) -> generation_pb2.GenerateResponse:
    """Return a whole answer, decoded."""
    return CODEC.decode_generate(REQUEST, json.dumps(message).encode())
