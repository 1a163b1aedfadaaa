"""The pieces of a message that whole answers and streams share: tool calls, images, who answered."""

from __future__ import annotations

import base64
import binascii
import zlib
from typing import Any

from llmgateway.v1 import call_pb2, generation_pb2, message_pb2

from llmgateway_server.dialects.ollama.options import NAME
from llmgateway_server.dialects.ollama.usage import USAGE_MEMBERS
from llmgateway_server.dialects.reading import Json, compact, items, mapping, number, rest, text

# Members that have a home in the contract, or are the frame of every answer.
ANSWER_MEMBERS = frozenset(
    {
        "model", "created_at", "message", "response", "thinking", "done", "done_reason", "logprobs", "error",
        *USAGE_MEMBERS,
    }
)  # fmt: skip
MESSAGE_MEMBERS = frozenset({"role", "content", "thinking", "tool_calls", "images"})
CALL_MEMBERS = frozenset({"id", "type", "function"})
FUNCTION_MEMBERS = frozenset({"name", "arguments", "index"})

# How files of each kind begin.
IMAGE_MAGIC = ((b"\xff\xd8\xff", "image/jpeg"), (b"GIF8", "image/gif"), (b"RIFF", "image/webp"))


def describe(call: call_pb2.CallInfo, provider: str, model: str, unknown: Json) -> None:
    """Fill in who answered. Ollama's answers have no id."""
    call.provider = provider
    call.model = model
    if unknown:
        call.provider_json = compact(unknown)


def call_part(request: generation_pb2.GenerateRequest, raw: Json, place: int) -> message_pb2.Part:
    """Return a tool call: it always comes whole, its arguments as an object."""
    function = mapping(raw.get("function"))
    part = message_pb2.Part()
    call = part.tool_call
    call.name = text(function.get("name"))
    call.arguments_json = arguments_text(function.get("arguments"))
    call.executor = message_pb2.ToolCall.EXECUTOR_CALLER
    call.id = text(raw.get("id")) or minted_id(request, call.name, call.arguments_json, place)
    if not (raw.keys() <= CALL_MEMBERS and function.keys() <= FUNCTION_MEMBERS):
        unknown = rest(raw, CALL_MEMBERS)
        inner = rest(function, FUNCTION_MEMBERS)
        if inner:
            unknown["function"] = inner
        if unknown:
            part.provider_json[NAME] = compact(unknown)
    return part


def arguments_text(arguments: Any) -> str:
    """Return arguments as JSON text; none are an empty object."""
    if isinstance(arguments, dict | list):
        return compact(arguments)
    return text(arguments) or "{}"


def minted_id(request: generation_pb2.GenerateRequest, name: str, arguments: str, place: int) -> str:
    """Return an id for a call that came without one: the same for the same answer, whole or streamed.

    The number of messages before it sets apart the equal calls of two turns.
    """
    digest = zlib.crc32(f"{name}\0{arguments}".encode())
    return f"call_{len(request.messages)}_{place}_{digest:08x}"


def image_part(raw: Any) -> message_pb2.Part | None:
    """Return an image that the model drew; none where it is not base64."""
    try:
        data = base64.b64decode(text(raw), validate=True)
    except (binascii.Error, ValueError):
        return None
    if not data:
        return None
    part = message_pb2.Part()
    part.media.mime_type = next((kind for magic, kind in IMAGE_MAGIC if data.startswith(magic)), "image/png")
    part.media.data = data
    return part


def read_logprobs(raw: Any) -> list[message_pb2.TokenLogprob]:
    """Return the log probabilities of the written tokens."""
    return [read_token(mapping(token)) for token in items(raw)]


def read_token(raw: Json) -> message_pb2.TokenLogprob:
    token = message_pb2.TokenLogprob(token=text(raw.get("token")), logprob=number(raw.get("logprob")))
    octets = raw.get("bytes")
    if isinstance(octets, list) and all(isinstance(octet, int) and 0 <= octet < 256 for octet in octets):
        token.utf8 = bytes(octets)
    for rival in items(raw.get("top_logprobs")):
        token.top_logprobs.append(read_token(mapping(rival)))
    return token
