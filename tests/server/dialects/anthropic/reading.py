"""How the tests of the dialect read: whole answers, and streams cut anywhere."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from llmgateway.fold import fold
from llmgateway.v1 import generation_pb2
from llmgateway_server.dialects.anthropic.codec import AnthropicCodec
from llmgateway_server.dialects.anthropic.quirks import Quirks
from llmgateway_server.dialects.codec import Decoded
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


def decode_chunks(chunks: Sequence[bytes], provider: str = "anthropic") -> Decoded:
    """Return what a stream decodes to, however its bytes come."""
    splitter, decoder = SseSplitter(LIMIT_BYTES), AnthropicCodec(provider, Quirks()).stream_decoder(REQUEST)
    decoded: Decoded = []
    for chunk in [*chunks, None]:
        for frame in splitter.close() if chunk is None else splitter.feed(chunk):
            if not decoder.ended:
                decoded += decoder.decode(frame)
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
